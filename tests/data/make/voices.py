"""Speech for clips, from the synthesizers Flite and Festival (their programs must be installed)."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing.scene import active_level, active_span

LEVEL_DB = -24.0
"""dBFS, active: what a headset at a good distance gives, with room for a raised voice."""

VOICES = {
    "slt": "Flite 2.2, voice cmu_us_slt (US English, female)",
    "rms": "Flite 2.2, voice cmu_us_rms (US English, male)",
    "awb": "Flite 2.2, voice cmu_us_awb (Scottish English, male)",
    "kal16": "Flite 2.2, voice cmu_us_kal16 (US English, male, diphones)",
    "slt_hts": "Festival 2.5, voice cmu_us_slt_arctic_hts (US English, female)",
}

_MARGIN = SAMPLE_RATE // 50
_FADE = SAMPLE_RATE // 200


def synthesize(text: str, voice: str, *, phones: str = "", stretch: float = 1.0) -> np.ndarray:
    """(n,) float32 at 16 kHz, trimmed, at LEVEL_DB.

    phones: what to say where the spelling would mislead, syllables divided by a dot ("ah m . hh ah m"). stretch: of all
    durations; the voice slt_hts knows no other than 1.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        if voice == "slt_hts":
            _festival(text, phones, path)
        else:
            said = ["-p", f"pau {phones.replace('. ', '')} pau"] if phones else ["-t", text]
            settings = ["--setf", f"duration_stretch={stretch}"]
            subprocess.run(["flite", "-voice", voice, *settings, *said, "-o", str(path)], check=True)
        samples, rate = soundfile.read(path, dtype="float32")
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    return at_level(trim(samples), LEVEL_DB)


def _festival(text: str, phones: str, path: Path) -> None:
    entry = ""
    if phones:
        syllables = " ".join(f"(({syllable.strip()}) {place})" for place, syllable in enumerate(phones.split(".")))
        entry = f'(lex.add.entry \'("{text}" nil ({syllables})))'
    script = f'(voice_cmu_us_slt_arctic_hts) {entry} (utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}")'
    subprocess.run(["festival", "--pipe"], input=script, text=True, check=True)


def trim(samples: np.ndarray) -> np.ndarray:
    """Without the silence around what sounds, but for 20 ms of it, and with 5 ms of fade at both ends."""
    start, end = active_span(samples)
    cut = samples[max(0, start - _MARGIN) : end + _MARGIN].copy()
    ramp = np.linspace(0.0, 1.0, _FADE, dtype=np.float32)
    cut[:_FADE] *= ramp
    cut[-_FADE:] *= ramp[::-1]
    return cut


def at_level(samples: np.ndarray, level_db: float) -> np.ndarray:
    """Scaled to an active level in dBFS."""
    return (samples * 10 ** ((level_db - active_level(samples)) / 20)).astype(np.float32)
