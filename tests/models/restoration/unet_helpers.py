"""Small U-Nets whose outputs are of the order of one, so that differences show."""

from __future__ import annotations

import torch

from models.restoration.unet import CausalNCSNpp, UNetConfig
from models.restoration.unet_layers import CausalConv2d, SubbandBatchNorm, fan_average_


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
