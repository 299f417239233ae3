"""What is said in simulated sessions: dialogues, requests, talk between people; split so that none is in two splits."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from duplex.models.translation.train.noise import Mishearing
from duplex.models.turn_taking.train.orders import orders, whole
from duplex.models.turn_taking.word_lists import plain_words

Split = Literal["train", "valid", "test"]
SHARES = (("test", 0.08), ("valid", 0.06))
"""The rest is for training."""
FREE = frozenset({"REQUEST", "REQ_MORE", "GOODBYE", "CONFIRM", "OFFER_INTENT"})
"""Acts of Schema-Guided Dialogue whose wording follows from what was said."""
ORDERS = 20_000
LONGEST_TURN, LONGEST_REPLY = 40, 30
"""Words. Longer turns are left out, longer replies cut at a sentence."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the user says and what the assistant answers. teach: the answer holds no facts that nobody can know here."""

    user: str
    reply: str
    teach: bool


@dataclass(frozen=True)
class Texts:
    """Texts of one split.

    dialogues: task dialogues. requests: single turns of all kinds. orders: what the built-in skills are asked for,
    from a grammar. remarks: sentences that people say to one another. recognized: what a recognizer made of some texts;
    mishearing: errors for the others.
    gaps: seconds from the end of a turn to the beginning of the next one by somebody else, below 0 where they overlap.
    """

    split: Split
    dialogues: list[list[Exchange]]
    requests: list[str]
    orders: list[str]
    remarks: list[str]
    recognized: dict[str, str] = field(repr=False)
    mishearing: Mishearing = field(repr=False)
    gaps: list[float] = field(repr=False)


def split_of(text: str) -> Split:
    """The split of a text (of a dialogue: its first turn), by a hash of its words."""
    place = int.from_bytes(hashlib.sha256(" ".join(plain_words(text)).encode()).digest()[:8], "big") / 2**64
    for name, share in SHARES:
        if place < share:
            return name  # type: ignore[return-value]
        place -= share
    return "train"


def load_texts(folder: Path, split: Split, seed: int = 1) -> Texts:
    """The texts of a split from the data folder's text/. seed: of the spoken orders made from a grammar."""
    text = folder / "text"
    recognized = {row["text"]: row["recognized"] for row in _rows(text / "recognized_speech.jsonl.gz")}
    recognized = {said: heard for said, heard in recognized.items() if heard.strip()}
    learned = [(said, heard) for said, heard in recognized.items() if split == "train" or split_of(said) == split]
    return Texts(
        split,
        [dialogue for dialogue in _dialogues(text) if dialogue and split_of(dialogue[0].user) == split],
        [request for request in _requests(text) if split_of(request) == split],
        [order for order in _orders(seed) if split_of(order) == split],
        [remark for remark in _remarks(text) if split_of(remark) == split],
        recognized,
        Mishearing(learned),
        _gaps(text, split),
    )


def _dialogues(text: Path) -> Iterator[list[Exchange]]:
    for row in _rows(text / "sgd_dialogues.jsonl.gz"):
        yield list(
            _exchanges([(who == "U", said, who == "S" and set(acts) <= FREE) for who, said, acts in row["turns"]])
        )
    for row in _rows(text / "taskmaster4_coffee.jsonl.gz"):
        yield list(_exchanges([(who == "user", said, True) for who, said in row["turns"]]))


def _exchanges(turns: list[tuple[bool, str, bool]]) -> Iterator[Exchange]:
    for (user, said, _), (answers, reply, teach) in pairwise(turns):
        if user and not answers and 0 < len(said.split()) <= LONGEST_TURN and reply.strip():
            yield Exchange(said, shortened(reply), teach)


def shortened(reply: str) -> str:
    """A reply of at most LONGEST_REPLY words, cut at the end of a sentence where there is one."""
    words = reply.split()
    if len(words) <= LONGEST_REPLY:
        return reply.strip()
    cut = " ".join(words[:LONGEST_REPLY])
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", cut)]
    return cut[: ends[-1]] if ends else cut


def _requests(text: Path) -> Iterator[str]:
    for row in _rows(text / "clinc150.jsonl.gz"):
        yield row["text"]
    for row in _rows(text / "snips.jsonl.gz"):
        yield "".join(part["text"] for part in row["parts"]).strip()


def _orders(seed: int) -> Iterator[str]:
    for words in orders(ORDERS, random.Random(seed)):
        yield " ".join(whole(words))


def _remarks(text: Path) -> Iterator[str]:
    seen: set[str] = set()
    with gzip.open(text / "tatoeba_en_de.tsv.gz", "rt", encoding="utf8") as lines:
        for line in lines:
            english = line.split("\t", 1)[0].strip()
            if 2 <= len(english.split()) <= 14 and english not in seen:
                seen.add(english)
                yield english


def _gaps(text: Path, split: Split) -> list[float]:
    """Of real calls; each call is in one split."""
    gaps: list[float] = []
    before: dict[str, str] | None = None
    with gzip.open(text / "earnings22_turns.csv.gz", "rt", encoding="utf8") as lines:
        for row in csv.DictReader(lines):
            if before and before["call"] == row["call"] and before["speaker"] != row["speaker"]:
                gap = float(row["start"]) - float(before["end"])
                if -2.0 < gap < 10.0 and split_of(row["call"]) == split:
                    gaps.append(gap)
            before = row
    return gaps


def _rows(path: Path) -> Iterator[dict]:
    with gzip.open(path, "rt", encoding="utf8") as lines:
        yield from map(json.loads, lines)
