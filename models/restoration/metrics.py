"""PESQ-WB, ESTOI, SI-SDR and log-spectral distance of one recording against its clean reference."""

from __future__ import annotations

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """In dB; scale-invariant."""
    reference, estimate = reference.astype(np.float64), estimate.astype(np.float64)
    projected = (estimate @ reference) / max(reference @ reference, 1e-12) * reference
    noise = estimate - projected
    return float(10 * np.log10(max(projected @ projected, 1e-12) / max(noise @ noise, 1e-12)))


def log_spectral_distance(reference: np.ndarray, estimate: np.ndarray) -> float:
    """In dB: root mean square over bins, mean over frames; 32 ms frames, floor 60 dB below the loudest bin."""
    spectra = []
    for audio in (reference, estimate):
        frames = np.lib.stride_tricks.sliding_window_view(audio, 512)[::256] * np.hanning(512)
        spectra.append(np.abs(np.fft.rfft(frames)) ** 2)
    floor = spectra[0].max() * 1e-6 + 1e-12
    difference = 10 * np.log10((spectra[0] + floor) / (spectra[1] + floor))
    return float(np.sqrt((difference**2).mean(1)).mean())


def score(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """All four; PESQ is NaN where the reference holds no utterance. Needs `pesq` and `pystoi` (extra: train)."""
    from pesq import NoUtterancesError, pesq
    from pystoi import stoi

    estimate = estimate[: len(reference)]
    try:
        quality = float(pesq(SAMPLE_RATE, reference, estimate, "wb"))
    except NoUtterancesError:
        quality = float("nan")
    return {
        "pesq": quality,
        "estoi": float(stoi(reference, estimate, SAMPLE_RATE, extended=True)),
        "si_sdr": si_sdr(reference, estimate),
        "lsd": log_spectral_distance(reference, estimate),
    }
