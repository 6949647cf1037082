"""Import of BodyParts3D: OBJ files of bones become the skeleton that synthetic bodies are given.

BodyParts3D (Mitsuhashi et al., Nucleic Acids Research 37, D782, 2009) is a whole man in separate surfaces, in
millimetres. Release 4.0 names a file by an element (``FJ3365.obj``) and states the English name of what it
shows in a comment; earlier ones name it by a concept (``FMA24474.obj``) and state the name in a table beside
it. Both are read, from a folder or from the zip file as it was downloaded. Axes and sides are told from the
names of bones.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.synthesis.body.bone_names import ORDINALS, limb_bones
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton, check_skeleton, thinned
from LandmarkDetectionLib.typing import Array

#: How the authors want to be credited (Creative Commons Attribution 4.0 International, as of 2025).
CREDIT = "BodyParts3D, © The Database Center for Life Science licensed under CC Attribution 4.0 International"
CELL_MM = 2.5  # vertices closer than this are merged
HEIGHT_MM = (1400.0, 2000.0)
# Far above what bones of the archive have; keep a file that was made to fill the memory from doing so.
MOST_FILES, MOST_BYTES_OF_ALL, MOST_BYTES_OF_A_BONE = 20_000, 3_000_000_000, 200_000_000
HEADER_BYTES, MOST_BYTES_OF_A_TABLE = 4096, 20_000_000
_NOT_IN_EVERY_RELEASE = (
    *("Atlas", "Ethmoid", "Hyoid", "Sesamoid", "Sphenoid", "Vomer"),
    *("concha", "costal_cartilage", "lacrimal", "palatine"),
)


def bone_names() -> tuple[str, ...]:
    """Names of all bones and discs that a skeleton may have, as ``Skeleton`` writes them."""
    spine = [f"{ordinal}_cervical_vertebra" for ordinal in ORDINALS[2:7]]
    spine += [f"{ordinal}_thoracic_vertebra" for ordinal in ORDINALS]
    spine = ["Axis", *spine, *(f"{ordinal}_lumbar_vertebra" for ordinal in ORDINALS[:5])]
    names = ["Frontal_bone", "Occipital_bone", "Sphenoid_bone", "Ethmoid", "Vomer", "Mandible", "Hyoid_bone"]
    names += ["Atlas", *spine, *(f"Intervertebral_disk_of_{name.lower()}" for name in spine)]
    names += ["Sacrum", "Manubrium", "Body_of_sternum"]
    for side in ("Right", "Left"):
        skull = ("parietal", "temporal", "zygomatic", "nasal", "lacrimal", "palatine")
        names += [*(f"{side}_{name}_bone" for name in skull), f"{side}_maxilla"]
        names += [f"{side}_inferior_nasal_concha", f"{side}_clavicle", f"{side}_scapula", f"{side}_hip_bone"]
        names += [f"{side}_{ordinal.lower()}_rib" for ordinal in ORDINALS]
        names += [f"{side}_{ordinal.lower()}_costal_cartilage" for ordinal in ORDINALS[:7]]
        names += [name for bones in limb_bones(side).values() for name in bones]
    return tuple(name for name in names if not _never_there(name))


def _never_there(name: str) -> bool:
    """Thumbs and big toes have two phalanges."""
    return name.startswith("Middle_phalanx") and name.endswith(("thumb", "big_toe"))


def import_bodyparts3d(source: str | os.PathLike[str], cell_mm: float = CELL_MM) -> Skeleton:
    """Read the bones and discs of BodyParts3D.

    Parameters
    ----------
    source
        Folder with the OBJ files and tables, or the zip file as downloaded; it is read in place.
    cell_mm
        Vertices closer than this are merged.

    Returns
    -------
    Skeleton
        RAS mm, faces turned outwards. It keeps the height above the ground that the files have.

    Raises
    ------
    InputError
        There is no such folder or file, it is damaged, lacks a bone, or is not a man in millimetres.
    """
    path = Path(source)
    with ExitStack() as stack:
        files = _files(path, stack)
        chosen = _chosen(files, path)
        bones = {name: _joined([_read_obj(file, path) for file in parts]) for name, parts in chosen.items()}
    vertices = np.concatenate([points for points, _ in bones.values()])
    counts = np.cumsum([0, *(len(points) for points, _ in bones.values())])
    faces = np.concatenate([own + start for (_, own), start in zip(bones.values(), counts, strict=False)])
    face_start = np.cumsum([0, *(len(own) for _, own in bones.values())])
    skeleton = Skeleton(tuple(bones), vertices, faces, counts, face_start)
    skeleton = _outward(_in_ras(skeleton, path))
    _require_a_mans_size(skeleton, path)
    skeleton = thinned(skeleton, cell_mm)
    check_skeleton(skeleton, str(path))
    return skeleton


def write_skeleton(skeleton: Skeleton, path: str | os.PathLike[str]) -> None:
    """Write a skeleton as ``skeleton.read_skeleton`` reads it, with the credit that its authors ask for.

    Raises
    ------
    OutputError
        It cannot be written; what stood there is as it was.
    """
    own = np.repeat(skeleton.vertex_start[:-1], np.diff(skeleton.face_start))
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array(skeleton.names),
            vertices=skeleton.vertices.astype(np.float32),
            faces=(skeleton.faces - own[:, None]).astype(np.int32),
            vertex_start=np.asarray(skeleton.vertex_start, np.int64),
            face_start=np.asarray(skeleton.face_start, np.int64),
            credit=np.array(CREDIT),
        )


# --- which files show which bones ----------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """A file of a folder or of an archive; nothing is unpacked to a disk."""

    path: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]

    @property
    def key(self) -> str:
        return self.path.stem.lower()

    def read(self, most: int, source: Path) -> bytes:
        """All of it, if it is no larger than ``most`` bytes."""
        content = self.start(most + 1, source)
        if len(content) > most:
            raise InputError(
                f"{source}: {self.path} has more than {most // 1_000_000} MB, which no such file has."
            )
        return content

    def start(self, count: int, source: Path) -> bytes:
        """Its first bytes."""
        try:
            with self.open() as stream:
                return stream.read(count)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
        ) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{source} cannot be read at {self.path} ({reason}); download it again."
            ) from None


def _files(source: Path, stack: ExitStack) -> list[_File]:
    """OBJ files and tables of a folder or of a zip file, in the order of their names."""
    if source.is_dir():
        found = list(_in_folder(source))
    elif not source.is_file():
        raise InputError(f"Cannot read {source}: there is no such folder or file; check the name.")
    else:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError(
                f"{source} is no zip file that can be read ({error}); give the folder or the zip file of "
                "BodyParts3D as downloaded."
            ) from None
        found = list(_in_archive(archive))
    if len(found) > MOST_FILES or sum(file.size for file in found) > MOST_BYTES_OF_ALL:
        raise InputError(f"{source} holds far more than BodyParts3D; give the folder of its OBJ files alone.")
    return sorted(found, key=lambda file: file.path)


def _wanted(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in (".obj", ".txt") and not hidden


def _in_folder(source: Path) -> Iterator[_File]:
    for folder, _, names in os.walk(source):
        for name in names:
            path = Path(folder, name)
            relative = PurePosixPath(path.relative_to(source).as_posix())
            if _wanted(relative) and path.is_file():
                yield _File(relative, path.stat().st_size, _opener(path))


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _in_archive(archive: zipfile.ZipFile) -> Iterator[_File]:
    for entry in archive.infolist():
        regular = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG)
        if not entry.is_dir() and regular and _wanted(PurePosixPath(entry.filename)):
            yield _File(
                PurePosixPath(entry.filename),
                entry.file_size,
                partial(archive.open, entry),
            )


def _chosen(files: Sequence[_File], source: Path) -> dict[str, list[_File]]:
    """Files of every bone, by its name."""
    surfaces = {file.key: file for file in files if file.path.suffix.lower() == ".obj"}
    if not surfaces:
        raise InputError(f"{source} holds no OBJ file; give the folder or the zip file of BodyParts3D.")
    shown: dict[str, list[_File]] = {}
    for file in surfaces.values():
        if name := _name_in_header(file.start(HEADER_BYTES, source)):
            shown.setdefault(name, []).append(file)
    listed: dict[str, list[_File]] = {}
    for key, name in _tables(files, source):
        if key in surfaces and surfaces[key] not in listed.setdefault(name, []):
            listed[name].append(surfaces[key])
    chosen = {}
    for name in bone_names():
        # What a file says of itself counts more than a table, which also lists the parts of larger wholes.
        if found := shown.get(name.lower()) or listed.get(name.lower()):
            chosen[name] = found
    missing = [
        name
        for name in bone_names()
        if name not in chosen and not any(part in name for part in _NOT_IN_EVERY_RELEASE)
    ]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"{source} lacks {', '.join(name.replace('_', ' ') for name in missing[:3])}{more}; give all OBJ "
            "files of BodyParts3D, and with release 3 its list of parts beside them."
        )
    return chosen


def _name_in_header(start: bytes) -> str | None:
    """The English name that an OBJ file states in a comment, as names of bones are written, in lower case."""
    for line in start.decode("utf-8", "replace").splitlines():
        if not line.startswith("#"):
            break
        label, _, name = line[1:].partition(":")
        if label.strip().lower() == "english name" and name.strip():
            return _written(name)
    return None


def _written(name: str) -> str:
    return "_".join(name.lower().split())


def _tables(files: Iterable[_File], source: Path) -> Iterator[tuple[str, str]]:
    """Names of files without their ending, and the names of what they show, both in lower case."""
    for file in files:
        if file.path.suffix.lower() != ".txt" or "parts" not in file.path.name.lower():
            continue
        lines = file.read(MOST_BYTES_OF_A_TABLE, source).decode("utf-8-sig", "replace").splitlines()
        head = [word.strip().lower().lstrip("#") for word in lines[0].split("\t")] if lines else []
        keys = [n for n, word in enumerate(head) if word in ("element file id", "concept id", "id")]
        names = [n for n, word in enumerate(head) if word in ("name", "en", "english name")]
        if not keys or not names:
            continue
        for line in lines[1:]:
            words = [word.strip() for word in line.split("\t")]
            if len(words) > max(keys[-1], names[0]):
                yield words[keys[-1]].lower(), _written(words[names[0]])


# --- one file ------------------------------------------------------------------------------------------


def _read_obj(file: _File, source: Path) -> tuple[Array, Array]:
    """Vertices (V, 3) and triangles (F, 3) of a Wavefront OBJ file; polygons become fans."""
    corners, faces = [], []
    try:
        for line in file.read(MOST_BYTES_OF_A_BONE, source).decode("ascii", "replace").splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                corners.append((float(words[1]), float(words[2]), float(words[3])))
            elif words[0] == "f":
                row = [int(word.partition("/")[0]) for word in words[1:]]
                row = [n - 1 if n > 0 else len(corners) + n for n in row]
                faces += [(row[0], row[n], row[n + 1]) for n in range(1, len(row) - 1)]
    except (ValueError, IndexError):
        raise InputError(f"{source}: {file.path} is no OBJ file of triangles; download it again.") from None
    vertices, triangles = np.array(corners, float).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)
    if len(triangles) < 4 or not np.isfinite(vertices).all():
        raise InputError(f"{source}: {file.path} holds no closed surface; download it again.")
    if triangles.min() < 0 or triangles.max() >= len(vertices):
        raise InputError(
            f"{source}: a face of {file.path} refers to a vertex that it lacks; download it again."
        )
    return vertices, triangles


def _joined(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    starts = np.cumsum([0, *(len(points) for points, _ in parts)])
    faces = [triangles + start for (_, triangles), start in zip(parts, starts, strict=False)]
    return np.concatenate([points for points, _ in parts]), np.concatenate(faces)


# --- the whole skeleton --------------------------------------------------------------------------------


def _in_ras(skeleton: Skeleton, source: Path) -> Skeleton:
    """The same with its axes to the right, to the front and upwards, whichever they were.

    The archive's own run to the left, to the back and upwards; what went through other programs may differ.
    """

    def middle(*names: str) -> Array:
        return np.asarray(np.mean([skeleton.bone(name).mean(axis=0) for name in names], axis=0))

    right, front, up = (
        middle("Right_femur", "Right_humerus") - middle("Left_femur", "Left_humerus"),
        middle("Manubrium", "Body_of_sternum") - middle("Third_thoracic_vertebra", "Ninth_thoracic_vertebra"),
        middle("Frontal_bone", "Occipital_bone") - middle("Right_calcaneus", "Left_calcaneus"),
    )
    axes = [int(np.abs(direction).argmax()) for direction in (right, front, up)]
    if sorted(axes) != [0, 1, 2]:
        raise InputError(
            f"{source} does not stand along its axes as BodyParts3D does; give its files as downloaded."
        )
    signs = [np.sign(way[axis]) for way, axis in zip((right, front, up), axes, strict=True)]
    return Skeleton(
        skeleton.names,
        skeleton.vertices[:, axes] * signs,
        skeleton.faces,
        skeleton.vertex_start,
        skeleton.face_start,
    )


def _outward(skeleton: Skeleton) -> Skeleton:
    """The same with every bone whose surface was turned inwards turned outwards."""
    vertices = skeleton.vertices - skeleton.vertices.mean(axis=0)
    volume = np.bincount(skeleton.bone_of_face, np.linalg.det(vertices[skeleton.faces]), len(skeleton.names))
    inward = (volume < 0)[skeleton.bone_of_face]
    faces = np.where(inward[:, None], skeleton.faces[:, [0, 2, 1]], skeleton.faces)
    return Skeleton(skeleton.names, skeleton.vertices, faces, skeleton.vertex_start, skeleton.face_start)


def _require_a_mans_size(skeleton: Skeleton, source: Path) -> None:
    height = float(np.ptp(skeleton.vertices[:, 2]))
    if not HEIGHT_MM[0] <= height <= HEIGHT_MM[1]:
        raise InputError(
            f"{source}: the bones are {height:.4g} mm tall, and a man's are {HEIGHT_MM[0]:.0f} to "
            f"{HEIGHT_MM[1]:.0f} mm; give the files of BodyParts3D as downloaded, in millimetres."
        )
