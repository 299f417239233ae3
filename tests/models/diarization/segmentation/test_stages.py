"""Both diarizers over voices that are told apart for certain: tones, heard without the networks."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.feed import probabilities
from duplex.models.diarization.segmentation.online import OnlineSegmentation
from duplex.models.diarization.segmentation.recording import RecordingSegmentation
from duplex.models.diarization.segmentation.voices import Heard, Listener
from duplex.streaming.errors import InputError, SettingsError

TONES = (300.0, 500.0, 800.0, 1300.0)


class ToneListener(Listener):
    """Voices of a window in an order that changes from window to window, as a segmentation's does."""

    def __init__(self) -> None:
        self._windows = 0
        self.embedded = 0

    def hear(self, samples: np.ndarray) -> Heard:
        frames = samples.reshape(-1, FRAME)
        spectrum = np.abs(np.fft.rfft(frames, axis=1)) / (FRAME / 2)
        active = np.stack([spectrum[:, round(hertz / 10)] > 0.05 for hertz in TONES], axis=1)
        present = np.flatnonzero(active.any(axis=0))[:3]
        self._windows += 1
        self._order = np.roll([*present, *[-1] * (3 - len(present))], self._windows)
        activity = np.stack([active[:, tone] if tone >= 0 else np.zeros(len(frames)) for tone in self._order], axis=1)
        single = (activity > 0) & (activity.sum(axis=1, keepdims=True) == 1)
        return Heard(activity.astype(np.float32), single.sum(axis=0), np.zeros((0, 80), np.float32))

    def embedding(self, heard: Heard, voice: int, most: int = 100) -> np.ndarray | None:
        self.embedded += 1
        tone = self._order[voice]
        return np.eye(192, dtype=np.float32)[tone] if tone >= 0 else None

    def known(self, enrolled, max_speakers: int) -> np.ndarray:
        found = np.zeros((0, 192), np.float32)
        for _, samples in enrolled:
            heard = self.hear(samples[: len(samples) // FRAME * FRAME])
            found = np.concatenate([found, self.embedding(heard, int(heard.alone.argmax()))[None]])
        return found


def said(*turns: tuple[int, float, float], seconds: float) -> np.ndarray:
    """turns: (tone, start, end) in seconds."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    mix = np.zeros(len(time))
    for tone, start, end in turns:
        mix += 0.2 * np.sin(2 * np.pi * TONES[tone] * time) * ((time >= start) & (time < end))
    return mix.astype(np.float32)


DIALOGUE = said((2, 0.5, 4.0), (0, 4.5, 9.0), (2, 8.0, 12.0), (1, 13.0, 18.0), (0, 20.0, 24.0), seconds=25)


def active(found: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(row > 0.5).tolist() for row in found]


@pytest.mark.parametrize("latency", [None, 0.4, 1.0])
def test_speakers_are_told_apart_and_known_again(latency: float | None) -> None:
    diarizer = _diarizer(latency)
    found = active(probabilities(diarizer, DIALOGUE))
    assert len(found) == 250
    assert found[30] == [0] and found[60] == [1] and found[160] == [2] and found[220] == [1]
    assert found[85] == [0, 1], "both speak"
    assert found[110] == [0], "he comes back"
    assert found[190] == [] and found[2] == []


@pytest.mark.parametrize("latency", [None, 1.0])
def test_known_voices_have_the_first_columns(latency: float | None) -> None:
    enrolled = [("ann", said((0, 0, 3), seconds=3)), ("bob", said((3, 0, 3), seconds=3))]
    found = active(probabilities(_diarizer(latency), DIALOGUE, enrolled))
    assert found[30] == [2] and found[60] == [0] and found[160] == [3] and found[220] == [0]


def test_frames_come_in_time_and_each_once() -> None:
    diarizer = _diarizer(1.0)
    state, given = diarizer.initial_state(), 0
    for heard in range(1, 61):
        frames, state = diarizer.step(DIALOGUE[(heard - 1) * FRAME : heard * FRAME], state)
        assert frames.start == given * FRAME
        given += len(frames.probabilities)
        assert given >= (heard * FRAME - diarizer.latency) // FRAME
    assert given < 60
    rest = diarizer.flush(state)
    assert rest.start == given * FRAME and given + len(rest.probabilities) == 60


def test_hops_at_once_are_hops_one_by_one() -> None:
    one, many = _diarizer(0.4), _diarizer(0.4)
    state = many.initial_state()
    first, state = many.step(DIALOGUE[: 73 * FRAME], state)
    second, state = many.step(DIALOGUE[73 * FRAME : 100 * FRAME], state)
    joined = np.concatenate([first.probabilities, second.probabilities, many.flush(state).probabilities])
    np.testing.assert_array_equal(joined, probabilities(one, DIALOGUE[: 100 * FRAME]))


def test_a_stream_s_state_does_not_grow() -> None:
    diarizer = _diarizer(1.0)
    state, sizes = diarizer.initial_state(), set()
    for at in range(0, len(DIALOGUE) // FRAME):
        _, state = diarizer.step(DIALOGUE[at * FRAME : (at + 1) * FRAME], state)
        if at >= 100:
            sizes.add(state.heard.nbytes + state.total.nbytes + state.covers.nbytes)
    assert len(sizes) == 1


@pytest.mark.parametrize("latency", [None, 1.0])
@pytest.mark.parametrize("frames", [0, 1, 7, 100, 101])
def test_recordings_of_any_length(latency: float | None, frames: int) -> None:
    found = probabilities(_diarizer(latency), DIALOGUE[: frames * FRAME])
    assert found.shape == (frames, 8) and np.isfinite(found).all()


@pytest.mark.parametrize("latency", [None, 1.0])
def test_no_more_speakers_than_asked_for(latency: float | None) -> None:
    found = probabilities(_diarizer(latency, 2), DIALOGUE)
    assert found.shape == (250, 2)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"0\.4 s ahead or more, not 0"):
        _diarizer(0.0)
    for latency in (None, 1.0):
        diarizer = _diarizer(latency)
        with pytest.raises(InputError, match="whole frames"):
            diarizer.step(np.zeros(100, np.float32), diarizer.initial_state())
        with pytest.raises(SettingsError, match="one stream"):
            diarizer.initial_state(2)


def _diarizer(latency: float | None, max_speakers: int = 8) -> OnlineSegmentation | RecordingSegmentation:
    if latency is None:
        return RecordingSegmentation(ToneListener(), max_speakers)
    return OnlineSegmentation(ToneListener(), latency, max_speakers)
