"""Captions: what is said, sentence by sentence, in the languages of those who listen."""
