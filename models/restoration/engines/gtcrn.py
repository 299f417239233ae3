"""GTCRN (Rong et al. 2024, "GTCRN: a speech enhancement model requiring ultralow computational resources").

48 thousand parameters, causal, 16 kHz; the published graph takes one frame and its caches.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.engines.open_graph import open_graph
from duplex.streaming.stft import sqrt_hann

Caches = dict[str, np.ndarray]


class Gtcrn:
    """One frame at a time (engines.spectral_stage.SpectralNetwork).

    folder: holds gtcrn_simple.onnx. Raises ModelError.
    """

    hop = 256
    delay = 0
    sample_rate = SAMPLE_RATE
    window = sqrt_hann(512)

    def __init__(self, folder: Path) -> None:
        self._session = open_graph(folder / "gtcrn_simple.onnx", inputs=4)
        spectrum, *caches = self._session.get_inputs()
        self._input = spectrum.name
        self._shapes = {cache.name: cache.shape for cache in caches}

    def initial_state(self) -> Caches:
        return {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}

    def step(self, spectrum: np.ndarray, state: Caches) -> tuple[np.ndarray, Caches]:
        parts = np.ascontiguousarray(spectrum).view(np.float32).reshape(1, -1, 1, 2)
        restored, *caches = self._session.run(None, {self._input: parts, **state})
        out = np.ascontiguousarray(restored).view(np.complex64).reshape(-1)
        return out, dict(zip(self._shapes, caches, strict=True))
