"""Containers with wrong headers, late sound, several recordings in one file: all of it is read, or the user is told."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from duplex.audio_files.decoder import open_audio
from duplex.audio_files.reader import open_recording
from tests.duplex.audio_files.test_reader import encode, tone

RATE = 16_000


def both_ways(path: Path) -> tuple[np.ndarray, list[str]]:
    """Through the reader of recordings and the decoder below it, which must agree."""
    recording = open_recording(path)
    mono = np.concatenate(list(recording.frames(recording.sample_rate)))
    with open_audio(path) as reader:
        direct = np.concatenate(list(reader.blocks()))
        assert set(reader.notes) <= set(recording.notes)
    assert len(direct) == len(mono)
    return mono[:, 0], recording.notes


@pytest.fixture(scope="module")
def pcm() -> bytes:
    quiet = np.zeros(RATE // 2, np.float32)
    return (np.concatenate([quiet, tone(3.0, RATE), quiet]) * 32767).astype("<i2").tobytes()


def wave(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def fmt(tag: int = 1, bits: int = 16, extra: bytes = b"") -> bytes:
    width = bits // 8
    return b"fmt " + struct.pack("<IHHIIHH", 16 + len(extra), tag, 1, RATE, RATE * width, width, bits) + extra


def data(pcm: bytes, size: int | None = None) -> bytes:
    return b"data" + struct.pack("<I", len(pcm) if size is None else size) + pcm


@pytest.mark.parametrize(
    ("size", "riff", "note"),
    [
        (0, 0, None),
        (0, None, None),
        (0xFFFFFFFF, 0xFFFFFFFF, None),
        (42_000, None, "the header ends the sound at 1.3 s, but 4.0 s are there: all of it was read"),
        (42_000, 42_036, "the header ends the sound at 1.3 s, but 4.0 s are there: all of it was read"),
        (384_000, 384_036, "the file is truncated: 128000 of 384000 bytes of sound are there"),
    ],
)
def test_a_wave_file_whose_header_is_wrong_is_read_whole(tmp_path, pcm, size, riff, note):
    (tmp_path / "a.wav").write_bytes(wave(fmt(), data(pcm, size), size=riff))
    samples, notes = both_ways(tmp_path / "a.wav")
    assert len(samples) == 4 * RATE and np.abs(samples[3 * RATE : 3 * RATE + 1000]).max() > 0.25
    assert notes == ([note] if note else [])


@pytest.mark.parametrize(
    "tail", [b"LIST" + struct.pack("<I", 20_000) + bytes(20_000), b"ID3\3\0\0\0" + b"x" * 30_000, bytes(30_000)]
)
def test_what_is_no_sound_is_not_taken_for_sound(tmp_path, pcm, tail):
    for chunks in (wave(fmt(), data(pcm), tail), wave(fmt(), data(pcm)) + tail):
        (tmp_path / "a.wav").write_bytes(chunks)
        samples, notes = both_ways(tmp_path / "a.wav")
        assert len(samples) == 4 * RATE and not notes


def test_24_bits_in_a_container_of_32(tmp_path, pcm):
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    wide = (np.frombuffer(pcm, "<i2").astype("<i4") << 16).tobytes()
    extra = struct.pack("<HHI", 22, 24, 4) + guid
    (tmp_path / "a.wav").write_bytes(wave(fmt(0xFFFE, 32, extra), data(wide)))
    samples, notes = both_ways(tmp_path / "a.wav")
    assert np.allclose(samples, np.frombuffer(pcm, "<i2") / 32768, atol=1e-6) and not notes


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp3", "libmp3lame"), ("aac", "aac"), ("flac", "flac"), ("ogg", "libopus")]
)
def test_recordings_joined_in_one_file_are_all_read(tmp_path, suffix, codec):
    sound = np.concatenate([np.zeros(24_000, np.float32), tone(2.0, 48_000), np.zeros(24_000, np.float32)])
    one = encode(tmp_path / f"one.{suffix}", sound[:, None], 48_000, codec).read_bytes()
    (tmp_path / f"three.{suffix}").write_bytes(3 * one)
    samples, notes = both_ways(tmp_path / f"three.{suffix}")
    assert len(samples) == pytest.approx(3 * len(sound), rel=0.02)
    assert not any("truncated" in note for note in notes)


def test_a_wave_file_after_another_is_said(tmp_path, pcm):
    (tmp_path / "a.wav").write_bytes(2 * wave(fmt(), data(pcm)))
    samples, notes = both_ways(tmp_path / "a.wav")
    assert len(samples) == 4 * RATE and notes == [
        "a second recording follows in the same file; only the first was read"
    ]


def test_sound_whose_rate_changes_is_read_to_its_end(tmp_path):
    for rate in (44_100, 22_050):
        encode(tmp_path / f"{rate}.mp3", tone(3.0, rate)[:, None], rate, "libmp3lame")
    (tmp_path / "a.mp3").write_bytes((tmp_path / "44100.mp3").read_bytes() + (tmp_path / "22050.mp3").read_bytes())
    samples, notes = both_ways(tmp_path / "a.mp3")
    assert len(samples) == pytest.approx(6 * 44_100, rel=0.03)
    assert np.argmax(np.abs(np.fft.rfft(samples[-66_150:-22_050]))) == 300
    assert any("were unified" in note for note in notes)


@pytest.mark.parametrize("suffix", ["mp3", "aac"])
def test_an_estimated_length_is_not_a_promise(tmp_path, suffix):
    """From its first frames, of a low bit rate, FFmpeg estimates a length that is far too long."""
    pieces = []
    for bit_rate, level in ((32_000, 1e-4), (192_000, 0.3)):
        with av.open(str(tmp_path / "part"), "w", format="adts" if suffix == "aac" else "mp3") as container:
            container.options.update({"write_xing": "0"})
            stream = container.add_stream("aac" if suffix == "aac" else "libmp3lame", rate=44_100, layout="mono")
            stream.bit_rate = bit_rate
            sound = level * np.random.default_rng(0).standard_normal((1, 5 * 44_100)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(sound, "fltp", "mono")
            frame.sample_rate = 44_100
            resampler = av.AudioResampler(stream.format, "mono", 44_100, frame_size=stream.frame_size or 1024)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
        pieces.append((tmp_path / "part").read_bytes())
    (tmp_path / f"a.{suffix}").write_bytes(b"".join(pieces))
    samples, notes = both_ways(tmp_path / f"a.{suffix}")
    with open_audio(tmp_path / f"a.{suffix}") as reader:
        assert reader.stated is None
    assert len(samples) / 44_100 == pytest.approx(10.0, abs=0.3)
    assert not any("truncated" in note for note in notes)


def film(path: Path, delay: float, sound: np.ndarray, gap: float = 0.0) -> Path:
    """Pictures from 0; the sound from `delay`, its second half after a further `gap` (seconds)."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        for number in range(round(10 * (delay + gap + len(sound) / 48_000))):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        middle = len(sound) // 2048 * 1024
        for at in range(0, len(sound) - 1023, 1024):
            frame = av.AudioFrame.from_ndarray(sound[None, at : at + 1024], "fltp", "mono")
            frame.sample_rate, frame.pts = 48_000, at + round(48_000 * (delay + (gap if at >= middle else 0.0)))
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
@pytest.mark.parametrize("delay", [0.0, 1.5, 75.0])
def test_times_are_on_the_containers_clock(tmp_path, name, delay):
    sound = np.concatenate([tone(1.0, 48_000), np.zeros(48_000, np.float32)])
    samples, notes = both_ways(film(tmp_path / name, delay, sound))
    onset = np.flatnonzero(np.abs(samples) > 0.1)[0] / 48_000
    assert onset == pytest.approx(delay, abs=0.05)
    assert bool(notes) == (delay > 0)


def test_a_pause_longer_than_a_minute_keeps_its_length(tmp_path):
    sound = np.concatenate([tone(1.0, 48_000), tone(1.0, 48_000)])
    samples, notes = both_ways(film(tmp_path / "a.mkv", 0.0, sound, gap=90.0))
    assert len(samples) / 48_000 == pytest.approx(92.0, abs=0.2)
    assert notes == ["gaps of 90.0 s in all were filled with silence"]


def test_a_name_without_a_say(tmp_path):
    """Neither a misleading suffix nor one that libsndfile takes for headerless samples decides what a file is."""
    soundfile.write(tmp_path / "a.flac", tone(1.0, RATE), RATE)
    for name in ("a.raw", "a.gsm", "a.vox", "a"):
        (tmp_path / name).write_bytes((tmp_path / "a.flac").read_bytes())
        with open_audio(tmp_path / name) as reader:
            assert reader.format.container == "FLAC"
