"""The rules of the floor, as data: states, triggers, and the transition table.

`docs/floor.md` shows the same table; a test keeps the two equal. Guards are functions of guards.py, actions of
effects.py, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    LISTENING = "listening"  # nobody has the floor
    HEARING = "hearing"  # the user has it and speaks
    PAUSING = "pausing"  # the user has it and is silent
    THINKING = "thinking"  # the assistant has it; nothing is audible yet
    SPEAKING = "speaking"  # the assistant is audible
    OVERLAP = "overlap"  # so is the user, for a moment
    SUSPENDED = "suspended"  # the reply is held until it is clear what the sound was


class Trigger(StrEnum):
    SPEECH_STARTED = "speech started"
    SPEECH_ENDED = "speech ended"
    WORDS = "words"
    TICK = "tick"
    REPLY_AUDIBLE = "reply audible"
    REPLY_ENDED = "reply ended"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Rule:
    """In `state`, when `trigger` comes and every guard holds: do the actions and go to `target`."""

    state: State
    trigger: Trigger
    guards: tuple[str, ...]
    actions: tuple[str, ...]
    target: State


def _rules() -> tuple[Rule, ...]:
    s, t = State, Trigger
    rows: list[Rule] = []

    def on(state: State, trigger: Trigger, guards: str, actions: str, target: State) -> None:
        rows.append(Rule(state, trigger, tuple(guards.split()), tuple(actions.split()), target))

    on(s.LISTENING, t.SPEECH_STARTED, "", "open_turn", s.HEARING)
    on(s.LISTENING, t.TICK, "due quiet", "announce", s.THINKING)
    on(s.LISTENING, t.TICK, "typed", "typed_turn", s.THINKING)
    on(s.LISTENING, t.WORDS, "late_words", "late_turn", s.PAUSING)

    on(s.HEARING, t.SPEECH_ENDED, "all_silent", "", s.PAUSING)
    on(s.HEARING, t.TICK, "too_long has_words", "limit_turn", s.THINKING)
    on(s.HEARING, t.TICK, "typed only_noise", "typed_turn", s.THINKING)

    on(s.PAUSING, t.SPEECH_STARTED, "", "", s.HEARING)
    on(s.PAUSING, t.TICK, "typed verdict_due", "typed_turn", s.THINKING)
    on(s.PAUSING, t.TICK, "pause_over has_words", "end_turn", s.THINKING)
    on(s.PAUSING, t.TICK, "pause_over", "drop_turn", s.LISTENING)

    on(s.THINKING, t.SPEECH_STARTED, "answering", "withdraw reopen_turn", s.HEARING)
    on(s.THINKING, t.SPEECH_STARTED, "", "withdraw open_turn", s.HEARING)
    on(s.THINKING, t.TICK, "typed answering", "withdraw reopen_turn typed_turn", s.THINKING)
    on(s.THINKING, t.TICK, "typed", "withdraw typed_turn", s.THINKING)
    on(s.THINKING, t.REPLY_AUDIBLE, "", "", s.SPEAKING)

    on(s.SPEAKING, t.SPEECH_STARTED, "interruptible", "challenge", s.OVERLAP)
    on(s.SPEAKING, t.TICK, "typed interruptible", "interrupt_typed", s.PAUSING)
    on(s.SPEAKING, t.TICK, "urgent", "cut_in", s.SPEAKING)
    on(s.SPEAKING, t.WORDS, "challenged take_over talking", "take_floor", s.HEARING)
    on(s.SPEAKING, t.WORDS, "challenged take_over", "take_floor", s.PAUSING)

    for state in (s.OVERLAP, s.SUSPENDED):
        on(state, t.TICK, "typed talking", "interrupt_typed", s.HEARING)
        on(state, t.TICK, "typed", "interrupt_typed", s.PAUSING)
        on(state, t.WORDS, "take_over talking", "take_floor", s.HEARING)
        on(state, t.WORDS, "take_over", "take_floor", s.PAUSING)
    on(s.OVERLAP, t.TICK, "insistent_onset", "suspend", s.SUSPENDED)
    on(s.OVERLAP, t.TICK, "verdict_due", "let_pass", s.SPEAKING)
    on(s.SUSPENDED, t.TICK, "verdict_due", "let_pass resume", s.SPEAKING)
    on(s.SUSPENDED, t.TICK, "insistent has_words", "take_floor", s.HEARING)
    on(s.SUSPENDED, t.TICK, "only_noise", "let_pass resume", s.SPEAKING)

    on(s.OVERLAP, t.REPLY_ENDED, "talking", "", s.HEARING)
    on(s.OVERLAP, t.REPLY_ENDED, "", "", s.PAUSING)
    on(s.SUSPENDED, t.REPLY_ENDED, "talking", "", s.HEARING)
    on(s.SUSPENDED, t.REPLY_ENDED, "", "", s.PAUSING)
    for state in (s.THINKING, s.SPEAKING):
        on(state, t.REPLY_ENDED, "talking", "keep_turn", s.HEARING)
        on(state, t.REPLY_ENDED, "has_words", "keep_turn", s.PAUSING)
        on(state, t.REPLY_ENDED, "", "", s.LISTENING)

    # What the decider decides: a block's decision, which may be late, against what has happened since.
    on(s.PAUSING, t.DECISION, "to_respond current has_words heard_all", "end_turn", s.THINKING)
    on(s.PAUSING, t.DECISION, "to_wait current", "wait", s.PAUSING)
    for state in (s.HEARING, s.PAUSING):
        on(state, t.DECISION, "to_acknowledge current backchannels", "acknowledge", state)
    on(s.SPEAKING, t.DECISION, "to_yield challenged talking has_words", "take_floor", s.HEARING)
    for state in (s.OVERLAP, s.SUSPENDED):
        on(state, t.DECISION, "to_yield has_words talking", "take_floor", s.HEARING)
        on(state, t.DECISION, "to_yield has_words", "take_floor", s.PAUSING)
    on(s.OVERLAP, t.DECISION, "to_yield talking", "suspend", s.SUSPENDED)
    on(s.OVERLAP, t.DECISION, "to_resume current", "let_pass", s.SPEAKING)
    on(s.SUSPENDED, t.DECISION, "to_resume current", "let_pass resume", s.SPEAKING)
    return tuple(rows)


RULES: tuple[Rule, ...] = _rules()
