"""Every format: a result has its source's container, sample type, rate, channels and exact length."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile

from duplex.audio_files.formats import AudioFormat, target_format
from duplex.audio_files.writer import mp3_bit_rate
from duplex.batch.restore import restore
from tests.duplex.batch.restore.recordings import encode, read, speechlike, write
from tests.duplex.batch.restore.stages import half, identity

PCM = [
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAV", "PCM_24"),
    ("wav", "WAV", "PCM_32"),
    ("wav", "WAV", "PCM_U8"),
    ("wav", "WAV", "FLOAT"),
    ("wav", "WAV", "DOUBLE"),
    ("wav", "WAV", "ULAW"),
    ("wav", "WAVEX", "PCM_16"),
    ("wav", "RF64", "PCM_16"),
    ("w64", "W64", "PCM_24"),
    ("aiff", "AIFF", "PCM_16"),
    ("au", "AU", "PCM_16"),
    ("caf", "CAF", "PCM_24"),
    ("flac", "FLAC", "PCM_16"),
    ("flac", "FLAC", "PCM_24"),
]
CODED = [
    ("mp3", "mp3", "libmp3lame", 64_000),
    ("m4a", "ipod", "aac", 64_000),
    ("mp4", "mp4", "aac", 96_000),
    ("mka", "matroska", "aac", 64_000),
    ("m4a", "ipod", "alac", None),
    ("wv", "wv", "wavpack", None),
    ("tta", "tta", "tta", None),
]


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "format", "subtype"), PCM)
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (8_000, 1)])
def test_samples_that_are_left_as_they_were_keep_every_bit(tmp_path, suffix, format, subtype, rate, channels):
    source = write(tmp_path / "in" / f"x.{suffix}", speechlike(0.63, rate, channels), rate, subtype, format)
    report = restore(source, tmp_path / "out", stage_factory=identity)
    assert not report.failed
    info, original = soundfile.info(report[0].target), soundfile.info(source)
    for name in ("format", "subtype", "samplerate", "channels", "frames"):
        assert getattr(info, name) == getattr(original, name)
    assert np.array_equal(read(report[0].target)[0], read(source)[0])


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32"])
def test_coders_of_whole_blocks(tmp_path, subtype):
    source = write(tmp_path / "x.wav", speechlike(0.8, 8_000), 8_000, subtype, "WAV" if subtype != "G721_32" else "AU")
    report = restore(source, tmp_path / "out", stage_factory=half)
    info, original = soundfile.info(report[0].target), soundfile.info(source)
    assert (info.subtype, info.frames) == (subtype, original.frames)


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "muxer", "codec", "bit_rate"), CODED)
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 1)])
def test_coded_formats_keep_container_codec_rate_length_and_place(
    tmp_path, suffix, muxer, codec, bit_rate, rate, channels
):
    bit_rate = bit_rate and bit_rate * channels
    source = encode(tmp_path / "in" / f"x.{suffix}", speechlike(1.7, rate, channels), rate, muxer, codec, bit_rate)
    report = restore(source, tmp_path / "out", stage_factory=half)
    assert not report.failed and not report[0].notes
    before, after = read(source), read(report[0].target)
    assert after[1] == before[1] == rate
    assert after[0].shape == before[0].shape
    again = restore(report[0].target, tmp_path / "again", stage_factory=identity)
    assert (again[0].container, again[0].subtype) == (report[0].container, report[0].subtype)
    _same_place(0.5 * before[0], after[0])
    if bit_rate:
        size = (tmp_path / "in" / source.name).stat().st_size
        assert 0.75 < (tmp_path / "out" / source.name).stat().st_size / size < 1.35


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_ogg(tmp_path, subtype, rate):
    source = write(tmp_path / "in" / "x.ogg", speechlike(3.3, rate), rate, subtype, "OGG")
    report = restore(source, tmp_path / "out", stage_factory=half)
    info, original = soundfile.info(report[0].target), soundfile.info(source)
    assert (info.format, info.subtype, info.samplerate, info.frames) == ("OGG", subtype, rate, original.frames)
    _same_place(0.5 * read(source)[0], read(report[0].target)[0])
    assert 0.6 < (tmp_path / "out" / "x.ogg").stat().st_size / source.stat().st_size < 1.5


def test_webm_opus(tmp_path):
    source = encode(tmp_path / "x.webm", speechlike(1.5, 48_000), 48_000, "webm", "libopus", 32_000)
    report = restore(source, tmp_path / "out", stage_factory=half)
    assert not report.failed and report[0].target.endswith("x.webm")
    assert len(read(report[0].target)[0]) == len(read(source)[0])


@pytest.mark.parametrize(
    ("suffix", "muxer", "codec", "added", "container"),
    [
        ("aac", "adts", "aac", ".m4a", "mov,mp4,m4a,3gp,3g2,mj2"),
        ("wma", "asf", "wmav2", ".flac", "FLAC"),
        ("mp2", "mp2", "mp2", ".flac", "FLAC"),
    ],
)
def test_what_cannot_be_written_gets_another_container_and_a_note(tmp_path, suffix, muxer, codec, added, container):
    source = encode(tmp_path / "in" / f"x.{suffix}", speechlike(1.5, 44_100), 44_100, muxer, codec, 96_000)
    report = restore(source, tmp_path / "out", stage_factory=half)
    assert report[0].target == str(tmp_path / "out" / f"x.{suffix}{added}")
    assert any("exact length" in note for note in report[0].notes)
    before, after = read(source)[0], read(report[0].target)[0]
    assert before.shape == after.shape
    _same_place(0.5 * before, after)


def test_eight_channels_and_float_beyond_full_scale(tmp_path):
    sound = 3.0 * speechlike(0.5, 48_000, 8)
    source = write(tmp_path / "x.wav", sound, 48_000, "FLOAT")
    report = restore(source, tmp_path / "out", stage_factory=half)
    after, _ = read(report[0].target)
    assert after.shape == sound.shape and np.abs(after).max() > 0.7
    columns = np.corrcoef(after.T, sound.T)[:8, 8:]
    assert (columns.argmax(axis=1) == np.arange(8)).all()


def test_integer_results_beyond_full_scale_are_clipped_and_counted(tmp_path):
    source = write(tmp_path / "x.wav", np.clip(3.0 * speechlike(0.5, 16_000), -1, 1), 16_000)
    assert restore(source, tmp_path / "out", loudness="free", stage_factory=double)[0].clipped > 0
    assert np.abs(read(tmp_path / "out" / "x.wav")[0]).max() <= 1.0


def double(options):
    from tests.duplex.batch.restore.stages import Gain

    return Gain(2.0)


def test_content_decides_not_the_name(tmp_path):
    sound = speechlike(1.2, 32_000)
    mp3 = encode(tmp_path / "really.mp3", sound, 32_000, "mp3", "libmp3lame", 64_000)
    disguised = mp3.rename(tmp_path / "song.wav")
    report = restore(disguised, tmp_path / "out", stage_factory=identity)
    assert (report[0].container, report[0].subtype) == ("mp3", "mp3")
    assert report[0].target.endswith("song.wav")
    assert len(read(report[0].target)[0]) == len(read(disguised)[0])


def test_tags_are_kept(tmp_path):
    path = tmp_path / "x.flac"
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        file.title, file.artist = "Interview", "Ada"
        file.write(speechlike(0.4, 16_000))
    restore(path, tmp_path / "out", stage_factory=identity)
    with soundfile.SoundFile(tmp_path / "out" / "x.flac") as file:
        assert (file.title, file.artist) == ("Interview", "Ada")


@pytest.mark.parametrize("name", ["y.flac", "y.wav", "y.mp3", "y.m4a", "y.ogg", "y.opus", "y.aiff"])
def test_the_name_of_a_single_result_converts_it(tmp_path, name):
    source = write(tmp_path / "x.caf", speechlike(0.8, 48_000, 2), 48_000, "PCM_24")
    report = restore(source, tmp_path / name, stage_factory=half)
    assert not report.failed and report[0].target == str(tmp_path / name)
    after, rate = read(tmp_path / name)
    assert (rate, after.shape) == (48_000, (38_400, 2)) or (name == "y.m4a" and abs(len(after) - 38_400) < 1)
    _same_place(0.5 * read(source)[0], after)


@pytest.mark.parametrize(("rate", "wanted"), [(8_000, 16_000), (48_000, 16_000), (16_000, 44_100)])
def test_another_sample_rate_on_request(tmp_path, rate, wanted):
    source = write(tmp_path / "x.wav", speechlike(1.0, rate), rate)
    report = restore(source, tmp_path / "out", sample_rate=wanted, stage_factory=half)
    info = soundfile.info(report[0].target)
    assert (info.samplerate, info.subtype) == (wanted, "PCM_16") and abs(info.frames - wanted) <= 1


def test_low_bit_rates_are_raised_where_the_codec_would_undo_the_work():
    source = AudioFormat("soundfile", "OGG", "OPUS", 16_000, 1, bit_rate=6_000)
    format, suffix, notes = target_format(source, "x.opus")
    assert (format.bit_rate, suffix) == (24_000, "") and "24 kbit/s" in notes[0]


@pytest.mark.parametrize(
    ("rate", "wanted", "expected"),
    [(44_100, 128_000, 128_000), (44_100, 129_000, 128_000), (22_050, 64_100, 64_000), (8_000, 320_000, 64_000)],
)
def test_mp3_has_certain_bit_rates(rate, wanted, expected):
    assert mp3_bit_rate(AudioFormat("av", "mp3", "mp3", rate, 1, bit_rate=wanted)) == expected


def test_wave_files_beyond_four_gigabytes_become_rf64(tmp_path):
    from duplex.audio_files.writer import open_writer

    format = AudioFormat("soundfile", "WAV", "FLOAT", 48_000, 2)
    for frames, expected in ((48_000, "WAV"), (48_000 * 3600 * 4, "RF64")):
        path = tmp_path / f"{frames}.part"
        writer = open_writer(path, format, "x.wav", frames=frames, tags={})
        writer.write(np.zeros((100, 2)))
        assert writer._file.format == expected
        writer.close()


def test_libraries_are_imported_when_needed():
    import subprocess

    heavy = ("av", "soundfile", "soxr", "torch", "onnxruntime", "matplotlib", "rich", "multiprocessing")
    code = f"import duplex.batch.restore, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def _same_place(expected: np.ndarray, found: np.ndarray) -> None:
    """Aligned: the correlation of the first channels is highest at lag 0."""
    a, b = expected[:, 0], found[:, 0]
    size = 1 << (len(a) + len(b)).bit_length()
    correlation = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
    assert int(np.argmax(correlation)) == 0
    assert np.corrcoef(a, b)[0, 1] > 0.97
