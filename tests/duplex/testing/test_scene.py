from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError
from duplex.testing.scene import Clip, Scene, active_level, active_span, read_clips, splice

few = settings(deadline=None, max_examples=20)


def tone(seconds: float, amplitude: float = 0.1, *, padding: float = 0.0, text: str = "tone") -> Clip:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    silence = np.zeros(round(padding * SAMPLE_RATE))
    samples = np.concatenate([silence, amplitude * np.sin(2 * np.pi * 500 * time), silence])
    return Clip(samples.astype(np.float32), "request", text, name="tone")


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.05, round(seconds * SAMPLE_RATE)).astype(np.float32)


@few
@given(at=st.floats(0, 2), gain_db=st.floats(-40, 6))
def test_a_clip_sounds_where_it_was_placed_and_nowhere_else(at: float, gain_db: float) -> None:
    clip = tone(0.5)
    scene = Scene(3.0)
    label = scene.place(clip, at, gain_db)
    mix = scene.render()
    assert mix.shape == (3 * SAMPLE_RATE,) and mix.dtype == np.float32
    assert label.end - label.start == len(clip.samples)
    np.testing.assert_allclose(mix[label.start : label.end], clip.samples * 10 ** (gain_db / 20), atol=1e-6)
    assert not mix[: label.start].any() and not mix[label.end :].any()


def test_the_label_leaves_out_the_silence_around_the_sound() -> None:
    scene = Scene(3.0)
    label = scene.place(tone(0.5, padding=0.3), 1.0, turn="first")
    assert (label.start, label.end) == (round(1.3 * SAMPLE_RATE), round(1.8 * SAMPLE_RATE))
    assert (label.kind, label.text, label.name, label.turn) == ("request", "tone", "tone", "first")


def test_labels_are_in_order_and_clips_add_up() -> None:
    scene = Scene(2.0)
    late = scene.place(tone(0.5), 1.0)
    early = scene.place(tone(1.0), 0.5)
    assert scene.labels == (early, late)
    alone = Scene(2.0)
    alone.place(tone(1.0), 0.5)
    difference = scene.render() - alone.render()
    np.testing.assert_allclose(difference[late.start : late.end], tone(0.5).samples, atol=1e-6)


@few
@given(snr_db=st.floats(-10, 40), gain_db=st.floats(-20, 0), seconds=st.floats(0.3, 4))
def test_the_background_has_the_ratio_asked_for(snr_db: float, gain_db: float, seconds: float) -> None:
    scene = Scene(3.0)
    clip = tone(0.5, 0.02, padding=0.2)
    label = scene.place(clip, 1.0, gain_db)
    clean = scene.render().astype(np.float64)
    scene.background(noise(seconds), snr_db, seed=1)
    bed = scene.render() - clean
    speech = np.sqrt(np.mean(clean[label.start : label.end] ** 2))
    assert 20 * np.log10(speech / np.sqrt(np.mean(bed**2))) == pytest.approx(snr_db, abs=0.1)


def test_the_ratio_is_taken_against_speech_not_against_louder_sounds() -> None:
    spoken = tone(0.5)
    bang = Clip(np.full(SAMPLE_RATE // 10, 0.9, np.float32), "noise")
    with_bang, without = Scene(3.0), Scene(3.0)
    for scene in (with_bang, without):
        scene.place(spoken, 1.0)
        scene.background(noise(3.0), 20.0)
    with_bang.place(bang, 2.0)
    np.testing.assert_array_equal(with_bang.render()[: 2 * SAMPLE_RATE], without.render()[: 2 * SAMPLE_RATE])


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    def rendered(seed: int) -> np.ndarray:
        scene = Scene(2.0)
        scene.place(tone(0.5), 0.5)
        scene.background(noise(0.7), 20.0, seed)
        return scene.render()

    np.testing.assert_array_equal(rendered(3), rendered(3))
    assert np.abs(rendered(3) - rendered(4)).max() > 0


@few
@given(length=st.integers(1, 20_000), source=st.integers(1, 9_000), seed=st.integers(0, 100))
@example(length=5, source=4, seed=0)
def test_a_spliced_background_is_as_long_as_asked_and_as_loud_throughout(length: int, source: int, seed: int) -> None:
    bed = splice(np.ones(source, np.float32), length, np.random.default_rng(seed))
    assert bed.shape == (length,)
    # Equal-power fades of one signal onto itself add up to between 1 and the square root of 2.
    assert bed.min() > 0.99 and bed.max() < 1.42


def test_a_scene_louder_than_full_scale_is_clipped() -> None:
    scene = Scene(1.0)
    scene.place(tone(0.5, 0.9), 0.2, gain_db=12)
    mix = scene.render()
    assert mix.max() == 1.0 and mix.min() == -1.0


def test_level_and_span_ignore_pauses() -> None:
    clip = tone(0.5, 0.1)
    padded = tone(0.5, 0.1, padding=1.0)
    assert active_level(padded.samples) == pytest.approx(active_level(clip.samples), abs=0.1)
    assert active_level(clip.samples) == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.1)
    assert active_span(padded.samples) == (SAMPLE_RATE, SAMPLE_RATE * 3 // 2)
    assert active_span(np.zeros(1000, np.float32)) == (0, 0)
    assert active_level(np.zeros(1000, np.float32)) == -np.inf


@pytest.mark.parametrize("at", [-0.1, 0.6])
def test_a_clip_that_does_not_fit_is_refused(at: float) -> None:
    with pytest.raises(InputError, match="does not fit"):
        Scene(1.0).place(tone(0.5), at)


def test_backgrounds_that_mean_nothing_are_refused() -> None:
    scene = Scene(1.0)
    with pytest.raises(InputError, match="not silent"):
        scene.background(np.zeros(100, np.float32))
    with pytest.raises(InputError, match="mono"):
        scene.background(np.ones((100, 2), np.float32))
    scene.background(noise(1.0))
    with pytest.raises(InputError, match="place one"):
        scene.render()
    with pytest.raises(InputError, match="longer than 0"):
        Scene(0)


def test_a_clip_is_read_at_any_rate_and_channel_count(tmp_path) -> None:
    time = np.arange(48_000) / 48_000
    wave = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "a.wav", np.stack([wave, wave], axis=1), 48_000)
    clip = Clip.read(tmp_path / "a.wav", "noise")
    assert clip.name == "a" and clip.duration == pytest.approx(1.0)
    assert active_level(clip.samples) == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)
    with pytest.raises(InputError, match=r"missing\.wav"):
        Clip.read(tmp_path / "missing.wav", "noise")


def test_a_folder_of_clips_is_read_by_its_manifest(tmp_path) -> None:
    soundfile.write(tmp_path / "stop.flac", tone(0.2).samples, SAMPLE_RATE)
    rows = [{"file": "stop.flac", "kind": "interruption", "text": "stop", "voice": "slt", "licence": "mine"}]
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    clip = read_clips(tmp_path)["stop"]
    assert (clip.kind, clip.text, clip.voice) == ("interruption", "stop", "slt")
    assert len(clip.samples) == SAMPLE_RATE // 5


@pytest.mark.parametrize("manifest", [None, "{", '[{"file": "a.flac"}]', "3", '["a.flac"]'])
def test_a_manifest_that_is_none_is_refused(tmp_path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=r"manifest\.json"):
        read_clips(tmp_path)
