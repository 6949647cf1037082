"""DICOM files in any order -> series, each a case or left out for a reason."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.cohort.sources.case_source import SERIES, CaseSource, Found, LeftOut, identity_below
from LandmarkDetectionLib.dicom import NOT_IMAGES, read_header

TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "ImageType",
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

DAMAGED = "damaged, or not DICOM although its name says so"


@dataclass
class _Series:
    """What is known of a series while its files come in; headers are not kept."""

    modality: str
    description: str
    image_type: frozenset[str]
    sop_class: str
    is_image: bool
    files: list[Path] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    slices: int = 0

    def reason_to_leave_out(self) -> tuple[str, str]:
        """Kind and reason; empty for a scan."""
        if self.modality in NOT_IMAGES or not self.is_image:
            return "DICOM object", f"not an image ({self.modality or 'unknown kind'})"
        if "LOCALIZER" in self.image_type or LOCALIZER.search(self.description):
            return "localizer", "a localizer"
        if self.image_type & SCREENS:
            return "captured screen", "a captured screen or a page of text"
        if self.sop_class.startswith(SECONDARY_CAPTURE):
            return "secondary capture", "a secondary capture"
        if words := sorted(self.image_type & DERIVED):
            return "derived", f"derived from another series ({', '.join(words)})"
        return "", ""


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
        series = self._series.get(uid) or self._series.setdefault(uid, _new_series(header))
        instance = str(header.get("SOPInstanceUID", path))
        series.files.append(path)
        if instance not in series.images:  # copies count once
            series.images.add(instance)
            series.slices += _whole(header.get("NumberOfFrames")) or 1

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
            if reason and not (every_series and kind not in ("DICOM object",)):
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


def _new_series(header: Any) -> _Series:
    image_type = header.get("ImageType") or ()
    words = [image_type] if isinstance(image_type, str) else list(image_type)
    return _Series(
        modality=str(header.get("Modality") or "").strip(),
        description=str(header.get("SeriesDescription") or "").strip(),
        image_type=frozenset(str(word).strip().upper() for word in words),
        sop_class=str(header.get("SOPClassUID") or ""),
        is_image=bool(header.get("Rows") and header.get("Columns")),
    )


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
