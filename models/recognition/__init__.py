"""Speech to words: streaming recognisers behind one contract."""

from __future__ import annotations

from typing import Any

from models.recognition.contract import Hypothesis, Recogniser, Word

__all__ = ["Hypothesis", "Recogniser", "Word", "load_recogniser"]


def load_recogniser(name: str = "pocketsphinx", **settings: Any) -> Recogniser[Any]:
    """A recogniser by name: "pocketsphinx" (bundled, US English), or the Hugging Face id or folder of a model of the
    Whisper or the CTC kind.

    settings: of `PocketSphinx`, or of `transformers_asr.load`: device, dtype, interval, window, agree, language, task.
    Raises ModelError if it cannot be had, SettingsError for a setting that it does not have.
    """
    if name == "pocketsphinx":
        from models.recognition.sphinx import PocketSphinx

        return PocketSphinx(**settings)
    from models.recognition.transformers_asr import load

    return load(name, **settings)
