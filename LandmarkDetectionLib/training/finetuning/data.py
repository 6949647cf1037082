"""What a fine-tuning learns from: the corrections of a store, and the data the model came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.annotations import HELD_OUT, read_store
from LandmarkDetectionLib.datasets.annotations.annotation import SUFFIX
from LandmarkDetectionLib.datasets.annotations.image_content import content_hash
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.datalist import list_cases, read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.statistics import LEAST_SUBJECTS
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.models.learned_from import DataSource
from LandmarkDetectionLib.training.supervised.cases import digest
from LandmarkDetectionLib.training.supervised.plan import Split, divide
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted


@dataclass(frozen=True)
class FineTuningData:
    """Cases, and whence they are.

    Attributes
    ----------
    new
        Of the store: learned from, and what the models are compared on.
    earlier
        The same of the data the model came from; empty where they are not at hand.
    sources
        All data sets together, for the next fine-tuning.
    annotations
        Ids of the annotations: (learned from, held out).
    warnings
        What a person should know, one sentence each.
    """

    new: Split
    earlier: Split
    sources: tuple[DataSource, ...]
    annotations: tuple[tuple[str, ...], tuple[str, ...]]
    warnings: tuple[str, ...]

    @property
    def whole(self) -> Split:
        """Everything."""
        return Split(
            self.earlier.training + self.new.training,
            self.earlier.held_out + self.new.held_out,
            self.earlier.text,
        )

    def digest(self) -> str:
        """Changes with every landmark, image and split."""
        return "-".join(
            digest(cases)[:16]
            for one in (self.new, self.earlier)
            for cases in (one.training, one.held_out)
            if cases
        )


def gather(
    model: Model,
    store: str | Path,
    earlier: Sequence[DataSource],
    progress: Progress,
    keep: Callable[[Case, Sequence[Volume]], object] = lambda _case, _volumes: None,
) -> FineTuningData:
    """Read and check all data.

    Parameters
    ----------
    model
        Whose landmarks they must have.
    store
        With enough cases held out to compare models on.
    earlier
        Data sets the model came from. One that is no longer there is left out with a warning; an image that
        the store has, too, is left to the store.
    keep
        Called with every case that is needed and its images, while they are open to be checked.

    Raises
    ------
    InputError
        A data set cannot be used, has landmarks that the model lacks, or the store holds too little.
    """
    progress(0.0, "reading the annotations")
    data = read_store(store, keep)
    _require_names(model, data.landmark_names, store)
    new = Split(
        tuple(case for case in data if case.split != HELD_OUT),
        tuple(case for case in data if case.split == HELD_OUT),
    )
    if not new.training:
        raise InputError(f"All annotations of {store} are held back; annotate more cases.")
    held = len({case.subject for case in new.held_out})
    if held < LEAST_SUBJECTS:
        raise InputError(
            f"The store {store} holds back {counted(held, 'case')}; to tell whether a model is "
            f"better, {LEAST_SUBJECTS} are needed: annotate {3 * LEAST_SUBJECTS} cases."
        )
    images = {case.content for case in data}
    parts: list[Split] = []
    splits: list[str] = []
    warnings = [str(one) for one in data.warnings]
    this = DataSource(str(Path(store).absolute()))
    others = [one for one in earlier if one.path != this.path]
    for number, source in enumerate(others):
        if not Path(source.path).exists():
            warnings.append(f"{source.path}, which {model.name} learned from, is no longer there.")
            continue
        progress((number + 0.5) / len(others), f"reading {Path(source.path).name}, which it learned from")
        needed = _needed(source)

        def seen(case: Case, volumes: Sequence[Volume], needed: set[int] | None = needed) -> str:
            content = case.content or content_hash(volumes[0])
            if content not in images and (needed is None or case.row in needed):
                keep(case, volumes)
            return content

        listed = read_datalist(source.path, "allow", fingerprint=seen)
        _require_names(model, listed.landmark_names, source.path)
        split = _split_of(listed, source)
        splits.append(f"{listed.name}: {split.text}")
        parts.append(
            Split(
                tuple(case for case in split.training if case.content not in images),
                tuple(case for case in split.held_out if case.content not in images),
            )
        )
    return FineTuningData(
        new,
        Split(
            tuple(case for part in parts for case in part.training),
            tuple(case for part in parts for case in part.held_out),
            " ".join(splits),
        ),
        (*others, this),
        (_ids(new.training), _ids(new.held_out)),
        tuple(warnings),
    )


def _split_of(listed: Datalist, source: DataSource) -> Split:
    return divide(listed, source.held_out, source.seed, source.learn_from)


def _needed(source: DataSource) -> set[int] | None:
    """Rows of a datalist that are learned from or measured; None for a store, all of which is."""
    if Path(source.path).is_dir():
        return None
    unchecked = Datalist(Path(source.path), "", list_cases(source.path), ())
    split = _split_of(unchecked, source)
    return {case.row for case in (*split.training, *split.held_out)}


def accepted(cases: Sequence[Case], names: Sequence[str]) -> np.ndarray:
    """(cases, landmarks) bool: a person let the model's position stand, and nobody moved it."""
    found = np.zeros((len(cases), len(names)), bool)
    for n, case in enumerate(cases):
        sets = [case.read_landmarks(rater) for rater in case.raters]
        for m, name in enumerate(names):
            said = {one[name].status for one in sets if name in one and one[name].is_present}
            found[n, m] = said == {Status.ACCEPTED}
    return found


def _ids(cases: Sequence[Case]) -> tuple[str, ...]:
    """Of the annotations, which their files are named by."""
    return tuple(file.name.removesuffix(SUFFIX) for case in cases for _, file in case.landmarks)


def _require_names(model: Model, names: Sequence[str], place: str | Path) -> None:
    unknown = [name for name in names if name not in model.protocol.names]
    if unknown:
        raise InputError(
            f"{place} has landmarks that {model.name} does not find: {', '.join(unknown[:5])}; "
            "train a model of these instead."
        )
