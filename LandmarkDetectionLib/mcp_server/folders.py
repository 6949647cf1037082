"""Which files an agent may have read and written: those below folders that a person has named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError
from LandmarkDetectionLib.files import reason_of


@dataclass(frozen=True)
class Folders:
    """Folders below which everything may be read, and results written, wherever links lead.

    A program that exchanges files for links at the same time can defeat it: what else runs with the same
    rights is trusted.

    Attributes
    ----------
    roots
        Existing folders without links in their paths.
    """

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Folders:
        """The folders of these names; InputError when one is none."""
        for path in paths:
            if not path.is_dir():
                raise InputError(f"{path} is no folder; name an existing one.")
        return cls(tuple(path.resolve() for path in paths))

    def readable(self, name: str) -> Path:
        """The path of what is to be read: a file, or a folder in which nothing leads outside.

        Parameters
        ----------
        name
            An absolute path, or one that begins in the first folder.

        Raises
        ------
        InputError
            It is outside, does not exist, or a link in it leads outside.
        """
        path = self._placed(name, InputError)
        if not path.exists():
            raise InputError(f"{name} does not exist; check the name and the folder.")
        if not path.is_dir() and not path.is_file():
            raise InputError(f"{name} is a pipe, a socket or a device; give a file or a folder.")
        if path.is_dir():
            for parent, folders, files in os.walk(path):
                self.require_inside([Path(parent, one) for one in (*folders, *files)], name)
        return path

    def writable(self, name: str, overwrite: bool) -> Path:
        """The path of a file that is to be written, in an existing folder.

        Raises
        ------
        OutputError
            It is outside, its folder does not exist, or a file of this name may not be replaced.
        """
        path = self._placed(name, OutputError)
        if not path.parent.is_dir():
            raise OutputError(f"Cannot write {name}: its folder does not exist; create it first.")
        if path.is_dir():
            raise OutputError(f"Cannot write {name}: it is a folder; give a file name.")
        if path.exists() and not overwrite:
            raise OutputError(
                f"Cannot write {name}: there is such a file; give another name, or let it be overwritten."
            )
        return path

    def require_inside(self, paths: Sequence[Path], name: str) -> None:
        """Refuse what has a link that leads outside; InputError calls it by ``name``."""
        for path in paths:
            # All else lies where its folder does, which was asked for before.
            if path.is_symlink() and not self._holds(_resolved(path, name, InputError)):
                raise InputError(f"{name} holds a link that leads out of the allowed folders; take it away.")

    def _placed(self, name: str, error: type[LandmarkDetectionError]) -> Path:
        if not name or "\0" in name:
            raise error("The name of a file is empty or no name; give a path in an allowed folder.")
        path = _resolved(self.roots[0] / name, name, error)
        if not self._holds(path):
            allowed = ", ".join(map(str, self.roots))
            raise error(f"{name} is outside the allowed folders; give a path in {allowed}.")
        return path

    def _holds(self, path: Path) -> bool:
        """Whether a path without links lies in one of the folders, whatever the case of its letters."""
        return any(_same(above, root) for above in (path, *path.parents) for root in self.roots)


def _resolved(path: Path, name: str, error: type[LandmarkDetectionError]) -> Path:
    try:
        path.exists()  # up to Python 3.11 a name may be too long for that
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as problem:
        reason = (
            reason_of(problem) if isinstance(problem, OSError | ValueError) else "its links go in a circle"
        )
        raise error(f"Cannot use {name}: {reason}.") from None


def _same(path: Path, root: Path) -> bool:
    try:
        return path.samefile(root)
    except (OSError, ValueError):
        return False
