"""Moonshine (Jeffries et al. 2024) as a streaming recognizer: English, cased and punctuated, on a share of one core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr.contract import Word
from duplex.models.asr.moonshine.hotwords import hotwords_of
from duplex.models.asr.moonshine.windows import Windows
from duplex.models.asr.redecoding import Redecoding, RedecodingState

_LIVE = {"interval": 0.4, "window": 8.0, "keep": 4.5}
_WHOLE = {"interval": 12.0, "window": 24.0}


class Moonshine(Redecoding):
    """A recognizer (duplex.models.asr.contract) of a folder with the two networks and tokenizer.bin.

    hotwords: words and phrases to prefer, separated by commas. live: hypotheses are wanted on the way; else a pass
    covers all of an utterance of the usual length. second: the folder of a larger Moonshine, which goes over what the
    first one heard, with its tokens as a draft: for recordings, since it changes words that were stable. policy:
    interval, window, agree, keep (see Redecoding). All recognizers of a folder share its networks; steps take one
    thread each, the one that calls. Raises ModelError, SettingsError.
    """

    languages = ("en",)
    writes = "en"

    def __init__(
        self,
        folder: Path,
        name: str = "moonshine",
        *,
        hotwords: str = "",
        live: bool = True,
        second: Path | None = None,
        **policy: Any,
    ) -> None:
        own_window = {"keep": None} if "window" in policy else {}
        super().__init__(**{**(_LIVE if live else _WHOLE), **own_window, **policy})
        self.name = name
        words = hotwords_of(hotwords)
        self._first = Windows(folder, words)
        self._second = Windows(second, words) if second is not None else None

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        return self._hear(samples, [])[0]

    def retranscribe(self, samples: np.ndarray, state: RedecodingState) -> list[Word]:
        words, state.memory = self._hear(samples, state.memory or [])
        return words

    def _hear(self, samples: np.ndarray, draft: list[int]) -> tuple[list[Word], list[int]]:
        words, tokens = self._first.hear(samples, draft)
        if self._second is None or not words:
            return words, tokens
        again, _ = self._second.hear(samples, tokens)
        return again or words, tokens
