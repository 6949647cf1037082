"""Writing files so that a killed process leaves the old file or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from LandmarkDetectionLib.errors import OutputError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the target's folder; rename it to the target when the block succeeds.

    The temporary name is hidden and ends as the target's name ends (``.nii.gz``, ``.mrk.json``), because
    writers such as SimpleITK choose the format by the suffix. When the block raises, the temporary file is
    removed and the target is as it was. A target that is a symbolic link keeps being one.

    Parameters
    ----------
    path
        File to write. Its folder must exist.

    Yields
    ------
    pathlib.Path
        An existing, empty file to write to.

    Raises
    ------
    OutputError
        The folder does not exist or cannot be written, the target is a folder, or writing failed
        (disk full, no permission).

    Examples
    --------
    >>> with atomic_write("landmarks.csv") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("name,x,y,z")
    """
    named = Path(path)
    target = named.resolve() if named.is_symlink() else named
    if target.is_dir():
        raise OutputError(f"Cannot write {named}: it is a folder; give a file name.")
    if not target.parent.is_dir():
        raise OutputError(
            f"Cannot write {named}: the folder {target.parent} does not exist; create it first."
        )
    try:
        handle, name = tempfile.mkstemp(
            prefix=".writing-", suffix="-" + target.name.lstrip(".")[-100:], dir=target.parent
        )
        os.close(handle)
    except OSError as error:
        raise OutputError(
            f"Cannot write {named}: {_reason(error)}; choose a folder you may write to."
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        _keep_permissions(target, temporary)
        _flush(temporary)
        # os.replace is one step on every system, also over an existing file.
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"Cannot write {named}: {_reason(error)}; nothing was changed.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 with ``\\n`` line ends through :func:`atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def _keep_permissions(target: Path, temporary: Path) -> None:
    """Temporary files are private (0600); the result gets the old file's mode or the usual one."""
    if target.exists():
        mode = target.stat().st_mode & 0o777
    else:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    os.chmod(temporary, mode)  # noqa: PTH101


def _flush(temporary: Path) -> None:
    """Bring the bytes to the disk before the rename: a power cut must not leave an empty file."""
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".").lower()
