"""In which numbers and in which order of memory networks learn fastest on this machine.

Units for bfloat16 make training several times as fast where they are built in; where they are not, a CPU
imitates them and needs up to twenty times as long as with single precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def computes_bfloat16(device: str) -> bool:
    """Whether a device ("cpu", "cuda" or another type) has units for bfloat16."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if device != "cpu":
        return False
    # torch says it of x86 by a private function that versions before 2.6 do not have; of ARM by oneDNN.
    told = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    if torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return bool(told and told())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def memory_format(dimensions: int = 2) -> torch.memory_format:
    """Order in which images and weights of convolutions lie in memory while they learn.

    Channels last, but for a CPU without units for bfloat16: its gradients of two-dimensional weights take
    five times as long in that order (AVX2, torch 2.13), which costs more than the rest gains.
    """
    import torch

    if dimensions == 3:
        return torch.channels_last_3d
    if torch.cuda.is_available() or computes_bfloat16("cpu"):
        return torch.channels_last
    return torch.contiguous_format
