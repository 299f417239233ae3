"""Transcription of a recording: segmentation, recognition and diarization as in a session, without a floor."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from duplex.audio_files.health import SILENT
from duplex.audio_files.reader import Recording, open_recording
from duplex.batch.checks import check_language
from duplex.batch.diarize import enrol, open_diarizer
from duplex.batch.file_graph import Failures, Progress, Source, file_node, note_gain, run_graph
from duplex.conversation.hearing.input_framer import InputFramer, MultichannelFrame
from duplex.conversation.hearing.segmenter import Segmenter
from duplex.conversation.hearing.speaker_tracker import SpeakerTracker
from duplex.conversation.hearing.utterances import UtteranceRecognizer
from duplex.engines import open_recognizer
from duplex.models.asr.contract import Hypothesis, Recognizer
from duplex.models.asr.written_numbers import check as check_numbers
from duplex.models.asr.written_numbers import written
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.session_record.subtitles import Caption, TimedWord
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import ModelError
from duplex.streaming.gain import ChannelGains
from duplex.streaming.pool import InferencePool, Steps

TRANSCRIBE = "transcribe"
"""What a pool calls the steps of a recognizer that goes over a recording."""


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
    def utterances(self) -> list[list[Word]]:
        """The words by utterance: what the recognizer was given at once, in order of time."""
        return self._utterances

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
    latency: float | None = None,
    speakers: Mapping[str, str | os.PathLike[str]] | None = None,
    channels: str | int = "auto",
    on_progress: Progress | None = None,
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
    if settings.written_numbers:
        check_numbers(settings.language)
    from duplex.models.vad import load_vad

    voices = None
    if settings.diarize if diarize is None else diarize:
        known = settings.known_voices if speakers is None else speakers
        most = settings.max_speakers if max_speakers is None else max_speakers
        voices = open_voices(source, most, latency, known, settings.diarizer)
    recognizer = open_recognizer(settings, live=False)
    try:
        check_language(settings.language, recognizer)
        return transcribe_source(source, settings, load_vad(settings.vad), recognizer, voices, on_progress=on_progress)
    finally:
        recognizer.close()


def open_voices(
    source: Recording,
    max_speakers: int,
    latency: float | None,
    speakers: Mapping[str, str | os.PathLike[str]],
    diarizer: str,
) -> SpeakerTracker | None:
    """None, and a note, where it is not possible or makes no sense to tell speakers apart."""
    enrolled = enrol(speakers, max_speakers)
    if source.parties > 1:
        if enrolled:
            source.notes.append("each channel is a party: the known voices were not used")
        return None
    try:
        return SpeakerTracker(open_diarizer(latency, max_speakers, diarizer), enrolled, horizon=None)
    except ModelError as error:
        if enrolled:
            raise
        source.notes.append(f"speakers are not told apart: {error}")
        return None


def _named(word: Word, voices: SpeakerTracker) -> Word:
    start, end = round(word.start * SAMPLE_RATE), round(word.end * SAMPLE_RATE)
    return replace(word, speaker=voices.speaker(start, end))


def transcribe_source(
    source: Source,
    settings: Settings,
    vad: VoiceActivityDetector[Any],
    recognizer: Recognizer[Any],
    voices: SpeakerTracker | None = None,
    *,
    steps: Steps | None = None,
    on_progress: Progress | None = None,
    on_utterance: Callable[[list[Word]], None] | None = None,
) -> Transcript:
    """The words of a source with these engines, on the calling thread.

    steps: what runs the recognizer, under the name TRANSCRIBE; by default this thread. It must be done when it returns,
    as an inline pool is: the graph runs at virtual time. on_utterance: given the words of each utterance, without
    speakers, when its end has been heard.

    Raises what reading raises, StageError if the recognizer fails, and ModelError for written numbers.
    """
    scribe = _Scribe(Failures(source), settings, on_utterance)
    steps = steps or InferencePool(inline=True)
    nodes, segmenters = [], []
    for party in source.party_names:
        recognition = UtteranceRecognizer(party, scribe, recognizer, steps, step=TRANSCRIBE)
        node = file_node("recognition", recognition.consume, recognition.finish)
        nodes.append(node)
        segmenters.append(
            Segmenter(party, scribe, vad, node.put, gap=settings.utterance_gap, limit=settings.utterance_limit)
        )
    diarization = None
    if voices is not None:
        diarization = file_node(
            "diarization",
            lambda samples: voices.learn(voices.push(samples)),
            lambda: voices.learn(voices.flush()),
        )
        nodes.append(diarization)
    framer, gains = InputFramer(len(segmenters)), ChannelGains(len(segmenters))

    def perceive(frames: list[MultichannelFrame]) -> None:
        for frame in frames:
            samples = frame.samples * gains.factors(frame.samples)
            for index, segmenter in enumerate(segmenters):
                segmenter.perceive(AudioChunk(frame.start, np.ascontiguousarray(samples[:, index])))
            if diarization is not None and voices is not None:
                heard = frame.samples if voices.any_level else samples
                diarization.put(np.ascontiguousarray(heard[:, 0]))

    def feed(start: int, block: np.ndarray) -> None:
        perceive(framer.push(block))

    def end() -> None:
        perceive(framer.flush())
        for segmenter in segmenters:
            segmenter.finish()

    run_graph(source, nodes, feed, end, on_progress)
    scribe.failures.check()
    note_gain(source, gains.highest)
    utterances = scribe.utterances
    if voices is not None:
        utterances = [[_named(word, voices) for word in words] for words in utterances]
    if not utterances and SILENT not in source.notes:
        taken = f"it was listened to in {settings.language}, and --language names another language"
        source.notes.append(f"no words were found in the recording: {taken}")
    return Transcript([_written(words, settings) for words in utterances], source.notes)


def _written(words: list[Word], settings: Settings) -> list[Word]:
    return with_written_numbers(words, settings.language) if settings.written_numbers else words


def with_written_numbers(utterance: list[Word], language: str) -> list[Word]:
    """Numbers as people write them, each in one word that lasts from its first spoken word to its last, as sure as the
    least sure of them. What different speakers said is never joined. Raises SettingsError, ModelError."""
    result = []
    for _, group in itertools.groupby(utterance, key=lambda word: word.speaker):
        said = list(group)
        for start, end, text in written([word.text for word in said], language):
            parts = said[start:end]
            sure = min(word.confidence for word in parts)
            result.append(replace(parts[0], text=text, end=parts[-1].end, confidence=sure))
    return result


class _Scribe:
    """A listener that only writes down final words. on_utterance: as of `transcribe_source`."""

    def __init__(
        self, failures: Failures, settings: Settings, on_utterance: Callable[[list[Word]], None] | None
    ) -> None:
        self.utterances: list[list[Word]] = []
        self.failures = failures
        self._settings = settings
        self._on_utterance = on_utterance

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
            if self._on_utterance is not None:
                self._on_utterance(_written(self.utterances[-1], self._settings))

    def capability_lost(self, capability: str, reason: str) -> None:
        self.failures.capability_lost(capability, reason)

    def capability_restored(self, capability: str) -> None:
        pass
