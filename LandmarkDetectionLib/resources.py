"""Where the files that ship with the library are, and where those of a user are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
