"""Text normalization: written text → text for the ear."""

from duplex.models.tts.normalization.front_end import NormalizingSynthesizer
from duplex.models.tts.normalization.spoken_text import SpokenText, normalized, with_original_marks

__all__ = ["NormalizingSynthesizer", "SpokenText", "normalized", "with_original_marks"]
