"""Images of every kind that a Structured Report places points on, and reports of random landmarks on them."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import write_dicom
from LandmarkDetectionLib.measurement import Frame, measure
from LandmarkDetectionLib.reporting import CaseReport

WHEN = datetime(2026, 3, 4, 15, 30)
#: A rotation about no axis of the patient.
OBLIQUE = np.array(
    [
        [0.8528685, -0.4924039, 0.1736482],
        [0.3390303, 0.7877255, 0.5143347],
        [-0.3900458, -0.3797889, 0.8388278],
    ]
)


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 1000, shape).astype(np.int16)


def oblique_ct(folder: Path) -> Path:
    """A folder of nine slices whose rows and columns are along no axis."""
    matrix = np.eye(4)
    left, _, right = np.linalg.svd(OBLIQUE)
    matrix[:3, :3] = left @ right @ np.diag([1.5, 1.2, 3.0])
    matrix[:3, 3] = [-130.3, 240.7, -1812.9]
    write_dicom(Volume(_noise(9, 30, 40), matrix, "CT", "oblique"), folder / "ct")
    return folder / "ct"


def enhanced_ct(folder: Path) -> Path:
    """The same in one file of nine frames, in no order."""
    slices = [pydicom.dcmread(file) for file in sorted(oblique_ct(folder).iterdir())]
    first = slices[0]
    order = [3, 1, 4, 0, 8, 5, 2, 7, 6]
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, first.SliceThickness
    orientation.ImageOrientationPatient = first.ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    frames = []
    for index in order:
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = slices[index].ImagePositionPatient
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    data = slices[0]
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedCTImageStorage
    data.NumberOfFrames = len(order)
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], frames
    data.PixelData = b"".join(one.PixelData for one in slices)
    for keyword in ("PixelSpacing", "SliceThickness", "ImageOrientationPatient", "ImagePositionPatient"):
        delattr(data, keyword)
    data.save_as(folder / "enhanced.dcm")
    return folder / "enhanced.dcm"


def radiograph(folder: Path, kind: str = "DX", **header: object) -> Path:
    """A file of 31 columns and 24 rows without a place in the patient; pixels 0.1 mm high and 0.2 mm wide."""
    write_dicom(Volume(_noise(1, 24, 31), np.eye(4), kind, "picture"), folder / kind)
    path = next((folder / kind).iterdir())
    data = pydicom.dcmread(path)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "PixelSpacing"):
        delattr(data, keyword)
    for keyword, value in ({"PixelSpacing": [0.1, 0.2]} | header).items():
        setattr(data, keyword, value)
    data.save_as(path)
    return path


def files_of(image: Path) -> tuple[Path, ...]:
    """The files of an image, or of a folder of slices."""
    return tuple(sorted(image.iterdir())) if image.is_dir() else (image,)


def somewhere_in(volume: Volume, names: tuple[str, ...], seed: int = 0) -> LandmarkSet:
    """Landmarks anywhere in an image, out to its outer faces; the second is absent, the third missing."""
    random = np.random.default_rng(seed)
    ijk = random.uniform(-0.5, np.array(volume.size) - 0.5, (len(names), 3)) * (
        [1, 1, 0] if volume.is_2d else 1
    )
    statuses = [
        Status.DETECTED,
        Status.ABSENT,
        Status.MISSING,
        Status.UNCERTAIN,
        Status.CORRECTED,
        Status.ACCEPTED,
    ]
    return LandmarkSet(
        tuple(
            Landmark(
                name,
                place,
                statuses[number % len(statuses)],
                None if number == 4 else float(random.uniform()),
                expected_error=float(random.uniform(0, 9)) if statuses[number % 6].has_position else None,
            )
            for number, (name, place) in enumerate(zip(names, volume.ijk_to_ras_points(ijk), strict=True))
        )
    )


def report_of(volume: Volume, landmarks: LandmarkSet, protocol: str = "whole-body") -> CaseReport:
    """A report of a model's landmarks, with what the protocol measures between them."""
    chosen = load_protocol(protocol)
    found = measure(landmarks, chosen, Frame.of(volume, chosen.view))
    return CaseReport("a case", found, landmarks, WHEN, volume, "a-model", "1.2.3")
