"""A training run on synthetic bodies or hands, and its result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.training.loop import fit, load_final_weights, read_run
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig
from LandmarkDetectionLib.typing import Progress

VALIDATION_SEED = 1_000_000  # training seeds lie below
VALIDATION_BATCHES, VALIDATION_BATCH_SIZE = 4, 64


def landmark_names(config: TrainingConfig) -> tuple[str, ...]:
    """The landmarks a config trains, in the protocol's order.

    Raises
    ------
    InputError
        When the config names landmarks that the protocol lacks.
    """
    names = tuple(load_protocol(config.protocol).names)
    if config.landmarks is None:
        return names
    unknown = sorted(set(config.landmarks) - set(names))
    if unknown:
        raise InputError(f"The protocol {config.protocol!r} has no landmark {', '.join(unknown)}.")
    return tuple(name for name in names if name in config.landmarks)


def train(
    config: TrainingConfig,
    out: str | Path,
    *,
    resume: bool = True,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Train and keep it in a folder: config.json, checkpoint.pt, log (TensorBoard), pictures, metrics.jsonl.

    A folder that holds a run with the same config is resumed where it stopped; one with another config is
    refused.

    Parameters
    ----------
    out : path
        Folder of the run; made when missing.
    device : {"auto", "cpu", "cuda"}
    devices, num_nodes : int
        Handed to Lightning Fabric; under torchrun each process takes its part of the stream.
    progress : callable, optional
        Called with the fraction done and a text with losses and time left.
    cancelled : callable, optional
        Asked after every step; a cancelled run leaves a checkpoint.

    Returns
    -------
    Path
        The finished checkpoint.

    Raises
    ------
    InputError
        When the folder holds a run with another config.
    ModelError
        When the config names a model to begin with that is missing or does not fit.
    OutputError
        When the folder cannot be written.
    Cancelled
        When ``cancelled`` said so.
    """
    from LandmarkDetectionLib.training.synthetic.start import begin_with
    from LandmarkDetectionLib.training.synthetic.tasks import make_stream, make_task

    names = landmark_names(config)
    start = load_model(config.start) if config.start is not None else None

    def begun() -> Any:
        task = make_task(config, len(names))
        if start is not None:
            begin_with(task, names, start, config.stage)
        return task

    task = begun()
    validation = make_stream(config, names, task.framing, VALIDATION_SEED, VALIDATION_BATCH_SIZE)
    return fit(
        config,
        out,
        make_task=begun,
        stream=make_stream(config, names, task.framing, config.seed, config.batch_size),
        held_out=lambda: [validation.batch(n) for n in range(VALIDATION_BATCHES)],
        names=names,
        resume=resume,
        device=device,
        devices=devices,
        num_nodes=num_nodes,
        progress=progress,
        cancelled=cancelled,
    )


def trained_networks(run: str | Path) -> tuple[TrainingConfig, tuple[str, ...], Any]:
    """Config, landmark names and the task with its final (averaged) weights, in evaluation mode.

    Raises
    ------
    InputError
        When the folder holds no finished run.
    """
    from LandmarkDetectionLib.training.synthetic.tasks import make_task

    config, state = read_run(run, TrainingConfig)
    names = tuple(state["names"])
    task = make_task(config, len(names))
    load_final_weights(task, state)
    return config, names, task
