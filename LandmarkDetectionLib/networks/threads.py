"""As many of PyTorch's threads as a network's work is worth: for small ones they cost more than they help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

#: Voxels of an image times weights of a network (no fewer than its multiplications) that are worth a thread:
#: about half a second of a core. With less, threads wait for one another, above all on a busy machine.
WORK_PER_THREAD = 250e9

_lock = Lock()
_inside = 0
_usual = 1


def worthwhile_threads(network: Any, voxels: int) -> int:
    """Threads that are worth using for a network's answer to so many voxels, at least one.

    The number depends on nothing but the work, so that the same image gives the same numbers to the last bit
    whatever else the machine does.
    """
    weights = sum(one.numel() for one in network.parameters()) if isinstance(network, torch.nn.Module) else 0
    return max(1, int(voxels * weights / WORK_PER_THREAD))


@contextmanager
def threads_for(network: Any, voxels: int) -> Iterator[None]:
    """Let PyTorch use at most `worthwhile_threads`, and afterwards as many as before.

    The number is one for the whole process: of several detections at a time the first remembers it.
    """
    global _inside, _usual
    with _lock:
        if _inside == 0:
            _usual = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(min(_usual, worthwhile_threads(network, voxels)))
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            torch.set_num_threads(_usual)
