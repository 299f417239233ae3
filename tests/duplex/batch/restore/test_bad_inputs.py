"""What users really bring: each bad file fails with one line that names it, and the others are done."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from duplex.batch.restore import restore
from duplex.streaming.errors import EndpointError, InputError, ModelError, OutputError, SettingsError
from tests.duplex.batch.restore.recordings import encode, read, speechlike, write
from tests.duplex.batch.restore.stages import broken, half, identity


@pytest.fixture
def folder(tmp_path):
    """A folder with a good recording."""
    write(tmp_path / "in" / "good.wav", speechlike(0.4, 16_000), 16_000)
    return tmp_path / "in"


def outcome(folder, **settings):
    settings.setdefault("stage_factory", half)
    report = restore(folder, folder.parent / "out", jobs=1, **settings)
    assert [each.status for each in report if each.relative == "good.wav"] == ["restored"]
    for each in report.failed:
        assert "\n" not in each.error and each.source in each.error
        assert not os.path.exists(each.target)
    assert not list((folder.parent / "out").rglob("*.part"))
    return {each.relative: each for each in report}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.wav", b"", "the file is empty"),
        ("text.wav", b"these are words\n" * 200, "not an audio file"),
        ("page.mp3", b"<html><body>404</body></html>" * 50, "not an audio file"),
        ("list.wav", b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\ngood.wav\n#EXT-X-ENDLIST\n", "not an audio file"),
        ("script.wav", b"ffconcat version 1.0\nfile good.wav\n", "not an audio file"),
        ("zeros.flac", bytes(5000), "audio"),
        ("half.mp3", b"\xff\xfb", ""),
    ],
)
def test_files_that_are_no_recordings(folder, name, content, words):
    (folder / name).write_bytes(content)
    assert words in outcome(folder)[name].error


def test_a_recording_of_no_samples(folder):
    write(folder / "none.wav", np.zeros((0, 1)), 16_000)
    assert "no samples" in outcome(folder)["none.wav"].error


def test_silence_stays_silence(folder):
    write(folder / "silent.wav", np.zeros((16_000, 2)), 16_000)
    result = outcome(folder)["silent.wav"]
    assert result.status == "restored" and "the source is silent" in result.notes
    assert result.before["loudness_lufs"] is None and not read(result.target)[0].any()


def test_samples_that_are_not_numbers(folder):
    sound = speechlike(0.5, 16_000)
    sound[100:200], sound[300] = np.nan, np.inf
    write(folder / "nan.wav", sound, 16_000, "FLOAT")
    result = outcome(folder)["nan.wav"]
    assert any("101 samples are not numbers" in note for note in result.notes)
    assert np.isfinite(read(result.target)[0]).all()


def test_a_clipped_recording_says_so(folder):
    write(folder / "clipped.wav", np.clip(8 * speechlike(1.0, 16_000), -1, 1), 16_000)
    result = outcome(folder)["clipped.wav"]
    assert result.before["clipped_share"] > 0.1 and result.after["clipped_share"] == 0.0


def test_a_truncated_wave_file(folder):
    path = write(folder / "cut.wav", speechlike(2.0, 16_000), 16_000)
    path.write_bytes(path.read_bytes()[: 44 + 16_000])
    result = outcome(folder)["cut.wav"]
    assert result.status == "restored" and len(read(result.target)[0]) == 8_000
    assert any("truncated" in note for note in result.notes)


@pytest.mark.parametrize(("suffix", "least"), [("flac", 0.5), ("mp3", 0.5), ("ogg", 0.2)])
def test_truncated_codecs_keep_what_is_there(folder, suffix, least):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (160_000, 1))
    if suffix == "mp3":
        path = encode(folder / "cut.mp3", sound, 16_000, "mp3", "libmp3lame", 64_000)
    else:
        path = write(folder / f"cut.{suffix}", sound, 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    result = outcome(folder)[path.name]
    assert result.status == "restored" and least * 10 <= result.seconds < 10
    assert suffix == "ogg" or any("truncated" in note for note in result.notes)


def test_a_name_that_is_not_utf_8(folder):
    os.rename(
        os.fsencode(write(folder / "x.wav", speechlike(0.2, 16_000), 16_000)), os.fsencode(folder) + b"/caf\xe9.wav"
    )
    report = restore(folder, folder.parent / "out", jobs=1, stage_factory=half)
    assert [each.status for each in report] == ["restored", "restored"]
    assert os.path.exists(os.fsencode(folder.parent / "out") + b"/caf\xe9.wav")
    again = restore(folder, folder.parent / "out", jobs=2, stage_factory=half)
    assert [each.status for each in again] == ["skipped", "skipped"]


def test_a_missing_file(folder):
    report = restore([folder / "good.wav", folder / "gone.wav"], folder.parent / "out", jobs=1, stage_factory=half)
    assert [each.status for each in report] == ["restored", "failed"]
    assert "no such file" in report[1].error


def test_an_unreadable_file(folder, monkeypatch):
    """Root may read everything, so the refusal is made up."""
    write(folder / "locked.wav", speechlike(0.2, 16_000), 16_000)
    real = Path.open

    def refusing(path, *arguments, **settings):
        if path.name == "locked.wav":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **settings)

    monkeypatch.setattr(Path, "open", refusing)
    assert "Permission denied" in outcome(folder)["locked.wav"].error


def test_a_folder_that_is_no_recording(folder):
    (folder / "trap.wav").mkdir()
    assert set(outcome(folder)) == {"good.wav"}


def test_a_stage_that_fails(folder):
    report = restore(folder, folder.parent / "out", jobs=1, stage_factory=broken)
    assert report.failed[0].error == f"{folder}/good.wav: RuntimeError: the network has no answer"
    assert not list((folder.parent / "out").rglob("*.part")) and not (folder.parent / "out" / "good.wav").exists()


def test_a_disk_too_small_is_noticed_before(folder, monkeypatch):
    import shutil

    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=1_000))
    report = restore(folder, folder.parent / "out", jobs=1, stage_factory=half)
    assert "no space" in report.failed[0].error


def test_a_disk_that_fills_up_while_writing(folder):
    """A limit on the size of files stands for the full disk: the write is cut short just so."""
    write(folder / "long.wav", speechlike(30.0, 16_000), 16_000)
    limited = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(folder), str(folder.parent / "out")],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert limited.stdout.splitlines() == [
        "good.wav restored None",
        f"long.wav failed {limited.stdout.split(' failed ')[1].strip()}",
    ]
    assert "out/long.wav: cannot be written" in limited.stdout and limited.stderr == ""
    assert sorted(os.listdir(folder.parent / "out")) == [".duplex-restore.jsonl", "good.wav", "restore-report.json"]


_LIMITED = """
import sys
from duplex.batch.restore import restore
from tests.duplex.batch.restore.stages import half
for each in restore(sys.argv[1], sys.argv[2], jobs=1, stage_factory=half):
    print(each.relative, each.status, each.error)
"""


def test_without_ray_the_message_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModelError, match=r"install duplex\[cluster\]"):
        restore(folder, folder.parent / "out", cluster=True, stage_factory=identity)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"task": "polish"}, SettingsError),
        ({"mix": 1.1}, SettingsError),
        ({"steps": 1000}, SettingsError),
        ({"jobs": 0}, SettingsError),
        ({"sample_rate": 1}, SettingsError),
        ({"weights": "/no/such/weights"}, ModelError),
        ({"reference": "/no/such/folder"}, InputError),
        ({"report": "/no/such/folder/report.json"}, OutputError),
        ({"cluster": "127.0.0.1:1"}, EndpointError),
        ({"cluster": "ray://somewhere:10001"}, SettingsError),
        ({"cluster": "somewhere"}, SettingsError),
    ],
)
def test_settings_that_make_it_all_senseless(folder, settings, error):
    with pytest.raises(error):
        restore(folder, folder.parent / "out", stage_factory=identity, **settings)
    assert not (folder.parent / "out" / "good.wav").exists()
