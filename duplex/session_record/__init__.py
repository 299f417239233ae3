"""A session on disk: the event log and what is made from it."""
