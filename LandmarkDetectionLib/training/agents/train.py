"""Train search agents on annotated volumes, in a folder, resumable at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.training.agents.cases import AgentCase, prepare_cases
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.held_out import mean_start
from LandmarkDetectionLib.training.agents.task import AgentTask, StepNumbers
from LandmarkDetectionLib.training.agents.world import World
from LandmarkDetectionLib.training.loop import fit, load_final_weights, open_run, read_run
from LandmarkDetectionLib.training.supervised.plan import Split
from LandmarkDetectionLib.typing import Progress

#: Held-out cases that are searched again and again during the training; all of them count at the end.
WATCHED = 8
CASES = "cases"


def train_agents(
    config: AgentConfig,
    datalist: Datalist,
    split: Split,
    out: str | Path,
    *,
    resume: bool = True,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Train and keep it in a folder, as ``training.supervised.train.train_supervised`` does.

    Returns
    -------
    Path
        The finished checkpoint.

    Raises
    ------
    InputError
        The data cannot be used, the folder holds another run, or more than one process is asked for: what
        agents remember is not shared.
    TrainingError
        The training diverges.
    Cancelled
        When ``cancelled`` said so.
    """
    if devices > 1 or num_nodes > 1:
        raise InputError("Search agents are trained by one process; choose one device.", about="devices")
    folder = open_run(Path(out), config, resume)
    training, held_out = load_cases(config, split, folder, progress)
    known = np.any([np.isfinite(case.points).all(axis=1) for case in training], axis=0)
    if not known.all():
        names = ", ".join(config.landmarks[n] for n in np.flatnonzero(~known))
        raise InputError(
            f"No case to learn from in {datalist.path} has the landmark {names}; leave it out of the files."
        )
    start = mean_start(training, config)
    return fit(
        config,
        folder,
        make_task=lambda: AgentTask(config, World(training, config), start),
        stream=StepNumbers(),
        held_out=lambda: [held_out[:WATCHED]] if held_out else [],
        names=config.landmarks,
        resume=resume,
        device=device,
        progress=progress,
        cancelled=cancelled,
    )


def load_cases(
    config: AgentConfig, split: Split, folder: Path, progress: Progress | None = None
) -> tuple[list[AgentCase], list[AgentCase]]:
    """Cases to learn from, as many as the config's limit allows, and held out."""
    chosen = split.limited(config.limit, config.seed)
    # How far reading has come is no part of how far training has.
    step = None if progress is None else lambda _fraction, text: progress(0.0, text)

    def prepare(cases: Sequence[Case]) -> list[AgentCase]:
        return prepare_cases(cases, config.landmarks, config.raters, folder / CASES, step)

    return prepare(chosen), prepare(split.held_out)


def trained_agents(run: str | Path) -> tuple[AgentConfig, AgentTask]:
    """Config and networks of a finished run, in evaluation mode.

    Raises
    ------
    InputError
        The folder holds no finished run of agents.
    """
    folder = Path(run)
    if not is_agent_run(folder):
        raise InputError(f"{folder} holds no training of search agents.")
    config, state = read_run(folder, AgentConfig)
    task = AgentTask(config)
    load_final_weights(task, state)
    return config, task


def is_agent_run(folder: Path) -> bool:
    """Whether a folder holds a run of ``train_agents``."""
    file = folder / "config.json"
    return file.is_file() and "agent" in json.loads(file.read_text())
