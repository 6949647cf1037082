"""Evaluate models on a data set: the positions they gave beside those of raters, in one unit, case by case.

>>> data = read_datalist("test.json")                                            # doctest: +SKIP
>>> models = [read_predictions("SCN", "out/scn", data.cases, data.path.parent)]  # doctest: +SKIP
>>> result = evaluate(data, models, radii=(2, 2.5, 3, 4))                        # doctest: +SKIP
>>> summarise(result.errors("SCN"), result.radii).mean                           # doctest: +SKIP
1.13
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.raters import ALL, MEAN, Rating, case_annotations, mean_annotation
from LandmarkDetectionLib.datasets.splits import find_split, is_training
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.coverage import judge_regions
from LandmarkDetectionLib.evaluation.metrics import finite_mean, point_errors
from LandmarkDetectionLib.evaluation.predictions import Predictions, case_keys
from LandmarkDetectionLib.evaluation.statistics import Resampling, resample
from LandmarkDetectionLib.typing import FloatArray
from LandmarkDetectionLib.wording import counted

Bools = npt.NDArray[np.bool_]
Unit = Literal["auto", "mm", "px"]

RADII = {"mm": (2.0, 2.5, 3.0, 4.0), "px": (5.0, 10.0, 15.0, 20.0)}
OUTLIER_RADII = {"mm": (2.0, 4.0, 10.0), "px": (10.0, 20.0, 40.0)}
#: Share of an image's extent beyond which a prediction cannot belong to it.
FAR_OUTSIDE = 0.25
SHOWN_WARNINGS = 5
#: The farther from all of the truth, the smaller the chance: an error this small is a copy.
COPY = 1e-6


@dataclass(frozen=True)
class Normalisation:
    """A distance between two landmarks that is taken to be known, as a wrist 50 mm wide (Payer et al. 2019).

    Attributes
    ----------
    first, second : str
        The landmarks; several joined by ``+`` stand for the middle between them.
    length : float
        What their distance is taken to be in every case, mm.
    """

    first: str
    second: str
    length: float

    def __str__(self) -> str:
        return f"the distance between {self.first} and {self.second} is taken to be {self.length:g} mm"


@dataclass(frozen=True)
class Reference:
    """What is held to be true.

    Attributes
    ----------
    name
        A rater's name, or ``mean``.
    positions : (cases, landmarks, 3)
        In the evaluation's unit, NaN where there is none.
    ras : (cases, landmarks, 3)
        The same in RAS mm, for pictures.
    known : (cases, landmarks)
        Whether it is annotated if the landmark is in the image: known and without a position is absent.
    """

    name: str
    positions: FloatArray
    ras: FloatArray
    known: Bools

    @property
    def present(self) -> Bools:
        """(cases, landmarks) whether the landmark is in the image."""
        return np.asarray(np.isfinite(self.positions).all(axis=-1))


@dataclass(frozen=True)
class ModelResult:
    """What a model gave.

    Attributes
    ----------
    name, source
        As in its predictions.
    positions, ras : (cases, landmarks, 3)
        As in :class:`Reference`, NaN where the model said absent.
    confidence : (cases, landmarks)
        NaN where the model gave none.
    covariance : (cases, landmarks, 3, 3)
        RAS mm²; NaN where the model gave none.
    """

    name: str
    source: dict[str, str]
    positions: FloatArray
    ras: FloatArray
    confidence: FloatArray
    covariance: FloatArray

    @property
    def given(self) -> Bools:
        """(cases, landmarks) whether there is a position."""
        return np.asarray(np.isfinite(self.positions).all(axis=-1))


@dataclass(frozen=True)
class Evaluation:
    """Everything that tables and figures are made from.

    Attributes
    ----------
    datalist
        The data set.
    split
        Which part of it; empty for all.
    cases, keys
        The cases evaluated, and the names of their prediction files.
    geometries
        Volumes without voxels, for pictures.
    cell_size : (cases, 3)
        Of a voxel along i, j and k, in the unit.
    landmarks
        Names, in order.
    unit
        ``mm``, or ``px`` where the size of a pixel is unknown.
    normalisation
        How lengths became mm, if by a reference distance.
    references
        By name; the first is that of figures and tests.
    raters
        Every rater's own, by name; more than one where disagreement can be told.
    models
        By name, in the order given.
    radii, outlier_radii
        In the unit.
    found_within
        Radius within which a landmark counts as found for the reliability of confidences.
    seed
        Of the resampling.
    notes
        Sentences that a reader of the result must know.
    """

    datalist: Datalist
    split: str
    cases: tuple[Case, ...]
    keys: tuple[str, ...]
    geometries: tuple[Volume, ...]
    cell_size: FloatArray
    landmarks: tuple[str, ...]
    unit: str
    normalisation: Normalisation | None
    references: dict[str, Reference]
    raters: dict[str, Reference]
    models: dict[str, ModelResult]
    radii: tuple[float, ...]
    outlier_radii: tuple[float, ...]
    found_within: float
    seed: int
    notes: tuple[str, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject of every case."""
        return tuple(case.subject for case in self.cases)

    @property
    def size_unit(self) -> str:
        """Of areas or volumes; empty where images and volumes are mixed."""
        powers = {"²" if one.is_2d else "³" for one in self.geometries}
        return self.unit + powers.pop() if len(powers) == 1 else ""

    @property
    def reference(self) -> Reference:
        """The main one."""
        return next(iter(self.references.values()))

    def errors(self, model: str, reference: str | None = None) -> FloatArray:
        """(cases, landmarks) point-to-point errors in the unit; see :mod:`.metrics` for NaN and inf."""
        return point_errors(self.models[model].positions, self._truth(reference).positions)

    def _truth(self, reference: str | None) -> Reference:
        return self.references[reference] if reference is not None else self.reference

    def regions(self, model: str, reference: str | None = None) -> tuple[FloatArray, FloatArray]:
        """(cases, landmarks) whether a model's 95 % regions hold the truth, and their sizes in the unit's
        square or cube; see :func:`.coverage.judge_regions`."""
        one, truth = self.models[model], self._truth(reference)
        return judge_regions(one.ras, truth.ras, one.covariance, self.geometries, self.cell_size)

    def resampling(self) -> Resampling:
        """Draws of subjects, the same at every call."""
        return resample(self.subjects, np.random.default_rng(self.seed))

    def rater_distances(self) -> FloatArray:
        """(pairs, cases, landmarks) distances between every two raters; NaN where not both gave one."""
        places = [rater.positions for rater in self.raters.values()]
        pairs = [np.linalg.norm(one - other, axis=-1) for one, other in combinations(places, 2)]
        return np.array(pairs).reshape(-1, len(self.cases), len(self.landmarks))

    def between_raters(self) -> FloatArray | None:
        """(cases, landmarks) mean distance between two raters, NaN without a pair; None if there is none."""
        apart = self.rater_distances()
        return finite_mean(apart, axis=0) if np.isfinite(apart).any() else None

    def rater_offsets(self) -> FloatArray:
        """(raters, cases, landmarks) distance of every rater from the mean of all who gave a position."""
        places = np.array([rater.positions for rater in self.raters.values()])
        several = np.isfinite(places).sum(axis=0) > 1
        middle = np.where(several, finite_mean(places, axis=0), np.nan)
        return np.asarray(np.linalg.norm(places - middle, axis=-1))


def evaluate(
    datalist: Datalist,
    predictions: Sequence[Predictions],
    *,
    split: str = "",
    rater: str = MEAN,
    landmarks: Sequence[str] = (),
    unit: Unit = "auto",
    normalisation: Normalisation | None = None,
    radii: Sequence[float] = (),
    outlier_radii: Sequence[float] = (),
    found_within: float | None = None,
    seed: int = 0,
) -> Evaluation:
    """Compare what models found with what raters marked.

    Parameters
    ----------
    datalist
        See ``datalist.read_datalist``.
    predictions
        One per model, for the cases of the split in their order.
    split
        Which part of the data set; all of it when empty.
    rater
        ``mean`` of the raters, ``all`` (the mean and every single one), or a rater's name.
    landmarks
        Evaluate these only; all of the data set when empty.
    unit
        ``mm``, ``px``, or ``auto``: mm where the size of a pixel is known, px where it is not.
    normalisation
        Take a distance for known in every case; errors are then in mm whatever the images say.
    radii, outlier_radii
        Of the success detection rate and of outliers, in the unit; usual ones when empty.
    found_within
        Radius of reliability; the largest of ``radii`` when None.
    seed
        Of the resampling.

    Raises
    ------
    InputError
        The split is empty; a case lacks a rater or landmark or has another unit than the others; mm are asked
        for where the size of a pixel is unknown; predictions lack a landmark or lie far outside their image.
        The sentence names the case.
    """
    cases = select_cases(datalist, split)
    if not predictions:
        raise InputError("There is nothing to evaluate: give predictions or a model.")
    names = _chosen_names(datalist, landmarks)
    predictions = [_completed(one, cases, names) for one in predictions]
    # The geometry of the images, with voxel arrays that take no memory.
    volumes = (case.read_volume() for case in cases)
    nothing = np.zeros((), np.uint8)
    geometries = tuple(replace(one, voxels=np.broadcast_to(nothing, one.shape)) for one in volumes)
    chosen_unit = _unit(cases, geometries, unit, normalisation)
    raters, middle = _read_raters(cases, geometries, datalist.landmark_names, rater)
    scale = np.ones(len(cases))
    as_pixels = chosen_unit == "px"
    if normalisation is not None:
        places = _place(middle.ras, geometries, as_pixels)
        scale = _scales(normalisation, cases, datalist.landmark_names, places)
    index = [datalist.landmark_names.index(name) for name in names]
    measured = {
        name: _measured(_only(one, index), geometries, as_pixels, scale) for name, one in raters.items()
    }
    for one in predictions:
        _check_inside(one, cases, geometries, names)
    main = _measured(_only(middle, index), geometries, as_pixels, scale)
    references = _references(measured, main, rater)
    models = {one.name: _model_result(one, names, geometries, as_pixels, scale) for one in predictions}
    if len(models) < len(predictions):
        raise InputError("Two models have the same name; give each its own.", about="predictions")
    used_radii = tuple(sorted(radii)) or RADII[chosen_unit]
    result = Evaluation(
        datalist=datalist,
        split=split,
        cases=cases,
        keys=case_keys(cases, datalist.path.parent),
        geometries=geometries,
        cell_size=_cell_sizes(geometries, as_pixels, scale),
        landmarks=names,
        unit=chosen_unit,
        normalisation=normalisation,
        references=references,
        raters=measured,
        models=models,
        radii=used_radii,
        outlier_radii=tuple(sorted(outlier_radii)) or OUTLIER_RADII[chosen_unit],
        found_within=found_within if found_within is not None else used_radii[-1],
        seed=seed,
        notes=(),
    )
    return replace(result, notes=tuple(_notes(result, predictions)))


def select_cases(datalist: Datalist, split: str = "") -> tuple[Case, ...]:
    """Cases of a split, all when it is empty.

    Raises
    ------
    InputError
        There is no case of this split; those there are, are named.
    """
    if not split:
        return datalist.cases
    found = find_split(split, (case.split for case in datalist))
    cases = datalist.of_split(found) if found is not None else ()
    if not cases:
        splits = ", ".join(sorted({case.split for case in datalist if case.split})) or "none"
        raise InputError(
            f"The datalist {datalist.path} has no case of the split '{split}'; its splits: {splits}."
        )
    return cases


def shared_landmarks(
    datalist: Datalist, models: Mapping[str, Sequence[str]], landmarks: Sequence[str] = ()
) -> tuple[tuple[str, ...], str]:
    """The landmarks that the data set and all models have: to be known before any model is run.

    Parameters
    ----------
    datalist
        The data set.
    models
        Names of the landmarks that each model finds, as the data set calls them, by the model's name.
    landmarks
        Those that are asked for; what can be compared when empty.

    Returns
    -------
    names : tuple of str
        In the order of the data set.
    note : str
        What is left out, in a sentence; empty when nothing is.

    Raises
    ------
    InputError
        A model finds none of them, or not all that are asked for.
    """
    wanted = _chosen_names(datalist, landmarks)
    for model, found in models.items():
        lacking = [name for name in wanted if name not in found]
        if lacking and (landmarks or len(lacking) == len(wanted)):
            raise InputError(
                f"{model} does not find {_listed(lacking)} of {datalist.path}, but {_listed(found)}; say "
                "which are the same under another name, or choose what to evaluate.",
                about=("rename", "landmarks"),
            )
    names = tuple(name for name in wanted if all(name in found for found in models.values()))
    if not names:
        raise InputError(
            f"The models have no landmark of {datalist.path} in common; evaluate them one by one."
        )
    left_out = [name for name in wanted if name not in names]
    if not left_out:
        return names, ""
    are = "is" if len(names) == 1 else "are"
    return names, (
        f"{len(names)} of the data set's {counted(len(wanted), 'landmark')} {are} known to "
        f"{_listed(list(models))} by name and {are} evaluated: {_listed(names)}. Not compared: "
        f"{_listed(left_out)}; they may have other names, which can be said."
    )


def renamed(predictions: Predictions, names: Mapping[str, str]) -> Predictions:
    """Predictions with the landmarks called as the data set calls them; {of the model: of the data set}.

    Raises
    ------
    InputError
        Two landmarks would have one name.
    """
    if not names:
        return predictions
    sets = []
    for found in predictions.landmarks:
        marks = [replace(mark, name=names.get(mark.name, mark.name)) for mark in found]
        twice = sorted({one.name for one in marks if sum(one.name == other.name for other in marks) > 1})
        if twice:
            raise InputError(
                f"With these names {predictions.name} has two landmarks {twice[0]}; rename one away."
            )
        sets.append(replace(found, landmarks=tuple(marks)))
    return replace(predictions, landmarks=tuple(sets))


def datalist_hash(datalist: Datalist) -> str:
    """SHA-256 of the datalist's file and of every landmark file that it names, in order."""
    total = hashlib.sha256(datalist.path.read_bytes())
    for case in datalist:
        for _, file in case.landmarks:
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


# --- reading ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Marks:
    """(cases, landmarks, 3) RAS mm, and whether anything was said of each landmark."""

    name: str
    ras: FloatArray
    known: Bools


def _chosen_names(datalist: Datalist, landmarks: Sequence[str]) -> tuple[str, ...]:
    if unknown := [name for name in landmarks if name not in datalist.landmark_names]:
        raise InputError(
            f"The datalist {datalist.path} has no landmark {_listed(unknown)}; it has "
            f"{_listed(datalist.landmark_names)}."
        )
    return tuple(name for name in datalist.landmark_names if not landmarks or name in landmarks)


def _completed(predictions: Predictions, cases: Sequence[Case], names: Sequence[str]) -> Predictions:
    """Refuse lacking names; one that only some cases lack, and that is not misspelt, was not found there."""
    _check_names(predictions, cases, names)
    return replace(
        predictions,
        landmarks=tuple(
            replace(
                found,
                landmarks=(
                    *found,
                    *(Landmark(n, np.zeros(3), Status.ABSENT) for n in names if n not in found),
                ),
            )
            for found in predictions.landmarks
        ),
    )


def _check_names(predictions: Predictions, cases: Sequence[Case], names: Sequence[str]) -> None:
    if len(predictions.landmarks) != len(cases):
        raise InputError(
            f"{predictions.name} has predictions for {counted(len(predictions.landmarks), 'case')}, the "
            f"data set has {len(cases)}."
        )
    ever = {name for found in predictions.landmarks for name in found.names}
    for case, found in zip(cases, predictions.landmarks, strict=True):
        lacking = [name for name in names if name not in found]
        if not lacking:
            continue
        where = f"The prediction of {predictions.name} for {case.name} (row {case.row})"
        if len(lacking) == len(names):
            raise InputError(
                f"{where} has none of the landmarks of the data set, but "
                f"{_listed(found.names) or 'no point at all'}; rename them, or is it of another data set?"
            )
        alike = difflib.get_close_matches(lacking[0], [n for n in found.names if n not in names], 1, 0.6)
        if not alike and ever.issuperset(lacking):
            continue
        hint = f" ('{alike[0]}' may be meant)" if alike else ""
        raise InputError(
            f"{where} lacks {_listed(lacking)}{hint}; rename its points, or choose the landmarks to "
            "evaluate.",
            about=("rename", "landmarks"),
        )


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _unit(
    cases: Sequence[Case], geometries: Sequence[Volume], unit: Unit, normalisation: Normalisation | None
) -> str:
    if unit not in ("auto", "mm", "px"):
        raise InputError(f"The unit '{unit}' is unknown; choose auto, mm, or px.")
    if normalisation is not None:
        if unit == "px":
            raise InputError("A reference distance in mm gives errors in mm; leave out the unit px.")
        return "mm"
    known = [volume.spacing_known for volume in geometries]
    if unit == "px":
        if solid := next((case for case, one in zip(cases, geometries, strict=True) if not one.is_2d), None):
            raise InputError(
                f"Row {solid.row} ({solid.name}) is a volume; its errors are told in mm, not in px."
            )
        return "px"
    if all(known):
        return "mm"
    without = cases[known.index(False)]
    if unit == "mm":
        raise InputError(
            f"Row {without.row} ({without.name}): the size of its pixels is unknown, so its errors cannot be "
            "told in mm; choose the unit px, or take a distance of two landmarks for known.",
            about=("unit", "normalise"),
        )
    if any(known):
        sized = cases[known.index(True)]
        raise InputError(
            f"The data set mixes units: row {sized.row} ({sized.name}) has pixels of a known size, row "
            f"{without.row} ({without.name}) has not; choose the unit px, or take a distance of two "
            "landmarks for known.",
            about=("unit", "normalise"),
        )
    return "px"


def _read_raters(
    cases: Sequence[Case], geometries: Sequence[Volume], names: Sequence[str], rater: str
) -> tuple[dict[str, _Marks], _Marks]:
    """Every rater's landmarks over all cases, and their mean; what a rater did not mark is not known."""
    if rater not in (MEAN, ALL):
        for case in cases:
            if rater not in case.raters:
                raise InputError(
                    f"Row {case.row} ({case.name}) has no landmarks by the rater '{rater}'; it has those by "
                    f"{_listed(case.raters)}."
                )
    raters = tuple(dict.fromkeys(one for case in cases for one in case.raters))
    nothing = Rating("", np.full((len(names), 3), np.nan), np.zeros(len(names), bool))
    read = [
        {one.rater: one for one in case_annotations(case, names, ALL, volume)}
        for case, volume in zip(cases, geometries, strict=True)
    ]
    own = {name: _stacked(name, [case.get(name, nothing) for case in read]) for name in raters}
    if len(raters) == 1:
        return own, own[raters[0]]
    return own, _stacked(MEAN, [mean_annotation(list(case.values())) for case in read])


def _stacked(name: str, annotations: Sequence[Rating]) -> _Marks:
    return _Marks(
        name, np.stack([one.positions for one in annotations]), np.stack([one.known for one in annotations])
    )


def _only(marks: _Marks, index: Sequence[int]) -> _Marks:
    return _Marks(marks.name, marks.ras[:, index], marks.known[:, index])


def _place(ras: FloatArray, geometries: Sequence[Volume], as_pixels: bool) -> FloatArray:
    """(cases, landmarks, 3) RAS mm -> mm, or pixels of the image; in 2D within the image's plane."""
    placed = ras.copy()
    for row, volume in enumerate(geometries):
        if not volume.is_2d and not as_pixels:
            continue
        ijk = volume.ras_to_ijk_points(ras[row])
        if volume.is_2d:
            ijk[:, 2] = np.where(np.isnan(ijk[:, 2]), np.nan, 0.0)
        placed[row] = ijk if as_pixels else volume.ijk_to_ras_points(ijk)
    return placed


def _measured(marks: _Marks, geometries: Sequence[Volume], as_pixels: bool, scale: FloatArray) -> Reference:
    return Reference(
        marks.name, _place(marks.ras, geometries, as_pixels) * scale[:, None, None], marks.ras, marks.known
    )


def _scales(
    normalisation: Normalisation, cases: Sequence[Case], names: Sequence[str], positions: FloatArray
) -> FloatArray:
    """(cases,) factors that make the reference distance as long as it is taken to be."""
    ends = (normalisation.first, normalisation.second)
    joined = [end.split("+") for end in ends]
    if unknown := [name for several in joined for name in several if name not in names]:
        raise InputError(
            f"The reference distance needs the landmark {_listed(unknown)}, which the data set lacks."
        )
    if not (np.isfinite(normalisation.length) and normalisation.length > 0):
        raise InputError(f"The reference distance must be a positive length, not {normalisation.length:g}.")
    first, second = (positions[:, [names.index(name) for name in several]].mean(axis=1) for several in joined)
    lengths = np.linalg.norm(first - second, axis=-1)
    for case, length in zip(cases, lengths, strict=True):
        if not length > 0:
            raise InputError(
                f"Row {case.row} ({case.name}): the reference distance between {ends[0]} and {ends[1]} "
                "cannot be measured, as they lie on one place or one is not annotated."
            )
    return np.asarray(normalisation.length / lengths)


def _cell_sizes(geometries: Sequence[Volume], as_pixels: bool, scale: FloatArray) -> FloatArray:
    sizes = np.array([volume.spacing for volume in geometries])
    return (np.ones_like(sizes) if as_pixels else sizes) * scale[:, None]


def _references(raters: dict[str, Reference], middle: Reference, rater: str) -> dict[str, Reference]:
    if rater not in (MEAN, ALL):
        return {rater: raters[rater]}
    if len(raters) == 1 or rater == MEAN:
        return {middle.name: middle}
    return {middle.name: middle, **raters}


def _model_result(
    predictions: Predictions,
    names: Sequence[str],
    geometries: Sequence[Volume],
    as_pixels: bool,
    scale: FloatArray,
) -> ModelResult:
    ras = np.array([[found[name].position for name in names] for found in predictions.landmarks])
    confidence = [
        [np.nan if (value := found[name].confidence) is None else value for name in names]
        for found in predictions.landmarks
    ]
    unknown = np.full((3, 3), np.nan)
    covariance = [
        [unknown if (spread := found[name].covariance) is None else spread for name in names]
        for found in predictions.landmarks
    ]
    return ModelResult(
        predictions.name,
        predictions.source,
        _place(ras, geometries, as_pixels) * scale[:, None, None],
        ras,
        np.array(confidence, float),
        np.array(covariance),
    )


def _check_inside(
    predictions: Predictions, cases: Sequence[Case], geometries: Sequence[Volume], names: Sequence[str]
) -> None:
    """Refuse predictions that lie, all of them, far outside their image: they belong to another one."""
    for case, volume, found in zip(cases, geometries, predictions.landmarks, strict=True):
        places = np.array([found[name].position for name in names if found[name].is_present]).reshape(-1, 3)
        axes = 2 if volume.is_2d else 3
        ijk, size = volume.ras_to_ijk_points(places)[:, :axes], np.array(volume.size[:axes], float)
        outside = ((ijk < -FAR_OUTSIDE * size) | (ijk > (1 + FAR_OUTSIDE) * size)).any(axis=1)
        if len(places) and outside.all():
            raise InputError(
                f"The prediction of {predictions.name} for {case.name} (row {case.row}) lies outside the "
                "image with every landmark; is it of another data set, or in pixels or LPS where RAS mm are "
                "expected?"
            )


def training_cases(datalist: Datalist, cases: Sequence[Case]) -> str:
    """A sentence where cases that models learn from are evaluated beside others."""
    learned = [case for case in cases if is_training(case.split)]
    others = list(
        dict.fromkeys(case.split for case in datalist if case.split and not is_training(case.split))
    )
    if not learned or not others:
        return ""
    are = "is" if len(learned) == 1 else "are"
    return (
        f"{len(learned)} of the {counted(len(cases), 'case')} {are} of the split {learned[0].split}, on "
        f"which a model that learned from it looks better than it is; choose another: {_listed(others)}."
    )


def _notes(result: Evaluation, predictions: Sequence[Predictions]) -> list[str]:
    notes = []
    if result.unit == "px":
        notes.append(
            "The size of a pixel is unknown: all lengths are in pixels (px) of the images as they are, not "
            "in mm."
            if not any(one.spacing_known for one in result.geometries)
            else "All lengths are in pixels (px), as was asked for."
        )
    if result.normalisation is not None:
        notes.append(f"Lengths in mm rest on an assumption: in every case {result.normalisation}.")
    for one in predictions:
        errors = result.errors(one.name)
        given = errors[np.isfinite(errors)]
        if not len(given):
            notes.append(f"{one.name} gave no position of any landmark, so it has no error.")
        if len(given) and given.max() < COPY:
            notes.append(f"{one.name} equals the reference exactly: its files look like a copy of it.")
        extra = sorted(
            {name for found in one.landmarks for name in found.names} - set(result.datalist.landmark_names)
        )
        if extra:
            notes.append(f"{one.name} also gives {_listed(extra)}, which the data set does not have.")
    if learned := training_cases(result.datalist, result.cases):
        notes.append(learned)
    notes += [f"The data set: {finding}." for finding in result.datalist.warnings[:SHOWN_WARNINGS]]
    subjects = len(set(result.subjects))
    if subjects < 10:
        there = counted(subjects, "subject")
        notes.append(
            f"There {'is' if subjects == 1 else 'are'} only {there}: intervals and tests say little."
        )
    return notes
