"""What people saved from 3D Slicer: scenes (.mrml, .mrb), or images with landmark files beside them."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.datasets.importers.tables import IMAGE_SUFFIXES
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json, read_text
from LandmarkDetectionLib.io.records import SLICER_SUFFIXES, read_recorded_landmarks
from LandmarkDetectionLib.wording import counted

VOLUME_TAGS = ("Volume", "VectorVolume")
LANDMARK_TAGS = ("MarkupsFiducial", "MarkupsFiducialNode")
#: Role by which this extension's panel ties landmarks to their volume.
VOLUME_ROLE = "LandmarkDetection.volume"
#: And to the text that is the record of their review.
RECORD_ROLE = "LandmarkDetection.record"


class _Node(NamedTuple):
    name: str
    id: str
    file: Path | None
    transformed: bool
    volume: str
    record: str


def import_slicer(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Import Slicer scenes, or a folder of images with landmark files.

    Parameters
    ----------
    source
        A ``.mrml`` or ``.mrb`` file, or a folder with such (each scene is a subject), or a folder in which
        ``name.nrrd`` has ``name.mrk.json`` or ``name_anything.mrk.json`` beside it.
    out
        New folder to write; what lies in ``.mrb`` files is unpacked into it.

    In a scene, landmarks belong to the volume that they refer to, else to the only volume, else to the volume
    with whose name theirs begins. Several point lists of one volume count as raters, named as the lists.
    What is known of a landmark is taken from the record of its review, in the scene or in a ``.json`` beside
    the file, and never from a description.

    Raises
    ------
    InputError
        There is nothing to import, landmarks belong to no volume, or a volume or its landmarks are under a
        transform that was not hardened.
    OutputError
        The new folder cannot be written.
    """
    source = Path(source)
    if not source.exists():
        raise InputError(f"There is no {source}; check the name.")
    with tempfile.TemporaryDirectory() as temporary:
        scenes = [source] if source.is_file() else sorted([*source.rglob("*.mrml"), *source.rglob("*.mrb")])
        unpacked = Path(temporary)
        cases: list[ImportedCase] = []
        for number, scene in enumerate(scenes):
            if scene.suffix.lower() == ".mrb":
                for inner in _unpack(scene, unpacked / f"{number:03d}_{scene.stem}"):
                    cases += _cases(inner, scene.stem)
            elif scene.suffix.lower() == ".mrml":
                cases += _cases(scene, scene.stem)
            else:
                raise InputError(f"{scene} is no Slicer scene; give a .mrml or .mrb file, or a folder.")
        if not scenes:
            cases = list(_beside(source))
        return write_import(out, _named_apart(cases), name=source.stem, unpacked=unpacked)


def _named_apart(cases: Sequence[ImportedCase]) -> list[ImportedCase]:
    """Cases with a name each for the files of their landmarks."""
    seen: Counter[str] = Counter()
    named = []
    for case in cases:
        seen[case.name] += 1
        count = seen[case.name]
        named.append(case if count == 1 else replace(case, name=f"{case.name}_{count}"))
    return named


def _unpack(bundle: Path, folder: Path) -> list[Path]:
    try:
        with zipfile.ZipFile(bundle) as archive:
            _require_sensible_size(bundle, archive, folder.parent)
            archive.extractall(folder)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        raise InputError(f"{bundle} is damaged or no .mrb file; save the scene again.") from None
    found = sorted(folder.rglob("*.mrml"))
    if not found:
        raise InputError(f"{bundle} holds no scene (.mrml); save it again.")
    return found


MOST_TIMES, MOST_BESIDES = 200, 100_000_000
"""A bundle may hold so many times its own size, and so many bytes besides: images compress far less."""
MOST_FILES = 10_000


def _require_sensible_size(bundle: Path, archive: zipfile.ZipFile, place: Path) -> None:
    """Refuse what would fill the disk, before a byte is unpacked; what an entry says is what is unpacked.

    Raises
    ------
    InputError
        There are too many files, or too many bytes for what such a file can hold or for the disk.
    """
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_TIMES * bundle.stat().st_size + MOST_BESIDES:
        raise InputError(
            f"{bundle} would unpack to {counted(len(entries), 'file')} of {total / 1e9:.1f} GB, which no "
            "saved scene of its size does; it may be made to fill the disk."
        )
    free = shutil.disk_usage(place).free
    if total > 0.9 * free:
        raise InputError(
            f"{bundle} would unpack to {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free in {place}; "
            "make room or set TMPDIR to another disk."
        )


def _cases(scene: Path, subject: str) -> Iterator[ImportedCase]:
    volumes, lists = _read(scene)
    if not volumes or not lists:
        raise InputError(
            f"{scene} has {counted(len(volumes), 'saved volume')} and "
            f"{counted(len(lists), 'saved point list')}; both are needed."
        )
    of_volume: dict[str, list[_Node]] = {}
    for points in lists:
        of_volume.setdefault(_owner(points, volumes, scene).id, []).append(points)
    for volume in volumes:
        owned = of_volume.get(volume.id, [])
        if not owned or volume.file is None:
            continue
        for node in (volume, *owned):
            if node.transformed:
                raise InputError(
                    f"{node.name} in {scene} is under a transform; harden it in Slicer and save again."
                )
        raters = ["rater"] if len(owned) == 1 else [node.name for node in owned]
        yield ImportedCase(
            name=f"{subject}_{volume.name}",
            images=(volume.file,),
            landmarks={
                rater: read_recorded_landmarks(node.file, node.record)
                for rater, node in zip(raters, owned, strict=True)
                if node.file
            },
            subject=subject,
        )


def _owner(points: _Node, volumes: list[_Node], scene: Path) -> _Node:
    referred = points.volume or _associated(points.file)
    for volume in volumes:
        if volume.id == referred:
            return volume
    named = [volume for volume in volumes if points.name.lower().startswith(volume.name.lower())]
    if len(volumes) == 1:
        return volumes[0]
    if len(named) == 1:
        return named[0]
    raise InputError(
        f"The point list {points.name} in {scene} could belong to any of "
        f"{', '.join(volume.name for volume in volumes)}; begin its name with that of its volume."
    )


def _read(scene: Path) -> tuple[list[_Node], list[_Node]]:
    """Volumes and point lists of a scene that were saved to files."""
    try:
        elements = list(ElementTree.parse(scene).getroot())
    except (ElementTree.ParseError, OSError):
        raise InputError(f"{scene} is damaged or no Slicer scene; save it again.") from None
    by_id = {element.get("id", ""): element for element in elements}
    volumes, lists = [], []
    for element in elements:
        if element.tag in VOLUME_TAGS:
            volumes.append(_node(element, by_id, scene))
        elif element.tag in LANDMARK_TAGS:
            lists.append(_node(element, by_id, scene))
    for node in (*volumes, *lists):
        if node.file is not None and not node.file.is_file():
            raise InputError(f"{node.file} of {scene} is missing; save the scene with its data.")
    return [node for node in volumes if node.file], [node for node in lists if node.file]


def _node(element: ElementTree.Element, by_id: dict[str, Any], scene: Path) -> _Node:
    references = _references(element)
    return _Node(
        element.get("name", ""),
        element.get("id", ""),
        _file(element, by_id, scene),
        bool(element.get("transformNodeRef") or references.get("transform")),
        references.get(VOLUME_ROLE, ""),
        _text(by_id.get(references.get(RECORD_ROLE, "")), by_id, scene),
    )


def _references(element: ElementTree.Element) -> dict[str, str]:
    """Ids of other nodes by their roles."""
    parts = (part.partition(":") for part in (element.get("references") or "").split(";"))
    return {role: ids.split()[0] if ids.split() else "" for role, _, ids in parts}


def _file(element: ElementTree.Element, by_id: dict[str, Any], scene: Path) -> Path | None:
    storage = by_id.get(element.get("storageNodeRef") or _references(element).get("storage", ""))
    name = unquote(storage.get("fileName") or "") if storage is not None else ""
    return scene.parent / name if name else None


def _text(element: ElementTree.Element | None, by_id: dict[str, Any], scene: Path) -> str:
    """Of a text node: in the scene, or, as older bundles have it, in a file of its own."""
    if element is None or element.get("text"):
        return element.get("text", "") if element is not None else ""
    file = _file(element, by_id, scene)
    return read_text(file) if file is not None and file.is_file() else ""


def _associated(file: Path | None) -> str:
    """The volume node that the points of a file were placed on, where all say the same one."""
    if file is None or not file.name.lower().endswith(".mrk.json"):
        return ""
    points = [
        point for markup in read_json(file).get("markups", []) for point in markup.get("controlPoints", [])
    ]
    nodes = {str(point.get("associatedNodeID") or "") for point in points} - {""}
    return nodes.pop() if len(nodes) == 1 else ""


def _beside(folder: Path) -> Iterator[ImportedCase]:
    """Images of a folder with the landmark files that are named like them."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    images = {}
    for file in files:
        suffix = next((one for one in IMAGE_SUFFIXES if file.name.lower().endswith(one)), None)
        if suffix:
            images[file] = file.name[: -len(suffix)]
    claimed: dict[Path, list[Path]] = {}
    for file in files:
        suffix = next((one for one in SLICER_SUFFIXES if file.name.lower().endswith(one)), None)
        if suffix is None:
            continue
        stem = file.name[: -len(suffix)]
        near = [
            image
            for image, name in images.items()
            if image.parent == file.parent
            and (stem == name or stem.startswith((f"{name}_", f"{name}-", f"{name} ")))
        ]
        if not near:
            raise InputError(f"{file} belongs to no image beside it; name it like its image.")
        # The longest name: p1_t1_ann.fcsv belongs to p1_t1, not to p1.
        claimed.setdefault(max(near, key=lambda image: len(images[image])), []).append(file)
    for image, owned in claimed.items():
        name = images[image]
        if len(owned) == 1:
            by_rater = {"rater": owned[0]}
        else:
            by_rater = {file.name[len(name) :].split(".")[0].strip("_- ") or "first": file for file in owned}
        if len(by_rater) < len(owned):
            raise InputError(f"{image} has two landmark files of one name; move one.")
        landmarks: dict[str, Path | LandmarkSet] = {
            rater: read_recorded_landmarks(file) for rater, file in by_rater.items()
        }
        yield ImportedCase(name=name, images=(image,), landmarks=landmarks, subject=name)
