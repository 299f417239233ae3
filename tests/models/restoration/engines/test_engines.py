"""Engines that remove noise: each as a stage, against a run over the whole sound, and without its weights."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

from duplex.models import store
from duplex.models.restoration.contract import (
    DENOISERS,
    ENGINES,
    LIVE_TASKS,
    PUBLISHED_DENOISERS,
    RestoreOptions,
    load_stage,
    settled,
)
from duplex.models.restoration.metrics import si_sdr
from duplex.models.restoration.restorer import Restorer
from duplex.models.restoration.stage import RestorationStage
from duplex.streaming.errors import InputError, ModelError, SettingsError
from duplex.streaming.stage import Stage
from tests.models.restoration.signals import live, noisy_recording, speech_like


def skip_without(engine: str) -> None:
    """Skips the test unless its weights are here."""
    if engine in PUBLISHED_DENOISERS and store.find(engine) is None:
        pytest.skip(f"{engine} is not in the model store")


@pytest.fixture(params=[*((engine, "enhance") for engine in DENOISERS), ("tuned", "auto")], ids="-".join)
def stage(request: pytest.FixtureRequest) -> Stage:
    engine, task = request.param
    skip_without(engine)
    return load_stage(RestoreOptions(task, engine=engine))


def noisy_speech(seconds: float = 1.5, level: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    clean = speech_like(seconds)
    noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)
    return clean + level * noise, clean


def arrays(state: object) -> list[np.ndarray]:
    """All arrays of a state, in order."""
    if isinstance(state, np.ndarray):
        return [state]
    if isinstance(state, dict):
        return [each for value in state.values() for each in arrays(value)]
    if isinstance(state, list | tuple):
        return [each for value in state for each in arrays(value)]
    slots = getattr(type(state), "__slots__", ())
    return [each for name in slots for each in arrays(getattr(state, name))]


def test_it_removes_noise_and_keeps_length(stage: Stage) -> None:
    noisy, _ = noisy_speech(3.0)
    out = live(stage, noisy[:-37])
    assert out.shape == noisy[:-37].shape and out.dtype == np.float32
    quiet = np.random.default_rng(1).standard_normal(32_000).astype(np.float32) * 0.03
    assert np.square(live(stage, quiet)[16_000:]).mean() < 0.1 * np.square(quiet).mean()


def test_nothing_emitted_depends_on_what_comes_later(stage: Stage) -> None:
    audio = noisy_speech(0.8)[0]
    at = len(audio) // 2 // stage.hop * stage.hop
    changed = audio.copy()
    changed[at:] = 0.5
    outs = []
    for each in (audio, changed):
        state = stage.initial_state()
        parts = []
        for start in range(0, len(each) - stage.hop + 1, stage.hop):
            out, state = stage.step(each[start : start + stage.hop], state)
            parts.append(out)
        outs.append(np.concatenate(parts))
    np.testing.assert_array_equal(outs[0][:at], outs[1][:at])
    assert not np.array_equal(outs[0][at:], outs[1][at:])


def test_the_state_keeps_its_size_and_the_one_given_can_be_used_again(stage: Stage) -> None:
    audio = noisy_speech(0.5)[0]
    state = stage.initial_state()
    sizes = [each.shape for each in arrays(state)]
    assert sizes
    for start in range(0, len(audio) - stage.hop + 1, stage.hop):
        before = copy.deepcopy(state)
        first, after = stage.step(audio[start : start + stage.hop], state)
        state = after
    again, _ = stage.step(audio[start : start + stage.hop], before)
    np.testing.assert_array_equal(first, again)
    assert [each.shape for each in arrays(state)] == sizes


@pytest.mark.parametrize("decibels", [-30, 10])
def test_the_level_of_the_input_does_not_matter_for_long(stage: Stage, decibels: int) -> None:
    noisy = noisy_recording()[: 10 * 16_000]
    gain = np.float32(10 ** (decibels / 20))
    usual, other = live(stage, noisy)[-64_000:], live(stage, noisy * gain)[-64_000:] / gain
    assert si_sdr(usual, other) > 12


def test_silence_stays_silent_and_garbage_passes(stage: Stage) -> None:
    assert np.abs(live(stage, np.zeros(8000, np.float32))).max() < 1e-4
    audio = noisy_speech(2.0)[0]
    garbage = audio.copy()
    garbage[5000:5400] = np.nan
    garbage[6000:6010] = np.inf
    garbage[7000] = -1e30
    assert np.isfinite(live(stage, garbage)).all()


def test_other_shapes_and_batches_are_refused(stage: Stage) -> None:
    with pytest.raises(InputError, match="block of shape"):
        stage.step(np.zeros(stage.hop + 1, np.float32), stage.initial_state())
    with pytest.raises(SettingsError, match="one stream"):
        stage.initial_state(2)


def test_latency_is_within_what_a_conversation_bears(stage: Stage) -> None:
    assert 1000 * (stage.hop + stage.latency) / stage.sample_rate <= 40


@pytest.mark.parametrize("task", LIVE_TASKS)
def test_what_auto_takes_live_is_at_most_32_ms_late(task: str) -> None:
    stage = load_stage(RestoreOptions(task))
    assert 1000 * (stage.hop + stage.latency) / stage.sample_rate <= 32


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("engine", DENOISERS)
def test_live_at_any_rate(engine: str, rate: int) -> None:
    skip_without(engine)
    restorer = Restorer("enhance", engine=engine, sample_rate=rate)
    audio = np.random.default_rng(0).standard_normal(rate // 2).astype(np.float32) * 0.02
    out = np.concatenate([*(restorer.step(block) for block in np.split(audio, 10)), restorer.flush()])
    assert out.shape == (len(audio) + restorer.latency,) and np.isfinite(out).all()


# ---- without weights


@pytest.fixture
def empty_store(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize("engine", PUBLISHED_DENOISERS)
def test_missing_weights_are_told_in_one_line(engine: str) -> None:
    with pytest.raises(ModelError, match=rf"^{engine} .*DUPLEX_OFFLINE forbids pulling it$"):
        load_stage(RestoreOptions("enhance", engine=engine))


@pytest.mark.usefixtures("empty_store")
def test_auto_takes_what_is_included() -> None:
    for options in (RestoreOptions("codec"), RestoreOptions("enhance", steps=2), RestoreOptions("dereverb", steps=2)):
        assert settled(options).engine == "lite"
    wanted = {"enhance": "tuned", "auto": "tuned", "dereverb": "wpe", "phase": "griffin-lim", "vocode": "griffin-lim"}
    assert {task: settled(RestoreOptions(task)).engine for task in wanted} == wanted
    assert np.isfinite(live(load_stage(RestoreOptions("enhance")), noisy_speech()[0])).all()
    for task in ("codec", "phase", "vocode"):
        live_stage = load_stage(RestoreOptions(task))
        assert isinstance(live_stage, RestorationStage) and live_stage.latency == 256


def test_what_is_pulled_is_free_to_use() -> None:
    for engine in PUBLISHED_DENOISERS:
        assert store.lookup(engine, "restoration").licence.startswith("MIT")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "rnnoise"}, "^engine: .*" + re.escape(", ".join(ENGINES)) + "$"),
        (
            {"engine": "gtcrn", "task": "codec"},
            "^engine: gtcrn only does auto, enhance; for codec choose auto",
        ),
        ({"engine": "tuned", "task": "phase"}, "^engine: tuned only does auto, enhance, dereverb"),
        ({"engine": "wpe"}, "^engine: wpe only does dereverb; for auto choose auto or lite$"),
        ({"engine": "griffin-lim", "task": "codec"}, "^engine: griffin-lim only does phase, vocode"),
        ({"engine": "wpe", "task": "dereverb", "steps": 2}, "^steps: wpe has none"),
        ({"engine": "dtln", "steps": 2}, "^steps: dtln has none"),
        ({"engine": "deepfilternet", "weights": "x"}, "^weights: deepfilternet takes its own"),
        ({"engine": "gtcrn", "device": "cuda"}, "^device: gtcrn runs on cpu"),
        ({"engine": "published"}, "^engine: published has no weights"),
    ],
)
def test_options_that_do_not_fit_an_engine(options: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RestoreOptions(**options).check()


@pytest.mark.parametrize("engine", PUBLISHED_DENOISERS)
def test_a_damaged_graph_is_told_in_one_line(engine: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in store.lookup(engine).files:
        (tmp_path / file.name).write_bytes(b"no graph")
    monkeypatch.setattr("duplex.models.restoration.engines.fetch", lambda name: tmp_path)
    with pytest.raises(ModelError) as told:
        load_stage(RestoreOptions("enhance", engine=engine))
    assert "\n" not in str(told.value) and str(tmp_path) in str(told.value)
