"""Folders of models: found by what their configuration says, and refused in one line where they cannot be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from duplex.models.interaction.responders.local_models import open_local_model
from duplex.models.interaction.speech_lm import hears, open_speech_model
from duplex.models.interaction.speech_lm import layout as tokens
from duplex.models.interaction.speech_lm.answerer import SpeechAnswerer
from duplex.models.interaction.speech_lm.layout import layout_of
from duplex.models.interaction.speech_lm.network import load_network, network_of
from duplex.streaming.errors import ModelError
from duplex.streaming.lm.kv_cache import KVCache
from tests.models.interaction.speech_lm import tiny


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save("thinker", tmp_path_factory.mktemp("thinker"))


@pytest.fixture
def copy(thinker: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(thinker, tmp_path / "copy"))


def released(folder: Path, *, legacy: bool = False) -> Path:
    """The tiny thinker as Audio Interaction's weights are released."""
    import torch
    from safetensors.torch import save_file
    from transformers import Qwen2_5OmniConfig

    model = tiny.model("thinker")
    text = model.config.text_config
    names = {
        "input_layernorm": "norm_1",
        "post_attention_layernorm": "norm_2",
        "self_attn.o_proj": "attn.proj",
        "mlp.gate_proj": "mlp.fc_1",
        "mlp.up_proj": "mlp.fc_2",
        "mlp.down_proj": "mlp.proj",
    }
    out: dict[str, Any] = {}
    state = model.get_decoder().state_dict()
    for layer in range(text.num_hidden_layers):
        place = f"layers.{layer}."
        for ours, theirs in names.items():
            out[f"transformer.h.{layer}.{theirs}.weight"] = state[f"{place}{ours}.weight"]
        for kind in ("weight", "bias"):
            q, k, v = (state[f"{place}self_attn.{letter}_proj.{kind}"] for letter in "qkv")
            if legacy:  # of each group its queries, its key and its value together
                groups = text.num_key_value_heads
                parts = [each.unflatten(0, (groups, -1)) for each in (q, k, v)]
                out[f"transformer.h.{layer}.attn.attn.{kind}"] = torch.cat(parts, 1).flatten(0, 1)
            else:
                out[f"transformer.h.{layer}.attn.qkv.{kind}"] = torch.cat([q, k, v])
    out["transformer.wte.weight"], out["transformer.ln_f.weight"] = state["embed_tokens.weight"], state["norm.weight"]
    out["lm_head.weight"] = model.lm_head.weight.detach()
    folder.mkdir()
    shards = {f"model-0000{number + 1}-of-00002.safetensors": list(out)[number::2] for number in range(2)}
    for shard, keys in shards.items():
        save_file({key: out[key].clone() for key in keys}, folder / shard)
    index = {"weight_map": {key: shard for shard, keys in shards.items() for key in keys}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text('{"model_type": "qwen2"}')
    torch.save(model.model.audio_tower.state_dict(), folder / "MiniOmni3_ChunkwisedEncoder.pth")
    Qwen2_5OmniConfig(thinker_config=model.config.to_dict()).save_pretrained(folder / "qwen25OmniConfig")
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("legacy", [False, True])
def test_the_weights_of_audio_interaction_are_read_as_they_are_released(tmp_path: Path, legacy: bool) -> None:
    folder = released(tmp_path / "released", legacy=legacy)
    assert hears(folder)
    network, original = load_network(str(folder)), tiny.network()
    assert network.released and layout_of(network).respond == tokens.TEXT_BEGIN
    ids = [5, 6, tokens.AUDIO_BEGIN, 80, 151_602]
    logits = [each.lm.append(KVCache(), ids) for each in (network, original)]
    assert float((logits[0] - logits[1]).abs().max()) < 1e-5
    mel = [tiny.sound(0.04, seed).reshape(40, 16) for seed in range(2)]
    for one, other in zip(network.encode(mel), original.encode(mel), strict=True):
        assert float((one - other).abs().max()) < 1e-5


def test_a_folder_is_told_by_its_configuration(thinker: Path, tmp_path: Path) -> None:
    answerer = open_local_model(str(thinker))
    assert isinstance(answerer, SpeechAnswerer) and answerer.lm.layout.respond is None
    assert not hears(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert not hears(tmp_path)


def test_qwen2_audio_is_loaded(tmp_path: Path) -> None:
    assert open_speech_model(str(tiny.save("qwen2_audio", tmp_path))).lm.layout.respond is None


def test_no_folder() -> None:
    with pytest.raises(ModelError, match="no such folder"):
        load_network("./nowhere")


def test_missing_weights_are_named(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = copy / "model.safetensors"
    weights = load_file(file)
    gone = next(key for key in weights if "audio_tower" in key)
    save_file({key: weights[key] for key in weights if key != gone}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights are missing in the folder, the first is .*audio_tower"):
        load_network(str(copy))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_missing_files(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(ModelError) as raised:
        load_network(str(copy))
    assert str(copy) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "file", ["model-00002-of-00002.safetensors", "model.safetensors.index.json", "MiniOmni3_ChunkwisedEncoder.pth"]
)
def test_missing_files_of_a_release(tmp_path: Path, file: str) -> None:
    folder = released(tmp_path / "released")
    (folder / file).unlink()
    with pytest.raises(ModelError, match=r"the folder lacks .*" + file.removeprefix("MiniOmni3_")):
        load_network(str(folder))


def test_a_release_of_another_size_than_its_configuration(tmp_path: Path) -> None:
    folder = released(tmp_path / "released")
    path = folder / "qwen25OmniConfig" / "config.json"
    config = json.loads(path.read_text())
    config["thinker_config"]["text_config"]["num_hidden_layers"] = 3
    config["thinker_config"]["text_config"].pop("layer_types", None)
    path.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"the weights lack layers\.2"):
        load_network(str(folder))


def test_an_encoder_that_is_no_file_of_tensors(tmp_path: Path) -> None:
    """Nothing in it is executed."""
    folder = released(tmp_path / "released")
    (folder / "MiniOmni3_ChunkwisedEncoder.pth").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(ModelError, match=r"ChunkwisedEncoder\.pth cannot be read"):
        load_network(str(folder))


def test_a_tokenizer_of_another_model() -> None:
    class Larger:
        def __len__(self) -> int:
            return tiny.VOCABULARY + 1

    with pytest.raises(ModelError, match="files are of two different models"):
        network_of(tiny.model("thinker"), Larger(), "tiny")


def test_a_tokenizer_without_the_tokens_of_a_turn(copy: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"hello": 0, "[unk]": 1}, unk_token="[unk]"))
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[unk]").save_pretrained(copy)
    with pytest.raises(ModelError, match=r"lacks the token <\|im_start\|>"):
        open_speech_model(str(copy))


def test_a_vocabulary_without_the_control_tokens() -> None:
    from dataclasses import replace

    with pytest.raises(ModelError, match="vocabulary of 32000 tokens lacks the control tokens"):
        layout_of(replace(tiny.network(), vocabulary=32_000))
