from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import textwrap
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.audio_files.wav_writer import WavWriter
from duplex.streaming.errors import OutputError

RATE = 16_000


def read(path):
    """By Python's own reader, not by the library that the writer's users may read with."""
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return pcm / 32767.0, file.getframerate()


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_what_is_written_is_read_back(tmp_path, channels):
    samples = np.random.default_rng(0).uniform(-1, 1, (40_000, channels)).astype(np.float32)
    with WavWriter(tmp_path / "a.wav", 44_100, channels) as writer:
        for start in range(0, len(samples), 777):
            writer.write(samples[start : start + 777])
    got, rate = read(tmp_path / "a.wav")
    assert rate == 44_100
    assert np.abs(got - samples).max() <= 0.5 / 32767 + 1e-6


def test_an_empty_file_is_a_valid_one(tmp_path):
    WavWriter(tmp_path / "a.wav", RATE).close()
    got, _ = read(tmp_path / "a.wav")
    assert len(got) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 700)), max_size=12), st.sampled_from([16_000, 400]))
def test_samples_lie_where_the_clock_says(tmp_path_factory, pieces, rate):
    """Gaps are silence, overlaps are overwritten, whatever the order; a low rate makes every piece a flush."""
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    expected = np.zeros(0)
    with WavWriter(path, rate) as writer:
        for number, (start, length) in enumerate(pieces):
            value = (number + 1) / 20
            writer.write_at(start, np.full(length, value, np.float32))
            end = start + length
            if length and end > len(expected):
                expected = np.pad(expected, (0, end - len(expected)))
            expected[start:end] = value
            assert writer.position >= len(expected)
    got, _ = read(path)
    assert np.allclose(got[: len(expected), 0], expected, atol=1e-4)
    assert not got[len(expected) :].any()


def test_a_gap_in_front_and_an_extension_at_the_end_are_silence(tmp_path):
    with WavWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write_at(1000, np.full(10, 0.5))
        writer.extend_to(5000)
        assert writer.position == 5000
        writer.extend_to(100)
    got, _ = read(tmp_path / "a.wav")
    assert len(got) == 5000
    assert not got[:1000].any()
    assert got[1000:1010, 0] == pytest.approx(0.5, abs=1e-4)
    assert not got[1010:].any()


def test_integers_overdriven_and_invalid_samples(tmp_path):
    with WavWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(np.array([32767, -32768, 0], np.int16))
        writer.write(np.array([3.0, -3.0, np.nan, np.inf]))
    got, _ = read(tmp_path / "a.wav")
    assert np.abs(got[:, 0] - [1, -1, 0, 1, -1, 0, 0]).max() < 1e-4


def test_the_file_is_readable_at_every_moment_and_a_second_behind_at_most(tmp_path):
    writer = WavWriter(tmp_path / "a.wav", RATE)
    for number in range(1, 200):
        writer.write(np.full(320, 0.25, np.float32))
        got, _ = read(tmp_path / "a.wav")
        assert number * 320 - RATE <= len(got) <= number * 320
        assert np.allclose(got, 0.25, atol=1e-4)
    writer.flush()
    assert len(read(tmp_path / "a.wav")[0]) == 199 * 320
    writer.close()


def test_a_killed_process_leaves_a_readable_file(tmp_path):
    program = """
        import sys, numpy as np
        from duplex.audio_files.wav_writer import WavWriter
        writer = WavWriter(sys.argv[1], 16000)
        while True:
            writer.write(np.full(320, 0.25, np.float32))
            print(writer.position, flush=True)
    """
    path = tmp_path / "a.wav"
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), path], stdout=subprocess.PIPE)
    position = 0
    while position < 5 * RATE:
        position = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    got, _ = read(path)
    assert len(got) >= position - RATE
    assert np.allclose(got, 0.25, atol=1e-4)


def test_a_full_disk_is_one_line_and_what_is_there_stays_readable(tmp_path):
    """The file-size limit stands in for the disk: writing fails in the same place, half-way through a block."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "a.wav"
    writer = WavWriter(path, RATE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, before[1]))
    try:
        with pytest.raises(OutputError, match=r"a\.wav: .*; the first \d\.\d s are saved") as caught:
            for _ in range(1000):
                writer.write(np.full(320, 0.25, np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    got, _ = read(path)
    assert len(got) == (100_001 - 80) // 2
    assert np.allclose(got, 0.25, atol=1e-4)
    writer.write(np.ones(100_000, np.float32))
    writer.close()
    assert len(read(path)[0]) == len(got)


def test_a_disk_that_is_full_from_the_start(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    (tmp_path / "a.wav").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left"):
        WavWriter(tmp_path / "a.wav", RATE)


@pytest.mark.parametrize("where", ["missing/a.wav", "."])
def test_what_cannot_be_written_is_refused(tmp_path, where):
    with pytest.raises(OutputError, match="cannot be written"):
        WavWriter(tmp_path / where, RATE)


def test_misuse_is_told_apart_from_bad_luck(tmp_path):
    with WavWriter(tmp_path / "a.wav", RATE) as writer:
        with pytest.raises(ValueError, match="before the recording's beginning"):
            writer.write_at(-1, np.zeros(3))
        with pytest.raises(ValueError, match="got 2 channels, the file has 1"):
            writer.write(np.zeros((3, 2)))


def test_beyond_four_gigabytes_the_header_is_rf64(tmp_path):
    """The file is sparse: its size is real, its silence takes no room."""
    path = tmp_path / "long.wav"
    frames = 2_200_000_000
    with WavWriter(path, RATE) as writer:
        writer.write(np.full(100, 0.5, np.float32))
        writer.write_at(frames - 100, np.full(100, -0.5, np.float32))
    assert path.stat().st_size == 80 + 2 * frames
    with path.open("rb") as file:
        head = file.read(80)
    assert head[:4] == b"RF64"
    assert struct.unpack("<QQQ", head[20:44]) == (2 * frames + 72, 2 * frames, frames)
    with soundfile.SoundFile(path) as file:
        assert (file.format, file.frames, file.samplerate) == ("RF64", frames, RATE)
        assert file.read(100)[50] == pytest.approx(0.5, abs=1e-3)
        file.seek(frames - 50)
        assert file.read(50)[0] == pytest.approx(-0.5, abs=1e-3)
