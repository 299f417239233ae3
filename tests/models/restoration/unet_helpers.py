"""Small U-Nets, and the whole system with them, whose outputs are of the order of one, so that differences show."""

from __future__ import annotations

import torch

from duplex.models.restoration.buffered import BufferedRestorer
from duplex.models.restoration.published import PublishedConfig, build_networks
from duplex.models.restoration.solvers import Tableau, euler
from duplex.models.restoration.unet import CausalNCSNpp, UNetConfig
from duplex.models.restoration.unet_layers import CausalConv2d, SubbandBatchNorm, fan_average_


def enliven(network: CausalNCSNpp, seed: int = 0) -> CausalNCSNpp:
    """Gains of one instead of 1e-5 at the ends of the blocks, and statistics that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for module in network.modules():
            if isinstance(module, CausalConv2d):
                fan_average_(module.weight)
            if isinstance(module, SubbandBatchNorm):
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0, 0.1, generator=generator)
    return network.eval()


def small(seed: int = 0, **changes: object) -> CausalNCSNpp:
    torch.manual_seed(seed)
    return enliven(CausalNCSNpp(UNetConfig(**{"width": 8, "bins": 64} | changes)), seed)


def small_restorer(task: str = "enhance", solver: Tableau | None = None, seed: int = 0, **changes: object):
    """The published system in miniature, with gains of one."""
    config = PublishedConfig(**{"task": task, "width": 4, "multipliers": (1, 2), "blocks": 1, "sigma": 0.1} | changes)
    torch.manual_seed(0)
    predictor, flow = build_networks(config)
    if predictor is not None:
        enliven(predictor, 1)
    return BufferedRestorer(predictor, enliven(flow, 2), config, solver or euler(2), seed)
