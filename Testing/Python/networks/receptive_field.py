"""How far an output sees, measured: which inputs its gradient reaches when no weight can cancel another."""

import torch
from torch import Tensor, nn


def made_positive(network: nn.Module) -> nn.Module:
    """Set every weight to the same positive number and every bias to zero: an average in every layer."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network.double().eval()


def field(output: Tensor, image: Tensor) -> tuple[int, ...]:
    """Extent of the inputs that the first landmark's middle cell depends on, first axis first."""
    middle = tuple(size // 2 for size in output.shape[2:])
    (gradient,) = torch.autograd.grad(output[(0, 0, *middle)], image)
    reached = torch.nonzero(gradient[0].abs().sum(0))
    extent = reached.amax(0) - reached.amin(0) + 1
    assert all(n < size for n, size in zip(extent.tolist(), image.shape[2:], strict=True)), (
        "cut by the border"
    )
    return tuple(extent.tolist())
