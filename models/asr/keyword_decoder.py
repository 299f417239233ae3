"""The program of the command spotter's worker process; keyword_spotter.py is the other end of its pipes.

Two decoders hear the same burst: one knows only commands and what a listener says instead ("mhm", "right"), the other
any sequence of phones. How much worse the words explain the sound than free phones do, per frame, is the score by which
a command is told from a cough: the filler model of Wilpon et al. (1990), "Automatic recognition of keywords in
unconstrained speech using hidden Markov models". Needs nothing of Duplex but the file beside it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_spec = importlib.util.spec_from_file_location("sphinx_decoder", Path(__file__).with_name("sphinx_decoder.py"))
assert _spec is not None and _spec.loader is not None
sphinx_decoder = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sphinx_decoder)

_COMMANDS = (
    "stop|stop it|stop talking|please stop|no stop|wait|wait a minute|wait a moment|wait a second|hold on|"
    "hold on a second|hold on a minute|hang on|no|no no|no wait|pause|quiet|be quiet|cancel|cancel that|excuse me|"
    "never mind|one moment|one second"
)
COMMANDS = tuple(_COMMANDS.split("|"))

_OTHERS = (
    "mhm|mm-hmm|mm|hm|uh-huh|uh|um|yeah|yes|yep|right|okay|i see|really|sure|oh|ah|wow|good|great|nice|cool|exactly|"
    "true|of course|all right|go on|got it|i know|huh|aha|well|so|and"
)
OTHERS = tuple(_OTHERS.split("|"))
"""What the burst may be instead: without them a "right" would be the command that it resembles most."""

SPOKEN = {
    "mhm": ["M HH AH M", "M HH M"],
    "mm-hmm": ["M HH M", "AH M HH AH M", "M M HH M"],
    "mm": ["M", "M M", "AH M"],
    "hm": ["HH M", "HH AH M"],
    "uh-huh": ["AH HH AH", "AH HH AH NG"],
    "uh": ["AH"],
    "um": ["AH M"],
    "aha": ["AA HH AA"],
}
"""Words that the pronouncing dictionary lacks, or spells out."""

_FILLER = re.compile(r"[<\[+]|SIL$")
_VARIANT = re.compile(r"\(\d+\)$")


class KeywordDecoder:
    """`start`, `feed`, `finish` as SphinxDecoder's, but only `finish` answers.

    It has `words` ([text, first frame, last frame]), `command` (whether they are one) and `score`, per frame, 0 being
    as good as free phones.
    """

    def __init__(self) -> None:
        import pocketsphinx

        needed = {word for phrase in (*COMMANDS, *OTHERS) for word in phrase.split()}
        with tempfile.TemporaryDirectory() as folder:
            dictionary = Path(folder) / "words.dict"
            with open(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8") as whole:
                dictionary.write_text("\n".join(_pronunciations(whole, needed)) + "\n", "utf-8")
            self._phrases = sphinx_decoder.SphinxDecoder(dict=str(dictionary), lm=None)
        grammar = f"#JSGF V1.0;\ngrammar burst;\npublic <burst> = {' | '.join((*COMMANDS, *OTHERS))};\n"
        self._phrases.use_grammar("burst", grammar)
        phones = pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin")
        self._phones = sphinx_decoder.SphinxDecoder(allphone=phones, lm=None, beam=1e-20, pbeam=1e-20, lw=2.0)

    def start(self) -> None:
        self._phrases.start()
        self._phones.start()

    def feed(self, pcm: bytes) -> None:
        self._phrases.feed(pcm)
        self._phones.feed(pcm)

    def finish(self) -> dict[str, Any]:
        self._phrases.finish()
        self._phones.finish()
        words = [segment for segment in self._phrases.segments() if not _FILLER.match(segment[0])]
        free = _frame_scores(self._phones.segments())
        said = _frame_scores(words)
        both = said.keys() & free.keys()
        text = " ".join(_VARIANT.sub("", word[0]) for word in words)
        return {
            "words": [[_VARIANT.sub("", word), first, last] for word, first, last, _ in words],
            "command": text in COMMANDS,
            "score": sum(said[frame] - free[frame] for frame in both) / len(both) if both else 0.0,
        }


def _pronunciations(whole: Iterable[str], needed: set[str]) -> list[str]:
    lines = [
        f"{word}{f'({number})' if number > 1 else ''} {phones}"
        for word, variants in SPOKEN.items()
        for number, phones in enumerate(variants, 1)
    ]
    for line in whole:
        word = line.split(" ", 1)[0]
        plain = _VARIANT.sub("", word)
        if plain in needed and plain not in SPOKEN:
            lines.append(line.strip())
    return lines


def _frame_scores(segments: list[tuple[str, int, int, float]]) -> dict[int, float]:
    return {frame: score / (last - first + 1) for _, first, last, score in segments for frame in range(first, last + 1)}


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer; our end is that of the pipe
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what C code prints must not get between the answers
    sphinx_decoder.serve(sys.stdin.buffer, pipe, KeywordDecoder())
