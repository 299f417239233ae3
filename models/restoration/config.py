"""What the lite network looks like; `steps` and `task` are chosen at run time, the rest is fixed by the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass

SAMPLE_RATE = 16000


@dataclass(frozen=True)
class LiteConfig:
    """The band-split dual-path network (lite.py) and its features (spectrum.py).

    Attributes:
        window, hop: STFT in samples, square-root Hann.
        exponent: amplitude compression of the spectrum.
        sigma: standard deviation of the noise that X0 = Y + sigma Z starts from (compressed domain).
        channels: width of a band's vector.
        blocks: dual-path blocks.
        across: how bands exchange: "gru" (bidirectional over bands) or "global" (one recurrence over all of them).
        hidden: width of the decoder's hidden layer, for each band.
        wide: width of the global recurrence.
        generated: gain of what the output has in a bin beyond what the input had there. A regenerated band has the
            right envelope but invented fine structure, and is judged better when it is softer (CARD.md).
    """

    window: int = 512
    hop: int = 256
    exponent: float = 0.3
    sigma: float = 0.1
    channels: int = 48
    blocks: int = 2
    across: str = "gru"
    hidden: int = 64
    wide: int = 256
    generated: float = 0.35
    # (number of bands, bins in each): 125 Hz up to 2 kHz, 250 Hz up to 4 kHz, 500 Hz up to 8 kHz
    bands: tuple[tuple[int, int], ...] = ((16, 4), (8, 8), (8, 16))

    @property
    def bins(self) -> int:
        return self.window // 2

    @property
    def band_count(self) -> int:
        return sum(count for count, _ in self.bands)

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> LiteConfig:
        return cls(**{**values, "bands": tuple(tuple(band) for band in values["bands"])})
