"""What is found wrong with a recording while it is read, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from duplex.audio_files.formats import AudioFormat

_FULL_SCALE = 0.9995
_CLIPPED_SHARE = 0.001
SILENT = "the recording is silent"
_QUIET_PEAK = 10 ** (-65 / 20)


class Health:
    """Counts, block by block, what a user should know of."""

    def __init__(self) -> None:
        self.samples = 0
        self._invalid = 0
        self._clipped = 0
        self._peak = 0.0

    def checked(self, block: np.ndarray) -> np.ndarray:
        """block: (n, channels) float64. Returns it with zeros in place of NaN and infinity."""
        if not np.isfinite(block).all():
            self._invalid += int(block.size - np.isfinite(block).sum())
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        level = np.abs(block)
        self.samples += len(block)
        self._peak = max(self._peak, float(level.max(initial=0.0)))
        self._clipped += int(np.count_nonzero(level > _FULL_SCALE))
        return block

    def notes(self, format: AudioFormat, stated: float | None) -> Iterator[str]:
        """stated: seconds that the file says it lasts; None if it does not say."""
        seconds = self.samples / format.sample_rate
        if stated and seconds < 0.98 * stated - 0.2:
            yield f"the file is truncated: {seconds:.1f} s of {stated:.1f} s are there"
        if self._invalid:
            yield f"{self._invalid} samples are not numbers and were taken as silence"
        share = self._clipped / max(1, self.samples * format.channels)
        if share > _CLIPPED_SHARE:
            yield f"{100 * share:.1f} % of the samples are clipped; words may be lost"
        if self.samples and not self._peak:
            yield SILENT
        elif 0.0 < self._peak < _QUIET_PEAK:
            level = 20 * np.log10(self._peak)
            yield f"the recording is very quiet: its loudest sample is at {level:.0f} dBFS; words may be missed"
