"""How large a pixel of a radiograph is: one rule for all that a DICOM header may say of it.

The rays of a projection spread, so a pixel is larger at the detector than in the patient. DICOM keeps both
apart (PS3.3, 10.7.1.3): ImagerPixelSpacing is of the detector, NominalScannedPixelSpacing of a scanned film,
and PixelSpacing of the patient where a calibration type says so or where it differs from these. Millimetres
that are not known to be of the patient get a sentence; where a size cannot be, the unit is pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from LandmarkDetectionLib.core.doubts import PIXEL_SIZE, Doubt, DoubtKind

TAGS = [
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
]
#: Where a size holds that says nothing of the patient.
RECEPTORS = {"ImagerPixelSpacing": "detector", "NominalScannedPixelSpacing": "scanned film"}
#: Sides in mm that a pixel of a radiograph may have.
SMALLEST_MM, LARGEST_MM = 0.001, 10.0
#: More is no magnification of a person.
MOST_MAGNIFIED = 10.0
#: Sizes that differ by less are the same, written with few digits.
SAME_SIZE = 0.005
#: Magnifications that differ by more contradict one another.
SAME_MAGNIFICATION = 0.05


@dataclass(frozen=True)
class PixelSize:
    """The size of a radiograph's pixels.

    Attributes
    ----------
    sides
        Along (i, j): mm, or widths of a pixel when the size is not known.
    known
        Whether ``sides`` are mm.
    note
        A sentence that begins with ``doubts.PIXEL_SIZE``: what the millimetres mean, or why there are none;
        "" when they are calibrated, or when the header says nothing.
    """

    sides: tuple[float, float]
    known: bool
    note: str = ""

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """The note as a volume has it."""
        return (Doubt(self.note, DoubtKind.PIXEL_SIZE),) if self.note else ()


def pixel_size(value_of: Callable[[str], Any]) -> PixelSize:
    """The size of pixels by the header of a projection radiograph.

    Parameters
    ----------
    value_of
        Gives the value of each of :data:`TAGS` by its keyword: numbers, or DICOM's text with backslashes;
        None or "" where the header lacks it.
    """
    sizes: dict[str, tuple[float, float]] = {}
    for keyword in ("PixelSpacing", *RECEPTORS):
        if not (written := _numbers(value_of(keyword))):
            continue
        if len(written) != 2 or not all(SMALLEST_MM <= side <= LARGEST_MM for side in written):
            found = " x ".join(f"{side:g}" for side in written)
            return _unknown(value_of, f"the file's {keyword} of {found} mm cannot be")
        sizes[keyword] = (written[1], written[0])
    receptor = next((keyword for keyword in RECEPTORS if keyword in sizes), "")
    spacing = sizes.get("PixelSpacing")
    if spacing is not None:
        return PixelSize(spacing, True, _note_of_spacing(spacing, sizes.get(receptor), value_of))
    if receptor:
        return _projected(sizes[receptor], RECEPTORS[receptor], value_of)
    return _unknown(value_of)


def _note_of_spacing(
    spacing: tuple[float, float], receptor: tuple[float, float] | None, value_of: Callable[[str], Any]
) -> str:
    """What PixelSpacing means; "" when it holds in the patient.

    One that repeats the size at the detector is not calibrated (PS3.3 10.7.1.3). It is taken as written, as
    viewers do, and what it means is said.
    """
    if str(value_of("PixelSpacingCalibrationType") or "").strip():
        return ""
    factor = _magnification(value_of)[0]
    by = f" by the magnification of {factor:.4g} that it also says" if factor is not None else ""
    if receptor is None:
        return (
            f"{PIXEL_SIZE}the file does not say whether its PixelSpacing holds in the patient or at the "
            f"detector; if at the detector, everything in the patient is smaller than measured{by}."
        )
    ratios = [side / other for side, other in zip(spacing, receptor, strict=True)]
    if all(abs(ratio - 1) < SAME_SIZE for ratio in ratios):
        return (
            f"{PIXEL_SIZE}millimetres are at the detector, whose size the file's PixelSpacing repeats: "
            f"everything in the patient is smaller than measured{by}; calibrate by a ruler or a known "
            "distance."
        )
    if max(ratios) > 1:
        return (
            f"{PIXEL_SIZE}the file's PixelSpacing is larger than that of its detector, which no calibration "
            "of a patient is; calibrate by a ruler or a known distance."
        )
    return ""


def _projected(sides: tuple[float, float], where: str, value_of: Callable[[str], Any]) -> PixelSize:
    """The size at the detector brought into the patient, as far as the header says how."""
    factor, origin, doubt = _magnification(value_of)
    if factor is None:
        return PixelSize(
            sides,
            True,
            f"{PIXEL_SIZE}millimetres are at the {where}, and {doubt or 'no magnification is known'}: "
            "everything in the patient is smaller than measured, mostly by 5 to 30 %; calibrate by a ruler "
            "or a known distance.",
        )
    note = (
        f"{PIXEL_SIZE}that of the {where} divided by the magnification of {factor:.4g} {origin}; millimetres "
        "hold at that distance from the source only."
    )
    return PixelSize((sides[0] / factor, sides[1] / factor), True, f"{note} {doubt}".strip())


def _magnification(value_of: Callable[[str], Any]) -> tuple[float | None, str, str]:
    """The magnification, where it comes from, and what is doubtful about it."""
    estimated = _number(value_of("EstimatedRadiographicMagnificationFactor"))
    detector, patient = (
        _number(value_of(keyword)) for keyword in ("DistanceSourceToDetector", "DistanceSourceToPatient")
    )
    by_distances = detector / patient if detector and patient and detector > 0 and patient > 0 else None
    usable = [
        (factor, origin)
        for factor, origin in (
            (estimated, "that the file estimates"),
            (by_distances, "by its distances from the source"),
        )
        if factor is not None and 1 < factor <= MOST_MAGNIFIED
    ]
    impossible = [
        factor
        for factor in (estimated, by_distances)
        if factor is not None and not 1 <= factor <= MOST_MAGNIFIED
    ]
    if not usable:
        return None, "", f"a magnification of {impossible[0]:.4g} cannot be" if impossible else ""
    if len(usable) == 2 and abs(usable[0][0] / usable[1][0] - 1) > SAME_MAGNIFICATION:
        return *usable[0], f"Its distances from the source would make it {usable[1][0]:.4g}."
    return *usable[0], ""


def _unknown(value_of: Callable[[str], Any], reason: str = "") -> PixelSize:
    """No millimetres; pixels that are not square are still told apart from such that are."""
    ratio = _numbers(value_of("PixelAspectRatio"))
    height = 1.0
    if len(ratio) == 2 and min(ratio) > 0 and SAME_SIZE < ratio[0] / ratio[1] < 1 / SAME_SIZE:
        height = ratio[0] / ratio[1]
    if height != 1:
        shape = f"pixels are {height:.4g} times as high as wide: positions and lengths are in their widths"
        reason = f"{reason}, and {shape}" if reason else shape
    return PixelSize((1.0, height), False, f"{PIXEL_SIZE}not known; {reason}." if reason else "")


def _numbers(value: Any) -> list[float]:
    """The finite numbers of a header's value; NaN for what is none, so that it counts as written."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        parts: list[Any] = value.split("\\")
    else:
        parts = list(value) if hasattr(value, "__iter__") else [value]
    return [number if (number := _number(part)) is not None else math.nan for part in parts]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
