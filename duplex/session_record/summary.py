"""The figures of a session: how long each answer took and where the time went, how interruptions ended, who spoke how
long, what was dropped. From the event log alone, so any recorded session can be summed up again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from duplex.session_record.session_log import (
    ASSISTANT,
    Decided,
    Interruption,
    SessionLog,
    SpokenReply,
    SpokenTurn,
    parse_events,
)

ANSWERING = ("endpoint", "turn_limit")
"""Decisions after which a reply is due."""


def summarize(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """From event dicts to what `summary.json` holds. Times in seconds on the session's clock; what took how long, in
    milliseconds. A part that did not happen (no reply to a turn) is null."""
    return summarize_log(parse_events(events))


def summarize_log(log: SessionLog) -> dict[str, Any]:
    decisions: dict[int | None, Decided] = {}
    for decision in log.decisions:
        if decision.kind in ANSWERING:
            decisions[decision.turn] = decision  # a turn that went on after an endpoint has several; the last one stood
    replies: dict[tuple[int | None, int | None], SpokenReply] = {}
    for reply in log.replies:
        replies.setdefault((reply.turn, reply.epoch), reply)
        replies.setdefault((reply.turn, None), reply)
    turns = [_turn(turn, log, decisions.get(turn.number), replies) for turn in log.turns if turn.kind == "turn"]
    interruptions = [_interruption(event) for event in log.interruptions]
    return {
        "duration": _seconds(log.duration),
        "wall_time": log.wall_time,
        "complete": log.ended,
        "speaking": _speaking(log),
        "speakers": _speakers(log),
        "turns": turns,
        "side_speech": [_side_speech(turn, log) for turn in log.turns if turn.side_speech],
        "sounds": _sounds(log),
        "latency_ms": {part: _spread([turn["latency_ms"][part] for turn in turns]) for part in _PARTS},
        "interpreting": _interpreting(log),
        "interruptions": interruptions,
        "interruption_ms": {
            part: _spread([entry["latency_ms"][part] for entry in interruptions]) for part in _INTERRUPTION_PARTS
        },
        "counts": {
            "turns": len(turns),
            "backchannels": sum(turn.backchannel for turn in log.turns),
            "side_speech": sum(turn.side_speech for turn in log.turns),
            "replies": len(log.replies),
            "interrupted_replies": sum(reply.interrupted for reply in log.replies),
            "decisions": dict(sorted(Counter(decision.kind for decision in log.decisions).items())),
        },
        "queues": log.queues,
        "dropped": sum(_count(queue.get("dropped")) for queue in log.queues.values()),
        "recording_gaps": log.recording_gaps,
        "loop": log.loop,
        "lost": log.lost,
    }


_PARTS = ("decision", "first_token", "first_audible", "total")
"""From the end of speech to the decision, from there to the first token, from there to the first audible sample; and
all three together."""

_INTERRUPTION_PARTS = ("decision", "silence", "total")
"""From the onset of the user's speech to the decision, from there to the last audible sample; and both together."""


def _turn(
    turn: SpokenTurn,
    log: SessionLog,
    decision: Decided | None,
    replies: Mapping[tuple[int | None, int | None], SpokenReply],
) -> dict[str, Any]:
    # Of several replies to a turn, the one that the decision led to. One that was withdrawn before it was heard is not
    # in the log.
    reply = replies.get((turn.number, decision.epoch if decision else None))
    # A turn that was cut off at its limit had no end of speech to go back to.
    end = decision.since if decision and decision.kind == "endpoint" else turn.end
    decided = decision.at if decision else (reply.decided if reply else None)
    token = reply.first_token if reply else None
    audible = reply.first_audible if reply else None
    return {
        "turn": turn.number,
        "party": turn.party,
        "speaker": log.name(turn.party, turn.voice),
        "text": turn.text,
        "start": _seconds(turn.start),
        "end_of_speech": _seconds(end),
        "decided": _seconds(decided),
        "decision": decision.kind if decision else None,
        "reason": decision.reason if decision else None,
        "first_token": _seconds(token),
        "first_audible": _seconds(audible),
        "reply": reply.text if reply else None,
        "interrupted": reply.interrupted if reply else None,
        "latency_ms": {
            "decision": _between(end, decided),
            "first_token": _between(decided, token),
            "first_audible": _between(token, audible),
            "total": _between(end, audible),
        },
    }


def _side_speech(turn: SpokenTurn, log: SessionLog) -> dict[str, Any]:
    return {
        "party": turn.party,
        "speaker": log.name(turn.party, turn.voice),
        "text": turn.text,
        "start": _seconds(turn.start),
        "end": _seconds(turn.end),
    }


def _sounds(log: SessionLog) -> dict[str, dict[str, Any]]:
    """How often each sound was heard, how long, and when first."""
    heard: dict[str, dict[str, Any]] = {}
    for sound in log.sounds.values():
        entry = heard.setdefault(sound.label, {"count": 0, "seconds": 0.0, "first": _seconds(sound.start)})
        entry["count"] += 1
        entry["seconds"] = _seconds(entry["seconds"] + sound.end - sound.start)
    return heard


def _interpreting(log: SessionLog) -> dict[str, dict[str, Any]]:
    """By language: sentences that were spoken, those left out by why, and by how much the spoken were behind."""
    told = {}
    for language in sorted({each.language for each in log.interpretations}):
        own = [each for each in log.interpretations if each.language == language]
        behind = [_between(0.0, each.behind) for each in own if not each.reason]
        left_out = Counter(each.reason for each in own if each.reason)
        told[language] = {"spoken": len(behind), "left_out": dict(left_out), "behind_ms": _spread(behind)}
    return told


def _interruption(event: Interruption) -> dict[str, Any]:
    return {
        "epoch": event.epoch,
        "onset": _seconds(event.onset),
        "decided": _seconds(event.decided),
        "last_audible": _seconds(event.last_audible),
        "heard": event.heard,
        "latency_ms": {
            "decision": _between(event.onset, event.decided),
            "silence": _until_silent(event.decided, event.last_audible),
            "total": _until_silent(event.onset, event.last_audible),
        },
    }


def _speaking(log: SessionLog) -> dict[str, dict[str, Any]]:
    """Per party: seconds of speech, words, turns; the assistant as it was heard."""
    spoken = {}
    for party in log.parties:
        turns = [turn for turn in log.turns if turn.party == party]
        spoken[party] = {
            "seconds": _seconds(sum(span.end - span.start for span in log.speech.get(party, []))),
            "words": len(log.words.get(party, [])) or sum(len(turn.text.split()) for turn in turns),
            "turns": sum(turn.kind == "turn" for turn in turns),
        }
    spoken[ASSISTANT] = {
        "seconds": _seconds(sum(part.end - part.start for reply in log.replies for part in reply.parts)),
        "words": sum(len(reply.words) or len(reply.text.split()) for reply in log.replies),
        "turns": len(log.replies),
    }
    return spoken


def _speakers(log: SessionLog) -> dict[str, dict[str, Any]]:
    """Per speaker, by the name that the transcripts have, in order of appearance: seconds of speech, words, turns (side
    speech and backchannels among them)."""
    spoken = log.speaker_turns()
    names = dict.fromkeys([*(turn.party for turn in spoken), *(caption.party for caption in log.captions())])
    seconds: Counter[str] = Counter()
    for turn in spoken:
        seconds[turn.party] += turn.end - turn.start  # type: ignore[assignment]
    turns = Counter(log.name(turn.party, turn.voice) for turn in log.turns)
    turns[ASSISTANT] += len(log.replies)
    words: Counter[str] = Counter()
    for caption in log.captions():
        words[caption.party] += len(caption.text.split())
    return {
        name: {"seconds": _seconds(float(seconds[name])), "words": words[name], "turns": turns[name]} for name in names
    }


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0


def _spread(values: Iterable[float | None]) -> dict[str, Any]:
    """Count, median, 95th percentile (nearest rank) and maximum."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return {"count": 0, "p50": None, "p95": None, "max": None}
    rank = {q: known[max(0, math.ceil(q * len(known)) - 1)] for q in (0.5, 0.95)}
    return {"count": len(known), "p50": rank[0.5], "p95": rank[0.95], "max": known[-1]}


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _until_silent(start: float, last_audible: float) -> float | None:
    """Milliseconds; 0 where the reply happened to be silent already, between two of its sentences."""
    return _between(start, max(start, last_audible))


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(1000 * (end - start), 2)
