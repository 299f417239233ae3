"""The lite network: frames equal the whole, nothing from the future, state of constant size, identity at the start."""

from __future__ import annotations

import pytest
import torch

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.lite import LiteNet

SMALL = {"channels": 16, "blocks": 2, "hidden": 16, "wide": 24}


@pytest.fixture(params=["gru", "global"])
def net(request: pytest.FixtureRequest) -> LiteNet:
    torch.manual_seed(0)
    return LiteNet(LiteConfig(across=request.param, **SMALL)).eval()


def inputs(net: LiteNet, frames: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn(batch, frames, net.config.bins, 2, generator=generator)
    point = noisy + 0.1 * torch.randn(noisy.shape, generator=generator)
    conditions = net.conditions(torch.linspace(0, 0.5, batch), torch.arange(batch))
    return noisy, point, conditions


@torch.no_grad()
def test_frame_by_frame_equals_the_whole(net: LiteNet) -> None:
    noisy, point, conditions = inputs(net, 20)
    whole, last = net(noisy, point, conditions, net.initial_state(2))
    state, outs = net.initial_state(2), []
    for n in range(20):
        out, state = net(noisy[:, n : n + 1], point[:, n : n + 1], conditions, state)
        outs.append(out)
    torch.testing.assert_close(torch.cat(outs, 1), whole, atol=1e-5, rtol=0)
    for name, tensor in state.items():
        assert tensor.shape == net.initial_state(2)[name].shape
        torch.testing.assert_close(tensor, last[name], atol=1e-5, rtol=0)


@torch.no_grad()
def test_no_frame_knows_a_later_one(net: LiteNet) -> None:
    noisy, point, conditions = inputs(net, 20)
    before, _ = net(noisy, point, conditions, net.initial_state(2))
    noisy[:, 12:] = 100
    after, _ = net(noisy, point, conditions, net.initial_state(2))
    torch.testing.assert_close(after[:, :12], before[:, :12], atol=0, rtol=0)
    assert not torch.allclose(after[:, 12:], before[:, 12:])


@torch.no_grad()
def test_streams_of_a_batch_do_not_mix(net: LiteNet) -> None:
    noisy, point, conditions = inputs(net, 6)
    both, _ = net(noisy, point, conditions, net.initial_state(2))
    alone, _ = net(noisy[1:], point[1:], conditions[1:], net.initial_state(1))
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_starts_close_to_the_identity(net: LiteNet) -> None:
    noisy, point, conditions = inputs(net, 6)
    out, _ = net(noisy, point, conditions, net.initial_state(2))
    assert (out - noisy).square().mean() < 0.2 * noisy.square().mean()


def test_time_and_task_reach_the_output(net: LiteNet) -> None:
    for parameter in net.condition.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    noisy, point, _ = inputs(net, 4, batch=1)
    seen = []
    for t, task in ((0.0, "auto"), (0.5, "auto"), (0.0, "codec")):
        conditions = net.conditions(torch.tensor([t]), torch.tensor([TASKS.index(task)]))
        seen.append(net(noisy, point, conditions, net.initial_state(1))[0].detach())
    assert not torch.allclose(seen[0], seen[1]) and not torch.allclose(seen[0], seen[2])


def test_every_weight_is_trained() -> None:
    net = LiteNet(LiteConfig(**SMALL))
    torch.nn.init.normal_(net.condition[1].weight, std=0.1)
    noisy, point, _ = inputs(net, 4)
    conditions = net.conditions(torch.tensor([0.0, 0.5]), torch.tensor([0, 1]))
    net(noisy, point, conditions, net.initial_state(2))[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_the_configuration_survives_storing() -> None:
    config = LiteConfig(across="global", channels=20)
    assert LiteConfig.from_dict(config.to_dict()) == config
    assert LiteConfig().band_count == 32 and sum(n * w for n, w in LiteConfig().bands) == LiteConfig().bins
