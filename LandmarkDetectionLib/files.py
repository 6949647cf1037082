"""Reading small text files with clear refusals, and writing so that nothing is ever half written."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError

MAX_TEXT_BYTES = 20_000_000
"""Far above any landmark list; keeps a wrongly chosen image from filling the memory."""


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
        # A rename is one step on every system, also over an existing file.
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"Cannot write {named}: {_reason(error)}; nothing was changed.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty temporary folder beside the target; it becomes the target when the block succeeds.

    An existing target is exchanged as a whole: it is renamed away, the new folder is renamed to its place,
    and only then is the old one deleted. When the block raises, the target is as it was.

    Raises
    ------
    OutputError
        The parent folder does not exist or cannot be written, or the target is a file.
    """
    target = Path(path).absolute()
    if target.exists() and not target.is_dir():
        raise OutputError(f"Cannot write the folder {path}: there is a file of this name.")
    if not target.parent.is_dir():
        raise OutputError(f"Cannot write {path}: the folder {target.parent} does not exist; create it first.")
    try:
        work = Path(tempfile.mkdtemp(prefix=".writing-", dir=target.parent))
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {_reason(error)}; choose a folder you may write to."
        ) from error
    try:
        new, old = work / "new", work / "old"
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {_reason(error)}; nothing was changed.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 with ``\\n`` line ends through :func:`atomic_write`."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def create_once(path: str | os.PathLike[str], text: str, mode: int | None = None) -> bool:
    """Write a file if there is none: of several processes that try at once, one succeeds, and whole.

    Parameters
    ----------
    mode
        Who may read and write it, such as 0o600 for a secret; as usual for new files when None.

    Returns
    -------
    bool
        Whether this call wrote it.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    target = Path(path)
    if target.exists():
        return False
    try:
        handle, name = tempfile.mkstemp(prefix=".writing-", dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            if mode is None:
                _keep_permissions(target, temporary)
            else:
                temporary.chmod(mode)
            _flush(temporary)
            # A name that exists is never overwritten: not by a link, and on Windows not by a rename.
            if os.name == "nt":
                temporary.rename(target)
            else:
                target.hardlink_to(temporary)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {_reason(error)}; nothing was changed.") from error
    return True


def read_text(
    path: str | os.PathLike[str],
    *,
    error: type[LandmarkDetectionError] = InputError,
    max_bytes: int = MAX_TEXT_BYTES,
) -> str:
    """Read a whole UTF-8 text file (a byte order mark is dropped).

    Raises
    ------
    LandmarkDetectionError
        Of the class ``error``: the file is missing, unreadable, larger than ``max_bytes`` or no text.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise error(f"Cannot read {path}: it is a folder, a file was expected.")
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise error(f"Cannot read {path}: there is no such file; check the name.") from None
    except OSError as problem:
        raise error(f"Cannot read {path}: {_reason(problem)}.") from problem
    if len(content) > max_bytes:
        raise error(
            f"Cannot read {path}: it has more than {max_bytes // 1_000_000} MB, which no such file has."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"Cannot read {path}: it is not UTF-8 text; it may be another kind of file.") from None


def read_json(
    path: str | os.PathLike[str],
    *,
    error: type[LandmarkDetectionError] = InputError,
    max_bytes: int = MAX_TEXT_BYTES,
) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Raises
    ------
    LandmarkDetectionError
        Of the class ``error``: as :func:`read_text`, or the text is no JSON object.
    """
    text = read_text(path, error=error, max_bytes=max_bytes)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as problem:
        raise error(
            f"Cannot read {path}: it is not valid JSON (line {problem.lineno}: {problem.msg}); "
            "it may be damaged."
        ) from None
    except (RecursionError, ValueError):
        raise error(f"Cannot read {path}: it is not sensible JSON; it may be damaged.") from None
    if not isinstance(content, dict):
        raise error(
            f"Cannot read {path}: its JSON is no object with named entries; it is another kind of file."
        )
    return content


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
