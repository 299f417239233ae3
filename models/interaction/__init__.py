"""What answers: built-in skills, a model server, a local language model; each streams text."""
