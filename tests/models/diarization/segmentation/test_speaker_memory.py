"""Speakers that keep their places while what is known of them grows, changes and is thinned out."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.diarization.segmentation.networks import _is_narrow
from duplex.models.diarization.segmentation.speaker_memory import SpeakerMemory
from duplex.streaming.resample import resample

MOST = 20


@pytest.fixture(autouse=True)
def little_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.models.diarization.segmentation.speaker_memory.MOST", MOST)


NOBODY = np.zeros((0, 192), np.float32)


def voice(person: int, seed: int, spread: float = 0.04) -> np.ndarray:
    """(1, 192): two of one person have a likeness of about 0.75, two of different people about 0."""
    around = np.eye(192)[person] + np.random.default_rng([person, seed]).normal(0, spread, 192)
    return (around / np.linalg.norm(around)).astype(np.float32)[None]


def add(memory: SpeakerMemory, window: int, *people: int, frames: float = 20.0) -> list[int]:
    embeddings = np.concatenate([voice(person, window) for person in people])
    return memory.add(embeddings, np.full(len(people), frames), window).tolist()


def present(memory: SpeakerMemory) -> np.ndarray:
    return memory.means.any(axis=1)


def test_people_keep_their_places() -> None:
    memory = SpeakerMemory(NOBODY, 8)
    assert add(memory, 0, 5) == [0]
    assert add(memory, 1, 7) == [1]
    assert [add(memory, window, 7, 5) for window in range(2, 8)] == [[1, 0]] * 6
    assert add(memory, 8, 9, 5) == [2, 0]
    assert present(memory).tolist() == [True] * 3 + [False] * 5


def test_two_of_one_window_are_not_one() -> None:
    memory = SpeakerMemory(NOBODY, 8)
    same = np.concatenate([voice(3, 0), voice(3, 1)])
    assert len(set(memory.add(same, np.array([20.0, 20.0]), 0))) == 2


def test_who_enrolled_is_whoever_they_are() -> None:
    memory = SpeakerMemory(np.concatenate([voice(4, 100), voice(6, 100)]), 3)
    assert add(memory, 0, 6) == [1] and add(memory, 1, 8) == [2] and add(memory, 2, 4, 8) == [0, 2]
    for window in range(3, 3 * MOST):
        assert add(memory, window, 6, frames=100.0) == [1]
    assert add(memory, 3 * MOST, 4) == [0], "also where nothing was heard of them for long"


def test_memory_does_not_grow_and_nobody_is_forgotten() -> None:
    memory = SpeakerMemory(NOBODY, 8)
    add(memory, 0, 1)
    sizes = []
    for window in range(1, 4 * MOST):
        assert add(memory, window, 2, 3) == [1, 2]
        sizes.append(memory.nbytes)
    assert max(sizes[2 * MOST :]) <= max(sizes[: 2 * MOST])
    assert add(memory, 4 * MOST, 1) == [0]


def test_what_was_taken_for_two_becomes_one_when_more_is_heard() -> None:
    memory = SpeakerMemory(NOBODY, 8)
    apart = np.zeros((2, 192), np.float32)
    apart[0, 0], apart[1, :2] = 1.0, (0.3, np.sqrt(1 - 0.09))
    assert [memory.add(apart[n : n + 1], np.array([10.0]), n).tolist() for n in (0, 1)] == [[0], [1]]
    between = (apart.sum(axis=0) / np.linalg.norm(apart.sum(axis=0)))[None]
    found = [memory.add(between, np.array([100.0]), window).tolist() for window in range(2, 6)]
    assert found[-1] in ([0], [1]) and present(memory).sum() == 1


def test_no_more_speakers_than_there_is_room_for() -> None:
    memory = SpeakerMemory(NOBODY, 2)
    assert [add(memory, person, person) for person in range(4)] == [[0], [1], [-1], [-1]]


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_a_telephone_s_band_is_told_from_a_room_s(gain: float) -> None:
    room = np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)
    telephone = resample(resample(room, 16_000, 8_000), 8_000, 16_000)
    assert _is_narrow(telephone * np.float32(gain)) and not _is_narrow(room * np.float32(gain))
    muffled = telephone + np.float32(0.005) * room
    assert not _is_narrow(muffled * np.float32(gain)), "a band that holds something is heard as it is"
