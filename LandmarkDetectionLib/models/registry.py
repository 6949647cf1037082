"""Models by name: those that ship with the library, and those a person installed."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NoReturn

from LandmarkDetectionLib.errors import ModelError, OutputError
from LandmarkDetectionLib.files import atomic_folder, resource_path, sha256_of, user_data_folder
from LandmarkDetectionLib.models import package
from LandmarkDetectionLib.models.download import checked_sha256, download, is_address
from LandmarkDetectionLib.models.package import METADATA, Model, read_package, validate_model
from LandmarkDetectionLib.models.version_folders import (
    folder_of_versions,
    further_versions,
    path_in_use,
    put_in_use,
)
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted

FOLDER_VARIABLE = "LANDMARK_DETECTION_MODELS"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
# Names that every system stores as they are: no drive, stream, hidden file, trailing dot or space.
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9 ._-]{0,98}[A-Za-z0-9_-])?")


def user_model_folder() -> Path:
    """Where installed models are: ``LANDMARK_DETECTION_MODELS``, else the system's place for user data."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser().absolute()
    return user_data_folder() / "models"


def find_models() -> dict[str, Path]:
    """Folder of every model by name, shipped ones first; looks only for the metadata file.

    A shipped model is never hidden by an installed one of the same name. Of a model with several versions it
    is the folder of the one in use.
    """
    found = dict(_models_in(resource_path("Models")))
    for name, path in _models_in(user_model_folder()):
        # A damaged note is that model's matter alone: `load_model` says it.
        with suppress(ModelError):
            path = path_in_use(path)
        found.setdefault(name, path)
    return found


def model_folder(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder of a model by its name, ``name@version``, or path, whether it is usable or not."""
    name = os.fspath(name_or_path)
    return find_models().get(name) or _path_of_version(name) or Path(name)


def _models_in(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if _NAME.fullmatch(path.name) and (path / METADATA).is_file():
            yield path.name, path


def ships_with_library(model: Model) -> bool:
    """Whether a model comes with the library and was not installed."""
    return model.path.parent == resource_path("Models").absolute()


def installed_folder(name: str) -> Path:
    """The folder of an installed model, whichever of its versions is in use.

    Raises
    ------
    ModelError
        None of this name is installed; those that ship are not.
    """
    folder = user_model_folder() / name
    if name not in dict(_models_in(folder.parent)) or (resource_path("Models") / name).is_dir():
        raise _not_installed(name)
    return folder


def _not_installed(name: str) -> ModelError:
    own = ", ".join(one for one, _ in _models_in(user_model_folder())) or "none"
    shipped = [one for one, _ in _models_in(resource_path("Models"))]
    if name in shipped:
        return ModelError(
            f"No model '{name}' is installed: the one of this name ships and stays as it is; your own: {own}."
        )
    return ModelError(
        f"No model '{name}' is installed; your own: {own}; those that ship: {', '.join(shipped)}."
    )


def list_models() -> list[Model]:
    """The usable models, shipped ones first; see :func:`broken_models` for the others.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> [model.name for model in ld.list_models()][:2]
    ['cephalogram', 'hand']
    """
    return read_models()[0]


def broken_models() -> dict[str, str]:
    """Models that are there but cannot be used, each with the reason in a sentence."""
    return read_models()[1]


def read_models() -> tuple[list[Model], dict[str, str]]:
    """Both at once: what :func:`list_models` and :func:`broken_models` give, read once."""
    usable, broken = {}, {}
    for name in find_models():
        try:
            usable[name] = load_model(name)
        except ModelError as problem:
            broken[name] = str(problem)
    return list(usable.values()), broken


def load_model(name_or_path: str | os.PathLike[str]) -> Model:
    """Read a model by its name, as ``name@version``, or from its folder.

    Weights are read by :meth:`Model.build_networks`.

    Raises
    ------
    ModelError
        There is no such model, or it is incomplete or broken.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> model = ld.load_model("whole-body-ct")
    >>> model.protocol.region, "knee_left" in model.protocol.names
    ('whole-body', True)
    """
    found = find_models()
    name = os.fspath(name_or_path)
    path = model_folder(name)
    if path.is_file():
        raise ModelError(f"{path} is a file; install it as a model first.", about="model file")
    if not path.is_dir():
        raise ModelError(f"There is no model '{name}'; installed are {', '.join(found) or 'none'}.")
    if name not in found and not (path / METADATA).exists():
        raise ModelError(
            f"There is no model '{name}', and the folder {path} is none: {METADATA} is missing. Installed "
            f"are {', '.join(found) or 'none'}."
        )
    if name in found and path.parent == user_model_folder():
        path_in_use(path)
    try:
        model = read_package(path)
    except ModelError as problem:
        raise ModelError(f"The model {path} cannot be used: {problem}") from None
    if name in found and model.name != name:
        raise ModelError(
            f"The model {path} cannot be used: its metadata says that its name is '{model.name}'."
        )
    return model


def _path_of_version(name: str) -> Path | None:
    """The folder of ``name@version``; None when there is none, or it is another kind of name."""
    stem, at, version = name.partition("@")
    for folder in (user_model_folder(), resource_path("Models")) if at and _NAME.fullmatch(stem) else ():
        installed = folder / stem
        for path in (further_versions(installed).get(version), installed):
            with suppress(ModelError):
                if path is not None and (path / METADATA).is_file() and read_package(path).version == version:
                    return path
    return None


def install_model(
    source: str | os.PathLike[str],
    sha256: str | None = None,
    *,
    check: Callable[[Path], list[str]] = validate_model,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Model:
    """Check a model folder, ``.zip`` file or ``https`` address of one, and put it into the user's models.

    Everything happens in a temporary folder; the model appears when all checks have passed, and an installed
    model of the same name is exchanged as a whole. What was installed is in use from then on.

    Parameters
    ----------
    source
        Folder, file, or ``https`` address of a ``.zip`` file.
    sha256
        SHA-256 of the ``.zip`` file, 64 hexadecimal digits; an address needs it.
    check
        Says what is wrong with a package: `validate_model`, or ``detectors.checking.check_model``, which
        tries it, too.
    progress, cancelled
        Told of, and asked during, a download.

    Raises
    ------
    ModelError
        The source is no model, is damaged, has another checksum, cannot be downloaded, or holds something a
        model may not hold.
    OutputError
        The user's model folder cannot be written.
    Cancelled
        ``cancelled`` said so.
    """
    folder = user_model_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as work:
            file = Path(work, "download.zip")
            if is_address(source):
                _download(str(source), file, sha256, progress, cancelled)
            else:
                file = Path(source)
                _check_hash(file, sha256)
            name = _install(file, Path(work, "model"), folder, check)
    except ModelError as problem:
        raise ModelError(f"{source} was not installed: {problem}") from None
    except OSError as problem:
        raise OutputError(f"Cannot install {source} in {folder}: {problem.strerror or problem}.") from problem
    return load_model(folder / name)


def _install(source: Path, stage: Path, folder: Path, check: Callable[[Path], list[str]]) -> str:
    stage.mkdir()
    _fetch(source, stage)
    root = _package_root(stage)
    if problems := check(root):
        more = f" ({counted(len(problems) - 1, 'more problem')})" if len(problems) > 1 else ""
        raise ModelError(problems[0] + more)
    name = read_package(root).name
    if (resource_path("Models") / name).is_dir():
        raise ModelError(f"a model named '{name}' ships with landmark-detection; rename yours.")
    with atomic_folder(folder / name) as new:
        shutil.copytree(root, new, dirs_exist_ok=True)
    put_in_use(folder / name, None)
    return name


def remove_model(name: str) -> Path:
    """Delete an installed model with all its versions and return the folder it was in; shipped models stay.

    Raises
    ------
    ModelError
        No installed model has this name.
    OutputError
        The folder cannot be deleted.
    """
    folder = user_model_folder()
    path = folder / name
    if not _NAME.fullmatch(name) or path.is_symlink() or not (path / METADATA).is_file():
        raise _not_installed(name)
    try:
        for place in (folder_of_versions(path), path):
            if place.exists():
                # Renamed first, so that a killed process leaves no half model under its name.
                shutil.rmtree(
                    place.rename(Path(tempfile.mkdtemp(prefix=".removed-", dir=folder), name)).parent
                )
    except OSError as problem:
        raise OutputError(f"Cannot remove {path}: {problem.strerror or problem}.") from problem
    return path


# --- getting the files ----------------------------------------------------------------------------------


def _download(
    address: str,
    target: Path,
    sha256: str | None,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> None:
    if not sha256:
        raise ModelError("an address needs the SHA-256 of the file, which whoever offers the model tells.")
    download(
        address,
        target,
        sha256=sha256,
        max_bytes=package.MAX_PACKAGE_BYTES,
        progress=progress,
        cancelled=cancelled,
    )


def _check_hash(source: Path, sha256: str | None) -> None:
    if not sha256:
        return
    expected = checked_sha256(sha256)
    if not source.is_file():
        raise ModelError("a SHA-256 belongs to a .zip file, and this is none.")
    if (found := sha256_of(source)) != expected:
        raise ModelError(f"its SHA-256 is {found}, expected was {expected}.")


def _fetch(source: Path, stage: Path) -> None:
    if source.is_dir():
        _copy_folder(source, stage)
    elif not source.is_file():
        raise ModelError("there is no such file or folder.")
    elif zipfile.is_zipfile(source):
        _unpack(source, stage)
    else:
        raise ModelError("it is neither a model folder nor a .zip file.")


def _copy_folder(source: Path, stage: Path) -> None:
    files = sorted(_regular_files(source))
    sizes = [file.stat().st_size for file in files]
    _check_amount(len(files), sum(sizes))
    for file in files:
        relative = _checked_name(file.relative_to(source).as_posix())
        (stage / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, stage / relative, follow_symlinks=False)


def _regular_files(source: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(source, followlinks=False):
        for name in [*folders, *names]:
            path = Path(folder, name)
            if path.is_symlink():
                _refuse_link(path.relative_to(source).as_posix())
            if path.is_file():
                yield path
            elif not path.is_dir():
                raise ModelError(f"{path.relative_to(source).as_posix()} is neither a file nor a folder.")


def _unpack(source: Path, stage: Path) -> None:
    """Unpack a zip file entry by entry: names, kinds and sizes are checked before a byte is written."""
    try:
        with zipfile.ZipFile(source) as archive:
            # Without what macOS adds.
            entries = [
                entry
                for entry in archive.infolist()
                if not entry.filename.startswith("__MACOSX/")
                and PurePosixPath(entry.filename).name != ".DS_Store"
            ]
            _check_amount(len(entries), sum(entry.file_size for entry in entries))
            written: set[str] = set()
            for entry in entries:
                _unpack_entry(archive, entry, stage, written)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as problem:
        raise ModelError(f"the .zip file is damaged ({' '.join(str(problem).split())}).") from None


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, stage: Path, written: set[str]) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        _refuse_link(entry.filename)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ModelError(f"{entry.filename!r} is neither a file nor a folder.")
    if entry.flag_bits & 0x1:
        raise ModelError("the .zip file is encrypted.")
    relative = _checked_name(entry.orig_filename)
    if entry.is_dir():
        return
    # Two names that differ only by case are one file on some systems.
    if relative.lower() in written:
        raise ModelError(f"{entry.filename!r} is in the .zip file twice.")
    written.add(relative.lower())
    target = stage / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as compressed, target.open("xb") as out:
        left = entry.file_size
        while block := compressed.read(1 << 20):
            left -= len(block)
            if left < 0:
                raise ModelError(f"{entry.filename!r} is larger than the .zip file says.")
            out.write(block)


def _checked_name(name: str) -> str:
    """A relative path of plain names; refuses ``..``, absolute paths, drives, and foreign kinds of file."""
    parts = name.rstrip("/").split("/")
    if not all(_PART.fullmatch(part) for part in parts) or len(parts) > 8:
        raise ModelError(f"the file name {name!r} is not allowed in a model.")
    if not name.endswith("/") and not package.allowed_file(parts[-1]):
        raise ModelError(f"{name!r} does not belong into a model; weights must be .safetensors files.")
    return "/".join(parts)


def _check_amount(files: int, size: int) -> None:
    if files > package.MAX_FILES:
        raise ModelError(f"it has more than {package.MAX_FILES} files.")
    if size > package.MAX_PACKAGE_BYTES:
        raise ModelError(f"it has more than {package.MAX_PACKAGE_BYTES // 1_000_000} MB.")


def _package_root(stage: Path) -> Path:
    """The package itself, or the one folder that a zip file of a folder holds."""
    inside = list(stage.iterdir())
    if not (stage / METADATA).is_file() and len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    return stage


def _refuse_link(name: str) -> NoReturn:
    raise ModelError(f"{name!r} is a link, which a model may not have.")
