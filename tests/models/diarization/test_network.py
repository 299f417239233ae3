from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.diarization.config import LITE, PUBLISHED, DiarizationConfig
from duplex.models.diarization.network import DiarizationNet, NetworkState
from duplex.models.diarization.profiles import alone
from duplex.models.diarization.retention import Retention, RetentionState
from duplex.streaming.errors import SettingsError
from tests.models.diarization.conftest import SMALL, random_net


def millions(*modules: torch.nn.Module) -> float:
    return sum(parameter.numel() for module in modules for parameter in module.parameters()) / 1e6


def test_the_published_network_has_the_published_size() -> None:
    net = DiarizationNet(PUBLISHED)
    assert millions(net.input, net.input_norm, net.blocks) == pytest.approx(6.43, abs=0.005)
    assert millions(net.ahead) == pytest.approx(1.25, abs=0.005)
    unused = 0.089  # of the published 3.51 million of the decoder, and 11.18 in all, that take part in nothing
    assert millions(net.slot, net.decoder) == pytest.approx(3.51 - unused, abs=0.005)
    assert millions(net) == pytest.approx(11.18 - unused, abs=0.005)


def test_the_published_network_takes_345_inputs_and_leaves_probabilities_squeezed() -> None:
    net = random_net(PUBLISHED)
    assert PUBLISHED.splice == 345
    with torch.no_grad():
        probabilities = torch.sigmoid(net(torch.randn(1, 40, 345)).logits)
    assert float(probabilities.min()) > 0.2689 and float(probabilities.max()) < 0.7311


def in_pieces(net: DiarizationNet, inputs: torch.Tensor, cuts: list[int], look_ahead: int) -> torch.Tensor:
    state = net.initial_state(inputs.shape[0], look_ahead)
    parts = []
    with torch.no_grad():
        for piece in torch.tensor_split(inputs, sorted(cuts), dim=1):
            out, state = net.step(piece, state)
            parts.append(out.logits)
        parts.append(net.flush(state).logits)
    return torch.cat(parts, dim=1)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=40), st.sampled_from([0, 4, 9]))
def test_pieces_of_any_size_equal_the_whole(cuts: list[int], look_ahead: int) -> None:
    net = random_net()
    inputs = torch.randn(2, 300, SMALL.splice)
    with torch.no_grad():
        whole = net(inputs, look_ahead).logits
    assert whole.shape == (2, 300, SMALL.slots)
    cosines = in_pieces(net, inputs, cuts, look_ahead) / net.scale
    torch.testing.assert_close(cosines, whole / net.scale, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("config", [PUBLISHED, LITE], ids=["published", "lite"])
def test_frame_by_frame_equals_the_whole_at_full_size(config: DiarizationConfig) -> None:
    net = random_net(config)
    inputs = torch.randn(1, 150, config.splice)
    with torch.no_grad():
        whole = net(inputs).logits
    pieces = in_pieces(net, inputs, list(range(150)), config.look_ahead[-1])
    torch.testing.assert_close(pieces / net.scale, whole / net.scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("look_ahead", [0, 4, 9])
def test_nothing_beyond_the_look_ahead_is_seen(look_ahead: int) -> None:
    net = random_net()
    inputs = torch.randn(1, 60, SMALL.splice)
    changed = inputs.clone()
    changed[:, 30 + look_ahead + 1 :] += 3.0
    with torch.no_grad():
        before, after = net(inputs, look_ahead).logits, net(changed, look_ahead).logits
    assert torch.equal(before[:, :31], after[:, :31])
    assert not torch.allclose(before[:, 31:], after[:, 31:], atol=1e-3)


def test_the_last_frame_of_the_look_ahead_is_seen() -> None:
    net = random_net()
    inputs = torch.randn(1, 60, SMALL.splice)
    changed = inputs.clone()
    changed[:, 39] += 3.0
    with torch.no_grad():
        assert not torch.allclose(net(inputs, 9).logits[:, 30], net(changed, 9).logits[:, 30], atol=1e-5)


def size(state: NetworkState) -> int:
    memories = [memory.memory for memory in (*state.encoder, *state.decoder)]
    return sum(tensor.numel() for tensor in (*memories, *state.convolution, state.ahead))


def test_the_state_does_not_grow() -> None:
    net = random_net()
    state = net.initial_state(1, 9)
    sizes = set()
    with torch.no_grad():
        for _ in range(40):
            _, state = net.step(torch.randn(1, 25, SMALL.splice), state)
            sizes.add(size(state))
    assert len(sizes) == 1


def test_fewer_slots_keep_silence_and_nobody() -> None:
    net = random_net()
    with torch.no_grad():
        assert net(torch.randn(1, 20, SMALL.splice), 4, slots=5).logits.shape == (1, 20, 5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 90), max_size=12))
def test_retention_in_parallel_in_chunks_and_recurrently(chunk: int, cuts: list[int]) -> None:
    torch.manual_seed(1)
    decays = (1.0, 0.999, 0.9, 0.5)
    parallel, chunked = Retention(16, 4, decays, chunk=1000), Retention(16, 4, decays, chunk=chunk)
    chunked.load_state_dict(parallel.state_dict())
    x = torch.randn(3, 90, 16)
    with torch.no_grad():
        whole, end = parallel(x, RetentionState.empty(3, 16, 4))
        state = RetentionState.empty(3, 16, 4)
        parts = []
        for piece in torch.tensor_split(x, sorted(cuts), dim=1):
            part, state = chunked(piece, state)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(state.memory, end.memory, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state.weight, end.weight)


def test_retention_follows_its_recurrence() -> None:
    torch.manual_seed(2)
    layer = Retention(8, 2, (1.0, 0.7))
    x = torch.randn(1, 12, 8)
    with torch.no_grad():
        q, k, v = (linear(x).view(12, 2, 4) for linear in (layer.query, layer.key, layer.value))
        memory, count = torch.zeros(2, 4, 4), torch.zeros(2)
        rows = []
        for t in range(12):
            memory = layer.decays[:, None, None] * memory + k[t, :, :, None] * 0.5 * v[t, :, None, :]
            count = layer.decays * count + 1
            read = (q[t, :, None, :] @ memory)[:, 0] / count.sqrt()[:, None]
            rows.append(torch.nn.functional.layer_norm(read, (4,), eps=1e-6).flatten())
        expected = layer.out(torch.nn.functional.silu(layer.gate(x)) * torch.stack(rows)[None])
        result, _ = layer(x, RetentionState.empty(1, 8, 2))
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "part"),
    [({"width": 30}, "multiple"), ({"decays": (1.0, 2.0, 1.0, 1.0)}, "decay"), ({"look_ahead": (-1,)}, "look-ahead")],
)
def test_impossible_networks_are_refused(changes: dict, part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        replace(LITE, **changes)


def test_a_configuration_survives_being_written() -> None:
    import json

    assert DiarizationConfig.from_dict(json.loads(json.dumps(LITE.as_dict()))) == LITE


def test_profiles_over_a_whole_recording_equal_those_frame_by_frame() -> None:
    """Given the frames that the network itself would have chosen, all at once gives what one by one gives."""
    net = random_net()
    with torch.no_grad():
        net.bias.fill_(-0.5)
        out = net(torch.randn(2, 80, SMALL.splice), 4)
        spoken = alone(out.logits)
        assert spoken.sum() > 5
        again = net.decode(out.embeddings, SMALL.slots, spoken)
    torch.testing.assert_close(again / net.scale, out.logits / net.scale, rtol=0, atol=1e-5)


def test_a_frame_counts_for_its_speaker_alone() -> None:
    probabilities = torch.tensor(
        [
            [0.1, 0.9, 0.2, 0.0],  # one speaks
            [0.1, 0.9, 0.8, 0.0],  # two do
            [0.8, 0.3, 0.2, 0.0],  # nobody
            [0.2, 0.3, 0.4, 0.0],  # somebody, whom no slot claims
        ]
    )
    counted = alone(torch.logit(probabilities.clamp(1e-6, 1 - 1e-6))[None])[0]
    expected = torch.tensor([[0, 0.9, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0.4, 0]])
    torch.testing.assert_close(counted, expected)
