"""The contract that every stage keeps, checked on every stage there is: add yours to STAGES, in one line."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from duplex.models.asr.contract import Word
from duplex.models.asr.keyword_spotter import KeywordSpotter
from duplex.models.asr.moonshine import Moonshine
from duplex.models.asr.redecoding import Redecoding
from duplex.models.asr.sphinx import PocketSphinx
from duplex.models.diarization import load_diarizer
from duplex.models.interaction.speech_lm.mel import StreamingLogMel
from duplex.models.restoration.stage import RestorationStage
from duplex.models.sounds import has_weights, load_tagger
from duplex.models.store import find
from duplex.models.vad.silero import SileroVad
from duplex.models.vad.webrtc import WebRtcVad
from duplex.streaming.audio import AudioChunk
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import DuplexError
from duplex.streaming.gain import InputGain
from duplex.streaming.pipeline import StageRunner
from duplex.streaming.resample import Resampler
from duplex.streaming.stage import stream
from duplex.streaming.stft import Istft, SpectralFilter, Stft


@dataclasses.dataclass(frozen=True)
class Entry:
    """A stage under test.

    takes: what it is fed, a key of INPUTS. gives: "samples" (at the input's rate, aligned by `Blocks`), "array" (joined
    along time) or "values" (compared one by one). tolerance: of parity, absolute. any_chunk: steps take chunks of any
    size. impulse: an impulse comes out as one, so that it shows the latency (False for a network that removes it).
    slow: left to `make test-all`.
    """

    name: str
    factory: Callable[[], Any]
    takes: str = "samples"
    gives: str = "samples"
    tolerance: float = 1e-5
    any_chunk: bool = False
    impulse: bool = True
    slow: bool = False


class Loudness(Redecoding):
    """A recognizer of whole signals, made a streaming one: it hears a word for each quarter of a second."""

    name = "loudness"

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        size = self.sample_rate // 4
        starts = range(0, len(samples) - size + 1, size)
        return [Word(f"w{int(np.abs(samples[s : s + size]).mean() * 50)}", s, s + size) for s in starts]


def _published() -> Any:
    pytest.importorskip("torch")
    from tests.models.restoration.unet_helpers import small_restorer

    return small_restorer("dereverb", multipliers=(1,))


def _tagger() -> Any:
    """The trained one, else one with random weights."""
    if has_weights():
        return load_tagger()
    from tests.models.sounds.random_tagger import random_tagger

    return random_tagger()


def _moonshine() -> Any:
    folder = find("moonshine-tiny-en")
    if folder is None:
        pytest.skip("needs weights: duplex models pull moonshine-tiny-en")
    return Moonshine(folder, interval=0.2, window=2.0)


STAGES = [
    Entry("stft", Stft, "samples", "array"),
    Entry("stft of 25 ms every 10", lambda: Stft(400, 160), "samples", "array"),
    Entry("istft", lambda: Istft(Stft()), "spectra", "array"),
    Entry("spectral filter", lambda: SpectralFilter(lambda spectrum: spectrum)),
    Entry("resampler 48 to 16 kHz", lambda: Resampler(48_000, 16_000), "samples", "array", any_chunk=True),
    Entry("resampler 16 to 44.1 kHz", lambda: Resampler(16_000, 44_100), "samples", "array", any_chunk=True),
    Entry("input gain", InputGain),
    Entry("whisper log-mel", StreamingLogMel, "samples", "array", any_chunk=True),
    Entry("webrtc activity", WebRtcVad, "samples", "values"),
    Entry("silero activity", SileroVad, "samples", "values"),
    Entry("pocketsphinx", PocketSphinx, "samples", "values", slow=True),
    Entry("command spotter", KeywordSpotter, "samples", "values", slow=True),
    Entry("re-decoding recognizer", lambda: Loudness(interval=0.2, window=2.0), "samples", "values"),
    Entry("moonshine", _moonshine, "samples", "values", slow=True),
    Entry("diarization", lambda: load_diarizer(0.4), "samples", "values", tolerance=1e-4),
    Entry("sound tagger", _tagger, "samples", "values"),
    Entry("lite restoration", RestorationStage, impulse=False),
    Entry("phase reconstruction", lambda: RestorationStage("phase"), impulse=False),
    Entry("published restoration", _published, impulse=False, slow=True),
]


def samples(stage: Any, hops: int, rng: np.random.Generator) -> np.ndarray:
    """Hops of noise that swells and fades like syllables, with a pitch."""
    time = np.arange(hops * stage.hop) / stage.sample_rate
    voice = np.sign(np.sin(2 * np.pi * 120 * time)) * 0.2 + rng.standard_normal(len(time)) * 0.05
    return (voice * np.maximum(0.0, np.sin(2 * np.pi * 1.5 * time + rng.uniform(0, 6)))).astype(np.float32)


def spectra(stage: Any, hops: int, rng: np.random.Generator) -> np.ndarray:
    signal = rng.standard_normal(hops * stage.frame_hop).astype(np.float32) * 0.1
    return Stft(len(stage.window), stage.frame_hop).forward(signal)[:hops]


INPUTS = {"samples": samples, "spectra": spectra}


@pytest.fixture(
    params=[pytest.param(entry, marks=[pytest.mark.slow] if entry.slow else [], id=entry.name) for entry in STAGES]
)
def entry(request: pytest.FixtureRequest) -> Entry:
    return request.param


def make_input(entry: Entry, stage: Any, hops: int, seed: int = 0) -> np.ndarray:
    return INPUTS[entry.takes](stage, hops, np.random.default_rng(seed))


def chunked(stage: Any, signal: np.ndarray) -> list[np.ndarray]:
    assert len(signal) % stage.hop == 0
    return [signal[at : at + stage.hop] for at in range(0, len(signal), stage.hop)]


def joined(entry: Entry, outs: list[Any]) -> Any:
    """What a stream of outputs amounts to: one array, or a list of values."""
    if entry.gives != "values":
        return np.concatenate([np.asarray(out) for out in outs])
    values: list[Any] = []
    for out in outs:
        values += out if isinstance(out, list | tuple) else [] if out is None else [out]
    return values


def assert_same(left: Any, right: Any, tolerance: float) -> None:
    if dataclasses.is_dataclass(left):
        assert type(left) is type(right)
        left, right = dataclasses.astuple(left), dataclasses.astuple(right)
    if isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other, tolerance)
    elif isinstance(left, np.ndarray | float):
        assert np.shape(left) == np.shape(right)
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)
    else:
        assert left == right


def state_bytes(value: Any) -> int:
    """Memory that a state keeps alive: of a view, all that it is a view of. The words of an utterance, which are what
    comes out, are left out."""
    if isinstance(value, list | tuple) and value and isinstance(value[0], Word):
        return 0
    if isinstance(value, np.ndarray):
        while isinstance(value.base, np.ndarray):
            value = value.base
        return value.nbytes
    if hasattr(value, "untyped_storage"):
        return value.untyped_storage().nbytes()
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if isinstance(value, dict):
        return sum(8 + state_bytes(key) + state_bytes(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset) or type(value).__name__ == "deque":
        return sum(8 + state_bytes(item) for item in value)
    slots = {name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())} - {"__weakref__"}
    fields = [getattr(value, name) for name in slots if hasattr(value, name)]
    return sum(map(state_bytes, [*fields, *getattr(value, "__dict__", {}).values()]))


def test_steps_equal_the_whole_signal(entry: Entry) -> None:
    stage = entry.factory()
    if not hasattr(stage, "forward"):
        pytest.skip("has no whole-signal twin")
    signal = make_input(entry, stage, 40)
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(0, len(signal), 30))
    if entry.gives == "samples":
        signal = signal[: len(signal) - stage.hop // 3]
        blocks = Blocks(stage)
        parts = [blocks.step(part) for part in np.split(signal, cuts)]
        result = np.concatenate([*parts, blocks.flush()])
    else:
        chunks = np.split(signal, cuts) if entry.any_chunk else chunked(stage, signal)
        result = joined(entry, list(stream(stage, chunks)))
    assert_same(result, stage.forward(signal), entry.tolerance)


def test_what_was_emitted_does_not_depend_on_the_future(entry: Entry) -> None:
    stage = entry.factory()
    past, hops = make_input(entry, stage, 20), 20
    state, outs = stage.initial_state(1), []
    for chunk in chunked(stage, past):
        out, state = stage.step(chunk, state)
        outs.append(out)
    emitted = joined(entry, outs)
    if entry.gives == "samples":
        assert len(emitted) == hops * stage.hop, "a step returns hop samples"
        emitted = emitted[stage.latency :]
    for future in (1.0, -0.7, 0.0):
        signal = np.concatenate([past, (future * make_input(entry, stage, hops, seed=2)).astype(past.dtype)])
        if hasattr(stage, "forward"):
            whole = stage.forward(signal)
        else:
            whole = joined(entry, list(stream(stage, chunked(stage, signal))))
        assert_same(whole[: len(emitted)], emitted, entry.tolerance)


def test_state_does_not_grow(entry: Entry) -> None:
    stage = entry.factory()
    per_second = -(-stage.sample_rate // (stage.hop * getattr(stage, "frame_hop", 1)))
    state, sizes = stage.initial_state(1), []
    for index, chunk in enumerate(chunked(stage, make_input(entry, stage, 4 * per_second)), start=1):
        _, state = stage.step(chunk, state)
        if index in (per_second, 4 * per_second):
            sizes.append(state_bytes(state))
    assert sizes[1] <= sizes[0]


def test_flush_completes_the_stream(entry: Entry) -> None:
    stage = entry.factory()
    stage.flush(stage.initial_state(1))
    if entry.gives == "samples":
        signal = make_input(entry, stage, 12)
        for length in (0, 1, stage.hop - 1, stage.hop, stage.hop + 1, len(signal)):
            blocks = Blocks(stage)
            assert len(blocks.step(signal[:length])) + len(blocks.flush()) == length
        return
    chunks = chunked(stage, make_input(entry, stage, 12))
    state, outs = stage.initial_state(1), []
    for chunk in chunks:
        out, state = stage.step(chunk, state)
        outs.append(out)
    assert len(joined(entry, [*outs, stage.flush(state)])) >= len(joined(entry, outs))


def test_two_streams_do_not_disturb_one_another(entry: Entry) -> None:
    stage = entry.factory()
    signals = [make_input(entry, stage, 60, seed) for seed in (3, 4)]
    alone = [joined(entry, list(stream(stage, chunked(stage, signal)))) for signal in signals]
    states = [stage.initial_state(1) for _ in signals]
    outs: list[list[Any]] = [[], []]
    for pair in zip(*(chunked(stage, signal) for signal in signals), strict=True):
        for index, chunk in enumerate(pair):
            out, states[index] = stage.step(chunk, states[index])
            outs[index].append(copy.deepcopy(out))
    for index, state in enumerate(states):
        assert_same(joined(entry, [*outs[index], stage.flush(state)]), alone[index], 0.0)


def test_a_snapshot_can_be_gone_back_to(entry: Entry) -> None:
    stage = entry.factory()
    if not getattr(stage, "snapshots", True):
        pytest.skip("its state wraps a foreign engine")
    chunks = chunked(stage, make_input(entry, stage, 30))
    state = stage.initial_state(1)
    for chunk in chunks[:10]:
        _, state = stage.step(chunk, state)
    kept = copy.deepcopy(state)

    def continued(state: Any) -> Any:
        outs = []
        for chunk in chunks[10:]:
            out, state = stage.step(chunk, state)
            outs.append(copy.deepcopy(out))
        return joined(entry, [*outs, stage.flush(state)])

    expected = continued(state)
    other = copy.deepcopy(kept)
    for chunk in chunked(stage, make_input(entry, stage, 10, seed=9)):
        _, other = stage.step(chunk, other)
    assert_same(continued(kept), expected, 0.0)


def test_a_batch_is_its_streams_side_by_side(entry: Entry) -> None:
    """Or is refused in one line: a stage of one stream says so."""
    stage = entry.factory()
    signals = [make_input(entry, stage, 20, seed) for seed in (5, 6)]
    try:
        state = stage.initial_state(2)
    except DuplexError as error:
        assert "\n" not in str(error) and str(error)
        return
    alone = [joined(entry, list(stream(stage, chunked(stage, signal)))) for signal in signals]
    outs = []
    for pair in zip(*(chunked(stage, signal) for signal in signals), strict=True):
        out, state = stage.step(np.stack(pair), state)
        outs.append(np.asarray(out))
    outs.append(np.asarray(stage.flush(state)))
    for index, expected in enumerate(alone):
        assert_same(np.concatenate([out[index] for out in outs]), expected, entry.tolerance)


def test_a_runner_keeps_the_clock_through_gaps_and_bursts(entry: Entry) -> None:
    """Driven by a pipeline's runner in chunks of any size, with a gap: what the stage gives for the filled signal."""
    stage = entry.factory()
    if entry.takes != "samples":
        pytest.skip("not a stage on samples")
    signal = make_input(entry, stage, 30)
    gap = slice(7 * stage.hop + 5, 11 * stage.hop)
    signal[gap] = 0.0
    runner, outs = StageRunner(stage), []
    for part in (slice(0, gap.start), slice(gap.stop, gap.stop + 3), slice(gap.stop + 3, len(signal))):
        outs += runner.push(AudioChunk(part.start, signal[part]))
    outs += runner.flush()
    assert [timed.start for timed in outs] == [n * stage.hop for n in range(len(outs))]
    expected = joined(entry, list(stream(stage, chunked(stage, signal))))
    assert_same(joined(entry, [timed.out for timed in outs]), expected, entry.tolerance)


def test_the_chunk_is_neither_changed_nor_kept(entry: Entry) -> None:
    stage = entry.factory()
    chunks = chunked(stage, make_input(entry, stage, 20))
    expected = joined(entry, list(stream(stage, chunks)))
    state, buffer, outs = stage.initial_state(1), np.empty_like(chunks[0]), []
    for chunk in chunks:
        buffer[...] = chunk
        out, state = stage.step(buffer, state)
        assert np.array_equal(buffer, chunk)
        outs.append(copy.deepcopy(out))
        buffer[...] = 0.5
    assert_same(joined(entry, [*outs, stage.flush(state)]), expected, 0.0)


def test_an_impulse_shows_the_declared_latency(entry: Entry) -> None:
    stage = entry.factory()
    if entry.gives != "samples" or not entry.impulse:
        pytest.skip("not a linear stage from samples to samples")
    for at in (0, stage.hop // 2, 3 * stage.hop - 1):
        signal = np.zeros(8 * stage.hop, np.float32)
        signal[at] = 1.0
        out = joined(entry, list(stream(stage, chunked(stage, signal))))
        assert int(np.abs(out).argmax()) == at + stage.latency
