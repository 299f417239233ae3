"""Which words are of the turn: what each party has said in it, and what belongs to a turn before. Times in samples."""

from __future__ import annotations

from dataclasses import dataclass, field

Texts = tuple[tuple[str, str, int, int], ...]
"""(party, text, start, end) of each, in the order in which they ended."""


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


class TurnWords:
    """since: words of speech that was known before are of turns that are over."""

    def __init__(self) -> None:
        self.since = 0
        self.said: dict[str, Said] = {}
        self._previous: dict[str, Said] = {}
        self._previous_since = 0
        self._known: dict[str, tuple[int, int]] = {}
        """Of each party's last speech: its onset, and when that was known. The turn may have ended in between."""
        self._open = 0
        """Utterances that a recognizer listens to."""
        self._reached = -1
        """Sample up to which it had heard everything when last asked."""

    def started(self, party: str, onset: int, at: int) -> None:
        """The party began to speak at `onset`, which was known at `at`."""
        self._known[party] = onset, at

    def opened(self) -> None:
        """An utterance began: `heard` comes, once with its final words."""
        self._open += 1

    def caught_up(self, reached: int) -> None:
        self._reached = max(self._reached, reached)

    def heard(self, party: str, text: str, *, onset: int, end: int, final: bool) -> bool:
        """The utterance that began at `onset` says `text` so far. Whether that is news of this turn."""
        if final:
            self._open = max(0, self._open - 1)
        confirmed, known = self._known.get(party, (-1, -1))
        if (known if confirmed == onset else onset) < self.since:
            before = self._previous.get(party)
            if final and before is not None and before.partial:  # the turn did not wait for the utterance to end
                before.finals.append(text or before.partial)
                before.partial = ""
            return False
        said = self.said.get(party)
        if said is None:
            if not text:
                return False
            said = self.said[party] = Said(onset, end)
        if text:
            said.end = max(said.end, end)
        said.partial = "" if final else text
        if final and text:
            said.finals.append(text)
        return bool(text)

    @property
    def text(self) -> str:
        """The words of whoever spoke last."""
        said = max(self.said.values(), key=lambda said: said.end, default=None)
        return said.text if said else ""

    @property
    def any(self) -> bool:
        return any(said.text for said in self.said.values())

    @property
    def all_final(self) -> bool:
        """Whether no utterance is open."""
        return not self._open

    def all_heard(self, until: int) -> bool:
        """Whether the words are all that was said until then. Of two open utterances one may be of a party that was not
        asked."""
        return not self._open or (self._open == 1 and self._reached >= until)

    def none_since(self, at: int) -> bool:
        """Whether nobody was known to begin to speak after the sample `at`."""
        return all(known <= at for _, known in self._known.values())

    def clear(self) -> None:
        self.said = {}

    def take(self, at: int) -> Texts:
        """The words of the turn, which is over."""
        texts = tuple(
            (party, said.text, said.start, said.end)
            for party, said in sorted(self.said.items(), key=lambda item: item[1].end)
            if said.text
        )
        self._previous, self.said = self.said, {}
        self._previous_since, self.since = self.since, at
        return texts

    def reopen(self, *, previous: bool) -> None:
        """The turn before goes on: its words come first. previous: it was spoken."""
        since = self.said
        self.said = self._previous if previous else {}
        for party, said in since.items():
            before = self.said.get(party)
            if before is None:
                self.said[party] = said
            else:
                before.finals.extend(said.finals)
                before.partial = said.partial
                before.end = said.end
        self.since = self._previous_since
