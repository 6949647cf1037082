"""DICOM files in any order -> series, each a case or left out for a reason."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.cohort.sources.case_source import SERIES, CaseSource, Found, LeftOut, identity_below
from LandmarkDetectionLib.io.dicom import LEAST_ALIKE, NOT_IMAGES, image_type, read_header, whole

TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "ImageType",
    "ImageOrientationPatient",
    "Modality",
    "SeriesInstanceUID",
    "SeriesDescription",
    "NumberOfFrames",
    "Rows",
    "Columns",
)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
LOCALIZER = re.compile(r"\b(localizer|localiser|scout|topogram|surview|scanogram|survey)\b", re.IGNORECASE)
#: Words in the image type of pictures that were computed from a scan.
DERIVED = frozenset(
    {
        "MIP",
        "MINIP",
        "MPR",
        "CPR",
        "VRT",
        "SSD",
        "REFORMATTED",
        "PROJECTION IMAGE",
        "ADC",
        "FA",
        "SUBTRACTION",
        "CURVED",
    }
)
SCREENS = frozenset({"SCREEN SAVE", "DOSE_INFO", "DOSE INFO", "PROTOCOL", "REPORT"})

SCAN = ("", "")
OBJECT = "DICOM object"
LOCALIZERS = ("localizer", "a localizer")
#: Images of one direction that are a localizer when the description begins with the word, or just holds it.
MOST_SCOUTS, FEW_SCOUTS = 6, 3

DAMAGED = "damaged, or not DICOM although its name says so"


@dataclass
class _Series:
    """What is known of a series while its files come in; headers are not kept."""

    modality: str = ""
    description: str = ""
    files: list[Path] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    #: Frames by what they are and why they would be left out; ("", "") for those of a scan.
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Frames of the scan by the directions of their rows and columns, in tenths.
    directions: Counter[tuple[float, ...]] = field(default_factory=Counter)

    @property
    def slices(self) -> int:
        """Frames of the scan, or of whatever else the series holds."""
        return self.kinds[SCAN] or sum(self.kinds.values())

    def add(self, header: Any, path: Path) -> None:
        """Count one file in; copies count once."""
        self.files.append(path)
        instance = str(header.get("SOPInstanceUID", path))
        if instance in self.images:
            return
        self.images.add(instance)
        frames = max(whole(header.get("NumberOfFrames")) or 0, 1)
        kind = _kind_of(header)
        self.kinds[kind] += frames
        # Whatever comes first, a scan's own words are those of its slices.
        if not self.modality or (kind == SCAN and not self.directions):
            self.modality = str(header.get("Modality") or "").strip()
            self.description = str(header.get("SeriesDescription") or "").strip()
        if kind == SCAN:
            self.directions[_directions(header)] += frames

    def reason_to_leave_out(self) -> tuple[str, str]:
        """Kind and reason; empty for a scan."""
        objects = {kind: count for kind, count in self.kinds.items() if kind[0] == OBJECT}
        pictures = {kind: count for kind, count in self.kinds.items() if kind not in objects}
        if not pictures:
            return max(objects, key=lambda kind: objects[kind])
        # Reading a scan leaves its scouts out.
        others = {kind: count for kind, count in pictures.items() if kind != LOCALIZERS} or pictures
        kind = max(others, key=lambda one: (others[one], one == SCAN))
        return LOCALIZERS if kind == SCAN and self._is_called_localizer() else kind

    def _is_called_localizer(self) -> bool:
        """Whether the description means what it says: scans are called after bone surveys and scouts, too."""
        word = LOCALIZER.search(self.description)
        if word is None:
            return False
        largest = max(self.directions.values())
        return largest < LEAST_ALIKE * self.slices or self.slices <= (
            MOST_SCOUTS if word.start() == 0 else FEW_SCOUTS
        )


def _kind_of(header: Any) -> tuple[str, str]:
    """What one file is, and why a series of such files is left out; :data:`SCAN` for one of a scan."""
    modality = str(header.get("Modality") or "").strip()
    if modality in NOT_IMAGES or not (header.get("Rows") and header.get("Columns")):
        return OBJECT, f"not an image ({modality or 'unknown kind'})"
    words = image_type(header)
    if "LOCALIZER" in words:
        return LOCALIZERS
    if words & SCREENS:
        return "captured screen", "a captured screen or a page of text"
    if str(header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE):
        return "secondary capture", "a secondary capture"
    if derived := sorted(words & DERIVED):
        return "derived", f"derived from another series ({', '.join(derived)})"
    return SCAN


def _directions(header: Any) -> tuple[float, ...]:
    try:
        return tuple(round(float(value), 1) + 0.0 for value in header.get("ImageOrientationPatient") or ())
    except (TypeError, ValueError):
        return ()


class Archive:
    """Sorts DICOM files into series.

    Parameters
    ----------
    root
        The folder that identities are relative to.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._series: dict[str, _Series] = {}
        self._left_out: list[LeftOut] = []

    def add(self, path: Path) -> None:
        """Look at the header of a file."""
        header = read_header(path, TAGS)
        if header is None:
            self._left_out.append(LeftOut(identity_below(path, self._root), "damaged file", DAMAGED))
            return
        if str(header.get("SOPClassUID", "")) == "1.2.840.10008.1.3.10":
            return  # a DICOMDIR lists what is found anyway
        uid = str(header.get("SeriesInstanceUID", ""))
        self._series.setdefault(uid, _Series()).add(header, path)

    def sorted_out(self, every_series: bool = False) -> Found:
        """The series that are cases, and what is not.

        Parameters
        ----------
        every_series
            Whether whatever holds images of a patient is a case.
        """
        cases: list[CaseSource] = []
        left_out = list(self._left_out)
        for uid, series in self._series.items():
            kind, reason = series.reason_to_leave_out()
            if reason and not (every_series and kind != OBJECT):
                left_out.append(LeftOut(f"series {uid}", kind, reason))
                continue
            cases.append(
                CaseSource(
                    f"series {uid}",
                    tuple(sorted(series.files)),
                    SERIES,
                    uid,
                    series.modality,
                    series.slices,
                    series.description,
                )
            )
        return Found(tuple(cases), tuple(left_out))
