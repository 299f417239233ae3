"""The actions of the table, by name: what each changes in the moment at the sample `at`, and what is to be done."""

from __future__ import annotations

from dataclasses import replace

from duplex.conversation.floor.actions import (
    Acknowledge,
    Action,
    Announce,
    Backchannel,
    CutIn,
    Decide,
    EndTurn,
    Interrupt,
    Resume,
    Suspend,
    TypedTurn,
    Withdraw,
)
from duplex.conversation.floor.moment import Moment, samples
from duplex.events import DecisionKind
from duplex.streaming.audio import SAMPLE_RATE


def open_turn(moment: Moment, at: int) -> list[Action]:
    moment.words.clear()
    moment.reopened = False
    moment.turn_began = min(moment.active.values(), default=at)
    return []


def late_turn(moment: Moment, at: int) -> list[Action]:
    moment.reopened = False
    moment.turn_began = min(said.start for said in moment.words.said.values())
    return []


def keep_turn(moment: Moment, at: int) -> list[Action]:
    """What was said over the reply, unanswered so far, begins the next turn."""
    moment.turn_began = at
    return []


def reopen_turn(moment: Moment, at: int) -> list[Action]:
    """The turn that was answered too early goes on: its words come first."""
    moment.words.reopen(previous=not moment.unheard)
    moment.turn_began = at
    moment.reopened = not moment.unheard  # what was typed is a turn of its own
    moment.messages[:0] = moment.unheard
    moment.unheard = []
    return []


def end_turn(moment: Moment, at: int) -> list[Action]:
    score = moment.finished()
    looks = "not scored in time" if score is None else f"look {score:.0%} finished"
    reason = f"{(at - moment.quiet_since) / SAMPLE_RATE:.2f} s of silence, words {looks}"
    if moment.decision is not None:
        reason += f"; {moment.decision.gate} {moment.decision.score:.0%}"
    if not moment.heard_all():
        reason += "; the recognizer had not reached their end"
    return _close_turn(moment, at, "endpoint", reason, moment.quiet_since)


def limit_turn(moment: Moment, at: int) -> list[Action]:
    reason = f"the turn has lasted {(at - moment.turn_began) / SAMPLE_RATE:.0f} s"
    return _close_turn(moment, at, "turn_limit", reason, moment.turn_began)


def _close_turn(moment: Moment, at: int, kind: DecisionKind, reason: str, since: int) -> list[Action]:
    moment.turn += not moment.reopened
    moment.reopened = False
    moment.next_reply(answering=True)
    texts = moment.words.take(at)
    decision = Decide(kind, reason, since, moment.epoch)
    return [decision, EndTurn(moment.turn, moment.epoch, texts, kind == "turn_limit")]


def typed_turn(moment: Moment, at: int) -> list[Action]:
    messages, moment.messages = tuple(moment.messages), []
    texts = moment.words.take(at)
    moment.turn += bool(texts) and not moment.reopened
    moment.turn += sum(not message.told for message in messages)
    moment.reopened = False
    moment.next_reply(answering=True)
    moment.answers_typed = True
    moment.unheard = [replace(message, told=True) for message in messages]
    decision = Decide("typed", f"the user writes {messages[-1].text!r}", messages[-1].at, moment.epoch)
    return [decision, TypedTurn(moment.turn, moment.epoch, texts, messages)]


def drop_turn(moment: Moment, at: int) -> list[Action]:
    moment.words.clear()
    moment.reopened = False
    reason = "activity without words"
    if moment.words.all_final:
        moment.words.since = at
    else:  # whatever words still come are heard
        reason = f"the recognizer had not reached the sound after {(at - moment.quiet_since) / SAMPLE_RATE:.1f} s"
    return [Decide("nothing_said", reason, moment.turn_began, moment.epoch)]


def announce(moment: Moment, at: int) -> list[Action]:
    moment.announcements = moment.urgent = 0
    moment.next_reply(answering=False)
    return [Decide("announce", "due, and the floor is free", at, moment.epoch), Announce(moment.epoch)]


def cut_in(moment: Moment, at: int) -> list[Action]:
    moment.announcements -= moment.urgent
    moment.urgent = 0
    moment.last_epoch += 1
    decision = Decide("announce", "due: it cuts in at a clause", at, moment.last_epoch)
    return [decision, CutIn(moment.last_epoch)]


def wait(moment: Moment, at: int) -> list[Action]:
    moment.waits_since = moment.quiet_since
    return []


def acknowledge(moment: Moment, at: int) -> list[Action]:
    moment.last_epoch += 1
    decision = Decide("acknowledge", "a pause in a long turn", at, moment.last_epoch)
    return [decision, Acknowledge(moment.last_epoch)]


def withdraw(moment: Moment, at: int) -> list[Action]:
    withdrawn = moment.epoch
    onset = max(moment.active.values(), default=at)
    decision = Decide("withdraw", "the user went on before the reply was audible", onset, withdrawn)
    moment.advance()
    return [decision, Withdraw(withdrawn)]


def interrupt_typed(moment: Moment, at: int) -> list[Action]:
    interrupted = moment.epoch
    decision = Decide("barge_in", "the user writes", at, interrupted)
    moment.advance()
    return [decision, Interrupt(interrupted, at)]


def challenge(moment: Moment, at: int) -> list[Action]:
    moment.challenge = max(moment.active.values(), default=at)
    moment.words.clear()
    moment.turn_began = moment.challenge
    return []


def suspend(moment: Moment, at: int) -> list[Action]:
    onset = moment.onset(at)
    return [Decide("suspend", "speech over the reply", onset, moment.epoch), Suspend(moment.epoch, onset)]


def let_pass(moment: Moment, at: int) -> list[Action]:
    onset = moment.onset(at)
    actions: list[Action] = []
    for party, said in moment.words.said.items():
        if moment.is_backchannel(said.text):
            actions.append(Decide("backchannel", f"{said.text!r} does not take the floor", onset, moment.epoch))
            actions.append(Backchannel(party, said.text, said.start, said.end))
    if not actions:
        reason = "a sound, and no words that ask for the floor"
        actions.append(Decide("false_interruption", reason, onset, moment.epoch))
    moment.words.clear()
    if not moment.active and moment.words.all_final:
        moment.words.since = at
    return actions


def resume(moment: Moment, at: int) -> list[Action]:
    return [Resume(moment.epoch)]


def take_floor(moment: Moment, at: int) -> list[Action]:
    onset = moment.onset(at)
    interrupted = moment.epoch
    text = moment.words.text
    soon = onset - moment.audible_at <= samples(moment.settings.go_on_window)
    if moment.answering and not moment.answers_typed and soon:
        reopen_turn(moment, at)
        decision = Decide("go_on", f"the user had not finished: {text!r}", onset, interrupted)
    else:
        moment.turn_began = onset
        decision = Decide("barge_in", f"the user says {text!r}", onset, interrupted)
    moment.advance()
    return [decision, Interrupt(interrupted, onset)]
