"""The pictures: power where it belongs, constant memory, a PNG that can be read."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from duplex.pictures import spectrogram
from duplex.pictures.spectrogram import Spectrogram, draw


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_sine_is_at_its_frequency_time_and_level(rate):
    picture = Spectrogram(rate)
    time = np.arange(4 * rate) / rate
    picture.add(np.sin(2 * np.pi * 1000 * time) * (time >= 2.0))
    level = picture.decibels()
    half = level.shape[1] // 2
    assert np.argmax(level[:, half + 4 :].mean(axis=1)) * rate / 2 / (len(level) - 1) == pytest.approx(
        1000, abs=rate / 200
    )
    assert level.max() == pytest.approx(0.0, abs=2.0) and level[:, : half - 4].max() < -150


def test_memory_and_columns_do_not_grow_with_time(monkeypatch):
    monkeypatch.setattr(spectrogram, "_COLUMNS", 50)
    picture = Spectrogram(8_000)
    size = picture._powers.nbytes
    for at in range(200):
        picture.add(np.full(8_000, 0.1) * (at % 2))
    level = picture.decibels()
    assert picture._powers.nbytes == size and 50 // 2 <= level.shape[1] <= 50
    assert level.max() < 0


def test_blocks_do_not_matter():
    sound = np.random.default_rng(0).standard_normal(30_000)
    whole, parts = Spectrogram(16_000), Spectrogram(16_000)
    whole.add(sound)
    for part in np.array_split(sound, 17):
        parts.add(part)
    assert np.allclose(whole.decibels(), parts.decibels(), atol=1e-3)


def test_the_picture_is_a_png(tmp_path):
    before, after = Spectrogram(16_000), Spectrogram(16_000)
    before.add(np.random.default_rng(0).standard_normal(16_000))
    after.add(np.zeros(10))
    draw(before, after, tmp_path / "x.part", title="odd $name_ ümlaut")
    head = (tmp_path / "x.part").read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n") and struct.unpack(">II", head[16:]) == (1200, 700)
