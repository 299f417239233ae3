"""WPE: late echo falls, speech without a room stays, and blocks join without a seam."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from duplex.models.restoration.contract import RestoreOptions, load_stage
from duplex.models.restoration.engines.wpe import BehindWpe, Wpe, dereverberated
from duplex.models.restoration.metrics import si_sdr
from duplex.models.restoration.stage import RestorationStage
from duplex.streaming.errors import InputError, SettingsError, StageError
from tests.models.restoration.signals import RATE, live, recording

EARLY = 0.04
SPAN = 80 * 768
"""Samples of the blocks here, some 4 s."""


def in_a_room(speech: np.ndarray, seconds: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """As heard in a room of this reverberation time, and that without what comes later than EARLY."""
    time = np.arange(round(seconds * RATE)) / RATE
    echo = 0.05 * np.random.default_rng(0).standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    echo[0] = 1.0
    early = np.where(time < EARLY, echo, 0)
    size = len(speech) + len(time)
    heard, near = (np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(each, size), size) for each in (echo, early))
    return heard[: len(speech)].astype(np.float32), near[: len(speech)].astype(np.float32)


@pytest.fixture(scope="module")
def echoing() -> tuple[np.ndarray, np.ndarray]:
    return in_a_room(recording()[: 12 * RATE])


def test_late_echo_falls(echoing: tuple[np.ndarray, np.ndarray]) -> None:
    heard, near = echoing
    assert si_sdr(near, dereverberated(heard)) > si_sdr(near, heard) + 1


def test_speech_without_a_room_stays() -> None:
    speech = recording()[: 12 * RATE]
    assert si_sdr(speech, dereverberated(speech)) > 12


def test_a_recording_of_one_block_is_fitted_as_a_whole(echoing: tuple[np.ndarray, np.ndarray]) -> None:
    heard = echoing[0][: SPAN - 500]
    np.testing.assert_allclose(live(Wpe(SPAN), heard), dereverberated(heard), atol=1e-3)


@pytest.mark.slow
def test_blocks_join_without_a_seam() -> None:
    speech = np.resize(recording(), 2 * SPAN + 3 * RATE)
    heard, near = in_a_room(speech)
    out = live(Wpe(SPAN), heard)
    assert out.shape == heard.shape
    for seam in (SPAN, 2 * SPAN):
        around = slice(seam - 2 * RATE, seam + 2 * RATE)
        assert si_sdr(near[around], out[around]) > si_sdr(near[around], heard[around]) + 0.5


@pytest.mark.slow
def test_what_comes_later_than_the_latency_changes_nothing() -> None:
    heard, _ = in_a_room(np.resize(recording(), 3 * SPAN))
    changed = heard.copy()
    changed[2 * SPAN :] = 0.1
    outs = []
    for audio in (heard, changed):
        stage = Wpe(SPAN)
        state, parts = stage.initial_state(), []
        for at in range(0, len(audio), SPAN):
            before = copy.deepcopy(state)
            part, state = stage.step(audio[at : at + SPAN], state)
            np.testing.assert_array_equal(part, stage.step(audio[at : at + SPAN], before)[0])
            assert state.previous.shape == state.fading.shape == (SPAN,)
            parts.append(part)
        outs.append(np.concatenate(parts))
    np.testing.assert_array_equal(outs[0][: 2 * SPAN], outs[1][: 2 * SPAN])
    assert not np.array_equal(outs[0], outs[1])


@pytest.mark.parametrize("decibels", [-60, -30, 20])
def test_level_does_not_matter(echoing: tuple[np.ndarray, np.ndarray], decibels: int) -> None:
    heard, gain = echoing[0], np.float32(10 ** (decibels / 20))
    assert si_sdr(dereverberated(heard), dereverberated(heard * gain)) > 40


def test_nothing_little_and_garbage_pass() -> None:
    assert not live(Wpe(SPAN), np.zeros(RATE, np.float32)).any()
    for count in (1, 100, 5000):
        assert np.isfinite(live(Wpe(SPAN), np.full(count, 0.1, np.float32))).all()
    tone = np.sin(np.arange(3 * RATE) * 0.2).astype(np.float32)
    assert np.abs(dereverberated(tone)).max() < 2
    garbage = recording()[: 2 * RATE].copy()
    garbage[5000:5400] = np.nan
    garbage[6000] = np.inf
    assert np.isfinite(live(Wpe(SPAN), garbage)).all()


@pytest.mark.slow
def test_the_network_behind_it_hears_what_it_leaves(echoing: tuple[np.ndarray, np.ndarray]) -> None:
    heard, _ = echoing
    behind = RestorationStage("dereverb")
    expected = live(behind, live(Wpe(SPAN), heard))
    np.testing.assert_allclose(live(BehindWpe(behind, SPAN), heard), expected, atol=1e-4)


@pytest.mark.slow
def test_the_engine_comes_nearer_to_the_speech_than_the_live_network(echoing: tuple[np.ndarray, np.ndarray]) -> None:
    heard, _ = echoing
    speech = recording()[: len(heard)]
    recorded = live(load_stage(RestoreOptions("dereverb", engine="wpe")), heard)
    assert si_sdr(speech, recorded) > si_sdr(speech, live(RestorationStage("dereverb"), heard))


def test_a_short_recording_is_not_restored_as_a_long_one() -> None:
    hops: list[int] = []

    class Counted(RestorationStage):
        def step(self, chunk, state):
            hops.append(len(chunk))
            return super().step(chunk, state)

    sound = recording()[16_000:20_000]
    behind = Counted("dereverb")
    out = live(BehindWpe(behind, 10 * SPAN), sound)
    assert out.shape == sound.shape and sum(hops) < 2 * RATE < 10 * SPAN
    np.testing.assert_allclose(out, live(RestorationStage("dereverb"), dereverberated(sound)), atol=1e-4)
    assert not live(BehindWpe(behind, SPAN), np.zeros(100, np.float32)).any()


def test_a_stage_of_other_hops_or_rates_cannot_be_behind_it() -> None:
    stage = RestorationStage("dereverb")
    stage.hop = 250
    with pytest.raises(StageError, match="hops of 250 samples at 16000 Hz"):
        BehindWpe(stage, SPAN)


def test_other_shapes_and_batches_are_refused() -> None:
    for stage in (Wpe(SPAN), BehindWpe(RestorationStage("dereverb"), SPAN)):
        with pytest.raises(InputError, match="block of shape"):
            stage.step(np.zeros(256, np.float32), stage.initial_state())
        with pytest.raises(SettingsError, match="one stream"):
            stage.initial_state(2)
