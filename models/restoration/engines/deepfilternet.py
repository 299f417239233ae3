"""DeepFilterNet3 (Schröter et al. 2023), frame by frame.

Its three graphs are published for whole sequences; `streamed_graph` brings their state out. Frames of 20 ms every
10 ms at 48 kHz; bands of the ERB scale get a gain each, and the lowest 4.8 kHz a complex filter over five frames
instead, two of which lie ahead. As bins are 50 Hz apart at any rate, audio at 16 kHz needs no resampling: its spectrum
is the lower third of one at 48 kHz.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from duplex.models.restoration.engines.deepfilter_features import (
    band_levels,
    erb_widths,
    first_levels,
    first_magnitudes,
    running_mean,
)
from duplex.models.restoration.engines.open_graph import open_graph
from duplex.models.restoration.engines.spectral_stage import SpectralStage
from duplex.models.restoration.engines.streamed_graph import streamed
from duplex.streaming.errors import ModelError

ARCHIVE = "DeepFilterNet3_onnx.tar.gz"
GRAPHS = {"enc": 3, "erb_dec": 7, "df_dec": 4}
"""Parts of the network, and their inputs once their states are among them."""

RATES = (16_000, 48_000)
FULL_RATE = 48_000
FRAMES_A_SECOND = 100
BANDS, NARROWEST = 32, 2
WIDTHS = erb_widths(FULL_RATE // FRAMES_A_SECOND + 1, BANDS, FULL_RATE, NARROWEST)
"""Bins in each band."""
FILTERED = 96
ORDER, AHEAD = 5, 2
HEARD = 3
"""Frames that the first convolution spans."""
_LARGEST = 20_000_000  # bytes of one graph


@dataclass(frozen=True, slots=True)
class DeepFilterState:
    """What the network remembers between frames.

    Attributes:
        levels: running means of the bands in dB, (32,).
        magnitudes: running means of the lowest bins, (96,).
        bands: features of the last frames, (2, 32).
        bins: as `bands`, real and imaginary parts, (2, 2, 96).
        spectra: of the last frames, (4, bins) complex64.
        paths: what the encoder hands to the filter's decoder, (1, 64, 4, 96).
        recurrent: last states of the encoder's and decoders' GRUs, (1, 1, 256) each, by part.
    """

    levels: np.ndarray
    magnitudes: np.ndarray
    bands: np.ndarray
    bins: np.ndarray
    spectra: np.ndarray
    paths: np.ndarray
    recurrent: dict[str, list[np.ndarray]]


class DeepFilterGraphs:
    """The three parts, opened. archive: as published, or trained further. Raises ModelError."""

    def __init__(self, archive: Path) -> None:
        self._parts = {}
        for name, graph in unpacked(archive).items():
            path = archive / f"{name}.onnx"
            try:
                changed, _ = streamed(graph)
            except ValueError as error:
                raise ModelError(f"{path}: {error}") from None
            self._parts[name] = open_graph(path, GRAPHS[name], changed)
        # An output that is not asked for (the local signal-to-noise ratio, an unused gate) is not computed.
        self._wanted = {
            name: [each.name for each in part.get_outputs() if each.name not in ("lsnr", "235")]
            for name, part in self._parts.items()
        }

    def initial_state(self) -> dict[str, list[np.ndarray]]:
        """Recurrences at rest, by part."""
        return {
            name: [np.zeros((1, 1, 256), np.float32) for each in part.get_inputs() if each.name.startswith("state.")]
            for name, part in self._parts.items()
        }

    def run(self, name: str, inputs: dict[str, np.ndarray], states: list[np.ndarray]) -> dict[str, np.ndarray]:
        """One part on n frames: outputs by name, its GRUs' last states as `next.0`, …"""
        feed = inputs | {f"state.{index}": state for index, state in enumerate(states)}
        return dict(zip(self._wanted[name], self._parts[name].run(self._wanted[name], feed), strict=True))


class DeepFilterNet:
    """One frame at a time (engines.spectral_stage.SpectralNetwork) at one of RATES. ahead: frames that it waits for."""

    def __init__(self, graphs: DeepFilterGraphs, sample_rate: int, ahead: int = AHEAD) -> None:
        self._graphs = graphs
        self.delay = ahead
        self.sample_rate = sample_rate
        self.hop = sample_rate // FRAMES_A_SECOND
        self.window = vorbis(2 * self.hop)
        self._size = np.float32(2 * self.hop)
        self._starts = np.concatenate([[0], np.cumsum(WIDTHS)[:-1]])
        self._band_of = band_of(self.hop + 1)

    def initial_state(self) -> DeepFilterState:
        return DeepFilterState(
            first_levels(BANDS),
            first_magnitudes(FILTERED),
            np.zeros((HEARD - 1, BANDS), np.float32),
            np.zeros((2, HEARD - 1, FILTERED), np.float32),
            np.zeros((ORDER - 1, self.hop + 1), np.complex64),
            np.zeros((1, 64, ORDER - 1, FILTERED), np.float32),
            self._graphs.initial_state(),
        )

    def step(self, spectrum: np.ndarray, state: DeepFilterState) -> tuple[np.ndarray, DeepFilterState]:
        scaled = spectrum / self._size
        decibels = band_levels(np.abs(scaled) ** 2, self._starts, WIDTHS)
        levels = running_mean(decibels, state.levels)
        bands = np.concatenate([state.bands, (decibels - levels)[None] / 40])
        low = scaled[:FILTERED]
        magnitudes = running_mean(np.abs(low), state.magnitudes)
        unit = low / np.sqrt(magnitudes)
        bins = np.concatenate([state.bins, np.stack([unit.real, unit.imag])[:, None]], axis=1)
        spectra = np.concatenate([state.spectra, scaled[None]])

        recurrent = state.recurrent
        heard = self._graphs.run("enc", {"feat_erb": bands[None, None], "feat_spec": bins[None]}, recurrent["enc"])
        skips = {name: heard[name] for name in ("emb", "e3", "e2", "e1", "e0")}
        masked = self._graphs.run("erb_dec", skips, recurrent["erb_dec"])
        paths = np.concatenate([state.paths, heard["c0"]], axis=2)
        filtered = self._graphs.run("df_dec", {"emb": heard["emb"], "c0": paths}, recurrent["df_dec"])

        restored = spectra[ORDER - 1 - self.delay] * masked["m"][0, 0, 0][self._band_of]
        taps = np.ascontiguousarray(filtered["coefs"]).view(np.complex64).reshape(FILTERED, ORDER)
        restored[:FILTERED] = (spectra[:, :FILTERED] * taps.T).sum(0)
        outs = {"enc": heard, "erb_dec": masked, "df_dec": filtered}
        new = DeepFilterState(
            levels,
            magnitudes,
            bands[1:],
            bins[:, 1:],
            spectra[1:],
            paths[:, :, 1:],
            {name: [out[f"next.{index}"] for index in range(len(recurrent[name]))] for name, out in outs.items()},
        )
        return restored * self._size, new


class DeepFilterStage(SpectralStage):
    """DeepFilterNet3 as a stage: 30 ms late, in hops of 10 ms.

    folder: holds the published archive. sample_rate: one of RATES; at 16 kHz it costs less and does the same up to
    8 kHz. Raises ModelError.
    """

    def __init__(self, folder: Path, sample_rate: int = RATES[0]) -> None:
        self._folder = folder
        super().__init__(DeepFilterNet(_graphs(folder / ARCHIVE), sample_rate))

    def at_rate(self, sample_rate: int) -> DeepFilterStage:
        """The stage for audio of this rate: all of its band where there is more than 16 kHz can hold."""
        wanted = next((rate for rate in RATES if rate >= sample_rate), RATES[-1])
        return self if wanted == self.sample_rate else DeepFilterStage(self._folder, wanted)


@lru_cache(maxsize=1)
def _graphs(archive: Path) -> DeepFilterGraphs:
    return DeepFilterGraphs(archive)


def band_of(bins: int) -> np.ndarray:
    """The band that each of the lowest bins is in, (bins,) int."""
    return np.repeat(np.arange(BANDS), WIDTHS)[:bins]


def vorbis(length: int) -> np.ndarray:
    """(length,) float32: the window of the Vorbis I specification; its squares add up to one at half its length."""
    half = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    return np.sin(np.pi / 2 * half**2).astype(np.float32)


def unpacked(archive: Path) -> dict[str, bytes]:
    """The graphs in an archive, by name. Raises ModelError."""
    graphs: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes()), mode="r:gz") as opened:
            for member in opened:
                name = Path(member.name).stem
                if member.isfile() and name in GRAPHS and member.size <= _LARGEST:
                    content = opened.extractfile(member)
                    graphs[name] = content.read() if content is not None else b""
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ModelError(f"{archive}: cannot be read ({error})") from None
    if missing := sorted(set(GRAPHS) - set(graphs)):
        raise ModelError(f"{archive}: has no {', '.join(missing)}")
    return graphs
