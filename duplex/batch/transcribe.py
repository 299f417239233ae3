"""Transcribing a file: the same ears as a session's, without a floor and without an answer, and who said each word."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from duplex.audio_files.reader import Recording, open_recording
from duplex.batch.checks import check_language
from duplex.batch.diarize import Enrolled, enrol, open_diarizer
from duplex.conversation.input_framer import InputFramer
from duplex.conversation.segmenter import Segmenter
from duplex.models.asr.contract import Hypothesis, Recognizer
from duplex.models.diarization.contract import Diarizer
from duplex.models.diarization.feed import DiarizerFeed
from duplex.models.diarization.history import SpeakerHistory
from duplex.models.diarization.turns import TurnBuilder
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.session_record.subtitles import Caption, TimedWord
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import VirtualClock
from duplex.streaming.errors import ModelError, StageError
from duplex.streaming.pool import InferencePool


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a transcript; times in seconds of the recording. speaker: None where speakers were not told apart."""

    text: str
    start: float
    end: float
    party: str
    confidence: float
    speaker: str | None = None


class Transcript(list[Word]):
    """The words of a recording in order of time, and `notes` on what was odd about it."""

    def __init__(self, utterances: list[list[Word]], notes: list[str]) -> None:
        super().__init__(sorted((w for u in utterances for w in u), key=lambda word: (word.start, word.end)))
        self.notes = notes
        self._utterances = sorted(utterances, key=lambda words: words[0].start)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self)

    @property
    def speakers(self) -> list[str]:
        """In order of appearance."""
        return list(dict.fromkeys(word.speaker for word in self if word.speaker is not None))

    def captions(self) -> list[Caption]:
        """An utterance each, cut where the speaker changes."""
        return [
            Caption(
                words[0].start,
                words[-1].end,
                speaker or words[0].party,
                " ".join(word.text for word in words),
                tuple(TimedWord(word.text, word.start, word.end) for word in words),
            )
            for utterance in self._utterances
            for speaker, said in itertools.groupby(utterance, key=lambda word: word.speaker)
            for words in [list(said)]
        ]

    def as_dict(self) -> dict[str, Any]:
        words = [asdict(word) for word in self]
        return {"text": self.text, "speakers": self.speakers, "words": words, "notes": self.notes}


def transcribe(
    recording: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    diarize: bool | None = None,
    max_speakers: int | None = None,
    latency: float = 1.0,
    speakers: Mapping[str, str | os.PathLike[str]] | None = None,
    channels: str | int = "auto",
    on_progress: Callable[[float, float | None], None] | None = None,
) -> Transcript:
    """The words of a recording, of any format and length, with their times and speakers.

    Args:
        diarize: tell speakers apart (default: as in the settings). Where each channel is a party, that is enough.
        max_speakers, speakers: as for duplex.diarize (default: as in the settings). latency: as for duplex.diarize.
        channels: "auto" makes each side of a stereo recording a party where it carries speech of its own, else mixes
            them; "mix", "split" or a channel's number says it.
        on_progress: called with the seconds heard and the recording's duration, if known.

    Raises InputError, SettingsError, ModelError, and StageError if the recognizer fails on the way.
    """
    source = open_recording(recording, channels)
    settings = settings or Settings()
    from duplex.models.asr import load_recognizer
    from duplex.models.vad.webrtc import WebRtcVad

    voices = None
    if settings.diarize if diarize is None else diarize:
        known = settings.known_voices if speakers is None else speakers
        voices = _Voices.open(source, settings.max_speakers if max_speakers is None else max_speakers, latency, known)
    recognizer = load_recognizer(settings.recognizer)
    try:
        check_language(settings.language, recognizer)
        return VirtualClock().run(_transcribe(source, settings, WebRtcVad(), recognizer, voices, on_progress))
    finally:
        recognizer.close()


class _Voices:
    """Tells the speakers of a recording apart while it is transcribed."""

    def __init__(self, diarizer: Diarizer[Any], enrolled: Enrolled) -> None:
        self._feed = DiarizerFeed(diarizer, enrolled)
        self._history = SpeakerHistory(TurnBuilder(diarizer.max_speakers, [name for name, _ in enrolled]), None)

    @classmethod
    def open(
        cls, source: Recording, max_speakers: int, latency: float, speakers: Mapping[str, str | os.PathLike[str]]
    ) -> _Voices | None:
        """None, and a note, where it is not possible or makes no sense."""
        enrolled = enrol(speakers, max_speakers)
        if source.parties > 1:
            if enrolled:
                source.notes.append("each channel is a party: the known voices were not used")
            return None
        try:
            return cls(open_diarizer(latency, max_speakers), enrolled)
        except ModelError as error:
            if enrolled:
                raise
            source.notes.append(f"speakers are not told apart: {error}")
            return None

    def hear(self, samples: np.ndarray) -> None:
        for frames in self._feed.push(samples):
            self._history.push(frames)

    def finish(self) -> None:
        for frames in self._feed.flush():
            self._history.push(frames)

    def named(self, word: Word) -> Word:
        start, end = round(word.start * SAMPLE_RATE), round(word.end * SAMPLE_RATE)
        return replace(word, speaker=self._history.speaker(start, end))


async def _transcribe(
    source: Recording,
    settings: Settings,
    activity: VoiceActivityDetector[Any],
    recognizer: Recognizer[Any],
    voices: _Voices | None,
    on_progress: Callable[[float, float | None], None] | None,
) -> Transcript:
    parties = source.party_names
    scribe = _Scribe()
    pool = InferencePool(inline=True)
    ears = [
        Segmenter(party, scribe, activity, recognizer, pool, gap=settings.utterance_gap, limit=settings.utterance_limit)
        for party in parties
    ]
    intake = InputFramer(len(parties))
    async with asyncio.TaskGroup() as group:
        for ear in ears:
            group.create_task(ear.recognize())
        for block in source.frames(SAMPLE_RATE):
            for frame in intake.push(block):
                for index, ear in enumerate(ears):
                    ear.perceive(AudioChunk(frame.start, np.ascontiguousarray(frame.samples[:, index])))
                await asyncio.sleep(0)  # the recognizer's turn
            if voices is not None:
                voices.hear(block[:, 0])
            if on_progress is not None:
                on_progress(intake.position / SAMPLE_RATE, source.duration)
        for frame in intake.flush():
            for index, ear in enumerate(ears):
                ear.perceive(AudioChunk(frame.start, np.ascontiguousarray(frame.samples[:, index])))
        for ear in ears:
            ear.queue.close()
    if scribe.failure:
        raise StageError(f"{source.path}: recognition failed: {scribe.failure}")
    utterances = scribe.utterances
    if voices is not None:
        voices.finish()
        utterances = [[voices.named(word) for word in words] for words in utterances]
    return Transcript(utterances, source.notes)


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
