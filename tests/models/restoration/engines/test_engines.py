"""Engines whose weights are pulled: each as a stage, against a run over the whole sound, and without its weights."""

from __future__ import annotations

import copy
import logging
import re

import numpy as np
import pytest

from duplex.models import store
from duplex.models.restoration.contract import DENOISERS, ENGINES, RestoreOptions, load_stage, settled
from duplex.models.restoration.engines import BEST, BEST_LIVE
from duplex.models.restoration.metrics import si_sdr
from duplex.models.restoration.restorer import Restorer
from duplex.models.restoration.stage import RestorationStage
from duplex.streaming.errors import InputError, ModelError, SettingsError
from duplex.streaming.stage import Stage
from tests.models.restoration.signals import live, noisy_recording, speech_like


def skip_without(engine: str) -> None:
    """Skips the test unless the weights of all its parts are here."""
    for part in engine.split("+"):
        if store.find(part) is None:
            pytest.skip(f"{part} is not in the model store")


@pytest.fixture(params=DENOISERS)
def stage(request: pytest.FixtureRequest) -> Stage:
    skip_without(request.param)
    return load_stage(RestoreOptions("enhance", engine=request.param))


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
@pytest.mark.parametrize("engine", DENOISERS)
def test_missing_weights_are_told_in_one_line(engine: str) -> None:
    with pytest.raises(ModelError, match=rf"^{engine.split('+')[0]} .*DUPLEX_OFFLINE forbids pulling it$"):
        load_stage(RestoreOptions("enhance", engine=engine))


@pytest.mark.usefixtures("empty_store")
def test_auto_falls_back_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        options = settled(RestoreOptions("enhance"))
        assert isinstance(load_stage(options), RestorationStage)
    assert options.engine == "lite"
    assert [record.getMessage().count("\n") for record in caplog.records] == [0]
    assert isinstance(load_stage(RestoreOptions("enhance")), RestorationStage)


def test_auto_takes_the_best_that_can_be_had(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    def fetched(name: str) -> None:
        asked.append(name)
        if name == "deepfilternet":
            raise ModelError("deepfilternet cannot be had")

    monkeypatch.setattr("duplex.models.restoration.engines.fetch", fetched)
    assert settled(RestoreOptions("enhance")).engine == "dtln+gtcrn"
    assert asked.count("deepfilternet") == 1
    assert not caplog.records


@pytest.mark.usefixtures("empty_store")
def test_auto_wants_no_weights_where_the_included_network_is_meant(caplog: pytest.LogCaptureFixture) -> None:
    for options in (RestoreOptions("codec"), RestoreOptions("enhance", steps=2), RestoreOptions("dereverb", steps=2)):
        assert settled(options).engine == "lite"
    for task, engine in (("dereverb", "wpe"), ("phase", "griffin-lim"), ("vocode", "griffin-lim")):
        assert settled(RestoreOptions(task)).engine == engine
        live_stage = load_stage(RestoreOptions(task))
        assert isinstance(live_stage, RestorationStage) and live_stage.latency == 256
    assert not caplog.records


def test_what_is_best_is_in_the_catalog() -> None:
    for engine in {*DENOISERS, *BEST["enhance"], *BEST_LIVE["enhance"]}:
        for part in engine.split("+"):
            assert store.lookup(part, "restoration").licence.startswith("MIT")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "rnnoise"}, "^engine: .*" + re.escape(", ".join(ENGINES)) + "$"),
        ({"engine": "gtcrn", "task": "codec"}, "^engine: gtcrn only removes noise"),
        ({"engine": "wpe"}, "^engine: wpe only removes echo; for auto choose auto or lite$"),
        ({"engine": "griffin-lim", "task": "codec"}, "^engine: griffin-lim only rebuilds phases"),
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


@pytest.mark.parametrize("engine", DENOISERS)
def test_a_damaged_graph_is_told_in_one_line(engine: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in engine.split("+"):
        for file in store.lookup(part).files:
            (tmp_path / file.name).write_bytes(b"no graph")
    monkeypatch.setattr("duplex.models.restoration.engines.fetch", lambda name: tmp_path)
    with pytest.raises(ModelError) as told:
        load_stage(RestoreOptions("enhance", engine=engine))
    assert "\n" not in str(told.value) and str(tmp_path) in str(told.value)
