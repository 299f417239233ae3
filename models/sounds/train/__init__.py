"""Training and scoring of the sound tagger."""
