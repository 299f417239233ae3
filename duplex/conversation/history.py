"""What the conversation was: only what was really heard, by either side."""

from __future__ import annotations

from dataclasses import replace

from duplex.models.interaction.contract import Utterance
from duplex.streaming.audio import SAMPLE_RATE

ASSISTANT = "assistant"


class History:
    """Utterances in order of their beginning. limit: how many are kept for the answerer; older ones are forgotten."""

    def __init__(self, limit: int = 1000) -> None:
        self.limit = limit
        self._utterances: list[Utterance] = []

    def add(self, party: str, text: str, start: int, end: int, *, interrupted: bool = False) -> None:
        """start, end: samples. Text that nobody heard does not belong here."""
        if not text:
            return
        utterance = Utterance(party, text, start / SAMPLE_RATE, end / SAMPLE_RATE, interrupted)
        place = len(self._utterances)
        while place and self._utterances[place - 1].start > utterance.start:
            place -= 1
        self._utterances.insert(place, utterance)
        del self._utterances[: -self.limit]

    def take_back(self, turn_texts: tuple[tuple[str, str, int, int], ...]) -> None:
        """Remove turns that go on after all; they are added again, whole, when they end."""
        starts = {(party, start / SAMPLE_RATE) for party, _, start, _ in turn_texts}
        self._utterances = [u for u in self._utterances if (u.party, u.start) not in starts]

    def revise(self, party: str, start: int, text: str) -> None:
        """Of the party's utterance that began at the sample `start`, only `text` was heard; nothing, if it is empty."""
        began = start / SAMPLE_RATE
        self._utterances = [
            replace(heard, text=text, interrupted=True) if (heard.party, heard.start) == (party, began) else heard
            for heard in self._utterances
            if text or (heard.party, heard.start) != (party, began)
        ]

    def utterances(self) -> tuple[Utterance, ...]:
        return tuple(self._utterances)
