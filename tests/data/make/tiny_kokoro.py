"""A folder of Kokoro's shape with random weights: two voices, what it says is no speech.

    python -m tests.data.make.tiny_kokoro

It has what the engine knows Kokoro by: symbols, styles by length, durations that are rounded and clipped, samples.
Needs the package `onnx`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from tests.data.make.tiny_voice import length_regulator

FOLDER = Path(__file__).resolve().parents[1] / "voices" / "kokoro"
HOP = 60
SYMBOLS = "$;:,.!?—… AIOQTWYᵊabdfhijklmnpstuvwzæðŋɑɔəɛɜɡɪɹʃʊʌʒʤʧˈˌːθᵻ"


def graph() -> helper.ModelProto:
    random = np.random.default_rng(11)
    weights = {
        "emb": random.normal(0, 0.2, (len(SYMBOLS), HOP)),
        "pace": random.normal(0, 0.5, (HOP, 4)),
        "colour": random.normal(0, 0.01, (256, HOP)),
        "one_frame": np.array(1.0),
        "many_frames": np.array(50.0),
        "f0": np.array(0.0),
        "f1": np.array(1.0),
    }
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    initializers += [
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in {"last": [-1], "one": [1], "i1": 1}.items()
    ]
    node = helper.make_node
    nodes = [
        node("Gather", ["emb", "tokens"], ["x"]),
        node("MatMul", ["x", "pace"], ["d_0"]),
        node("Sigmoid", ["d_0"], ["d_1"]),
        node("ReduceSum", ["d_1", "last"], ["d_2"], keepdims=0),
        node("Div", ["d_2", "speed"], ["d_3"]),
        node("Round", ["d_3"], ["d_4"]),
        node("Clip", ["d_4", "one_frame", "many_frames"], ["durations"]),
        *length_regulator("durations", "x", "frames", axis="i1"),
        node("MatMul", ["style", "colour"], ["tint"]),
        node("Add", ["frames", "tint"], ["tinted"]),
        node("Tanh", ["tinted"], ["wave"]),
        node("Reshape", ["wave", "last"], ["audio"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [
        value("tokens", TensorProto.INT64, [1, "symbols"]),
        value("style", TensorProto.FLOAT, [1, 256]),
        value("speed", TensorProto.FLOAT, [1]),
    ]
    built = helper.make_graph(nodes, "tiny", inputs, [value("audio", TensorProto.FLOAT, ["samples"])], initializers)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    save(graph(), str(FOLDER / "model.onnx"))
    table = {symbol: number for number, symbol in enumerate(SYMBOLS)}
    (FOLDER / "vocab.json").write_text(json.dumps({"vocab": table}, ensure_ascii=False) + "\n", "utf-8")
    random = np.random.default_rng(12)
    voices = {name: random.normal(0, 1, (6, 1, 256)).astype(np.float16).astype(np.float32) for name in ("ann", "bob")}
    np.savez_compressed(FOLDER / "voices.npz", **voices)


if __name__ == "__main__":
    main()
