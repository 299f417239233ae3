"""Places of the decoder's slots, for the network and for its runtime, which knows no PyTorch."""

from __future__ import annotations

import numpy as np


def sinusoids(count: int, width: int) -> np.ndarray:
    """Positional encoding (Vaswani et al. 2017), (count, width) float32."""
    position = np.arange(count)[:, None]
    rate = np.exp(np.arange(0, width, 2) * (-np.log(10_000.0) / width))
    table = np.zeros((count, width), np.float32)
    table[:, 0::2] = np.sin(position * rate)
    table[:, 1::2] = np.cos(position * rate)
    return table
