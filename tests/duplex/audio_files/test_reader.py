from __future__ import annotations

import os
import shutil
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from duplex.audio_files.reader import Recording, open_recording
from duplex.streaming.errors import InputError


def tone(seconds: float, rate: int, frequency: float = 300.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def whole(recording: Recording) -> np.ndarray:
    return np.concatenate(list(recording.blocks()))


def frames(recording: Recording, **options) -> np.ndarray:
    return np.concatenate(list(recording.frames(**options)))


def encode(path: Path, samples: np.ndarray, rate: int, codec: str, metadata: dict[str, str] | None = None) -> Path:
    """(n, channels) through FFmpeg's encoders."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.format, layout, rate, frame_size=stream.frame_size or 1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def speechlike() -> np.ndarray:
    return tone(2.0, 48_000)[:, None] * np.ones((1, 2), np.float32) * np.array([1.0, 0.2], np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_every_rate_and_sample_format_of_wav(tmp_path, rate, subtype):
    samples = tone(1.0, rate)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype=subtype)
    recording = open_recording(tmp_path / "a.wav")
    assert (recording.sample_rate, recording.channels, recording.duration) == (rate, 1, 1.0)
    got = whole(recording)
    assert got.dtype == np.float32
    assert got.shape == (rate, 1)
    assert np.abs(got[:, 0] - samples).max() < (0.01 if subtype == "PCM_U8" else 1e-4)
    session = frames(recording)
    assert session.shape == (16_000, 1)
    inner = slice(400, -400)
    assert np.abs(session[inner, 0] - tone(1.0, 16_000)[inner]).max() < 0.01
    assert recording.notes == []


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp3", "libmp3lame", 44_100),
        ("a.m4a", "aac", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("a.webm", "libopus", 48_000),
        ("a.flac", "flac", 44_100),
        ("a.mkv", "pcm_s16le", 44_100),
    ],
)
def test_compressed_formats(tmp_path, name, codec, rate):
    stereo = np.stack([tone(2.0, rate, 300), tone(2.0, rate, 500, 0.1)], axis=1)
    try:
        encode(tmp_path / name, stereo, rate, codec)
    except (av.error.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg has no {codec}: {error}")
    recording = open_recording(tmp_path / name)
    assert (recording.sample_rate, recording.channels) == (rate, 2)
    assert recording.duration == pytest.approx(2.0, abs=0.1)
    assert recording.parties == 2
    session = frames(recording)
    assert len(session) == pytest.approx(32_000, abs=1600)
    for channel, (frequency, level) in enumerate([(300, 0.3), (500, 0.1)]):
        spectrum = np.abs(np.fft.rfft(session[8000:24_000, channel])) / 8000
        assert np.argmax(spectrum) == frequency
        assert spectrum.max() == pytest.approx(level, rel=0.15)


def test_a_channel_is_a_party_unless_asked_otherwise(tmp_path):
    stereo = np.stack([tone(1.0, 16_000), tone(1.0, 16_000, 700)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 16_000, subtype="FLOAT")
    recording = open_recording(tmp_path / "a.wav")
    assert np.allclose(frames(recording), stereo, atol=1e-6)
    assert np.allclose(frames(recording, party_per_channel=False)[:, 0], stereo.mean(axis=1), atol=1e-6)
    assert recording.notes == ["stereo: each side carries its own speech and is a party (left, right)"]


def test_two_channels_that_are_the_same_are_one_party(tmp_path):
    mono = tone(1.0, 16_000)
    soundfile.write(tmp_path / "a.wav", np.stack([mono, mono], axis=1), 16_000)
    recording = open_recording(tmp_path / "a.wav")
    assert recording.parties == 1
    assert recording.notes == ["stereo: both sides carry the same speech; they were mixed into one"]
    assert np.allclose(frames(recording)[:, 0], mono, atol=1e-4)


def test_eight_channels_are_mixed_and_said_so(tmp_path):
    samples = np.zeros((8_000, 8), np.float32)
    samples[:, 3] = tone(0.5, 16_000, level=0.8)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    recording = open_recording(tmp_path / "a.wav")
    session = frames(recording)
    assert session.shape == (8_000, 1)
    assert np.allclose(session[:, 0], samples[:, 3], atol=1e-4)
    assert recording.notes == ["8 channels were mixed into one; only number 4 carries sound"]


def test_length_is_exact_at_awkward_rates(tmp_path):
    for rate, count in [(44_100, 44_101), (11_025, 5_000), (22_050, 12_345), (8_000, 1), (96_000, 7)]:
        soundfile.write(tmp_path / "a.wav", np.zeros(count), rate)
        recording = open_recording(tmp_path / "a.wav")
        assert len(frames(recording)) == round(count * 16_000 / rate), (rate, count)


def test_silent_clipped_and_invalid_samples_are_taken_and_noted(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    silent = open_recording(tmp_path / "silent.wav")
    assert not whole(silent).any()
    assert silent.notes == ["the recording is silent"]

    soundfile.write(tmp_path / "clipped.wav", np.clip(tone(1.0, 16_000, level=3.0), -1, 1), 16_000)
    clipped = open_recording(tmp_path / "clipped.wav")
    whole(clipped)
    assert len(clipped.notes) == 1
    assert "% of the samples are clipped" in clipped.notes[0]

    samples = tone(1.0, 16_000)
    samples[100:200], samples[300], samples[400] = np.nan, np.inf, 1e30
    soundfile.write(tmp_path / "nan.wav", samples, 16_000, subtype="FLOAT")
    invalid = open_recording(tmp_path / "nan.wav")
    got = whole(invalid)[:, 0]
    assert np.isfinite(got).all()
    assert not got[100:200].any()
    assert got[300] == 0
    assert np.abs(got).max() <= 1.0
    assert invalid.notes == ["101 samples are not numbers and were taken as silence"]
    soundfile.write(tmp_path / "all.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    assert not frames(open_recording(tmp_path / "all.wav")).any()


def truncate(path: Path, share: float) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def test_of_a_truncated_file_what_is_there_is_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(4.0, 16_000), 16_000)
    truncate(tmp_path / "a.wav", 0.5)
    wav = open_recording(tmp_path / "a.wav")
    assert len(whole(wav)) == pytest.approx(32_000, abs=50)
    assert len(wav.notes) == 1
    assert "truncated" in wav.notes[0]

    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 64_000), 16_000)
    truncate(tmp_path / "a.flac", 0.5)
    flac = open_recording(tmp_path / "a.flac")
    got = whole(flac)
    assert 20_000 < len(got) < 40_000
    assert any("truncated: " in note and "of 4.0 s" in note for note in flac.notes)


def test_a_damaged_stretch_is_skipped_and_what_follows_is_read(tmp_path):
    encode(tmp_path / "a.mp3", np.tile(tone(10.0, 44_100)[:, None], (1, 1)), 44_100, "libmp3lame")
    data = bytearray((tmp_path / "a.mp3").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    (tmp_path / "a.mp3").write_bytes(data)
    got = whole(open_recording(tmp_path / "a.mp3"))
    assert len(got) > 0.9 * 441_000
    assert np.abs(got[-44_100:-2000]).max() > 0.2


def test_a_wrong_name_does_not_matter(tmp_path):
    encode(tmp_path / "a.mp3", tone(1.0, 44_100)[:, None], 44_100, "libmp3lame")
    shutil.copy(tmp_path / "a.mp3", tmp_path / "10:30 é.wav")
    assert len(whole(open_recording(tmp_path / "10:30 é.wav"))) == pytest.approx(44_100, abs=3000)


def test_pauses_in_the_timestamps_are_silence_of_their_length(tmp_path):
    path = tmp_path / "gap.mka"
    samples = (tone(1.0, 16_000) * 32767).astype(np.int16)[None]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for start in (0, 16_000, 80_000):
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    recording = open_recording(path)
    got = whole(recording)[:, 0]
    assert len(got) == pytest.approx(96_000, abs=20)
    assert np.abs(got[:32_000]).max() > 0.2
    assert not got[32_100:79_900].any()
    assert np.abs(got[80_100:]).max() > 0.2
    assert recording.notes == ["gaps of 3.0 s in all were filled with silence"]


def test_time_of_recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 16_000)
    os.utime(tmp_path / "a.wav", (1_600_000_000, 1_600_000_000))
    created = open_recording(tmp_path / "a.wav").created
    assert created == datetime.fromtimestamp(1_600_000_000, UTC)
    assert created.tzinfo is not None
    moment = {"creation_time": "2024-05-01T10:00:00Z"}
    encode(tmp_path / "a.m4a", tone(0.5, 44_100)[:, None], 44_100, "aac", moment)
    assert open_recording(tmp_path / "a.m4a").created == datetime(2024, 5, 1, 10, tzinfo=UTC)


def video_without_audio(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_bad_input_is_one_line(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no sound\n" * 200)
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(5000))
    soundfile.write(tmp_path / "header.wav", np.zeros(0), 16_000)
    video_without_audio(tmp_path / "video.mp4")
    encode(tmp_path / "cut.m4a", tone(2.0, 44_100)[:, None], 44_100, "aac")
    truncate(tmp_path / "cut.m4a", 0.5)
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    expected = {
        "empty.wav": "the file is empty",
        "text.wav": "cannot be read as audio",
        "noise.mp3": "cannot be read as audio",
        "header.wav": "there are no samples in it",
        "video.mp4": "there is no audio in it, only video",
        "cut.m4a": "cannot be read as audio",
        "missing.wav": "there is no such file",
        ".": "is a folder",
        "loop.wav": "cannot be opened|no such file",
        "nul\0l.wav": "null|no such file",
    }
    for name, reason in expected.items():
        with pytest.raises(InputError, match=reason) as caught:
            whole(open_recording(tmp_path / name))
        assert "\n" not in str(caught.value), name


def test_a_file_without_permission(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 16_000)
    (tmp_path / "a.wav").chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(InputError, match="Permission denied"):
            open_recording(tmp_path / "a.wav")
        return
    os.seteuid(65_534)  # root may read everything: be nobody for a moment
    try:
        with pytest.raises(InputError, match="Permission denied"):
            open_recording(tmp_path / "a.wav")
    finally:
        os.seteuid(0)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path):
    def peak(seconds: int) -> int:
        with soundfile.SoundFile(tmp_path / "a.flac", "w", 16_000, 2) as file:
            for second in range(seconds):
                file.write(np.stack([tone(1.0, 16_000, 200 + second), tone(1.0, 16_000, 300)], axis=1))
        recording = open_recording(tmp_path / "a.flac")
        tracemalloc.start()
        for _ in recording.frames():
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(5)
    assert peak(120) < 1.5 * peak(10) + 100_000
