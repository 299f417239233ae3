"""A Piper voice: VITS in ONNX and the JSON file beside it (VITS: Kim et al. 2021, arXiv:2106.06103).

The graph is cut where it is narrow, so that a sentence is sounded a window at a time and its words are known by time:

    phoneme ids → text encoder, durations → (noise) → flow → latent frames → vocoder → samples

Noise is fed from outside, seeded by the phonemes: the same text gives the same samples. The vocoder is convolutional,
so a window with some frames around it gives the samples that the whole would have given.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from duplex.streaming.errors import ModelError, first_line
from duplex.streaming.onnx import session
from duplex.streaming.onnx_graph import FLOAT, TYPES, OnnxGraph

WINDOWS = (24, 40, 64)
"""Latent frames sounded at once (a frame is 11.6 ms in most voices); the last goes on. The first is short: it is what
the first sound waits for."""

AROUND = 16
"""Frames on either side of a window that the vocoder's samples depend on; less of it can be measured, not heard."""

_QUIETEST, _SLOWEST = 0.1, 10.0


@dataclass(frozen=True, slots=True)
class PiperConfig:
    """What the JSON file says. ids: symbol to its ids; espeak_voice: empty where the symbols are letters."""

    sample_rate: int
    espeak_voice: str
    language: str
    ids: dict[str, tuple[int, ...]]
    speakers: dict[str, int]
    speaker_count: int
    noise_scale: float
    length_scale: float
    noise_w: float

    @classmethod
    def read(cls, path: Path) -> PiperConfig:
        """Raises ModelError in one line for a file that is missing, no JSON, or of another kind of voice."""
        try:
            data = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ModelError(
                f"{path}: {error.strerror}; a Piper voice is NAME.onnx with NAME.onnx.json beside it"
            ) from None
        except ValueError:
            raise ModelError(f"{path}: is not JSON; fetch the voice again") from None
        try:
            kind = data.get("phoneme_type", "espeak")
            ids = {symbol: tuple(int(each) for each in ids) for symbol, ids in data["phoneme_id_map"].items()}
            inference = data.get("inference", {})
            voice = data["espeak"]["voice"] if kind == "espeak" else ""
            config = cls(
                int(data["audio"]["sample_rate"]),
                voice,
                data.get("language", {}).get("code") or data.get("espeak", {}).get("voice") or "",
                ids,
                {str(name): int(number) for name, number in (data.get("speaker_id_map") or {}).items()},
                int(data.get("num_speakers", 1)),
                float(inference.get("noise_scale", 0.667)),
                float(inference.get("length_scale", 1.0)),
                float(inference.get("noise_w", 0.8)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"has no {error}" if isinstance(error, KeyError) else f"cannot be used ({error})"
            raise ModelError(f"{path}: {what}; it is not the JSON file of a Piper voice") from None
        if kind not in ("espeak", "text"):
            raise ModelError(f"{path}: phonemes of the kind {kind!r} are not supported, only espeak and text")
        if any(sign not in ids for sign in "^_$"):
            raise ModelError(f"{path}: its phoneme_id_map has no '^', '_' and '$'; it is not that of a Piper voice")
        return config

    def speaker(self, name: str) -> int:
        """The number of a speaker, given as name or number; the first if empty. Raises ModelError."""
        if not name:
            return 0
        if name in self.speakers:
            return self.speakers[name]
        if name.isdecimal() and int(name) < max(self.speaker_count, 1):
            return int(name)
        known = ", ".join(list(self.speakers)[:8]) or f"0 to {max(self.speaker_count, 1) - 1}"
        raise ModelError(f"the voice has no speaker {name!r}; it has: {known}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sentence before it is sounded. frames: (ids,) duration of each phoneme id; latent: (1, channels, frames)."""

    frames: np.ndarray
    latent: np.ndarray
    speaker: dict[str, np.ndarray]


class PiperModel:
    """Weights of a voice: no state, any number of callers. Use `piper_model()`. Raises ModelError in one line."""

    def __init__(self, path: Path) -> None:
        self.config = PiperConfig.read(path.with_name(path.name + ".json"))
        try:
            data = path.read_bytes()
            graph = OnnxGraph(data)
        except OSError as error:
            raise ModelError(f"{path}: {error.strerror}") from None
        except ValueError as error:
            raise ModelError(f"{path}: cannot be read as ONNX: {error}; fetch the voice again") from None
        try:
            self._load(graph)
        except Exception as error:  # ONNX Runtime has a class for each cause, below nothing but Exception
            raise ModelError(f"{path}: is not the graph of a Piper voice ({first_line(error)})") from None

    def _load(self, graph: OnnxGraph) -> None:
        cut = _Cut.of(graph)
        types = {"input": TYPES["tensor(int64)"], "input_lengths": TYPES["tensor(int64)"], "scales": FLOAT}
        if "sid" in graph.inputs:
            types["sid"] = TYPES["tensor(int64)"]
        given = {**types, **({cut.duration_noise: FLOAT} if cut.duration_noise else {})}
        between = sorted({cut.frames, cut.mean, *cut.to_flow, *cut.to_vocoder} - {cut.noise, cut.latent})
        self._encoder = session(graph.part(given, [name for name in between if name not in types]))
        kinds = {output.name: TYPES[output.type] for output in self._encoder.get_outputs()} | types
        self._flow = session(graph.part({cut.noise: FLOAT, **{n: kinds[n] for n in cut.to_flow}}, [cut.latent]))
        vocoder = {cut.latent: FLOAT, **{name: kinds[name] for name in cut.to_vocoder}}
        self._vocoder = session(graph.part(vocoder, graph.outputs[:1]))
        self._cut = cut
        # One frame, sounded: a vocoder says nowhere how many samples that is.
        self.hop = len(self.sound(self.prepare([self.config.ids["^"][0], self.config.ids["$"][0]], 0, 1.0), 0, 1))

    def prepare(self, ids: list[int], speaker: int, rate: float) -> Prepared:
        """Durations and latent frames of a sentence given as phoneme ids."""
        config, cut = self.config, self._cut
        random = np.random.default_rng(zlib.crc32(np.asarray(ids, np.int32).tobytes()))
        length = min(max(config.length_scale / rate, _QUIETEST), _SLOWEST)
        feed: dict[str, Any] = {
            "input": np.asarray([ids], np.int64),
            "input_lengths": np.asarray([len(ids)], np.int64),
            "scales": np.asarray([config.noise_scale, length, config.noise_w], np.float32),
        }
        if any(entry.name == "sid" for entry in self._encoder.get_inputs()):
            feed["sid"] = np.asarray([speaker], np.int64)
        if cut.duration_noise:
            feed[cut.duration_noise] = random.standard_normal((1, 2, len(ids)), np.float32)
        names = [output.name for output in self._encoder.get_outputs()]
        known = dict(zip(names, self._encoder.run(names, feed), strict=True)) | feed
        noise = random.standard_normal(known[cut.mean].shape, np.float32)
        (latent,) = self._flow.run(None, {cut.noise: noise, **{name: known[name] for name in cut.to_flow}})
        frames = known[cut.frames].reshape(-1).astype(np.int64)
        return Prepared(frames, latent, {name: known[name] for name in cut.to_vocoder})

    def sound(self, prepared: Prepared, start: int, end: int) -> np.ndarray:
        """Samples of the frames [start, end), (n,) float32 in [−1, 1]."""
        total = prepared.latent.shape[2]
        first, last = max(start - AROUND, 0), min(end + AROUND, total)
        (samples,) = self._vocoder.run(None, {self._cut.latent: prepared.latent[:, :, first:last], **prepared.speaker})
        samples = samples.reshape(-1)
        hop = len(samples) // (last - first)
        return np.ascontiguousarray(samples[(start - first) * hop : (end - first) * hop], np.float32)

    @staticmethod
    def windows(frames: int, first: int = 0) -> Iterator[tuple[int, int]]:
        """(start, end) of the windows in which so many frames are sounded. first: how many came before them."""
        start = 0
        while start < frames:
            end = start + WINDOWS[min(first, len(WINDOWS) - 1)]
            end = frames if frames - end < WINDOWS[0] // 2 else end
            yield start, end
            start, first = end, first + 1


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a graph of VITS is cut: names of tensors. Found by how the nodes hang together, not by their names."""

    frames: str
    duration_noise: str
    noise: str
    mean: str
    latent: str
    to_flow: tuple[str, ...]
    to_vocoder: tuple[str, ...]

    @classmethod
    def of(cls, graph: OnnxGraph) -> _Cut:
        """Raises ValueError for a graph of another kind."""
        rounding = [node for node in graph.nodes if node.op == "Ceil"]
        upsampling = next((node for node in graph.nodes if node.op == "ConvTranspose"), None)
        if "input" not in graph.inputs or "scales" not in graph.inputs or not rounding or upsampling is None:
            raise ValueError("it has no inputs `input` and `scales`, no durations, or no vocoder")
        frames = rounding[-1].outputs[0]
        timed = graph.depending([frames])
        noises = [node for node in graph.nodes if node.op == "RandomNormalLike"]
        noise = next((node for node in noises if node.outputs[0] in timed), None)
        if noise is None:
            raise ValueError("it has no noise to make frames of")
        of_durations = next((node.outputs[0] for node in noises if node.outputs[0] not in timed), "")
        latent = _latent(graph, upsampling.inputs[0], timed)
        return cls(
            frames,
            of_durations,
            noise.outputs[0],
            noise.inputs[0],
            latent,
            tuple(n for n in graph.frontier([noise.outputs[0]], [latent]) if n != noise.outputs[0]),
            tuple(n for n in graph.frontier([latent], graph.outputs[:1]) if n != latent),
        )


def _latent(graph: OnnxGraph, tensor: str, timed: set[str]) -> str:
    """What the vocoder's first convolution reads, from what its first upsampling reads; a condition on the speaker may
    have been added between."""
    for _ in range(8):
        node = graph.producer(tensor)
        if node is None:
            break
        tensor = next((name for name in node.inputs if name in timed), "")
        if node.op == "Conv":
            return tensor
    raise ValueError("its vocoder does not begin with a convolution")


_loading = threading.Lock()


def piper_model(path: Path) -> PiperModel:
    """The voice in that file, loaded once for all who speak with it, and again when the file has changed."""
    try:
        stamp = path.stat()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; there is no such voice") from None
    with _loading:
        return _loaded(path.resolve(), stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=4)
def _loaded(path: Path, changed: int, size: int) -> PiperModel:
    return PiperModel(path)
