"""Duplex."""
