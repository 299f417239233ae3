"""Every built-in tool by voice: is it called, and with the right arguments, when it is asked for in many wordings?

    python -m tests.benchmarks.spoken_tools --data FOLDER [--voices espeak:en-us,flite:slt,...] [--heard FILE]
                                            [--part 1/1] [--half all|mended|held-out] [--mind nano]
    python -m tests.benchmarks.spoken_tools --text

Each wording of tests/data/tools/wordings.txt is said by one of the voices, clean and in 10 dB of noise out of FOLDER
(`speech_rows.NOISES`), to a whole session with the default recognizer at virtual time; what its answerer is asked is
understood by the built-in rules, in one fixed dialogue (`asked`). --heard keeps what was heard, a line each: a run goes
on where it was, and understanding alone is measured again in a second. --text understands the wordings as they are
written: the bound of the rules.

A call is right if the tool is, and its arguments are if the tool finds or does the same with them as with those that
are right. Wordings are halved by their hash: rules were mended on one half ("mended"), the other was only counted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from duplex.engines import Engines
from duplex.models.interaction import load_answerer
from duplex.models.interaction.around import Around
from duplex.models.interaction.contract import Answerer, CallBegun, Control, Report, Request, Say, Utterance
from duplex.models.interaction.nano import NANO, load_nano_answerer
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin import BUILTIN
from duplex.models.interaction.tools.tool import Context, ToolError
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from tests.benchmarks.costs import hold
from tests.benchmarks.report import table, versions
from tests.benchmarks.speech_rows import NOISES, mixed, read, without_voices
from tests.benchmarks.voices import Speaker

WORDINGS = Path(__file__).parents[1] / "data" / "tools" / "wordings.txt"
VOICES = "espeak:en-us,flite:slt,flite:rms,flite:awb,espeak:en-gb"
SNR = 10.0
LEAD, TAIL = 0.5, 2.6
"""Seconds of silence, or noise alone, around what is said; the tail outlasts the pause that ends any turn."""
LEVEL = 0.05
"""Root mean square of what is said."""
CHANCE = ("flip_coin", "roll_dice", "random_number")
"""What they find says nothing of their arguments."""
WORDED = {"calculate": "expression", "date_of": "day"}
"""A fact that is only how it was asked."""
WORST = 10
MINDS = ("rules", "nano", "nano+rules")
"""The built-in rules, Duplex-nano alone, and Duplex-nano for what the rules do not understand."""

_SAID = (
    ("user", "Remember that my car is on level three."),
    ("assistant", "I will remember that your car is on level three."),
    ("user", "The meeting with Anna is in the blue room."),
    ("assistant", "I see."),
    ("user", "Put milk, eggs and bread on my shopping list."),
    ("assistant", "Milk, eggs and bread are on your shopping list."),
)
_TIMERS = (
    Control("timer", text="Your pasta timer is done.", at=400.0),
    Control("timer", text="Reminder: call John.", at=900.0),
    Control("timer", text="It is half past five. This is your alarm.", at=10_000.0),
)


@dataclass(frozen=True, slots=True)
class Wording:
    tool: str
    text: str
    arguments: dict[str, Any]

    @property
    def held_out(self) -> bool:
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


@dataclass(frozen=True, slots=True)
class Heard:
    """What a session's answerer was asked at last, and how often: more than once, a turn was taken for several."""

    said: str
    voice: str
    snr: float | None
    text: str
    confidence: float
    times: int


@dataclass(frozen=True, slots=True)
class Judged:
    wording: Wording
    heard: Heard
    called: tuple[tuple[str, dict[str, Any]], ...]
    tool: bool
    whole: bool
    """Whether the arguments are right as well."""
    said: str = ""

    @property
    def asked_back(self) -> bool:
        """Nothing was done, and the answer is a question: the user says it once more."""
        return not self.called and self.said.rstrip().endswith("?")


def wordings(path: Path = WORDINGS) -> Iterator[Wording]:
    tool = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            tool = line.strip("[]")
        elif line and not line.startswith("#"):
            text, _, given = line.partition(" => ")
            yield Wording(tool, text, json.loads(given))


def asked(text: str, confidence: float = 1.0, report: Report | None = None) -> Request:
    """The turn in a dialogue in which every tool has something to do."""
    history = tuple(Utterance(party, said, 10.0 * at, 10.0 * at + 4) for at, (party, said) in enumerate(_SAID))
    moment = datetime(2026, 3, 4, 14, 31, tzinfo=UTC)
    return Request(
        text, history=history, now=100.0, wall_time=moment, timers=_TIMERS, confidence=confidence, report=report
    )


def mind(name: str) -> Answerer:
    """Who understands: one of MINDS."""
    if name == "rules":
        return Skills()
    if name == "nano+rules":
        return load_answerer(model=NANO)
    return load_nano_answerer(Toolbox(BUILTIN.values()))


def answered(
    text: str, confidence: float = 1.0, answerer: Answerer | None = None
) -> tuple[tuple[tuple[str, dict[str, Any]], ...], str]:
    """(what the built-in rules, or another, call for the turn, what they say)."""
    told: list[Any] = []

    async def answer() -> str:
        items = (answerer or Skills()).answer(asked(text, confidence, told.append))
        return "".join([item.text async for item in items if isinstance(item, Say)])

    said = asyncio.run(answer())
    return tuple((event.tool, dict(event.arguments)) for event in told if isinstance(event, CallBegun)), said


def judge(wording: Wording, heard: Heard, answerer: Answerer | None = None) -> Judged:
    called, said = answered(heard.text, heard.confidence, answerer)
    named = [arguments for tool, arguments in called if tool == wording.tool]
    whole = len(called) == 1 and bool(named) and _same(wording.tool, named[0], wording.arguments)
    return Judged(wording, heard, called, len(called) == 1 and bool(named), whole, said)


def _same(tool: str, given: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether the arguments come to the same; upper case and punctuation are the recognizer's."""
    return _found(tool, given) == _found(tool, right)


def _found(tool: str, arguments: dict[str, Any]) -> str:
    known = {name: schema.get("default") for name, schema in BUILTIN[tool].parameters["properties"].items()}
    context = Context(asked(""))
    try:
        facts = known | arguments if tool in CHANCE else {**BUILTIN[tool].run(arguments, context)}
    except ToolError as error:
        return f"error: {error}"
    facts.pop(WORDED.get(tool, ""), None)
    done = [asdict(control) for control in context.controls]
    return plain(json.dumps([facts, done], default=str))


class Asked(Around):
    """The built-in skills in the fixed dialogue; keeps what they are asked."""

    def __init__(self) -> None:
        super().__init__(Skills())
        self.requests: list[Request] = []

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        self.requests.append(request)
        async for item in self.answerer.answer(asked(request.text, request.confidence)):
            yield item


class Hearing:
    """Says wordings to sessions. data: the folder of noises."""

    def __init__(self, data: Path, voices: Sequence[str]) -> None:
        self._speakers = {name: Speaker(name, "en") for name in voices}
        self._noises = [row for row in without_voices(data) if row["dataset"] in NOISES and row["split"] == "valid"]
        self._data = data
        self._engines = Engines.from_settings(Settings())

    def hear(self, wording: Wording, snr: float | None) -> Heard:
        drawn = hashlib.sha256(wording.text.encode()).digest()
        voice = [*self._speakers][drawn[1] % len(self._speakers)]
        speech = self._speakers[voice].speak(wording.text).samples
        speech = speech * (LEVEL / float(np.sqrt(np.mean(speech**2))))
        samples = np.pad(speech, (round(LEAD * SAMPLE_RATE), round(TAIL * SAMPLE_RATE)))
        if snr is not None:
            noise = read(self._data, self._noises[int.from_bytes(drawn[2:4]) % len(self._noises)])
            # The ratio is that of the words to the noise under them, not of the whole with its silence.
            samples = mixed(samples, noise, snr + 10 * math.log10(len(speech) / len(samples)))
        answerer = Asked()
        hold(samples, replace(self._engines, answerer=answerer), Settings())
        asked = answerer.requests
        text, confidence = (asked[-1].text, asked[-1].confidence) if asked else ("", 1.0)
        return Heard(wording.text, voice, snr, text, confidence, len(asked))

    def close(self) -> None:
        self._engines.close_now()


def hear_all(said: Sequence[Wording], data: Path, voices: Sequence[str], kept: Path | None) -> list[Heard]:
    """All of them, clean and in noise; what `kept` has already is taken from there."""
    found = [Heard(**json.loads(line)) for line in kept.read_text("utf-8").splitlines()] if kept else []
    known = {(heard.said, heard.snr) for heard in found}
    missing = [(each, snr) for snr in (None, SNR) for each in said if (each.text, snr) not in known]
    if missing:
        hearing = Hearing(data, voices)
        for each, snr in missing:
            found.append(hearing.hear(each, snr))
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(found[-1])) + "\n")
        hearing.close()
    wanted = {each.text for each in said}
    return [heard for heard in found if heard.said in wanted]


def share(judged: Iterable[Judged], what: str) -> str:
    every = [getattr(each, what) for each in judged]
    return f"{100 * sum(every) / len(every):.0f} %" if every else "-"


def report(judged: Sequence[Judged]) -> None:
    conditions = sorted({each.heard.snr for each in judged}, key=lambda snr: -math.inf if snr is None else snr)
    names = ["clean" if snr is None else f"{snr:.0f} dB" for snr in conditions]
    header = ["tool", "n", *(f"{name}: {what}" for name in names for what in ("tool", "and arguments"))]
    groups = [(tool, [each for each in judged if each.wording.tool == tool]) for tool in BUILTIN]
    halves = [("mended", False), ("held-out", True)]
    groups += [(name, [each for each in judged if each.wording.held_out is out]) for name, out in halves]
    voices = sorted({each.heard.voice for each in judged})
    groups += [(voice, [each for each in judged if each.heard.voice == voice]) for voice in voices if voice]
    rows = []
    for name, group in [*groups, ("all", judged)]:
        parts = [[each for each in group if each.heard.snr == snr] for snr in conditions]
        shares = (share(part, what) for part in parts for what in ("tool", "whole"))
        rows.append([name, max(map(len, parts), default=0), *shares])
    print(table(header, rows))
    print(f"turns that were taken for more than one: {sum(each.heard.times > 1 for each in judged)} of {len(judged)}")
    for snr, name in zip(conditions, names, strict=True):
        wrong = [each for each in judged if each.heard.snr == snr and not each.whole]
        back, other = sum(each.asked_back for each in wrong), sum(bool(each.called) for each in wrong)
        print(
            f"{name}: of {len(wrong)} that are not right, {back} were asked back, {other} called another tool or with "
            f"other arguments, {len(wrong) - back - other} were declined"
        )
    failed = Counter((each.wording.tool, *(tool for tool, _ in each.called)) for each in judged if not each.whole)
    for kind, count in failed.most_common(WORST):
        print(f"{count} x {kind[0]} → {', '.join(kind[1:]) or 'nothing'}")
        for each in [e for e in judged if not e.whole and (e.wording.tool, *(t for t, _ in e.called)) == kind][:3]:
            given = [arguments for _, arguments in each.called]
            print(f"    {each.wording.text!r} heard {each.heard.text!r} called {given or 'nothing'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--text", action="store_true", help="without sound")
    parser.add_argument("--voices", default=VOICES, help="ENGINE:NAME of the settings synthesizer and voice")
    parser.add_argument("--heard", type=Path, help="file that keeps what was heard")
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--mind", choices=MINDS, default=MINDS[0], help="who understands")
    parser.add_argument("--half", choices=("all", "mended", "held-out"), default="all")
    args = parser.parse_args()
    part, parts = map(int, args.part.split("/"))
    said = [*wordings()][part - 1 :: parts]
    if args.half != "all":
        said = [each for each in said if each.held_out == (args.half == "held-out")]
    print(versions(["duplex", "onnxruntime"]))
    if args.text:
        every = [Heard(each.text, "", None, each.text, 1.0, 1) for each in said]
    elif args.data is None:
        parser.error("--data or --text is needed")
    else:
        if args.heard:
            args.heard.touch()
        every = hear_all(said, args.data, args.voices.split(","), args.heard)
    by_text = {each.text: each for each in said}
    answerer = mind(args.mind)
    report([judge(by_text[heard.said], heard, answerer) for heard in every])
    return 0


if __name__ == "__main__":
    sys.exit(main())
