"""Blocks that are appended to a cache give what the classes of `transformers` compute at once, in their own way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from duplex.models.interaction.speech_lm.mel import StreamingLogMel
from duplex.streaming.lm.kv_cache import KVCache
from tests.models.interaction.speech_lm import tiny

AUDIO = 151_646
BEFORE, AFTER = [151_647], [151_602]


def blocks(count: int, frames: int = 40) -> list[np.ndarray]:
    whole = StreamingLogMel(16).forward(tiny.sound(count * frames / 100))
    return [whole[number * frames : (number + 1) * frames] for number in range(count)]


def at_once(kind: str, heard: list[np.ndarray]) -> Any:
    """Logits of the model's own forward pass: token ids with slots for the audio, and all log-mel frames."""
    import torch

    longest = 400 if kind == "qwen2_audio" else len(heard[0])
    features, mask = np.zeros((len(heard), 16, longest), np.float32), np.zeros((len(heard), longest), np.int64)
    ids = [5, 6, 7]
    for number, block in enumerate(heard):
        features[number, :, : len(block)], mask[number, : len(block)] = block.T, 1
        ids += [*BEFORE, *[AUDIO] * (len(block) // 4), *AFTER]
    with torch.inference_mode():
        return tiny.model(kind)(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            input_features=torch.as_tensor(features),
            feature_attention_mask=torch.as_tensor(mask),
            use_cache=False,
        ).logits[0]


@pytest.mark.parametrize("kind", ["thinker", "qwen2_audio"])
@pytest.mark.parametrize("frames", [40, 64])
def test_appended_blocks_equal_the_whole_forward_pass(kind: str, frames: int) -> None:
    import torch

    network, heard = tiny.network(kind), blocks(4, frames)
    cache = KVCache()
    network.lm.append(cache, [5, 6, 7])
    after = []
    for embeddings in network.encode(heard):
        given = torch.cat([network.embed(BEFORE), embeddings, network.embed(AFTER)])
        after.append(network.lm.append_embeddings(cache, given))
    whole = at_once(kind, heard)
    size = frames // 4 + 2
    places = [2 + size * number for number in range(1, 5)]
    assert float(whole[places].std()) > 0.1  # else the comparison shows nothing
    assert float((torch.stack(after) - whole[places]).abs().max()) < 1e-4


@pytest.mark.parametrize("kind", ["thinker", "qwen2_audio"])
def test_blocks_encoded_together_equal_blocks_encoded_alone(kind: str) -> None:
    network, heard = tiny.network(kind), blocks(3)
    for one, other in zip(network.encode(heard), [network.encode([block])[0] for block in heard], strict=True):
        assert one.shape == (10, 32)
        assert float((one - other).abs().max()) < 1e-5


def test_the_thinker_hears_two_seconds_as_its_own_encoder_does() -> None:
    """Its encoder attends within two seconds, so blocks of that length lose nothing."""
    import torch

    network, heard = tiny.network(), blocks(2, 200)
    tower = tiny.model("thinker").model.audio_tower
    with torch.inference_mode():
        whole = tower(torch.as_tensor(np.concatenate(heard)).T, feature_lens=torch.tensor([400])).last_hidden_state
    assert float((torch.cat(network.encode(heard)) - whole).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", ["thinker", "qwen2_audio"])
def test_cached_keys_can_be_moved(kind: str) -> None:
    """With M-RoPE too: eviction needs it."""
    assert tiny.network(kind).lm.movable
