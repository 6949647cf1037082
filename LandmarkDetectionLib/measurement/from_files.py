"""From files to measurements: which protocol fits the landmarks, their image, and how it is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.files import is_manifest, read_json
from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr
from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES, READ_SUFFIXES, read_landmarks
from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol, read_protocol
from LandmarkDetectionLib.measurement import Frame, Measurements, known_distance, measure

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.volume import Volume

LEAST_COMMON = 0.5
"""Share of the landmarks that a protocol must know to be taken for theirs."""


#: Said of points of a picture whose file, as all but the full record, knows no unit.
UNIT_UNKNOWN = Doubt(
    "The file does not say whether its positions are mm or pixels of a picture, and they were taken for mm: "
    "give the picture, or say that they are pixels.",
    DoubtKind.PIXELS,
)


@dataclass(frozen=True)
class Found:
    """Landmarks of one file, and what made them.

    Attributes
    ----------
    name
        Of the case: the file's name without its ending.
    landmarks
        RAS.
    model, model_version, doubts
        Of the detection; empty for files that do not say.
    in_pixels
        The detection says that its positions are in pixels, as the image has no pixel size.
    """

    name: str
    landmarks: LandmarkSet
    model: str = ""
    model_version: str = ""
    doubts: tuple[Doubt, ...] = ()
    in_pixels: bool = False


@dataclass(frozen=True)
class PixelSizing:
    """What a person says of the size of pixels; at most one of the three.

    Attributes
    ----------
    pixel_size
        mm.
    ruler
        x1, y1, x2, y2 in pixels of the image, and the distance in mm.
    known_distance
        Two landmarks and their distance in mm.
    """

    pixel_size: float | None = None
    ruler: tuple[float, float, float, float, float] | None = None
    known_distance: tuple[str, str, float] | None = None

    def __post_init__(self) -> None:
        given = [one for one in (self.pixel_size, self.ruler, self.known_distance) if one is not None]
        if len(given) > 1:
            raise InputError("Calibrate in one way only: by pixel size, by a ruler, or by a known distance.")

    def apply(self, frame: Frame, landmarks: LandmarkSet, volume: Volume | None) -> Frame:
        """The calibrated frame.

        Raises
        ------
        InputError
            The size of pixels is known already (``pixel_size``), the image is missing (``ruler``), a landmark
            is missing, or a number cannot be.
        """
        if self.pixel_size is not None:
            if frame.unit == "mm":
                raise InputError(
                    "The image says how large its pixels are; a pixel size is for images that do not. "
                    "Calibrate by a ruler or a known distance instead."
                )
            if not frame.square:
                raise InputError("The pixels are not square, so one size cannot be; use a ruler.")
            return frame.calibrated(self.pixel_size, f"by a given pixel size of {self.pixel_size:g} mm")
        if self.ruler is not None:
            if volume is None:
                raise InputError("A ruler is marked in pixels of the image; give the image.", about="image")
            ends = volume.ijk_to_ras_points([(*self.ruler[:2], 0.0), (*self.ruler[2:4], 0.0)])
            return frame.calibrated_by(ends[0], ends[1], self.ruler[4])
        if self.known_distance is not None:
            return known_distance(frame, landmarks, *self.known_distance)
        return frame


def case_name(path: Path) -> str:
    """Name of the case of a landmark file: the file's without its ending."""
    suffix = next((one for one in (*READ_SUFFIXES, ".json") if path.name.lower().endswith(one)), "")
    return path.name[: -len(suffix)] if suffix else path.stem


def read_found(path: Path, volume: Volume | None = None) -> Found:
    """Landmarks with what is known of their detection.

    Parameters
    ----------
    path
        What ``read_landmarks`` reads, or a DICOM Structured Report of points on an image.
    volume
        This image.

    Raises
    ------
    InputError
        As ``read_landmarks``; or the points are pixels and there is no image.
    """
    name = case_name(path)
    if is_sr(path):
        report = read_sr(path)
        return Found(name, report.landmarks(volume), report.model, report.model_version)
    landmarks = read_landmarks(path)
    if path.name.lower().endswith(LANDMARK_SUFFIXES):
        return Found(name, landmarks)
    record = read_json(path)
    if "schema_version" not in record:
        return Found(name, landmarks)
    from LandmarkDetectionLib.io.records import read_detection

    detection = read_detection(path)
    return Found(
        name,
        landmarks,
        detection.model,
        detection.model_version,
        detection.doubts,
        detection.unit == "px",
    )


def read_record(path: Path) -> Detection:
    """The record of a detection, or one made of plain landmarks; raises InputError as ``read_landmarks``."""
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.io.records import read_detection

    found = read_found(path)
    if found.model or found.doubts or found.in_pixels:
        return read_detection(path)
    return Detection(replace(found.landmarks, name=found.landmarks.name or found.name), "", "")


def protocol_of(landmarks: LandmarkSet, model: str = "", wanted: str | None = None) -> Protocol:
    """The protocol to measure by.

    Parameters
    ----------
    landmarks
        Their names tell when nothing else does.
    model
        Whose protocol is taken when it is installed, unless another one knows as many of the landmarks and
        has fewer others: the model may have learned more since it found these.
    wanted
        The name of a shipped protocol or a ``.json`` file.

    Raises
    ------
    InputError
        There is no such protocol, or none that knows most of the landmarks.
    """
    if wanted is not None:
        return read_protocol(wanted) if wanted.endswith(".json") else load_protocol(wanted)
    names = set(landmarks.names)
    own = _protocol_of_model(model)
    if own is not None and set(own.names) == names:
        return own
    known = [*([] if own is None else [own]), *map(load_protocol, list_protocols())]
    best = max(known, key=lambda one: (len(names & set(one.names)), -len(one.names)))
    if own is not None:
        return best if names & set(best.names) else own
    if len(names & set(best.names)) < LEAST_COMMON * max(len(names), 1) or not names:
        raise InputError(
            f"The landmarks {', '.join(landmarks.names[:3])}, ... belong to no protocol that is known here "
            f"({', '.join(list_protocols())}); choose theirs.",
            about="protocol",
        )
    return best


def _protocol_of_model(name: str) -> Protocol | None:
    from LandmarkDetectionLib.models import load_model

    try:
        return load_model(name).protocol if name else None
    except ModelError:
        return None


def measure_found(
    found: Found,
    protocol: Protocol,
    volume: Volume | None = None,
    calibration: PixelSizing | None = None,
    *,
    in_pixels: bool = False,
    picture_height: float | None = None,
    rater_sd: float | None = None,
) -> Measurements:
    """Measure the landmarks of a file.

    Parameters
    ----------
    found
        From :func:`read_found`.
    protocol
        Of :func:`protocol_of`.
    volume
        Their image, which tells the unit of lengths, the axes of a picture and its height.
    calibration
        What a person says of the pixel size.
    in_pixels
        Without an image: positions are in pixels, not mm.
    picture_height
        Without an image: height of the picture in the unit of the positions.
    rater_sd
        As in :func:`LandmarkDetectionLib.measurement.measure`.

    Raises
    ------
    InputError
        The image is a volume and the protocol is for radiographs, or the calibration cannot be.
    """
    frame = frame_of(found, protocol.view, volume, in_pixels=in_pixels, picture_height=picture_height)
    if calibration is not None:
        frame = calibration.apply(frame, found.landmarks, volume)
    measured = measure(found.landmarks, protocol, frame, rater_sd=rater_sd)
    if frame.note:
        return measured
    # What the millimetres mean is said with every length, not only with the detection.
    told = found.doubts if volume is None else volume.doubts
    sizes = [one for one in told if one.kind is DoubtKind.PIXEL_SIZE and one not in measured.doubts]
    if volume is None and frame.unit == "mm" and not found.model and is_flat(found.landmarks):
        sizes.append(UNIT_UNKNOWN)
    return replace(measured, doubts=(*measured.doubts, *sizes))


def frame_of(
    found: Found,
    view: str,
    volume: Volume | None = None,
    *,
    in_pixels: bool = False,
    picture_height: float | None = None,
) -> Frame:
    """Where the landmarks of a file are measured; parameters as of :func:`measure_found`."""
    if volume is not None:
        return Frame.of(volume, view)
    known = not (in_pixels or found.in_pixels)
    height = float("nan") if picture_height is None else picture_height
    return (
        Frame.space(spacing_known=known)
        if view == "space"
        else Frame.picture(spacing_known=known, height=height)
    )


def framed_protocol(protocol: Protocol) -> Protocol:
    """The protocol itself if it defines coordinate frames, else a shipped one that does for its landmarks.

    A model brings the protocol of the day it was trained, which may know of no frames.
    """
    if protocol.frames:
        return protocol
    names = set(protocol.names)
    others = [
        one
        for one in map(load_protocol, list_protocols())
        if one.frames and one.view == protocol.view and names <= set(one.names)
    ]
    return min(others, key=lambda one: len(one.names), default=protocol)


def is_flat(landmarks: LandmarkSet) -> bool:
    """Whether all lie in the one slice of a picture, as those of a detection in a picture do."""
    places = landmarks.present.positions
    return len(places) > 1 and bool((places[:, 2] == 0).all())


def require_in_image(landmarks: LandmarkSet, volume: Volume, name: str) -> None:
    """Refuse an image that the landmarks cannot be of: none of them lies in it.

    Parameters
    ----------
    landmarks
        RAS mm. Without any that has a place, nothing can be said.
    volume
        The image that they are said to be of.
    name
        Of their file.

    Raises
    ------
    InputError
        None lies in the image.
    """
    places = landmarks.present.positions
    if len(places) and not volume.holds(places).any():
        raise InputError(
            f"None of the landmarks of {name} lies in {volume.name or 'the image'}: they are of "
            "another image, or in other coordinates."
        )


def dicom_files(image: Path, series: str | int | None = None) -> tuple[Path, ...]:
    """The DICOM files of an image, for a Structured Report; empty when it is of another kind."""
    from LandmarkDetectionLib.io import dicom

    if not image.is_dir():
        return (image,) if dicom.is_dicom(image) else ()
    found = dicom.find_series(image)
    if series is not None:
        found = [one for one in found if series in (one.uid, one.number)]
    return found[0].files if len(found) == 1 else ()


def case_files(sources: Sequence[Path]) -> list[Path]:
    """Landmark files, those of folders included, sorted; InputError when a folder holds none."""
    files: list[Path] = []
    for source in sources:
        if not source.is_dir():
            files.append(source)
            continue
        inside = sorted(
            file
            for file in source.iterdir()
            if not is_manifest(file)
            and (file.name.lower().endswith((*LANDMARK_SUFFIXES, ".json")) or is_sr(file))
        )
        # The record of a detection says more than the points beside it.
        records = {file.stem for file in inside if file.suffix == ".json" and not _is_markups(file)}
        kept = [
            file
            for file in inside
            if (file.suffix == ".json" and not _is_markups(file)) or case_name(file) not in records
        ]
        if not kept:
            raise InputError(f"{source} holds no landmark file ({', '.join(READ_SUFFIXES)}, .json).")
        files += kept
    return files


def _is_markups(file: Path) -> bool:
    return file.name.lower().endswith(".mrk.json")
