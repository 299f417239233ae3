"""What the floor remembers of the moment: who is active, what the turn says, which reply is given. Times in samples."""

from __future__ import annotations

from collections.abc import Callable

from duplex.conversation.floor.actions import Message
from duplex.conversation.floor.turn_words import TurnWords
from duplex.floor_settings import FloorSettings
from duplex.models.interaction.decider.contract import Verdict
from duplex.streaming.audio import SAMPLE_RATE


class Moment:
    """turn, epoch: number of the turn, and of the reply that is made, given or held."""

    def __init__(
        self, settings: FloorSettings, is_backchannel: Callable[[str], bool], asks_for_floor: Callable[[str], bool]
    ) -> None:
        self.settings = settings
        self.is_backchannel = is_backchannel
        self.asks_for_floor = asks_for_floor
        self.words = TurnWords()
        self.turn = 0
        self.epoch = 0
        self.last_epoch = 0
        """Acknowledgements and what cuts in have an epoch of their own."""
        self.announcements = 0
        self.urgent = 0
        self.active: dict[str, int] = {}
        """The onset of each party that speaks."""
        self.quiet_since = 0
        self.turn_began = 0
        self.reopened = False
        """Whether the turn had been answered too early: it keeps its number."""
        self.messages: list[Message] = []
        """Typed, and not answered yet."""
        self.unheard: list[Message] = []
        """Typed, and answered by the reply of which nothing has been audible yet."""
        self.score: tuple[str, float] | None = None
        """Words of the turn, and how finished they look."""
        self.answering = False
        """Whether the reply answers a turn; else it is an announcement."""
        self.answers_typed = False
        self.audible_at = 0
        self.challenge: int | None = None
        """The onset of the speech over the reply."""
        self.commanded = False
        """While a command is told: it takes the floor however short it is."""
        self.decision: Verdict | None = None
        """While a decision is told: what it is."""
        self.decided_on = 0
        """The sample that it is about."""
        self.waits_since = -1
        """Where the silence began in which the turn is waited for as long as for unfinished words."""

    def finished(self) -> float | None:
        """How finished the words of the turn look; None if they have not been scored as they now are."""
        return self.score[1] if self.score is not None and self.score[0] == self.words.text else None

    def pause_limit(self) -> float:
        """Seconds of silence that end the turn as it stands."""
        if self.waits_since == self.quiet_since:
            return self.settings.pause_long
        score = self.finished()
        return self.settings.pause_medium if score is None else self.settings.pause(score)

    def heard_all(self) -> bool:
        """Whether the words are all that was said."""
        return self.words.all_heard(self.quiet_since)

    def talked_for(self, at: int) -> int:
        return at - min(self.active.values()) if self.active else 0

    def onset(self, at: int) -> int:
        """Of what is said over the reply."""
        return self.challenge if self.challenge is not None else at

    def decides(self, action: str, least: float = 0.0) -> bool:
        decision = self.decision
        return decision is not None and decision.action == action and decision.score >= least

    def advance(self) -> None:
        self.last_epoch += 1
        self.epoch = self.last_epoch

    def next_reply(self, *, answering: bool) -> None:
        self.advance()
        self.answering = answering
        self.answers_typed = False
        self.challenge = None
        self.audible_at = 0


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
