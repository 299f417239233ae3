"""A recorded scene made to order: clips placed on a time line over a background, with ground-truth labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE, as_float32, to_mono
from duplex.streaming.errors import InputError

ACTIVE_RANGE_DB = 30.0
"""A frame further than this below a clip's loudest frame is a pause, not part of its level."""

ONSET_RANGE_DB = 40.0
"""The same for where a clip begins and ends: unvoiced consonants at its edges are up to 40 dB below its vowels."""

_FRAME = SAMPLE_RATE // 100
_CROSSFADE = SAMPLE_RATE // 10


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A short piece of 16 kHz mono audio that knows what it is.

    samples: (n,) float32 in [-1, 1]. kind: a word of the caller's own ("request", "backchannel", "cough" ...).
    text: the words spoken, empty if it is not speech.
    """

    samples: np.ndarray
    kind: str
    text: str = ""
    voice: str = ""
    name: str = ""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / SAMPLE_RATE

    @classmethod
    def read(cls, path: str | Path, kind: str, text: str = "", voice: str = "", name: str = "") -> Clip:
        """A clip from a sound file of any rate and channel count. Raises InputError if it cannot be read."""
        import soundfile

        try:
            samples, rate = soundfile.read(path, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"{path}: cannot be read as audio ({error}); give a WAV, FLAC or Ogg file") from None
        samples = to_mono(as_float32(samples, name=str(path)))
        if rate != SAMPLE_RATE:
            import soxr

            samples = soxr.resample(samples, rate, SAMPLE_RATE)
        return cls(samples, kind, text, voice, name or Path(path).stem)


def read_clips(folder: str | Path) -> dict[str, Clip]:
    """The clips of a folder by name, as its `manifest.json` lists them.

    The manifest is a list of objects with "file" and "kind" and, where they apply, "text" and "voice"; other keys are
    the folder's own. Raises InputError if the manifest is missing, is not such a list or names a file that is missing.
    """
    path = Path(folder) / "manifest.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        listed = [(row["file"], row["kind"], row.get("text", ""), row.get("voice", "")) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read as a list of clips ({error!r}); each needs 'file', 'kind'") from None
    clips = (Clip.read(path.parent / file, kind, text, voice) for file, kind, text, voice in listed)
    return {clip.name: clip for clip in clips}


@dataclass(frozen=True, slots=True)
class Label:
    """What is true of a scene: from sample `start` to sample `end` one can hear `kind`, saying `text`.

    The edges are those of the sound, without the silence that a clip may carry around it. turn: a name shared by pieces
    of one turn, so that a pause within a turn is known from the end of it.
    """

    kind: str
    start: int
    end: int
    text: str = ""
    name: str = ""
    turn: str = ""


class Scene:
    """A time line of `duration` seconds at 16 kHz on which clips are placed; `render` mixes it down.

    Levels are the clips' own, changed by `gain_db`. Nothing is random but the background's splices, and these come from
    a seed: the same calls give the same samples.
    """

    def __init__(self, duration: float) -> None:
        if not 0 < duration < float("inf"):
            raise InputError(f"a scene must last longer than 0 s, not {duration}")
        self.duration = duration
        self._length = round(duration * SAMPLE_RATE)
        self._placed: list[tuple[Clip, int, float]] = []
        self._labels: list[Label] = []
        self._backgrounds: list[tuple[np.ndarray, float, int]] = []

    @property
    def labels(self) -> tuple[Label, ...]:
        """The ground truth, by start."""
        return tuple(sorted(self._labels, key=lambda label: (label.start, label.end)))

    def place(self, clip: Clip, at_seconds: float, gain_db: float = 0.0, *, turn: str = "") -> Label:
        """Lets the clip's first sample sound at `at_seconds`. Clips may overlap. Returns the label it got.

        Raises InputError if the clip would not lie within the scene.
        """
        start = round(at_seconds * SAMPLE_RATE)
        if start < 0 or start + len(clip.samples) > self._length:
            raise InputError(
                f"clip {clip.name or clip.kind!r} of {clip.duration:.2f} s does not fit at {at_seconds:.2f} s "
                f"into a scene of {self.duration:.2f} s; make the scene longer or place it earlier"
            )
        first, last = active_span(clip.samples)
        label = Label(clip.kind, start + first, start + last, clip.text, clip.name, turn)
        self._placed.append((clip, start, gain_db))
        self._labels.append(label)
        return label

    def background(self, noise: Clip | np.ndarray, snr_db: float = 20.0, seed: int = 0) -> None:
        """Lays noise under the whole scene, spliced from random places of itself if it is shorter.

        noise: a clip or (n,) float samples at 16 kHz. snr_db: active level of the scene's speech (or, without speech,
        of all its clips) over the RMS of the noise. Several backgrounds add up. Raises InputError on silent noise.
        """
        samples = as_float32(noise.samples if isinstance(noise, Clip) else noise, name="background")
        if samples.ndim != 1 or not samples.any():
            raise InputError(f"background: noise must be mono and not silent, not of shape {samples.shape}")
        self._backgrounds.append((samples, snr_db, seed))

    def render(self) -> np.ndarray:
        """(duration * 16000,) float32. What exceeds full scale is clipped, as a sound card would.

        Raises InputError if a background has no clip to be measured against.
        """
        mix = np.zeros(self._length, np.float64)
        for clip, start, gain_db in self._placed:
            mix[start : start + len(clip.samples)] += clip.samples * 10 ** (gain_db / 20)
        if self._backgrounds:
            reference_db = self._reference_db()
        for noise, snr_db, seed in self._backgrounds:
            bed = splice(noise, self._length, np.random.default_rng(seed))
            rms = np.sqrt(np.mean(np.square(bed)))
            if not rms:
                raise InputError("background: the part of the noise that this seed picks is silent; give another seed")
            mix += bed * (10 ** ((reference_db - snr_db) / 20) / rms)
        return np.clip(mix, -1.0, 1.0).astype(np.float32)

    def _reference_db(self) -> float:
        spoken = [placed for placed in self._placed if placed[0].text] or self._placed
        levels = [(active_level(clip.samples) + gain_db, len(clip.samples)) for clip, _, gain_db in spoken]
        if not any(np.isfinite(level) for level, _ in levels):
            raise InputError("background: a signal-to-noise ratio needs a clip that is not silent; place one")
        power = sum(10 ** (level / 10) * length for level, length in levels)
        return float(10 * np.log10(power / sum(length for _, length in levels)))


def _frame_levels(samples: np.ndarray) -> np.ndarray:
    """(frames of 10 ms,) dBFS; -inf for digital silence. The last, incomplete frame counts by its own length."""
    if not len(samples):
        return np.full(1, -np.inf)
    edges = np.arange(0, len(samples), _FRAME)
    power = np.add.reduceat(np.square(samples, dtype=np.float64), edges) / np.diff(edges, append=len(samples))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power)


def active_level(samples: np.ndarray) -> float:
    """RMS in dBFS of the sounding part of (n,) samples: the frames of 10 ms within 30 dB of the loudest one.

    A plain relative of the active speech level of ITU-T P.56, which follows the envelope instead. -inf for silence.
    """
    levels = _frame_levels(samples)
    active = levels[levels >= levels.max() - ACTIVE_RANGE_DB]
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.mean(10 ** (active / 10))))


def active_span(samples: np.ndarray) -> tuple[int, int]:
    """First sample and end of what sounds in (n,) samples, on 10 ms frames; (0, 0) for silence."""
    levels = _frame_levels(samples)
    if not np.isfinite(levels.max()):
        return 0, 0
    active = np.flatnonzero(levels >= levels.max() - ONSET_RANGE_DB)
    return int(active[0]) * _FRAME, min(len(samples), (int(active[-1]) + 1) * _FRAME)


def splice(noise: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) noise to (length,): pieces from random places, joined by 100 ms of equal-power crossfade.

    Random places keep the ear, and a noise estimator, from hearing the loop. Noise that is long enough is only cut.
    """
    if len(noise) >= length:
        start = int(rng.integers(len(noise) - length + 1))
        return noise[start : start + length].astype(np.float64)
    fade = min(_CROSSFADE, len(noise) // 4)
    if fade < 2:  # it takes two samples to go from silence to all
        fade = 0
    rise = np.sin(np.linspace(0.0, np.pi / 2, fade))
    out = np.zeros(length, np.float64)
    end = 0
    while end < length:
        piece = noise[int(rng.integers(len(noise) // 2 + 1)) :].astype(np.float64)
        start = max(0, end - fade)
        if end:
            out[start:end] *= rise[::-1]
            piece[:fade] *= rise
        end = min(length, start + len(piece))
        out[start:end] += piece[: end - start]
    return out
