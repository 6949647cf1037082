"""Bones as somebody measured them: named closed surfaces in one frame, read from a file that is not ours.

The bones are those of BodyParts3D (The Database Center for Life Science, CC BY 4.0): 239 bones and discs of
one standing man, arms a little away from the trunk, palms forward. They are read from a path, the environment
variable ``LANDMARK_DETECTION_SKELETON`` or the user's data folder, and never shipped.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.typing import Array

VARIABLE = "LANDMARK_DETECTION_SKELETON"
FILE_NAME = "bodyparts3d_bones.npz"


@dataclass(frozen=True)
class Skeleton:
    """Closed surfaces of bones.

    Attributes
    ----------
    names : tuple of str
        In the order of ``vertex_start``; words joined by underscores, "Right_femur".
    vertices : (N, 3) float32
        RAS mm.
    faces : (M, 3) int32
        Triangles, outward orientation, indices into ``vertices``.
    vertex_start, face_start : (bones + 1,) int
        Bone k owns the rows from start k to start k + 1.
    """

    names: tuple[str, ...]
    vertices: Array
    faces: Array
    vertex_start: Array
    face_start: Array

    def bone(self, name: str) -> Array:
        """Vertices (V, 3) of one bone."""
        n = self.names.index(name)
        return self.vertices[self.vertex_start[n] : self.vertex_start[n + 1]]

    def by_name(self) -> dict[str, Array]:
        """Vertices (V, 3) of every bone."""
        return {name: self.bone(name) for name in self.names}

    @property
    def bone_of_vertex(self) -> Array:
        """Which bone every vertex belongs to, (N,)."""
        return np.repeat(np.arange(len(self.names)), np.diff(self.vertex_start))

    @property
    def bone_of_face(self) -> Array:
        """Which bone every face belongs to, (M,)."""
        return np.repeat(np.arange(len(self.names)), np.diff(self.face_start))


def skeleton_path(path: str | Path | None = None) -> Path:
    """Where the bones are: the path given, the environment variable's, or the user's data folder.

    Raises
    ------
    InputError
        When there is no such file.
    """
    named = path or os.environ.get(VARIABLE)
    found = Path(named) if named else own_skeleton_path()
    if not found.is_file():
        raise InputError(
            f"There are no bones at {found}; download BodyParts3D, import it, and name the file by the "
            f"environment variable {VARIABLE}.",
            about="skeleton",
        )
    return found


def is_installed() -> bool:
    """Whether there are bones where ``skeleton_path`` looks for them."""
    try:
        skeleton_path()
    except InputError:
        return False
    return True


def own_skeleton_path() -> Path:
    """Where the user's own bones are kept: a file in the user's data folder."""
    return _data_folder() / FILE_NAME


def _data_folder() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "landmark-detection"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "landmark-detection"


def read_skeleton(path: str | Path | None = None) -> Skeleton:
    """Read the bones.

    Raises
    ------
    InputError
        When the file is missing or damaged, is no archive of bones, or its parts do not fit one another.
    """
    source = skeleton_path(path)
    try:
        with np.load(source, allow_pickle=False) as stored:
            starts = np.asarray(stored["vertex_start"], np.int64)
            face_start = np.asarray(stored["face_start"], np.int64)
            # Stored faces count the vertices of their own bone.
            own = np.repeat(starts[:-1], np.diff(face_start))
            skeleton = Skeleton(
                tuple(str(name) for name in stored["names"]),
                np.asarray(stored["vertices"], np.float32),
                (np.asarray(stored["faces"], np.int64) + own[:, None]).astype(np.int32),
                starts,
                face_start,
            )
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{source} holds no bones ({reason}); import BodyParts3D again.") from None
    check_skeleton(skeleton, str(source))
    return skeleton


def check_skeleton(skeleton: Skeleton, name: str) -> None:
    """Refuse surfaces that are not finite or refer to vertices of other bones or of none.

    Raises
    ------
    InputError
        With the name of the bone.
    """
    count = len(skeleton.vertices)
    if not np.isfinite(skeleton.vertices).all():
        raise InputError(f"{name}: a vertex is not a finite number; import the bones again.")
    faces = skeleton.faces
    starts = skeleton.vertex_start
    if len(starts) != len(skeleton.names) + 1 or starts[-1] != count:
        raise InputError(f"{name}: names and vertices do not fit one another; import the bones again.")
    owner = skeleton.bone_of_face
    if (faces < starts[owner][:, None]).any() or (faces >= starts[owner + 1][:, None]).any():
        raise InputError(f"{name}: a face refers to the vertices of another bone; import the bones again.")


def thinned(skeleton: Skeleton, cell_mm: float) -> Skeleton:
    """The same bones with vertices merged in cells of this size; surfaces stay closed."""
    bone = skeleton.bone_of_vertex
    cell = np.floor(skeleton.vertices / cell_mm).astype(np.int64)
    keys = np.concatenate([bone[:, None], cell], axis=1)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    place = place.ravel()
    count = np.bincount(place).astype(float)
    vertices = np.stack([np.bincount(place, skeleton.vertices[:, axis]) / count for axis in range(3)], axis=1)
    owner = bone[first]
    faces = place[skeleton.faces]
    kept = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    face_owner = skeleton.bone_of_face[kept]
    return Skeleton(
        skeleton.names,
        vertices.astype(np.float32),
        faces[kept].astype(np.int32),
        np.searchsorted(owner, np.arange(len(skeleton.names) + 1)),
        np.searchsorted(face_owner, np.arange(len(skeleton.names) + 1)),
    )
