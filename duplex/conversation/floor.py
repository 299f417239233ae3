"""The floor: who may speak, as an explicit state machine (turn taking).

Pure and synchronous: what is perceived goes in, what to do comes out, and all time is samples. The rules are data
(`duplex.conversation.floor_rules`).

The assistant falls silent at the onset of speech and decides afterwards: a reply that turns out to have been
disturbed by a cough or a "mhm" resumes where it stopped (as LiveKit does; FastRTC waits for the user to finish).

Long because every guard and every action of the one machine reads the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from duplex.conversation.floor_rules import (
    RULES,
    Acknowledge,
    Action,
    Announce,
    Backchannel,
    CutIn,
    Decide,
    EndTurn,
    Interrupt,
    Message,
    Resume,
    Rule,
    State,
    Suspend,
    Trigger,
    TypedTurn,
    Withdraw,
)
from duplex.events import DecisionKind
from duplex.floor_settings import FloorSettings
from duplex.models.interaction.decider.contract import Verdict
from duplex.streaming.audio import SAMPLE_RATE

SURE = 0.9
"""The score from which the decider's silence makes a turn wait as long as for unfinished words."""


@dataclass(slots=True)
class Said:
    """What one party has said in this turn."""

    start: int
    end: int
    finals: list[str] = field(default_factory=list)
    partial: str = ""

    @property
    def text(self) -> str:
        return " ".join(part for part in (*self.finals, self.partial) if part)


class Floor:
    """The state machine. Call the methods in the order things are perceived; each returns what to do.

    is_backchannel: text -> whether it leaves the floor alone. asks_for_floor: text -> whether even a short burst of it
    is meant to take the floor. How finished the words look is not asked here: whoever scores `text` tells `scored`.
    """

    def __init__(
        self,
        settings: FloorSettings | None = None,
        *,
        is_backchannel: Callable[[str], bool],
        asks_for_floor: Callable[[str], bool],
    ) -> None:
        self.settings = settings or FloorSettings()
        self.state = State.LISTENING
        self.turn = 0
        self.epoch = 0
        self.announcements = 0
        """How many announcements wait for the floor; the session counts them up, `Announce` takes all."""
        self.urgent = 0
        """How many of them do not wait until a reply is over; `CutIn` takes these."""
        self.last_rule: Rule | None = None
        """The rule that fired last: why the floor is where it is."""
        self._is_backchannel = is_backchannel
        self._asks_for_floor = asks_for_floor
        self._active: dict[str, int] = {}
        self._known: dict[str, tuple[int, int]] = {}
        """Of each party's last speech: its onset, and when that was known. The turn may have ended in between."""
        self._said: dict[str, Said] = {}
        self._previous: dict[str, Said] = {}
        self._open_utterances = 0
        self._reached = -1
        """Sample up to which the recognizer had heard everything when last asked."""
        self._messages: list[Message] = []
        """Typed, and not answered yet."""
        self._unheard: list[Message] = []
        """Typed, and answered by the reply of which nothing has been audible yet."""
        self._score: tuple[str, float] | None = None
        self._last_epoch = 0
        self._turn_began = 0
        self._accept_from = 0
        self._previous_accept_from = 0
        self._quiet_since = 0
        self._reopened = False
        self._answering = False
        self._answers_typed = False
        self._audible_at = 0
        self._challenge: int | None = None
        self._commanded = False
        """While a command is told: it takes the floor however short it is."""
        self._decision: Verdict | None = None
        """While a decision is told: what it is."""
        self._decided_on = 0
        """The sample that it is about."""
        self._waits_since = -1
        """Where the silence began in which the turn is waited for as long as for unfinished words."""
        self._rules: dict[tuple[State, Trigger], list[Rule]] = {}
        for rule in RULES:
            self._rules.setdefault((rule.state, rule.trigger), []).append(rule)

    # What is perceived.

    def utterance_opened(self) -> None:
        """A recognizer began to listen: `words` will come, and one final call of it."""
        self._open_utterances += 1

    def speech_started(self, at: int, onset: int, party: str) -> list[Action]:
        self._active[party] = onset
        self._known[party] = (onset, at)
        return self._fire(Trigger.SPEECH_STARTED, at)

    def speech_ended(self, at: int, offset: int, party: str) -> list[Action]:
        self._active.pop(party, None)
        self._quiet_since = max(self._quiet_since, offset)
        return self._fire(Trigger.SPEECH_ENDED, at)

    def words(self, at: int, party: str, text: str, *, onset: int, end: int, final: bool) -> list[Action]:
        """The utterance that began at `onset` says `text` so far. Words of an earlier turn are ignored."""
        if final:
            self._open_utterances = max(0, self._open_utterances - 1)
        confirmed, known = self._known.get(party, (-1, -1))
        if (known if confirmed == onset else onset) < self._accept_from:
            before = self._previous.get(party)
            if final and before is not None and before.partial:  # the turn did not wait for the utterance to end
                before.finals.append(text or before.partial)
                before.partial = ""
            return []
        said = self._said.get(party)
        if said is None:
            if not text:
                return []
            said = self._said[party] = Said(onset, end)
        if text:
            said.end = max(said.end, end)
        said.partial = "" if final else text
        if final and text:
            said.finals.append(text)
        return self._fire(Trigger.WORDS, at) if text else []

    def caught_up(self, reached: int) -> None:
        """The words that come next are all that was said up to the sample `reached`, though their utterance is open."""
        self._reached = max(self._reached, reached)

    def typed(self, at: int, party: str, text: str) -> None:
        """The party has typed `text`: it is answered with the next tick at which it may be."""
        self._messages.append(Message(party, text, at))

    @property
    def typing(self) -> bool:
        """Whether something that was typed waits."""
        return bool(self._messages)

    @property
    def contested(self) -> bool:
        """Whether a reply is audible or held, so that a command would end it."""
        return self.state in (State.SPEAKING, State.OVERLAP, State.SUSPENDED)

    def command(self, at: int, party: str, text: str, *, onset: int, end: int) -> list[Action]:
        """The burst that began at `onset` is the command `text`, though its utterance's last words are still to come.

        Only a reply can be commanded; otherwise the words alone count.
        """
        if not self.contested:
            return []
        self._said.pop(party, None)  # the recognizer's idea of the same burst
        self._commanded = True
        actions = self.words(at, party, text, onset=onset, end=end, final=False)
        self._commanded = False
        return actions

    @property
    def text(self) -> str:
        """The words of whoever spoke last in this turn."""
        said = max(self._said.values(), key=lambda said: said.end, default=None)
        return said.text if said else ""

    def scored(self, text: str, score: float) -> None:
        """`text` looks finished with probability `score`; it counts as long as it is what the turn says."""
        self._score = (text, score)

    def tick(self, at: int) -> list[Action]:
        """Time passes: call once a frame."""
        return self._fire(Trigger.TICK, at)

    def decided(self, at: int, decision: Verdict, about: int) -> list[Action]:
        """The decider has decided on what was perceived up to the sample `about`."""
        self._decision, self._decided_on = decision, about
        actions = self._fire(Trigger.DECISION, at)
        self._decision = None
        return actions

    @property
    def since(self) -> int:
        """The sample before which words belong to turns that are over."""
        return self._accept_from

    def reply_audible(self, at: int, epoch: int) -> list[Action]:
        if epoch != self.epoch:
            return []
        self._audible_at = at
        self._unheard = []
        return self._fire(Trigger.REPLY_AUDIBLE, at)

    def reply_ended(self, at: int, epoch: int) -> list[Action]:
        """The reply was played to its end, was empty, or failed."""
        if epoch != self.epoch:
            return []
        self._quiet_since = max(self._quiet_since, at)
        self._unheard = []
        return self._fire(Trigger.REPLY_ENDED, at)

    def _fire(self, trigger: Trigger, at: int) -> list[Action]:
        for rule in self._rules.get((self.state, trigger), ()):
            if all(getattr(self, f"_guard_{name}")(at) for name in rule.guards):
                actions: list[Action] = []
                for name in rule.actions:
                    actions.extend(getattr(self, f"_do_{name}")(at))
                self.state = rule.target
                self.last_rule = rule
                return actions
        return []

    # Guards: each is one question about the moment.

    def _guard_due(self, at: int) -> bool:
        return self.announcements > 0

    def _guard_quiet(self, at: int) -> bool:
        return not self._active and at - self._quiet_since >= self._samples(self.settings.breath)

    def _guard_all_silent(self, at: int) -> bool:
        return not self._active

    def _guard_talking(self, at: int) -> bool:
        return bool(self._active)

    def _guard_has_words(self, at: int) -> bool:
        return any(said.text for said in self._said.values())

    def _guard_too_long(self, at: int) -> bool:
        return at - self._turn_began >= self._samples(self.settings.turn_limit)

    def _guard_pause_over(self, at: int) -> bool:
        pause = at - self._quiet_since
        if not self._heard_all() and pause < self._samples(self.settings.words_limit):
            return False
        return pause >= self._samples(self.pause_limit())

    def _guard_late_words(self, at: int) -> bool:
        """A turn was given up before the recognizer had reached it; now it has, and there were words."""
        text = self.text
        return not self._open_utterances and bool(text) and not self._is_backchannel(text)

    def _guard_typed(self, at: int) -> bool:
        return self.typing

    def _guard_urgent(self, at: int) -> bool:
        return self.urgent > 0

    def _guard_answering(self, at: int) -> bool:
        return self._answering

    def _guard_interruptible(self, at: int) -> bool:
        return self.settings.interruptions

    def _guard_challenged(self, at: int) -> bool:
        return self._challenge is not None

    def _guard_take_over(self, at: int) -> bool:
        """The words are more than a backchannel.

        Of a burst shorter than `hear_out` they must be final and ask for the floor: a cough is easily taken for a word.
        Of a longer one any final word will do, or two of a partial. A command that was spotted needs nothing else.
        """
        if self._commanded:
            return True
        text = self.text
        if not text or self._is_backchannel(text):
            return False
        onset = self._challenge if self._challenge is not None else self._turn_began
        lasted = (at if self._active else self._quiet_since) - onset
        if lasted < self._samples(self.settings.hear_out):
            return not self._open_utterances and self._asks_for_floor(text)
        return not self._open_utterances or len(text.split()) >= 2

    def _guard_insistent_onset(self, at: int) -> bool:
        return self._talked_for(at) >= self._samples(self.settings.suspend_after)

    def _guard_insistent(self, at: int) -> bool:
        return self._talked_for(at) >= self._samples(self.settings.insist_after)

    def _guard_only_noise(self, at: int) -> bool:
        return not self._guard_has_words(at) and self._talked_for(at) >= self._samples(self.settings.noise_limit)

    def _guard_verdict_due(self, at: int) -> bool:
        if self._active:
            return False
        return not self._open_utterances or at - self._quiet_since >= self._samples(self.settings.words_patience)

    def _guard_heard_all(self, at: int) -> bool:
        return self._heard_all()

    def _guard_current(self, at: int) -> bool:
        """Nobody has begun to speak since the moment that the decision is about."""
        return all(known <= self._decided_on for _, known in self._known.values())

    def _guard_to_respond(self, at: int) -> bool:
        return self._decides("respond")

    def _guard_to_yield(self, at: int) -> bool:
        return self._decides("yield")

    def _guard_to_resume(self, at: int) -> bool:
        return self._decides("resume")

    def _guard_to_acknowledge(self, at: int) -> bool:
        return self._decides("backchannel")

    def _guard_to_wait(self, at: int) -> bool:
        return self._decides("silent", SURE)

    def _guard_backchannels(self, at: int) -> bool:
        return self.settings.backchannels

    # Actions.

    def _do_open_turn(self, at: int) -> list[Action]:
        self._said = {}
        self._reopened = False
        self._turn_began = min(self._active.values(), default=at)
        return []

    def _do_late_turn(self, at: int) -> list[Action]:
        self._reopened = False
        self._turn_began = min(said.start for said in self._said.values())
        return []

    def _do_keep_turn(self, at: int) -> list[Action]:
        """What was said over the reply, unanswered so far, begins the next turn."""
        self._turn_began = at
        return []

    def _do_reopen_turn(self, at: int) -> list[Action]:
        """The turn that was answered too early goes on: its words come first."""
        since = self._said
        self._said = {} if self._unheard else self._previous
        for party, said in since.items():
            before = self._said.get(party)
            if before is None:
                self._said[party] = said
            else:
                before.finals.extend(said.finals)
                before.partial = said.partial
                before.end = said.end
        self._accept_from = self._previous_accept_from
        self._turn_began = at
        self._reopened = not self._unheard  # what was typed is a turn of its own
        self._messages[:0] = self._unheard
        self._unheard = []
        return []

    def _do_end_turn(self, at: int) -> list[Action]:
        score = self._finished()
        looks = "not scored in time" if score is None else f"look {score:.0%} finished"
        reason = f"{(at - self._quiet_since) / SAMPLE_RATE:.2f} s of silence, words {looks}"
        if self._decision is not None:
            reason += f"; {self._decision.gate} {self._decision.score:.0%}"
        if not self._heard_all():
            reason += "; the recognizer had not reached their end"
        return self._close_turn(at, "endpoint", reason, self._quiet_since)

    def _do_limit_turn(self, at: int) -> list[Action]:
        reason = f"the turn has lasted {(at - self._turn_began) / SAMPLE_RATE:.0f} s"
        return self._close_turn(at, "turn_limit", reason, self._turn_began)

    def _close_turn(self, at: int, kind: DecisionKind, reason: str, since: int) -> list[Action]:
        self.turn += not self._reopened  # a turn that went on keeps its number
        self._reopened = False
        self._next_epoch(answering=True)
        texts = self._take_said(at)
        return [Decide(kind, reason, since, self.epoch), EndTurn(self.turn, self.epoch, texts, kind == "turn_limit")]

    def _do_typed_turn(self, at: int) -> list[Action]:
        messages, self._messages = tuple(self._messages), []
        texts = self._take_said(at)
        self.turn += bool(texts) and not self._reopened
        self.turn += sum(not message.told for message in messages)
        self._reopened = False
        self._next_epoch(answering=True)
        self._answers_typed = True
        self._unheard = [replace(message, told=True) for message in messages]
        decision = Decide("typed", f"the user writes {messages[-1].text!r}", messages[-1].at, self.epoch)
        return [decision, TypedTurn(self.turn, self.epoch, texts, messages)]

    def _take_said(self, at: int) -> tuple[tuple[str, str, int, int], ...]:
        """The words of the turn, which is over."""
        texts = tuple(
            (party, said.text, said.start, said.end)
            for party, said in sorted(self._said.items(), key=lambda item: item[1].end)
            if said.text
        )
        self._previous, self._said = self._said, {}
        self._previous_accept_from, self._accept_from = self._accept_from, at
        return texts

    def _do_drop_turn(self, at: int) -> list[Action]:
        self._said = {}
        self._reopened = False
        reason = "activity without words"
        if self._open_utterances:  # whatever words still come are heard
            reason = f"the recognizer had not reached the sound after {(at - self._quiet_since) / SAMPLE_RATE:.1f} s"
        else:
            self._accept_from = at
        return [Decide("nothing_said", reason, self._turn_began, self.epoch)]

    def _do_announce(self, at: int) -> list[Action]:
        self.announcements = self.urgent = 0
        self._next_epoch(answering=False)
        return [Decide("announce", "due, and the floor is free", at, self.epoch), Announce(self.epoch)]

    def _do_cut_in(self, at: int) -> list[Action]:
        self.announcements -= self.urgent
        self.urgent = 0
        self._last_epoch += 1
        return [Decide("announce", "due: it cuts in at a clause", at, self._last_epoch), CutIn(self._last_epoch)]

    def _do_wait(self, at: int) -> list[Action]:
        self._waits_since = self._quiet_since
        return []

    def _do_acknowledge(self, at: int) -> list[Action]:
        self._last_epoch += 1
        decision = Decide("acknowledge", "a pause in a long turn", at, self._last_epoch)
        return [decision, Acknowledge(self._last_epoch)]

    def _do_withdraw(self, at: int) -> list[Action]:
        withdrawn = self.epoch
        onset = max(self._active.values(), default=at)
        decision = Decide("withdraw", "the user went on before the reply was audible", onset, withdrawn)
        self._advance()
        return [decision, Withdraw(withdrawn)]

    def _do_interrupt_typed(self, at: int) -> list[Action]:
        interrupted = self.epoch
        decision = Decide("barge_in", "the user writes", at, interrupted)
        self._advance()
        return [decision, Interrupt(interrupted, at)]

    def _do_challenge(self, at: int) -> list[Action]:
        self._challenge = max(self._active.values(), default=at)
        self._said = {}
        self._turn_began = self._challenge
        return []

    def _do_suspend(self, at: int) -> list[Action]:
        onset = self._challenge if self._challenge is not None else at
        return [Decide("suspend", "speech over the reply", onset, self.epoch), Suspend(self.epoch, onset)]

    def _do_let_pass(self, at: int) -> list[Action]:
        onset = self._challenge if self._challenge is not None else at
        actions: list[Action] = []
        for party, said in self._said.items():
            if self._is_backchannel(said.text):
                actions.append(Decide("backchannel", f"{said.text!r} does not take the floor", onset, self.epoch))
                actions.append(Backchannel(party, said.text, said.start, said.end))
        if not actions:
            actions.append(
                Decide("false_interruption", "a sound, and no words that ask for the floor", onset, self.epoch)
            )
        self._said = {}
        if not self._active and not self._open_utterances:
            self._accept_from = at
        return actions

    def _do_resume(self, at: int) -> list[Action]:
        return [Resume(self.epoch)]

    def _do_take_floor(self, at: int) -> list[Action]:
        onset = self._challenge if self._challenge is not None else at
        went_on = (
            self._answering
            and not self._answers_typed
            and onset - self._audible_at <= self._samples(self.settings.go_on_window)
        )
        interrupted = self.epoch
        text = self.text
        if went_on:
            self._do_reopen_turn(at)
            decision = Decide("go_on", f"the user had not finished: {text!r}", onset, self.epoch)
        else:
            self._turn_began = onset
            decision = Decide("barge_in", f"the user says {text!r}", onset, self.epoch)
        self._advance()
        return [decision, Interrupt(interrupted, onset)]

    # Small things.

    def _decides(self, action: str, least: float = 0.0) -> bool:
        decision = self._decision
        return decision is not None and decision.action == action and decision.score >= least

    def pause_limit(self) -> float:
        """Seconds of silence that end the turn as it stands."""
        if self._waits_since == self._quiet_since:
            return self.settings.pause_long
        score = self._finished()
        return self.settings.pause_medium if score is None else self.settings.pause(score)

    def _finished(self) -> float | None:
        """How finished the words of the turn look; None if they have not been scored as they now are."""
        return self._score[1] if self._score is not None and self._score[0] == self.text else None

    def _heard_all(self) -> bool:
        """Whether the words are all that was said. Of two open utterances one may be of a party that was not asked."""
        return not self._open_utterances or (self._open_utterances == 1 and self._reached >= self._quiet_since)

    def _talked_for(self, at: int) -> int:
        return at - min(self._active.values()) if self._active else 0

    def _next_epoch(self, *, answering: bool) -> None:
        self._advance()
        self._answering = answering
        self._answers_typed = False
        self._challenge = None
        self._audible_at = 0

    def _advance(self) -> None:
        self._last_epoch += 1
        self.epoch = self._last_epoch

    @staticmethod
    def _samples(seconds: float) -> int:
        return round(seconds * SAMPLE_RATE)
