"""Networks that stay in memory and see the images of several cases at once.

Every case runs in a thread of its own, so that one is read while another is projected. A thread that calls
a network waits for the answer; :class:`BatchedNetwork` answers the calls that wait together in one go, and
gives each thread its part. Detectors do not notice.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from LandmarkDetectionLib.models import Model

if TYPE_CHECKING:
    import torch

#: How long the first call waits for others, in s: far less than a network takes, far more than a hand-over.
WAIT_SECONDS = 0.004


class _Call(NamedTuple):
    """A call that waits: its image, how PyTorch was set up around it, and where the answer goes."""

    image: torch.Tensor
    setting: tuple[Any, ...]
    answer: Future[Any]


class BatchedNetwork:
    """A network that answers calls from several threads together.

    Parameters
    ----------
    network
        On its device, in evaluation mode. Its first argument and all tensors it returns have the batch in
        front.
    largest
        Most images in one go. 1 passes every call on at once, in the thread that makes it.
    """

    def __init__(self, network: torch.nn.Module, largest: int) -> None:
        self._network = network
        self._largest = largest
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._left: _Call | None = None
        if largest > 1:
            threading.Thread(target=self._answer, name="network", daemon=True).start()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def __call__(self, image: torch.Tensor) -> Any:
        """The network's answer for images (B, ...)."""
        if self._largest == 1 or len(image) >= self._largest:
            return self._network(image)
        call = _Call(image, _setting(image), Future())
        self._calls.put(call)
        return call.answer.result()

    def _answer(self) -> None:
        while True:
            calls = self._waiting()
            try:
                answers = self._together(calls)
            except Exception as problem:
                for call in calls:
                    call.answer.set_exception(problem)
                continue
            for call, answer in zip(calls, answers, strict=True):
                call.answer.set_result(answer)

    def _waiting(self) -> list[_Call]:
        """The next call and those that fit to it; one that does not fit comes first the next time."""
        calls = [self._left or self._calls.get()]
        self._left = None
        while sum(len(call.image) for call in calls) < self._largest:
            try:
                call = self._calls.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                break
            size = sum(len(one.image) for one in calls) + len(call.image)
            if call.setting != calls[0].setting or size > self._largest:
                self._left = call
                break
            calls.append(call)
        return calls

    def _together(self, calls: list[_Call]) -> list[Any]:
        import torch

        device, _, _, enabled, dtype = calls[0].setting
        with torch.inference_mode(), torch.autocast(device, dtype, enabled=enabled):
            answer = self._network(torch.cat([call.image for call in calls]))
        parts, start = [], 0
        for call in calls:
            end = start + len(call.image)
            parts.append(_part(answer, slice(start, end)))
            start = end
        return parts


@dataclass(frozen=True)
class ResidentModel(Model):
    """A model whose networks are read once and stay in memory, for several threads.

    See :meth:`of`.
    """

    keep: Callable[[str], dict[str, Any]] | None = None

    @classmethod
    def of(cls, model: Model, largest: int) -> ResidentModel:
        """Keep the networks of a model.

        Parameters
        ----------
        model
            As it was read.
        largest
            Most images that a network sees at once.
        """
        kept: dict[str, dict[str, Any]] = {}
        lock = threading.Lock()

        def networks(device: str) -> dict[str, Any]:
            with lock:
                if device not in kept:
                    built = model.build_networks(device)
                    kept[device] = {name: BatchedNetwork(one, largest) for name, one in built.items()}
                return kept[device]

        return cls(**{one.name: getattr(model, one.name) for one in fields(model)}, keep=networks)

    def build_networks(self, device: str | torch.device = "cpu") -> dict[str, torch.nn.Module]:
        """The networks on a device, built at the first call; raises as ``Model.build_networks``."""
        if self.keep is None:
            return super().build_networks(device)
        return self.keep(str(device))


class Gate:
    """Lets many cases through at once, or one alone: a case that may have ended a process before."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = 0

    @contextlib.contextmanager
    def passing(self, alone: bool) -> Any:
        """Wait until it is allowed, and hold the place for the block."""
        with self._changed:
            if alone:
                self._alone += 1
                self._changed.wait_for(lambda: self._inside == 0)
                self._alone -= 1
            else:
                self._changed.wait_for(lambda: self._inside >= 0 and self._alone == 0)
            self._inside = -1 if alone else self._inside + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside = 0 if alone else self._inside - 1
                self._changed.notify_all()


def _setting(image: torch.Tensor) -> tuple[Any, ...]:
    """What must be the same for images to be looked at together."""
    import torch

    device = image.device.type
    return (
        device,
        tuple(image.shape[1:]),
        image.dtype,
        torch.is_autocast_enabled(device),
        torch.get_autocast_dtype(device),
    )


def _part(answer: Any, rows: slice) -> Any:
    """Some rows of everything that a network returned."""
    if answer is None:
        return None
    if hasattr(answer, "_fields"):
        return type(answer)(*(_part(one, rows) for one in answer))
    if isinstance(answer, tuple | list):
        return type(answer)(_part(one, rows) for one in answer)
    if isinstance(answer, dict):
        return {name: _part(one, rows) for name, one in answer.items()}
    if is_dataclass(answer) and not isinstance(answer, type):
        return replace(answer, **{one.name: _part(getattr(answer, one.name), rows) for one in fields(answer)})
    return answer[rows]
