"""Training of Duplex-nano: texts, simulated sessions, the training itself."""
