"""Moonshine (Jeffries et al. 2024) as a streaming recognizer: English, cased and punctuated, on a share of one core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr.contract import Word
from duplex.models.asr.moonshine.attention_times import alignment, sharpness, token_times
from duplex.models.asr.moonshine.guards import believable, unrepeated, voiced
from duplex.models.asr.moonshine.hotwords import HotwordBias, hotwords_of
from duplex.models.asr.moonshine.network import DECODER, ENCODER, Decoded, load_network
from duplex.models.asr.moonshine.tokens import Tokens
from duplex.models.asr.redecoding import Redecoding, RedecodingState
from duplex.models.asr.word_times import Piece, words_of_pieces
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, StageError

TOKENIZER = "tokenizer.bin"
_TOKENS_PER_SECOND = 6.5
_SPARE = 4  # tokens: a word of a third of a second may have three
_SETTLED = SAMPLE_RATE  # samples: what is shorter is padded, or the decoder repeats itself
_LEAD = SAMPLE_RATE // 5  # of silence in front of it
_LIVE = {"interval": 0.4, "window": 10.0}
_WHOLE = {"interval": 12.0, "window": 24.0}
_LEVEL, _MOST_GAIN = 0.1, 1000.0  # what loud frames are raised to: it hears soft speech worse


class Moonshine(Redecoding):
    """A recognizer (duplex.models.asr.contract) of a folder with the two networks and tokenizer.bin.

    hotwords: words and phrases to prefer, separated by commas. live: hypotheses are wanted on the way; else a pass
    covers all of an utterance of the usual length. policy: interval, window, agree (see Redecoding). All recognizers of
    a folder share its networks; steps take one thread each, the one that calls. Raises ModelError, SettingsError.
    """

    languages = ("en",)

    def __init__(
        self, folder: Path, name: str = "moonshine", *, hotwords: str = "", live: bool = True, **policy: Any
    ) -> None:
        super().__init__(**{**(_LIVE if live else _WHOLE), **policy})
        self.name = name
        words = hotwords_of(hotwords)
        try:
            self._tokens = Tokens.read(folder / TOKENIZER)
        except (OSError, ValueError) as error:
            raise ModelError(f"{folder / TOKENIZER}: cannot be read as Moonshine's tokenizer: {error}") from error
        self._network = load_network(folder)
        self._bias = HotwordBias(words, self._tokens) if words else None

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        return self._recognize(samples, ())[0]

    def retranscribe(self, samples: np.ndarray, state: RedecodingState) -> list[Word]:
        words, state.memory = self._recognize(samples, state.memory or ())
        return words

    def _recognize(self, samples: np.ndarray, draft: Sequence[int]) -> tuple[list[Word], list[int]]:
        """The words, and the tokens that are the draft of the next pass. Raises StageError if the networks fail."""
        if not voiced(samples):
            return [], []
        lead = _LEAD if len(samples) < _SETTLED else 0
        heard = np.pad(_raised(samples), (lead, max(0, _SETTLED + lead - len(samples)) if lead else 0))
        limit = int(len(samples) / SAMPLE_RATE * _TOKENS_PER_SECOND) + _SPARE
        try:
            states = self._network.encode(heard)
            decoded = self._network.decode(states, len(heard), limit, draft, self._bias)
        except Exception as error:  # ONNX Runtime has a class of its own for each cause
            raise StageError(f"recognizer {self.name} failed: {str(error).splitlines()[0][:160]}") from error
        whole, decoded = decoded, _kept(decoded)
        looped = decoded is not whole
        if not decoded.tokens:
            return [], []
        weights = alignment(decoded.attention)
        texts = self._tokens.decode(decoded.tokens)
        if not believable("".join(texts), decoded.chances, sharpness(weights), looped=looped):
            return [], decoded.tokens
        begins = [index == 0 or text.startswith(" ") for index, text in enumerate(texts)]
        times = token_times(weights, begins, heard)
        pieces = [
            Piece(text, max(0, start - lead), max(0, end - lead), float(np.exp(chance)))
            for text, (start, end), chance in zip(texts, times, decoded.chances, strict=True)
            if text
        ]
        words = words_of_pieces(pieces, len(samples))
        return [word for word in words if any(letter.isalnum() for letter in word.text)], decoded.tokens


def _raised(samples: np.ndarray) -> np.ndarray:
    """Soft sound made louder: the loudest tenth of its frames of 20 ms has the level of speech."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    if not len(frames):
        return samples
    loud = float(np.quantile(np.sqrt(np.square(frames).mean(axis=1)), 0.9))
    gain = min(max(_LEVEL / max(loud, 1e-9), 1.0), _MOST_GAIN)
    return samples * np.float32(gain)


def is_moonshine(folder: Path) -> bool:
    """Whether a folder holds the files of Moonshine."""
    return all((folder / name).is_file() for name in (ENCODER, DECODER, TOKENIZER))


def _kept(decoded: Decoded) -> Decoded:
    count = unrepeated(decoded.tokens)
    if count == len(decoded.tokens):
        return decoded
    return replace(
        decoded,
        tokens=decoded.tokens[:count],
        chances=decoded.chances[:count],
        attention=decoded.attention[:count],
        ended=False,
    )
