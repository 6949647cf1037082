"""What can be wrong with a data set: every file is looked at once, and everything found is said at once.

Refused is what cannot be right:

- files that do not exist or cannot be read, empty landmark files, constant images
- one image in two rows, by its file or by its pixels; a subject in two splits with different images; an empty
  split
- landmark names that differ between cases (misspelt ones with the name that was meant)
- landmarks outside their image, with a word on exchanged axes, LPS taken for RAS, or pixels taken for mm (or
  the other way round) where that explains it; all landmarks of a case at one place; a landmark that no case
  has
- channels on different grids, cases with different numbers of channels, 2D mixed with 3D

Warned about is what may be right: see :mod:`LandmarkDetectionLib.datasets.shape_checks` for cases whose
landmarks lie unlike those of the others; further raters that only some cases have, pixel sizes that are
unknown for some images or far apart, landmarks of two cases at exactly the same places, and a pixel size that
contradicts the file's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

import numpy as np

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case, grid_problem, read_files
from LandmarkDetectionLib.datasets.findings import Finding, ImageFacts
from LandmarkDetectionLib.datasets.shape_checks import check_shapes
from LandmarkDetectionLib.datasets.splits import is_training
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io import raster
from LandmarkDetectionLib.io.pixel_landmarks import counts_pixels
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol


Missing = Literal["refuse", "allow"]
Fingerprint = Callable[["Case", Sequence[Volume]], str]
#: Share of the image's extent by which a landmark may lie outside it: a cut fingertip, a chin off the film.
OUTSIDE = 0.1
#: Likeness of two names (``difflib``) from which one may be a misspelling of the other.
ALIKE = 0.8
#: The same for names of at most so many letters, of which one is a larger share.
ALIKE_SHORT, SHORT = 0.75, 6
#: Pixel sizes that differ by more than this factor are probably not those of one kind of image.
SPACING_RATIO = 3.0
#: Words that are alike in spelling and opposite in meaning.
OPPOSITES = (
    ("left", "right"),
    ("upper", "lower"),
    ("superior", "inferior"),
    ("anterior", "posterior"),
    ("medial", "lateral"),
    ("proximal", "distal"),
    ("front", "back"),
    ("top", "bottom"),
)


@dataclass(frozen=True)
class Survey:
    """A data set that was looked at.

    Attributes
    ----------
    names
        Landmarks, in the order of the protocol where there is one, otherwise as they first occur.
    findings
        By row; those of the whole set last.
    cases
        Those that were given, with the landmarks that could be read and what ``fingerprint`` said.
    """

    names: tuple[str, ...]
    findings: tuple[Finding, ...]
    cases: tuple[Case, ...]


@dataclass
class _Seen:
    """A case and what could be read of it."""

    case: Case
    image: ImageFacts | None
    sets: dict[str, LandmarkSet]
    content: str = ""

    def finding(self, kind: str, text: str, fatal: bool = True) -> Finding:
        return _of(self.case, kind, text, fatal)


def survey(
    cases: Sequence[Case],
    missing: Missing = "refuse",
    protocol: Protocol | None = None,
    splits: Sequence[str] = (),
    fingerprint: Fingerprint | None = None,
) -> Survey:
    """Look at every file of a data set, once.

    Parameters
    ----------
    cases
        Of a datalist.
    missing
        Whether cases may lack landmarks that others have.
    protocol
        That the landmark names must be from.
    splits
        That must have a case each.
    fingerprint
        Called with every case and its images, while they are open, if they lie on one grid; for
        ``Case.content``.
    """
    findings = [*_repeated_images(cases), *_splits(cases, splits)]
    seen = []
    for case in cases:
        lost = [
            file for file in (*case.image_files, *(file for _, file in case.landmarks)) if not file.exists()
        ]
        findings += [_of(case, "missing file", f"there is no file {file}") for file in lost]
        seen.append(_look(case, findings, fingerprint) if not lost else _Seen(case, None, {}))
    names = _names(seen, protocol)
    findings += _check_names(seen, names, missing, protocol)
    for one in seen:
        findings += _check_case(one, missing)
    findings += [
        *_divided_subjects(seen),
        *_repeated_pixels(seen),
        *_unlike_images(seen),
        *_copied_landmarks(seen),
        *_raters(seen),
    ]
    if missing == "allow":
        findings += _never_present(seen, names, protocol)
    if not any(finding.fatal for finding in findings):
        findings += _shapes(seen, names, protocol.pairs if protocol is not None else ())
    # A stable sort: within a row the order of the checks, and what is of no row last.
    findings.sort(key=lambda finding: finding.row or len(cases) + 1)
    read = tuple(replace(one.case, known=one.sets, content=one.content) for one in seen)
    return Survey(names, tuple(findings), read)


def _of(case: Case, kind: str, text: str, fatal: bool = True) -> Finding:
    return Finding(kind, text, fatal, case.row, case.name)


# --- reading --------------------------------------------------------------------------------------------


def _look(case: Case, findings: list[Finding], fingerprint: Fingerprint | None) -> _Seen:
    image, volumes, content = None, [], ""
    try:
        stored = read_files(case)
        volumes = [case.spaced(volume) for volume in stored]
        image = _facts(volumes)
        findings += [*_doubts(case, volumes), *_contradicted_spacing(case, stored[0])]
        if problem := grid_problem(volumes):
            findings.append(_of(case, "grid", f"its channels {problem}"))
        elif fingerprint is not None:
            content = fingerprint(case, volumes)
    except InputError as error:
        findings.append(_of(case, "image", str(error).rstrip(".")))
    sets = {}
    for rater, file in case.landmarks:
        if not volumes and (case.unit == "pixel" or counts_pixels(file)):
            continue
        try:
            sets[rater] = case.read_landmarks(rater, volumes[0] if volumes else None)
        except InputError as problem:
            findings.append(_of(case, "landmark file", str(problem).rstrip(".")))
    return _Seen(case, image, sets, content)


def _doubts(case: Case, volumes: Sequence[Volume]) -> Iterator[Finding]:
    """What readers doubt of images; how large Slicer shows one matters only for points in its millimetres."""
    for text in dict.fromkeys(text for volume in volumes for text in volume.warnings):
        if text != raster.PRINTED or not (case.unit == "pixel" or case.spacing):
            yield _of(case, "image doubtful", text[:1].lower() + text[1:].rstrip("."), fatal=False)


def _facts(volumes: Sequence[Volume]) -> ImageFacts:
    digest = hashlib.blake2b(digest_size=16)
    for volume in volumes:
        digest.update(f"{volume.shape} {volume.voxels.dtype}".encode())
        digest.update(np.ascontiguousarray(volume.voxels).data)
    constant = tuple(volume.name for volume in volumes if (volume.voxels == volume.voxels[0, 0, 0]).all())
    first = volumes[0]
    return ImageFacts(
        first.size, first.ijk_to_ras, first.spacing_known, len(volumes), digest.hexdigest(), constant
    )


def _contradicted_spacing(case: Case, volume: Volume) -> Iterator[Finding]:
    stored = volume.spacing[: len(case.spacing)]
    if case.spacing and volume.spacing_known and not np.allclose(stored, case.spacing, rtol=0.01):
        sides = " x ".join(f"{side:.4g}" for side in stored)
        told = " x ".join(f"{side:.4g}" for side in case.spacing)
        text = f"its file says that a pixel has {sides} mm, and the datalist {told} mm, which is taken"
        yield _of(case, "spacing contradicted", text, fatal=False)


# --- rows against each other ----------------------------------------------------------------------------


def _repeated_images(cases: Sequence[Case]) -> Iterator[Finding]:
    known: dict[object, Case] = {}
    for case in cases:
        for file in case.image_files:
            first = known.setdefault(file.resolve(), case)
            if first is not case:
                text = f"its image {file.name} is that of row {first.row} already"
                yield _of(case, "repeated image", text)
        if len({file.resolve() for file in case.image_files}) < len(case.image_files):
            yield _of(case, "repeated image", "it names the same image for two channels")


def _divided_subjects(seen: Sequence[_Seen]) -> Iterator[Finding]:
    """A mistake of whoever divided; one image in two splits, as public sets have it, is warned about."""
    first: dict[str, _Seen] = {}
    for one in seen:
        case = one.case
        known = first.setdefault(case.subject, one)
        if known.case.split == case.split:
            continue
        text = (
            f"subject {case.subject} is in the split {case.split!r} here and in {known.case.split!r} in row "
            f"{known.case.row}"
        )
        if one.image is not None and known.image is not None and one.image.checksum == known.image.checksum:
            text += ", with the same image; it is not learned from where the other one is measured"
            yield one.finding("divided subject", text, fatal=False)
        else:
            yield one.finding("divided subject", text)


def _splits(cases: Sequence[Case], wanted: Sequence[str]) -> Iterator[Finding]:
    there = sorted({case.split for case in cases})
    for split in wanted:
        if split not in there:
            meant = next((one for one in there if one and alike(one, split)), None)
            hint = (
                f"; did row {next(c.row for c in cases if c.split == meant)} mean it by '{meant}'"
                if meant
                else ""
            )
            yield Finding("empty split", f"no case is in the split '{split}'{hint}")
    if wanted and there[0] == "" and len(there) > 1:
        for case in cases:
            if not case.split:
                yield _of(case, "no split", "it is in no split, and other cases are")


def _repeated_pixels(seen: Sequence[_Seen]) -> Iterator[Finding]:
    known: dict[str, _Seen] = {}
    for one in seen:
        if one.image is None or one.image.constant:
            continue
        first = known.setdefault(one.image.checksum, one)
        same_file = set(one.case.image_files) & set(first.case.image_files)
        if first is not one and not same_file:
            # Under one subject no fold can divide the two.
            leaks = one.case.subject != first.case.subject
            advice = "; remove one of them, or give both one subject" if leaks else ""
            text = f"its image has the same pixels as {first.case.name} of row {first.case.row}{advice}"
            yield one.finding("repeated pixels", text, fatal=leaks)


def _unlike_images(seen: Sequence[_Seen]) -> Iterator[Finding]:
    images = [(one, one.image) for one in seen if one.image is not None]
    if not images:
        return
    # Of two equally frequent ones the first.
    channels, _ = Counter(image.channels for _, image in images).most_common()[0]
    flat, _ = Counter(image.is_2d for _, image in images).most_common()[0]
    for one, image in images:
        if image.channels != channels:
            yield one.finding(
                "channels", f"it has {counted(image.channels, 'channel')}, and most cases {channels}"
            )
        if image.is_2d != flat:
            this, most = ("2D", "3D") if image.is_2d else ("3D", "2D")
            yield one.finding("dimensions", f"its image is {this}, and most are {most}")
    unknown = [one for one, image in images if not image.spacing_known]
    if 0 < len(unknown) < len(images):
        rows = _listed_rows(unknown)
        text = f"the pixel size of {rows} is unknown, so that lengths there are in pixels and elsewhere in mm"
        yield Finding("mixed spacing", text, fatal=False)
    sizes = [(one, float(np.prod(image.spacing)) ** (1 / len(image.spacing))) for one, image in images]
    sizes = [
        (one, size) for (one, size), (_, image) in zip(sizes, images, strict=True) if image.spacing_known
    ]
    if sizes:
        middle = float(np.median([size for _, size in sizes]))
        for one, size in sizes:
            if not 1 / SPACING_RATIO < size / middle < SPACING_RATIO:
                text = f"its pixels have {size:.3g} mm, and those of most cases {middle:.3g} mm"
                yield one.finding("mixed spacing", text, fatal=False)


def _copied_landmarks(seen: Sequence[_Seen]) -> Iterator[Finding]:
    known: dict[bytes, _Seen] = {}
    for one in seen:
        for landmarks in one.sets.values():
            placed = landmarks.present
            if len(placed) < 2:
                continue
            key = repr([(mark.name, mark.position.tolist()) for mark in placed]).encode()
            first = known.setdefault(key, one)
            if first is not one:
                text = (
                    f"its landmarks lie exactly where those of {first.case.name} in row {first.case.row} lie"
                )
                yield one.finding("copied landmarks", text, fatal=False)
                break


def _raters(seen: Sequence[_Seen]) -> Iterator[Finding]:
    raters = dict.fromkeys(rater for one in seen for rater in one.case.raters)
    for rater in raters:
        without = [one for one in seen if rater not in one.case.raters]
        if without:
            yield Finding("missing rater", f"{rater} marked nothing in {_listed_rows(without)}", fatal=False)


def _shapes(
    seen: Sequence[_Seen], names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    """The landmarks of each rater compared between cases."""
    raters = list(dict.fromkeys(rater for one in seen for rater in one.sets))
    for rater in raters:
        whole = [
            (one.case, one.image, one.sets[rater])
            for one in seen
            if one.image is not None and rater in one.sets
        ]
        for finding in check_shapes(whole, names, pairs):
            yield replace(finding, text=f"{rater}: {finding.text}") if len(raters) > 1 else finding


# --- names ----------------------------------------------------------------------------------------------


def alike(first: str, second: str) -> bool:
    """Whether one name may be a misspelling of the other, and not of another level or side."""
    first, second = (
        " ".join("".join(c if c.isalnum() else " " for c in one.lower()).split()) for one in (first, second)
    )
    if first.replace(" ", "") == second.replace(" ", ""):
        return True
    if [c for c in first if c.isdigit()] != [c for c in second if c.isdigit()]:
        return False
    for one, other in OPPOSITES:
        if (one in first and other in second) or (other in first and one in second):
            return False
    if sorted(first) == sorted(second):
        return True
    return SequenceMatcher(None, first, second).ratio() >= (
        ALIKE if max(len(first), len(second)) > SHORT else ALIKE_SHORT
    )


def _names(seen: Sequence[_Seen], protocol: Protocol | None) -> tuple[str, ...]:
    used = dict.fromkeys(name for one in seen for landmarks in one.sets.values() for name in landmarks.names)
    if protocol is None:
        return tuple(used)
    return (
        *(name for name in protocol.names if name in used),
        *(name for name in used if name not in protocol.names),
    )


def _check_names(
    seen: Sequence[_Seen], names: Sequence[str], missing: Missing, protocol: Protocol | None
) -> Iterator[Finding]:
    sets = [(one, rater, landmarks) for one in seen for rater, landmarks in one.sets.items()]
    if missing == "refuse" and sets:
        reference, _, expected = sets[0]
        for one, rater, landmarks in sets:
            yield from _unequal(one, rater, landmarks, expected.names, reference.case.row)
    if protocol is not None:
        for one, rater, landmarks in sets:
            for name in landmarks.names:
                if name not in protocol.names:
                    meant = [known for known in protocol.names if alike(name, known)]
                    text = f"its landmarks{_by(rater)} have {name}, which the protocol {protocol.name} lacks"
                    yield one.finding("misspelt", text + _meant(meant))
    elif missing == "allow":
        having = {name: [n for n, (_, _, marks) in enumerate(sets) if name in marks] for name in names}
        for rare in names:
            meant = [
                name
                for name in names
                if len(having[name]) > len(having[rare])
                and not set(having[name]) & set(having[rare])
                and alike(name, rare)
            ]
            if meant:
                for n in having[rare]:
                    one, rater, _ = sets[n]
                    yield one.finding(
                        "misspelt",
                        f"its landmarks{_by(rater)} have {rare}, which few cases have{_meant(meant)}",
                    )


def _unequal(
    one: _Seen, rater: str, landmarks: LandmarkSet, names: Sequence[str], row: int
) -> Iterator[Finding]:
    lacking = [name for name in names if name not in landmarks]
    extra = [name for name in landmarks.names if name not in names]
    if lacking:
        text = f"its landmarks{_by(rater)} lack {', '.join(lacking)}, which row {row} has"
        yield one.finding("names", text)
    if extra:
        meant = [name for name in lacking if any(alike(name, other) for other in extra)]
        text = f"its landmarks{_by(rater)} have {', '.join(extra)}, which row {row} lacks"
        yield one.finding("misspelt" if meant else "names", text + _meant(meant))


def _never_present(
    seen: Sequence[_Seen], names: Sequence[str], protocol: Protocol | None
) -> Iterator[Finding]:
    placed = {mark.name for one in seen for landmarks in one.sets.values() for mark in landmarks.present}
    for name in names:
        if name not in placed:
            yield Finding(
                "never present", f"the landmark {name} has no position in any case; mark it or remove it"
            )
    if protocol is not None and (absent := [name for name in protocol.names if name not in names]):
        text = f"no case has {', '.join(absent)} of the protocol {protocol.name}"
        yield Finding("never present", text, fatal=False)
    trained = next((one.case.split for one in seen if is_training(one.case.split)), None)
    if trained is not None:
        learned = {
            mark.name
            for one in seen
            if is_training(one.case.split)
            for landmarks in one.sets.values()
            for mark in landmarks.present
        }
        for name in names:
            if name in placed and name not in learned:
                yield Finding("never present", f"no case of the split {trained!r} has the landmark {name}")


def _by(rater: str) -> str:
    return "" if rater == "rater" else f" by {rater}"


def _meant(names: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(names[:3])}" if names else ""


# --- one case -------------------------------------------------------------------------------------------


def _check_case(one: _Seen, missing: Missing) -> Iterator[Finding]:
    if one.image is not None:
        for name in one.image.constant:
            yield one.finding("constant image", f"every pixel of {name} has the same value")
    for rater, landmarks in one.sets.items():
        placed = landmarks.present
        if not placed.landmarks:
            yield one.finding("no landmarks", f"its landmark file{_by(rater)} has no point with a position")
            continue
        unset = [mark.name for mark in landmarks if not mark.is_present]
        if unset and missing == "refuse":
            text = f"its landmarks{_by(rater)} leave {', '.join(unset)} without a position"
            yield one.finding("no position", text)
        if len(placed) > 1 and np.ptp(placed.positions, axis=0).max() == 0:
            yield one.finding("one place", f"all its landmarks{_by(rater)} lie at the same place")
        if one.image is not None:
            yield from _misplaced(one, placed, one.image)


def _misplaced(one: _Seen, landmarks: LandmarkSet, image: ImageFacts) -> Iterator[Finding]:
    """Landmarks outside the image, and what explains it where something does."""
    positions = landmarks.positions
    lost = _outside(positions, image, 0.0)
    if lost.any():
        explanations = {
            "x and y are exchanged (swapped axes)": positions[:, [1, 0, 2]],
            "the signs of x and y are turned (LPS taken for RAS, swapped axes)": positions * (-1, -1, 1),
            "the sign of y is turned (swapped axes)": positions * (1, -1, 1),
        }
        if not image.is_2d:
            explanations |= {
                "x and z are exchanged (swapped axes)": positions[:, [2, 1, 0]],
                "y and z are exchanged (swapped axes)": positions[:, [0, 2, 1]],
            }
        # Another unit moves all landmarks; where few are outside, these are misplaced.
        if lost.mean() >= 0.25:
            explanations |= _other_units(one, positions, image)
        explained = (text for text, moved in explanations.items() if not _outside(moved, image, 0.0).any())
        if text := next(explained, None):
            yield one.finding("misplaced", f"its landmarks lie outside the image, but inside it if {text}")
            return
    outside = _outside(positions, image, OUTSIDE)
    if outside.any():
        names = [name for name, out in zip(landmarks.names, outside, strict=True) if out]
        yield one.finding(
            "outside", f"{', '.join(names)} lie{'s' if len(names) == 1 else ''} outside the image"
        )


def _other_units(one: _Seen, positions: np.ndarray, image: ImageFacts) -> dict[str, np.ndarray]:
    """Positions as they would be, had the file's numbers another unit."""
    if one.case.unit == "pixel":
        # What was read as indices, taken as mm: RAS, and LPS as pictures have it.
        numbers = image.ijk(positions)
        return {
            "the numbers are mm, not pixels": numbers,
            "the numbers are mm from the image's corner, not pixels": image.ras(
                numbers / np.resize([*image.spacing, 1.0], 3)
            ),
        }
    return {
        "the numbers are pixels, not mm": image.ras(positions),
        "the numbers are pixels of an LPS file, not mm": image.ras(positions * (-1, -1, 1)),
    }


def _outside(positions: np.ndarray, image: ImageFacts, margin: float) -> np.ndarray:
    """(N,) bool: farther outside the image than a share of its extent, half a voxel at least."""
    size = np.array(image.size, float)
    ijk = image.ijk(positions)
    room = np.maximum(margin * size, 0.51)
    if image.is_2d:
        ijk = ijk[:, :2]
        size, room = size[:2], room[:2]
    return np.asarray(((ijk < -room) | (ijk > size - 1 + room)).any(axis=1))


# --- words ----------------------------------------------------------------------------------------------


def _listed_rows(seen: Sequence[_Seen], limit: int = 5) -> str:
    named = [f"row {one.case.row} ({one.case.name})" for one in seen[:limit]]
    return ", ".join(named) + (f" and {len(seen) - limit} more" if len(seen) > limit else "")
