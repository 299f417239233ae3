"""Lossy speech codecs at their lowest rates, through PyAV: Opus, MP3, AMR-NB (the GSM family), G.723.1, µ-law."""

from __future__ import annotations

import io

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

# name: (container, encoder, sample rate, bit rates)
CODECS: dict[str, tuple[str, str, int, tuple[int, ...]]] = {
    "opus": ("ogg", "libopus", 16000, (6000, 6000, 7000, 8000, 10000, 12000)),
    "mp3": ("mp3", "libmp3lame", 16000, (8000, 8000, 16000, 24000)),
    "amr": ("amr", "libopencore_amrnb", 8000, (4750, 5150, 5900, 7950)),
    "g723": ("wav", "g723_1", 8000, (6300,)),
    "mulaw": ("wav", "pcm_mulaw", 8000, (64000,)),
    "real144": ("rm", "real_144", 8000, (8000,)),
}
SHARES = {"opus": 0.5, "mp3": 0.2, "amr": 0.17, "g723": 0.04, "mulaw": 0.02, "real144": 0.07}


def transcode(audio: np.ndarray, codec: str, bit_rate: int) -> np.ndarray:
    """`audio` (n,) float32 at 16 kHz, encoded and decoded; aligned to the input and of its length."""
    import av
    import soxr

    container, encoder, rate, _ = CODECS[codec]
    source = audio if rate == SAMPLE_RATE else soxr.resample(audio, SAMPLE_RATE, rate)
    samples = np.clip(source * 32767, -32768, 32767).astype(np.int16)
    samples = np.concatenate([samples, np.zeros(rate // 4, np.int16)])
    memory = io.BytesIO()
    with av.open(memory, "w", format=container) as out:
        stream = out.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for converted in resampler.resample(frame):
            fifo.write(converted)
        size = stream.codec_context.frame_size or 1024
        position = 0
        while (piece := fifo.read(size)) is not None:
            piece.pts = position
            position += piece.samples
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    memory.seek(0)
    decoded = []
    with av.open(memory, "r") as back:
        stream = back.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        for frame in back.decode(stream):
            frame.pts = None
            decoded += [converted.to_ndarray()[0] for converted in resampler.resample(frame)]
        decoded += [converted.to_ndarray()[0] for converted in resampler.resample(None)]
    return align(np.concatenate(decoded) if decoded else np.zeros(1, np.float32), audio)


def align(audio: np.ndarray, reference: np.ndarray, reach: int = 2400) -> np.ndarray:
    """`audio` shifted to where it correlates best with `reference` (within ±`reach` samples), of its length."""
    from scipy import fft

    size = fft.next_fast_len(len(audio) + len(reference) + reach, real=True)
    correlation = fft.irfft(fft.rfft(audio, size) * np.conj(fft.rfft(reference, size)), size)
    shifts = np.arange(-reach, reach + 1)
    shift = int(shifts[np.argmax(correlation[shifts])])
    moved = audio[shift:] if shift >= 0 else np.concatenate([np.zeros(-shift, audio.dtype), audio])
    out = np.zeros(len(reference), np.float32)
    length = min(len(moved), len(reference))
    out[:length] = moved[:length]
    return out


def degrade_through_random_codec(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` through one of the codecs at one of its low rates."""
    names = list(SHARES)
    name = names[int(rng.choice(len(names), p=np.array(list(SHARES.values()))))]
    return transcode(audio, name, int(rng.choice(CODECS[name][3])))
