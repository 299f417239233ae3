"""A voice of Piper's shape with random weights: 12 kB, three speakers, two languages' worth of symbols.

    python -m tests.data.make.tiny_voice

It has every part by which the engine knows a Piper graph (VITS): noise for durations, durations, noise for frames, a
latent, a vocoder of convolutions with a condition on the speaker. What it says is no speech. Needs the package `onnx`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper, save

FOLDER = Path(__file__).resolve().parents[1] / "voices"
WIDTH, HOP, SPEAKERS = 8, 16, 3
SYMBOLS = "_^$ !'(),-.:;?abcdefghijklmnopqrstuvwxyzæçðøħŋœɐɑɒɔɕəɚɛɜɡɪɫɹɾʁʃʊʌʏʒʔˈˌːβθχᵻ̩̃"
RATE = 16_000


def length_regulator(durations: str, symbols: str, frames: str, axis: str) -> list[NodeProto]:
    """Nodes that repeat each symbol for its duration: (…, symbols, width) to (…, frames, width).

    axis: the symbols' in `durations`; it, `last` (-1), `f0` and `f1` (0.0 and 1.0) are tensors of the graph.
    """
    node = helper.make_node
    return [
        node("CumSum", [durations, axis], ["until"]),
        node("Sub", ["until", durations], ["from"]),
        node("ReduceMax", ["until"], ["total"], keepdims=0),
        node("Range", ["f0", "total", "f1"], ["steps_1"]),
        node("Unsqueeze", ["steps_1", "last"], ["steps"]),
        node("Less", ["steps", "until"], ["before"]),
        node("Less", ["steps", "from"], ["too_early"]),
        node("Not", ["too_early"], ["late"]),
        node("And", ["before", "late"], ["path_b"]),
        node("Cast", ["path_b"], ["path"], to=TensorProto.FLOAT),
        node("MatMul", ["path", symbols], [frames]),
    ]


def graph() -> helper.ModelProto:
    random = np.random.default_rng(10)
    weights = {
        "emb": random.normal(0, 1, (len(SYMBOLS) + 1, WIDTH)),
        "emb_g": random.normal(0, 1, (SPEAKERS, WIDTH)),
        "dur.w": random.normal(0, 0.1, (1, WIDTH, 1)),
        "pre.w": random.normal(0, 0.3, (WIDTH, WIDTH, 7)),
        "cond.w": random.normal(0, 0.3, (WIDTH, WIDTH, 1)),
        "up.w": random.normal(0, 0.3, (WIDTH, WIDTH, 2 * HOP)),
        "post.w": random.normal(0, 0.2, (1, WIDTH, 7)),
    }
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    for name, value in {"zero": [0], "one": [1], "two": [2], "last": [-1]}.items():
        initializers.append(numpy_helper.from_array(np.array(value, np.int64), name))
    for name, number in {"i0": 0, "i1": 1, "i2": 2}.items():
        initializers.append(numpy_helper.from_array(np.array(number, np.int64), name))
    initializers.append(numpy_helper.from_array(np.array([2.5], np.float32), "base"))
    initializers.append(numpy_helper.from_array(np.array(0.0, np.float32), "f0"))
    initializers.append(numpy_helper.from_array(np.array(1.0, np.float32), "f1"))
    node = helper.make_node
    nodes = [
        node("Gather", ["emb", "input"], ["x_t"]),
        node("Transpose", ["x_t"], ["x"], perm=[0, 2, 1]),
        node("Gather", ["emb_g", "sid"], ["g_2"]),
        node("Unsqueeze", ["g_2", "last"], ["g"]),
        node("Gather", ["scales", "i0"], ["noise_scale"]),
        node("Gather", ["scales", "i1"], ["length_scale"]),
        node("Gather", ["scales", "i2"], ["noise_w"]),
        node("Conv", ["x", "dur.w"], ["logw_0"]),
        node("Concat", ["logw_0", "logw_0"], ["like"], axis=1),
        node("RandomNormalLike", ["like"], ["dp_noise"]),
        node("Mul", ["dp_noise", "noise_w"], ["dp_scaled"]),
        node("ReduceMean", ["dp_scaled"], ["dp_one"], axes=[1], keepdims=1),
        node("Add", ["logw_0", "dp_one"], ["logw"]),
        node("Sigmoid", ["logw"], ["w_0"]),
        node("Mul", ["w_0", "base"], ["w_1"]),
        node("Mul", ["w_1", "length_scale"], ["w"]),
        node("Ceil", ["w"], ["w_ceil"]),
        *length_regulator("w_ceil", "x_t", "mean_t", axis="i2"),
        node("Transpose", ["mean_t"], ["mean"], perm=[0, 2, 1]),
        node("RandomNormalLike", ["mean"], ["noise"]),
        node("Mul", ["noise", "noise_scale"], ["scaled"]),
        node("Add", ["mean", "scaled"], ["z_p"]),
        node("Add", ["z_p", "g"], ["z"]),
        node("Conv", ["z", "pre.w"], ["pre"], pads=[3, 3]),
        node("Conv", ["g", "cond.w"], ["cond"]),
        node("Add", ["pre", "cond"], ["conditioned"]),
        node("LeakyRelu", ["conditioned"], ["active"]),
        node("ConvTranspose", ["active", "up.w"], ["up"], strides=[HOP], pads=[HOP // 2, HOP // 2]),
        node("LeakyRelu", ["up"], ["active_2"]),
        node("Conv", ["active_2", "post.w"], ["post"], pads=[3, 3]),
        node("Tanh", ["post"], ["wave"]),
        node("Unsqueeze", ["wave", "one"], ["output"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [
        value("input", TensorProto.INT64, ["batch", "phonemes"]),
        value("input_lengths", TensorProto.INT64, ["batch"]),
        value("scales", TensorProto.FLOAT, [3]),
        value("sid", TensorProto.INT64, ["batch"]),
    ]
    outputs = [value("output", TensorProto.FLOAT, ["batch", 1, 1, "time"])]
    built = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def config() -> dict:
    return {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "language": {"code": "en_US"},
        "inference": {"noise_scale": 0.5, "length_scale": 1.0, "noise_w": 0.5},
        "num_speakers": SPEAKERS,
        "speaker_id_map": {"ann": 0, "bob": 1, "cat": 2},
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(SYMBOLS)},
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    save(graph(), str(FOLDER / "tiny.onnx"))
    (FOLDER / "tiny.onnx.json").write_text(json.dumps(config(), ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
