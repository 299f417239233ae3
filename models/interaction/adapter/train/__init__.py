"""Trains an adapter that decides, calls tools and answers."""
