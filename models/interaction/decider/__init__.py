"""Deciders: every block, whether the assistant speaks, stays silent, or gives way."""
