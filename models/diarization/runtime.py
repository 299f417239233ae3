"""The network in ONNX Runtime, without PyTorch: state tensors in and out, one thread.

Two graphs (export.py) are shipped, because a plain installation cannot export: the encoder, which takes any number of
frames at once, and the decoder, which follows behind the look-ahead, frame by frame.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.diarization.config import DiarizationConfig
from duplex.models.diarization.slot_positions import sinusoids
from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.onnx import session

MOST_FRAMES = 100
"""Frames that one call takes at most."""


@dataclass
class RuntimeState:
    """What is remembered of a stream: arrays by input name; their size does not depend on its length.

    hidden: (reach, width), the encoder's latest outputs, which the decoder has yet to see or looks back to. skip:
    frames still to come before the first output.
    """

    encoder: dict[str, np.ndarray]
    decoder: dict[str, np.ndarray]
    hidden: np.ndarray
    skip: int

    @property
    def nbytes(self) -> int:
        arrays = [*self.encoder.values(), *self.decoder.values(), self.hidden]
        return sum(array.nbytes for array in arrays)


class NetworkRuntime:
    """Both graphs. Sessions share one: what belongs to a stream is in its RuntimeState.

    Args:
        folder: of encoder.onnx and decoder.onnx.
        look_ahead: frames of future, one of those the network was trained for.
        speakers: slots for speakers.

    Raises:
        ModelError: the files are missing or not ours.
        SettingsError: the network has fewer slots.
    """

    def __init__(self, folder: str | Path, look_ahead: int, speakers: int | None = None, threads: int = 1) -> None:
        try:
            self._encoder = session(Path(folder) / "encoder.onnx", threads)
            self._decoder = session(Path(folder) / "decoder.onnx", threads)
            metadata = self._encoder.get_modelmeta().custom_metadata_map
            self.config = DiarizationConfig.from_dict(json.loads(metadata["config"]))
        except Exception as error:  # onnxruntime raises classes of its own for each cause
            raise ModelError(f"{folder} holds no graphs of a diarization network: {error}") from error
        if look_ahead not in self.config.look_ahead:
            offered = ", ".join(str(n) for n in self.config.look_ahead)
            raise ModelError(f"the diarization network looks {offered} frames ahead, not {look_ahead}")
        self.look_ahead = look_ahead
        most = self.config.speakers
        if speakers is not None and not 1 <= speakers <= most:
            raise SettingsError(f"diarization tells 1 to {most} speakers apart, not {speakers}")
        self.speakers = most if speakers is None else speakers
        self._reach = max(self.config.look_ahead)
        self._choice = np.array([self.config.look_ahead.index(look_ahead)])
        places = sinusoids(self.config.slots, self.config.width)
        self._places = np.concatenate([places[: self.speakers + 1], places[-1:]])

    def initial_state(self) -> RuntimeState:
        rows = len(self._places)

        def empty(session, first: int) -> dict[str, np.ndarray]:
            return {
                each.name: np.zeros([rows if isinstance(n, str) else n for n in each.shape], np.float32)
                for each in session.get_inputs()[first:]
            }

        hidden = np.zeros((self._reach + self.look_ahead, self.config.width), np.float32)
        return RuntimeState(empty(self._encoder, 1), empty(self._decoder, 3), hidden, self.look_ahead)

    def step(self, inputs: np.ndarray, state: RuntimeState) -> tuple[np.ndarray, RuntimeState]:
        """inputs: (frames, splice) to probabilities (frames', speakers): fewer frames while the look-ahead fills."""
        parts = []
        for start in range(0, len(inputs), MOST_FRAMES):
            hidden, weight, *tensors = self._encoder.run(
                None, {"inputs": inputs[None, start : start + MOST_FRAMES], **state.encoder}
            )
            encoder = dict(zip(state.encoder, [weight, *tensors], strict=True))
            state = RuntimeState(encoder, state.decoder, state.hidden, state.skip)
            out, state = self._decode(hidden[0], state)
            parts.append(out)
        return _joined(parts, self.speakers), state

    def flush(self, state: RuntimeState) -> np.ndarray:
        """The frames held back by the look-ahead."""
        return self._decode(np.zeros((self.look_ahead, self.config.width), np.float32), state)[0]

    def resumed(self, state: RuntimeState) -> RuntimeState:
        """The memories of `state` for a stream that begins now."""
        fresh = self.initial_state()
        encoder = {
            name: old if name.startswith(("weight", "memory")) else fresh.encoder[name]
            for name, old in state.encoder.items()
        }
        return RuntimeState(encoder, state.decoder, fresh.hidden, self.look_ahead)

    def _decode(self, hidden: np.ndarray, state: RuntimeState) -> tuple[np.ndarray, RuntimeState]:
        around = np.concatenate([state.hidden, hidden])
        left = around[len(hidden) :]
        skip = min(state.skip, len(hidden))
        count = len(hidden) - skip
        after = RuntimeState(state.encoder, state.decoder, left, state.skip - skip)
        if not count:
            return np.zeros((0, self.speakers), np.float32), after
        width = 2 * self._reach + 1
        future = np.zeros((self._reach - self.look_ahead, self.config.width), np.float32)
        padded = np.concatenate([around[skip:], future])
        parts = []
        for at in range(count):
            window = padded[None, at : at + width]  # a shorter look-ahead has zeros for taps at both ends
            fed = {"window": window, "choice": self._choice, "places": self._places}
            probabilities, *tensors = self._decoder.run(None, {**fed, **after.decoder})
            after.decoder = dict(zip(state.decoder, tensors, strict=True))
            parts.append(probabilities[:, 1:-1])
        return _joined(parts, self.speakers), after


def _joined(parts: list[np.ndarray], speakers: int) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros((0, speakers), np.float32)
