"""Percepts as text that only grows, for a language model to read.

What is certain is kept and never changed: stable words, own speech as it was heard, sounds, timers, results of tools.
What is not (words that may be revised, how long it has been silent, what the assistant does) is a tail, which is read
and then taken back.

    user: what time is it
    assistant: It is nine
    [sound siren 0.9]

and the tail `[silent 0.8 s, falling; assistant idle]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.percepts import (
    Activity,
    OwnSpeech,
    Percept,
    Prosody,
    Sound,
    TimerDue,
    ToolResult,
    Words,
)

ASSISTANT = "assistant"
OPEN = 16
"""Utterances that may be open at once; of more, the oldest is forgotten."""
LONGEST_SILENCE = 5.0
"""Seconds; a longer silence reads like this one."""
FALLING = -10.0
"""Semitones a second from which a pitch falls; rising from as many above 0."""

_MARKUP = re.compile(r"[\[\]<>|\s]+")


@dataclass(frozen=True, slots=True)
class TextState:
    """What is needed to go on. It is never changed: an earlier one is a snapshot.

    line: whose line the kept text ends in. kept: how many words of each open utterance are in it. open: the words of
    each that are not, and whose line they belong to. active: parties that speak. quiet_since: of the last to stop.
    """

    line: str = ""
    kept: Mapping[int, int] = field(default_factory=dict)
    open: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    quiet_since: float = 0.0
    pitch: float | None = None


def plain(text: str) -> str:
    """On one line, and without what marks percepts and control tokens: nothing that is said can pass for one."""
    return _MARKUP.sub(" ", text).strip()


def percept_text(percepts: Sequence[Percept], state: TextState) -> tuple[str, TextState]:
    """What the percepts add to the text, and the state that goes on behind it."""
    added: list[str] = []
    for percept in percepts:
        piece, state = _piece(percept, state)
        added.append(piece)
    return "".join(added), state


def open_words(state: TextState) -> str:
    """The words that may still be revised, as the next part of the text: the first part of the tail."""
    pieces = []
    for who, words in state.open.values():
        piece, state = _said(who, words, state)
        pieces.append(piece)
    return "".join(pieces)


def moment(situation: Situation, state: TextState) -> str:
    """Who speaks, or for how long nobody has, and what the assistant does: the last part of the tail."""
    if state.active:
        heard = f"{', '.join(sorted(state.active))} speaking"
    else:
        silence = min(LONGEST_SILENCE, max(0.0, situation.now - state.quiet_since))
        heard = f"silent {silence:.1f} s{_contour(state.pitch)}"
    return f"\n[{heard}; {ASSISTANT} {_doing(situation)}]"


def _piece(percept: Percept, state: TextState) -> tuple[str, TextState]:
    match percept:
        case Words():
            return _words(percept, state)
        case OwnSpeech():
            return _said(ASSISTANT, plain(percept.text), state)
        case Activity():
            active = state.active | {percept.party} if percept.active else state.active - {percept.party}
            quiet = state.quiet_since if percept.active else max(state.quiet_since, percept.end)
            return "", replace(state, active=active, quiet_since=quiet, pitch=None if percept.active else state.pitch)
        case Prosody():
            return "", replace(state, pitch=percept.pitch_slope)
        case Sound():
            return _noted(f"sound {plain(percept.label)} {percept.score:.1f}", state)
        case TimerDue():
            return _noted(f"timer: {plain(percept.text)}", state)
        case ToolResult():
            outcome = "failed" if percept.failed else "found"
            return _noted(f"tool {plain(percept.tool)} {outcome}: {plain(percept.text)}", state)
    return "", state


def _words(said: Words, state: TextState) -> tuple[str, TextState]:
    """The words that have become stable; those that may still be revised stay open. What is kept is not revised."""
    words = said.text.split()
    before = state.kept.get(said.utterance, 0)
    stable = max(before, len(words) if said.final else said.stable)
    who = plain(f"{said.speaker or said.party} aside" if said.side else said.party)
    piece, state = _said(who, plain(" ".join(words[before:stable])), state)
    kept = {number: count for number, count in state.kept.items() if number != said.utterance}
    rest = {number: words for number, words in state.open.items() if number != said.utterance}
    if not said.final:
        kept[said.utterance] = stable
        rest[said.utterance] = who, plain(" ".join(words[stable:]))
    for number in sorted(kept)[:-OPEN]:
        del kept[number], rest[number]
    return piece, replace(state, kept=kept, open=rest)


def _said(who: str, words: str, state: TextState) -> tuple[str, TextState]:
    if not words:
        return "", state
    return (f" {words}" if state.line == who else f"\n{who}: {words}"), replace(state, line=who)


def _noted(note: str, state: TextState) -> tuple[str, TextState]:
    return f"\n[{note}]", replace(state, line="")


def _contour(pitch: float | None) -> str:
    if pitch is None or abs(pitch) < -FALLING:
        return ""
    return ", falling" if pitch < 0 else ", rising"


def _doing(situation: Situation) -> str:
    if situation.held:
        return "held"
    if situation.speaking:
        return "speaking"
    if situation.answering:
        return "answering"
    return "waiting for an answer" if situation.asked else "idle"
