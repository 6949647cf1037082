"""Make a model better by what people corrected: learn, compare, and replace it only when it is better."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.statistics import LEAST_SUBJECTS
from LandmarkDetectionLib.files import atomic_write, make_folder, read_json, write_text
from LandmarkDetectionLib.imaging.aligned_grid import read_template
from LandmarkDetectionLib.models import Model, add_version, load_model, next_version, user_model_folder
from LandmarkDetectionLib.models.learned_from import DataSource, note_data, noted_data
from LandmarkDetectionLib.models.registry import installed_folder
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.training.finetuning.card import fine_tuning_card
from LandmarkDetectionLib.training.finetuning.comparison import (
    TOLERANCE,
    ModelComparison,
    compare,
    comparison_from_record,
)
from LandmarkDetectionLib.training.finetuning.data import FineTuningData, accepted, gather
from LandmarkDetectionLib.training.finetuning.task import FineTuningTask, mixed
from LandmarkDetectionLib.training.loop import fit
from LandmarkDetectionLib.training.supervised.cases import CaseFolder, SupervisedCase
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.package import errors_of, package_supervised
from LandmarkDetectionLib.training.supervised.plan import Split
from LandmarkDetectionLib.training.supervised.start import settings_of, weights_of
from LandmarkDetectionLib.training.supervised.stream import SupervisedStream, plain_batches
from LandmarkDetectionLib.training.supervised.template import TEMPLATE
from LandmarkDetectionLib.training.supervised.train import (
    CASES,
    WATCHED,
    load_cases,
    mirror_permutation,
    trained_task,
)
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted

STEPS = 400
#: Of the rate that the model was trained with.
LEARNING_RATE = 0.5
#: Strength that holds the weights near the model's where the data it came from are not at hand.
ANCHOR = 0.01
RUNS, REPORT = ".fine-tuning", "report.json"
#: Shares of the progress: reading, learning, and what comes after.
READ, LEARNED = 0.1, 0.9


@dataclass(frozen=True)
class FineTuned:
    """What came of a fine-tuning.

    Attributes
    ----------
    comparison
        Both models on the cases held out.
    old
        The model it began with.
    new
        The version that is in use now; None when the old one stays.
    warnings
        What a person should know.
    split
        Which cases of the data that the old model came from were learned from; empty where none were at hand.
    """

    comparison: ModelComparison
    old: Model
    new: Model | None
    warnings: tuple[str, ...]
    split: str = ""

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "model": self.old.name,
            "old version": self.old.version,
            "new version": self.new.version if self.new is not None else None,
            **self.comparison.to_record(),
            "warnings": list(self.warnings),
            "division": self.split,
        }


def fine_tune(
    name: str,
    store: str | Path,
    *,
    data: Sequence[str | Path] = (),
    steps: int = STEPS,
    changes: dict[str, Any] | None = None,
    run: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FineTuned:
    """Let a model learn from the corrections in a store, and install the result when it is better.

    Half of what it learns from are corrections, half the data it came from; where these are not at hand, its
    weights are held near the old ones instead. It may be stopped or killed at any moment: the same call goes
    on, and the old model is in use until the new one is there as a whole.

    Parameters
    ----------
    name
        Of an installed model of grey values.
    store
        Folder of the annotation store.
    data
        Datalists or stores the model came from; those that this computer remembers when empty.
    steps
        How long it learns.
    changes
        Further fields of `SupervisedConfig`, and ``anchor``.
    run
        Folder to work in; one beside the models when None.
    device, progress, cancelled
        As in ``training.synthetic.train.train``.

    Raises
    ------
    ModelError
        The model cannot be fine-tuned, or is not installed.
    InputError
        The data cannot be used or are too few.
    TrainingError
        The training diverges.
    Cancelled
        When ``cancelled`` said so.
    """
    step = progress or (lambda _fraction, _text: None)
    old = load_model(name)
    config, options = settings_of(old), dict(changes or {})
    installed_folder(old.name)
    earlier = tuple(DataSource(str(Path(one).absolute())) for one in data) or noted_data(old)
    images = _images(config, old, store, run)
    try:
        gathered = gather(old, store, earlier, lambda share, text: step(READ * share, text), images.keep)
    except InputError:
        if run is None:
            shutil.rmtree(images.path.parent, ignore_errors=True)
        raise
    anchor = float(options.pop("anchor", 0.0 if gathered.earlier.training else ANCHOR))
    config = _settled(config, gathered, old, anchor, steps, options)
    folder = Path(run) if run is not None else _default_run(old, config)
    if before := _refused_before(folder, config):
        shutil.rmtree(images.path if run is not None else images.path.parent, ignore_errors=True)
        return FineTuned(before, old, None, gathered.warnings, gathered.earlier.text)
    _hand_over(images.path, folder / CASES)
    _learn(config, gathered, old, anchor, folder, device, step, cancelled)
    comparison = _compare(config, gathered, old, folder, step)
    if not comparison.is_better:
        write_text(folder / REPORT, json.dumps(comparison.to_record(), indent=1) + "\n")
        # What tells how it went is kept, and not the images.
        shutil.rmtree(folder / CASES, ignore_errors=True)
        (folder / "checkpoint.pt").unlink(missing_ok=True)
        return FineTuned(comparison, old, None, gathered.warnings, gathered.earlier.text)
    step(0.96, "writing the model")
    version = next_version(old.name)
    package = package_supervised(
        folder,
        AnnotationStore(store).path.name,
        gathered.whole,
        folder / old.name,
        name=old.name,
        version=version,
        protocol=old.protocol,
        metadata=_metadata(old, version, gathered, comparison),
        card=lambda card: fine_tuning_card(card, old, gathered, comparison),
    )
    new = add_version(package.path)
    note_data(new, gathered.sources)
    if run is None:
        shutil.rmtree(folder, ignore_errors=True)
    step(1.0, "done")
    return FineTuned(comparison, old, new, gathered.warnings, gathered.earlier.text)


def _settled(
    config: SupervisedConfig,
    data: FineTuningData,
    old: Model,
    anchor: float,
    steps: int,
    changes: dict[str, Any],
) -> SupervisedConfig:
    """What is learned and how; a run goes on only with the same."""
    weights = weights_of(old)
    return SupervisedConfig.model_validate(
        {
            **config.model_dump(),
            "steps": steps,
            "schedule": "cosine",
            "learning_rate": LEARNING_RATE * config.learning_rate,
            # An average over no more than a tenth of so short a training.
            "averaging": min(config.averaging, max(0.0, 1 - 10 / steps)),
            "raters": "mean",
            "limit": None,
            "training_cases": tuple(case.name for case in data.whole.training),
            "held_back_cases": tuple(case.name for case in data.whole.held_out),
            "data": f"{data.digest()} from {weights}, anchor {anchor:g}",
            **changes,
        }
    )


def _default_run(model: Model, config: SupervisedConfig) -> Path:
    key = hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:16]
    return user_model_folder() / RUNS / f"{model.name}-{key}"


def _images(config: SupervisedConfig, model: Model, store: str | Path, run: str | Path | None) -> CaseFolder:
    """Where images go while they are checked: which run they are for is known when all of them are.

    What runs before have left, if they were stopped, is taken up.
    """
    runs = user_model_folder() / RUNS
    key = hashlib.sha256(str(Path(store).absolute()).encode()).hexdigest()[:16]
    folder = (runs / f"{model.name}-{key}" if run is None else Path(run)) / CASES
    if run is None:
        make_folder(folder)
        for file in runs.glob(f"{model.name}-*/{CASES}/[0-9]*"):
            with suppress(OSError):
                os.link(file, folder / file.name)
    architecture, parameters = config.network()
    network: Any = build_network(architecture, **parameters)
    template = read_template(_template_of(model)) if config.align else None
    return CaseFolder(folder, config.grid.settings(), network.multiple, template)


def _hand_over(images: Path, cases: Path) -> None:
    if images != cases:
        make_folder(cases)
        for file in images.iterdir():
            file.replace(cases / file.name)
        shutil.rmtree(images.parent, ignore_errors=True)


def _template_of(model: Model) -> Path:
    template: Any = model.settings.get("template")
    return model.path / str(template["file"])


def _refused_before(folder: Path, config: SupervisedConfig) -> ModelComparison | None:
    """The comparison after the same training from the same data, where it was refused."""
    if not (folder / REPORT).is_file() or not (folder / "config.json").is_file():
        return None
    if read_json(folder / "config.json") != json.loads(config.model_dump_json()):
        return None
    return comparison_from_record(read_json(folder / REPORT))


def _learn(
    config: SupervisedConfig,
    data: FineTuningData,
    old: Model,
    anchor: float,
    folder: Path,
    device: str,
    step: Progress,
    cancelled: Callable[[], bool] | None,
) -> None:
    def reading(_fraction: float, text: str) -> None:
        step(READ, text)

    if config.align:
        _bring_template(old, folder)
    new, watched = load_cases(config, data.new, folder, reading)
    earlier, _ = load_cases(config, Split(data.earlier.training, ()), folder, reading)
    mirror = mirror_permutation(old.protocol, config.landmarks)

    def stream(cases: list[SupervisedCase], size: int) -> SupervisedStream:
        return SupervisedStream(
            cases, config.grid.shape, size, config.augmentation, mirror, config.seed, config.grey_values
        )

    fit(
        config,
        folder,
        make_task=lambda: FineTuningTask(config, old, anchor),
        stream=mixed(new, earlier, stream, config.batch_size),
        held_out=lambda: plain_batches(watched[:WATCHED], 4),
        names=config.landmarks,
        device=device,
        progress=lambda share, text: step(READ + (LEARNED - READ) * share, text),
        cancelled=cancelled,
    )


def _bring_template(old: Model, folder: Path) -> None:
    """What images are registered to stays what it was."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / TEMPLATE) as temporary:
        shutil.copyfile(_template_of(old), temporary)


def _compare(
    config: SupervisedConfig, data: FineTuningData, old: Model, folder: Path, step: Progress
) -> ModelComparison:
    """Both models on the cases held out."""
    before = FineTuningTask(config, old).eval()
    _, after = trained_task(folder)
    step(LEARNED, "comparing the new model with the old one")
    _, held_out = load_cases(config, Split((), data.new.held_out), folder)
    right = accepted(data.new.held_out, config.landmarks)
    # An accepted position is known to be right only so far.
    tolerance = np.where(right, TOLERANCE * config.radius, 0.0)
    subjects = [case.subject for case in held_out]
    now = compare(
        errors_of(before, held_out), errors_of(after, held_out), subjects, _unit(held_out), tolerance
    )
    step(0.93, "comparing them on earlier data")
    _, known = load_cases(config, Split((), data.earlier.held_out), folder)
    if len({case.subject for case in known}) < LEAST_SUBJECTS:
        return ModelComparison(now)
    earlier = compare(
        errors_of(before, known), errors_of(after, known), [case.subject for case in known], _unit(known)
    )
    return ModelComparison(now, earlier if np.isfinite(earlier.high) else None)


def _unit(cases: Sequence[SupervisedCase]) -> str:
    return "px" if any(case.unit == "px" for case in cases) else "mm"


def _metadata(old: Model, version: str, data: FineTuningData, comparison: ModelComparison) -> dict[str, Any]:
    learned, held_out = data.annotations
    return {
        # What the next fine-tuning begins with: not the lower rate of this one.
        "training": old.metadata["training"],
        "parent": {
            "name": old.name,
            "version": old.version,
            "sha256": {key: entry.sha256 for key, entry in old.networks.items()},
        },
        "changelog": {
            **_changelog(old),
            version: f"learned from {counted(len(learned), 'corrected case')}, beginning with {old.version}",
        },
        "fine_tuning": {
            "annotations": list(learned),
            "held_back_annotations": list(held_out),
            "earlier_cases": len(data.earlier.training),
            **comparison.to_record(),
        },
    }


def _changelog(old: Model) -> dict[str, str]:
    found = old.metadata.get("changelog")
    return {str(key): str(text) for key, text in found.items()} if isinstance(found, dict) else {}
