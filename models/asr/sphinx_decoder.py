"""The program of PocketSphinx's worker process; worker.py is the other end of its pipes. Needs nothing of Duplex.

What it adds to the decoder is the cepstral mean. Live decoding subtracts the mean of what came before the utterance,
which for a first, short one is a guess, and a wrong guess doubles the word error rate. Here it is the maximum a
posteriori mean of a prior and of the utterance itself (Gauvain and Lee 1994, section III), brought up to date with
every step. Only what is loud counts, as if every utterance had the same share of silence, the one that the acoustic
model was trained with.
"""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

REQUEST = struct.Struct("<cI")
ANSWER = struct.Struct("<I")

RATE = 16_000
HOP = 160
_WINDOW = 410  # samples that a frame looks at
_ENGINE_WEIGHT = 500  # frames that the decoder's own running mean begins with (CMN_WIN of its cmn.h)
_FILLER = re.compile(r"[<\[+]")
_VARIANT = re.compile(r"\(\d+\)$")

PRIOR = (54.0, 3.0, 0.0, 10.0, -6.0, -5.0, -8.0, -4.0, -3.0, 0.0, 2.0, -1.0, 2.0)
"""Cepstral mean of read English at -25 dBFS; its first element is a level, 1.15 for each dB."""

PRIOR_WEIGHT = 50
"""Frames that the prior counts for."""

LOUD = 20.0
"""How far below the loudest step one still counts, in the first element of the cepstrum."""

SILENCE = 8.0
"""How far silence pulls that element down in the utterances of the acoustic model's training."""

SETTLED = 0.5
"""Seconds after which an utterance is taken to have begun; until then, what is softer than usual speech is silence."""


class SphinxDecoder:
    """Decodes one utterance after the other: `start`, `feed`, `finish`.

    config: settings of the decoder itself, in place of those here.
    """

    def __init__(self, **config: Any) -> None:
        import pocketsphinx

        model = Path(pocketsphinx.get_model_path("en-us/en-us"))
        settings = {"fwdflat": False, "bestpath": True, "samprate": RATE, "loglevel": "FATAL", "hmm": str(model)}
        with tempfile.TemporaryDirectory() as folder:
            # Its noise removal remembers earlier utterances, other people's among them, and cannot be reset.
            features = Path(folder) / "feat.params"
            written = (model / "feat.params").read_text("utf-8")
            features.write_text(written.replace("-remove_noise yes", "-remove_noise no"), "utf-8")
            self._decoder = pocketsphinx.Decoder(featparams=str(features), **{**settings, **config})
        self._running = False

    def use_grammar(self, name: str, jsgf: str) -> None:
        """Only what the grammar allows is decoded from now on."""
        self._decoder.add_jsgf_string(name, jsgf)
        self._decoder.activate_search(name)

    def segments(self) -> list[tuple[str, int, int, float]]:
        """(text, first frame, last frame, acoustic score) of all that was decoded so far, fillers included."""
        if self._decoder.hyp() is None:
            return []
        log = self._decoder.get_logmath().log
        return [(each.word, each.start_frame, each.end_frame, log(each.ascore)) for each in self._decoder.seg()]

    def start(self) -> None:
        """Begins an utterance; one that is still running is given up."""
        if self._running:
            self._decoder.end_utt()
        self._running = True
        self._heard = 0
        self._frames = 0
        self._steps: deque[tuple[int, list[float]]] = deque(maxlen=300)
        self._use(list(PRIOR))
        self._decoder.start_utt()

    def feed(self, pcm: bytes) -> dict[str, Any]:
        """pcm: 16-bit samples. Returns the words so far."""
        self._decoder.process_raw(pcm)
        self._heard += len(pcm) // 2
        self._count()
        self._use(self._mean())
        return {"words": self._words()}

    def finish(self) -> dict[str, Any]:
        """Ends the utterance. Returns its words, found anew in the lattice of all that were considered."""
        self._decoder.end_utt()
        self._running = False
        return {"words": self._words()}

    def _words(self) -> list[list[Any]]:
        """[text, first frame, last frame, acoustic score per frame, posterior] of each word, without fillers."""
        if self._decoder.hyp() is None:
            return []
        log = self._decoder.get_logmath().log
        return [
            [
                _VARIANT.sub("", segment.word),
                segment.start_frame,
                segment.end_frame,
                log(segment.ascore) / (segment.end_frame - segment.start_frame + 1),
                segment.prob,
            ]
            for segment in self._decoder.seg()
            if not _FILLER.match(segment.word)
        ]

    def _count(self) -> None:
        """Notes the frames of this step and the sum of their cepstra. All that the decoder tells is a running mean."""
        before = self._frames
        self._frames = max(0, (self._heard - _WINDOW) // HOP + 1)
        if new := self._frames - before:
            running = [float(value) for value in self._decoder.get_cmn(True).split(",")]
            after = _ENGINE_WEIGHT + new
            sums = [mean * after - used * _ENGINE_WEIGHT for mean, used in zip(running, self._used, strict=True)]
            self._steps.append((new, sums))

    def _mean(self) -> list[float]:
        loudest = max((sums[0] / count for count, sums in self._steps), default=0.0)
        if self._heard < SETTLED * RATE:
            loudest = max(loudest, PRIOR[0] - SILENCE)
        loud = [(count, sums) for count, sums in self._steps if sums[0] / count > loudest - LOUD]
        frames = sum(count for count, _ in loud)
        totals = [PRIOR_WEIGHT * prior + sum(sums[i] for _, sums in loud) for i, prior in enumerate(PRIOR)]
        totals[0] -= SILENCE * frames
        return [total / (PRIOR_WEIGHT + frames) for total in totals]

    def _use(self, mean: list[float]) -> None:
        self._decoder.set_cmn(",".join(f"{value:.5f}" for value in mean))
        self._used = mean


def serve(requests: BinaryIO, answers: BinaryIO, decoder: Any) -> None:
    """Answers requests until their end: "s" starts an utterance, "f" feeds it, "e" ends it."""
    while len(header := requests.read(REQUEST.size)) == REQUEST.size:
        operation, length = REQUEST.unpack(header)
        payload = requests.read(length)
        answer: Any = None
        try:
            if operation == b"s":
                decoder.start()
            else:
                answer = decoder.feed(payload) if operation == b"f" else decoder.finish()
        except RuntimeError as error:
            answer = {"error": str(error)}
        body = json.dumps(answer).encode()
        answers.write(ANSWER.pack(len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; our end is that of the pipe
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what C code prints must not get between the answers
    serve(sys.stdin.buffer, pipe, SphinxDecoder())
