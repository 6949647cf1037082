"""Dependencies point one way, in no circle, and starting the command line loads nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing.draw_architecture import (
    LAYERS,
    LIBRARY,
    PICTURE,
    circles,
    module_imports,
    modules,
    part_of,
    picture,
    upwards,
)
from Testing.Python.conftest import LONG

HEAVY = (
    "torch",
    "numba",
    "matplotlib",
    "SimpleITK",
    "scipy",
    "anny",
    "pydicom",
    "nibabel",
    "pydantic",
    "lightning_fabric",
    "dask",
    "distributed",
    "pandas",
    "pyarrow",
)
SLICER_ONLY = {"slicer", "qt", "ctk", "vtk"}


def module_level_imports(file: Path) -> Iterator[str]:
    """Top-level packages imported whenever the module is imported (not those inside functions)."""
    pending: list[ast.AST] = list(ast.parse(file.read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
        pending.extend(ast.iter_child_nodes(node))


def test_every_part_has_a_layer_of_its_own() -> None:
    assert {part_of(module) for module in modules() if module} <= set(LAYERS)
    assert len(set(LAYERS)) == len(LAYERS)


def test_no_module_imports_a_part_above_its_own() -> None:
    assert upwards(module_imports()) == set()


def test_no_modules_import_one_another() -> None:
    assert circles(module_imports()) == []


def test_nothing_inside_imports_the_public_face() -> None:
    assert not {module for module, others in module_imports().items() if module and "" in others}


def test_the_checks_see_what_they_forbid(tmp_path: Path) -> None:
    """Imports in functions, for types, relative ones, and circles around a corner."""
    library = tmp_path / "LandmarkDetectionLib"
    for name, text in {
        "core/a.py": "def f():\n    from LandmarkDetectionLib.io import b\n",
        "io/b.py": "if TYPE_CHECKING:\n    from LandmarkDetectionLib.cli.c import name\n",
        "cli/c.py": "import LandmarkDetectionLib.core.a\nfrom .d import other\n",
        "cli/d.py": "",
    }.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(text)
        (library / name).with_name("__init__.py").touch()
    imports = module_imports(library)
    assert upwards(imports) == {("core.a", "io.b"), ("io.b", "cli.c")}
    assert circles(imports) == [["cli.c", "core.a", "io.b"]]
    assert imports["cli.c"] == {"core.a", "cli.d"}


def test_the_picture_of_the_architecture_is_that_of_the_code() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run Testing/draw_architecture.py"


@pytest.mark.parametrize("file", modules().values(), ids=lambda file: file.relative_to(LIBRARY).as_posix())
def test_the_library_imports_without_slicer(file: Path) -> None:
    assert not SLICER_ONLY & set(module_level_imports(file))


def test_importing_the_command_line_loads_nothing_heavy(repository: Path) -> None:
    program = f"import sys, LandmarkDetectionLib.cli.app\nprint(*[n for n in {HEAVY!r} if n in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


def test_what_the_order_of_tests_names_is_there(repository: Path) -> None:
    assert not [name for name in LONG if not (repository / "Testing" / "Python" / name).exists()]
