"""What a session's event log holds, as records: turns, replies, decisions, speakers. Times are in seconds.

Long because each kind of record is here, with what is asked of all of them together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from duplex.session_record.intervals import Intervals, Span
from duplex.session_record.subtitles import Caption, SpeakerTurn, TimedWord

ASSISTANT = "assistant"
INTERPRETER = "interpreter"
DEFAULT_PARTY = "user"
SIDE_SPEECH = "side speech"
"""Name of whoever said something to somebody else, where the speaker is not known."""

UNCOVERED = 0.5
"""Seconds of a turn that the diarizer may leave out before they are added to its speaker: its shortest pause and the
frames that its filter waits for."""

TYPED = "[typed]"
"""Marks a turn that was written, in transcripts and subtitles."""

TurnKind = Literal["turn", "backchannel", "side_speech"]


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """What was said on a party's channel before the floor changed hands.

    kind: a backchannel does not take the floor; side speech is not the user's. speaker: as the diarizer names whoever
    said it; empty if that is not known. typed: it was written, at `start`, and takes no time.
    """

    number: int
    party: str
    text: str
    start: float
    end: float
    kind: TurnKind = "turn"
    speaker: str = ""
    words: tuple[TimedWord, ...] = ()
    typed: bool = False

    @property
    def backchannel(self) -> bool:
        return self.kind == "backchannel"

    @property
    def side_speech(self) -> bool:
        return self.kind == "side_speech"

    @property
    def voice(self) -> str:
        """The speaker, for `SessionLog.name`."""
        return self.speaker or (SIDE_SPEECH if self.side_speech else "")


@dataclass(frozen=True, slots=True)
class SpokenReply:
    """A reply of the assistant. text: what was heard of it. parts: when it was audible, pauses left out."""

    epoch: int
    turn: int | None
    text: str
    full_text: str
    start: float
    end: float
    interrupted: bool
    decided: float | None
    first_token: float | None
    first_audible: float
    words: tuple[TimedWord, ...]
    parts: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision: `at` is when it was taken, `since` the moment it goes back to."""

    kind: str
    reason: str
    since: float
    at: float
    turn: int | None
    epoch: int | None


class BlockDecision(NamedTuple):
    """What the decider decided at `at` on what had been perceived up to `since`. acted: whether it changed anything."""

    action: str
    score: float
    gate: str
    since: float
    at: float
    acted: bool


@dataclass(frozen=True, slots=True)
class MindAct:
    """A tool that was called, or notes of long-term memory that served an answer. what: the tool's name, or "2 notes
    used" and the like; about: arguments, or the notes."""

    what: str
    about: str
    start: float
    end: float
    failed: bool = False

    @classmethod
    def remembered(cls, event: Mapping[str, Any], at: float) -> Iterator[MindAct]:
        """From an event; at: in seconds."""
        for done in ("kept", "used", "forgotten"):
            notes = event.get(done)
            if isinstance(notes, list) and notes:
                what = f"{len(notes)} note{'s' if len(notes) > 1 else ''} {done}"
                yield cls(what, "; ".join(map(str, notes)), at, at)


@dataclass(frozen=True, slots=True)
class Interruption:
    """The user took the floor from a reply."""

    epoch: int | None
    onset: float
    decided: float
    last_audible: float
    heard: str


@dataclass(frozen=True, slots=True)
class SpokenTranslation:
    """What a party said, sentence by sentence, and what it is in `language`. hopeless: `text` is not to be trusted."""

    start: float
    end: float
    party: str
    speaker: str
    language: str
    text: str
    source: str
    hopeless: bool = False

    @classmethod
    def told(cls, event: Mapping[str, Any], start: float, end: float, party: str) -> SpokenTranslation:
        """From an event; start, end: in seconds."""
        texts = [str(event.get(name) or "") for name in ("speaker", "language", "text", "source")]
        return cls(start, end, party, *texts, hopeless=bool(event.get("hopeless")))

    def caption(self, name: str, *, bilingual: bool = False) -> Caption:
        """With what was said below it, if bilingual. A hopeless one is what was said, in brackets."""
        if self.hopeless:
            return Caption(self.start, self.end, name, f"[{self.source}]")
        under = self.source if bilingual and self.source != self.text else ""
        return Caption(self.start, self.end, name, self.text, under=under)


class Interpretation(NamedTuple):
    """What the interpreter said in `language` of a party's sentence. behind: seconds after its end. reason: why it was
    left out; empty: it was said."""

    start: float
    end: float
    party: str
    language: str
    text: str
    behind: float = 0.0
    reason: str = ""

    @property
    def voice(self) -> str:
        """Who speaks, in transcripts."""
        return f"{INTERPRETER} ({self.language})"

    @classmethod
    def told(cls, event: Mapping[str, Any], start: float, end: float, party: str) -> Interpretation:
        """From an event; start, end: in seconds."""
        language, text = (str(event.get(name) or "") for name in ("language", "text"))
        behind = event.get("behind")
        known = float(behind) if isinstance(behind, int | float) else 0.0
        reason = str(event.get("reason") or "late") if event.get("left_out") else ""
        return cls(start, end, party, language, text, known, reason)


class TaggedSound(NamedTuple):
    """A sound on a party's channel that is no speech; score: its highest probability."""

    start: float
    end: float
    party: str
    label: str
    score: float


class DiarizedTurn(NamedTuple):
    """A stretch in which `speaker` spoke, as the diarizer found it."""

    start: float
    end: float
    speaker: str


@dataclass(slots=True)
class SessionLog:
    """A whole session, each list in order of time.

    ended: False if the log breaks off. diarized: per party. sounds: by what tells them apart. names: how each (party,
    speaker) is shown. queues: the counters of the session's queues. loop: the longest and the 99th percentile of the
    event loop's stalls (seconds), where they were measured. recording_gaps: sound that the recorder had to drop.
    """

    version: int = 1
    parties: list[str] = field(default_factory=list)
    duration: float = 0.0
    wall_time: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    speech: dict[str, list[Span]] = field(default_factory=dict)
    words: dict[str, list[TimedWord]] = field(default_factory=dict)
    diarized: dict[str, list[DiarizedTurn]] = field(default_factory=dict)
    sounds: dict[tuple[Any, ...], TaggedSound] = field(default_factory=dict)
    turns: list[SpokenTurn] = field(default_factory=list)
    replies: list[SpokenReply] = field(default_factory=list)
    translations: list[SpokenTranslation] = field(default_factory=list)
    interpretations: list[Interpretation] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    block_decisions: list[BlockDecision] = field(default_factory=list)
    mind_acts: list[MindAct] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)
    suspensions: list[Span] = field(default_factory=list)
    lost: list[dict[str, Any]] = field(default_factory=list)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    loop: dict[str, Any] | None = None
    recording_gaps: list[dict[str, Any]] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def name(self, party: str, speaker: str = "") -> str:
        """How a transcript names a speaker on a party's channel, or, without one, the party."""
        return self.names.get((party, speaker), speaker or party)

    def captions(self) -> list[Caption]:
        """Every turn, cut where its speaker changes, and of assistant and interpreter what was heard."""
        captions = [caption for turn in self.turns if turn.text for caption in self.turn_captions(turn)]
        captions += [caption for reply in self.replies if reply.text for caption in self.reply_captions(reply)]
        captions += [Caption(said.start, said.end, said.voice, said.text) for said in self.interpreted]
        return sorted(captions, key=lambda caption: (caption.start, caption.end))

    @property
    def interpreted(self) -> list[Interpretation]:
        """What the interpreter said; what it left out is not among it."""
        return [each for each in self.interpretations if not each.reason]

    @property
    def languages(self) -> list[str]:
        """In which there are captions beside what was said."""
        return sorted({each.language for each in self.translations})

    def translated(self, language: str, *, bilingual: bool = False) -> list[Caption]:
        """What was said, in a language of `languages`; bilingual: with the original below."""
        return [
            each.caption(self.name(each.party, each.speaker), bilingual=bilingual)
            for each in self.translations
            if each.language == language and each.text
        ]

    def reply_captions(self, reply: SpokenReply) -> list[Caption]:
        """What was heard of a reply, cut where another was said in the middle of it."""
        inside = [other.start for other in self.replies if reply.start < other.start and other.end <= reply.end]
        if not inside or [word.text for word in reply.words] != reply.text.split():
            return [Caption(reply.start, reply.end, ASSISTANT, reply.text, reply.words)]
        groups = [
            list(group)
            for _, group in itertools.groupby(reply.words, key=lambda word: sum(word.start >= at for at in inside))
        ]
        captions = []
        for number, words in enumerate(groups):
            start = reply.start if number == 0 else words[0].start
            end = reply.end if number == len(groups) - 1 else words[-1].end
            captions.append(Caption(start, end, ASSISTANT, " ".join(word.text for word in words), tuple(words)))
        return captions

    def tell_sound(self, event: Mapping[str, Any], start: float, end: float, party: str) -> None:
        """From an event; one that goes on is told again, whole, when it is over. start, end: in seconds."""
        score = event.get("score")
        known = float(score) if isinstance(score, int | float) else 0.0
        sound = TaggedSound(start, end, party, str(event.get("label", "")), known)
        self.sounds[party, event.get("sound"), start] = sound

    def speaker_turns(self) -> list[SpeakerTurn]:
        """Who spoke when.

        What the diarizer found, and for each turn (or part of one) that it did not cover the stretches of voice
        activity; of the assistant the audible parts of its replies, of the interpreter its sentences.
        """
        spoken = [SpeakerTurn(part.start, part.end, ASSISTANT) for reply in self.replies for part in reply.parts]
        spoken += [SpeakerTurn(said.start, said.end, said.voice) for said in self.interpreted]
        for party in dict.fromkeys([*self.diarized, *(turn.party for turn in self.turns)]):
            spoken += self.party_speaker_turns(party)
        return sorted(spoken, key=lambda turn: (turn.start, turn.end, turn.party))

    def party_speaker_turns(self, party: str) -> list[SpeakerTurn]:
        """Who spoke when on one party's channel."""
        found = self.diarized.get(party, ())
        spoken = [SpeakerTurn(turn.start, turn.end, self.name(party, turn.speaker)) for turn in found]
        return sorted([*spoken, *self._undiarized(party)], key=lambda turn: (turn.start, turn.end, turn.party))

    def turn_captions(self, turn: SpokenTurn) -> list[Caption]:
        """A turn, cut where its speaker changes."""
        if turn.typed:
            return [Caption(turn.start, turn.end, self.name(turn.party, turn.voice), f"{TYPED} {turn.text}", ())]
        said = [(word.speaker or turn.voice, word) for word in turn.words]
        changes = len({speaker for speaker, _ in said}) > 1
        if not changes or [word.text for word in turn.words] != turn.text.split():
            return [Caption(turn.start, turn.end, self.name(turn.party, turn.voice), turn.text, turn.words)]
        captions = []
        groups = [(s, [word for _, word in group]) for s, group in itertools.groupby(said, key=lambda pair: pair[0])]
        for number, (speaker, words) in enumerate(groups):
            start = turn.start if number == 0 else words[0].start
            end = turn.end if number == len(groups) - 1 else words[-1].end
            text = " ".join(word.text for word in words)
            captions.append(Caption(start, end, self.name(turn.party, speaker), text, tuple(words)))
        return captions

    def _undiarized(self, party: str) -> Iterator[SpeakerTurn]:
        """The voice activity in the party's turns that no diarized turn covers."""
        diarized = Intervals(self.diarized.get(party, ()))
        activity = Intervals(self.speech.get(party, ()))
        own = [turn for turn in self.turns if turn.party == party and not turn.typed]
        aside = Intervals(turn for turn in own if turn.kind != "turn")
        for turn in own:
            active = activity.within(turn) or [Span(turn.start, turn.end)]
            if turn.kind == "turn":
                active = [piece for span in active for piece in aside.outside(span)]
            name = self.name(party, turn.voice)
            for span in active:
                missing = diarized.outside(span)
                covered = missing != [span]
                for piece in missing:
                    if not covered or piece.end - piece.start > UNCOVERED:
                        yield SpeakerTurn(piece.start, piece.end, name)


def unique_names(keys: Iterable[tuple[str, str]], numbered: Sequence[str] = ()) -> dict[tuple[str, str], str]:
    """A name for each (party, speaker), no two alike and none the assistant's.

    The speaker's own name where that is possible; the party's if there is no speaker, or only one whose name says no
    more (`numbered`: the parties of which that holds).
    """
    names: dict[tuple[str, str], str] = {}
    taken: dict[str, tuple[str, str]] = {ASSISTANT: ("", "")}
    for party, speaker in sorted(set(keys), key=lambda key: (key[1] != "", key)):  # parties first
        if speaker and party in numbered and speaker != SIDE_SPEECH:
            names[party, speaker] = names.get((party, ""), party)
            continue
        choices = itertools.chain(
            [speaker or party, f"{party}: {speaker}" if speaker else f"{party} (party)"],
            (f"{speaker or party} ({number})" for number in itertools.count(2)),
        )
        for choice in choices:
            owner = taken.get(choice)
            # A known voice may be enrolled under its party's own name: that is the same person.
            if owner is None or owner == (party, ""):
                break
        taken.setdefault(choice, (party, speaker))
        names[party, speaker] = choice
    return names
