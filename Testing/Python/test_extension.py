"""The extension as Slicer's build sees it: nothing left out, metadata as its index asks, and it installs."""

import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FAKE_SLICER = Path(__file__).with_name("fake_slicer")
HOME = "https://github.com/landmark-detection/SlicerLandmarkDetection"
RAW = "https://raw.githubusercontent.com/landmark-detection/SlicerLandmarkDetection/main/"
MODULES = "lib/Slicer-5.12/qt-scripted-modules"


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "update_cmake_lists", REPOSITORY / "Testing/update_cmake_lists.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


lists = _script()


def metadata() -> dict[str, str]:
    """The extension's metadata as the index's own check reads them."""
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    return dict(re.findall(r'set\s*\(EXTENSION_(\w+)\s*"([^"]+)"[ ]*\)', text))


# --- lists of files ---------------------------------------------------------------------------------------


def test_every_file_is_packaged_and_every_packaged_file_is_there() -> None:
    problems = lists.problems()
    assert not problems, "\n".join([*problems, "or run: python Testing/update_cmake_lists.py"])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A small tree with the same CMake files, every list empty."""
    for one in lists.LISTS:
        target = one.cmake_file(tmp_path)
        target.parent.mkdir(exist_ok=True)
        text = one.cmake_file(REPOSITORY).read_text(encoding="utf-8")
        target.write_text(re.sub(r"(MODULE_PYTHON_\w+|LIBRARY_RESOURCES)\n[^)]*", r"\1\n  ", text))
    return tmp_path


def test_a_new_file_and_a_removed_one_are_named(copy: Path) -> None:
    assert lists.problems(copy) == []
    (copy / "LandmarkDetection" / "Part").mkdir()
    (copy / "LandmarkDetection" / "Part" / "new.py").write_text("")
    (copy / "Resources" / "new.json").write_text("{}")
    where = "LandmarkDetection/CMakeLists.txt, MODULE_PYTHON_SCRIPTS"
    assert lists.problems(copy) == [
        f"{where}: add the line  Part/new.py",
        "Resources/CMakeLists.txt, LIBRARY_RESOURCES: add the line  new.json",
    ]
    for one in lists.LISTS:
        one.write(copy)
    assert lists.problems(copy) == []
    (copy / "LandmarkDetection" / "Part" / "new.py").unlink()
    assert lists.problems(copy) == [f"{where}: remove the line  Part/new.py"]


def test_tests_and_what_python_leaves_behind_are_not_packaged(copy: Path) -> None:
    for name in ("Testing/Python/SomeTest.py", "__pycache__/module.cpython-312.pyc"):
        (copy / "LandmarkDetection" / name).parent.mkdir(parents=True)
        (copy / "LandmarkDetection" / name).write_text("")
    assert lists.problems(copy) == []


# --- metadata ---------------------------------------------------------------------------------------------


def test_the_metadata_are_complete() -> None:
    found = metadata()
    required = ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS", "KEYWORDS")
    assert set(found) == set(required)
    assert found["HOMEPAGE"] == HOME
    assert found["DEPENDS"].split() == ["PyTorch"]
    assert 1 <= found["DESCRIPTION"].count(".") <= 2
    words = found["KEYWORDS"].split()
    assert words == list(dict.fromkeys(words))


@pytest.mark.parametrize("field", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_are_files_of_this_tree(field: str) -> None:
    for address in metadata()[field].split():
        assert address.startswith(RAW)
        content = (REPOSITORY / address.removeprefix(RAW)).read_bytes()
        assert content.startswith(b"\x89PNG")


def test_the_icon_has_the_size_that_slicer_shows() -> None:
    icon = (REPOSITORY / "LandmarkDetection/Resources/Icons/LandmarkDetection.png").read_bytes()
    assert struct.unpack(">II", icon[16:24]) == (128, 128)


def test_the_project_builds_with_the_cmake_of_both_slicers() -> None:
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"project\s*\(\s*LandmarkDetection\s*\)", text)
    version = re.search(r"cmake_minimum_required\(VERSION ([\d.]+)\)", text)
    assert version is not None
    assert version[1] == "3.20.6"


def test_the_index_entry_follows_the_schema() -> None:
    path = REPOSITORY / "docs" / "extensions-index" / "LandmarkDetection.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    optional = {"scm_revision", "scm_type", "build_dependencies", "build_subdirectory", "enabled", "tier"}
    optional |= {"dicom_support_rule"}
    assert {"$schema", "category", "scm_url"} <= set(entry) <= {"$schema", "category", "scm_url"} | optional
    assert entry["category"] == "Analysis"  # one of the index's list
    assert entry["scm_url"] == f"{HOME}.git"
    assert "slicer" in entry["scm_url"].rsplit("/", 1)[1].lower()
    assert entry["scm_revision"] == "main"
    assert entry["build_dependencies"] == metadata()["DEPENDS"].split()
    assert entry["tier"] in (1, 3, 5)
    assert not path.stem.startswith("Slicer")


def test_there_is_a_license_where_the_index_looks() -> None:
    assert (REPOSITORY / "LICENSE").is_file()


def test_text_files_of_the_extension_have_unix_line_ends() -> None:
    cmake_files = {one.cmake_file(REPOSITORY) for one in lists.LISTS} | {REPOSITORY / "CMakeLists.txt"}
    files = {REPOSITORY / one.folder / name for one in lists.LISTS for name in one.wanted(REPOSITORY)}
    for path in cmake_files | files:
        if path.suffix not in {".png", ".qm", ".safetensors", ".nrrd"}:
            assert b"\r" not in path.read_bytes(), path


# --- a build ----------------------------------------------------------------------------------------------


def cmake(*arguments: object) -> None:
    answer = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, configured against a stand-in for Slicer's macros, built and installed."""
    if not shutil.which("cmake"):
        pytest.skip("the extension is built with cmake")
    build, target = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("extension")
    # No compiler is needed, but project() would look for one.
    no_compiler = [f"-DCMAKE_{language}_COMPILER={shutil.which('cmake')}" for language in ("C", "CXX")]
    no_compiler += [f"-DCMAKE_{language}_COMPILER_WORKS=ON" for language in ("C", "CXX")]
    no_compiler += [f"-DCMAKE_{language}_COMPILER_FORCED=ON" for language in ("C", "CXX")]
    cmake("-S", REPOSITORY, "-B", build, f"-DSlicer_DIR={FAKE_SLICER}", *no_compiler)
    cmake("--build", build)
    cmake("--install", build, "--prefix", target)
    assert "DEPENDS=PyTorch" in (build / "extension.txt").read_text()
    return target / MODULES


def test_the_library_finds_its_resources_when_installed(installed: Path, tmp_path: Path) -> None:
    code = (
        "from LandmarkDetectionLib.files import resource_path;"
        "print(resource_path('Protocols', 'whole-body.json').is_file(), resource_path())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=installed, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["True", str(installed / "LandmarkDetectionLib" / "Resources")]


def test_the_installed_model_is_valid(installed: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "LandmarkDetectionLib", "models", "info", "whole-body-ct", "--json"],
        cwd=installed,
        capture_output=True,
        text=True,
        check=True,
    )
    model = json.loads(answer.stdout)
    assert (
        Path(model["path"]) == installed / "LandmarkDetectionLib" / "Resources" / "Models" / "whole-body-ct"
    )


def test_the_installed_panel_opens_with_the_installed_library(installed: Path) -> None:
    pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
    pytest.importorskip("PySide6.QtWidgets", reason="needs Qt and its system libraries", exc_type=ImportError)
    code = (
        "import sys; from Testing.Python.slicer_host import SlicerHost; sys.path.insert(0, sys.argv[1]);"
        "host = SlicerHost(); host.open_module(sys.argv[1] + '/LandmarkDetection.py');"
        "import LandmarkDetectionLib, LandmarkDetectionSlicer;"
        "print(LandmarkDetectionLib.__file__, LandmarkDetectionSlicer.__file__, host.errors, sep='\\n');"
        "from LandmarkDetectionLib.models import list_models; print([model.name for model in list_models()]);"
        "host.close()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(installed)],
        cwd=REPOSITORY,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    library, module, errors, models = answer.stdout.splitlines()
    assert Path(library).parent == installed / "LandmarkDetectionLib", answer.stderr
    assert Path(module).parent == installed / "LandmarkDetectionSlicer"
    assert errors == "[]"
    assert "whole-body-ct" in models


def test_the_module_lies_beside_the_library(installed: Path) -> None:
    modules = {path.name for path in installed.iterdir() if path.suffix == ".py"}
    assert modules == {"LandmarkDetection.py"}
    assert (installed / "LandmarkDetectionSlicer" / "process" / "packages.py").is_file()
    assert (installed / "Resources" / "Icons" / "LandmarkDetection.png").is_file()
