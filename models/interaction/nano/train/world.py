"""A simulated session: what is said and done becomes percepts, block by block, as a recognizer would tell them.

A scene schedules speech and sounds, asks for the next block, and is told what was decided in it; the same world serves
training, where a teacher decides, and the benchmark, where a gate does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from duplex.models.interaction.decider.contract import BLOCK, Action, Situation
from duplex.models.interaction.nano.train.speech import Spoken, Word, length
from duplex.models.interaction.percepts import Activity, OwnSpeech, Percept, Words

HANGOVER = 0.2
"""Seconds of silence after which the voice activity says so."""
ONSET = 0.08
"""Seconds of speech after which it does."""
FINAL_AFTER = 0.8
"""Seconds after the end of an utterance in which its last revision comes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be answered. text: what is spoken in the end. calls: of tools, as name and JSON arguments, from which
    it comes. teach: whether this answer is worth learning: the facts of a task dialogue are not.
    """

    text: str
    calls: tuple[tuple[str, str], ...] = ()
    teach: bool = True


@dataclass(slots=True)
class Reply:
    """A reply: when each of its words is heard, as long as nothing holds it; `told` words have been."""

    words: list[Word]
    epoch: int
    told: int = 0
    held: bool = False

    @property
    def audible(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class Block:
    """What a gate is given in one block, what is right, what was done, and the answer that a response would give."""

    percepts: tuple[Percept, ...]
    situation: Situation
    best: Action
    action: Action
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One occasion to act and what came of it.

    kind: of the occasion. wanted: what was right. acted: whether that, for a wanted "silent" anything else, was done.
    delay: seconds from the moment it was due to the action; before an end of turn it is negative. echo: of the scene.
    """

    kind: str
    wanted: Action
    acted: bool
    delay: float | None = None
    echo: float = 0.0


@dataclass(slots=True)
class _Heard:
    number: int
    spoken: Spoken
    revision: int = 0
    text: str = ""
    final: bool = False


class World:
    """echo: level of the assistant's own voice in the user's channel, 0, 0.1 or 1. suspends: speech over a reply holds
    it until a decision or a limit.
    """

    def __init__(self, rng: random.Random, echo: float = 0.0, suspends: bool = False) -> None:
        self.rng, self.echo, self.suspends = rng, echo, suspends
        self.now = 0.0
        self.reply: Reply | None = None
        self.asked = False
        self.since = 0.0
        """Words that began before are of turns that are over."""
        self.outcomes: list[Outcome] = []
        self.situation = Situation(0.0)
        self.percepts: tuple[Percept, ...] = ()
        self._events: list[Percept] = []
        self._utterances: list[_Heard] = []
        self._numbers = 0
        self._epochs = 0
        self._onset: float | None = None
        self._echoed: _Heard | None = None

    # What scenes do.

    def say(self, spoken: Spoken, after: float = 0.0) -> Spoken:
        """Schedules an utterance `after` seconds from now. Over an echo it is recognized as one with it."""
        spoken.shift(self.now + after)
        if self._echoed is not None and spoken.party == "user" and not spoken.side:
            self._echoed.spoken.words = sorted([*self._echoed.spoken.words, *spoken.words], key=lambda word: word.end)
            self._echoed.final = False
        else:
            self._numbers += 1
            self._utterances.append(_Heard(self._numbers, spoken))
        return spoken

    def happen(self, percept: Percept) -> None:
        """Schedules a sound, a timer or a tool's result for its time `at`."""
        self._events.append(percept)
        self._events.sort(key=lambda event: event.at)

    def answer(self, text: str) -> Reply:
        """A reply is made, and audible after a moment."""
        self._epochs += 1
        self.since = self.now
        now, rate, words = self.now + self.rng.uniform(0.2, 1.1), 1.05, []
        for word in text.split() or ["okay"]:
            seconds = length(word, rate) + (0.25 if word[-1] in ".?!" else 0.0)
            words.append(Word(word, now, now + seconds))
            now += seconds
        self.reply = Reply(words, self._epochs)
        self.asked = False
        if self.echo:
            self._numbers += 1
            self._echoed = _Heard(self._numbers, Spoken([], delay=self.rng.uniform(0.15, 0.5)))
            self._utterances.append(self._echoed)
        return self.reply

    def stop(self) -> None:
        """The reply is over."""
        self.reply, self._echoed = None, None

    def hold(self, held: bool) -> None:
        """The reply is held, or goes on where it was."""
        if self.reply is not None and self.reply.held != held:
            self.reply.held = held

    def known(self, spoken: Spoken) -> bool:
        """Whether all of an utterance has been recognized."""
        return self.now >= spoken.end + spoken.delay

    def voice(self) -> bool:
        """Whether anybody is heard to speak."""
        return self._onset is not None

    def note(self, kind: str, wanted: Action, acted: bool, delay: float | None = None) -> None:
        self.outcomes.append(Outcome(kind, wanted, acted, delay, self.echo))

    # What time does.

    def advance(self) -> None:
        """The next block: `percepts` and `situation` are those at its end."""
        before, self.now = self.now, self.now + BLOCK
        found = [*self._due(), *self._speak(before), *self._activity(before), *self._recognized()]
        self.percepts = tuple(sorted(found, key=lambda percept: percept.at))
        reply = self.reply
        audible = reply is not None and not reply.held and reply.audible <= self.now
        self.situation = Situation(
            now=self.now,
            speaking=audible,
            held=reply is not None and reply.held,
            answering=reply is not None and not reply.held and not audible,
            asked=self.asked,
            since=self.since,
        )

    def _due(self) -> list[Percept]:
        due = [event for event in self._events if event.at <= self.now]
        self._events = self._events[len(due) :]
        return due

    def _speak(self, before: float) -> list[Percept]:
        """The reply's words that were heard in this block; a held reply waits."""
        reply = self.reply
        if reply is None:
            return []
        if reply.held:
            for word in reply.words[reply.told :]:
                word.start += BLOCK
                word.end += BLOCK
            return []
        new = [word for word in reply.words[reply.told :] if word.end <= self.now]
        if not new:
            return []
        reply.told += len(new)
        self.asked = new[-1].text.endswith("?")
        if self._echoed is not None:
            self._echo(new)
        text = " ".join(word.text for word in new)
        own = OwnSpeech(self.now, new[0].start, new[-1].end, reply.epoch, text)
        if reply.told == len(reply.words):
            self.stop()
        return [own]

    def _echo(self, own: Sequence[Word]) -> None:
        """Words of the reply that reach the user's channel: most at full level, a few at a tenth, cut and misheard."""
        assert self._echoed is not None
        share = 0.75 if self.echo >= 0.5 else 0.07
        for word in own:
            if self.rng.random() < share:
                text = "".join(letter for letter in word.text.lower() if letter.isalnum() or letter == "'")
                if self.rng.random() < 0.25:
                    text = text[self.rng.randint(0, 2) :]
                self._echoed.spoken.words.append(Word(text, word.start + 0.1, word.end + 0.1))
        self._echoed.spoken.words.sort(key=lambda word: word.end)

    def _activity(self, before: float) -> list[Percept]:
        """Onsets and ends of voice."""
        found: list[Percept] = []
        words = [word for heard in self._utterances for word in heard.spoken.words]
        recent = [word for word in words if word.start <= self.now - ONSET and word.end > self.now - HANGOVER]
        if recent and self._onset is None:
            self._onset = min(word.start for word in recent)
            at = min(self.now, max(before, self._onset + ONSET))
            found.append(Activity(at, self._onset, self._onset, "user", True))
        elif not recent and self._onset is not None:
            end = max((word.end for word in words if word.end <= self.now), default=before)
            found.append(Activity(max(before, min(self.now, end + HANGOVER)), self._onset, end, "user", False))
            self._onset = None
        return found

    def _recognized(self) -> list[Percept]:
        """New revisions of utterances."""
        found: list[Percept] = []
        for heard in self._utterances:
            spoken = heard.spoken
            known = [word for word in spoken.words if word.end + spoken.delay <= self.now and word.text]
            if not known or heard.final:
                continue
            over = spoken is not (self._echoed.spoken if self._echoed else None)
            final = (
                over
                and len(known) == sum(bool(word.text) for word in spoken.words)
                and (self.now >= spoken.end + spoken.delay + FINAL_AFTER)
            )
            last = known[-1]
            # The last word is provisional until the next block.
            fresh = last.end + spoken.delay > self.now - BLOCK and not final
            text = " ".join([*(word.text for word in known[:-1]), (fresh and last.first) or last.text])
            if text == heard.text and not final:
                continue
            heard.revision, heard.text, heard.final = heard.revision + 1, text, final
            found.append(
                Words(
                    self.now,
                    known[0].start,
                    last.end,
                    party=spoken.party,
                    text=text,
                    utterance=heard.number,
                    revision=heard.revision,
                    stable=len(known) - 1,
                    final=final,
                    speaker=spoken.speaker,
                    side=spoken.side,
                    complete=all(word in known for word in spoken.words if word.text and word.end <= self.now),
                )
            )
        self._utterances = [heard for heard in self._utterances if not heard.final or heard is self._echoed][-12:]
        return found
