"""Speech to words: streaming recognizers behind one contract."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from duplex.models.asr.contract import Hypothesis, Recognizer, Word
from duplex.streaming.errors import ModelError, SettingsError

__all__ = ["Hypothesis", "Recognizer", "Word", "hears_whole", "load_recognizer", "load_spotter"]

log = logging.getLogger(__name__)

MOONSHINE = {"moonshine-tiny": "moonshine-tiny-en", "moonshine-base": "moonshine-base-en"}
"""Names of the setting to names of the catalog of models."""

ROOM_FOR_SECOND = 3 << 30
"""Bytes of free memory: the larger Moonshine takes 0.9 GB."""


def load_recognizer(
    name: str = "auto",
    *,
    language: str | None = None,
    hotwords: str = "",
    live: bool = True,
    second_pass: str = "off",
    model: str = "",
    policy: str = "",
    **settings: Any,
) -> Recognizer[Any]:
    """A recognizer by name.

    name: "auto": for English Moonshine tiny, pulled at first use, else pocketsphinx; where Moonshine cannot be had,
        pocketsphinx, and one line in the log says why. "moonshine-tiny", "moonshine-base", a folder with their files.
        "pocketsphinx" (bundled, US English). A recognizer of `duplex models list`, such as "whisper-small", or the
        Hugging Face id or folder of a model of the Whisper or the CTC kind.
        "faster-whisper:base", or any size, id or folder after the colon (extra `whisper`).
        The address (".../v1") of an OpenAI-compatible transcription server, asked for `model`.
    hotwords: words and phrases to prefer, separated by commas; recognizers that cannot do so say it in the log.
    live: hypotheses are wanted while somebody speaks; without them Moonshine decodes an utterance once, at its end.
    second_pass: whether the larger Moonshine goes over what the smaller one heard, where hypotheses are not wanted on
        the way: "on", "off", or "auto": if it has been pulled and the machine has the memory.
    policy: what makes a word stable: "local_agreement", which all have and which "" means, or "align_att"
        (see `transformers_asr.SpeechSeq2Seq`).
    settings: of `Moonshine`, of `PocketSphinx`, or of `transformers_asr.load`.

    Raises ModelError if it cannot be had, SettingsError for a setting that it does not have.
    """
    if name.startswith(("http://", "https://")):
        _check_policy(name, policy)
        from duplex.models.asr.openai_server import OpenAITranscription

        return OpenAITranscription(name, model, language=language, hotwords=hotwords, live=live, **settings)
    wanted = {"hotwords": hotwords, "live": live, **settings}
    kind, _, size = name.partition(":")
    if kind == "faster-whisper":
        _check_policy(name, policy)
        from duplex.models.asr.faster_whisper import FasterWhisper

        return FasterWhisper(size, language=language, **wanted)
    second = "off" if live else second_pass
    if name == "auto":
        _check_policy(name, policy)
        return _best(language, second, wanted)
    name = _from_store(name)
    if name in MOONSHINE or _holds_moonshine(name):
        _check_policy(name, policy)
        return _moonshine(name, language, second, wanted)
    if hotwords:
        log.warning("%s cannot prefer hotwords: they are not used", name)
    if name == "pocketsphinx":
        _check_policy(name, policy)
        return _pocketsphinx(language, settings)
    from duplex.models.asr.transformers_asr import load

    return load(name, language=language, policy=policy, **settings)


def hears_whole(name: str) -> bool:
    """Whether a recognizer of that name hears otherwise without `live`; one that does not can be shared."""
    own = name == "auto" or name.startswith(("http://", "https://", "faster-whisper"))
    return own or "moonshine" in name or _holds_moonshine(name)


def load_spotter(language: str = "en") -> Recognizer[Any] | None:
    """What hears short commands over a reply; None for a language whose commands it does not know.

    Raises ModelError if it cannot be had.
    """
    from duplex.models.asr.keyword_spotter import KeywordSpotter

    known = language.partition("-")[0].lower() in KeywordSpotter.languages
    return KeywordSpotter() if known else None


def _best(language: str | None, second_pass: str, settings: dict[str, Any]) -> Recognizer[Any]:
    try:
        return _moonshine("moonshine-tiny", language, second_pass, settings)
    except ModelError as error:
        if not _english(language):
            raise ModelError(
                f"no recognizer for {language!r} is included: choose a multilingual model such as openai/whisper-small"
            ) from None
        log.warning("the better recognizer cannot be had (%s): pocketsphinx listens instead", error)
    return _pocketsphinx(language, {})


def _moonshine(name: str, language: str | None, second_pass: str, settings: dict[str, Any]) -> Recognizer[Any]:
    from duplex.models.asr.moonshine import Moonshine
    from duplex.models.store import fetch

    if not _english(language):
        raise ModelError(
            f"{name} hears only English, not {language!r}: choose a multilingual model such as openai/whisper-small"
        )
    folder = fetch(MOONSHINE[name]) if name in MOONSHINE else Path(name).expanduser()
    second = None if name == "moonshine-base" else _second(second_pass)
    return Moonshine(folder, name, second=second, **settings)


def _second(second_pass: str) -> Path | None:
    from duplex.models.store import fetch, find

    larger = MOONSHINE["moonshine-base"]
    if second_pass == "on":
        return fetch(larger)
    return find(larger) if second_pass == "auto" and _free_memory() > ROOM_FOR_SECOND else None


def _free_memory() -> int:
    """Bytes that may be used at once; 0 where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


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


def _check_policy(name: str, policy: str) -> None:
    if policy not in ("", "local_agreement"):
        raise SettingsError(
            f"recognizer {name} has no policy {policy!r}: choose a model of the Whisper class such as "
            "openai/whisper-small, or leave recognizer_policy empty"
        )


def _english(language: str | None) -> bool:
    return not language or language.partition("-")[0].lower() == "en"


def _holds_moonshine(name: str) -> bool:
    from duplex.models.asr.moonshine import is_moonshine

    return is_moonshine(Path(name).expanduser())
