"""Real sounds for clips: what is cut from which openly licensed recording, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError
from duplex.testing.scene import Clip

ESC10 = "CC BY 3.0 (ESC-10 by Karol J. Piczak, github.com/karolpiczak/ESC-50)"
BLANKET = "(edited by Porrumentzio for Blanket, github.com/rafaelmardojai/blanket)"
SPEECH_COMMANDS = "CC BY 4.0 (Speech Commands by Pete Warden, arXiv:1804.03209)"


@dataclass(frozen=True, slots=True)
class Recording:
    """An excerpt, `start` to `end` seconds, of the file whose name begins with `stem`."""

    name: str
    kind: str
    label: str
    stem: str
    start: float
    end: float
    work: str
    author: str
    source: str
    licence: str

    @property
    def origin(self) -> str:
        return f"excerpt ({self.start:g} to {self.end:g} s, 16 kHz, level changed) of {self.work}, {self.source}"

    def excerpt(self, folder: Path) -> np.ndarray:
        """(n,) float32 at 16 kHz from the file somewhere under the folder. Raises InputError if it is not there."""
        found = sorted(path for path in folder.rglob(f"{self.stem}.*") if path.is_file())
        if not found:
            raise InputError(f"{folder}: holds no file named {self.stem}.*; get it from {self.licence}")
        samples = Clip.read(found[0], self.kind).samples
        return samples[round(self.start * SAMPLE_RATE) : round(self.end * SAMPLE_RATE)]


def _esc(name: str, kind: str, label: str, stem: str, span: tuple[float, float], work: str, author: str) -> Recording:
    source = f"freesound.org/s/{stem.split('-')[1]} (CC0)"
    return Recording(name, kind, label, stem, *span, work, author, source, ESC10)


def _bed(label: str, stem: str, start: float, work: str, author: str, source: str, licence: str) -> Recording:
    return Recording(f"background-{label}", "background", label, stem, start, start + 10, work, author, source, licence)


RECORDINGS = (
    _esc("sneeze-1", "cough", "sneeze", "4-156843-A", (0.2, 1.1), "Sneeze Male JGray.wav", "JGrayArt"),
    _esc("sneeze-2", "cough", "sneeze", "4-156844-A", (0.05, 0.75), "Sneeze Female x3 JGray.wav", "JGrayArt"),
    _esc("sneeze-3", "cough", "sneeze", "4-171519-A", (0.1, 1.1), "sneeze.wav", "Zajjman"),
    _esc("sneeze-4", "cough", "sneeze", "4-185619-A", (1.0, 2.2), "sneeze", "organicmanpl"),
    _esc("dog-1", "noise", "dog bark", "4-191687-A", (0.2, 1.1), "Dog Barks.wav", "UnderlinedDesigns"),
    _esc("dog-2", "noise", "dog bark", "4-192236-A", (0.65, 1.6), "Miniature Dachshund Bark - Indoors.wav", "Ligidium"),
    _esc("dog-3", "noise", "dog bark", "4-207124-A", (2.1, 3.1), "DogBARKING.wav", "ahill86"),
    _esc("rain-burst-1", "noise", "burst of rain", "4-166661-A", (1.0, 2.2), "pheiland", "pheiland"),
    _esc("rain-burst-2", "noise", "burst of rain", "4-160999-A", (3.5, 5.0), "rain.MP3", "Mafon2"),
    _bed("rain", "rain", 82.0, "Rain", "alex36917", "freesound.org/s/524605", f"CC BY {BLANKET}"),
    _bed("city", "city", 2.0, "City", "gezortenplotz", "freesound.org/s/44796", f"CC BY {BLANKET}"),
    _bed("exercise-bike", "exercise_bike", 7.0, "exercise_bike.wav", "Google", "Speech Commands", SPEECH_COMMANDS),
    _bed("running-tap", "running_tap", 42.0, "running_tap.wav", "Google", "Speech Commands", SPEECH_COMMANDS),
)
