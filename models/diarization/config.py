"""What a diarization network is made of (LS-EEND, Liang & Li 2024, arXiv 2410.06670, sections II and III)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from duplex.streaming.errors import SettingsError

SAMPLE_RATE = 16_000
FRAME_SECONDS = 0.1

DIARIZERS = ("auto", "ls-eend", "segmentation")
"""Names of the setting; auto: segmentation for a recording as a whole, and live where its weights are; else ls-eend."""

LATENCIES = {0.0: 0, 0.4: 4, 1.0: 9}
"""Seconds that a user chooses from, and the look-ahead of the network in frames (1.0 s holds the splice, too)."""


@dataclass(frozen=True, slots=True)
class DiarizationConfig:
    """Sizes and variants; the defaults are those of the published network. Raises SettingsError.

    sample_rate, window, hop, fft, mels: log-mel features, 10 ms apart. context: feature frames spliced on either side.
    subsampling: feature frames per frame of the network; phase: how many of them lie before the one in its middle.
    floor: least power before the logarithm. width: of encoder and decoder. kernel: of the causal convolution.
    look_ahead: frames of future for each latency the network offers; each has a convolution of its own. speakers: most
    speakers at once; the decoder has two more slots, silence and nobody. decays: of the heads of the retention, per
    frame; 1 never forgets. calibrated: probabilities from a learned scale and bias of the cosine instead of the bare
    cosine, which leaves them between 0.27 and 0.73. profiles: each slot is told the mean embedding of whoever spoke in
    it. identities: voices told apart by an auxiliary output in training.
    """

    sample_rate: int = 8_000
    window: int = 200
    hop: int = 80
    fft: int = 256
    mels: int = 23
    context: int = 7
    subsampling: int = 10
    phase: int = 0
    floor: float = 1e-10
    width: int = 256
    heads: int = 4
    encoder_layers: int = 4
    encoder_inner: int = 1024
    kernel: int = 16
    decoder_layers: int = 2
    decoder_inner: int = 2048
    look_ahead: tuple[int, ...] = (9,)
    speakers: int = 8
    decays: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    dropout: float = 0.1
    calibrated: bool = False
    profiles: bool = False
    identities: int = 0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise SettingsError(f"the width {self.width} must be a multiple of the {self.heads} heads")
        if len(self.decays) != self.heads or not all(0 < decay <= 1 for decay in self.decays):
            raise SettingsError(f"retention needs a decay in (0, 1] for each of its {self.heads} heads")
        if not self.look_ahead or min(self.look_ahead) < 0:
            raise SettingsError("the look-ahead is one or more numbers of frames, 0 or above")

    @property
    def splice(self) -> int:
        """Inputs of the network per frame."""
        return self.mels * (2 * self.context + 1)

    @property
    def slots(self) -> int:
        """Silence, the speakers, nobody."""
        return self.speakers + 2

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DiarizationConfig:
        """From `as_dict`, tuples as lists allowed."""
        known = {field.name for field in fields(cls)}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known})


PUBLISHED = DiarizationConfig()
"""11.18 million parameters."""

LITE = DiarizationConfig(
    sample_rate=SAMPLE_RATE,
    window=400,
    hop=160,
    fft=512,
    mels=40,
    phase=5,
    floor=1e-7,
    width=128,
    heads=4,
    encoder_layers=3,
    encoder_inner=384,
    decoder_layers=2,
    decoder_inner=256,
    look_ahead=(0, 4, 9),
    decays=(1.0, 1.0, 0.999, 0.98),
    calibrated=True,
    profiles=True,
)
"""What is shipped: 16 kHz, three latencies, some heads that forget, calibrated probabilities."""

NETWORKS = {"lite": LITE, "published": PUBLISHED}
