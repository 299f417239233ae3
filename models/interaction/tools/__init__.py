"""Tools: what the assistant can do besides speaking, as functions with JSON schemas."""
