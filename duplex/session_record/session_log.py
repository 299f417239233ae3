"""What happened in a session, from its event log: the one place that knows how the lines of `events.jsonl` read.

Times are in seconds here; the log has samples. Unknown types and fields are passed over, and a log cut off in the
middle of a line reads up to there. A log of version 1 (without a version) is read too, a newer one is refused.

Long because every type of event has its lines here.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from duplex.events import LOG_VERSION
from duplex.session_record.intervals import Span, cut_out
from duplex.session_record.log_records import (
    ASSISTANT,
    DEFAULT_PARTY,
    SIDE_SPEECH,
    BlockDecision,
    Decided,
    DiarizedTurn,
    Interpretation,
    Interruption,
    MindAct,
    SessionLog,
    SpokenReply,
    SpokenTranslation,
    SpokenTurn,
    TurnKind,
    unique_names,
)
from duplex.session_record.subtitles import TimedWord
from duplex.session_record.word_owners import DiarizedSpeakers, FreeWords, most_common
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError

__all__ = [
    "ASSISTANT",
    "DEFAULT_PARTY",
    "SIDE_SPEECH",
    "BlockDecision",
    "Decided",
    "DiarizedTurn",
    "Interruption",
    "MindAct",
    "SessionLog",
    "Span",
    "SpokenReply",
    "SpokenTranslation",
    "SpokenTurn",
    "parse_events",
    "read_log",
]

_KINDS: dict[str, TurnKind] = {
    "backchannel": "backchannel",
    "side_speech": "side_speech",
    "overheard": "side_speech",  # version 1
}
_NUMBERED = re.compile(r"speaker \d+")
"""A name that the diarizer gave to a voice it does not know."""


def read_log(path: str | os.PathLike[str]) -> SessionLog:
    """From `events.jsonl`. Raises InputError if it cannot be read, if a line other than the last is not an event, or if
    a newer program wrote it."""
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            # Not splitlines: a text may hold characters that Unicode counts as line breaks.
            lines = file.read().split(b"\n")
    except OSError as error:
        raise InputError(f"{name}: the event log cannot be read ({error.strerror})") from None
    while lines and not lines[-1].strip(b" \t\r\0"):  # a disk that lost power leaves zeros behind
        lines.pop()
    events = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line.decode("utf-8", "replace"))
            if not isinstance(event, dict):
                raise ValueError
        except (ValueError, RecursionError):
            if number == len(lines):
                break
            raise InputError(f"{name}: line {number} is not an event") from None
        events.append(event)
    try:
        return parse_events(events)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def parse_events(events: Iterable[Mapping[str, Any]], rate: int = SAMPLE_RATE) -> SessionLog:
    """From event dicts, as `Event.as_dict` gives them, in the order in which they were made. Raises InputError if they
    are of a newer version."""
    reader = _Reader(rate)
    for event in events:
        reader.read(event)
    return reader.finish()


class _Reader:
    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._log = SessionLog()
        self._turns: dict[tuple[Any, ...], SpokenTurn] = {}
        self._replies: dict[Any, Mapping[str, Any]] = {}
        self._spoken: dict[Any, list[TimedWord]] = {}
        self._begun: dict[Any, Mapping[str, Any]] = {}
        self._held: dict[Any, list[float]] = {}
        self._gone_on: dict[Any, list[float]] = {}
        self._calls: dict[Any, MindAct] = {}  # of tools that have not ended
        self._captions: dict[Any, SpokenTranslation] = {}  # not final when the log breaks off

    def read(self, event: Mapping[str, Any]) -> None:
        log = self._log
        start, end = self._time(event.get("start")), self._time(event.get("end"))
        log.duration = max(log.duration, end)
        party = str(event.get("party", DEFAULT_PARTY))
        text, speaker = str(event.get("text", "")), str(event.get("speaker") or "")
        epoch = event.get("epoch")
        score = min(1.0, self._rate * self._time(event.get("score")))
        match event.get("type"):
            case "session_started":
                self._started(event)
            case "session_ended":
                log.ended = True
                log.queues = _mapping(event.get("queues"))
                log.loop = _mapping(event.get("loop")) or None
            case "speech":
                self._known(party)
                log.speech.setdefault(party, []).append(Span(start, end))
            case "word":
                self._known(party)
                log.words.setdefault(party, []).append(TimedWord(text, start, end, speaker))
            case "turn":
                self._turn(event, party, text, start, end, speaker)
            case "translation":
                self._translation(event, SpokenTranslation.told(event, start, end, party))
            case "interpreted":
                log.interpretations.append(Interpretation.told(event, start, end, party))
            case "speaker_turn":
                self._known(party)
                log.diarized.setdefault(party, []).append(DiarizedTurn(start, end, speaker))
            case "sound":
                log.tell_sound(event, start, end, party)
            case "spoken_word":
                self._spoken.setdefault(epoch, []).append(TimedWord(text, start, end))
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
            case "decided":
                action, gate, acted = str(event.get("action", "")), str(event.get("gate", "")), bool(event.get("acted"))
                log.block_decisions.append(BlockDecision(action, score, gate, start, end, acted))
            case "tool_called":
                given = _mapping(event.get("arguments"))
                about = ", ".join(f"{name}: {value}" for name, value in given.items() if value not in ("", None))
                self._calls[event.get("call")] = MindAct(str(event.get("tool", "")), about, start, math.inf)
            case "tool_returned":
                if begun := self._calls.pop(event.get("call"), None):
                    log.mind_acts.append(replace(begun, end=end, failed=bool(event.get("failed"))))
            case "remembered":
                log.mind_acts += MindAct.remembered(event, start)
            case "interrupted":
                decided = self._time(event.get("decided"))
                log.interruptions.append(Interruption(epoch, start, decided, end, str(event.get("heard", ""))))
            case "lost":
                log.lost.append({"at": start, "capability": event.get("capability"), "reason": event.get("reason")})
            case "recording_gap":
                log.recording_gaps.append({"start": start, "end": end, "track": event.get("track")})

    def finish(self) -> SessionLog:
        log = self._log
        for spans in log.speech.values():
            spans.sort()
        for found in log.diarized.values():
            found.sort()
        for party, words in log.words.items():
            speakers = DiarizedSpeakers(log.diarized.get(party, ()))
            words[:] = sorted((speakers.named(word) for word in words), key=lambda word: word.start)
        log.translations = sorted(
            [*log.translations, *self._captions.values()], key=lambda each: (each.start, each.end)
        )
        log.turns = sorted(self._with_words(), key=lambda turn: (turn.start, turn.end))
        audible = [
            epoch for epoch in self._begun.keys() | self._replies.keys() | self._spoken.keys() if self._heard(epoch)
        ]
        log.replies = _cut_in(sorted((self._reply(epoch) for epoch in audible), key=lambda reply: reply.start))
        log.suspensions = sorted(
            Span(held, next((at for at in sorted(self._gone_on.get(epoch, [])) if at >= held), held))
            for epoch, times in self._held.items()
            for held in times
        )
        unended = (replace(act, end=log.duration) for act in self._calls.values())
        log.mind_acts = sorted([*log.mind_acts, *unended], key=lambda act: act.start)
        log.names = _names(log)
        return log

    def _started(self, event: Mapping[str, Any]) -> None:
        log = self._log
        version = event.get("version", 1)
        if not isinstance(version, int) or version > LOG_VERSION:
            raise InputError(
                f"the event log has version {version}, and this program reads up to version {LOG_VERSION}; "
                "use a newer version of Duplex"
            )
        log.version = version
        log.ended = False  # a room that goes on after its worker died has a second beginning
        for name in event.get("parties") or ():
            self._known(str(name))
        log.wall_time = log.wall_time or str(event.get("wall_time", ""))
        settings = event.get("settings")
        log.settings = settings if isinstance(settings, dict) else {}

    def _turn(self, event: Mapping[str, Any], party: str, text: str, start: float, end: float, speaker: str) -> None:
        self._known(party)
        kind = _KINDS.get(str(event.get("kind")), "turn")
        number = event.get("turn")
        key: tuple[Any, ...] = (party, number)
        # A turn that goes on is sent again, whole, under its number. Backchannels and side speech bear the number of
        # the turn before them, so the number does not tell them apart.
        if kind != "turn" or not isinstance(number, int):
            key = (party, number, kind, start, end, speaker, text)
        number = number if isinstance(number, int) else 0
        typed = event.get("typed") is True
        self._turns[key] = SpokenTurn(number, party, text, start, end, kind, speaker, typed=typed)

    def _translation(self, event: Mapping[str, Any], said: SpokenTranslation) -> None:
        self._captions[key := (event.get("caption"), said.language)] = said
        if event.get("final", True):
            self._log.translations.append(self._captions.pop(key))

    def _time(self, sample: Any) -> float:
        if not isinstance(sample, int | float) or not math.isfinite(sample):
            return 0.0
        return max(0.0, float(sample) / self._rate)

    def _known(self, party: str) -> None:
        if party not in self._log.parties:
            self._log.parties.append(party)

    def _with_words(self) -> list[SpokenTurn]:
        """The turns with their words. Each word belongs to one turn: to a backchannel or to side speech, if it was
        said within one, or else to the turn around it."""
        turns = list(self._turns.values())
        free = {party: FreeWords(words) for party, words in self._log.words.items()}
        order = sorted(range(len(turns)), key=lambda at: (turns[at].kind == "turn", turns[at].start))
        for at in order:
            turn = turns[at]
            words = free[turn.party].take(turn.start, turn.end) if turn.party in free and not turn.typed else ()
            turns[at] = replace(turn, words=words, speaker=turn.speaker or most_common(words))
        return turns

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


def _cut_in(replies: list[SpokenReply]) -> list[SpokenReply]:
    """What was said in the middle of a reply (a timer that was due) takes that time away from the reply around it."""
    return [
        replace(
            reply,
            parts=tuple(
                part
                for whole in reply.parts
                for part in cut_out(
                    whole, [other for other in replies if reply.start < other.start and other.end <= reply.end]
                )
            ),
        )
        for reply in replies
    ]


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _names(log: SessionLog) -> dict[tuple[str, str], str]:
    keys = {(party, "") for party in log.parties}
    keys |= {(party, word.speaker) for party, words in log.words.items() for word in words}
    keys |= {(party, turn.speaker) for party, found in log.diarized.items() for turn in found}
    keys |= {(turn.party, turn.voice) for turn in log.turns}
    alone = []
    for party in log.parties:
        speakers = {speaker for other, speaker in keys if other == party and speaker and speaker != SIDE_SPEECH}
        side = any(turn.side_speech and turn.party == party for turn in log.turns)
        if len(speakers) == 1 and not side and all(_NUMBERED.fullmatch(speaker) for speaker in speakers):
            alone.append(party)
    return unique_names(keys, alone)
