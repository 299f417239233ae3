"""Moonshine: English speech to cased, punctuated words, in ONNX Runtime, without its own library."""

from duplex.models.asr.moonshine.recognizer import Moonshine
from duplex.models.asr.moonshine.windows import is_moonshine

__all__ = ["Moonshine", "is_moonshine"]
