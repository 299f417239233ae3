"""Transcribing a file: the same ears as a session's, without a floor and without an answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from duplex.exports import Caption, TimedWord
from duplex.hearing import Hearing
from duplex.intake import Intake
from duplex.media import Recording, open_recording
from duplex.running import PARTIES
from duplex.settings import Settings
from models.activity.contract import ActivityDetector
from models.recognition.contract import Hypothesis, Recogniser
from streaming.audio import SAMPLE_RATE, AudioChunk
from streaming.clock import VirtualClock
from streaming.errors import StageError
from streaming.pool import InferencePool


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a transcript; times in seconds of the recording."""

    text: str
    start: float
    end: float
    party: str
    confidence: float


class Transcript(list[Word]):
    """The words of a recording in order of time, and `notes` on what was odd about it."""

    def __init__(self, utterances: list[list[Word]], notes: list[str]) -> None:
        super().__init__(sorted((w for u in utterances for w in u), key=lambda word: (word.start, word.end)))
        self.notes = notes
        self._utterances = sorted(utterances, key=lambda words: words[0].start)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self)

    def captions(self) -> list[Caption]:
        """An utterance each."""
        return [
            Caption(
                words[0].start,
                words[-1].end,
                words[0].party,
                " ".join(word.text for word in words),
                tuple(TimedWord(word.text, word.start, word.end) for word in words),
            )
            for words in self._utterances
        ]

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "words": [asdict(word) for word in self], "notes": self.notes}


def transcribe(
    recording: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> Transcript:
    """The words of a recording, of any format and length; of a stereo recording each channel is a party.

    on_progress: called with the seconds heard and the recording's duration, if known. Raises InputError, ModelError,
    and StageError if the recogniser fails on the way.
    """
    source = open_recording(recording)
    settings = settings or Settings()
    from models.activity.webrtc import WebRtcActivity
    from models.recognition import load_recogniser

    recogniser = load_recogniser(settings.recogniser)
    try:
        return VirtualClock().run(_transcribe(source, settings, WebRtcActivity(), recogniser, on_progress))
    finally:
        recogniser.close()


async def _transcribe(
    source: Recording,
    settings: Settings,
    activity: ActivityDetector[Any],
    recogniser: Recogniser[Any],
    on_progress: Callable[[float, float | None], None] | None,
) -> Transcript:
    parties = PARTIES[source.parties]
    scribe = _Scribe()
    pool = InferencePool(inline=True)
    ears = [
        Hearing(party, scribe, activity, recogniser, pool, gap=settings.utterance_gap, limit=settings.utterance_limit)
        for party in parties
    ]
    intake = Intake(len(parties))
    async with asyncio.TaskGroup() as group:
        for ear in ears:
            group.create_task(ear.recognise())
        for block in source.frames(SAMPLE_RATE):
            for frame in intake.push(block):
                for index, ear in enumerate(ears):
                    ear.perceive(AudioChunk(frame.start, np.ascontiguousarray(frame.samples[:, index])))
                await asyncio.sleep(0)  # the recogniser's turn
            if on_progress is not None:
                on_progress(intake.position / SAMPLE_RATE, source.duration)
        for frame in intake.flush():
            for index, ear in enumerate(ears):
                ear.perceive(AudioChunk(frame.start, np.ascontiguousarray(frame.samples[:, index])))
        for ear in ears:
            ear.queue.close()
    if scribe.failure:
        raise StageError(f"{source.path}: recognition failed: {scribe.failure}")
    return Transcript(scribe.utterances, source.notes)


class _Scribe:
    """A listener that only writes down final words."""

    def __init__(self) -> None:
        self.utterances: list[list[Word]] = []
        self.failure = ""

    def speech_started(self, at: int, onset: int, party: str) -> None:
        pass

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None:
        pass

    def utterance_opened(self, party: str) -> None:
        pass

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        if hypothesis.final and hypothesis.words:
            self.utterances.append(
                [
                    Word(
                        word.text,
                        (base + word.start) / SAMPLE_RATE,
                        (base + word.end) / SAMPLE_RATE,
                        party,
                        round(word.confidence, 3),
                    )
                    for word in hypothesis.words
                ]
            )

    def capability_lost(self, capability: str, reason: str) -> None:
        self.failure = reason

    def capability_restored(self, capability: str) -> None:
        pass
