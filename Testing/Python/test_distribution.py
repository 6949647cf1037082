"""Wheel and source archive as a package index gets them: all of the library, nothing else, and it runs."""

import email
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

import pytest

from LandmarkDetectionLib import __version__
from Testing.examples.pages import links
from Testing.install_extra import project

PACKAGE = "LandmarkDetectionLib"
NAME = f"slicer_landmark_detection-{__version__}"
CREDIT = "BodyParts3D, © The Database Center for Life Science licensed under CC Attribution 4.0 International"


@pytest.fixture(scope="module")
def built(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and a source archive of this tree."""
    pytest.importorskip("hatchling", reason="packages are built by hatchling")
    pytest.importorskip("hatch_fancy_pypi_readme", reason="it writes what the package index shows")
    folder = tmp_path_factory.mktemp("built")
    run([sys.executable, "-m", "hatchling", "build", "--directory", str(folder)], cwd=repository)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl")


@pytest.fixture(scope="module")
def installed(built: Path, wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own; what it needs is that of these tests."""
    folder = tmp_path_factory.mktemp("installed")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile"]
    run([sys.executable, "-m", "pip", "install", *quiet, "--target", str(folder), str(wheel.filename)])
    return folder


def run(command: Sequence[str], cwd: Path | None = None, path: Path | None = None) -> str:
    """What a command prints; the test fails with what it says when it fails."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])} if path else None
    answer = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def tracked(repository: Path, *folders: str) -> set[str]:
    """Files of folders that belong to the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *folders], cwd=repository, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("which files belong to the project is git's to say, and this is no checkout")
    there = (name for name in listed.stdout.split("\0") if name and (repository / name).is_file())
    return {name for name in there if not name.endswith("CMakeLists.txt")}


def content(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(f"{NAME}.dist-info/METADATA"))


def test_the_wheel_holds_the_library_and_its_resources_and_nothing_else(
    wheel: zipfile.ZipFile, repository: Path
) -> None:
    resources = {f"{PACKAGE}/{name}" for name in tracked(repository, "Resources")}
    viewer = tracked(repository, "LandmarkDetectionViewer")
    scene = {
        name.removeprefix("LandmarkDetection/")
        for name in tracked(repository, "LandmarkDetection/LandmarkDetectionSlicer")
    }
    assert content(wheel) == tracked(repository, PACKAGE) | resources | viewer | scene
    assert not [name for name in wheel.namelist() if "test" in name.lower().replace("latest", "")]


def test_the_wheel_carries_licence_and_credits(wheel: zipfile.ZipFile) -> None:
    assert b"Apache License" in wheel.read(f"{NAME}.dist-info/licenses/LICENSE")
    credits = wheel.read(f"{PACKAGE}/Resources/CREDITS.md").decode("utf-8")
    assert CREDIT in credits
    assert metadata(wheel)["License-Expression"] == "Apache-2.0"


def test_every_link_and_picture_on_the_page_of_the_index_leads_into_the_repository(
    built: Path, wheel: zipfile.ZipFile, repository: Path
) -> None:
    page = str(metadata(wheel).get_payload(decode=True), "utf-8")
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        information = archive.extractfile(f"{NAME}/PKG-INFO")
        assert information is not None
        assert information.read().partition(b"\n\n")[2].decode() == page
    assert metadata(wheel)["Description-Content-Type"] == "text/markdown"
    assert not list(links(page)), "an index shows no files beside the page"

    home = project()["urls"]["Homepage"]
    bases = {
        "": f"{home}/blob/v{__version__}/",
        "!": f"{home.replace('//github.com/', '//raw.githubusercontent.com/')}/v{__version__}/",
    }
    found = re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", page)
    ours = [(kind, address) for kind, address in found if address.startswith(bases[kind])]
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert len(ours) == len(list(links(readme)))
    for kind, address in ours:
        path = address.removeprefix(bases[kind])
        assert (repository / path.partition("#")[0]).is_file(), address
        readme = readme.replace(f"({path})", f"({address})")
    assert page.strip() == readme.strip()


def test_every_model_whose_training_had_bones_credits_them(wheel: zipfile.ZipFile) -> None:
    cards = [name for name in wheel.namelist() if name.endswith("/docs/README.md")]
    with_bones = [name for name in cards if "skeleton | True" in wheel.read(name).decode("utf-8")]
    assert with_bones
    for name in with_bones:
        words = " ".join(wheel.read(name).decode("utf-8").split())
        assert CREDIT in words.replace("(c)", "©")


def test_the_source_archive_holds_what_the_wheel_is_made_of(built: Path, wheel: zipfile.ZipFile) -> None:
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    places = {
        f"{PACKAGE}/Resources/": "Resources/",
        "LandmarkDetectionSlicer/": "LandmarkDetection/LandmarkDetectionSlicer/",
    }
    sources = set(content(wheel))
    for in_wheel, place in places.items():
        sources = {
            place + name.removeprefix(in_wheel) if name.startswith(in_wheel) else name for name in sources
        }
    assert sources <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "Makefile"} <= names
    assert "docs/README.md" in names


def test_the_installed_command_runs_by_itself(installed: Path, tmp_path: Path) -> None:
    (command,) = (installed / "bin").glob("landmark-detection*")
    assert __version__ in run([sys.executable, str(command), "--version"], cwd=tmp_path, path=installed)
    models = json.loads(
        run([sys.executable, str(command), "models", "list", "--json"], cwd=tmp_path, path=installed)
    )
    shipped = installed / PACKAGE / "Resources" / "Models"
    paths = {Path(one["path"]) for one in models["models"]}
    assert {path for path in paths if shipped in path.parents} == set(shipped.iterdir())


def test_the_installed_library_reads_its_own_sample(installed: Path, tmp_path: Path) -> None:
    program = (
        "import LandmarkDetectionLib as ld; from LandmarkDetectionLib.files import resource_path\n"
        "print(ld.__file__)\n"
        "print(ld.read_volume(resource_path('SampleData', 'synthetic-body-ct.nrrd')).size)"
    )
    file, size = run([sys.executable, "-c", program], cwd=tmp_path, path=installed).splitlines()
    assert Path(file).parent == installed / PACKAGE
    assert size == "(129, 90, 342)"
