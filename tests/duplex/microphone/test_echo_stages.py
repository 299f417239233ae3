"""The parts of echo control one by one: AEC3, the linear filter, the delay, the gate."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.microphone.echo_cancellation import HOP, EchoCanceller
from duplex.microphone.echo_delay import EchoDelay
from duplex.microphone.echo_filter import EchoFilter
from duplex.microphone.residual_gate import ResidualGate
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, StageError

pytest.importorskip("livekit")


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise with the slope and the syllables of speech: (n,) float32."""
    random = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    noise = np.convolve(random.normal(0, 1, count), 0.9 ** np.arange(40), "same")
    beat = np.maximum(0.0, np.sin(2 * np.pi * 3.7 * np.arange(count) / SAMPLE_RATE + seed)) ** 2
    return (0.05 * noise * beat).astype(np.float32)


def room(delay: int, length: int = 2000, seed: int = 1) -> np.ndarray:
    taps = np.random.default_rng(seed).normal(0, 1, length) * np.exp(-np.arange(length) / 400)
    taps[0] = 5.0  # the direct sound
    return np.concatenate([np.zeros(delay), 0.5 * taps / np.sqrt(np.sum(taps**2))])


def echo_of(played: np.ndarray, response: np.ndarray) -> np.ndarray:
    size = len(played) + len(response)
    return np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(response, size), size)[: len(played)].astype(np.float32)


def run(stage: EchoCanceller | EchoFilter, microphone: np.ndarray, played: np.ndarray) -> np.ndarray:
    state = stage.initial_state()
    out = []
    for at in range(0, len(microphone) - HOP + 1, HOP):
        block, state = stage.step(np.stack([microphone[at : at + HOP], played[at : at + HOP]]), state)
        out.append(block)
    return np.concatenate([*out, stage.flush(state)])


def decibels(before: np.ndarray, after: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(before)) / (np.mean(np.square(after)) + 1e-12)))


@pytest.mark.parametrize("stage,least", [(EchoCanceller(), 30.0), (EchoFilter(), 18.0)])
def test_an_echo_goes_away(stage: EchoCanceller | EchoFilter, least: float) -> None:
    played = speech_like(8.0)
    microphone = echo_of(played, room(800)) + np.random.default_rng(2).normal(0, 1e-4, len(played)).astype(np.float32)
    left = run(stage, microphone, played)
    assert decibels(microphone[-3 * SAMPLE_RATE :], left[-3 * SAMPLE_RATE :]) > least


@pytest.mark.parametrize("stage", [EchoCanceller(), EchoFilter()])
def test_where_nothing_is_played_the_microphone_passes_with_the_stated_latency(
    stage: EchoCanceller | EchoFilter,
) -> None:
    microphone = speech_like(4.0, seed=3)
    out = run(stage, microphone, np.zeros_like(microphone))
    assert len(out) == len(microphone) + stage.latency
    impulse = np.zeros(4000, np.float32)
    impulse[1000] = 0.9
    came = np.flatnonzero(np.abs(run(stage, impulse, np.zeros_like(impulse))) > 0.05)
    assert came[0] == 1000 + stage.latency


def test_the_linear_filter_leaves_words_spoken_over_the_echo_as_they_are() -> None:
    played = speech_like(10.0)
    user = np.zeros_like(played)
    user[6 * SAMPLE_RATE : 8 * SAMPLE_RATE] = speech_like(2.0, seed=5)
    echo = echo_of(played, room(300))
    left = run(EchoFilter(), echo + user, played)
    talking = slice(6 * SAMPLE_RATE, 8 * SAMPLE_RATE)
    assert decibels(user[talking], left[talking] - user[talking]) > 12.0
    after = slice(round(8.5 * SAMPLE_RATE), None)
    assert decibels(echo[after], left[after]) > 15.0, "double talk has spoilt what it knew of the room"


def test_stages_refuse_what_they_cannot_do() -> None:
    for stage in (EchoCanceller(), EchoFilter()):
        with pytest.raises(InputError, match="160"):
            stage.step(np.zeros((2, 320), np.float32), stage.initial_state())
        with pytest.raises(StageError):
            stage.initial_state(2)


def test_a_stage_neither_keeps_nor_changes_the_block_it_is_given() -> None:
    played = speech_like(1.0)
    for stage in (EchoCanceller(), EchoFilter()):
        fresh, reused = stage.initial_state(), stage.initial_state()
        buffer = np.zeros((2, HOP), np.float32)
        for at in range(0, len(played), HOP):
            block = np.stack([0.3 * played[at : at + HOP], played[at : at + HOP]])
            buffer[:] = block
            expected, fresh = stage.step(block, fresh)
            out, reused = stage.step(buffer, reused)
            assert (buffer == block).all()
            assert (out == expected).all()
            buffer[:] = 0.77


@pytest.mark.parametrize("delay", [0, 480, 5000, 20_000])
def test_the_delay_is_found_to_two_milliseconds(delay: int) -> None:
    played = speech_like(8.0)
    microphone = echo_of(played, room(delay, seed=4))
    microphone += speech_like(8.0, seed=9) * 0.2  # somebody talks meanwhile
    finder = EchoDelay()
    found = [
        finder.push(microphone[at : at + HOP], played[at : at + HOP]) for at in range(0, len(played) - HOP + 1, HOP)
    ]
    assert any(found)
    assert finder.delay == pytest.approx(delay, abs=32)


def test_over_headphones_there_is_no_delay() -> None:
    finder, played = EchoDelay(), speech_like(20.0)
    noise = np.random.default_rng(2).normal(0, 3e-4, len(played)).astype(np.float32)
    for at in range(0, len(played) - HOP + 1, HOP):
        assert not finder.push(noise[at : at + HOP], played[at : at + HOP])
    assert finder.delay is None


def gate(microphone: float, cancelled: float, filtered: float, played: float, frames: int, gate: ResidualGate) -> float:
    """Levels in dBFS of noise; returns how many dB the gate takes off in the last of the frames."""
    random = np.random.default_rng(0)
    for _ in range(frames):
        blocks = [
            (10 ** (level / 20) * random.normal(0, 1, HOP)).astype(np.float32)
            for level in (microphone, cancelled, filtered, played)
        ]
        out = gate.step(*blocks)
    return decibels(blocks[1], out)


def test_residue_is_taken_down_and_a_user_is_not() -> None:
    for user_level in (-20.0, -26.0):
        residual = ResidualGate()
        assert abs(gate(-70, -70, -70, -120, 50, residual)) < 0.1, "a quiet room is left alone"
        assert gate(-25, -55, -45, -20, 60, residual) > 12.0, "residue"
        assert gate(-24, user_level - 3, user_level, -20, 20, residual) < 0.1, "somebody speaks over it"
    assert abs(gate(-20, -20, -20, -120, 100, ResidualGate())) < 0.1, "somebody speaks, and nothing is played"
