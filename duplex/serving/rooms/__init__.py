"""Rooms: the people of a call, what each hears, and what is recorded."""
