"""Results of a cohort as a BIDS derivative: a file per image beside the names of its source, tables of all.

::

    dataset_description.json                             what made it, of which data set
    sub-01/ct/sub-01_desc-ctWholeBodyCt_landmarks.tsv    name, x, y, z (RAS mm), confidence, status
    sub-01/ct/..._landmarks.json                         what the columns mean, image, model, warnings
    sub-01/ct/..._landmarks.mrk.json                     the same for Slicer
    sub-01/ct/..._detection.json                         the full record
    sub-01/ct/..._measurements.tsv                       name, value, unit, where something is measured
    sub-01/figures/..._landmarks.png                     the views with the landmarks
    group_landmarks.tsv, group_measurements.tsv          of all participants, by :func:`write_group`

BIDS names no suffix for landmarks, so these are its entities with suffixes of our own (Brain Imaging Data
Structure, version 1.10, "Derivatives"; Gorgolewski et al. 2017, BIDS Apps). The suffix of the image stands in
``desc``, as two contrasts of a session would otherwise be called alike.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cohort.results import records
from LandmarkDetectionLib.cohort.results.records import CaseRecord, Cohort, Outcome, State
from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import atomic_write, make_folder, read_json, read_text, write_text
from LandmarkDetectionLib.io.csv_text import guarded

DESCRIPTION = "dataset_description.json"
PROGRAM = "landmark-detection"
HOME = "https://github.com/landmark-detection/SlicerLandmarkDetection"
BIDS_VERSION = "1.10.0"
#: How the data set that was read is called in the addresses of BIDS (``bids:source:sub-01/...``).
SOURCE = "source"
GROUP_LANDMARKS, GROUP_MEASUREMENTS = "group_landmarks.tsv", "group_measurements.tsv"
NOT_OF_BIDS = (
    *("*_landmarks.*", "*_detection.json", "*_measurements.tsv", "*.manifest.json", "figures/"),
    *(GROUP_LANDMARKS, GROUP_MEASUREMENTS),
)
LANDMARK_COLUMNS = ("name", "x", "y", "z", "confidence", "status")
MEASUREMENT_COLUMNS = ("name", "value", "unit")
OF_IMAGE = ("participant_id", "session_id", "image", "model")


def describe(source: Path, out: Path) -> None:
    """Write ``dataset_description.json``.

    Raises
    ------
    InputError
        The source's own cannot be read.
    OutputError
        The folder holds another data set, or cannot be written.
    """
    path = out / DESCRIPTION
    if path.is_file():
        made_by = read_json(path).get("GeneratedBy")
        if not isinstance(made_by, list) or not any(_name_of(one) == PROGRAM for one in made_by):
            raise OutputError(f"{out} holds another data set; give another folder for the results.")
    said = read_json(source / DESCRIPTION)
    description = {
        "Name": f"Anatomical landmarks of {said.get('Name') or 'a data set'}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": PROGRAM, "Version": __version__, "CodeURL": HOME}],
        "SourceDatasets": [_source_of(said)],
        "DatasetLinks": {SOURCE: _link(source, out)},
    }
    write_text(path, _json(description))
    # What the standard has no suffix for, as its validator is told.
    write_text(out / ".bidsignore", "".join(f"{one}\n" for one in NOT_OF_BIDS))


def write_derivatives(cohort: Cohort, images: Mapping[str, str], out: Path) -> dict[str, tuple[Path, ...]]:
    """Write the files of every image that is done, and take away those of images that no longer are.

    Parameters
    ----------
    cohort
        Results.
    images
        By the key of each case, its path below the data set. Records do not say it: those of before keep
        the place where the data set was then.
    out
        The derivative.

    Returns
    -------
    Files by the path of their image below the source.

    Raises
    ------
    InputError
        A result cannot be read.
    OutputError
        A file cannot be written.
    """
    written: dict[str, tuple[Path, ...]] = {}
    for record in cohort:
        image = Path(images[record.key])
        for outcome in record.outcomes:
            for path in _files_of(out, image, outcome.model):
                path.unlink()
            if outcome.state is State.DONE:
                files = tuple(_write_image(cohort, record, outcome, image, out))
                written[image.as_posix()] = (*written.get(image.as_posix(), ()), *files)
    return written


def write_group(out: Path, participants: Sequence[str] = ()) -> tuple[Path, ...]:
    """Write tables of all participants from what lies in a derivative.

    Parameters
    ----------
    out
        The derivative.
    participants
        Labels without ``sub-``; all of them when there is none.

    Raises
    ------
    InputError
        There is no result of a participant.
    """
    landmarks = list(_gathered(out, "landmarks", LANDMARK_COLUMNS, participants))
    if not landmarks:
        raise InputError(f"{out} holds no results of participants; run the level 'participant' first.")
    measurements = list(_gathered(out, "measurements", MEASUREMENT_COLUMNS, participants))
    tables = (
        (out / GROUP_LANDMARKS, LANDMARK_COLUMNS, landmarks),
        (out / GROUP_MEASUREMENTS, MEASUREMENT_COLUMNS, measurements),
    )
    for path, columns, rows in tables:
        _write_table(path, ((*OF_IMAGE, *columns), *rows))
    return tuple(path for path, _columns, _rows in tables)


# --------------------------------------------------------------------------------------------------------


def _write_image(
    cohort: Cohort, record: CaseRecord, outcome: Outcome, image: Path, out: Path
) -> Iterator[Path]:
    """Write the files of one image and model, giving each."""
    detection = cohort.detection(record.key, outcome.model)
    stem = _stem(image, outcome.model)
    folder = out / image.parent
    make_folder(folder)
    _write_table(folder / f"{stem}_landmarks.tsv", (LANDMARK_COLUMNS, *_landmark_rows(detection)))
    yield folder / f"{stem}_landmarks.tsv"
    write_text(folder / f"{stem}_landmarks.json", _json(_sidecar(cohort, outcome, detection, image)))
    yield folder / f"{stem}_landmarks.json"
    for name, ending in ((records.LANDMARKS, "landmarks.mrk.json"), (records.DETECTION, "detection.json")):
        yield _copy(cohort.path(record.key, outcome.model, name), folder / f"{stem}_{ending}")
    if measured := cohort.measurements(record.key, outcome.model):
        rows = [[one.get(column) for column in MEASUREMENT_COLUMNS] for one in measured]
        _write_table(folder / f"{stem}_measurements.tsv", (MEASUREMENT_COLUMNS, *rows))
        yield folder / f"{stem}_measurements.tsv"
    overlay = cohort.path(record.key, outcome.model, records.OVERLAY)
    if overlay.is_file():
        make_folder(out / image.parts[0] / "figures")
        yield _copy(overlay, out / image.parts[0] / "figures" / f"{stem}_landmarks.png")


def _landmark_rows(detection: Detection) -> Iterator[tuple[object, ...]]:
    for one in detection.landmarks:
        place = one.position if one.position is not None else (None, None, None)
        yield (one.name, *place, one.confidence, one.status.value)


def _sidecar(cohort: Cohort, outcome: Outcome, detection: Detection, image: Path) -> dict[str, Any]:
    digests = {one.name: one.digest for one in cohort.settings.models}
    axes = {"x": "the patient's right", "y": "the front", "z": "the head"}
    return {
        "Description": "Anatomical landmarks that a model found; for research use only.",
        "Sources": [f"bids:{SOURCE}:{image.as_posix()}"],
        "Model": {
            "Name": outcome.model,
            "Version": outcome.model_version,
            "SHA256": digests.get(outcome.model, ""),
        },
        "Warnings": list(detection.warnings),
        "name": {"Description": "Name of the landmark in the model's protocol."},
        **{
            axis: {"Description": f"Towards {end}, in the image's own space (RAS).", "Units": detection.unit}
            for axis, end in axes.items()
        },
        "confidence": {
            "Description": "Calibrated probability that the landmark is in the image and where it is said to "
            "be."
        },
        "status": {
            "Description": "What is known of the landmark.",
            "Levels": {
                "detected": "found",
                "uncertain": "found, and to be looked at",
                "absent": "outside the image; it has no position",
            },
        },
    }


def _stem(image: Path, model: str) -> str:
    """What the files of an image and a model begin with: its entities, and both in ``desc``."""
    entities, _, suffix = image.name.partition(".")[0].rpartition("_")
    words = re.findall("[A-Za-z0-9]+", model)
    label = suffix + "".join(word[0].upper() + word[1:] for word in words)
    return f"{entities}_desc-{label}"


def _files_of(out: Path, image: Path, model: str) -> Iterator[Path]:
    """What lies there of an image and a model."""
    for folder in (out / image.parent, out / image.parts[0] / "figures"):
        yield from folder.glob(f"{_stem(image, model)}_*")


def _gathered(
    out: Path, suffix: str, columns: Sequence[str], participants: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Rows of the tables of all images, with whose they are in front; InputError for a broken table."""
    wanted = {f"sub-{one}" for one in participants}
    for path in sorted(out.glob(f"sub-*/**/*_desc-*_{suffix}.tsv")):
        participant, *below = path.relative_to(out).parts
        if wanted and participant not in wanted:
            continue
        session = next((part for part in below[:-1] if part.startswith("ses-")), "n/a")
        sidecar = read_json(path.with_name(f"{path.name.rpartition('_')[0]}_landmarks.json"))
        try:
            image = sidecar["Sources"][0].removeprefix(f"bids:{SOURCE}:")
            model = sidecar["Model"]["Name"]
        except (LookupError, TypeError, AttributeError):
            raise InputError(
                f"{path} has no image and model beside it; run the level 'participant' again."
            ) from None
        heading, *rows = [line.split("\t") for line in read_text(path).splitlines()]
        if tuple(heading) != tuple(columns) or any(len(row) != len(columns) for row in rows):
            raise InputError(f"{path} is no table of {suffix}; run the level 'participant' again.")
        yield from ((participant, session, image, model, *row) for row in rows)


def _write_table(path: Path, rows: Iterable[Sequence[object]]) -> None:
    write_text(path, "".join("\t".join(map(_cell, row)) + "\n" for row in rows))


def _cell(value: object) -> str:
    """As BIDS writes it: "n/a" for what there is not; numbers to a thousandth."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "n/a"
    if isinstance(value, float):
        return f"{value:.3f}"
    return guarded(re.sub(r"\s", " ", str(value)))


def _copy(path: Path, to: Path) -> Path:
    with atomic_write(to) as temporary:
        shutil.copyfile(path, temporary)
    return to


def _source_of(said: Mapping[str, Any]) -> dict[str, str]:
    """The data set that was read, as ``SourceDatasets`` names it."""
    named = said.get("DatasetDOI")
    return {"DOI": named} if isinstance(named, str) and named else {"URL": f"bids:{SOURCE}:"}


def _link(source: Path, out: Path) -> str:
    """Where the source lies, as seen from the results."""
    try:
        return Path(os.path.relpath(source.resolve(), out.resolve())).as_posix()
    except ValueError:  # another drive
        return source.resolve().as_uri()


def _name_of(made_by: object) -> object:
    return made_by.get("Name") if isinstance(made_by, dict) else None


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
