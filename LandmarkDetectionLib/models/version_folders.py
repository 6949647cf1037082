"""Where the versions of an installed model are, and which one is in use.

::

    <models>/<name>/                       the version that was installed
    <models>/.versions/<name>/<version>/   versions that were learned from it
    <models>/.versions/<name>/in-use       which of those is in use; without it, the installed one

The installed version is never touched, a further one appears by a rename, and another one comes into use by a
rename of one small file: whenever a process is killed, a whole model is in use.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.files import read_text, write_text

FOLDER, IN_USE = ".versions", "in-use"
METADATA_FILE = Path("configs", "metadata.json")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]{1,40})?")


def folder_of_versions(installed: Path) -> Path:
    """Where further versions of an installed model are kept."""
    return installed.parent / FOLDER / installed.name


def further_versions(installed: Path) -> dict[str, Path]:
    """Folders of the versions besides the installed one, by number."""
    folder = folder_of_versions(installed)
    found = {
        path.name: path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if _VERSION.fullmatch(path.name) and (path / METADATA_FILE).is_file()
    }
    return dict(sorted(found.items(), key=lambda item: order_of(item[0])))


def path_in_use(installed: Path) -> Path:
    """The folder of the version that is in use: the installed one where that of a further one is gone.

    Raises
    ------
    ModelError
        The note is damaged; no version is used without knowing which.
    """
    note = folder_of_versions(installed) / IN_USE
    if not note.exists():
        return installed
    version = ""
    with suppress(ModelError):
        version = read_text(note, error=ModelError, max_bytes=1000).strip()
    if not _VERSION.fullmatch(version):
        raise ModelError(
            f"{note}, which says what version of {installed.name} is in use, is damaged; choose one of "
            "its versions.",
            about="model version",
        )
    return further_versions(installed).get(version, installed)


def put_in_use(installed: Path, version: str | None) -> None:
    """Use a further version, or the installed one (None). Raises OutputError when it cannot be noted."""
    note = folder_of_versions(installed) / IN_USE
    if version is not None:
        write_text(note, version + "\n")
    else:
        note.unlink(missing_ok=True)


def order_of(version: str) -> tuple[int, int, int, str]:
    """What versions are sorted by: 1.10.0 comes after 1.9.0."""
    major, minor, patch = (int(part) for part in re.split(r"[-+.]", version)[:3])
    return major, minor, patch, version
