"""The baselines do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.models.diarization.contract import Turn
from duplex.models.diarization.train.baselines import Pieces, VoiceEmbeddings, cluster, detected_speech, one_speaker
from duplex.streaming.errors import ModelError

DATA = Path(__file__).parents[3] / "data"


def clip(name: str) -> np.ndarray:
    return soundfile.read(DATA / "clips" / f"{name}.flac", dtype="float32")[0]


def test_all_is_one_speaker() -> None:
    assert one_speaker(np.zeros(24_000)) == [Turn(0.0, 1.5, "speaker 1")]


def test_speech_is_one_speaker() -> None:
    speech = soundfile.read(DATA / "activity" / "speech.flac", dtype="float32")[0]
    silence = np.zeros(32_000, np.float32)
    turns = detected_speech(np.concatenate([silence, speech, silence]))
    spoken = sum(turn.duration for turn in turns)
    assert 3.0 < spoken < 6.5 and {turn.speaker for turn in turns} == {"speaker 1"}
    assert turns[0].start > 1.9 and turns[-1].end < 8.5
    assert detected_speech(silence) == []
    assert detected_speech(np.tile(speech, 2))[-1].end <= 2 * len(speech) / 16_000  # ended by the end


def test_pieces_are_clustered_as_they_come() -> None:
    times = np.array([[0, 0.5], [0.5, 1.0], [1.0, 1.5], [3.0, 3.5], [4.0, 4.5]])
    embeddings = np.array([[1, 0, 0], [0.9, 0.436, 0], [0, 1, 0], [1, 0.1, 0], [0, 0, 1]], np.float32)
    pieces = Pieces(times, embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))
    assert cluster(pieces, 0.8) == [
        Turn(0.0, 1.0, "speaker 1"),
        Turn(1.0, 1.5, "speaker 2"),
        Turn(3.0, 3.5, "speaker 1"),
        Turn(4.0, 4.5, "speaker 3"),
    ]
    assert {turn.speaker for turn in cluster(pieces, 0.8, max_speakers=2)} == {"speaker 1", "speaker 2"}
    assert {turn.speaker for turn in cluster(pieces, -1.0)} == {"speaker 1"}


def test_embeddings_tell_voices_apart() -> None:
    pytest.importorskip("torch")
    try:
        model = VoiceEmbeddings()
    except ModelError:
        pytest.skip("resemblyzer is not installed")
    names = ["rms-story-my-car-is-in-the-garage-and-i", "rms-story-i-have-to-finish-the-report-before-the"]
    names += ["slt-story-my-sister-is-coming-on-friday-and-she", "slt-story-the-old-house-by-the-river-has-been"]
    voices = [clip(name) for name in names]
    embeddings = model.embed(voices)
    likeness = embeddings @ embeddings.T
    assert np.allclose(np.diag(likeness), 1, atol=1e-5)
    assert min(likeness[0, 1], likeness[2, 3]) > likeness[:2, 2:].max() + 0.1
    quieter = model.embed([voices[0] * 0.02])[0]
    assert embeddings[0] @ quieter > 0.999
    pieces = model.pieces(np.concatenate([voices[0], np.zeros(16_000, np.float32), voices[2]]))
    assert len(pieces.times) == len(pieces.embeddings) > 6
    turns = cluster(pieces, 0.7)
    assert turns[0].speaker != turns[-1].speaker
