"""Training and scoring of the restoration networks."""
