"""Training of the bundled translator: corpus, noise, training, evaluation."""
