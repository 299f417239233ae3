"""What the commands do to recordings, as functions."""
