"""All of a training on annotated images in one call: split, plan, training, package, installation."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.core.protocol import PackageName, Protocol
from LandmarkDetectionLib.datasets.annotations import read_store
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.detectors.settings import RegionSettings
from LandmarkDetectionLib.errors import InputError, NotBetterError
from LandmarkDetectionLib.files import make_folder
from LandmarkDetectionLib.models import Model, install_model, load_model, user_model_folder
from LandmarkDetectionLib.models.learned_from import DataSource, note_data
from LandmarkDetectionLib.models.registry import find_models
from LandmarkDetectionLib.training.agents.presets import AGENT_PRESETS
from LandmarkDetectionLib.training.supervised.cases import digest
from LandmarkDetectionLib.training.supervised.package import package_supervised, quality_of
from LandmarkDetectionLib.training.supervised.plan import PRESET, Split, divide, plan
from LandmarkDetectionLib.training.supervised.quality import TrainingQuality
from LandmarkDetectionLib.training.supervised.start import settings_from, weights_of
from LandmarkDetectionLib.training.supervised.train import train_supervised
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted

RUNS = ".training"


@dataclass(frozen=True)
class MadeModel:
    """What came of a training.

    Attributes
    ----------
    files
        The package, and where it is installed.
    split
        Which cases were learned from, held out and not touched, in one line.
    quality
        Measured on the cases held out.
    installed
        Whether the model is in the user's models now.
    regions
        What its regions promise, in one sentence; empty where nothing was held back.
    """

    files: list[Path]
    split: str
    quality: TrainingQuality
    installed: bool
    regions: str = ""


@dataclass(frozen=True)
class Lessons:
    """What is learned of a data set, and how; see ``plan.divide`` and ``plan.plan``.

    Attributes
    ----------
    preset, changes
        Named settings, those of ``plan.usual_preset`` when None, and what differs from them.
    held_out, learn_from
        Splits.
    raters
        "mean", "all", or one's name.
    limit
        How many cases are learned from; all when None.
    spacing, shape
        Of the network's patch, mm and voxels.
    start
        Name or folder of a model of the same landmarks whose weights the training begins with; its network
        and patch are kept.
    """

    preset: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    held_out: str | None = None
    learn_from: tuple[str, ...] = ()
    raters: str = "mean"
    limit: int | None = None
    spacing: Sequence[float] | None = None
    shape: Sequence[int] | None = None
    start: str | None = None

    @property
    def seed(self) -> int:
        """That of the split and of the training."""
        return int(self.changes.get("seed", 1))


@dataclass(frozen=True)
class NewModel:
    """What a model will be.

    Attributes
    ----------
    name, version
        Of the package.
    protocol
        Of its landmarks; that of the data set when None.
    install
        Also put it into the user's models, and note what it learned from; None does so unless the model is
        hardly better than the mean shape, see ``quality.TrainingQuality``.
    """

    name: str
    version: str = "1.0.0"
    protocol: Protocol | None = None
    install: bool | None = None


def make_model(
    datalist: Datalist,
    lessons: Lessons,
    new: NewModel,
    out: Path,
    *,
    run: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> MadeModel:
    """Train a model, write it to a folder of its name in ``out``, and install it.

    Parameters
    ----------
    datalist, lessons
        What is learned.
    new
        What the model will be.
    out
        Folder of the run; the same call goes on where it stopped.
    run
        Further options of ``train.train_supervised``, or of ``agents.train.train_agents``.
    say
        Told once what is about to happen.
    progress, cancelled
        As in ``train.train``.

    Raises
    ------
    InputError, ModelError, OutputError, TrainingError, Cancelled
        As the steps do.
    """
    make = _agents if lessons.preset in AGENT_PRESETS else _heatmaps
    split = divide(datalist, lessons.held_out, lessons.seed, lessons.learn_from)
    if say is not None:
        say(split.text)
    model = make(datalist, split, lessons, new, out, dict(run or {}), say, progress, cancelled)
    files, quality = [model.path], quality_of(model)
    install = not quality.doubt if new.install is None else new.install
    if install:
        installed = install_model(str(model.path))
        if lessons.limit is None:  # else nobody could tell which cases they were
            path = str(datalist.path.absolute())
            note_data(installed, (DataSource(path, lessons.held_out, lessons.seed, lessons.learn_from),))
        files.append(installed.path)
    return MadeModel(files, split.text, quality, install, _promised(model))


def _promised(model: Model) -> str:
    """What a model's regions promise, in one sentence."""
    regions = model.settings.get("regions")
    return "" if regions is None else RegionSettings.model_validate(regions).text


def _heatmaps(
    datalist: Datalist,
    split: Split,
    lessons: Lessons,
    new: NewModel,
    out: Path,
    run: dict[str, Any],
    say: Callable[[str], None] | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Model:
    """A heatmap network, trained and packaged."""
    start = load_model(lessons.start) if lessons.start is not None else None
    config = plan(
        datalist,
        split,
        # A model that is begun with brings its own network.
        lessons.preset or (None if start is None else PRESET),
        spacing=lessons.spacing,
        shape=lessons.shape,
        raters=lessons.raters,
        limit=lessons.limit,
        changes=_begun(start, datalist) | dict(lessons.changes),
        # How far looking has come is no part of how far training has.
        progress=None if progress is None else lambda _share, text: progress(0.0, text),
    )
    if say is not None:
        voxels = "whole image" if config.grid.spacing is None else f"cells of {config.grid.spacing[0]:g}"
        canvas = f"canvas {' x '.join(map(str, config.grid.shape))}, {voxels}"
        canvas += f", network {config.architecture}"
        say(_learning(len(config.landmarks), split, lessons, canvas))
    if start is not None:
        config = config.model_copy(update={"data": f"{config.data} from {weights_of(start)}"})
    training, packaging = _shares(progress)
    train_supervised(config, datalist, split, out, start=start, progress=training, cancelled=cancelled, **run)
    return package_supervised(
        out,
        datalist,
        split,
        out / new.name,
        name=new.name,
        version=new.version,
        protocol=new.protocol,
        progress=packaging,
    )


def _agents(
    datalist: Datalist,
    split: Split,
    lessons: Lessons,
    new: NewModel,
    out: Path,
    run: dict[str, Any],
    say: Callable[[str], None] | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Model:
    """Search agents, trained and packaged."""
    from LandmarkDetectionLib.training.agents.package import package_agents
    from LandmarkDetectionLib.training.agents.plan import plan_agents
    from LandmarkDetectionLib.training.agents.train import train_agents

    _refuse_of_heatmaps(lessons)
    assert lessons.preset is not None  # one of agents, see ``make_model``
    config = plan_agents(
        datalist,
        split,
        lessons.preset,
        spacing=lessons.spacing,
        raters=lessons.raters,
        limit=lessons.limit,
        changes=dict(lessons.changes),
        progress=None if progress is None else lambda _share, text: progress(0.0, text),
    )
    if say is not None:
        cells = ", ".join(f"{cell:g}" for cell in config.cells_mm)
        boxes = f"boxes of {config.side} cells along every side, of {cells} mm"
        say(_learning(len(config.landmarks), split, lessons, boxes))
    training, packaging = _shares(progress)
    train_agents(config, datalist, split, out, progress=training, cancelled=cancelled, **run)
    return package_agents(
        out,
        datalist,
        split,
        out / new.name,
        name=new.name,
        version=new.version,
        protocol=new.protocol,
        progress=packaging,
    )


def _refuse_of_heatmaps(lessons: Lessons) -> None:
    """Refuse what search agents do not have, by `InputError`."""
    for about, given in {
        "shape": lessons.shape,
        "model to begin with": lessons.start,
        **{name: lessons.changes.get(name) for name in ("loss", "align", "members")},
    }.items():
        if given:
            raise InputError(
                f"The preset {lessons.preset!r} trains search agents, for which there is no {about}; leave "
                "it out."
            )


def _learning(landmarks: int, split: Split, lessons: Lessons, seen: str) -> str:
    learned = len(split.training) if lessons.limit is None else lessons.limit
    return (
        f"Learning {counted(landmarks, 'landmark')} from {counted(learned, 'case')}, {len(split.held_out)} "
        f"held back; {seen}."
    )


def _begun(start: Model | None, datalist: Datalist) -> dict[str, Any]:
    """Settings that the model to begin with decides."""
    return {} if start is None else settings_from(start, datalist.landmark_names)


def train_from_store(
    store: str | Path,
    name: str,
    *,
    preset: str | None = None,
    changes: dict[str, Any] | None = None,
    device: str = "auto",
    install: bool | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Model:
    """Train the first model of what people annotated, in a folder beside the models, and install it.

    The same call goes on where it was stopped, as long as nobody has annotated more meanwhile. A model that
    is hardly better than the mean shape is installed only where a person wants it all the same (``install``).

    Parameters
    ----------
    store
        Folder of the annotation store.
    name
        Of the new model; none may have it yet.
    preset, changes, device, install, progress, cancelled
        As in ``make_model``.

    Raises
    ------
    InputError
        The store cannot be used, or the name is taken or cannot be one.
    ModelError, OutputError, TrainingError, Cancelled
        As in ``make_model``.
    NotBetterError
        The model has hardly learned; its sentence says how far off it is.
    """
    _require_new_name(name)
    data = read_store(store)
    key = hashlib.sha256(f"{digest(data.cases)} {preset} {changes}".encode()).hexdigest()[:16]
    run = user_model_folder() / RUNS / f"{name}-{key}"
    make_folder(run)
    made = make_model(
        data,
        Lessons(preset, changes or {}),
        NewModel(name, install=install),
        run,
        run={"device": device},
        progress=progress,
        cancelled=cancelled,
    )
    shutil.rmtree(run, ignore_errors=True)
    if not made.installed:
        raise NotBetterError(f"The model was not installed. {made.quality.doubt}")
    return load_model(name)


def _require_new_name(name: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(PackageName).validate_python(name)
    except ValidationError:
        raise InputError(
            f"A model cannot be called '{name}': use lower case letters, digits and dashes."
        ) from None
    if name in find_models():
        raise InputError(f"There is a model '{name}' already; improve it, or give the new one another name.")


PACKAGED_FROM = 0.85
"""Of the progress: measuring and calibrating what was trained takes minutes, too."""


def _shares(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """The progress of the training and that of the packaging, as parts of the whole."""
    if progress is None:
        return None, None
    whole = progress
    return (
        lambda share, text: whole(PACKAGED_FROM * share, text),
        lambda share, text: whole(PACKAGED_FROM + (1 - PACKAGED_FROM) * share, text),
    )
