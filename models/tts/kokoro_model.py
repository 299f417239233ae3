"""Kokoro-82M in ONNX: StyleTTS 2 with an iSTFTNet vocoder (Li et al. 2023, arXiv:2306.07691), 24 kHz.

A folder holds the graph (NAME.onnx), the symbols (vocab.json, config.json or tokenizer.json) and the voices: NAME.npz
or voices-NAME.bin with a table for each voice, or a folder `voices` of NAME.bin. A table has a style for every length
of text. The durations that the network gives each phoneme are made an output of the graph, so words are known by time.
"""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from duplex.streaming.errors import ModelError, first_line
from duplex.streaming.onnx import session
from duplex.streaming.onnx_graph import FLOAT, TYPES, OnnxGraph

SAMPLE_RATE = 24_000
STYLE = 256
"""Width of a style."""
LONGEST = 508
"""Symbols that the text encoder takes, without the two that begin and end every text."""
_GRAPHS = ("model.onnx", "model_quantized.onnx", "model_fp16.onnx")


class KokoroModel:
    """Weights and voices: no state, any number of callers. Raises ModelError in one line for a folder that is none."""

    def __init__(self, folder: Path) -> None:
        self.symbols = _symbols(folder)
        self.styles = _styles(folder)
        path = _graph(folder)
        try:
            graph = OnnxGraph(path.read_bytes())
            rounded = next(node for node in graph.nodes if node.op == "Round")
            durations = next((node for node in graph.nodes if rounded.outputs[0] in node.inputs), rounded).outputs[0]
            whole = session(path)
            given = {entry.name: TYPES.get(entry.type, 6) for entry in whole.get_inputs()}
            self._session = session(graph.part(given, [graph.outputs[0], durations]))
            self._tokens = next(name for name in given if "style" not in name and "speed" not in name)
            self._speed_type = np.float32 if given["speed"] == FLOAT else np.int32
        except StopIteration:
            raise ModelError(f"{path}: is not the graph of Kokoro: it has no durations or no inputs") from None
        except Exception as error:  # ONNX Runtime has a class for each cause, below nothing but Exception
            raise ModelError(f"{path}: is not the graph of Kokoro ({first_line(error)})") from None

    def speak(self, ids: list[int], style: np.ndarray, speed: float) -> tuple[np.ndarray, np.ndarray]:
        """((n,) float32 samples, (len(ids) + 2,) first sample of each symbol) of at most `LONGEST` symbols. style:
        (lengths, 256), a voice's table."""
        feed: dict[str, Any] = {
            self._tokens: np.asarray([[0, *ids, 0]], np.int64),
            "style": style[min(len(ids), len(style) - 1)][None],
            "speed": np.asarray([speed], self._speed_type),
        }
        samples, durations = self._session.run(None, feed)
        samples = np.ascontiguousarray(samples.reshape(-1), np.float32)
        frames = durations.reshape(-1).astype(np.float64)
        starts = np.concatenate([[0.0], np.cumsum(frames)[:-1]]) / max(1.0, frames.sum())
        return samples, np.rint(starts * len(samples)).astype(np.int64)


def _graph(folder: Path) -> Path:
    found = [path for name in _GRAPHS for path in (folder / name, folder / "onnx" / name) if path.is_file()]
    found = found or sorted(folder.glob("*.onnx"))
    if not found:
        raise ModelError(f"{folder}: has no graph (model.onnx) of Kokoro")
    return found[0]


def _symbols(folder: Path) -> dict[str, int]:
    for name in ("vocab.json", "config.json", "tokenizer.json"):
        try:
            data = json.loads((folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        table = data.get("vocab") or data.get("model", {}).get("vocab") if isinstance(data, dict) else None
        if isinstance(table, dict) and table and all(isinstance(number, int) for number in table.values()):
            return table
    raise ModelError(f"{folder}: has no vocab.json, config.json or tokenizer.json with the symbols of Kokoro")


def _styles(folder: Path) -> dict[str, np.ndarray]:
    """Name → (lengths, 256) of every voice."""
    tables: dict[str, np.ndarray] = {}
    try:
        for path in sorted([*folder.glob("*.npz"), *folder.glob("voices*.bin")]):
            with np.load(path, allow_pickle=False) as voices:
                tables |= {name: voices[name] for name in voices.files}
        for path in sorted((folder / "voices").glob("*.bin")):
            tables[path.stem] = np.fromfile(path, np.float32)
        tables = {name: table.reshape(-1, STYLE).astype(np.float32) for name, table in tables.items()}
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: its voices cannot be read: {error}") from None
    if not tables:
        raise ModelError(f"{folder}: has no voices: NAME.npz, or a folder `voices` of NAME.bin")
    return tables


_loading = threading.Lock()


def kokoro_model(folder: Path) -> KokoroModel:
    """The model in that folder, loaded once for all who speak with it."""
    with _loading:
        return _loaded(folder.resolve())


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> KokoroModel:
    return KokoroModel(folder)
