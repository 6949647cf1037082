"""Where the files that ship with the library are: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def resource_path(*parts: str) -> Path:
    """Path of a shipped file or folder; it need not exist.

    Examples
    --------
    >>> resource_path("Protocols", "whole-body.json").name
    'whole-body.json'
    """
    package = Path(__file__).resolve().parent
    packaged = package / "Resources"
    root = packaged if packaged.is_dir() else package.parent / "Resources"
    return root.joinpath(*parts)
