"""Loudness and quality figures of recordings."""
