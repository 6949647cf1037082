"""The module's parts; the library that came with them is the one that they use."""

import sys
from pathlib import Path


def _importLibrary() -> None:
    """Import the library that lies beside the module, and none that pip has installed.

    Slicer appends the folders of modules to the path, so a copy among Python's packages, of whatever version,
    would be found first.
    """
    folders = Path(__file__).resolve().parents
    # Installed, it lies beside this package; in a checkout of the repository, beside the module's folder.
    for folder in (folders[1], folders[2]):
        if (folder / "LandmarkDetectionLib" / "__init__.py").is_file():
            sys.path.insert(0, str(folder))
            try:
                import LandmarkDetectionLib  # noqa: F401
            finally:
                sys.path.remove(str(folder))
            return


_importLibrary()
