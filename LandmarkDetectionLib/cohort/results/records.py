"""What lies in the output folder of a cohort.

::

    cohort.json                        what is run: CohortSettings
    cases.csv                          the cases that the source held at the last run
    cases/<key>/case.json              what became of a case: CaseRecord
    cases/<key>/<model>/               what a model found in it: the files of ``detect``
        landmarks.mrk.json             for Slicer
        detection.json                 the full record
        measurements.json              where the protocol measures something
        overlay.png, thumbnail.jpg     the views with the landmarks, large and small
    results.parquet, results.csv       one row per case and model that is done, see ``tables``
    failures.csv                       one row per case and model that is not, with the reason
    left_out.csv                       what of the source is no case, with the reason
    report.html, report-data/          the overview of all cases, see ``report``
    reviews/<key>/<model>.json         what a person says of a case, see ``reviews``
    reviews/log.jsonl                  verdicts on whole cases and who did what, see ``verdicts``
    .secret                            what keys are made with; not for sharing

A key names a case and no patient. A case that has no record was not started, or not finished: every record
is written in one step, after the files that it names.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.io.csv_text import unguarded
from LandmarkDetectionLib.io.records import read_detection

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST_LETTERS = 200
"""Of a case's or model's name, as file systems allow for a folder with room for endings."""
SCHEMA_VERSION = 1
"""Of ``cohort.json`` and ``case.json``; raised when an older reader would misunderstand a newer file."""

COHORT, LISTED, SECRET = "cohort.json", "cases.csv", ".secret"
CASES, CASE = "cases", "case.json"
LANDMARKS, DETECTION = "landmarks.mrk.json", "detection.json"
MEASUREMENTS, OVERLAY, THUMBNAIL = "measurements.json", "overlay.png", "thumbnail.jpg"
RESULTS_PARQUET, RESULTS_CSV = "results.parquet", "results.csv"
FAILURES, LEFT_OUT = "failures.csv", "left_out.csv"
#: What a damaged file leads to, whatever in it is damaged.
UNREADABLE_RESULT = (
    InputError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class State(str, Enum):
    """What became of a case with one model, or as a whole."""

    DONE = "done"
    FAILED = "failed"
    SET_ASIDE = "set aside"
    """It ended the process that worked on it, twice."""


@dataclass(frozen=True)
class ModelSettings:
    """A model of the cohort.

    Attributes
    ----------
    name, version
        As in its metadata; ``name`` is also the name of its folder in every case.
    digest
        SHA-256 of all its files.
    protocol
        Name of its protocol.
    """

    name: str
    version: str
    digest: str
    protocol: str = ""


@dataclass(frozen=True)
class CohortSettings:
    """What is run over the cohort.

    Attributes
    ----------
    models
        In the order they were named.
    options
        Of ``detectors.dispatch.detect``: threshold, depth, side; only those that were given.
    identifiers
        Whether keys and records name files, because that was asked for.
    source
        Where the cases come from; empty unless ``identifiers``.
    program
        Version of this program.
    source_digest
        Tells another source from the same one without naming it.
    total
        Cases that the source held when it was last looked through.
    """

    models: tuple[ModelSettings, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    identifiers: bool = False
    source: str = ""
    program: str = ""
    source_digest: str = ""
    total: int = 0

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {"schema_version": SCHEMA_VERSION, "kind": "cohort", **asdict(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CohortSettings:
        """Inverse of :meth:`to_record`; ValueError for a broken one."""
        known: CohortSettings = _checked(cls, record)
        return known


@dataclass(frozen=True)
class Outcome:
    """What one model made of a case.

    Attributes
    ----------
    model, model_version
        Which one; ``model`` is the folder's name, too.
    state
        Done, failed or set aside.
    recipe
        Digest of the model's files and the options: with another one the case is done again.
    kind, reason
        Of a failure: the class of :mod:`LandmarkDetectionLib.errors` and a sentence without identifiers.
    landmarks, present, uncertain
        How many there are in the protocol, were found, and are doubtful.
    confidence
        Mean over the landmarks found; NaN is written as None.
    warnings
        Sentences for people, those of measurements included.
    doubts
        Kind and landmarks of each warning, as ``core.doubts`` writes them; None in records of before.
    seconds
        Of each step: read, project, networks, ..., write.
    files
        SHA-256 of every file written, by its name in the model's folder.
    finished
        ISO 8601, UTC.
    """

    model: str
    model_version: str
    state: State
    recipe: str
    kind: str = ""
    reason: str = ""
    landmarks: int = 0
    present: int = 0
    uncertain: int = 0
    confidence: float | None = None
    warnings: tuple[str, ...] = ()
    doubts: tuple[dict[str, Any], ...] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    finished: str = ""


@dataclass(frozen=True)
class CaseRecord:
    """What became of a case: one outcome per model.

    Attributes
    ----------
    key
        The case's name here, and of its folder.
    digest
        SHA-256 of the contents of its files; empty when they could not be read.
    stamp
        What the file system said of the files when they were hashed; see ``hashing``.
    outcomes
        Of the models, in the order they ran.
    kind_of_file
        "NIfTI", "DICOM series", "NRRD", ...
    modality
        DICOM's word, or "" when the file does not say.
    size, spacing_mm
        Voxels along (i, j, k) and mm between them; empty when it was never opened.
    attempts
        How often a process ended over it before.
    source
        The file or folder; empty unless identifiers were asked for.
    """

    key: str
    digest: str
    stamp: str
    outcomes: tuple[Outcome, ...]
    kind_of_file: str = ""
    modality: str = ""
    size: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    attempts: int = 0
    source: str = ""

    @property
    def state(self) -> State:
        """The worst of its outcomes."""
        states = {one.state for one in self.outcomes}
        return next(one for one in (State.SET_ASIDE, State.FAILED, State.DONE) if one in states)

    @property
    def reason(self) -> str:
        """Of the first outcome that is not done; empty otherwise."""
        return next((one.reason for one in self.outcomes if one.state is not State.DONE), "")

    def outcome(self, model: str) -> Outcome | None:
        """What a model made of it."""
        return next((one for one in self.outcomes if one.model == model), None)

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {"schema_version": SCHEMA_VERSION, "kind": "case", **asdict(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CaseRecord:
        """Inverse of :meth:`to_record`; ValueError for a broken one."""
        known: CaseRecord = _checked(cls, record)
        if not known.outcomes:
            raise ValueError("it has no outcome")
        return known


@dataclass(frozen=True)
class Cohort:
    """The output folder of a cohort; its cases are read one by one, so that it may be of any size.

    Attributes
    ----------
    folder
        Where it is.
    settings
        What is run.
    """

    folder: Path
    settings: CohortSettings

    def listed(self) -> list[str] | None:
        """Keys of the cases that the source held at the last run, sorted; None when nobody says."""
        path = self.folder / LISTED
        if not path.is_file():
            return None
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = csv.DictReader(file)
                return sorted(unguarded(row["case"]) for row in rows) if rows.fieldnames else None
        except (OSError, ValueError, LookupError, TypeError, csv.Error):
            return None  # damaged: written anew by the next run

    def keys(self) -> list[str]:
        """Keys of the cases that have a record and are still in the source, sorted."""
        try:
            with os.scandir(self.folder / CASES) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".")]
        except OSError:
            return []
        listed = self.listed()
        kept = set(names) if listed is None else set(names) & set(listed)
        return sorted(name for name in kept if (self.folder / CASES / name / CASE).is_file())

    def __iter__(self) -> Iterator[CaseRecord]:
        """The records by key, each read when it is asked for; InputError for a broken one."""
        return (read_case(self.folder, key) for key in self.keys())

    def readable(self) -> Iterator[CaseRecord]:
        """The records by key, without those that are broken."""
        found = (find_case(self.folder, key) for key in self.keys())
        return (record for record in found if record is not None)

    def path(self, key: str, model: str, name: str = DETECTION) -> Path:
        """A file of a case; it need not exist. InputError for a name that leads elsewhere."""
        for part in (key, model):
            if not 0 < len(part) <= MOST_LETTERS or part in (".", "..") or set(part) & set("/\\\0"):
                raise InputError(f"The record of {key!r} in {self.folder} is broken; run the batch again.")
        return self.folder / CASES / key / model / name

    def detection(self, key: str, model: str) -> Detection:
        """What a model found in a case; InputError when the file is missing or broken."""
        return read_detection(_regular(self.path(key, model)))

    def measurements(self, key: str, model: str) -> list[dict[str, Any]]:
        """``Measured.to_record()`` of every measurement; empty where the protocol measures nothing."""
        path = self.path(key, model, MEASUREMENTS)
        if not path.is_file():
            return []
        measured = read_json(path).get("measurements")
        if not isinstance(measured, list):
            raise InputError(f"Cannot read {path}: it holds no measurements; run the batch again.")
        return measured


def read_cohort(folder: str | os.PathLike[str]) -> Cohort:
    """Open the output folder of a cohort.

    Raises
    ------
    InputError
        The folder is none, or was written by a newer version of this program.
    """
    folder = Path(folder)
    path = folder / COHORT
    if not path.is_file():
        raise InputError(f"{folder} holds no {COHORT}: it is not the output of 'landmark-detection batch'.")
    return Cohort(folder, _read(path, CohortSettings))


def write_settings(folder: Path, settings: CohortSettings) -> None:
    """Write ``cohort.json``; OutputError when that is not possible."""
    write_text(folder / COHORT, _text(settings.to_record()))


def read_case(folder: Path, key: str) -> CaseRecord:
    """Read the record of a case; InputError when it is missing, broken or that of another one."""
    path = folder / CASES / key / CASE
    record: CaseRecord = _read(path, CaseRecord)
    if record.key != key:
        raise InputError(f"Cannot read {path}: it is the record of another case; run the batch again.")
    return record


def find_case(folder: Path, key: str) -> CaseRecord | None:
    """The record of a case; None when it has none, or a broken one, which is as good as none."""
    try:
        return read_case(folder, key)
    except InputError:
        return None


def write_case(folder: Path, record: CaseRecord) -> None:
    """Write the record of a case, whose folder exists; OutputError when that is not possible."""
    write_text(folder / CASES / record.key / CASE, _text(record.to_record()))


# --------------------------------------------------------------------------------------------------------


def _regular(path: Path) -> Path:
    """Refuse what has no end, such as a named pipe; what is missing is left to the reader."""
    if path.exists() and not path.is_file():
        raise InputError(f"Cannot read {path}: it is no file; run the batch again.")
    return path


def _read(path: Path, kind: Any) -> Any:
    record = read_json(_regular(path))
    version = record.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(
            f"Cannot read {path}: its version is {version!r}, this program reads {SCHEMA_VERSION}; use the "
            "program version that wrote it or a newer one."
        )
    try:
        return kind.from_record(record)
    except UNREADABLE_RESULT as problem:
        raise InputError(f"Cannot read {path}: it is broken ({problem}); run the batch again.") from None


def _checked(kind: Any, record: Mapping[str, Any]) -> Any:
    """A data type from its JSON values; ValueError when one is missing, of another type or not finite.

    What a newer program may have written besides is passed over.
    """
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_json(json.dumps(record, allow_nan=False), strict=True)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg'].lower()}"[:200]) from None


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
