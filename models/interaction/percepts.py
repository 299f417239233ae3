"""Percepts: what is perceived, of every kind, as one stream in the order in which it became known.

Times are seconds on the session's clock. The recognizer, the voice activity, the sound tagger, playback, timers and
tools each write their kind; deciders read all of them. (Blocks of Audio Interaction, arXiv 2606.05121, 3.1; the
assistant's own speech as an input: SALMONN-omni, arXiv 2505.17060, 3.2.)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Percept:
    """at: when it became known, by which percepts are ordered; start, end: what it is about."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Words(Percept):
    """What an utterance says so far: a later revision of the same utterance replaces this one.

    stable: words from its first that no revision changes. complete: nothing that was said until now is missing. final:
    it is complete, and no revision follows. speaker: who of those on the
    party's channel says it, empty where that is not known; side: it is somebody else than the user. confidence: 0 to 1.
    """

    party: str
    text: str
    utterance: int
    revision: int
    stable: int
    final: bool
    speaker: str = ""
    side: bool = False
    confidence: float = 1.0
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Activity(Percept):
    """A party began to speak (`active`, from `start`) or fell silent (spoke from `start` to `end`)."""

    party: str
    active: bool


@dataclass(frozen=True, slots=True)
class Prosody(Percept):
    """How a stretch of speech ended: slopes over its last 0.3 s of voiced frames, None where too few were voiced."""

    party: str
    pitch_slope: float | None
    """Semitones a second; falling is below 0."""
    level_slope: float | None
    """dB a second."""


@dataclass(frozen=True, slots=True)
class Sound(Percept):
    """A sound that is no speech: a label of the tagger and its probability."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class OwnSpeech(Percept):
    """Words of the assistant that were really heard, from reply `epoch`."""

    epoch: int
    text: str


@dataclass(frozen=True, slots=True)
class TimerDue(Percept):
    """Something that was to be said now."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolResult(Percept):
    """A tool that worked beside the conversation has ended. failed: `text` is the reason."""

    tool: str
    text: str
    failed: bool = False
