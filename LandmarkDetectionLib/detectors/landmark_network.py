"""A model as one PyTorch module from images to landmarks, which bundles of MONAI name in their configuration.

MONAI itself is not needed here: its images are tensors that carry their place in the patient.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import make_folder
from LandmarkDetectionLib.io.formats import stem
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.models import load_model

#: The last number of every landmark that `LandmarkNetwork` gives.
STATUSES = (Status.ABSENT, Status.UNCERTAIN, Status.DETECTED)

logger = logging.getLogger(__name__)


class LandmarkNetwork(nn.Module):
    """A model of this library as a PyTorch module: images with their place in, landmarks in RAS mm out.

    Everything that ``detect`` does is done inside: resampling, networks, reading of heatmaps, calibration.
    What is doubtful is logged as a warning. The module has no weights of its own; it reads the package's.

    Parameters
    ----------
    model
        Name of a model, or its folder, for example a bundle's.

    Raises
    ------
    ModelError
        There is no such model, or it cannot be used.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> network = ld.LandmarkNetwork("whole-body-ct")
    >>> network.landmarks[:2]
    ('head_top', 'glabella')
    """

    def __init__(self, model: str | os.PathLike[str]) -> None:
        super().__init__()
        self.model = load_model(model)
        self.landmarks = self.model.protocol.names
        self._saved: dict[Path, str] = {}

    def forward(self, image: Tensor) -> Tensor:
        """Find the landmarks of a batch of images.

        Parameters
        ----------
        image : (B, C, I, J[, K])
            A ``MetaTensor`` as MONAI's ``LoadImage`` gives it, its axes in the order of the file: grey values
            as stored, one channel per image of a case, affine maps to RAS mm.

        Returns
        -------
        (B, L, 5) float32
            x, y, z in RAS mm (NaN where absent), confidence, and 0 for absent, 1 for uncertain, 2 for
            detected.

        Raises
        ------
        InputError
            The tensor does not say where its voxels lie in RAS mm, or the model cannot look at the image.
        """
        if image.ndim not in (4, 5):
            raise InputError(
                f"LandmarkNetwork takes images (B, C, I, J) or (B, C, I, J, K), not a tensor of shape "
                f"{tuple(image.shape)}."
            )
        affines = _affines(image)
        device = "cuda" if image.device.type == "cuda" else "cpu"
        found = []
        for channels, affine in zip(image.detach().cpu(), affines, strict=True):
            # Subscripts of MetaTensors cost more than the voxels.
            volumes = [_volume(np.asarray(channel), affine) for channel in channels.as_subclass(Tensor)]
            detection = detect(volumes[0], self.model, device=device, channels=volumes[1:])
            for doubt in detection.doubts:
                logger.warning("%s", doubt.text)
            found.append([_row(one) for one in detection.landmarks])
        return torch.tensor(found, dtype=torch.float32, device=image.device)

    def save(self, case: Mapping[str, Any], folder: str | os.PathLike[str]) -> Mapping[str, Any]:
        """Write the landmarks of one case as ``NAME.mrk.json`` for 3D Slicer, and give the case back.

        Parameters
        ----------
        case
            ``image``, one image without the axis of the batch, whose metadata have its file name, and
            ``pred``, (L, 5) as ``forward`` gives it.
        folder
            Made when missing.

        Raises
        ------
        OutputError
            The file cannot be written, or another image of this name was written before.
        """
        place = Path(folder)
        make_folder(place)
        names = getattr(case["image"], "meta", {}).get("filename_or_obj", "image")
        name = names if isinstance(names, str) else names[0]
        target = place / f"{stem(Path(name))}.mrk.json"
        if self._saved.setdefault(target, name) != name:
            raise OutputError(
                f"Cannot write {target}: two images have this name; save them into two folders."
            )
        write_landmarks(self.landmark_set(case["pred"]), target)
        return case

    def landmark_set(self, found: Tensor) -> LandmarkSet:
        """What ``forward`` says of one image, (L, 5), as landmarks with names and definitions."""
        marks = []
        rows = found.detach().cpu().as_subclass(Tensor).double().numpy()
        for definition, row in zip(self.model.protocol.landmarks, rows, strict=True):
            marks.append(
                Landmark(
                    name=definition.name,
                    position=row[:3],
                    status=STATUSES[int(row[4])],
                    confidence=float(row[3]),
                    description=definition.definition,
                )
            )
        return LandmarkSet(tuple(marks), name=self.model.protocol.title)


def _affines(image: Tensor) -> list[np.ndarray]:
    """(4, 4) per image of a batch, to RAS mm."""
    affine, meta = getattr(image, "affine", None), getattr(image, "meta", {})
    spaces = meta.get("space")
    spaces = [spaces] if isinstance(spaces, str) or spaces is None else list(spaces)
    if affine is None or any(str(getattr(space, "value", space)) != "RAS" for space in spaces):
        raise InputError(
            "LandmarkNetwork needs images that say where they lie in RAS mm, as MONAI's LoadImage reads "
            "them from NIfTI, NRRD or DICOM; this tensor does not."
        )
    matrices = np.asarray(affine.detach().cpu(), float)
    matrices = matrices[None] if matrices.ndim == 2 else matrices
    if matrices.shape[1:] != (4, 4) or len(matrices) not in (1, len(image)):
        raise InputError(f"LandmarkNetwork needs affines (B, 4, 4), not {matrices.shape}.")
    return [matrices[n if len(matrices) > 1 else 0] for n in range(len(image))]


def _volume(array: np.ndarray, affine: np.ndarray) -> Volume:
    """Of voxels (I, J[, K])."""
    return Volume(np.ascontiguousarray((array if array.ndim == 3 else array[..., None]).T), affine)


def _row(one: Landmark) -> list[float]:
    confidence = np.nan if one.confidence is None else one.confidence
    return [*one.position.tolist(), confidence, float(STATUSES.index(one.status))]
