"""The U-Net's topology by its published figures, and that a stream and a whole signal give the same."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from duplex.models.restoration.unet import CausalNCSNpp, ResidualBlock, UNetConfig
from duplex.models.restoration.unet_layers import CausalConv, SubbandBatchNorm, double_bins, halve_bins
from duplex.streaming.errors import SettingsError
from tests.models.restoration.unet_helpers import enliven, small


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def macs_per_frame(network: CausalNCSNpp) -> int:
    """Multiply-accumulates of all operations for one more frame, the time embedding aside."""
    config = network.config
    with torch.no_grad():
        state, biases = network.initial_state(), network.condition(torch.zeros(1))
        with FlopCounterMode(display=False) as counter:
            network.step(torch.zeros(1, config.in_channels, 1, config.bins), state, biases)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (UNetConfig(), 27.896),
        (UNetConfig(in_channels=6), 27.899),
        (UNetConfig(in_channels=2, timed=False), 24.609),
        (UNetConfig(blocks=1), 19.28),
    ],
    ids=["flow", "flow after a predictor", "predictor", "ablation: one block"],
)
def test_parameters_are_those_published(config: UNetConfig, millions: float) -> None:
    assert parameters(CausalNCSNpp(config)) / 1e6 == pytest.approx(millions, abs=0.005 if config.blocks == 1 else 5e-4)


def test_there_are_25_residual_blocks() -> None:
    assert sum(isinstance(module, ResidualBlock) for module in CausalNCSNpp(UNetConfig(width=4)).modules()) == 25


def test_one_frame_costs_2_25_gmac() -> None:
    assert macs_per_frame(CausalNCSNpp().eval()) / 1e9 == pytest.approx(2.25, abs=0.005)


def test_state_is_smaller_than_the_published_buffers_and_constant() -> None:
    """The published code buffers each convolution's whole window, the current frame and 1 x 1 ones included: 4.03 M
    floats. What a stream must remember is the past alone."""
    network = CausalNCSNpp().eval()
    state = network.initial_state()
    windows = sum(c.in_channels * (2 * c.dilation + 1) * c.bins for c in network.modules() if isinstance(c, CausalConv))
    blocks = [
        module for module in network.modules() if isinstance(module, ResidualBlock) and module.shortcut is not None
    ]
    shortcuts = sum(block.shortcut.in_channels * block.conv_in.bins for block in blocks)
    pyramid = sum(network.config.in_channels * bins for bins in (128, 64, 32))
    assert (windows + shortcuts + pyramid) / 1e6 == pytest.approx(4.03, abs=0.005)
    assert sum(past.numel() for past in state) == 2_557_952

    with torch.no_grad():
        _, after = network.step(torch.randn(1, 4, 1, 256), state, network.condition(torch.zeros(1)))
    assert [past.shape for past in after] == [past.shape for past in state]


def test_receptive_field_is_110_past_frames_and_no_future_one() -> None:
    """By gradients in double precision: exact zeros outside."""
    network = small(width=4, bins=32).double()
    frames, at = 125, 118
    x = torch.randn(1, 4, frames, 32, dtype=torch.float64, requires_grad=True)
    network(x, torch.full((1,), 0.5, dtype=torch.float64))[:, :, at].abs().sum().backward()
    reached = x.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert (reached.min().item(), reached.max().item()) == (at - 110, at)
    assert len(reached) == 111


def stream(network: CausalNCSNpp, x: torch.Tensor, t: torch.Tensor | None, cuts: list[int]) -> torch.Tensor:
    state, biases = network.initial_state(len(x)), network.condition(t)
    outs = []
    for chunk in x.tensor_split(cuts, dim=2):
        if chunk.shape[2]:
            out, state = network.step(chunk, state, biases)
            outs.append(out)
    return torch.cat(outs, dim=2)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 23), max_size=6).map(sorted), seed=st.integers(0, 99))
@torch.no_grad()
def test_any_chunking_equals_the_whole(cuts: list[int], seed: int) -> None:
    network = small(seed)
    x, t = torch.randn(2, 4, 24, 64), torch.rand(2)
    whole = network(x, t)
    assert whole.std() > 0.1
    torch.testing.assert_close(stream(network, x, t, cuts), whole, atol=1e-5, rtol=0)


@torch.no_grad()
def test_frame_by_frame_equals_the_whole_past_the_receptive_field() -> None:
    network = small(timed=False, in_channels=2)
    x = torch.randn(1, 2, 150, 64)
    torch.testing.assert_close(stream(network, x, None, list(range(1, 150))), network(x), atol=1e-5, rtol=0)


@pytest.mark.slow
@torch.no_grad()
def test_frame_by_frame_equals_the_whole_at_full_size() -> None:
    network = enliven(CausalNCSNpp())
    x, t = torch.randn(1, 4, 3, 256), torch.full((1,), 0.25)
    whole = network(x, t)
    assert whole.std() > 0.1
    torch.testing.assert_close(stream(network, x, t, [1, 2]), whole, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_state_can_be_kept_and_gone_back_to() -> None:
    network = small()
    x, biases = torch.randn(1, 4, 3, 64), network.condition(torch.zeros(1))
    _, kept = network.step(x[:, :, :1], network.initial_state(), biases)
    first, _ = network.step(x[:, :, 1:2], kept, biases)
    network.step(x[:, :, 2:], kept, biases)
    again, _ = network.step(x[:, :, 1:2], kept, biases)
    assert torch.equal(first, again)


@torch.no_grad()
def test_streams_of_a_batch_do_not_hear_each_other() -> None:
    network = small()
    x, t = torch.randn(3, 4, 6, 64), torch.rand(3)
    torch.testing.assert_close(network(x, t)[1:2], network(x[1:2], t[1:2]), atol=1e-5, rtol=0)


@torch.no_grad()
def test_time_matters_to_the_flow_network() -> None:
    network = small()
    x = torch.randn(1, 4, 4, 64)
    assert (network(x, torch.zeros(1)) - network(x, torch.ones(1))).abs().max() > 1e-3


@torch.no_grad()
def test_the_step_is_one_graph() -> None:
    """Nothing in it breaks torch.compile, which a GPU needs for real time."""
    network = small(width=4, blocks=1, bins=32)
    compiled = torch.compile(network.step, fullgraph=True, backend="eager")
    x, biases = torch.randn(1, 4, 1, 32), network.condition(torch.zeros(1))
    _, state = network.step(x, network.initial_state(), biases)
    torch.testing.assert_close(compiled(x, state, biases)[0], network.step(x, state, biases)[0])


def test_normalisation_in_training_is_per_group_and_subband() -> None:
    norm = SubbandBatchNorm(16, subbands=4)
    assert norm.groups == 4
    scale = torch.tensor([1.0, 3.0, 0.5, 10.0]).repeat_interleave(8)
    x = torch.randn(3, 16, 20, 32) * scale + scale
    out = norm.train()(x)
    groups = out.unflatten(1, (4, 4)).unflatten(-1, (4, 8))
    torch.testing.assert_close(groups.mean(dim=(0, 2, 3, 5)), torch.zeros(4, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(groups.var(dim=(0, 2, 3, 5), correction=0), torch.ones(4, 4), atol=1e-3, rtol=0)

    blocks = x.unflatten(1, (4, 4)).unflatten(-1, (4, 8))
    torch.testing.assert_close(norm.running_mean, 0.1 * blocks.mean(dim=(0, 2, 3, 5)))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * blocks.var(dim=(0, 2, 3, 5), correction=0))


def test_normalisation_at_inference_uses_the_running_statistics() -> None:
    norm = SubbandBatchNorm(8, subbands=4).eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    x = torch.randn(2, 8, 3, 16)
    mean, var = (
        s.repeat_interleave(4, 0).repeat_interleave(4, 1)[:, None] for s in (norm.running_mean, norm.running_var)
    )
    weight, bias = (p.repeat_interleave(4, 1)[:, None] for p in (norm.weight, norm.bias))
    torch.testing.assert_close(norm(x), (x - mean) / (var + 1e-5).sqrt() * weight + bias, atol=1e-5, rtol=1e-5)


def test_resampling_of_bins_is_the_padded_filter() -> None:
    x = torch.randn(2, 3, 4, 16)
    kernel = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8

    def same(signal: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(signal, (1, 2))
        return (padded.unfold(-1, 4, 1) * kernel).sum(-1)

    torch.testing.assert_close(halve_bins(x), same(x)[..., ::2])
    stuffed = torch.stack((x, torch.zeros_like(x)), dim=-1).flatten(-2)
    torch.testing.assert_close(double_bins(x), same(stuffed))
    assert double_bins(torch.ones(1, 1, 1, 8))[..., :-2].allclose(torch.tensor(0.5))


def test_bins_that_cannot_be_divided_are_refused() -> None:
    with pytest.raises(SettingsError, match="multiple of 32"):
        UNetConfig(bins=257)


def test_every_parameter_gets_a_gradient() -> None:
    network = small().train()
    network(torch.randn(2, 4, 3, 64), torch.rand(2)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
