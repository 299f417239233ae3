"""A window of sound to words: the networks, their tokenizer, and the guards around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from duplex.models.asr.contract import Word
from duplex.models.asr.moonshine.attention_times import alignment, sharpness, token_times
from duplex.models.asr.moonshine.guards import believable, unrepeated, voiced
from duplex.models.asr.moonshine.hotwords import HotwordBias
from duplex.models.asr.moonshine.network import DECODER, ENCODER, Decoded, load_network
from duplex.models.asr.moonshine.tokens import Tokens
from duplex.models.asr.word_times import Piece, words_of_pieces
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, StageError, first_line

TOKENIZER = "tokenizer.bin"
_TOKENS_PER_SECOND = 6.5
_SPARE = 4  # tokens: a word of a third of a second may have three
_SETTLED = SAMPLE_RATE  # samples: what is shorter is padded, or the decoder repeats itself
_LEAD = SAMPLE_RATE // 5  # of silence in front of it
_LEVEL, _MOST_GAIN = 0.1, 1000.0  # what loud frames are raised to: it hears soft speech worse


class Windows:
    """Decodes whole windows, from any number of threads. hotwords: to prefer. Raises ModelError."""

    def __init__(self, folder: Path, hotwords: Sequence[str] = ()) -> None:
        try:
            self._tokens = Tokens.read(folder / TOKENIZER)
        except (OSError, ValueError) as error:
            raise ModelError(f"{folder / TOKENIZER}: cannot be read as Moonshine's tokenizer: {error}") from error
        self._network = load_network(folder)
        self._bias = HotwordBias(hotwords, self._tokens) if hotwords else None

    def hear(self, samples: np.ndarray, draft: Sequence[int] = ()) -> tuple[list[Word], list[int]]:
        """The words of samples, (n,) float32 at 16 kHz, and their tokens, for the draft of the next pass.

        draft: tokens that are expected, of this or of another size of Moonshine: their vocabularies agree. Raises
        StageError if the networks fail.
        """
        if not voiced(samples):
            return [], []
        lead = _LEAD if len(samples) < _SETTLED else 0
        heard = np.pad(_raised(samples), (lead, max(0, _SETTLED + lead - len(samples)) if lead else 0))
        limit = int(len(samples) / SAMPLE_RATE * _TOKENS_PER_SECOND) + _SPARE
        try:
            states = self._network.encode(heard)
            decoded = self._network.decode(states, len(heard), limit, draft, self._bias)
        except Exception as error:  # ONNX Runtime has a class of its own for each cause
            raise StageError(f"Moonshine failed: {first_line(error)}") from error
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
