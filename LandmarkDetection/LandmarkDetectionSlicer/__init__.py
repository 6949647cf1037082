"""The module's parts; the library that came with them is the one that they use."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

#: Folder of today -> the modules that lay beside this file up to version 1.1, for scripts of before.
_MOVED = {
    "logic": "annotating batch cohort_review detecting files measuring placing reviewing volume_request",
    "process": "child_process packages worker",
    "scene": "colors ghosts nodes parameters sample_data transforms views volumes voxels",
}


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


class _FormerNames:
    """Asked by the import system for what no file of the package answers to."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        before = name.removeprefix(f"{__name__}.")
        homes = [f"{folder}.{before}" for folder, names in _MOVED.items() if before in names.split()]
        if before == "following":
            homes = ["logic.propagation"]
        if before == name or not homes:
            return None
        from LandmarkDetectionLib._renamed import MovedModule

        return ModuleSpec(name, MovedModule([f"{__name__}.{home}" for home in homes]))


sys.meta_path.append(_FormerNames)
