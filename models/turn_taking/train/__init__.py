"""Training of the turn-taking models."""
