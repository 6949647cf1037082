"""Train a network by regression on images and targets, from memory or from a stream; resumable."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.networks.arithmetic import computes_bfloat16, memory_format
from LandmarkDetectionLib.study.schedules import Schedule
from LandmarkDetectionLib.training.loop import prefetch
from LandmarkDetectionLib.typing import Array, Progress

if TYPE_CHECKING:
    import torch


class Source(Protocol):
    """Where batches come from; batch ``number`` is always the same, so that a training can go on."""

    @property
    def per_epoch(self) -> int:
        """Batches in one epoch."""
        ...

    def batch(self, number: int) -> tuple[Array, Array]:
        """Images (B, H, W) and targets (B, T)."""
        ...


@dataclass
class ArraySource:
    """Batches of arrays in memory, in another order every epoch.

    Parameters
    ----------
    patches : (N, H, W)
    targets : (N, T)
    batch_size : int
    seed : int
    """

    patches: Array
    targets: Array
    batch_size: int
    seed: int = 0
    _order: tuple[int, Array] = field(default=(-1, np.empty(0)), repr=False)

    @property
    def per_epoch(self) -> int:
        """Batches in one epoch; the last one may be smaller."""
        return -(-len(self.patches) // self.batch_size)

    def batch(self, number: int) -> tuple[Array, Array]:
        """Images (B, H, W) and targets (B, T)."""
        epoch, place = divmod(number, self.per_epoch)
        if self._order[0] != epoch:
            rng = np.random.default_rng(np.random.SeedSequence([self.seed, epoch]))
            self._order = (epoch, rng.permutation(len(self.patches)))
        chosen = self._order[1][place * self.batch_size : (place + 1) * self.batch_size]
        return self.patches[chosen], self.targets[chosen]


def fit_network(
    network: torch.nn.Module,
    source: Source,
    schedule: Schedule,
    *,
    seed: int = 0,
    device: str = "cpu",
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 120.0,
    ahead: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> torch.nn.Module:
    """Minimise half the mean squared L2 norm of the error (Riegler et al. 2015, eq. 2).

    Parameters
    ----------
    network : torch.nn.Module
        From images (B, 1, H, W) to (B, T); trained in place and moved to ``device``.
    source : Source
    schedule : Schedule
    seed : int
        Of the dropout.
    device : str
        Of torch.
    checkpoint : Path, optional
        File to keep the state in every ``checkpoint_seconds``; when it exists, the training goes on from it
        with the same result. Removed at the end.
    ahead : bool
        Draw batches in a thread of its own.
    progress : callable, optional
        Called with the fraction done and a text.
    cancelled : callable, optional
        Asked after every step; the state is kept then.

    Returns
    -------
    torch.nn.Module
        The network, in evaluation mode.

    Raises
    ------
    Cancelled
        When ``cancelled`` said so.
    InputError
        When the checkpoint is of another training.
    """
    import torch

    network = network.to(device=torch.device(device), memory_format=memory_format())  # type: ignore[call-overload]
    optimiser = _optimiser(network, schedule)
    steps, step, saved = schedule.epochs * source.per_epoch, 0, time.monotonic()
    cuda_devices = [torch.device(device).index or 0] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=cuda_devices):
        torch.manual_seed(seed)
        if checkpoint is not None and checkpoint.exists():
            step = _restore(checkpoint, network, optimiser, steps, device)
        network.train()
        numbers = iter(range(step, steps))
        batches = prefetch(source, numbers) if ahead else map(source.batch, numbers)
        for images, targets in batches:
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate(step, source.per_epoch)
            loss = _step(
                network, optimiser, _tensor(images, device)[:, None], _tensor(targets, device), schedule
            )
            step += 1
            stop = cancelled is not None and cancelled()
            if checkpoint is not None and (stop or time.monotonic() - saved > checkpoint_seconds):
                _save(checkpoint, step, steps, network, optimiser)
                saved = time.monotonic()
            if stop:
                raise Cancelled(f"Training stopped after step {step} of {steps}; run it again to go on.")
            if progress is not None and (step % 10 == 0 or step == steps):
                progress(step / steps, f"step {step}/{steps}, loss {float(loss):.5f}")
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return network.eval()


def predict_network(network: torch.nn.Module, patches: Array, batch_size: int = 256) -> Array:
    """Outputs (N, T) float32 of a network for patches (N, H, W)."""
    import torch

    device = next(network.parameters()).device
    network.eval()
    with torch.inference_mode():
        parts = [
            network(_tensor(patches[start : start + batch_size], device)[:, None]).float().cpu().numpy()
            for start in range(0, len(patches), batch_size)
        ]
    return np.concatenate(parts)


def _step(
    network: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    images: torch.Tensor,
    targets: torch.Tensor,
    schedule: Schedule,
) -> torch.Tensor:
    import torch

    optimiser.zero_grad()
    mixed = schedule.precision == "bf16-mixed" and computes_bfloat16(images.device.type)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=mixed):
        outputs = network(images.contiguous(memory_format=memory_format()))
    loss = 0.5 * ((outputs.float() - targets) ** 2).sum(1).mean()
    loss.backward()
    optimiser.step()
    return loss.detach()


def _optimiser(network: torch.nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    import torch

    rate, decay = schedule.learning_rate, schedule.weight_decay
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(
            network.parameters(), lr=rate, momentum=schedule.momentum, weight_decay=decay, fused=True
        )
    return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)


def _tensor(array: Array, device: Any) -> torch.Tensor:
    import torch

    # Moved as it is: a silhouette is a quarter of its floats.
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True).float()


def _save(path: Path, step: int, steps: int, network: Any, optimiser: Any) -> None:
    import torch

    state = {
        "step": step,
        "steps": steps,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "torch_random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    with atomic_write(path) as temporary:
        torch.save(state, temporary)


def _restore(path: Path, network: Any, optimiser: Any, steps: int, device: str) -> int:
    import torch

    state = torch.load(path, map_location=device, weights_only=True)
    if state["steps"] != steps:
        raise InputError(f"{path} was kept by a training of another length; remove it to start anew.")
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["torch_random"].cpu())
    if device.startswith("cuda"):
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda_random"]])
    return int(state["step"])
