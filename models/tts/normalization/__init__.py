"""Text normalization: written text → text for the ear."""

from duplex.models.tts.normalization.spoken_text import SpokenText, normalized, with_original_marks

__all__ = ["SpokenText", "normalized", "with_original_marks"]
