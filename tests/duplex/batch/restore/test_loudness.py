"""A result is as loud as its source, unless asked otherwise, and never clipped for it."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.batch.restore import restore
from duplex.streaming.errors import SettingsError
from tests.duplex.audio_files.test_formats import double
from tests.duplex.batch.restore.recordings import encode, read, speechlike, write
from tests.duplex.batch.restore.stages import half, identity


@pytest.mark.parametrize("stage", [half, double, identity])
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
def test_loudness_is_kept(tmp_path, stage, suffix):
    sound = 0.4 * speechlike(3.0, 44_100, 2)
    if suffix in ("wav", "flac"):
        source = write(tmp_path / f"x.{suffix}", sound, 44_100)
    else:
        codec = "libmp3lame" if suffix == "mp3" else "aac"
        source = encode(tmp_path / f"x.{suffix}", sound, 44_100, "mp3" if suffix == "mp3" else "ipod", codec, 128_000)
    report = restore(source, tmp_path / "out", jobs=1, stage_factory=stage)
    assert not report.failed
    assert abs(report[0].after["loudness_lufs"] - report[0].before["loudness_lufs"]) < 0.5
    assert len(read(report[0].target)[0]) == len(read(source)[0])
    assert not list((tmp_path / "out").glob("*.part"))


def test_it_may_be_left_free(tmp_path):
    source = write(tmp_path / "x.wav", 0.4 * speechlike(3.0, 16_000), 16_000)
    report = restore(source, tmp_path / "out", jobs=1, loudness="free", stage_factory=half)
    assert report[0].after["loudness_lufs"] - report[0].before["loudness_lufs"] == pytest.approx(-6.0, abs=0.1)
    with pytest.raises(SettingsError, match="keep or free"):
        restore(source, tmp_path / "out", loudness="loud")


def test_nothing_is_clipped_for_it(tmp_path):
    sound = 0.3 * speechlike(3.0, 16_000)
    sound[24_000] = 0.9
    source = write(tmp_path / "x.wav", sound, 16_000)
    report = restore(source, tmp_path / "out", jobs=1, stage_factory=peaky)
    assert report[0].clipped == 0 and np.abs(read(report[0].target)[0]).max() < 1.0
    assert any("LU quieter than its source" in note for note in report[0].notes)


def peaky(options):
    from tests.duplex.batch.restore.stages import Gain

    class Peaky(Gain):
        """Speech to a quarter, peaks as they were."""

        def step(self, chunk, state):
            out, state = super().step(chunk, state)
            return np.where(np.abs(chunk[: len(out)]) > 0.5, chunk[: len(out)], out), state

    return Peaky(0.25)
