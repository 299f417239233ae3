"""The program of PocketSphinx's worker process; worker.py is the other end of its pipes. Needs nothing of Duplex.

What it adds to the decoder is the cepstral mean. Live decoding subtracts the mean of what came before the utterance,
which for a first, short one is a guess, and a wrong guess doubles the word error rate. Here it is the maximum a
posteriori mean of a prior and of the utterance itself, brought up to date with every step (Gauvain and Lee 1994,
section III).
"""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import sys
import tempfile
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

PRIOR = (48.0, 0.0, 1.0, 7.0, -4.0, -1.0, -6.0, -2.0, -2.0, 0.0, 0.0, 0.0, 2.0)
"""Cepstral mean of 120 speakers of English at -25 dBFS."""


class SphinxDecoder:
    """Decodes one utterance after the other: `start`, `feed`, `finish`.

    prior_weight: frames that the prior counts for. config: settings of the decoder itself.
    """

    def __init__(self, prior_weight: float = 50.0, **config: Any) -> None:
        import pocketsphinx

        self._prior_weight = prior_weight
        model = Path(pocketsphinx.get_model_path("en-us/en-us"))
        settings = {"fwdflat": False, "bestpath": True, "samprate": RATE, "loglevel": "FATAL", "hmm": str(model)}
        with tempfile.TemporaryDirectory() as folder:
            # Its noise removal remembers earlier utterances, other people's among them, and cannot be reset.
            features = Path(folder) / "feat.params"
            written = (model / "feat.params").read_text("utf-8")
            features.write_text(written.replace("-remove_noise yes", "-remove_noise no"), "utf-8")
            self._decoder = pocketsphinx.Decoder(featparams=str(features), **{**settings, **config})
        self._running = False

    def start(self, prior: list[float] | None = None) -> None:
        """Begins an utterance; one that is still running is given up. prior: cepstral mean to begin with."""
        if self._running:
            self._decoder.end_utt()
        self._running = True
        self._prior = list(prior or PRIOR)
        self._sums = [0.0] * len(self._prior)
        self._frames = 0
        self._heard = 0
        self._use(self._prior)
        self._decoder.start_utt()

    def feed(self, pcm: bytes) -> dict[str, Any]:
        """pcm: 16-bit samples. Returns the words so far."""
        self._decoder.process_raw(pcm)
        self._heard += len(pcm) // 2
        self._count()
        self._use(self._mean())
        return {"words": self._words()}

    def finish(self) -> dict[str, Any]:
        """Ends the utterance. Returns its words, rescored in the word lattice, and its cepstral mean."""
        self._decoder.end_utt()
        self._running = False
        return {"words": self._words(), "mean": self._mean()}

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

    def _mean(self) -> list[float]:
        weight = self._prior_weight + self._frames
        return [(self._prior_weight * p + s) / weight for p, s in zip(self._prior, self._sums, strict=True)]

    def _count(self) -> None:
        """Adds the frames since the last call to the sums. All that the decoder tells is its own running mean."""
        frames = max(0, (self._heard - _WINDOW) // HOP + 1)
        new = frames - self._frames
        running = [float(value) for value in self._decoder.get_cmn(True).split(",")]
        for index, (value, used) in enumerate(zip(running, self._used, strict=True)):
            self._sums[index] += value * (_ENGINE_WEIGHT + new) - used * _ENGINE_WEIGHT
        self._frames = frames

    def _use(self, mean: list[float]) -> None:
        self._decoder.set_cmn(",".join(f"{value:.5f}" for value in mean))
        self._used = mean


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until their end: "s" starts an utterance, "f" feeds it, "e" ends it."""
    decoder = SphinxDecoder()
    while len(header := requests.read(REQUEST.size)) == REQUEST.size:
        operation, length = REQUEST.unpack(header)
        payload = requests.read(length)
        answer: Any = None
        try:
            if operation == b"s":
                decoder.start(json.loads(payload))
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
    serve(sys.stdin.buffer, pipe)
