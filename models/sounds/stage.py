"""The tagger as a stage: samples in, what is heard out, every 400 ms; in ONNX Runtime, without PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.contract import BLOCK, SoundBlock, Threshold
from duplex.models.sounds.features import Features, FeatureState
from duplex.streaming.audio import SAMPLE_RATE, as_float32
from duplex.streaming.errors import InputError, ModelError, SettingsError
from duplex.streaming.onnx import session


@dataclass
class TaggerState:
    """network: the graph's state tensors by the names of their inputs. given: samples that were tagged."""

    features: FeatureState
    network: dict[str, np.ndarray]
    given: int = 0


class Tagger:
    """The sound tagger with its weights (models.sounds.contract.SoundTagger).

    Its latency is 0: a block's probabilities need nothing that comes after it. A sound is known at the end of its
    block, 400 ms after it began at most. graph: the exported file. Raises ModelError.
    """

    hop = BLOCK
    latency = 0
    sample_rate = SAMPLE_RATE
    name = "crnn-tagger"

    def __init__(self, graph: str | Path) -> None:
        try:
            self._session = session(graph, spinning=False)
            metadata = self._session.get_modelmeta().custom_metadata_map
            config = TaggerConfig.from_dict(json.loads(metadata["config"]))
            told = json.loads(metadata["thresholds"])
            self.thresholds = {label: Threshold(**each) for label, each in told.items()}
        except Exception as error:  # onnxruntime raises classes of its own for each cause
            raise ModelError(f"{graph} holds no graph of a sound tagger: {error}") from error
        self.labels = config.labels
        self._features = Features(config)
        self._shapes = {each.name: each.shape for each in self._session.get_inputs()[1:]}

    def initial_state(self, batch: int = 1) -> TaggerState:
        if batch != 1:
            raise SettingsError(f"the sound tagger hears one stream per state, not {batch}")
        zeros = {name: np.zeros(shape, np.float32) for name, shape in self._shapes.items()}
        return TaggerState(self._features.initial_state(), zeros)

    def step(self, chunk: np.ndarray, state: TaggerState) -> tuple[SoundBlock, TaggerState]:
        """chunk: (6400,) float32. NaN counts as silence. Raises InputError."""
        if chunk.shape != (BLOCK,):
            raise InputError(f"the sound tagger takes blocks of {BLOCK} samples, not shape {chunk.shape}")
        planes, state.features = self._features.step(as_float32(chunk), state.features)
        probabilities, *tensors = self._session.run(None, {"planes": planes[None], **state.network})
        start, state.given = state.given, state.given + BLOCK
        state.network = dict(zip(self._shapes, tensors, strict=True))
        return SoundBlock(start, probabilities[0]), state

    def flush(self, state: TaggerState) -> None:
        """Nothing is held back."""
