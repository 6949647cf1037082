"""The Slicer side has an order of its own: scene, process, logic, panel; the module file ties them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SIDE = REPOSITORY / "LandmarkDetection"
PACKAGE = SIDE / "LandmarkDetectionSlicer"

# Lowest first, one part per layer; each imports its own files and those of the parts before it.
PARTS = ("scene", "process", "logic", "panel")
WIDGETS = {"ctk", "QtWidgets"}


def sources() -> list[Path]:
    return sorted(file for part in PARTS for file in (PACKAGE / part).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports: at its head, in functions, and for types only."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: imports are written out"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_part_imports_no_part_above_it(file: Path) -> None:
    below = PARTS[: PARTS.index(file.relative_to(PACKAGE).parts[0]) + 1]
    own = [name.split(".")[1] for name in imports(file) if name.startswith("LandmarkDetectionSlicer.")]
    assert set(own) <= set(below)


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_nothing_imports_the_module_file(file: Path) -> None:
    assert not {name for name in imports(file) if name.split(".")[0] == "LandmarkDetection"}


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_widgets_are_in_the_panel_only(file: Path) -> None:
    if file.relative_to(PACKAGE).parts[0] != "panel":
        assert not {name for name in imports(file) if WIDGETS & set(name.split("."))}


def test_every_file_has_its_part() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"} == {
        "__init__.py",
        *PARTS,
    }


def test_no_function_is_hard_to_follow() -> None:
    """Cyclomatic complexity 15 at most."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901", str(SIDE)]
    told = subprocess.run(
        [*command, "--config", "lint.mccabe.max-complexity=15"], capture_output=True, text=True
    )
    if "No module named ruff" in told.stderr:
        pytest.skip("needs ruff: pip install ruff")
    assert told.returncode == 0, told.stdout
