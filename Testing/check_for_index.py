"""Run the own checks of the index of Slicer's extensions on this repository, as far as they need no network.

::

    git clone --depth 1 https://github.com/Slicer/ExtensionsIndex
    python Testing/check_for_index.py ExtensionsIndex      # Python 3.12 or newer, with jsonschema

What is committed is checked, in a clone as the index makes one: with all of its history, which counts for the
size, as the entry names a branch. Its schema is read from its folder, and
pictures from this repository instead of their addresses.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
NAME = "LandmarkDetection"
ENTRY = REPOSITORY / "docs" / "extensions-index" / f"{NAME}.json"
RAW = "https://raw.githubusercontent.com/landmark-detection/SlicerLandmarkDetection/main/"
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")


def load_checks(index: Path, clone: Path) -> ModuleType:
    """The index's checks, reading from disk what they would fetch."""
    spec = importlib.util.spec_from_file_location("checks", index / "scripts" / "check_description_files.py")
    assert spec is not None
    assert spec.loader is not None
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)

    def read_schema(address: str, timeout: float = 0) -> SimpleNamespace:
        text = (index / "schemas" / address.rsplit("/", 1)[1]).read_text(encoding="utf-8")
        return SimpleNamespace(json=lambda: json.loads(text), raise_for_status=lambda: None)

    def check_picture(address: str, kind: str, extension: str, check: str) -> None:
        path = clone / address.removeprefix(RAW)
        if not address.startswith(RAW) or not path.is_file() or not path.read_bytes().startswith(PICTURES):
            raise checks.ExtensionCheckError(extension, check, f"{kind} {address} is no picture of this tree")

    checks.__dict__["requests"] = SimpleNamespace(get=read_schema, RequestException=OSError)
    checks.__dict__["validate_image_url"] = check_picture
    return checks


def run(index: Path, clone: Path) -> dict[str, str]:
    """What every check says: nothing when it passes."""
    checks = load_checks(index, clone)
    entry = json.loads(ENTRY.read_text(encoding="utf-8"))
    steps: dict[str, Callable[[], Any]] = {
        "schema": lambda: checks.check_json_schema(NAME, entry),
        "file format": lambda: checks.check_json_file_format(NAME, entry, str(ENTRY)),
        "extension name": lambda: checks.check_extension_name(NAME, entry),
        "category": lambda: checks.check_category(NAME, entry),
        "repository name": lambda: checks.check_git_repository_name(NAME, entry),
        "address": lambda: checks.check_scm_url_syntax(NAME, entry),
        "size": lambda: checks.check_repository_size(NAME, entry, str(clone)),
        "CMakeLists.txt": lambda: checks.check_cmakelists_content(NAME, entry, str(clone)),
        "licence": lambda: checks.check_license_file(NAME, entry, str(clone)),
    }
    answers = {}
    for step, check in steps.items():
        try:
            with redirect_stdout(StringIO()):
                check()
            answers[step] = ""
        except checks.ExtensionCheckError as problem:
            answers[step] = str(problem).strip()
    lacking = [one for one in entry["build_dependencies"] if not (index / f"{one}.json").is_file()]
    answers["dependencies"] = f"the index has no {', '.join(lacking)}" if lacking else ""
    return answers


def main(arguments: list[str]) -> int:
    """Print what every check says; exit code 1 when one fails."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "scripts" / "check_description_files.py").is_file():
        print("Name a checkout of https://github.com/Slicer/ExtensionsIndex.", file=sys.stderr)
        return 2
    if sys.version_info < (3, 12):
        print("The index's checks need Python 3.12 or newer.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        address = f"file://{REPOSITORY}"  # a path would be copied with whatever lies beside the history
        subprocess.run(["git", "clone", "--quiet", "--single-branch", address, clone], check=True)
        answers = run(Path(arguments[0]), clone)
    for step, problem in answers.items():
        print(f"{'failed' if problem else 'passed'}  {step}{': ' + problem if problem else ''}")
    print("not run  topic of the repository, and whether pictures answer at their addresses: no network")
    return int(any(answers.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
