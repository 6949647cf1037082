"""Protocols on disk: those that ship, those of the user, and any other file."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from LandmarkDetectionLib.core.protocol import Protocol, readable
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError
from LandmarkDetectionLib.files import make_folder, read_json, resource_path, user_data_folder, write_text

MAX_PROTOCOL_BYTES = 2_000_000
PROTOCOL_FOLDER_VARIABLE = "LANDMARK_DETECTION_PROTOCOLS"


def read_protocol(
    path: str | os.PathLike[str], *, error: type[LandmarkDetectionError] = InputError
) -> Protocol:
    """Read a protocol's JSON file.

    Raises
    ------
    LandmarkDetectionError
        Of the class ``error``: the file is missing or no protocol; the sentence lists what is wrong.
    """
    content = read_json(path, error=error, max_bytes=MAX_PROTOCOL_BYTES)
    try:
        return Protocol.model_validate(content)
    except ValidationError as problem:
        raise error(f"Cannot use the protocol {path}: {readable(problem)}.") from None


def write_protocol(protocol: Protocol, path: str | os.PathLike[str]) -> None:
    """Write a protocol as JSON; raises OutputError when the file cannot be written."""
    write_text(path, protocol_text(protocol))


def protocol_text(protocol: Protocol) -> str:
    """The JSON text of a protocol, without what has its default value."""
    return protocol.model_dump_json(indent=1, exclude_defaults=True) + "\n"


def load_protocol(name: str) -> Protocol:
    """A protocol that ships with the library, or that a user has made.

    Raises
    ------
    InputError
        There is none of this name; the sentence lists those there are. Or a user's is broken.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> ld.load_protocol("cephalometric-19").view
    'picture'
    """
    found = _protocol_files()
    if name not in found:
        raise InputError(f"There is no protocol '{name}'; known are {', '.join(found) or 'none'}.")
    return read_protocol(found[name])


def chosen_protocol(choice: str, folder: Path = Path()) -> Protocol:
    """The protocol of a file (.json, relative to a folder), or of a name as in :func:`load_protocol`.

    Raises
    ------
    InputError
        There is none, or it is broken.
    """
    return read_protocol(folder / choice) if choice.endswith(".json") else load_protocol(choice)


def list_protocols() -> list[str]:
    """Names of the protocols that ship with the library and of those that a user has made, sorted."""
    return sorted(_protocol_files())


def user_protocol_folder() -> Path:
    """Where a user's own are: ``LANDMARK_DETECTION_PROTOCOLS``, else the system's place for user data."""
    chosen = os.environ.get(PROTOCOL_FOLDER_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else user_data_folder() / "protocols"


def save_protocol(protocol: Protocol) -> Path:
    """Keep a user's own protocol, in the place of an older one of the same name.

    Raises
    ------
    InputError
        A protocol of this name ships with the library.
    OutputError
        The folder cannot be written.
    """
    if resource_path("Protocols", f"{protocol.name}.json").is_file():
        raise InputError(
            f"A protocol named '{protocol.name}' ships with landmark-detection; name yours otherwise."
        )
    file = user_protocol_folder() / f"{protocol.name}.json"
    make_folder(file.parent)
    write_protocol(protocol, file)
    return file


def _protocol_files() -> dict[str, Path]:
    """File of every protocol; one that ships is never hidden by a user's."""
    found: dict[str, Path] = {}
    for folder in (resource_path("Protocols"), user_protocol_folder()):
        for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
            if not file.name.startswith("."):
                found.setdefault(file.stem, file)
    return found
