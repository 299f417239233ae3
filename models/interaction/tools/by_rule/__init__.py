"""Tools that nobody wrote rules for, called without a language model: by their names, descriptions and schemas."""
