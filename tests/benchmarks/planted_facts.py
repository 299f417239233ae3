"""Facts told early in a long dialogue and asked for after they were evicted: what a bounded cache remembers.

    python -m tests.benchmarks.planted_facts DATA [--model smollm2-135m-instruct] [--streams 3] [--after 3000]
                                             [--window 512] [--kept NAME ...] [--verbose]

DATA is the data folder, whose task dialogues are what is talked about. Sixteen facts are put into each stream, with
an exchange of the dialogues behind each ("Please remember that the code of the locker is 471."); `--after` tokens of
other exchanges follow; then each fact is asked for, on a fork of the cache, with the answer begun ("The code of the
locker is"). right: the share of facts whose value is the likeliest of the eight of its kind; chance is one eighth.
exact: the share for which the likeliest tokens spell it out. kept: the share of the facts' entries that the cache has.

everything: nothing is evicted, which is the most that the model can do. sinks: the first 4 and a window of entries.
notes: the same, but user's turns went through the long-term memory (`models/interaction/memory`), and what it finds
stands in the question. entropy: half of the cache for what was surprising, half for what is recent; with all of it for
what was surprising, as SirLLM (arXiv 2405.12528) has it; with a decay by each exchange; and with twice the entries.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.interaction.contract import Note, Request
from duplex.models.interaction.memory.notes import Notes
from duplex.models.interaction.memory.statements import worth_noting
from duplex.models.interaction.responders.prompt import chat_messages
from duplex.streaming.lm.cache_policy import CachePolicy, EntropyMemory, KeepAll, SinksAndWindow
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache
from tests.benchmarks.dialogue_text import dialogues
from tests.benchmarks.language_models import open_network, open_tokenizer
from tests.benchmarks.report import table, versions

SINKS = 4
FACTS = 16
"""Of each stream."""
PERSON = "user"

KINDS = {
    "code": (
        "code of the {}",
        ["locker", "front gate", "garage", "bicycle lock", "alarm", "safe", "suitcase", "basement"],
        ["471", "938", "205", "662", "817", "349", "590", "126"],
    ),
    "name": (
        "name of the {}",
        ["dentist", "new neighbor", "gray cat", "piano teacher", "landlord", "plumber", "school nurse", "parrot"],
        ["Rosa", "Victor", "Hilda", "Oscar", "Nadia", "Felix", "Greta", "Simon"],
    ),
    "color": (
        "color of the {}",
        ["rental car", "kitchen door", "winter coat", "guest towels", "boat", "mailbox", "umbrella", "tent"],
        ["green", "purple", "orange", "silver", "brown", "yellow", "pink", "black"],
    ),
    "place": (
        "place of the {}",
        ["spare key", "passport", "flashlight", "tool box", "camera", "insurance papers", "ladder", "chess set"],
        ["the attic", "the cellar", "the kitchen", "the office", "the garden", "the bedroom", "the hall", "the bath"],
    ),
    "day": (
        "day of the {}",
        ["haircut", "job interview", "garden party", "eye test", "concert", "school play", "car inspection", "move"],
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Christmas"],
    ),
    "city": (
        "city of the {}",
        ["conference", "wedding", "head office", "summer school", "reunion", "chess final", "trade fair", "boat trip"],
        ["Lisbon", "Oslo", "Denver", "Cairo", "Dublin", "Madrid", "Boston", "Vienna"],
    ),
}
"""What a thing is called, the things, and the values, of which each has one, drawn at random."""


@dataclass(frozen=True)
class Fact:
    thing: str
    value: str
    others: tuple[str, ...]
    """The values of its kind, with its own."""

    @property
    def told(self) -> str:
        return f"Please remember that the {self.thing} is {self.value}."


def facts(seed: int = 0) -> list[Fact]:
    """All of them, kinds by turns."""
    draw = random.Random(seed)
    found = []
    for wording, things, values in KINDS.values():
        drawn = draw.sample(values, len(things))
        found.append(
            [Fact(wording.format(thing), own, tuple(values)) for thing, own in zip(things, drawn, strict=True)]
        )
    return [fact for row in zip(*found, strict=True) for fact in row]


def exchanges(data: Path) -> Iterator[list[tuple[str, str]]]:
    """A turn of the user and the reply to it, over and over, from dialogues that come once."""
    for dialogue in dialogues(data):
        for at in range(0, len(dialogue) - 1, 2):
            yield dialogue[at : at + 2]


class Chat:
    """Turns as the model's own template has them."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def ids(self, turns: list[tuple[str, str]], begun: str = "") -> list[int]:
        """Token ids of the turns, and of an answer that is `begun`."""
        text = "".join(f"<|im_start|>{role}\n{said}<|im_end|>\n" for role, said in turns)
        return self.text(text + (f"<|im_start|>assistant\n{begun}" if begun else ""))

    def text(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


@dataclass
class Stream:
    """exchanges: (turns, the fact that is told there, if any), in their order."""

    exchanges: list[tuple[list[tuple[str, str]], Fact | None]]

    @property
    def facts(self) -> list[Fact]:
        return [fact for _, fact in self.exchanges if fact is not None]


def streams(chat: Chat, data: Path, count: int, after: int) -> list[Stream]:
    """Streams of exchanges with their facts."""
    talk, known, made = exchanges(data), facts(), []
    for number in range(count):
        stream = Stream([])
        for fact in known[number * FACTS : (number + 1) * FACTS]:
            stream.exchanges.append(([("user", fact.told), ("assistant", "All right, I will remember that.")], fact))
            stream.exchanges.append((next(talk), None))
        size = 0
        while size < after:
            turns = next(talk)
            size += len(chat.ids(turns))
            stream.exchanges.append((turns, None))
        made.append(stream)
    return made


def listened(lm: CausalLM, chat: Chat, stream: Stream, policy: CachePolicy) -> tuple[KVCache, float]:
    """The cache at the end of a stream, and the share of the facts' entries that it still has."""
    cache = KVCache()
    lm.append(cache, chat.ids([("system", "You are a helpful assistant.")]), policy)
    told = {}
    for turns, fact in stream.exchanges:
        number = cache.begin_block()
        ids = chat.ids(turns)
        if fact is not None:
            told[number] = len(ids)
        lm.append(cache, ids, policy)
        policy.end_turn(cache)
    return cache, float(np.isin(cache.blocks, list(told)).sum()) / sum(told.values())


def asked(lm: CausalLM, chat: Chat, cache: KVCache, fact: Fact, question: str, policy: CachePolicy) -> tuple[bool, str]:
    """(whether the fact's value is the likeliest of its kind, what the likeliest tokens spell)."""
    asking = cache.fork()
    asking.begin_block()
    lm.append(asking, chat.ids([("user", question)], f"The {fact.thing} is"), policy)
    values = {value: chat.text(f" {value}") for value in fact.others}
    nats = {value: lm.surprisal(asking, ids) * len(ids) for value, ids in values.items()}
    spelled: list[int] = []
    answer = asking.fork()
    for _ in values[fact.value]:
        spelled.append(int(answer.logits.argmax()))
        lm.append(answer, spelled[-1:])
    return min(nats, key=lambda each: nats[each]) == fact.value, chat._tokenizer.decode(spelled).strip()


def noted(stream: Stream, notes: Notes) -> None:
    """What the long-term memory keeps of the user's turns."""
    for turns, _ in stream.exchanges:
        for note, subject in worth_noting(turns[0][1]):
            notes.add(PERSON, note, datetime.now(UTC), subject)


def question(fact: Fact, notes: Notes | None) -> str:
    """As a user's message, with the notes that bear on it."""
    text = f"What is the {fact.thing}?"
    kept = tuple(Note(each.text, PERSON, 0.0) for each in notes.of(PERSON)) if notes is not None else ()
    return chat_messages(Request(text, party=PERSON, notes=kept))[-1]["content"]


def policies(window: int) -> dict[str, CachePolicy]:
    half = window // 2
    sinks = SinksAndWindow(SINKS, window - SINKS)
    return {
        "everything": KeepAll(),
        "sinks": sinks,
        "notes": sinks,
        "entropy": EntropyMemory(SINKS, half - SINKS, half),
        "entropy, none recent": EntropyMemory(SINKS, window - SINKS, 0),
        "entropy, decay 0.98": EntropyMemory(SINKS, half - SINKS, half, decay=0.98),
        "entropy, twice the entries": EntropyMemory(SINKS, window - SINKS, window),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--streams", type=int, default=3, help="at most 3")
    parser.add_argument("--after", type=int, default=3000, help="tokens between the last fact and the questions")
    parser.add_argument("--window", type=int, default=512, help="entries of the cache")
    parser.add_argument("--kept", nargs="*", help="names of what is kept, as in the table; all by default")
    parser.add_argument("--verbose", action="store_true", help="a line for each fact")
    args = parser.parse_args()
    lm = CausalLM(open_network(args.model))
    chat = Chat(open_tokenizer(args.model))
    made = streams(chat, args.data, args.streams, args.after)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        notes = Notes(Path(folder) / "notes.sqlite")
        for stream in made:
            noted(stream, notes)
        print(f"{args.model}: {len(made)} streams, {sum(len(each.facts) for each in made)} facts, {args.after} tokens")
        print(f"between the last of them and the questions; {len(notes.of(PERSON))} notes")
        for name, policy in policies(args.window).items():
            if args.kept and name not in args.kept:
                continue
            right, exact, left, entries = [], [], [], 0
            for stream in made:
                cache, share = listened(lm, chat, stream, policy)
                left.append(share)
                entries = len(cache)
                for fact in stream.facts:
                    asks = question(fact, notes if name == "notes" else None)
                    best, spelled = asked(lm, chat, cache, fact, asks, policy)
                    right.append(best)
                    exact.append(spelled == fact.value)
                    if args.verbose:
                        print(f"{name}: the {fact.thing} is {fact.value}: {best}, {spelled!r}", flush=True)
            shares = [f"{100 * np.mean(each):.0f} %" for each in (right, exact, left)]
            rows.append([name, entries, *shares])
            print(*rows[-1], file=sys.stderr, flush=True)
        notes.close()
    print(table(["", "entries", "right", "exact", "kept"], rows))
    print(versions(["torch", "transformers"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
