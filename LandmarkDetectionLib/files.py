"""Reading small text files with clear refusals, and writing so that nothing is ever half written."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError

try:
    import fcntl
except ImportError:
    # Windows.
    fcntl = None  # type: ignore[assignment]

#: How names of what is being written, unpacked or removed begin.
TEMPORARY = (".writing-", ".unpacking-", ".removed-")
LOCK = ".lock"
#: How the manifest of a run ends, see :mod:`LandmarkDetectionLib.provenance`; nothing else may.
MANIFEST = ".manifest.json"
LEFT_BEHIND_SECONDS = 86_400
MAX_TEXT_BYTES = 20_000_000
"""Far above any landmark list; keeps a wrongly chosen image from filling the memory."""


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: int = 0o666) -> Iterator[Path]:
    """Give a temporary path in the target's folder; rename it to the target when the block succeeds.

    The temporary name is hidden and ends as the target's name ends (``.nii.gz``, ``.mrk.json``), because
    writers such as SimpleITK choose the format by the suffix. When the block raises, the temporary file is
    removed and the target is as it was. A target that is a symbolic link keeps being one.

    Parameters
    ----------
    path
        File to write. Its folder must exist.
    mode
        Permissions of a new one, from its first moment on, less what the system takes off.

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
        temporary = _new_file(target, mode)
    except OSError as error:
        raise OutputError(
            f"Cannot write {named}: {reason_of(error)}; choose a folder you may write to."
        ) from error
    try:
        yield temporary
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        _flush(temporary)
        # A rename is one step on every system, also over an existing file.
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"Cannot write {named}: {reason_of(error)}; nothing was changed.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give an empty temporary folder beside the target; it becomes the target when the block succeeds.

    An existing target is exchanged for the new folder in one step where the system can (Linux, macOS); a
    process that is killed leaves the old one or the new one. Elsewhere there are two renames, and what was
    killed between them is put right by :func:`tidy`, as is done here first. When the block raises, the target
    is as it was.

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
    tidy(target.parent)
    try:
        work = Path(tempfile.mkdtemp(prefix=".writing-", suffix="-" + target.name, dir=target.parent))
        lock = _lock(work)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {reason_of(error)}; choose a folder you may write to."
        ) from error
    try:
        new, old = work / "new", work / "old"
        new.mkdir()
        yield new
        if not target.exists():
            new.rename(target)
        elif not _exchange(new, target):
            target.rename(old)
            try:
                new.rename(target)
            except OSError:
                old.rename(target)
                raise
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {reason_of(error)}; nothing was changed.") from error
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(work, ignore_errors=True)


def tidy(folder: Path) -> None:
    """Put right what killed processes left in a folder.

    A target that was renamed away comes back; half-written files and folders are removed.

    A folder that is being written holds a lock, which ends with its process; what has none counts as left
    behind after a day.
    """
    with suppress(OSError):
        for left in [one for one in folder.iterdir() if one.name.startswith(TEMPORARY)]:
            with suppress(OSError):
                _put_right(left)


def _put_right(left: Path) -> None:
    lock: int | None = None
    if (left / LOCK).is_file() and fcntl is not None:
        lock = os.open(left / LOCK, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Its process is alive.
            os.close(lock)
            return
    elif time.time() - left.stat().st_mtime < LEFT_BEHIND_SECONDS:
        return
    # The name is mkdtemp's: prefix, eight characters, and the target's name.
    target = left.parent / left.name[len(TEMPORARY[0]) + 9 :]
    if left.name.startswith(TEMPORARY[0]) and (left / "old").is_dir() and not target.exists():
        (left / "old").rename(target)
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink()
    if lock is not None:
        os.close(lock)


def _lock(work: Path) -> int | None:
    """Lock a folder that is being written while this process lives; None where there are no such locks."""
    if fcntl is None:
        return None
    lock = os.open(work / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        names = os.fsencode(first), os.fsencode(second)
        if sys.platform == "linux":
            # renameat2(2): relative to the working directory, RENAME_EXCHANGE.
            return bool(library.renameat2(-100, names[0], -100, names[1], 2) == 0)
        if sys.platform == "darwin":
            # renamex_np(2): RENAME_SWAP.
            return bool(library.renamex_np(names[0], names[1], 2) == 0)
    except (AttributeError, OSError, TypeError):
        pass
    return False


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8 with ``\\n`` line ends through :func:`atomic_write`.

    What is no text in the name of a file becomes an escape, which JSON reads back.
    """
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


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
        temporary = _new_file(target)
        try:
            if mode is not None:
                temporary.chmod(mode)
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
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
        raise OutputError(f"Cannot write {path}: {reason_of(error)}; nothing was changed.") from error
    return True


@contextmanager
def locked(path: str | os.PathLike[str], seconds: float = 20.0) -> Iterator[None]:
    """Hold the lock of a file while the block runs: nobody else who asks for it does so at the same time.

    The lock is a hidden, empty file beside it, and ends with its process.

    Parameters
    ----------
    path
        The file, which need not exist; its folder must.
    seconds
        How long another one is waited for.

    Raises
    ------
    OutputError
        The folder cannot be written, or another program holds the lock for longer.
    """
    target = Path(path)
    try:
        handle = os.open(target.with_name(f".{target.name}{LOCK}"), os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {reason_of(error)}; choose a folder you may write to."
        ) from error
    try:
        until = time.monotonic() + seconds
        while not _try_lock(handle):
            if time.monotonic() > until:
                raise OutputError(f"Cannot write {path}: another program is writing it; try again.")
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def require_file(path: Path, *, error: type[LandmarkDetectionError] = InputError) -> None:
    """Refuse what is no ordinary file before it is opened: a named pipe would be waited for without end.

    Raises
    ------
    LandmarkDetectionError
        Of the class ``error``: there is no such file, or it is a folder, a pipe, a socket or a device.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise error(f"Cannot read {path}: there is no such file; check the name.") from None
    except (OSError, ValueError) as problem:
        raise error(f"Cannot read {path}: {reason_of(problem)}.") from problem
    if stat.S_ISDIR(mode):
        raise error(f"Cannot read {path}: it is a folder, a file was expected.")
    if not stat.S_ISREG(mode):
        raise error(f"Cannot read {path}: it is a pipe, a socket or a device, a file was expected.")


def require_not_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse to write over what is read, whatever the ways it is named: links, hard links, letter case.

    Raises
    ------
    OutputError
        An output exists and is the same file as an input, or as another output. Folders are not compared:
        a command that replaces one as a whole looks after that itself.
    """
    seen: dict[tuple[int, int], Path] = {}
    for path in inputs:
        if identity := _identity(path):
            seen[identity] = path
    given = dict(seen)
    for path in outputs:
        identity = _identity(path)
        if identity is None:
            continue
        if identity in given:
            raise OutputError(
                f"Cannot write {path}: it is the input {given[identity]}, which would be lost; give another "
                "name."
            )
        if identity in seen:
            raise OutputError(f"The same output file is named twice ({path}); give each its own name.")
        seen[identity] = path


def _identity(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of a file; None when there is no ordinary one."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    # Devices (/dev/null, /dev/stdout) hold nothing that could be lost.
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


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
        require_file(path, error=error)
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
    except (OSError, ValueError) as problem:
        raise error(f"Cannot read {path}: {reason_of(problem)}.") from problem
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


def is_manifest(path: Path) -> bool:
    """Whether a file tells how the results beside it came about, and is none itself."""
    return path.name.lower().endswith(MANIFEST)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as 64 lower case digits; OSError when it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _new_file(target: Path, mode: int = 0o666) -> Path:
    """An empty file beside a target, hidden, with a name that ends as the target's and its permissions.

    A new target gets the usual ones, as the system gives them: asking for the umask would mean to change it
    for an instant, for all threads. While an old one is written anew, only its owner may read it.
    """
    mode = 0o600 if target.exists() else mode
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
    while True:
        name = f"{TEMPORARY[0]}{secrets.token_hex(6)}-{target.name.lstrip('.')[-60:]}"
        with suppress(FileExistsError):
            os.close(os.open(target.parent / name, flags, mode))
            return target.parent / name


def _flush(temporary: Path) -> None:
    """Bring the bytes to the disk before the rename: a power cut must not leave an empty file."""
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())


def reason_of(error: OSError | ValueError) -> str:
    """Why the system refused something, as the end of a sentence."""
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()


def make_folder(folder: Path, then: str = "choose another") -> None:
    """Make a folder for results, with those above it; one that is there already will do.

    ``then`` ends the sentence of a refusal: what to do, or what has become of the work.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder {folder}: {reason_of(error)}; {then}.") from error


@contextmanager
def results_folder(folder: Path) -> Iterator[None]:
    """Make a folder for the results of work within; if that fails and has written nothing, it goes again.

    So a name that cannot be written to is told before the work, and a wrong input leaves no empty folder.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    make_folder(folder)
    try:
        yield
    except BaseException:
        for one in made:
            with suppress(OSError):  # one that holds something stays
                one.rmdir()
        raise


def resource_path(*parts: str) -> Path:
    """Path of a shipped file or folder, inside an installed package or beside it in a checkout.

    It need not exist.

    Examples
    --------
    >>> resource_path("Protocols", "whole-body.json").name
    'whole-body.json'
    """
    package = Path(__file__).resolve().parent
    packaged = package / "Resources"
    root = packaged if packaged.is_dir() else package.parent / "Resources"
    return root.joinpath(*parts)


def user_data_folder() -> Path:
    """The system's place for what a user has made or installed; it need not exist."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "landmark-detection"
