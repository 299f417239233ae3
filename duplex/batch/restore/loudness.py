"""A restored sound as loud as its source: it waits on disk until its loudness is known, then gets one gain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from duplex.audio_files.formats import AudioFormat
from duplex.metering.loudness import Loudness
from duplex.streaming.errors import OutputError

ALIKE = 0.1
"""LU; a smaller difference is left as it is, so that samples that are left as they were keep every bit."""

TOLERATED = 0.5
"""LU by which a result may differ from its source."""

_HIGHEST_PEAK = 0.99
_BLOCK_BYTES = 4 << 20


class Spool:
    """Samples of any length, on disk, with their loudness and peak. `note`: why the loudness could not be kept."""

    def __init__(self, path: Path, format: AudioFormat, final: Path) -> None:
        """final: the result's path, for errors. Raises OutputError."""
        self.note: str | None = None
        self._path = path
        self._final = final
        self._channels = format.channels
        self._full = np.inf if format.subtype in ("FLOAT", "DOUBLE") else _HIGHEST_PEAK
        self._loudness = Loudness(format.sample_rate, format.channels)
        self._peak = 0.0
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise OutputError(f"{final}: cannot be written ({error.strerror})") from error

    def add(self, block: np.ndarray) -> None:
        """block: (n, channels) float64."""
        self._loudness.add(block)
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        try:
            self._file.write(np.ascontiguousarray(block, np.float64).tobytes())
        except OSError as error:
            raise OutputError(f"{self._final}: cannot be written ({error.strerror})") from error

    def gain(self, wanted: float | None) -> float:
        """The factor that makes the sound as loud as `wanted` (LUFS), without clipping what was not clipped before."""
        found = self._loudness.result()
        if wanted is None or found is None or abs(wanted - found) < ALIKE:
            return 1.0
        gain = 10 ** ((wanted - found) / 20)
        most = max(1.0, self._full / max(self._peak, 1e-9))
        missing = 20 * np.log10(max(gain / most, 1e-9))
        if missing > TOLERATED:
            self.note = f"{missing:.1f} LU quieter than its source: more gain would have clipped it"
        return float(min(gain, most))

    def blocks(self) -> Iterator[np.ndarray]:
        """What was added, once; the file is removed."""
        self._file.close()
        size = max(1, _BLOCK_BYTES // (8 * self._channels)) * 8 * self._channels
        with self._path.open("rb") as file:
            while data := file.read(size):
                yield np.frombuffer(data).reshape(-1, self._channels)
        self._path.unlink()
