"""What a window asks of the worker: one type per request, built at one end and read at the other.

A request is a JSON object with ``do``, its ``id``, and the fields of its type; what may be left out, or null,
has a default. Both the worker and the Slicer side use these types, so neither can misspell what the other
reads. Positions are RAS mm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

from LandmarkDetectionLib.errors import InputError

Message = dict[str, Any]
Record: TypeAlias = dict[str, Any]
Texts: TypeAlias = tuple[str, ...]
Shape: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float, float]
Row: TypeAlias = tuple[float, float, float, float]
Matrix: TypeAlias = tuple[Row, Row, Row, Row]


@dataclass(frozen=True, kw_only=True)
class VolumeMessage:
    """Where the voxels of a volume are.

    Attributes
    ----------
    file
        Nothing but voxels in (K, J, I) order.
    dtype
        Their NumPy type with its byte order, such as ``"<i2"``.
    shape
        (K, J, I).
    ijk_to_ras : (4, 4)
        Of voxel centres.
    token
        Another one whenever the voxels are.
    name, modality, spacing_known
        As of a ``Volume``.
    doubts
        Its doubts, as ``core.doubts.doubts_to_record`` gives them.
    """

    file: str
    dtype: str
    shape: Shape
    ijk_to_ras: Matrix
    token: str = ""
    name: str = ""
    modality: str = ""
    spacing_known: bool = True
    doubts: Record = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What all requests have in common."""

    do: ClassVar[str] = ""

    def to_message(self) -> Message:
        """As JSON values, without ``id``."""
        return {"do": self.do, **_values(self)}


@dataclass(frozen=True, kw_only=True)
class Detect(Request):
    """Answered by ``Detection.to_record()``; of search agents with ``paths``, as ``SearchPath.to_record``."""

    do = "detect"
    volume: VolumeMessage
    model: str
    threshold: float | None = None
    depth: str | None = None
    device: str = "auto"
    side: str = "auto"


@dataclass(frozen=True, kw_only=True)
class LocateNear(Detect):
    """Answered by ``Landmark.to_record()`` of the landmark found again near a point."""

    do = "locate_near"
    landmark: str
    near: Point


@dataclass(frozen=True, kw_only=True)
class Refine(Request):
    """Answered by ``Detection.to_record()``; of the review's record all counts that a person settled."""

    do = "refine"
    volume: VolumeMessage
    model: str
    record: Record
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class FindCounterparts(Request):
    """Answered by ``Detection.to_record()`` of the volume: where the landmarks of another one are in it.

    That one is ``source``; ``record`` is the review of its landmarks.
    """

    do = "find_counterparts"
    volume: VolumeMessage
    source: VolumeMessage
    record: Record


@dataclass(frozen=True, kw_only=True)
class Silhouette(Request):
    """Answered by ``threshold`` and ``picture``, a PNG file."""

    do = "silhouette"
    volume: VolumeMessage
    model: str
    path: str
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Picture(Request):
    """Answered by ``picture``, a PNG, SVG or PDF file."""

    do = "picture"
    volume: VolumeMessage
    record: Record
    path: str


@dataclass(frozen=True, kw_only=True)
class ReadImage(Request):
    """Answered by ``path`` and ``modality``: a copy as NRRD, not packed."""

    do = "read_image"
    source: str
    path: str
    series: str | None = None


@dataclass(frozen=True, kw_only=True)
class ListCohort(Request):
    """Answered by ``cases``, ``total`` and ``verdicts``, each of a ``case``, a ``model`` and a reader."""

    do = "cohort"
    folder: str


@dataclass(frozen=True, kw_only=True)
class ReportCohort(Request):
    """Answered by ``page``, of the report written anew."""

    do = "cohort_report"
    folder: str


@dataclass(frozen=True, kw_only=True)
class Install(Request):
    """Answered by ``name`` and ``version`` of the model."""

    do = "install"
    source: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Annotate(Request):
    """Answered by ``file``, ``split``, ``annotations`` and ``held_out``.

    Positions are in the coordinates of the image's own file, in which ``ijk_to_ras`` places the voxels.
    """

    do = "annotate"
    volume: VolumeMessage
    ijk_to_ras: Matrix
    record: Record
    store: str
    protocol: Record
    image: str | None = None
    reviewer: str = ""
    seconds: float | None = None
    comment: str = ""
    subject: str = ""
    copy_image: bool = False


@dataclass(frozen=True, kw_only=True)
class About(Request):
    """Answered by ``version`` of the library, ``python``, ``torch``, and ``address`` of one elsewhere."""

    do = "about"


@dataclass(frozen=True, kw_only=True)
class ListModels(Request):
    """Answered by ``models``: of each its ``name``, ``version``, ``description``, ``capabilities``, ``card``
    and ``protocol``, as its file has it."""

    do = "models"


@dataclass(frozen=True, kw_only=True)
class FineTune(Request):
    """Answered by ``FineTuned.to_record()``."""

    do = "fine_tune"
    model: str
    store: str
    data: Texts = ()
    steps: int | None = None
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Train(Request):
    """Answered by ``name`` and ``version`` of the model."""

    do = "train"
    name: str
    store: str
    preset: str | None = None
    changes: Record = field(default_factory=dict)
    device: str = "auto"
    install: bool | None = None


REQUESTS: dict[str, type[Request]] = {
    kind.do: kind
    for kind in (
        Detect, LocateNear, Refine, FindCounterparts, Silhouette, Picture, ReadImage, ListCohort,
        ReportCohort, Install, About, ListModels, Annotate, FineTune, Train,
    )
}  # fmt: skip


def request_of(message: Any) -> Request:
    """The request of a message.

    Raises
    ------
    InputError
        It is none: there is no such request, an entry is missing or of another kind, or one is not known.

    Examples
    --------
    >>> request_of({"id": 1, "do": "cohort", "folder": "results"})
    ListCohort(folder='results')
    """
    if not isinstance(message, dict):
        raise InputError("A request must be a JSON object with an entry 'do'.")
    do = message.get("do")
    kind = REQUESTS.get(do) if isinstance(do, str) else None
    if kind is None:
        raise InputError(f"There is no request {do!r}; there are {', '.join(REQUESTS)} and quit.")
    entries = {key: value for key, value in message.items() if key not in ("do", "id")}
    request: Request = _read(kind, entries, f"The request '{do}'")
    return request


def _read(kind: type[Any], entries: Message, what: str) -> Any:
    known = {one.name: one for one in fields(kind)}
    if unknown := [key for key in entries if key not in known]:
        raise InputError(f"{what} has no entry {unknown[0]!r}; it may have {', '.join(known)}.")
    values = {}
    for name, one in known.items():
        needed = one.default is MISSING and one.default_factory is MISSING
        value = entries.get(name)
        if value is not None:
            values[name] = _value(str(one.type).removesuffix(" | None"), value, what, name)
        elif needed:
            raise InputError(f"{what} lacks the entry {name!r}.")
    return kind(**values)


def _value(kind: str, value: Any, what: str, name: str) -> Any:
    if kind == "VolumeMessage" and isinstance(value, dict):
        return _read(VolumeMessage, value, f"{what[:1].upper()}{what[1:]}, in its volume,")
    is_right, wanted = _KINDS[kind]
    if not is_right(value):
        raise InputError(f"{what} has {_short(value)} as {name!r}, which must be {wanted}.")
    return _locked(value) if isinstance(value, list) else value


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def _locked(value: Any) -> Any:
    return tuple(_locked(one) for one in value) if isinstance(value, list | tuple) else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _list_of(count: int | None, is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, list | tuple) and count in (None, len(value)) and all(map(is_right, value))
    )


#: What a field's type demands of a JSON value, and how to say it.
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "str": (_is_text, "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "int": (_is_whole, "a whole number"),
    "float": (_is_number, "a number"),
    "Record": (lambda value: isinstance(value, dict), "an object"),
    "Texts": (_list_of(None, _is_text), "a list of texts"),
    "Shape": (_list_of(3, lambda value: _is_whole(value) and value > 0), "three numbers of voxels"),
    "Point": (_list_of(3, _is_number), "three numbers"),
    "Matrix": (_list_of(4, _list_of(4, _is_number)), "four rows of four numbers"),
    "VolumeMessage": (lambda value: False, "an object"),
}


def _values(one: Any) -> Message:
    values = {}
    for entry in fields(one):
        value = getattr(one, entry.name)
        values[entry.name] = _values(value) if isinstance(value, VolumeMessage) else _unlocked(value)
    return values


def _unlocked(value: Any) -> Any:
    return [_unlocked(one) for one in value] if isinstance(value, tuple) else value
