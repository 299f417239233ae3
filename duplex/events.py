"""Everything a session tells the world, as small frozen records on the sample clock.

Each event carries `start` and `end` in samples of the session's 16 kHz input clock. `as_dict` gives the line that is
written to `events.jsonl`: the fields, and `type`. The first line, `session_started`, bears the `version` of the format.

Long because every event has its lines here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

LOG_VERSION = 2
"""Of the event log's format. A log without a version has version 1, which calls side speech "overheard"."""

DecisionKind = Literal[
    "endpoint",  # the user's turn is over: answer it
    "typed",  # the user has typed something: answer it
    "turn_limit",  # the user never stops: answer what there is
    "nothing_said",  # activity without words is over: forget it
    "withdraw",  # the user went on before the reply was audible: take the reply back, the turn goes on
    "suspend",  # the user may be taking the floor: hold the reply until that is clear
    "barge_in",  # the user has the floor: the rest of the reply is dropped
    "go_on",  # the user went on just as the reply began: drop it, the turn goes on
    "backchannel",  # "mhm": the reply goes on
    "false_interruption",  # a cough, a noise: the reply resumes where it stopped
    "acknowledge",  # "mhm", said by the assistant in a pause of a long turn, which goes on
    "announce",  # something is due (a timer) and the floor is free
]


@dataclass(frozen=True, slots=True)
class Event:
    type: ClassVar[str] = "event"
    start: int
    end: int

    def as_dict(self) -> dict[str, Any]:
        return {"type": self.type, **{f.name: getattr(self, f.name) for f in fields(self)}}


@dataclass(frozen=True, slots=True)
class SessionStarted(Event):
    """First event. `wall_time` (ISO 8601) is what the assistant takes for the time at sample 0."""

    type: ClassVar[str] = "session_started"
    parties: tuple[str, ...]
    wall_time: str
    settings: dict[str, Any]
    version: int = LOG_VERSION


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """Last event: counters of every queue (passed, dropped, peak, lag), and how late the event loop ran."""

    type: ClassVar[str] = "session_ended"
    queues: dict[str, dict[str, Any]]
    loop: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """`start`: the onset; `end`: when it was known."""

    type: ClassVar[str] = "speech_started"
    party: str


@dataclass(frozen=True, slots=True)
class Speech(Event):
    """A stretch of voice activity that is over."""

    type: ClassVar[str] = "speech"
    party: str


@dataclass(frozen=True, slots=True)
class Partial(Event):
    """What the utterance seems to say so far. The words in the first `stable` characters are never
    taken back; their case and punctuation may change."""

    type: ClassVar[str] = "partial"
    party: str
    text: str
    stable: int


@dataclass(frozen=True, slots=True)
class Word(Event):
    """A word that is final. speaker: who of those on the party's channel said it; empty where that is not known."""

    type: ClassVar[str] = "word"
    party: str
    text: str
    confidence: float
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Translation(Event):
    """A caption: a sentence or clause (`source`) and what it is in another language, from its first word to its last.

    caption: the same in every revision of it, in all languages; revision: counts them. words: ids of its first and last
    source word, which a word keeps when it is heard anew. The first `stable` characters of the text are never taken
    back; erased: words of the revision before that were. final: no revision follows. source_language: the one that was
    really spoken, which is `language` if nothing had to be translated. quality: estimated chance that the text is
    usable; hopeless: better not shown as a translation.
    """

    type: ClassVar[str] = "translation"
    party: str
    caption: int
    language: str
    text: str
    source: str
    source_language: str
    revision: int
    stable: int
    erased: int
    final: bool
    quality: float
    hopeless: bool
    words: tuple[int, int]
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Interpreted(Event):
    """The interpreter has said a translation, from its first sample to its last on the session's clock.

    caption: of the `Translation` whose text it is. behind: seconds from the end of the original sentence to the first
    sound. rate: by which the voice was quickened to keep up. left_out: it was not said; reason says why: "late" (it
    would have come too late), "hopeless" (the translator does not vouch for it), "failed" (the voice could not be
    made), "over" (the session ended first).
    """

    type: ClassVar[str] = "interpreted"
    party: str
    caption: int
    language: str
    text: str
    behind: float
    rate: float
    left_out: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Turn(Event):
    """What a party said before the floor changed hands; a backchannel is a turn that did not take the floor.

    typed: it was written, not said. A turn that goes on after all is sent again, whole, under the same number.
    "side_speech" is what somebody other than
    the user said; it bears the number of the turn before it, as a backchannel does.
    """

    type: ClassVar[str] = "turn"
    party: str
    text: str
    turn: int
    kind: Literal["turn", "backchannel", "side_speech"] = "turn"
    speaker: str = ""
    typed: bool = False


@dataclass(frozen=True, slots=True)
class SpeakerTurn(Event):
    """A stretch in which one of the speakers on a party's channel spoke, as the diarizer tells them apart."""

    type: ClassVar[str] = "speaker_turn"
    party: str
    speaker: str


@dataclass(frozen=True, slots=True)
class SoundHeard(Event):
    """A sound that is no speech, as the tagger tells them apart; score: its highest probability, 0 to 1.

    One that goes on is told twice under the same `sound`: as soon as it is known, `end` being when that was, and once
    more, whole, when it is over.
    """

    type: ClassVar[str] = "sound"
    party: str
    label: str
    score: float
    sound: int
    over: bool


@dataclass(frozen=True, slots=True)
class Decision(Event):
    """What the floor decided at `end`; `start` is the moment it goes back to (end of speech, onset)."""

    type: ClassVar[str] = "decision"
    kind: DecisionKind
    reason: str
    turn: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Decided(Event):
    """What the decider decided at `end` on what had been perceived up to `start`; `action` and `gate` as a Verdict has
    them. Told where it differs from the one before, or did something (`acted`); with `log_decisions`, always."""

    type: ClassVar[str] = "decided"
    action: str
    score: float
    gate: str
    reason: str
    acted: bool


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """A piece of the reply on its way to speech."""

    type: ClassVar[str] = "reply_text"
    epoch: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyStarted(Event):
    """The reply's first audible sample is at `start`."""

    type: ClassVar[str] = "reply_started"
    epoch: int
    turn: int


@dataclass(frozen=True, slots=True)
class SpokenWord(Event):
    """A word of the reply, at the time it was really heard."""

    type: ClassVar[str] = "spoken_word"
    epoch: int
    text: str


@dataclass(frozen=True, slots=True)
class Reply(Event):
    """A reply that is over, from its first audible sample to its last.

    text: only what was heard. full_text: what was made. decided, first_token, first_audible: samples.
    """

    type: ClassVar[str] = "reply"
    epoch: int
    turn: int
    text: str
    full_text: str
    interrupted: bool
    decided: int
    first_token: int
    first_audible: int


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """`start`: onset of the user's speech; decided: when the reply was silenced; `end`: its last sample."""

    type: ClassVar[str] = "interrupted"
    epoch: int
    decided: int
    heard: str


@dataclass(frozen=True, slots=True)
class Suspended(Event):
    """The reply is held. `start`: onset of the sound that held it, `end`: the last audible sample."""

    type: ClassVar[str] = "suspended"
    epoch: int
    decided: int


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """The reply goes on at `start`, at the very sample where it had stopped; `position`: that sample of the reply."""

    type: ClassVar[str] = "resumed"
    epoch: int
    position: int


@dataclass(frozen=True, slots=True)
class Controlled(Event):
    """Something was asked of the session beside an answer (louder, a timer)."""

    type: ClassVar[str] = "control"
    action: str
    value: float
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """A tool is called, for the answer to turn `turn`. call: counts the session's calls."""

    type: ClassVar[str] = "tool_called"
    call: int
    turn: int
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolReturned(Event):
    """A tool has ended: called at `start`, ended at `end`. failed: `text` says why, else what it gave.

    late: its answer had been given up (a barge-in), so nothing of it was said.
    """

    type: ClassVar[str] = "tool_returned"
    call: int
    tool: str
    text: str
    failed: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Remembered(Event):
    """Long-term memory served the answer to turn `turn`: notes that were kept of it, that bear on it, or were deleted
    because it asked for that."""

    type: ClassVar[str] = "remembered"
    turn: int
    kept: list[str]
    used: list[str]
    forgotten: list[str]


@dataclass(frozen=True, slots=True)
class CapabilityLost(Event):
    """A capability failed; the session goes on without it."""

    type: ClassVar[str] = "lost"
    capability: str
    reason: str


@dataclass(frozen=True, slots=True)
class CapabilityRestored(Event):
    """A lost capability is back."""

    type: ClassVar[str] = "restored"
    capability: str
