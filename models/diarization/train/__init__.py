"""Training and scoring of the diarization network."""
