"""Speech to words: streaming recognizers behind one contract."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from duplex.models.asr.contract import Hypothesis, Recognizer, Word
from duplex.streaming.errors import ModelError

__all__ = ["Hypothesis", "Recognizer", "Word", "load_recognizer", "load_spotter"]

log = logging.getLogger(__name__)

MOONSHINE = {"moonshine-tiny": "moonshine-tiny-en", "moonshine-base": "moonshine-base-en"}
"""Names of the setting to names of the catalog of models."""


def load_recognizer(
    name: str = "auto",
    *,
    language: str | None = None,
    hotwords: str = "",
    live: bool = True,
    model: str = "",
    **settings: Any,
) -> Recognizer[Any]:
    """A recognizer by name.

    name: "auto": for English Moonshine tiny, pulled at first use, else pocketsphinx; where Moonshine cannot be had,
        pocketsphinx, and one line in the log says why. "moonshine-tiny", "moonshine-base", a folder with their files.
        "pocketsphinx" (bundled, US English). A recognizer of `duplex models list`, such as "whisper-small", or the
        Hugging Face id or folder of a model of the Whisper or the CTC kind.
        The address (".../v1") of an OpenAI-compatible transcription server, asked for `model`.
    hotwords: words and phrases to prefer, separated by commas; recognizers that cannot do so say it in the log.
    live: hypotheses are wanted while somebody speaks; without them Moonshine decodes an utterance once, at its end.
    settings: of `Moonshine`, of `PocketSphinx`, or of `transformers_asr.load`.

    Raises ModelError if it cannot be had, SettingsError for a setting that it does not have.
    """
    if name.startswith(("http://", "https://")):
        from duplex.models.asr.openai_server import OpenAITranscription

        return OpenAITranscription(name, model, language=language, hotwords=hotwords, live=live, **settings)
    if name == "auto":
        return _best(language, hotwords, {"live": live, **settings})
    name = _from_store(name)
    if name in MOONSHINE or _holds_moonshine(name):
        return _moonshine(name, language, hotwords, {"live": live, **settings})
    if hotwords:
        log.warning("%s cannot prefer hotwords: they are not used", name)
    if name == "pocketsphinx":
        return _pocketsphinx(language, settings)
    from duplex.models.asr.transformers_asr import load

    return load(name, language=language, **settings)


def load_spotter(language: str = "en") -> Recognizer[Any] | None:
    """What hears short commands over a reply; None for a language whose commands it does not know.

    Raises ModelError if it cannot be had.
    """
    from duplex.models.asr.keyword_spotter import KeywordSpotter

    known = language.partition("-")[0].lower() in KeywordSpotter.languages
    return KeywordSpotter() if known else None


def _best(language: str | None, hotwords: str, settings: dict[str, Any]) -> Recognizer[Any]:
    try:
        return _moonshine("moonshine-tiny", language, hotwords, settings)
    except ModelError as error:
        if not _english(language):
            raise ModelError(
                f"no recognizer for {language!r} is included: choose a multilingual model such as openai/whisper-small"
            ) from None
        log.warning("the better recognizer cannot be had (%s): pocketsphinx listens instead", error)
    return _pocketsphinx(language, {})


def _moonshine(name: str, language: str | None, hotwords: str, settings: dict[str, Any]) -> Recognizer[Any]:
    from duplex.models.asr.moonshine import Moonshine
    from duplex.models.store import fetch

    if not _english(language):
        raise ModelError(
            f"{name} hears only English, not {language!r}: choose a multilingual model such as openai/whisper-small"
        )
    folder = fetch(MOONSHINE[name]) if name in MOONSHINE else Path(name).expanduser()
    return Moonshine(folder, name, hotwords=hotwords, **settings)


def _pocketsphinx(language: str | None, settings: dict[str, Any]) -> Recognizer[Any]:
    from duplex.models.asr.sphinx import PocketSphinx

    if not _english(language):
        raise ModelError(
            f"pocketsphinx hears only English, not {language!r}: "
            "choose a multilingual model such as openai/whisper-small"
        )
    return PocketSphinx(**settings)


def _from_store(name: str) -> str:
    """A recognizer of the model store as its folder, which is pulled if need be; any other name as it is."""
    from duplex.models.store import catalog, fetch, lookup

    if name not in catalog():
        return name
    lookup(name, "asr")
    setting = next((short for short, full in MOONSHINE.items() if full == name), None)
    return setting or str(fetch(name))


def _english(language: str | None) -> bool:
    return not language or language.partition("-")[0].lower() == "en"


def _holds_moonshine(name: str) -> bool:
    from duplex.models.asr.moonshine import is_moonshine

    return is_moonshine(Path(name).expanduser())
