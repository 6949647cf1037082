"""Layers that work around others' defects."""

import pytest
import torch

from LandmarkDetectionLib.networks.layers import convolution


def leave_nan_in_memory() -> None:
    """What is allocated next and not set holds NaN rather than zeros."""
    blocks = [torch.full((4**n,), float("nan")) for n in range(3, 10)]
    del blocks


@pytest.mark.parametrize(("kernel", "size"), [(3, 1), (3, 2), (3, 4), (5, 3), (5, 4), (5, 5), (7, 4)])
def test_gradients_in_mixed_precision_are_those_of_float32_however_small_the_image(
    kernel: int, size: int
) -> None:
    torch.manual_seed(0)
    layer = convolution(3, 16, 12, kernel)
    image = torch.randn(2, 16, size, size, size)
    layer(image).square().sum().backward()
    assert isinstance(layer.weight.grad, torch.Tensor)
    expected = layer.weight.grad.clone()
    for _ in range(10):
        layer.zero_grad()
        leave_nan_in_memory()
        with torch.autocast("cpu", torch.bfloat16):
            output = layer(image)
        leave_nan_in_memory()
        output.float().square().sum().backward()
        # bfloat16 keeps three digits.
        torch.testing.assert_close(
            layer.weight.grad, expected, atol=0.03 * float(expected.abs().max()), rtol=0
        )
