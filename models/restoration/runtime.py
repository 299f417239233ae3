"""The lite network frame by frame in ONNX Runtime: state tensors in and out, one thread.

`export` writes the graph of one network call on one frame; it is shipped beside the weights because exporting needs
packages that a plain installation lacks. The conditions (time and task) do not change during a stream, so they are
computed once, when exporting, and stored in the graph file's metadata: one vector for each task and each time.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.contract import TASKS
from duplex.streaming.errors import ModelError
from duplex.streaming.onnx import session

if TYPE_CHECKING:
    from duplex.models.restoration.lite import LiteNet

STEPS = (1, 2, 4)
TIMES = (0.0, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class CallState:
    """What one network call remembers between frames: arrays by input name."""

    tensors: dict[str, np.ndarray]


def export(net: LiteNet, path: str | Path) -> None:
    """Writes one frame's network call as an ONNX graph. Needs `onnx` (extra: train)."""
    import io
    import warnings

    import onnx
    import torch

    net = net.eval()
    state = net.initial_state(1)
    names = list(state)

    class Frame(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, noisy, point, conditions, *tensors):
            estimate, new = self.net(noisy, point, conditions, dict(zip(names, tensors, strict=True)))
            return (estimate, *(new[name] for name in names))

    frame = torch.zeros(1, 1, net.config.bins, 2)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = net.conditions(
            torch.tensor(TIMES).repeat(len(TASKS)), torch.arange(len(TASKS)).repeat_interleave(len(TIMES))
        )
        memory = io.BytesIO()
        # The tracing exporter keeps a GRU as one operator; the newer one unrolls it into hundreds.
        torch.onnx.export(
            Frame(),
            (frame, frame, table[:1], *state.values()),
            memory,
            dynamo=False,
            opset_version=17,
            input_names=["noisy", "point", "conditions", *names],
            output_names=["estimate", *(f"next_{name}" for name in names)],
        )
    graph = onnx.load_from_string(memory.getvalue())
    del graph.metadata_props[:]
    for key, value in {
        "config": json.dumps(net.config.to_dict()),
        "conditions": base64.b64encode(table.numpy().astype("<f4").tobytes()).decode(),
    }.items():
        graph.metadata_props.add(key=key, value=value)
    onnx.save(graph, str(path))


class LiteRuntime:
    """One network call on one frame.

    Args:
        path: the ONNX file that `export` wrote.
        threads: intra-operator threads; more than one does not pay for so few operations.

    Raises:
        ModelError: the file is missing or not one of ours.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        try:
            self._session = session(path, threads)
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.config = LiteConfig.from_dict(json.loads(metadata["config"]))
            table = np.frombuffer(base64.b64decode(metadata["conditions"]), "<f4")
        except Exception as error:  # onnxruntime raises classes of its own for each cause
            raise ModelError(f"{path} is not a graph of the lite restoration network: {error}") from error
        shape = (len(TASKS), len(TIMES), 1, self.config.blocks, 2 * self.config.channels)
        self._table = table.reshape(shape).astype(np.float32)
        inputs = self._session.get_inputs()
        self._shapes = {each.name: each.shape for each in inputs[3:]}
        self._outputs = [each.name for each in self._session.get_outputs()]

    def conditions(self, task: str, steps: int) -> list[np.ndarray]:
        """The condition of each of `steps` (one of STEPS) network calls, (1, blocks, 2C)."""
        return [self._table[TASKS.index(task), TIMES.index(index / steps)] for index in range(steps)]

    def initial_state(self) -> CallState:
        return CallState({name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()})

    def step(self, noisy: np.ndarray, point: np.ndarray, conditions: np.ndarray, state: CallState):
        """noisy, point (bins, 2) float32 -> (estimate (bins, 2), new state)."""
        feed = {"noisy": noisy[None, None], "point": point[None, None], "conditions": conditions, **state.tensors}
        estimate, *tensors = self._session.run(self._outputs, feed)
        return estimate[0, 0], CallState(dict(zip(self._shapes, tensors, strict=True)))
