"""Affine maps of space as files: ITK's ``.tfm`` and ``.h5``, a scene of 3D Slicer (``.mrml``), and JSON.

One map, two ways to say it. Here a map takes RAS mm of what is moved to RAS mm of where it goes. Slicer's
transform node says the same ("to parent"): put under it, a volume or a point list moves so. ITK's files say
the inverse in LPS mm: for a place of the result, where to look in the image that is moved, as resampling
needs it. Slicer knows this and shows such a file as the same node (its "from parent").
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine, ras_from_lps
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import atomic_write, write_text

TRANSFORM_SUFFIXES = (".tfm", ".h5", ".mrml", ".json")
DIRECTION = (
    "matrix takes columns (R, A, S, 1) of 'from' to those of 'to', as Slicer's transform node does "
    "'to parent'; itk_matrix is what ITK resamples with: LPS mm of 'to' to LPS mm of 'from'"
)


def write_transform(
    transform: Affine,
    path: str | os.PathLike[str],
    *,
    moved: str = "the scan",
    target: str = "the target",
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a map as a file; the suffix chooses the kind.

    Parameters
    ----------
    transform
        From RAS mm of what is moved to RAS mm of where it goes.
    path
        Ending in ``.tfm``, ``.h5``, ``.mrml`` or ``.json``.
    moved, target
        What both are called, in comments of the file and as the node's name.
    more
        Further entries of the ``.json`` file.

    Raises
    ------
    OutputError
        The suffix is another one, the map squeezes space flat, or the file cannot be written.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> body = ld.place_frames(ld.read_landmarks("ct.mrk.json"), ld.load_protocol("whole-body"))[0]
    >>> ld.write_transform(body.transform, "body.tfm", moved="ct", target="body")
    """
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise OutputError(f"Cannot write {path}: a transform ends in {', '.join(TRANSFORM_SUFFIXES)}.")
    if abs(np.linalg.det(transform.linear)) < 1e-9 or not np.isfinite(transform.matrix).all():
        raise OutputError(f"Cannot write {path}: the transform has no inverse.")
    _WRITERS[path.suffix.lower()](transform, path, _plain(moved), _plain(target), more or {})


def itk_matrix(transform: Affine) -> np.ndarray:
    """(4, 4) from LPS mm of where a map goes to LPS mm of what it moves: what ITK resamples with."""
    # Both sides of the matrix are turned from RAS to LPS.
    return ras_from_lps(ras_from_lps(transform.inverse.matrix).T).T


def _write_tfm(transform: Affine, path: Path, moved: str, target: str, more: Mapping[str, Any]) -> None:
    matrix = itk_matrix(transform)
    numbers = [*matrix[:3, :3].ravel(), *matrix[:3, 3]]
    write_text(
        path,
        "#Insight Transform File V1.0\n"
        f"#From LPS mm of {target} to LPS mm of {moved}, as ITK resamples {moved} into {target}\n"
        "#Transform 0\n"
        "Transform: AffineTransform_double_3_3\n"
        f"Parameters: {' '.join(f'{value:.17g}' for value in numbers)}\n"
        "FixedParameters: 0 0 0\n",
    )


def _write_h5(transform: Affine, path: Path, moved: str, target: str, more: Mapping[str, Any]) -> None:
    import SimpleITK as sitk  # noqa: N813

    from LandmarkDetectionLib.io.itk import quiet

    matrix = itk_matrix(transform)
    itk = sitk.AffineTransform(3)
    itk.SetMatrix(matrix[:3, :3].ravel().tolist())
    itk.SetTranslation(matrix[:3, 3].tolist())
    with atomic_write(path) as temporary:
        try:
            with quiet(sitk):
                sitk.WriteTransform(itk, str(temporary))
        except RuntimeError as error:
            raise OutputError(f"Cannot write {path}: ITK refuses it; choose .tfm.") from error


def _write_mrml(transform: Affine, path: Path, moved: str, target: str, more: Mapping[str, Any]) -> None:
    numbers = " ".join(f"{value:.17g}" for value in transform.matrix.ravel())
    write_text(
        path,
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<MRML version="Slicer4.4.0" userTags="">\n'
        f'  <LinearTransform id="vtkMRMLLinearTransformNode1" name={quoteattr(f"{moved} to {target}")} '
        'hideFromEditors="false" selectable="true" selected="false" userTags="" '
        f'readWriteAsTransformToParent="true" matrixTransformToParent="{numbers}"></LinearTransform>\n'
        "</MRML>\n",
    )


def _write_json(transform: Affine, path: Path, moved: str, target: str, more: Mapping[str, Any]) -> None:
    record = {
        "from": f"RAS mm of {moved}",
        "to": f"RAS mm of {target}",
        "direction": DIRECTION,
        "matrix": transform.matrix.tolist(),
        "itk_matrix": itk_matrix(transform).tolist(),
        **more,
    }
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _plain(name: str) -> str:
    """A name on one line, of letters that XML allows."""
    return " ".join("".join(letter for letter in name if letter.isprintable()).split()) or "unnamed"


_WRITERS: dict[str, Callable[[Affine, Path, str, str, Mapping[str, Any]], None]] = {
    ".tfm": _write_tfm,
    ".h5": _write_h5,
    ".mrml": _write_mrml,
    ".json": _write_json,
}
