"""The floor: who may speak, as an explicit state machine (turn taking).

Pure and synchronous: what is perceived goes in, what to do comes out, and all time is samples. The rules are data
(table.py).

The assistant falls silent at the onset of speech and decides afterwards: a reply that turns out to have been
disturbed by a cough or a "mhm" resumes where it stopped (as LiveKit does; FastRTC waits for the user to finish).
"""

from __future__ import annotations

from collections.abc import Callable

from duplex.conversation.floor import effects, guards
from duplex.conversation.floor.actions import Action, Message
from duplex.conversation.floor.moment import Moment
from duplex.conversation.floor.table import RULES, Rule, State, Trigger
from duplex.floor_settings import FloorSettings
from duplex.models.interaction.decider.contract import Verdict


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
        self.last_rule: Rule | None = None
        """The rule that fired last: why the floor is where it is."""
        self._moment = Moment(self.settings, is_backchannel, asks_for_floor)
        self._words = self._moment.words
        self._rules: dict[tuple[State, Trigger], list[Rule]] = {}
        for rule in RULES:
            self._rules.setdefault((rule.state, rule.trigger), []).append(rule)

    # What is perceived.

    def utterance_opened(self) -> None:
        """A recognizer began to listen: `words` will come, and one final call of it."""
        self._words.opened()

    def speech_started(self, at: int, onset: int, party: str) -> list[Action]:
        self._moment.active[party] = onset
        self._words.started(party, onset, at)
        return self._fire(Trigger.SPEECH_STARTED, at)

    def speech_ended(self, at: int, offset: int, party: str) -> list[Action]:
        self._moment.active.pop(party, None)
        self._quiet_from(offset)
        return self._fire(Trigger.SPEECH_ENDED, at)

    def words(self, at: int, party: str, text: str, *, onset: int, end: int, final: bool) -> list[Action]:
        """The utterance that began at `onset` says `text` so far. Words of an earlier turn are ignored."""
        news = self._words.heard(party, text, onset=onset, end=end, final=final)
        return self._fire(Trigger.WORDS, at) if news else []

    def caught_up(self, reached: int) -> None:
        """The words that come next are all that was said up to the sample `reached`, though their utterance is open."""
        self._words.caught_up(reached)

    def typed(self, at: int, party: str, text: str) -> None:
        """The party has typed `text`: it is answered with the next tick at which it may be."""
        self._moment.messages.append(Message(party, text, at))

    def command(self, at: int, party: str, text: str, *, onset: int, end: int) -> list[Action]:
        """The burst that began at `onset` is the command `text`, though its utterance's last words are still to come.

        Only a reply can be commanded; otherwise the words alone count.
        """
        if not self.contested:
            return []
        self._words.said.pop(party, None)  # the recognizer's idea of the same burst
        self._moment.commanded = True
        actions = self.words(at, party, text, onset=onset, end=end, final=False)
        self._moment.commanded = False
        return actions

    def scored(self, text: str, score: float) -> None:
        """`text` looks finished with probability `score`; it counts as long as it is what the turn says."""
        self._moment.score = (text, score)

    def tick(self, at: int) -> list[Action]:
        """Time passes: call once a frame."""
        return self._fire(Trigger.TICK, at)

    def decided(self, at: int, decision: Verdict, about: int) -> list[Action]:
        """The decider has decided on what was perceived up to the sample `about`."""
        self._moment.decision, self._moment.decided_on = decision, about
        actions = self._fire(Trigger.DECISION, at)
        self._moment.decision = None
        return actions

    def announce(self, count: int, urgent: int) -> None:
        """So many announcements wait for the floor, so many of them not until a reply is over."""
        self._moment.announcements, self._moment.urgent = count, urgent

    def reply_audible(self, at: int, epoch: int) -> list[Action]:
        if epoch != self.epoch:
            return []
        self._moment.audible_at = at
        self._moment.unheard = []
        return self._fire(Trigger.REPLY_AUDIBLE, at)

    def reply_ended(self, at: int, epoch: int) -> list[Action]:
        """The reply was played to its end, was empty, or failed."""
        if epoch != self.epoch:
            return []
        self._quiet_from(at)
        self._moment.unheard = []
        return self._fire(Trigger.REPLY_ENDED, at)

    # What may be asked.

    @property
    def announcements(self) -> int:
        """How many announcements wait for the floor."""
        return self._moment.announcements

    @property
    def urgent(self) -> int:
        """How many of them do not wait until a reply is over."""
        return self._moment.urgent

    @property
    def turn(self) -> int:
        """The number of the turn."""
        return self._moment.turn

    @property
    def epoch(self) -> int:
        """The number of the reply."""
        return self._moment.epoch

    @property
    def text(self) -> str:
        """The words of whoever spoke last in this turn."""
        return self._words.text

    @property
    def since(self) -> int:
        """The sample before which words belong to turns that are over."""
        return self._words.since

    @property
    def typing(self) -> bool:
        """Whether something that was typed waits."""
        return bool(self._moment.messages)

    @property
    def contested(self) -> bool:
        """Whether a reply is audible or held, so that a command would end it."""
        return self.state in (State.SPEAKING, State.OVERLAP, State.SUSPENDED)

    def pause_limit(self) -> float:
        """Seconds of silence that end the turn as it stands."""
        return self._moment.pause_limit()

    def _quiet_from(self, at: int) -> None:
        self._moment.quiet_since = max(self._moment.quiet_since, at)

    def _fire(self, trigger: Trigger, at: int) -> list[Action]:
        for rule in self._rules.get((self.state, trigger), ()):
            if all(getattr(guards, name)(self._moment, at) for name in rule.guards):
                actions: list[Action] = []
                for name in rule.actions:
                    actions.extend(getattr(effects, name)(self._moment, at))
                self.state = rule.target
                self.last_rule = rule
                return actions
        return []
