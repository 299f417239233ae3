"""What PocketSphinx makes of a clip: clips that are meant to be understood are chosen by it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_MARGIN = SAMPLE_RATE // 4
_NEUTRAL_CMN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"


@cache
def _decoder(second_pass: bool) -> Decoder:
    from pocketsphinx import Decoder

    return Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", fwdflat=second_pass, bestpath=second_pass)


def recognize(samples: np.ndarray, *, second_pass: bool = False) -> str:
    """The words in (n,) samples at 16 kHz, heard as the first utterance of a session in a nearly silent room."""
    decoder = _decoder(second_pass)
    decoder.reinit_feat()
    decoder.set_cmn(_NEUTRAL_CMN)
    room = np.random.default_rng(0).normal(0.0, 3e-4, len(samples) + 2 * _MARGIN)
    room[_MARGIN : _MARGIN + len(samples)] += samples
    decoder.start_utt()
    pcm = (np.clip(room, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    for at in range(0, len(pcm), 3200):
        decoder.process_raw(pcm[at : at + 3200])
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def word_errors(reference: str, hypothesis: str) -> int:
    """Substitutions, deletions and insertions (Levenshtein distance in words)."""
    heard = hypothesis.split()
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference.split(), 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (word != other))
    return row[-1]
