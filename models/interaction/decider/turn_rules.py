"""The gate of rules: turn taking by silences and by text models, read from percepts alone.

They are the rules of the floor's own table, put as one decision a block: nothing here is trained, nothing is said by
chance. A language model's gate is measured against them, and stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from duplex.models.interaction.decider.contract import Action, Situation, Verdict
from duplex.models.interaction.percepts import Activity, Percept, Words
from duplex.models.turn_taking.contract import TurnTakingModels

LONG_SPEECH = 4.0
"""Seconds of a turn, and between two backchannels, before one is due."""
BACKCHANNEL_PAUSE = 0.2
"""Seconds of silence in which a backchannel fits."""
RECENT = 64
"""Utterances that are remembered: a turn that goes on takes some of them back."""


class Times(Protocol):
    """The times that turns are decided by, in seconds: `duplex.FloorSettings` has them."""

    @property
    def words_patience(self) -> float: ...
    @property
    def words_limit(self) -> float: ...
    @property
    def hear_out(self) -> float: ...
    @property
    def insist_after(self) -> float: ...
    @property
    def noise_limit(self) -> float: ...
    @property
    def turn_limit(self) -> float: ...
    @property
    def breath(self) -> float: ...
    @property
    def pause_long(self) -> float: ...


@dataclass(frozen=True, slots=True)
class RuleState:
    """What the rules remember. It is never changed: an earlier one is a snapshot.

    active: the onset of each party that speaks. ended: when each party's last speech was over. reached: up to when each
    party's words are complete. said: the last revision of each recent utterance, by its number. over: onset of the
    speech over the reply.
    """

    active: Mapping[str, float] = field(default_factory=dict)
    ended: Mapping[str, float] = field(default_factory=dict)
    reached: Mapping[str, float] = field(default_factory=dict)
    closed: Mapping[str, float] = field(default_factory=dict)
    """When each party's last utterance was final: in its pauses more of it may still come."""
    said: Mapping[int, Words] = field(default_factory=dict)
    over: float | None = None
    backchannel: float = -LONG_SPEECH

    @property
    def quiet_since(self) -> float:
        return max(self.ended.values(), default=0.0)

    @property
    def heard_all(self) -> bool:
        """Whether the recognizer has reached the end of what was said."""
        return all(self.reached.get(party, -1.0) >= end for party, end in self.ended.items())

    @property
    def over_for_good(self) -> bool:
        """Whether nothing more can come of what was said."""
        return all(self.closed.get(party, -1.0) >= end for party, end in self.ended.items())

    def open_turn(self, since: float) -> list[Words]:
        """The utterances that are not answered, of whoever spoke last, in the order in which they began."""
        spoken = [words for words in self.said.values() if words.text and words.start >= since]
        last = max(spoken, key=lambda words: words.end, default=None)
        return [words for words in spoken if last is not None and words.party == last.party]


class RuleGate:
    """models: of turn taking, in the language of the conversation."""

    name = "rules"

    def __init__(self, models: TurnTakingModels, times: Times) -> None:
        self._models = models
        self._times = times

    def initial_state(self) -> RuleState:
        return RuleState()

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: RuleState
    ) -> tuple[Verdict | None, RuleState]:
        for percept in percepts:
            state = _perceived(percept, situation, state)
        turn = state.open_turn(situation.since)
        text = " ".join(words.text for words in turn)
        if situation.speaking or situation.held:
            verdict, state = self._over_reply(situation, text, state)
        else:
            state = replace(state, over=None)
            if situation.answering:
                verdict = self._verdict("silent", "the answer is being made")
            elif text or state.active:
                began = turn[0].start if turn else situation.now
                verdict, state = self._in_turn(situation, text, began, state)
            else:
                verdict = self._unasked(situation, state)
        return verdict, state

    def _verdict(self, action: Action, reason: str, score: float = 1.0) -> Verdict:
        return Verdict(action, score, self.name, reason)

    def _in_turn(self, situation: Situation, text: str, began: float, state: RuleState) -> tuple[Verdict, RuleState]:
        now = situation.now
        if state.active:
            if text and now - began >= self._times.turn_limit:
                return self._verdict("respond", f"the turn has lasted {now - began:.0f} s"), state
            return self._verdict("silent", "the user speaks"), state
        silence, patience = now - state.quiet_since, situation.patience
        if not state.heard_all and silence < self._times.words_limit:
            return self._verdict("silent", "the recognizer has not reached the end", 0.5), state
        if silence >= patience:
            return self._verdict("respond", f"{silence:.2f} s of silence, {patience:.2f} s are enough"), state
        due = now - max(began, state.backchannel) >= LONG_SPEECH
        if due and patience >= self._times.pause_long and silence >= BACKCHANNEL_PAUSE:
            return self._verdict("backchannel", "a pause in a long turn"), replace(state, backchannel=now)
        return self._verdict("silent", "the turn may go on", 0.5), state

    def _unasked(self, situation: Situation, state: RuleState) -> Verdict:
        """Nobody speaks, and nobody has said anything that is not answered."""
        if situation.now - state.quiet_since < self._times.breath:
            return self._verdict("silent", "not yet quiet")
        return self._speak_up(situation, "nothing was said")

    def _speak_up(self, situation: Situation, silence: str) -> Verdict:
        """Of a sound that waits for it."""
        sound = situation.noticed
        if sound is None:
            return self._verdict("silent", silence)
        return self._verdict("respond", f"a sound: {sound.label}", sound.score)

    def _over_reply(self, situation: Situation, text: str, state: RuleState) -> tuple[Verdict, RuleState]:
        if state.over is None:
            return self._speak_up(situation, "the assistant speaks"), state
        now = situation.now
        lasted = (now if state.active else state.quiet_since) - state.over
        if text and not self._models.is_backchannel(text) and self._takes_over(text, lasted, state):
            return self._verdict("yield", f"the user says {text!r}"), state
        if state.active:
            if situation.held and text and lasted >= self._times.insist_after:
                return self._verdict("yield", f"the user speaks on: {text!r}"), state
            if situation.held and not text and lasted >= self._times.noise_limit:
                return self._verdict("resume", "a sound without words"), state
            return self._verdict("silent", "it is not clear yet what is said over the reply"), state
        if not state.over_for_good and now - state.quiet_since < self._times.words_patience:
            return self._verdict("silent", "the recognizer has not reached the end"), state
        what = f"{text!r} leaves the floor" if text else "a sound, and no words"
        passed = {number: words for number, words in state.said.items() if words.start < situation.since}
        state = replace(state, said=passed, over=None)
        return self._verdict("resume" if situation.held else "silent", what), state

    def _takes_over(self, text: str, lasted: float, state: RuleState) -> bool:
        """A short burst has to ask for the floor, and be heard to its end: a cough is easily taken for a word."""
        complete = not state.active and state.over_for_good
        if lasted < self._times.hear_out:
            return complete and self._models.asks_for_floor(text)
        return complete or len(text.split()) >= 2


def _perceived(percept: Percept, situation: Situation, state: RuleState) -> RuleState:
    if isinstance(percept, Activity):
        active, ended = dict(state.active), dict(state.ended)
        active.pop(percept.party, None)
        if not percept.active:
            ended[percept.party] = percept.end
            return replace(state, active=active, ended=ended)
        active[percept.party] = percept.start
        over = percept.start if situation.speaking and state.over is None else state.over
        return replace(state, active=active, over=over)
    if isinstance(percept, Words) and not percept.side:
        reached = {**state.reached, percept.party: percept.at} if percept.complete else state.reached
        said = {number: words for number, words in state.said.items() if number > percept.utterance - RECENT}
        said[percept.utterance] = percept
        closed = {**state.closed, percept.party: percept.at} if percept.final else state.closed
        return replace(state, reached=reached, closed=closed, said=said)
    return state
