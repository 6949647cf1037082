"""A data set in memory: cases with the channels of their images and the landmarks of raters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume, with_spacing
from LandmarkDetectionLib.datasets.findings import Finding
from LandmarkDetectionLib.datasets.splits import splits_to_learn_from
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.io.dti import DTIColourMap
from LandmarkDetectionLib.io.pixel_landmarks import is_labelme, read_pixel_landmarks
from LandmarkDetectionLib.io.records import read_recorded_landmarks, recorded_pixel_size
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol


def read_channels(case: Case) -> list[Volume]:
    """Read all channels of a case, which lie on one grid.

    Parameters
    ----------
    case
        Its images in the order of the datalist; a colour map gives three channels.

    Returns
    -------
    list of Volume
        At least one.

    Raises
    ------
    InputError
        An image cannot be read, or the channels do not lie on one grid: nothing is resampled silently.
    """
    volumes = read_images(case)
    if problem := grid_problem(volumes):
        raise InputError(f"The channels of {case.name} {problem}.")
    return volumes


def read_images(case: Case) -> list[Volume]:
    """Read all images of a case, whether they lie on one grid or not; raises InputError."""
    return [case.spaced(volume) for volume in read_files(case)]


def read_files(case: Case) -> list[Volume]:
    """The same with the pixel size that the files say, whatever the datalist says; raises InputError."""
    volumes: list[Volume] = []
    for image in case.images:
        volumes += image.read() if isinstance(image, DTIColourMap) else [read_volume(image)]
    return volumes


def grid_problem(volumes: Sequence[Volume]) -> str:
    """Say how channels fail to lie on one grid, as the end of a sentence, or ""."""
    first = volumes[0]
    if len({volume.size for volume in volumes}) > 1:
        sizes = ", ".join(" x ".join(map(str, volume.size)) for volume in volumes)
        return f"are of unequal size ({sizes}); resample them onto one grid"
    for volume in volumes[1:]:
        if not first.is_on_grid_of(volume):
            apart = first.affine.voxels_apart(volume.affine, first.size)
            return (
                f"lie up to {apart:.1f} voxels apart ({first.name}, {volume.name}); "
                "resample them onto one grid"
            )
    return ""


Side = Literal["left", "right"]
Unit = Literal["mm", "pixel"]
#: What stands for a choice of raters (see ``raters``) and so cannot be a rater's name.
NO_RATERS = ("mean", "all")
SHOWN_PROBLEMS = 20


class DatalistError(InputError):
    """A datalist that cannot be used; ``problems`` has one sentence for each thing that is wrong."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = list(problems[:SHOWN_PROBLEMS])
        if len(problems) > SHOWN_PROBLEMS:
            shown.append(f"and {counted(len(problems) - SHOWN_PROBLEMS, 'problem')} more")
        super().__init__(f"The datalist {path} cannot be used: {'; '.join(shown)}.")


@dataclass(frozen=True)
class Case:
    """One row of a datalist, its paths resolved.

    Attributes
    ----------
    row
        Number of the row, from 1.
    images
        One file or colour map, or several: the channels.
    landmarks
        Rater and landmark file, in the order of the datalist.
    subject
        Images of one subject never stand on both sides of a split or fold.
    split, side
        Empty when not given.
    unit
        What the numbers of landmark tables are.
    spacing
        mm per pixel along (i, j) or (i, j, k) where the datalist says it; empty otherwise.
    known
        Landmarks by rater that were read already, when the data set was checked: files are read once.
    content
        Hash of the first image's content, where somebody asked for it when the data set was checked.
    """

    row: int
    images: tuple[Path | DTIColourMap, ...]
    landmarks: tuple[tuple[str, Path], ...]
    subject: str
    split: str = ""
    side: Side | Literal[""] = ""
    unit: Unit = "mm"
    spacing: tuple[float, ...] = ()
    known: Mapping[str, LandmarkSet] = field(default_factory=dict, compare=False, repr=False)
    content: str = field(default="", compare=False, repr=False)

    @property
    def name(self) -> str:
        """The first image's file name, for people."""
        return self.images[0].name

    @property
    def image_files(self) -> tuple[Path, ...]:
        """Every file its channels are read from."""
        return tuple(
            file
            for image in self.images
            for file in (image.files if isinstance(image, DTIColourMap) else (image,))
        )

    @property
    def raters(self) -> tuple[str, ...]:
        """Names of the raters."""
        return tuple(rater for rater, _ in self.landmarks)

    def read_volume(self, channel: int = 0) -> Volume:
        """Read one image, of a colour map the anisotropy; raises InputError as ``read_volume`` does."""
        image = self.images[channel]
        return self.spaced(read_volume(image.fa if isinstance(image, DTIColourMap) else image))

    def spaced(self, volume: Volume) -> Volume:
        """An image as its file has it, with the pixel size that the datalist says."""
        return with_spacing(volume, self.spacing) if self.spacing else volume

    def read_channels(self) -> list[Volume]:
        """Read all channels, see :func:`LandmarkDetectionLib.datasets.cases.read_channels`."""
        return read_channels(self)

    def read_landmarks(self, rater: str | None = None, volume: Volume | None = None) -> LandmarkSet:
        """The landmarks of a rater, read from the file unless they are known, their status from its record.

        Parameters
        ----------
        rater
            The first one when None.
        volume
            The first image, where it is at hand: files that count in pixels need its geometry.

        Returns
        -------
        LandmarkSet
            RAS mm.

        Raises
        ------
        InputError
            The file is broken, or the case has no such rater.
        """
        files = dict(self.landmarks)
        if rater is not None and rater not in files:
            raise InputError(
                f"Row {self.row} ({self.name}) has no landmarks by {rater}, only by {', '.join(files)}."
            )
        rater = rater if rater is not None else self.landmarks[0][0]
        if rater in self.known:
            return self.known[rater]
        from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr_on

        file = files[rater]
        if is_sr(file):
            return read_sr_on(file, self.image_files[0], volume)
        if self.unit == "pixel" or is_labelme(file):
            return read_pixel_landmarks(file, volume if volume is not None else self.read_volume())
        self.require_size_for(file)
        return read_recorded_landmarks(file)

    def require_size_for(self, file: Path) -> None:
        """Refuse points in mm of a pixel size that a person gave, where the case knows none.

        Raises
        ------
        InputError
            The file's record says such a size, and the row has no spacing.
        """
        pixel_mm = recorded_pixel_size(file)
        if pixel_mm is not None and not self.spacing:
            raise InputError(
                f"{file} is in mm of pixels of {pixel_mm:g} mm, which its image does not say; add "
                f'"spacing": {pixel_mm:g} to row {self.row}.'
            )


@dataclass(frozen=True)
class Datalist:
    """A checked data set.

    Attributes
    ----------
    path
        The file.
    name
        What the data set is called.
    cases
        In the order of the file.
    landmark_names
        Landmarks of the cases: in the order of the protocol where there is one, otherwise as they first
        occur. Every case has all of them, unless ``read_datalist`` was told to allow missing ones.
    protocol
        Of the landmarks, where the file names one.
    warnings
        What looks wrong and may be right.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> datalist = ld.read_datalist("heads.json")
    >>> [case.subject for case in datalist], datalist.landmark_names
    (['anna', 'bert'], ('apex', 'base'))
    """

    path: Path
    name: str
    cases: tuple[Case, ...]
    landmark_names: tuple[str, ...]
    protocol: Protocol | None = None
    warnings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject of every case."""
        return tuple(case.subject for case in self.cases)

    @property
    def raters(self) -> tuple[str, ...]:
        """Raters of any case, as they first occur."""
        return tuple(dict.fromkeys(rater for case in self.cases for rater in case.raters))

    def to_learn_from(self) -> Datalist:
        """The cases that may be learned from, by what their splits are called.

        See `splits.splits_to_learn_from`; a case whose subject is in another split, too, is left out.

        Raises
        ------
        InputError
            There is none.
        """
        learned = splits_to_learn_from(case.split for case in self)
        others = {case.subject for case in self if case.split not in learned}
        cases = tuple(case for case in self if case.split in learned and case.subject not in others)
        if not cases:
            raise InputError(f"{self.path} has no case to learn from; call the split to learn from train.")
        return replace(self, cases=cases)

    def of_split(self, split: str) -> tuple[Case, ...]:
        """Cases of one split."""
        return tuple(case for case in self.cases if case.split == split)


def write_datalist(
    rows: Sequence[dict[str, Any]], path: str | os.PathLike[str], name: str = "", **entries: str
) -> None:
    """Write rows as the module describes them; relative paths are relative to the file.

    Parameters
    ----------
    rows
        The cases.
    path
        The file.
    name
        What the data set is called.
    **entries
        More of the file's own: ``description``, ``protocol``.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    write_text(path, json.dumps({"name": name, **entries, "cases": list(rows)}, indent=1) + "\n")
