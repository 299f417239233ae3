"""Network decoupling: exact with all terms, of the published size and cost with four and two."""

from __future__ import annotations

import pytest
import torch

from duplex.models.restoration.decoupling import DecoupledConv2d, decouple
from duplex.models.restoration.unet import CausalNCSNpp
from duplex.models.restoration.unet_layers import CausalConv2d
from duplex.streaming.errors import SettingsError
from tests.models.restoration.test_unet import macs_per_frame, parameters, stream
from tests.models.restoration.unet_helpers import small


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("out_channels", [2, 24])
@torch.no_grad()
def test_all_terms_reproduce_the_convolution(dilation: int, out_channels: int) -> None:
    conv = CausalConv2d(6, out_channels, bins=16, dilation=dilation)
    conv.bias.normal_()
    x = torch.randn(2, 6, 2 * dilation + 5, 16)
    decoupled = DecoupledConv2d.from_full(conv, 9)
    torch.testing.assert_close(decoupled.convolve(x), conv.convolve(x), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_more_terms_come_closer() -> None:
    conv = CausalConv2d(8, 32, bins=16)
    x = torch.randn(1, 8, 7, 16)
    errors = [
        (DecoupledConv2d.from_full(conv, rank).convolve(x) - conv.convolve(x)).square().mean().item()
        for rank in (1, 2, 4, 6, 8)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1 * errors[0]


@torch.no_grad()
def test_a_whole_network_with_all_terms_is_the_same_network() -> None:
    network = small()
    x, t = torch.randn(1, 4, 5, 64), torch.rand(1)
    torch.testing.assert_close(decouple(network, 9)(x, t), network(x, t), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_published_sizes_and_costs() -> None:
    network = CausalNCSNpp().eval()
    for rank, millions, gmacs in ((4, 14.95, 1.077), (2, 9.40, 0.570)):
        decoupled = decouple(network, rank)
        assert parameters(decoupled) / 1e6 == pytest.approx(millions, abs=0.006)
        assert macs_per_frame(decoupled) / 1e9 == pytest.approx(gmacs, abs=0.003)
        assert decoupled.initial_state()[5].shape == network.initial_state()[5].shape


@torch.no_grad()
def test_a_decoupled_network_streams() -> None:
    network = decouple(small(), 4)
    x, t = torch.randn(1, 4, 9, 64), torch.rand(1)
    torch.testing.assert_close(stream(network, x, t, [1, 2, 6]), network(x, t), atol=1e-5, rtol=0)


def test_the_original_is_left_alone_and_the_copy_can_be_trained() -> None:
    network = small()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    decoupled = decouple(network, 2).train()
    decoupled(torch.randn(1, 4, 3, 64), torch.rand(1)).square().sum().backward()
    assert all(p.grad is not None for p in decoupled.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_no_terms_are_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        decouple(small(), 0)
