"""Train a heatmap network on annotated images: from a datalist to an installed model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core import shapes
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.training.loop import fit, load_final_weights, open_run, read_run
from LandmarkDetectionLib.training.supervised.cases import CaseFolder, SupervisedCase, prepare_cases
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.plan import Split
from LandmarkDetectionLib.training.supervised.start import begin_with
from LandmarkDetectionLib.training.supervised.stream import SupervisedStream, plain_batches
from LandmarkDetectionLib.training.supervised.task import HeatmapTask, ladder_of
from LandmarkDetectionLib.training.supervised.template import run_template
from LandmarkDetectionLib.typing import Progress

#: Held-out cases that are measured again and again during the training; all of them count at the end.
WATCHED = 24
CASES = "cases"


def train_supervised(
    config: SupervisedConfig,
    datalist: Datalist,
    split: Split,
    out: str | Path,
    *,
    loss: Callable[..., Any] | None = None,
    start: Model | None = None,
    resume: bool = True,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Train and keep it in a folder, as ``train.train`` does; resumable at any moment.

    Held-out cases are measured and pictured while it trains; nothing is chosen by them, the last averaged
    weights are what counts.

    Parameters
    ----------
    config
        From ``plan.plan``.
    datalist, split
        The data.
    out
        Folder of the run; made when missing.
    loss
        A loss of your own, see ``training.supervised.losses``.
    start
        Begin with the weights of this model; the config must be of its network, see ``start.settings_from``.
    device, devices, num_nodes, progress, cancelled
        As in ``train.train``.

    Returns
    -------
    Path
        The finished checkpoint.

    Raises
    ------
    InputError
        The data cannot be used, or the folder holds another run.
    TrainingError
        The training diverges.
    Cancelled
        When ``cancelled`` said so.
    """
    folder = open_run(Path(out), config, resume)
    training, held_out = load_cases(config, split, folder, progress)
    known = np.any([np.isfinite(case.points).all(axis=-1).any(axis=0) for case in training], axis=0)
    if not known.all():
        names = ", ".join(config.landmarks[n] for n in np.flatnonzero(~known))
        raise InputError(
            f"No case to learn from in {datalist.path} has the landmark {names}; leave it out of the files."
        )
    stream = SupervisedStream(
        training,
        config.grid.shape,
        config.batch_size,
        config.augmentation,
        mirror_permutation(datalist.protocol, config.landmarks),
        config.seed,
        config.grey_values,
    )
    return fit(
        config,
        folder,
        make_task=lambda: _first_task(config, loss, start, ladder_of(config, datalist.protocol, training)),
        stream=stream,
        held_out=lambda: plain_batches(held_out[:WATCHED], 4),
        names=config.landmarks,
        resume=resume,
        device=device,
        devices=devices,
        num_nodes=num_nodes,
        progress=progress,
        cancelled=cancelled,
    )


def _first_task(
    config: SupervisedConfig, loss: Callable[..., Any] | None, start: Model | None, ladder: Ladder | None
) -> HeatmapTask:
    task = HeatmapTask(config, loss)
    task.ladder = ladder
    if start is not None:
        begin_with(task, start)
    return task


def load_cases(
    config: SupervisedConfig, split: Split, folder: Path, progress: Progress | None = None
) -> tuple[list[SupervisedCase], list[SupervisedCase]]:
    """Cases to learn from, as many as the config's limit allows, and held out, on the network's grid."""
    architecture, parameters = config.network()
    network: Any = build_network(architecture, **parameters)
    chosen = split.limited(config.limit, config.seed)

    settings = config.grid.settings()
    # How far reading has come is no part of how far training has.
    step = None if progress is None else lambda _fraction, text: progress(0.0, text)
    template = (
        run_template(folder, chosen, config.landmarks, config.raters, settings, network.multiple, step)
        if config.align
        else None
    )

    images = CaseFolder(folder / CASES, settings, network.multiple, template)

    def prepare(cases: Sequence[Case]) -> list[SupervisedCase]:
        return prepare_cases(cases, config.landmarks, config.raters, images, step)

    return prepare(chosen), prepare(split.held_out)


def trained_task(run: str | Path) -> tuple[SupervisedConfig, HeatmapTask]:
    """Config and network of a finished run, in evaluation mode.

    Raises
    ------
    InputError
        The folder holds no finished run on annotated images.
    """
    folder = Path(run)
    if not is_supervised_run(folder):
        raise InputError(f"{folder} holds no training on annotated images.")
    config, state = read_run(folder, SupervisedConfig)
    task = HeatmapTask(config)
    if set(state["task"]) != set(task.state_dict()):
        # A loss of the user's own may have had weights; the network is what is kept.
        kept = {key: value for key, value in state["task"].items() if key.startswith("networks.")}
        state = {**state, "task": {**task.state_dict(), **kept}, "averaged": _only_networks(state, task)}
    load_final_weights(task, state)
    return config, task


def is_supervised_run(folder: Path) -> bool:
    """Whether a folder holds a run of `train_supervised`."""
    file = folder / "config.json"
    return file.is_file() and "architecture" in json.loads(file.read_text())


def mirror_permutation(protocol: Protocol | None, names: tuple[str, ...]) -> np.ndarray:
    """(L,) indices that exchange left and right, for landmarks in a given order."""
    return shapes.mirror_permutation(names, protocol.pairs if protocol is not None else ())


def _only_networks(state: dict[str, Any], task: HeatmapTask) -> dict[str, Any]:
    if not state["averaged"]:
        return {}
    kept = {key: value for key, value in state["averaged"].items() if key.startswith("module.networks.")}
    return {**{f"module.{key}": value for key, value in task.state_dict().items()}, **kept}
