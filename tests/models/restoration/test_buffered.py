"""The published system as a stage: a stream equals the whole, calls keep their own past, latency by impulse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from duplex.models.restoration.buffered import BufferedRestorer
from duplex.models.restoration.flow import as_channels, as_complex
from duplex.models.restoration.published import build_published, observed, uncompressed
from duplex.models.restoration.solvers import RK4_38, Tableau, euler
from duplex.models.restoration.spectrum import istft, running_gain, stft
from duplex.models.restoration.stage import frame_noise
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import InputError
from duplex.streaming.stage import stream
from tests.models.restoration.unet_helpers import enliven, small_restorer


def speech_like(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 16_000
    voice = np.sign(np.sin(2 * np.pi * 140 * time)) * np.maximum(0, np.sin(2 * np.pi * 3 * time))
    return (0.2 * voice + 0.02 * rng.standard_normal(samples)).astype(np.float32)


def by_hops(restorer: BufferedRestorer, audio: np.ndarray) -> np.ndarray:
    """The output stream, `latency` late, flush included."""
    return np.concatenate(list(stream(restorer, audio.reshape(-1, restorer.hop))))


@torch.no_grad()
def by_definition(restorer: BufferedRestorer, audio: np.ndarray) -> np.ndarray:
    """Whole spectra, one Euler step after the other, each network call over the whole signal from a past of its own."""
    config, steps = restorer.config, restorer.solver.stages
    spectrum = stft(torch.from_numpy(audio)[None], config.window)
    gain = running_gain(spectrum) * config.reference
    source = observed(spectrum * gain, config)
    mean, conditions = source, (source,)
    if restorer.predictor is not None:
        mean = as_complex(restorer.predictor(as_channels(source)))
        conditions = (mean, source)
    noise = np.stack([frame_noise(restorer.seed, frame, config.bins) for frame in range(source.shape[1])])
    x = mean + config.sigma * torch.view_as_complex(torch.from_numpy(noise))
    for step in range(steps):
        velocity = restorer.flow(as_channels(x, *conditions), torch.full((1,), step / steps))
        x = x + as_complex(velocity) / steps
    return istft(uncompressed(x, gain, config))[0].numpy()


@pytest.mark.parametrize("task", ["enhance", "dereverb", "phase"])
def test_a_stream_is_the_published_computation(task: str) -> None:
    restorer = small_restorer(task, euler(3))
    audio = speech_like(30 * 256)
    expected = by_definition(restorer, audio)
    assert np.abs(expected - audio).max() > 0.01
    np.testing.assert_allclose(by_hops(restorer, audio)[restorer.latency :], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(restorer.forward(audio), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("solver", [euler(1), RK4_38], ids=["euler", "3/8 rule"])
@torch.no_grad()
def test_any_number_of_hops_at_a_time_gives_the_same(solver: Tableau) -> None:
    restorer = small_restorer("auto", solver)
    audio = torch.from_numpy(speech_like(24 * 256))[None]
    expected, _ = restorer.process(audio, restorer.initial_state())
    for cut in ([3, 10], [1, 2, 23], [12]):
        state, outs = restorer.initial_state(), []
        for block in audio.tensor_split([hops * 256 for hops in cut], dim=1):
            out, state = restorer.process(block, state)
            outs.append(out)
        torch.testing.assert_close(torch.cat(outs, dim=1), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 1000])
def test_whole_signals_keep_their_length(length: int) -> None:
    restorer = small_restorer("dereverb")
    audio = speech_like(length)
    blocks = Blocks(restorer)
    streamed = np.concatenate([blocks.step(audio), blocks.flush()])
    assert len(streamed) == length
    np.testing.assert_allclose(restorer.forward(audio), streamed, rtol=0, atol=1e-5)


def test_each_call_of_the_solver_has_a_past_of_its_own() -> None:
    restorer = small_restorer("enhance", euler(2))
    state = restorer.initial_state()
    for block in speech_like(5 * 256).reshape(-1, 256):
        _, state = restorer.step(block, state)
    first, second = state.calls
    assert len({past.data_ptr() for past in (*first, *second, *state.predictor)}) == 3 * len(first)
    assert all(not torch.equal(one, other) for one, other in zip(first, second, strict=True))

    block = speech_like(256, seed=3)
    right, _ = restorer.step(block, state)
    for calls in ((first, first), (second, second), (second, first)):
        mixed, _ = restorer.step(block, dataclasses.replace(state, calls=calls))
        assert np.abs(mixed - right).max() > 1e-5


@pytest.mark.parametrize(("window", "milliseconds"), [(512, 32), (256, 16)])
def test_algorithmic_latency_by_impulse(window: int, milliseconds: int) -> None:
    """A block can be processed when its last sample is there, and is heard from then on. A network of zeros moves
    nothing, so that without noise an impulse comes out as one."""
    restorer = small_restorer("dereverb", window=window, sigma=0.0)
    for parameter in restorer.flow.parameters():
        parameter.data.zero_()
    hop = restorer.hop
    for at in (0, hop // 3, 3 * hop - 1):
        audio = np.zeros(8 * hop, np.float32)
        audio[at] = 0.5
        state, heard = restorer.initial_state(), {}
        for index, block in enumerate(audio.reshape(-1, hop)):
            out, state = restorer.step(block, state)
            complete = (index + 1) * hop
            heard |= {complete + offset: sample for offset, sample in enumerate(out)}
        moment = max(heard, key=lambda time: abs(heard[time]))
        assert heard[moment] == pytest.approx(0.5, rel=0.01), "all but the Nyquist bin comes back"
        assert moment - at == milliseconds * 16
        assert moment - at == restorer.latency + restorer.hop


@pytest.mark.parametrize(("window", "milliseconds"), [(512, 32), (256, 16)])
def test_output_looks_no_further_ahead_than_the_algorithmic_latency(window: int, milliseconds: int) -> None:
    """Through a network that mixes everything: the earliest sample that an impulse changes."""
    restorer = small_restorer("enhance", window=window)
    hop = restorer.hop
    audio = speech_like(12 * hop)
    plain = restorer.forward(audio)
    reach = 0
    for at in (6 * hop, 6 * hop + hop // 2, 7 * hop - 1):
        changed = audio.copy()
        changed[at] += 0.5
        first = np.flatnonzero(np.abs(restorer.forward(changed) - plain) > 1e-7)[0]
        reach = max(reach, at - first + 1)
    assert milliseconds * 16 - 8 <= reach <= milliseconds * 16


def test_the_same_seed_gives_the_same_output_and_another_does_not() -> None:
    audio = speech_like(20 * 256)
    outs = [small_restorer("enhance", seed=seed).forward(audio) for seed in (5, 5, 6)]
    assert np.array_equal(outs[0], outs[1])
    assert np.abs(outs[0] - outs[2]).max() > 1e-3


def test_a_new_state_begins_anew_and_an_old_one_can_be_gone_back_to() -> None:
    restorer = small_restorer("enhance")
    audio = speech_like(12 * 256)
    assert np.array_equal(by_hops(restorer, audio), by_hops(restorer, audio))
    _, kept = restorer.step(audio[:256], restorer.initial_state())
    first, _ = restorer.step(audio[256:512], kept)
    restorer.step(audio[512:768], kept)
    again, _ = restorer.step(audio[256:512], kept)
    assert np.array_equal(first, again)


def test_streams_of_a_batch_come_out_as_they_would_alone() -> None:
    restorer = small_restorer("enhance")
    audio = np.stack([speech_like(10 * 256, seed) * gain for seed, gain in ((1, 1.0), (2, 0.05))])
    state, outs = restorer.initial_state(2), []
    for at in range(0, audio.shape[1], 256):
        out, state = restorer.step(audio[:, at : at + 256], state)
        outs.append(out)
    together = np.concatenate([*outs, restorer.flush(state)], axis=1)
    for row in range(2):
        np.testing.assert_allclose(together[row], by_hops(restorer, audio[row]), rtol=0, atol=1e-5)


def test_level_of_the_input_carries_through() -> None:
    """The running gain takes it off and puts it back: from −12 to −52 dBFS the same speech comes out."""
    restorer = small_restorer("enhance")
    audio = speech_like(40 * 256)
    loud, soft = restorer.forward(audio), restorer.forward(audio * 0.01)
    assert np.abs(loud).max() > 0.01
    np.testing.assert_allclose(soft * 100, loud, rtol=0, atol=0.02 * np.abs(loud).max())


@pytest.mark.parametrize(
    "bad",
    [np.full(256, np.nan), np.full(256, np.inf), np.zeros(256), np.full(256, 1e-40), np.ones(256), np.full(256, 3e38)],
    ids=["nan", "inf", "silence", "denormal", "full scale", "beyond all scales"],
)
def test_no_input_poisons_the_stream(bad: np.ndarray) -> None:
    restorer = small_restorer("enhance")
    state = restorer.initial_state()
    for block in [bad.astype(np.float32)] * 3 + [speech_like(256)] * 3:
        out, state = restorer.step(block, state)
        assert np.isfinite(out).all()
    assert all(past.isfinite().all() for past in (*state.predictor, *state.calls[0], *state.calls[1], state.level))


def test_phase_retrieval_does_not_hear_the_phase() -> None:
    restorer = small_restorer("phase")
    audio = speech_like(20 * 256)
    np.testing.assert_allclose(restorer.forward(-audio), restorer.forward(audio), rtol=0, atol=1e-6)


def test_blocks_of_other_shapes_are_refused() -> None:
    restorer = small_restorer("dereverb")
    with pytest.raises(InputError, match="takes"):
        restorer.step(np.zeros(255, np.float32), restorer.initial_state())
    with pytest.raises(InputError, match="takes"):
        restorer.step(np.zeros((2, 256), np.float32), restorer.initial_state())
    with pytest.raises(InputError, match="multiple of 256"):
        restorer.process(torch.zeros(1, 300), restorer.initial_state())


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["512", "256"])
def test_full_size_streams_as_the_whole(variant: str) -> None:
    predictor, flow, config = build_published("enhance", variant)
    restorer = BufferedRestorer(enliven(predictor), enliven(flow), config)
    audio = speech_like(2 * config.hop)
    whole = restorer.forward(audio)
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(by_hops(restorer, audio)[restorer.latency :], whole, rtol=0, atol=1e-5)
