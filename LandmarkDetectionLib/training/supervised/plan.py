"""From a data set to a training: which cases are learned from, and every setting that the data decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.shapes import mirror_permutation
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.raters import ALL, MEAN
from LandmarkDetectionLib.datasets.splits import (
    find_split,
    is_validation,
    shuffled_subjects,
    splits_to_learn_from,
)
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.grid import orientation
from LandmarkDetectionLib.imaging.template import crop_around
from LandmarkDetectionLib.training.supervised.augmentation import Augmentation
from LandmarkDetectionLib.training.supervised.cases import digest
from LandmarkDetectionLib.training.supervised.config import GridConfig, SupervisedConfig
from LandmarkDetectionLib.training.supervised.presets import SupervisedPreset, find_preset
from LandmarkDetectionLib.training.supervised.template import most_usual_case
from LandmarkDetectionLib.typing import Array, Progress
from LandmarkDetectionLib.wording import counted

#: Images that settings are decided on, spread over the data set.
SURVEYED = 24
#: Share of the subjects that is held out where the datalist does not divide them, and what is too few for
#: it.
HELD_OUT, FEWEST_SUBJECTS = 0.15, 6
#: A landmark counts as found within so many mm, or this share of the image's long side where there are none.
RADIUS_MM = {2: 2.0, 3: 4.0}
RADIUS_SHARE = 0.01
#: A grey value that only CT has.
AIR_HU = -400.0


@dataclass(frozen=True)
class Split:
    """Cases to learn from, and cases that are only measured.

    Attributes
    ----------
    training, held_out
        Never of one subject.
    text
        How the cases were divided, in one line for people.
    """

    training: tuple[Case, ...]
    held_out: tuple[Case, ...]
    text: str = ""

    def limited(self, limit: int | None, seed: int) -> list[Case]:
        """The cases to learn from, so many of them drawn by the seed; all when None."""
        if limit is None:
            return list(self.training)
        order = np.random.default_rng([seed, 2]).permutation(len(self.training))
        return [self.training[n] for n in sorted(order[:limit])]


def divide(
    datalist: Datalist, held_out: str | None = None, seed: int = 1, learn_from: Sequence[str] = ()
) -> Split:
    """Which cases are learned from.

    Where a split is called train, only that is; see `splits.splits_to_learn_from`. A split called test is
    neither learned from nor measured unless it is named: confidence is calibrated on what is held out, and
    a test set must not be used for that either. A case whose subject is in any other split is left out.

    Parameters
    ----------
    held_out
        Split that is only measured. By default those called validation or held out, or else 15 % of the
        subjects that would be learned from, drawn by the seed; ``"none"`` measures nothing.
    learn_from
        Splits to learn from, whatever they are called.

    Raises
    ------
    InputError
        There is no such split, or nothing is left to learn from.
    """
    splits = tuple(dict.fromkeys(case.split for case in datalist))
    measured = {_named(datalist, held_out)} if held_out not in (None, "none") else set()
    learned = {_named(datalist, one) for one in learn_from} or set(splits_to_learn_from(splits)) - measured
    if both := sorted(learned & measured):
        raise InputError(f"The split {both[0]!r} cannot be learned from and held back at once; choose one.")
    if held_out is None:
        measured = {one for one in splits if is_validation(one)} - learned
    training = tuple(case for case in datalist if case.split in learned)
    if not training:
        raise InputError(
            f"{datalist.path} leaves no case to learn from: its splits are {_counted(datalist.cases)}; "
            "call the one to learn from train, or name it."
        )
    elsewhere = {case.subject for case in datalist if case.split not in learned}
    kept = tuple(case for case in training if case.subject not in elsewhere)
    if not kept:
        raise InputError(
            f"Every subject of {datalist.path} that could be learned from is in another split, too; divide "
            "the subjects."
        )
    leaking = len(training) - len(kept)
    measured_cases = tuple(case for case in datalist if case.split in measured)
    drawn: set[str] = set()
    if held_out is None and not measured_cases:
        drawn = _drawn(kept, seed)
        measured_cases = tuple(case for case in kept if case.subject in drawn)
        kept = tuple(case for case in kept if case.subject not in drawn)
    untouched = [case for case in datalist if case.split not in learned | measured]
    return Split(kept, measured_cases, _told(kept, measured_cases, drawn, untouched, leaking))


def _named(datalist: Datalist, name: str | None) -> str:
    """The split of a name, which must be there."""
    found = find_split(name or "", (case.split for case in datalist if case.split))
    if found is None:
        known = ", ".join(sorted({case.split for case in datalist if case.split})) or "none"
        raise InputError(f"The datalist {datalist.path} has no split {name!r}; it has: {known}.")
    return found


def _drawn(cases: Sequence[Case], seed: int) -> set[str]:
    """Subjects that are held out where the data set does not say which; none of too few."""
    subjects = shuffled_subjects((case.subject for case in cases), seed)
    count = max(1, round(HELD_OUT * len(subjects))) if len(subjects) >= FEWEST_SUBJECTS else 0
    return set(subjects[:count])


def _told(
    training: Sequence[Case],
    held_out: Sequence[Case],
    drawn: set[str],
    untouched: Sequence[Case],
    leaking: int,
) -> str:
    parts = [f"Learned from: {_counted(training)}"]
    if drawn:
        parts.append(
            f"held back and measured: {counted(len(held_out), 'case')} of {counted(len(drawn), 'subject')} "
            "of the same"
        )
    elif held_out:
        parts.append(f"held back and measured: {_counted(held_out)}")
    else:
        parts.append("nothing is held back, so nothing is measured")
    if untouched:
        parts.append(f"not touched: {_counted(untouched)}")
    if leaking:
        parts.append(f"left out, because another split shows the same subject: {counted(leaking, 'case')}")
    return "; ".join(parts) + "."


def _counted(cases: Sequence[Case]) -> str:
    counts = Counter(case.split for case in cases)
    if set(counts) == {""}:
        return counted(len(cases), "case")
    return ", ".join(f"{split or 'in no split'} ({count})" for split, count in counts.items())


#: Where nobody chooses one, and the landmarks are no chain.
PRESET = "scn-lite"


def usual_preset(datalist: Datalist, dimensions: int) -> str:
    """What is taken where nobody chooses: a network for chains where single images show one, as of spines."""
    return "chain-lite" if dimensions == 2 and _is_chain(datalist) else PRESET


def plan(
    datalist: Datalist,
    split: Split,
    preset: str | None = None,
    *,
    spacing: Sequence[float] | None = None,
    shape: Sequence[int] | None = None,
    raters: str = MEAN,
    limit: int | None = None,
    changes: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> SupervisedConfig:
    """Settle everything that a training needs.

    Parameters
    ----------
    preset
        Name in ``SUPERVISED_PRESETS``; ``usual_preset`` when None.
    spacing
        Voxel size along x, y(, z) in mm (one number for all axes); chosen from the data when None.
    shape
        The network's patch, (slices,) rows, columns; chosen from the data when None.
    raters
        ``mean``, ``all``, or a name.
    limit
        Learn from so many cases only.
    changes
        Further fields of `SupervisedConfig` to set.

    Raises
    ------
    InputError
        The data do not fit together or the preset, or an image cannot be read.
    """
    chosen = find_preset(preset or PRESET)
    cases = split.training
    check_wishes(datalist, split, raters, limit)
    facts = survey(cases, progress)
    dimensions = {fact.dimensions for fact in facts}
    channels = {fact.channels for fact in facts}
    if len(dimensions) > 1 or len(channels) > 1:
        what = (
            "single images and volumes" if len(dimensions) > 1 else "cases of different numbers of channels"
        )
        raise InputError(f"The datalist {datalist.path} mixes {what}; make one datalist for each.")
    d = dimensions.pop()
    if preset is None:
        chosen = find_preset(usual_preset(datalist, d))
    changes = changes or {}
    if changes.get("align"):
        # What the network sees is the part of an image about the landmarks.
        usual, positions = most_usual_case(cases, datalist.landmark_names, raters)
        seen = [_facts([crop_around(cases[usual].read_channels()[0], positions)])]
        grid = _grid(chosen, seen, d, spacing, shape)
    else:
        grid = _grid(chosen, facts, d, spacing, shape)
    unit_known = all(fact.spacing_known for fact in facts)
    radius = (
        RADIUS_MM[d] if unit_known else RADIUS_SHARE * float(np.median([max(fact.extent) for fact in facts]))
    )
    settings = chosen.settings(d)
    if chosen.architecture == "chain_unet":
        settings["parameters"] = {**settings["parameters"], "levels": _levels(datalist)}
        learned = Augmentation.model_validate(changes.get("augmentation", settings["augmentation"]))
        if d == 2 and learned.mirror and datalist.protocol is not None:
            mirrored = mirror_permutation(datalist.landmark_names, datalist.protocol.pairs)
            settings["mirror"] = tuple(mirrored.tolist())
    wanted = {
        **settings,
        "landmarks": datalist.landmark_names,
        "channels": channels.pop(),
        "grid": grid,
        "radius": round(radius, 3),
        "raters": raters,
        "limit": limit,
        "column": d == 2 and bool(_chain(datalist)),
        "training_cases": tuple(case.name for case in cases),
        "held_back_cases": tuple(case.name for case in split.held_out),
        "data": digest((*cases, *split.held_out)),
        **changes,
    }
    return SupervisedConfig.model_validate(wanted)


def _chain(datalist: Datalist) -> tuple[tuple[str, ...], ...]:
    """Levels of the protocol of which the data have all landmarks; none when one between others lacks."""
    return (
        datalist.protocol.restricted(datalist.landmark_names).chain if datalist.protocol is not None else ()
    )


def _is_chain(datalist: Datalist) -> bool:
    """Whether the landmarks are a chain, level by level."""
    chain = _chain(datalist)
    return bool(chain) and tuple(name for level in chain for name in level) == datalist.landmark_names


def _levels(datalist: Datalist) -> int:
    """Of the chain that the landmarks are."""
    if not _is_chain(datalist):
        raise InputError(
            "The presets chain-lite and chain-paper are for landmarks that are a chain of levels, level by "
            f"level, and the protocol of {datalist.path} does not say so; choose another preset."
        )
    return len(_chain(datalist))


def check_wishes(datalist: Datalist, split: Split, raters: str, limit: int | None) -> None:
    """Refuse raters that a data set does not have, and more cases than there are, by `InputError`."""
    if raters not in (MEAN, ALL, *datalist.raters):
        raise InputError(
            f"There is no rater {raters!r} in {datalist.path}; it has {', '.join(datalist.raters)}."
        )
    if limit is not None and limit > len(split.training):
        raise InputError(
            f"The limit of {counted(limit, 'case')} is more than the {len(split.training)} there are to "
            "learn from."
        )


@dataclass(frozen=True)
class ImageFacts:
    """What settings are decided on, of one case.

    Attributes
    ----------
    dimensions, channels
    size : (d,)
        Voxels along x, y(, z) of the grid.
    spacing : (d,)
        mm along the same.
    spacing_known, is_ct
    """

    dimensions: int
    channels: int
    size: Array
    spacing: Array
    spacing_known: bool
    is_ct: bool

    @property
    def extent(self) -> Array:
        """(d,) mm."""
        return self.size * self.spacing


def survey(cases: Sequence[Case], progress: Progress | None = None) -> list[ImageFacts]:
    """Facts of some cases, spread over all."""
    looked_at = [
        cases[n] for n in np.unique(np.linspace(0, len(cases) - 1, min(SURVEYED, len(cases))).astype(int))
    ]
    facts = []
    for n, case in enumerate(looked_at):
        if progress is not None:
            progress(n / len(looked_at), f"looking at {case.name}")
        facts.append(_facts(case.read_channels()))
    return facts


def _facts(volumes: Sequence[Volume]) -> ImageFacts:
    first = volumes[0]
    order = (0, 1) if first.is_2d else orientation(first)[0]
    sample = first.voxels[:: max(1, len(first.voxels) // 32)]
    is_ct = first.modality == "CT" or (not first.modality and float(sample.min()) <= AIR_HU)
    return ImageFacts(
        2 if first.is_2d else 3,
        len(volumes),
        np.array([first.size[axis] for axis in order]),
        np.array([first.spacing[axis] for axis in order]),
        first.spacing_known,
        is_ct,
    )


def _grid(
    preset: SupervisedPreset,
    facts: Sequence[ImageFacts],
    d: int,
    spacing: Sequence[float] | None,
    shape: Sequence[int] | None,
) -> GridConfig:
    """A radiograph is fitted as a whole; volumes get a spacing at which a usual one fits the budget."""
    if shape is not None and len(shape) != d:
        raise InputError(
            f"The shape {tuple(shape)} has {counted(len(shape), 'size')}, but the images have {d} axes."
        )
    if spacing is not None and len(spacing) not in (1, d):
        raise InputError(f"The spacing needs one number or {d}, not {len(spacing)}.")
    multiple = preset.multiple(d)
    extents = np.stack([fact.extent for fact in facts])
    voxel: tuple[float, ...] | None = None
    if spacing is not None:
        voxel = tuple(spacing) if len(spacing) == d else (spacing[0],) * d
    elif d == 3:
        usual = np.median(extents, axis=0)
        finest = float(np.median([fact.spacing.min() for fact in facts]))
        voxel = (round(max(finest, float((usual.prod() / preset.budget(3)) ** (1 / 3))), 3),) * 3
    if shape is None:
        if voxel is None:
            usual = np.median(extents / extents.max(axis=1, keepdims=True), axis=0)
            wanted = usual * preset.long_side
        else:
            wanted = np.percentile(extents, 90, axis=0) / voxel
            most = (preset.budget(d) * 1.5) ** (1 / d) * 2
            wanted = np.minimum(wanted, most)
        shape = [int(-(-n // multiple) * multiple) for n in np.ceil(wanted - 0.02 * multiple)[::-1]]
    elif any(n % multiple for n in shape):
        raise InputError(
            f"The sizes of the shape {tuple(shape)} must be multiples of {multiple} for this network."
        )
    is_ct = np.mean([fact.is_ct for fact in facts]) > 0.5
    return GridConfig(shape=tuple(shape), spacing=voxel, intensity="hounsfield" if is_ct else "standardise")
