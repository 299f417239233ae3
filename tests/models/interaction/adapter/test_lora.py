"""Adapters in PEFT's format: what is merged is what the formula says, and what does not fit is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from duplex.models.interaction.adapter.lora import (
    CONFIG,
    TENSORS,
    LoraConfig,
    is_adapter,
    load_adapter,
    merge,
    save_adapter,
)
from duplex.models.interaction.causal_model import load_causal
from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.decider.language_model import DESCRIPTION, load_gates
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.streaming.errors import ModelError
from tests.models.interaction.asking import ask
from tests.streaming.lm.tiny import tiny

LAYER = "model.layers.1.mlp.up_proj"
DECIDING = {"tokens": {"silent": "a", "respond": "b", "yield": "c"}, "threshold": 0.1}


def pairs(model: Any, rank: int, seed: int = 0, names: tuple[str, ...] = (LAYER,)) -> dict[str, Any]:
    """Random A and B for the named layers."""
    rng = torch.Generator().manual_seed(seed)
    made = {}
    for name in names:
        layer = model.get_submodule(name)
        down = torch.randn(rank, layer.in_features, generator=rng)
        made[name] = down, torch.randn(layer.out_features, rank, generator=rng)
    return made


def change(folder: Path, **values: Any) -> None:
    told = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(told | values))


@pytest.fixture
def model(folder: Path) -> Any:
    return load_causal(str(folder))[1]


@pytest.fixture
def adapter(folder: Path, model: Any, tmp_path: Path) -> Path:
    """An adapter on the tiny model, which it names."""
    save_adapter(tmp_path / "adapter", LoraConfig(4, 8.0, ("up_proj",), str(folder)), pairs(model, 4))
    return tmp_path / "adapter"


@settings(max_examples=20, deadline=None)
@given(rank=st.integers(1, 8), alpha=st.floats(0.25, 32), rank_scaled=st.booleans())
def test_a_merged_layer_computes_the_sum(tmp_path_factory: Any, rank: int, alpha: float, rank_scaled: bool) -> None:
    model, place = tiny("llama"), tmp_path_factory.mktemp("adapter")
    layer = model.get_submodule(LAYER)
    before = layer.weight.detach().clone()
    save_adapter(place, LoraConfig(rank, alpha, rank_scaled=rank_scaled), pairs(model, rank))
    try:
        merge(model, place)
        down, up = (matrix.half().float() for matrix in pairs(model, rank)[LAYER])
        x = torch.randn(5, layer.in_features)
        scale = alpha / (rank**0.5 if rank_scaled else rank)
        expected = x @ before.T + scale * (x @ down.T) @ up.T
        assert torch.allclose(layer(x), expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max().detach()))
    finally:
        layer.weight.data.copy_(before)  # the model is shared by tests


def test_what_is_written_is_read_and_named_as_peft_does(adapter: Path, model: Any, folder: Path) -> None:
    config, read = load_adapter(adapter)
    assert config == LoraConfig(4, 8.0, ("up_proj",), str(folder))
    for written, loaded in zip(pairs(model, 4)[LAYER], read[LAYER], strict=True):
        assert torch.equal(written.half(), loaded)
    assert sorted(load_file(adapter / TENSORS)) == [f"base_model.model.{LAYER}.lora_{part}.weight" for part in "AB"]


def test_half_precision_stays_half(adapter: Path, folder: Path) -> None:
    _, model = load_causal(str(folder), dtype=torch.bfloat16)
    before = model.get_submodule(LAYER).weight.detach().clone()
    merge(model, adapter)
    after = model.get_submodule(LAYER).weight
    assert after.dtype == torch.bfloat16 and not torch.equal(before, after)


def test_the_folder_of_an_adapter_names_a_model(adapter: Path, folder: Path, model: Any) -> None:
    assert is_adapter(adapter) and not is_adapter(folder)
    _, merged = load_causal(str(adapter))
    merge(model, adapter)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, merged.state_dict()[name])


def test_one_adapter_decides_and_answers(adapter: Path, folder: Path) -> None:
    (adapter / DESCRIPTION).write_text(json.dumps(DECIDING))
    situation = Situation(0.4)
    verdicts = []
    for place in (adapter, described(adapter, folder)):
        (gate,) = load_gates(str(place))
        verdicts.append(gate.read([], situation, gate.initial_state())[0])
    assert verdicts[0] == verdicts[1] and verdicts[0].gate == "token"
    answers = [ask(LocalLM(str(place), max_new_tokens=8), "hello")[0] for place in (adapter, folder)]
    assert answers[0] and answers[0] != answers[1]


def described(adapter: Path, folder: Path) -> Path:
    """A model's folder whose description names the adapter."""
    import shutil

    place = adapter.parent / "described"
    shutil.copytree(folder, place)
    (place / DESCRIPTION).write_text(json.dumps(DECIDING | {"adapter": "../adapter"}))
    return place


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"peft_type": "IA3"}, "of type IA3; only LORA"),
        ({"use_dora": True, "modules_to_save": ["lm_head"]}, "with use_dora, modules_to_save, which cannot be merged"),
        ({"bias": "all"}, "with bias, which cannot be merged"),
        ({"r": "many"}, "invalid literal"),
        ({"r": 0}, "of rank 0"),
        ({"r": 8}, "at rank 8"),
        ({"base_model_name_or_path": None}, "does not say what model it belongs to"),
    ],
)
def test_an_adapter_of_another_kind(adapter: Path, values: dict[str, Any], told: str) -> None:
    change(adapter, **values)
    with pytest.raises(ModelError, match=told) as raised:
        load_causal(str(adapter))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("missing", [CONFIG, TENSORS])
def test_a_missing_file(adapter: Path, model: Any, missing: str) -> None:
    (adapter / missing).unlink()
    with pytest.raises(ModelError, match=missing):
        merge(model, adapter)


def test_damaged_files(adapter: Path, model: Any) -> None:
    (adapter / TENSORS).write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=TENSORS):
        merge(model, adapter)
    (adapter / CONFIG).write_text("[1]")
    with pytest.raises(ModelError, match=CONFIG):
        merge(model, adapter)


def test_an_adapter_for_another_base_leaves_the_model_as_it_is(folder: Path, model: Any, tmp_path: Path) -> None:
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    other = pairs(model, 4, names=("model.layers.0.mlp.up_proj",)) | {
        "model.layers.7.mlp.up_proj": pairs(model, 4)[LAYER]
    }
    save_adapter(tmp_path, LoraConfig(4, 8.0, base="larger"), other)
    with pytest.raises(ModelError, match=r"another model \(larger\): this one has no linear layer model.layers.7"):
        merge(model, tmp_path)
    wide = {LAYER: (torch.zeros(4, 99), torch.zeros(64, 4))}
    save_adapter(tmp_path, LoraConfig(4, 8.0), wide)
    with pytest.raises(ModelError, match=r"maps 32 to 64, and the adapter has \(4, 99\) and \(64, 4\)"):
        merge(model, tmp_path)
    down, up = pairs(model, 4)[LAYER]
    save_adapter(tmp_path, LoraConfig(4, 8.0), {LAYER: (down, up * float("nan"))})
    with pytest.raises(ModelError, match="no numbers"):
        merge(model, tmp_path)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, before[name])


def test_half_a_pair_is_no_adapter(adapter: Path, model: Any) -> None:
    tensors = load_file(adapter / TENSORS)
    tensors.pop(f"base_model.model.{LAYER}.lora_B.weight")
    save_file(tensors, adapter / TENSORS)
    with pytest.raises(ModelError, match="has no counterpart"):
        merge(model, adapter)


def test_an_adapter_on_an_adapter(adapter: Path) -> None:
    (adapter / DESCRIPTION).write_text(json.dumps({"adapter": "more"}))
    with pytest.raises(ModelError, match="is an adapter, and so is"):
        load_gates(str(adapter))
