"""Speech to words: streaming recognizers behind one contract."""

from __future__ import annotations

from typing import Any

from duplex.models.asr.contract import Hypothesis, Recognizer, Word
from duplex.streaming.errors import ModelError

__all__ = ["Hypothesis", "Recognizer", "Word", "load_recognizer", "load_spotter"]


def load_recognizer(name: str = "pocketsphinx", **settings: Any) -> Recognizer[Any]:
    """A recognizer by name: "pocketsphinx" (bundled, US English), or the Hugging Face id or folder of a model of the
    Whisper or the CTC kind.

    settings: of `PocketSphinx`, or of `transformers_asr.load`: device, dtype, interval, window, agree, language, task.
    Raises ModelError if it cannot be had, SettingsError for a setting that it does not have.
    """
    if name == "pocketsphinx":
        from duplex.models.asr.sphinx import PocketSphinx

        language = settings.pop("language", None)
        if language and language.partition("-")[0].lower() not in PocketSphinx.languages:
            raise ModelError(
                f"pocketsphinx hears only English, not {language!r}: "
                "choose a multilingual model such as openai/whisper-small"
            )
        return PocketSphinx(**settings)
    from duplex.models.asr.transformers_asr import load

    return load(name, **settings)


def load_spotter(language: str = "en") -> Recognizer[Any] | None:
    """What hears short commands over a reply; None for a language whose commands it does not know.

    Raises ModelError if it cannot be had.
    """
    from duplex.models.asr.keyword_spotter import KeywordSpotter

    known = language.partition("-")[0].lower() in KeywordSpotter.languages
    return KeywordSpotter() if known else None
