"""What looks wrong in a detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.models import Model

if TYPE_CHECKING:
    from LandmarkDetectionLib.imaging.body.projection import Projection


LUNG_HU = (-950.0, -500.0)


#: More unusual distances than these are told in one sentence.
MOST_SENTENCES = 3


def segment_lengths(protocol: Protocol, positions: np.ndarray) -> np.ndarray:
    """Lengths (..., lines) mm of the protocol's lines for positions (..., L, 3); NaN where one is absent."""
    names = list(protocol.names)
    ends = np.array([[names.index(a), names.index(b)] for a, b in protocol.lines], int).reshape(-1, 2)
    return np.asarray(np.linalg.norm(positions[..., ends[:, 0], :] - positions[..., ends[:, 1], :], axis=-1))


def plausibility_warnings(
    protocol: Protocol,
    positions: np.ndarray,
    length_range_mm: Mapping[str, tuple[float, float]],
    unit: str = "mm",
) -> list[Doubt]:
    """Doubts about distances no body has and about right landmarks left of their left twins.

    Parameters
    ----------
    positions : (L, 3)
        RAS mm in the protocol's order, NaN where absent.
    length_range_mm : mapping "a-b" to (low, high)
        Range of each of the protocol's lines over the training population.
    unit
        What all lengths are in; of a picture they may be pixels.
    """
    doubts = []
    for (a, b), length in zip(protocol.lines, segment_lengths(protocol, positions), strict=True):
        low, high = length_range_mm.get(f"{a}-{b}", (0.0, np.inf))
        if np.isfinite(length) and not low <= length <= high:
            text = (
                f"{_title(a)} and {_title(b)} are {length:.0f} {unit} apart; "
                f"between {low:.0f} and {high:.0f} {unit} is usual."
            )
            doubts.append(Doubt(text, DoubtKind.DISTANCE, (a, b)))
    if len(doubts) > MOST_SENTENCES:
        doubts = [_together(doubts)]
    names = list(protocol.names)
    swapped = []
    for one, other in protocol.pairs:
        right, left = (one, other) if one.endswith("_right") else (other, one)
        # Hands and feet may cross; shoulders, hips and eyes do not.
        if not right.startswith(("shoulder", "hip", "eye")):
            continue
        if positions[names.index(right), 0] < positions[names.index(left), 0] - 10:
            swapped.append(right.removesuffix("_right"))
    if swapped:
        text = (
            f"Right and left look swapped ({', '.join(swapped)}): "
            "check the side labels and the scan's orientation."
        )
        doubts.append(Doubt(text, DoubtKind.SIDE))
    return doubts


def _together(doubts: list[Doubt]) -> Doubt:
    """One doubt for many unusual distances."""
    landmarks = tuple(dict.fromkeys(name for doubt in doubts for name in doubt.landmarks))
    first = " ".join(doubt.text for doubt in doubts[:2])
    text = f"{len(doubts)} distances between landmarks are unusual; check the landmarks. {first}"
    return Doubt(text, DoubtKind.DISTANCE, landmarks)


def none_found(volume: Volume, model: Model, landmarks: LandmarkSet) -> list[Doubt]:
    """A doubt when an image holds nothing that the model knows, which is a result."""
    if any(one.is_present for one in landmarks):
        return []
    text = f"None of the landmarks of {model.name} lies in {volume.name or 'this image'}."
    return [Doubt(text, DoubtKind.NOT_FOUND)]


def in_pixels(volume: Volume) -> list[Doubt]:
    """A doubt when an image has no millimetres."""
    if volume.spacing_known:
        return []
    text = (
        f"{volume.name or 'The picture'} does not say how large its pixels are: positions and lengths "
        "are in pixels, not mm."
    )
    return [Doubt(text, DoubtKind.PIXELS)]


def orientation_warning(as_labelled: float, turned: Mapping[str, float]) -> Doubt | None:
    """A doubt when the body fits another labelling of the patient axes much better.

    Parameters
    ----------
    as_labelled : float
        Sum of confidences with the scan's own labels.
    turned : mapping name to float
        The same with the body turned about each patient axis.
    """
    best = max(turned, key=lambda name: turned[name])
    if turned[best] < 2.0 or turned[best] < 1.5 * as_labelled + 1.0:
        return None
    causes = {
        "upside down": "the scan looks labelled feet-first instead of head-first (or the reverse)",
        "back to front": "the body looks turned back to front, "
        "as when prone is labelled supine or left and right are swapped",
        "both": "head and feet, and front and back, both look exchanged",
    }
    return Doubt(
        f"The orientation labels may be wrong: {causes[best]}; "
        f"{turned[best]:.1f} instead of {as_labelled:.1f} landmarks would be found with the labels turned.",
        DoubtKind.ORIENTATION,
    )


def mirror_warning(
    volume: Volume, views: Projection, positions: np.ndarray, names: tuple[str, ...]
) -> Doubt | None:
    """A doubt when the organs of a CT lie on the wrong sides.

    A mirrored volume has a perfectly normal outline, so organs must tell: the heart takes room from the
    left lung, and the liver lifts the right half of the diaphragm. Needs air in the lungs, so Hounsfield
    units.

    Parameters
    ----------
    positions : (L, 3)
        Landmarks in RAS mm in the order of ``names``, NaN where absent.
    """
    index = {name: n for n, name in enumerate(names)}
    needed = ("shoulder_right", "shoulder_left")
    if any(name not in index or not np.isfinite(positions[index[name]]).all() for name in needed):
        return None
    shoulders = positions[[index[name] for name in needed]]
    width = abs(shoulders[0, 0] - shoulders[1, 0])
    middle, top = shoulders[:, 0].mean(), shoulders[:, 2].mean()
    spacing = 4.0
    right = np.arange(middle - 0.55 * width, middle + 0.55 * width, spacing)
    superior = np.arange(top - 1.15 * width, top + 0.1 * width, spacing)
    depth = views.coronal
    low, high = np.nanmin(depth.front), np.nanmax(depth.back)
    anterior_points = depth.geometry.to_ras(np.array([[0, 0, low], [0, 0, high]]))[:, 1]
    anterior = np.arange(anterior_points.min(), anterior_points.max(), spacing)
    grid = np.stack(np.meshgrid(superior, anterior, right, indexing="ij"), -1)[..., ::-1].reshape(-1, 3)
    ijk = np.rint(volume.ras_to_ijk_points(grid)).astype(int)
    inside = np.all((ijk >= 0) & (ijk < np.array(volume.voxels.shape)[::-1]), axis=1)
    pixels = np.rint(depth.geometry.from_ras(grid)[:, :2]).astype(int)
    columns, rows = pixels[:, 0], pixels[:, 1]
    inside &= (
        (rows >= 0)
        & (rows < depth.silhouette.shape[0])
        & (columns >= 0)
        & (columns < depth.silhouette.shape[1])
    )
    inside &= depth.silhouette[
        np.clip(rows, 0, depth.silhouette.shape[0] - 1), np.clip(columns, 0, depth.silhouette.shape[1] - 1)
    ]
    values = np.full(len(grid), 1000.0)
    i, j, k = ijk[inside].T
    values[inside] = volume.voxels[k, j, i]
    lung = ((values > LUNG_HU[0]) & (values < LUNG_HU[1])).reshape(len(superior), len(anterior), len(right))
    # Partial volume at the skin also lies between air and tissue: keep what is surrounded by the same.
    from scipy.ndimage import binary_opening

    lung = binary_opening(lung, iterations=2)
    litres = lung.sum() * spacing**3 / 1e6
    if litres < 0.5:
        return None
    right_share = lung[:, :, right > middle].sum() / lung.sum()
    if right_share >= 0.47:
        return None
    return Doubt(
        f"The volume may be mirrored: the right lung holds only {100 * right_share:.0f} % of the air, "
        "and it is usually the larger one.",
        DoubtKind.MIRRORED,
    )


def _title(name: str) -> str:
    return name.replace("_", " ")
