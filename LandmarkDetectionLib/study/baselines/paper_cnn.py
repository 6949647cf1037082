"""CNN of Riegler et al. 2015: trained on synthetic patches, on medical ones, or on one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.study.fit_arrays import ArraySource, Source, fit_network, predict_network
from LandmarkDetectionLib.study.schedules import Schedule
from LandmarkDetectionLib.typing import Array


@dataclass
class PaperCNN:
    """The six-layer network, as an estimator.

    Parameters
    ----------
    schedule : Schedule
    start : Path, optional
        Weights to start from (fine-tuning); fresh ones when None.
    seed : int
        Of fresh weights, order and dropout.
    device : str
        Of torch.
    threads : int, optional
        CPU threads; as torch has it when None.
    checkpoint : Path, optional
        File that keeps an unfinished training.
    progress, cancelled : callable, optional
        Of ``fit_arrays.fit_network``.
    """

    schedule: Schedule
    start: Path | None = None
    seed: int = 0
    device: str = "cpu"
    threads: int | None = None
    checkpoint: Path | None = None
    progress: Callable[[float, str], None] | None = field(default=None, repr=False)
    cancelled: Callable[[], bool] | None = field(default=None, repr=False)
    network_: Any = field(default=None, repr=False)

    def fit(self, patches: Array, targets: Array) -> PaperCNN:
        """Train on patches (N, H, W) and targets (N, T)."""

        targets = np.asarray(targets, np.float32)
        source = ArraySource(patches, targets, self.schedule.batch_size, self.seed)
        rows, columns = patches.shape[1:]
        network = self._network(rows, columns, targets.shape[1])
        if self.schedule.recentre:
            _recentre(network, patches, targets)
        return self._fit(network, source, ahead=False)

    def fit_source(
        self, source: Source, rows: int, columns: int, outputs: int, ahead: bool = False
    ) -> PaperCNN:
        """Train on batches of a stream; ``ahead`` draws them in a thread of its own."""
        return self._fit(self._network(rows, columns, outputs), source, ahead)

    def _network(self, rows: int, columns: int, outputs: int) -> Any:
        import torch

        from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN

        if self.start is not None:
            return load_network(self.start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return RegressionCNN(outputs, rows, columns)

    def _fit(self, network: Any, source: Source, ahead: bool) -> PaperCNN:

        with _torch_threads(self.threads):
            self.network_ = fit_network(
                network,
                source,
                self.schedule,
                seed=self.seed,
                device=self.device,
                checkpoint=self.checkpoint,
                ahead=ahead,
                progress=self.progress,
                cancelled=self.cancelled,
            )
        return self

    def predict(self, patches: Array) -> Array:
        """Targets (M, T) of patches (M, H, W)."""

        if self.network_ is None:
            raise ValueError("fit comes before predict")
        return predict_network(self.network_, patches)


@contextmanager
def _torch_threads(count: int | None) -> Iterator[None]:
    """As many threads as asked for, then as before: others of this process round by their number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _recentre(network: Any, patches: Array, targets: Array) -> None:
    """Let the output layer's bias take up the mean error on these patches."""
    import torch

    error = (targets - predict_network(network, patches)).mean(axis=0)
    with torch.no_grad():
        network.regression[-1].bias += torch.from_numpy(error)


def save_network(network: Any, path: Path) -> None:
    """Keep a ``RegressionCNN`` as safetensors with the size it is for."""
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    shape = {name: str(getattr(network, name)) for name in ("outputs", "rows", "columns")}
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata=shape)


def load_network(path: Path) -> Any:
    """The network of :func:`save_network`, on the CPU.

    Raises
    ------
    ModelError
        When the file is missing or no such network.
    """
    from safetensors import SafetensorError, safe_open

    from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN

    try:
        with safe_open(path, framework="pt") as file:
            shape = {name: int(value) for name, value in (file.metadata() or {}).items()}
            state = {name: file.get_tensor(name) for name in file.keys()}
        network = RegressionCNN(**shape)
        network.load_state_dict(state)
    except (OSError, SafetensorError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} holds no network of a study: {error}.") from None
    return network.eval()
