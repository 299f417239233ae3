"""Adapters (LoRA) on language models: the second candidate for the bundled mind, and users' own."""
