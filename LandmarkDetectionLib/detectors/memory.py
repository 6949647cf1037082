"""What happens when the memory of the device or of the computer runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from LandmarkDetectionLib.errors import InputError

Result = TypeVar("Result")
NOTE = "The memory of the CUDA device was too small, so the processor was used."


def run_within(run: Callable[[str], Result], device: str, name: str) -> tuple[Result, str]:
    """Run something on a device, again on the processor when the memory of a CUDA device runs out.

    Parameters
    ----------
    run : callable
        Given the torch device.
    device : str
        The torch device to begin with.
    name : str
        Of the volume, for the error.

    Returns
    -------
    result
        What ``run`` gave.
    note : str
        A sentence when it was another device's; otherwise "".

    Raises
    ------
    InputError
        When the computer's own memory runs out.
    """
    if device != "cpu":
        import torch

        from LandmarkDetectionLib.detectors.array_estimates import forget_networks

        try:
            return run(device), ""
        except RuntimeError as problem:
            if not _is_out_of_memory(problem):
                raise
        # Only here is the error gone, and with it the last reference to what fills the memory.
        forget_networks(device)
        torch.cuda.empty_cache()
        return run_within(run, "cpu", name)[0], NOTE
    try:
        return run(device), ""
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and not _is_out_of_memory(problem):
            raise
        raise InputError(
            f"This computer has too little memory left for {name or 'the volume'}; close other programs or "
            "use a coarser or smaller image."
        ) from None


def _is_out_of_memory(problem: Exception) -> bool:
    """Torch has a class for the usual case only (its words are here, too); cuDNN and the processor differ."""
    text = str(problem).lower()
    return any(
        words in text
        for words in ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    )
