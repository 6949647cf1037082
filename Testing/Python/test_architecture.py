"""Dependencies point one way, and starting the command line loads nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "LandmarkDetectionLib"

# Lowest first. A part may import its own layer and the layers below it, never one above.
LAYERS = (
    ("errors", "files", "resources", "kernels", "csv_text", "figure_text"),
    (
        "volume",
        "dicom",
        "dicom_pixels",
        "dicom_stack",
        "pixel_size",
        "nifti",
        "itk",
        "voxel_data",
        "nrrd",
        "metaimage",
        "radiograph",
        "landmarks",
        "pixel_landmarks",
        "direction_colours",
        "protocol",
        "protocol_draft",
        "measurement_definition",
    ),
    (
        "body_mask",
        "projection",
        "registration",
        "template",
        "tiling",
        "hand_view",
        "heatmap",
        "gaussian_heatmap",
        "heatmap_reading",
        "image_grid",
        "aligned_grid",
        "image_views",
        "scan_picture",
        "correction",
        "channels",
        "datalist",
        "dataset_checks",
        "annotations",
        "shape_checks",
        "raters",
        "splits",
        "dataset_summary",
        "importers",
        "detection",
        "ranking",
        "review",
        "measurement",
    ),
    ("networks", "image_reading"),
    ("depth", "quality", "body_evidence", "model"),
    ("detectors",),
    ("synthesis",),
    ("baselines", "evaluation", "training", "cohort", "reporting", "measuring"),
    (
        "console",
        "cli_options",
        "cli",
        "cli_annotations",
        "cli_batch",
        "cli_cohort",
        "cli_data",
        "cli_evaluate",
        "cli_finetune",
        "cli_help",
        "cli_measure",
        "cli_refine",
        "cli_study",
        "cli_train",
        "worker",
        "viewer",
        "__main__",
    ),
)
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


def layer_of(part: str) -> int | None:
    return next((level for level, parts in enumerate(LAYERS) if part in parts), None)


def part_of(file: Path) -> str:
    """First name below the package: ``detectors/silhouette.py`` belongs to ``detectors``."""
    relative = file.relative_to(LIBRARY)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def sources() -> list[Path]:
    return sorted(file for file in LIBRARY.rglob("*.py") if file != LIBRARY / "__init__.py")


def library_imports(file: Path) -> Iterator[str]:
    """Parts of the library that a file imports, inside functions too."""
    package = ("LandmarkDetectionLib", *file.relative_to(LIBRARY).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            # `from . import volume` names the part only after the word import.
            modules = [".".join([*base, alias.name]) for alias in node.names]
        else:
            continue
        for module in modules:
            names = module.split(".")
            if names[0] == "LandmarkDetectionLib" and len(names) > 1:
                yield names[1]


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


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.relative_to(LIBRARY).as_posix())
def test_a_part_imports_nothing_above_its_layer(file: Path) -> None:
    part = part_of(file)
    level = layer_of(part)
    assert level is not None, f"give '{part}' a place in LAYERS and in docs/architecture.md"
    too_high = {
        other for other in library_imports(file) if (found := layer_of(other)) is not None and found > level
    }
    assert not too_high, f"{part} imports {sorted(too_high)}, which stand above it"


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.relative_to(LIBRARY).as_posix())
def test_the_library_imports_without_slicer(file: Path) -> None:
    assert not SLICER_ONLY & set(module_level_imports(file))


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    program = (
        f"import sys, LandmarkDetectionLib.cli; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []
