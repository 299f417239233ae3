"""Weight compression by network decoupling (Guo et al. 2018, arXiv 1808.05517, section 3), as in Stream.FM.

A k x k convolution is exactly a sum over r <= min(out, k x k) of a depth-wise convolution followed by a point-wise
one; keeping the K largest terms of each input channel's singular value decomposition is its best approximation in the
least-squares sense. A few thousand steps of fine-tuning make up for what is lost.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from duplex.models.restoration.unet import CausalNCSNpp
from duplex.models.restoration.unet_layers import CausalConv, CausalConv2d
from duplex.streaming.errors import SettingsError


class DecoupledConv2d(CausalConv):
    """K depth-wise 3 x 3 filters for each input channel, then one point-wise convolution over all of their outputs.

    depthwise: (in x K, 1, 3, 3), the K filters of a channel side by side; pointwise: (out, in x K, 1, 1).
    """

    def __init__(self, in_channels: int, out_channels: int, bins: int, dilation: int, rank: int) -> None:
        super().__init__(in_channels, out_channels, bins, dilation)
        self.depthwise = nn.Parameter(torch.zeros(in_channels * rank, 1, 3, 3))
        self.pointwise = nn.Parameter(torch.zeros(out_channels, in_channels * rank, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    @classmethod
    def from_full(cls, conv: CausalConv2d, rank: int) -> DecoupledConv2d:
        """The best approximation of `conv` with `rank` terms, exact if rank is min(out, 9); more is cut to that."""
        rank = min(rank, conv.out_channels, 9)
        decoupled = cls(conv.in_channels, conv.out_channels, conv.bins, conv.dilation, rank).to(conv.weight)
        with torch.no_grad():
            filters = conv.weight.transpose(0, 1).flatten(2)  # (in, out, 9)
            outer, gain, inner = torch.linalg.svd(filters, full_matrices=False)
            root = gain[:, :rank].sqrt()
            decoupled.depthwise.copy_((root[:, :, None] * inner[:, :rank]).reshape(-1, 1, 3, 3))
            decoupled.pointwise.copy_((outer[:, :, :rank] * root[:, None]).transpose(0, 1).flatten(1)[..., None, None])
            decoupled.bias.copy_(conv.bias)
        return decoupled

    def convolve(self, x: Tensor) -> Tensor:
        dilation = (self.dilation, 1)
        terms = F.conv2d(x, self.depthwise, padding=(0, 1), dilation=dilation, groups=self.in_channels)
        return F.conv2d(terms, self.pointwise, self.bias)


def decouple(network: CausalNCSNpp, rank: int) -> CausalNCSNpp:
    """A copy of `network` with every 3 x 3 convolution replaced by its `rank` largest terms.

    Published: rank 4, fine-tuned for 25k steps at learning rate 5e-5. Raises SettingsError if rank is not positive.
    """
    if rank < 1:
        raise SettingsError(f"network decoupling: rank must be at least 1, not {rank}")
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, CausalConv2d):
                setattr(parent, name, DecoupledConv2d.from_full(child, rank))
    return network
