"""The network in ONNX Runtime, without PyTorch: state tensors in and out, one thread.

Two graphs are exported and shipped, because a plain installation cannot export: the encoder, which takes every frame,
and the decoder, which follows behind the look-ahead. Weights are stored in half precision and widened at loading.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.diarization.config import DiarizationConfig
from streaming.errors import ModelError

if TYPE_CHECKING:
    from models.diarization.network import DiarizationNet

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


def export(net: DiarizationNet, folder: str | Path) -> None:
    """Writes encoder.onnx and decoder.onnx. Needs `onnx` (extra: train)."""
    import torch
    from torch.nn import functional as F

    from models.diarization.retention import RetentionState

    net = net.eval()
    config = net.config
    reach = 2 * max(config.look_ahead) + 1
    layers, decoders = range(config.encoder_layers), range(config.decoder_layers)
    kernels = torch.stack([_padded(net.ahead[str(n)].weight.detach(), reach) for n in config.look_ahead])
    biases = torch.stack([net.ahead[str(n)].bias.detach() for n in config.look_ahead])

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, inputs, weight, *tensors):
            x = self.net.input_norm(self.net.input(inputs))
            memories, pasts = [], []
            for block, memory, past in zip(
                self.net.blocks, tensors[: len(layers)], tensors[len(layers) :], strict=True
            ):
                x, after, past = block(x, RetentionState(memory, weight), past)
                memories.append(after.memory)
                pasts.append(past)
            return (x, after.weight, *memories, *pasts)

    class Decoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.register_buffer("kernels", kernels)
            self.register_buffer("biases", biases)

        def forward(self, window, choice, places, weight, *tensors):
            kernel = self.kernels.index_select(0, choice)[0]
            convolved = window.flatten(1) @ kernel + self.biases.index_select(0, choice)
            embeddings = F.normalize(convolved, dim=-1)[None]
            rows, frames = places.shape[0], window.shape[0]
            spread = embeddings[:, None].expand(1, rows, frames, config.width)
            placed = places[None, :, None].expand(1, rows, frames, config.width)
            u = self.net.slot(torch.cat([spread, placed], dim=-1))
            memories = []
            for layer, memory in zip(self.net.decoder, tensors, strict=True):
                u, after = layer(u, RetentionState(memory, weight))
                memories.append(after.memory)
            cosines = torch.einsum("bstd,btd->bts", F.normalize(u, dim=-1), embeddings)
            probabilities = torch.sigmoid(self.net.scale * cosines + self.net.bias)
            return (probabilities[0], embeddings[0], after.weight, *memories)

    state = net.initial_state(1, max(config.look_ahead))
    names = ["weight", *(f"memory{n}" for n in layers), *(f"past{n}" for n in layers)]
    tensors = [state.encoder[0].weight, *(m.memory for m in state.encoder), *state.convolution]
    inputs = torch.randn(1, 7, config.splice)
    folder = Path(folder)
    _write(Encoder(), (inputs, *tensors), ["inputs", *names], ["hidden"], names, {}, folder / "encoder.onnx", config)
    names = ["weight", *(f"memory{n}" for n in decoders)]
    tensors = [state.decoder[0].weight, *(m.memory for m in state.decoder)]
    window = torch.randn(7, reach, config.width)
    first = ["window", "choice", "places", *names]
    slots = {"places": {0: "slots"}} | {name: {0: "slots"} for name in names[1:]}
    arguments = (window, torch.tensor([0]), net.places, *tensors)
    _write(Decoder(), arguments, first, ["probabilities", "embeddings"], names, slots, folder / "decoder.onnx", config)


def _padded(kernel, reach: int):
    """(out, in, taps) to (reach * in, out), the middle tap in the middle."""
    from torch.nn import functional as F

    missing = (reach - kernel.shape[2]) // 2
    return F.pad(kernel, (missing, missing)).permute(2, 1, 0).flatten(0, 1)


def _write(module, arguments, inputs, outputs, names, axes, path: Path, config: DiarizationConfig) -> None:
    import io
    import warnings

    import onnx
    import torch

    memory = io.BytesIO()
    frames = {"inputs": {1: "frames"}, "window": {0: "frames"}, "hidden": {1: "frames"}}
    frames |= {"probabilities": {0: "frames"}, "embeddings": {0: "frames"}}
    used = {name: axis for name, axis in (frames | axes).items() if name in inputs or name in outputs}
    used |= {f"next_{name}": axes[name] for name in names if name in axes}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            arguments,
            memory,
            dynamo=False,
            opset_version=17,
            input_names=inputs,
            output_names=[*outputs, *(f"next_{name}" for name in names)],
            dynamic_axes=used,
        )
    graph = onnx.load_from_string(memory.getvalue())
    _halve(graph)
    del graph.metadata_props[:]
    graph.metadata_props.add(key="config", value=json.dumps(config.as_dict()))
    onnx.save(graph, str(path))


def _halve(graph) -> None:
    """Large weights in half precision, each with a cast that the runtime folds away."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 256:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values, f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


class NetworkRuntime:
    """Both graphs. Sessions share one: what belongs to a stream is in its RuntimeState.

    Args:
        folder: of encoder.onnx and decoder.onnx.
        look_ahead: frames of future, one of those the network was trained for.
        speakers: slots for speakers.

    Raises:
        ModelError: the files are missing or not ours.
    """

    def __init__(self, folder: str | Path, look_ahead: int, speakers: int | None = None, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        try:
            self._encoder = onnxruntime.InferenceSession(str(Path(folder) / "encoder.onnx"), options, providers)
            self._decoder = onnxruntime.InferenceSession(str(Path(folder) / "decoder.onnx"), options, providers)
            metadata = self._encoder.get_modelmeta().custom_metadata_map
            self.config = DiarizationConfig.from_dict(json.loads(metadata["config"]))
        except Exception as error:  # onnxruntime raises classes of its own for each cause
            raise ModelError(f"{folder} holds no graphs of a diarization network: {error}") from error
        if look_ahead not in self.config.look_ahead:
            offered = ", ".join(str(n) for n in self.config.look_ahead)
            raise ModelError(f"the diarization network looks {offered} frames ahead, not {look_ahead}")
        self.look_ahead = look_ahead
        self.speakers = speakers or self.config.speakers
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
        window = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)[:count].transpose(0, 2, 1)
        fed = {"window": np.ascontiguousarray(window), "choice": self._choice, "places": self._places}
        probabilities, _, weight, *memories = self._decoder.run(None, {**fed, **state.decoder})
        after.decoder = dict(zip(state.decoder, [weight, *memories], strict=True))
        return probabilities[:, 1:-1], after


def _joined(parts: list[np.ndarray], speakers: int) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros((0, speakers), np.float32)


def sinusoids(count: int, width: int) -> np.ndarray:
    """Positional encoding (Vaswani et al. 2017), (count, width) float32."""
    position = np.arange(count)[:, None]
    rate = np.exp(np.arange(0, width, 2) * (-np.log(10_000.0) / width))
    table = np.zeros((count, width), np.float32)
    table[:, 0::2] = np.sin(position * rate)
    table[:, 1::2] = np.cos(position * rate)
    return table
