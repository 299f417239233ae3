"""Audio files: one reader and one writer, used by every command."""
