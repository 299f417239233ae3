"""Sizes of the sound tagger."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from duplex.models.sounds.contract import LABELS


@dataclass(frozen=True)
class TaggerConfig:
    """window, fft, hop: of a frame, in samples at 16 kHz. mels: bands. frames, ticks: of a block.

    level_seconds: time constant of the level to which a frame is compared. colour_seconds: that of each band's mean.
    quietest: dBFS below which the level is not taken to be: the bound of the gain.
    """

    window: int = 512
    fft: int = 512
    hop: int = 320
    mels: int = 64
    frames: int = 20
    ticks: int = 5
    level_seconds: float = 3.0
    colour_seconds: float = 1.5
    quietest: float = -60.0
    channels: tuple[int, int, int, int] = (16, 32, 64, 96)
    width: int = 160
    labels: tuple[str, ...] = LABELS

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TaggerConfig:
        """From `as_dict`, tuples as lists allowed. Raises TypeError on an unknown name."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
