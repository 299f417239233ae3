"""The restoration stage through its public face: latency, levels, bad input, determinism, what it is for."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.models.restoration.metrics import log_spectral_distance, si_sdr
from duplex.models.restoration.stage import TASKS, RestorationStage
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import InputError, SettingsError
from duplex.streaming.stage import Stage, stream
from tests.models.restoration.signals import live, speech_like

NETWORK_TASKS = ("auto", "enhance", "dereverb", "codec", "bandwidth")


def noisy_speech(seconds: float = 1.5, level: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    clean = speech_like(seconds)
    noise = np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)
    return clean + level * noise, clean


@pytest.mark.parametrize("task", TASKS)
def test_any_chunking_gives_the_same_audio_of_the_same_length(task: str) -> None:
    stage = RestorationStage(task)
    assert isinstance(stage, Stage)
    audio = noisy_speech(0.5)[0][:7777]
    blocks = Blocks(stage)
    cuts = np.cumsum(np.random.default_rng(1).integers(1, 600, 40))
    parts = [blocks.step(part) for part in np.split(audio, cuts[cuts < len(audio)])]
    out = np.concatenate([*parts, blocks.flush()])
    assert out.shape == audio.shape and out.dtype == np.float32
    np.testing.assert_array_equal(out, live(stage, audio))


@pytest.mark.parametrize("task", TASKS)
def test_nothing_emitted_depends_on_what_comes_later(task: str) -> None:
    stage = RestorationStage(task)
    audio = noisy_speech(0.6)[0][: 36 * 256]
    changed = audio.copy()
    changed[20 * 256 :] = 0.9
    before, after = (np.concatenate(list(stream(stage, x.reshape(-1, 256)))) for x in (audio, changed))
    np.testing.assert_array_equal(before[: 20 * 256], after[: 20 * 256])
    assert not np.array_equal(before[20 * 256 : 22 * 256], after[20 * 256 : 22 * 256])


@pytest.mark.parametrize("task", NETWORK_TASKS)
def test_an_impulse_comes_out_one_latency_later(task: str) -> None:
    stage = RestorationStage(task)
    audio = speech_like(2.0)[: 124 * 256]
    at = 100 * 256 + 77
    clicked = audio.copy()
    clicked[at] += 0.9
    raw, with_click = (np.concatenate(list(stream(stage, x.reshape(-1, 256)))) for x in (audio, clicked))
    assert int(np.argmax(np.abs(with_click - raw))) - at == stage.latency


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_level_does_not_matter(task: str) -> None:
    stage = RestorationStage(task)
    audio = noisy_speech(1.0)[0]
    loud = live(stage, audio)
    for factor in (1 / 512, 2):  # the speech peaks at −6 dBFS: from −60 dBFS to full scale
        scaled = live(stage, audio * np.float32(factor)) / np.float32(factor)
        assert np.std(scaled) == pytest.approx(np.std(loud), rel=0.1)
        if task == "vocode":  # its phases, which nothing ties to the input, may differ altogether
            assert log_spectral_distance(loud, scaled) < 3
        else:
            assert si_sdr(loud, scaled) > 30


@pytest.mark.parametrize("task", TASKS)
def test_silence_stays_silent(task: str) -> None:
    out = live(RestorationStage(task), np.zeros(16000, np.float32))
    assert np.abs(out).max() < 1e-3


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e-40, 3e38])
def test_bad_samples_do_no_lasting_harm(task: str, bad: float) -> None:
    stage = RestorationStage(task)
    audio = noisy_speech(0.5)[0]
    audio[3000:3050] = bad
    assert np.isfinite(live(stage, audio)).all()


def test_full_scale_square_wave_is_finite_and_sane() -> None:
    square = np.sign(np.sin(np.arange(16000) * 0.05)).astype(np.float32)
    out = live(RestorationStage(), square)
    assert np.isfinite(out).all() and np.abs(out).max() < 4


def test_state_is_rolled_back_by_keeping_it() -> None:
    stage = RestorationStage(steps=2)
    chunks = noisy_speech(0.5)[0][: 30 * 256].reshape(-1, 256)
    state = stage.initial_state()
    for chunk in chunks[:15]:
        _, state = stage.step(chunk, state)
    kept = copy.deepcopy(state)
    first, _ = stage.step(chunks[15], state)
    again, _ = stage.step(chunks[15], kept)
    np.testing.assert_array_equal(first, again)


def test_a_seed_decides_the_noise() -> None:
    audio = noisy_speech(0.5)[0]
    one, same, other = (live(RestorationStage(seed=seed), audio) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def recording(name: str) -> np.ndarray:
    path = Path(__file__).parents[2] / "data" / "activity" / f"{name}.flac"
    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.parametrize("task", ["enhance", "auto"])
def test_rain_goes_and_the_reader_stays(task: str) -> None:
    clean = recording("speech")[:64000]
    rain = np.resize(recording("rain"), len(clean))
    noisy = clean + rain * np.float32(0.4 * np.std(clean) / np.std(rain))
    out = live(RestorationStage(task), noisy)
    assert si_sdr(clean, out) > si_sdr(clean, noisy) + 4
    assert log_spectral_distance(clean, out) < log_spectral_distance(clean, noisy) - 2


def test_a_lost_band_comes_back() -> None:
    spectrum = np.fft.rfft(recording("speech")[:64000])
    clean = np.fft.irfft(spectrum).astype(np.float32)
    spectrum[int(len(spectrum) * 0.45) :] = 0
    limited = np.fft.irfft(spectrum).astype(np.float32)
    out = live(RestorationStage("bandwidth"), limited)
    assert log_spectral_distance(clean, out) < log_spectral_distance(clean, limited) - 0.2
    lost, back = (np.abs(np.fft.rfft(x)[int(len(spectrum) * 0.5) :]) ** 2 for x in (clean, out))
    assert 0.001 < back.sum() / lost.sum() < 1


def test_magnitudes_are_enough_to_be_understood() -> None:
    clean = recording("speech")[:64000]
    for task, furthest in (("phase", 3.0), ("vocode", 4.5)):
        out = live(RestorationStage(task), clean)
        assert log_spectral_distance(clean, out) < furthest


@pytest.mark.parametrize(
    "arguments", [{"task": "karaoke"}, {"steps": 3}, {"steps": 0}, {"device": "cuda"}], ids=lambda a: str(a)
)
def test_wrong_settings_are_refused(arguments: dict) -> None:
    with pytest.raises(SettingsError):
        RestorationStage(**arguments)


def test_wrong_blocks_and_batches_are_refused() -> None:
    stage = RestorationStage()
    with pytest.raises(InputError, match="256"):
        stage.step(np.zeros(100, np.float32), stage.initial_state())
    with pytest.raises(SettingsError):
        stage.initial_state(2)


def test_the_live_path_needs_no_torch() -> None:
    program = (
        "import sys; from models.restoration.stage import RestorationStage; RestorationStage(); "
        "print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
