"""What every worker is told: the models and options of a cohort, and one case at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cohort.results.records import CaseRecord, ModelSettings, Outcome, State
from LandmarkDetectionLib.cohort.run.hashing import model_digest
from LandmarkDetectionLib.cohort.sources.case_source import CaseSource
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import load_model, validate_model

#: Processes that end over a case before it is set aside.
MOST_CRASHES = 2


@dataclass(frozen=True)
class PlannedModel:
    """A model as workers find it.

    Attributes
    ----------
    path
        Its folder, which every worker must see.
    settings
        What the records say of it.
    """

    path: Path
    settings: ModelSettings


@dataclass(frozen=True)
class Plan:
    """What is done to every case.

    Attributes
    ----------
    folder
        Of the results; every worker must see it.
    models
        What runs, in this order.
    options
        Of ``detectors.dispatch.detect``: threshold, depth, side; only those that were given.
    device
        "auto", "cpu" or "cuda".
    identifiers
        Whether records name their source.
    pictures
        Whether overlay pictures are drawn.
    retry
        Whether what failed or was set aside is tried again.
    rehash
        Whether files are hashed even when the file system says that they are unchanged.
    batch
        Most images that a network sees at once; 0 for 1 on processors and 8 on graphics processors.
    threads
        Of PyTorch in every process; 0 leaves it alone.
    session
        Of one client, from its start to its end.
    program
        Version, which must be that of the workers.
    """

    folder: Path
    models: tuple[PlannedModel, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    identifiers: bool = False
    pictures: bool = True
    retry: bool = False
    rehash: bool = False
    batch: int = 0
    threads: int = 1
    session: str = ""
    program: str = __version__


@dataclass(frozen=True)
class Job:
    """One case and its name."""

    key: str
    case: CaseSource


@dataclass(frozen=True)
class Ending:
    """What a worker says of a case: little, as everything is in its record.

    Attributes
    ----------
    key, state, reason
        As in the record.
    seconds
        That it took; 0 when nothing had to be done again.
    """

    key: str
    state: State
    reason: str = ""
    seconds: float = 0.0


def plan_models(names: Sequence[str]) -> tuple[PlannedModel, ...]:
    """Read and check models by name or folder.

    Raises
    ------
    ModelError
        One is unknown or broken, or two have the same name.
    """

    planned = []
    for name in names:
        model = load_model(name)
        if problems := validate_model(model.path):
            raise ModelError(f"{model.path} is not a usable model: {problems[0]}")
        settings = ModelSettings(model.name, model.version, model_digest(model), model.protocol.name)
        planned.append(PlannedModel(model.path, settings))
    if len({one.settings.name for one in planned}) < len(planned):
        raise ModelError("Two of the models have the same name; give each of them once.")
    return tuple(planned)


def recipe_of(plan: Plan, model: PlannedModel, case: CaseSource) -> str:
    """Digest of everything beside the image that the result depends on."""
    row = case.listed
    own = [case.side, list(row.spacing) if row else [], len(row.images) if row else 1]
    text = json.dumps([model.settings.digest, dict(plan.options), own], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def kept_outcomes(plan: Plan, job: Job, record: CaseRecord | None) -> dict[str, Outcome]:
    """Outcomes of a record, by model, that stand as long as the files are the same."""
    if record is None or not record.digest:
        return {}
    kept = {}
    for model in plan.models:
        outcome = record.outcome(model.settings.name)
        if outcome is None or outcome.recipe != recipe_of(plan, model, job.case):
            continue
        if outcome.state is State.DONE or not plan.retry:
            kept[outcome.model] = outcome
    return kept
