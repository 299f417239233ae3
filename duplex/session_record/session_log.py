"""What happened in a session, from its event log: the one place that knows how the lines of `events.jsonl` read.

Times are in seconds here; the log has samples. Unknown types and fields are passed over, so that an older program
reads a newer log, and a log cut off in the middle of a line reads up to there.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from duplex.session_record.subtitles import Caption, SpeakerTurn, TimedWord
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError

ASSISTANT = "assistant"
DEFAULT_PARTY = "user"


class Span(NamedTuple):
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """What a party said before the floor changed hands; `backchannel`: it did not take the floor."""

    number: int
    party: str
    text: str
    start: float
    end: float
    backchannel: bool
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenReply:
    """A reply of the assistant. text: what was heard of it. parts: when it was audible, pauses left out."""

    epoch: int
    turn: int | None
    text: str
    full_text: str
    start: float
    end: float
    interrupted: bool
    decided: float | None
    first_token: float | None
    first_audible: float
    words: tuple[TimedWord, ...]
    parts: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision: `at` is when it was taken, `since` the moment it goes back to."""

    kind: str
    reason: str
    since: float
    at: float
    turn: int | None
    epoch: int | None


@dataclass(frozen=True, slots=True)
class Interruption:
    """The user took the floor from a reply."""

    epoch: int | None
    onset: float
    decided: float
    last_audible: float
    heard: str


@dataclass(slots=True)
class SessionLog:
    """Everything a reader of a session wants to know, each list in order of time."""

    parties: list[str] = field(default_factory=list)
    duration: float = 0.0
    wall_time: str = ""
    ended: bool = False
    """False if the log breaks off."""
    speech: dict[str, list[Span]] = field(default_factory=dict)
    words: dict[str, list[TimedWord]] = field(default_factory=dict)
    turns: list[SpokenTurn] = field(default_factory=list)
    replies: list[SpokenReply] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)
    suspensions: list[Span] = field(default_factory=list)
    lost: list[dict[str, Any]] = field(default_factory=list)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)

    def captions(self) -> list[Caption]:
        """Every party's turns, and of the assistant's replies what was heard."""
        captions = [
            Caption(turn.start, turn.end, turn.party, turn.text, turn.words) for turn in self.turns if turn.text
        ]
        captions += [
            Caption(reply.start, reply.end, ASSISTANT, reply.text, reply.words) for reply in self.replies if reply.text
        ]
        return sorted(captions, key=lambda caption: (caption.start, caption.end))

    def speaker_turns(self) -> list[SpeakerTurn]:
        """Who spoke when: the stretches of activity that belong to a turn, and the audible parts of the replies."""
        spoken = [SpeakerTurn(part.start, part.end, ASSISTANT) for reply in self.replies for part in reply.parts]
        for turn in self.turns:
            inside = [
                SpeakerTurn(max(span.start, turn.start), min(span.end, turn.end), turn.party)
                for span in self.speech.get(turn.party, [])
                if span.start < turn.end and span.end > turn.start
            ]
            spoken += inside or [SpeakerTurn(turn.start, turn.end, turn.party)]
        return sorted(spoken, key=lambda turn: (turn.start, turn.end, turn.party))


def read_log(path: str | os.PathLike[str]) -> SessionLog:
    """From `events.jsonl`. Raises InputError if it cannot be read or a line other than the last is no event."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise InputError(f"{os.fspath(path)}: the event log cannot be read ({error.strerror})") from None
    events = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            if not isinstance(event, dict):
                raise ValueError
        except ValueError:
            if number == len(lines):
                break
            raise InputError(f"{os.fspath(path)}: line {number} is no event") from None
        events.append(event)
    return parse_events(events)


def parse_events(events: Iterable[Mapping[str, Any]], rate: int = SAMPLE_RATE) -> SessionLog:
    """From event dicts, as `Event.as_dict` gives them, in the order in which they were made."""
    reader = _Reader(rate)
    for event in events:
        reader.read(event)
    return reader.finish()


class _Reader:
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._log = SessionLog()
        self._turns: dict[tuple[str, int, float | None], SpokenTurn] = {}
        self._replies: dict[Any, Mapping[str, Any]] = {}
        self._spoken: dict[Any, list[TimedWord]] = {}
        self._begun: dict[Any, Mapping[str, Any]] = {}
        self._held: dict[Any, list[float]] = {}
        self._gone_on: dict[Any, list[float]] = {}

    def read(self, event: Mapping[str, Any]) -> None:
        log = self._log
        start, end = self._time(event.get("start")), self._time(event.get("end"))
        log.duration = max(log.duration, end)
        party = str(event.get("party", DEFAULT_PARTY))
        epoch = event.get("epoch")
        match event.get("type"):
            case "session_started":
                log.parties = [str(name) for name in event.get("parties", ())]
                log.wall_time = str(event.get("wall_time", ""))
            case "session_ended":
                log.ended = True
                log.queues = dict(event.get("queues") or {})
            case "speech":
                self._known(party)
                log.speech.setdefault(party, []).append(Span(start, end))
            case "word":
                self._known(party)
                log.words.setdefault(party, []).append(TimedWord(str(event.get("text", "")), start, end))
            case "turn":
                self._known(party)
                text, backchannel = str(event.get("text", "")), event.get("kind") == "backchannel"
                number = int(event.get("turn", 0))
                # A backchannel bears the number of the turn before it, a turn that goes on its own once more.
                key = (party, number, start if backchannel else None)
                self._turns[key] = SpokenTurn(number, party, text, start, end, backchannel)
            case "spoken_word":
                self._spoken.setdefault(epoch, []).append(TimedWord(str(event.get("text", "")), start, end))
            case "reply_started":
                self._begun[epoch] = event
            case "reply":
                self._replies[epoch] = event
            case "suspended":
                self._held.setdefault(epoch, []).append(end)
            case "resumed":
                self._gone_on.setdefault(epoch, []).append(start)
            case "decision":
                kind, reason = str(event.get("kind", "")), str(event.get("reason", ""))
                log.decisions.append(Decided(kind, reason, start, end, event.get("turn"), epoch))
            case "interrupted":
                decided = self._time(event.get("decided"))
                log.interruptions.append(Interruption(epoch, start, decided, end, str(event.get("heard", ""))))
            case "lost":
                log.lost.append({"at": start, "capability": event.get("capability"), "reason": event.get("reason")})

    def finish(self) -> SessionLog:
        log = self._log
        for spans in log.speech.values():
            spans.sort()
        for words in log.words.values():
            words.sort(key=lambda word: word.start)
        log.turns = sorted((self._with_words(turn) for turn in self._turns.values()), key=lambda turn: turn.start)
        audible = [
            epoch for epoch in self._begun.keys() | self._replies.keys() | self._spoken.keys() if self._heard(epoch)
        ]
        log.replies = sorted((self._reply(epoch) for epoch in audible), key=lambda reply: reply.start)
        log.suspensions = sorted(
            Span(held, next((at for at in sorted(self._gone_on.get(epoch, [])) if at >= held), held))
            for epoch, times in self._held.items()
            for held in times
        )
        return log

    def _time(self, sample: Any) -> float:
        if not isinstance(sample, int | float) or not math.isfinite(sample):
            return 0.0
        return max(0.0, float(sample) / self._rate)

    def _known(self, party: str) -> None:
        if party not in self._log.parties:
            self._log.parties.append(party)

    def _with_words(self, turn: SpokenTurn) -> SpokenTurn:
        inside = [
            word
            for word in self._log.words.get(turn.party, [])
            if turn.start - 1e-6 <= (word.start + word.end) / 2 <= turn.end + 1e-6
        ]
        return replace(turn, words=tuple(inside))

    def _heard(self, epoch: Any) -> bool:
        reply = self._replies.get(epoch)
        return reply is None or bool(reply.get("text")) or reply.get("end", 0) > reply.get("start", 0)

    def _reply(self, epoch: Any) -> SpokenReply:
        """From its last event, or, where the log breaks off before that, from the words that were heard."""
        words = tuple(sorted(self._spoken.get(epoch, []), key=lambda word: word.start))
        begun = self._time(self._begun.get(epoch, {}).get("start"))
        event = self._replies.get(epoch, {})
        start = self._time(event["start"]) if event else begun or (words[0].start if words else 0.0)
        end = self._time(event["end"]) if event else max([start, *(word.end for word in words)])
        text = str(event["text"]) if "text" in event else " ".join(word.text for word in words)
        first = {name: self._time(event[name]) if name in event else None for name in ("decided", "first_token")}
        return SpokenReply(
            epoch=epoch,
            turn=event.get("turn", self._begun.get(epoch, {}).get("turn")),
            text=text.strip(),
            full_text=str(event.get("full_text", text)).strip(),
            start=start,
            end=end,
            interrupted=bool(event.get("interrupted", not event)),
            first_audible=self._time(event["first_audible"]) if "first_audible" in event else start,
            words=words,
            parts=tuple(self._parts(epoch, start, end)),
            **first,
        )

    def _parts(self, epoch: Any, start: float, end: float) -> Iterable[Span]:
        resumed = sorted(self._gone_on.get(epoch, []))
        for held in sorted(self._held.get(epoch, [])):
            if held > start:
                yield Span(start, min(held, end))
            start = next((at for at in resumed if at >= held), end)
        if end > start:
            yield Span(start, end)
