"""The first start, walked with the real pip: one question, and one clear sentence whatever comes of it.

Each test has a fresh Python environment with what Slicer 5.10 or 5.12 ships, an index of small real wheels,
and the panel, in which a person presses the button that installs.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
pytest.importorskip("PySide6.QtWidgets", reason="needs Qt and its system libraries", exc_type=ImportError)

import slicer.util

from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module import pip_cases
from Testing.Python.slicer_module.mrml_cases import add_volume
from Testing.Python.slicer_module.panel_cases import complaint, open_panel, said
from Testing.Python.slicer_module.process.test_packages_in_slicer import INSTALLERS, PINS

INSTALLED = {"matplotlib", "nibabel", "numba", "pydantic", "rich", "safetensors", "typer", "torch"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pip_cases.write_index(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def address(index: Path) -> Iterator[str]:
    with pip_cases.served(index) as address:
        yield address


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """One environment for each Slicer, from which every test has its copy."""
    made: dict[str, Path] = {}

    def environment(version: str) -> Path:
        if version not in made:
            pins = dict(one.split("==") for one in PINS[version].split())
            folder = tmp_path_factory.mktemp("slicer")
            made[version] = pip_cases.make_environment(folder, pins).folder
        return made[version]

    return environment


@pytest.fixture
def version() -> str:
    return "5.10.0"


class FirstStart:
    """A person in front of a panel, and the Python under it."""

    def __init__(self, host: SlicerHost, panel: Any, python: pip_cases.SlicersPython) -> None:
        self.host, self.panel, self.python = host, panel, python
        self.own = python.versions

    def press_install(self, answer: bool = True) -> str:
        """Press the button and answer; gives the one question that was asked."""
        self.host.dialogs.clear()
        self.host.dialogs.answer(answer)
        self.host.click(self.panel.detect.ui.installButton)
        assert [one.kind for one in self.host.dialogs.shown] == ["question"]
        return self.host.dialogs.texts()[0]

    @property
    def is_ready(self) -> bool:
        ui = self.panel.detect.ui
        assert ui.installButton.visible != ui.detectButton.visible
        return bool(ui.detectButton.visible and ui.detectButton.enabled)

    @property
    def exchanged(self) -> dict[str, str | None]:
        """Slicer's own packages that are others now, with the versions they have."""
        now = self.python.versions
        return {name: now.get(name) for name, before in self.own.items() if now.get(name) != before}

    @property
    def new(self) -> set[str]:
        return set(self.python.versions) - set(self.own)


@pytest.fixture
def start(
    version: str, address: str, environments: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FirstStart]:
    """The panel in a Slicer that was installed just now, with the extension PyTorch."""
    shutil.copytree(environments(version), tmp_path / "slicer", symlinks=True, copy_function=_link)
    python = pip_cases.SlicersPython(tmp_path / "slicer")
    for name in [one for one in os.environ if one.upper().startswith("PIP_") or "proxy" in one.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_NO_COMPILE", "1")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    host = SlicerHost(version.rsplit(".", 1)[0])
    from LandmarkDetectionSlicer.process import packages

    monkeypatch.delenv(packages.WHEELS_VARIABLE, raising=False)
    monkeypatch.setattr(packages, "metadata", python.metadata())

    def pip_install_of_5_12(requirements: Any, constraints: Any = None, requester: str = "") -> None:
        options = ["--constraint", str(constraints)] if constraints else []
        pip_install_of_5_10([*([requirements] if isinstance(requirements, str) else requirements), *options])

    def pip_install_of_5_10(requirements: Any) -> None:
        python.pip("install", *([requirements] if isinstance(requirements, str) else requirements))

    if version.startswith("5.10"):
        monkeypatch.setattr(slicer.util, "pip_install", pip_install_of_5_10)
    else:
        monkeypatch.setattr(sys.modules["slicer.packaging"], "pip_install", pip_install_of_5_12)
    extension = pip_cases.pytorch_extension(python, pip_install_of_5_10)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    packages._found.clear()
    panel = open_panel(host)
    add_volume("scan", np.zeros((4, 5, 6), np.int16))
    host.process_events()
    yield FirstStart(host, panel, python)
    host.close()
    packages._found.clear()
    assert not host.errors, "\n".join(host.errors)


def _link(source: str, target: str) -> None:
    """Pip never writes into a file that is there, and copying all would take longer than a test."""
    if Path(source).is_symlink():
        shutil.copy2(source, target, follow_symlinks=False)
    else:
        os.link(source, target)


def closed_address() -> str:
    """Of an index that nobody serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/simple"


@pytest.mark.parametrize(
    ("version", "pip", "pydicom", "pydantic"),
    [("5.10.0", None, "2.4.4", "2.11.0"), ("5.12.3", pip_cases.OLDER_PIP, "3.0.2", "2.13.0")],
)
def test_one_question_installs_everything_and_the_panel_is_ready(
    start: FirstStart, pip: str | None, pydicom: str, pydantic: str
) -> None:
    assert complaint(start.panel).startswith("Python packages are missing (torch, ")
    question = start.press_install()
    assert all(f"- {name}" in question for name in INSTALLED)
    assert said(start.panel) == [] and start.is_ready
    assert start.new >= INSTALLED | {"torchvision", "light-the-torch"}
    # What Slicer was built with stays, old or not; what installs may be exchanged for PyTorch, and is.
    assert set(start.exchanged) <= INSTALLERS
    assert start.exchanged.get("pip") == pip
    assert start.python.versions["pydicom"] == pydicom and "pydicom" not in question
    # The newest pydantic wants a typing_extensions that is newer than that of Slicer 5.10.
    assert start.python.versions["pydantic"] == pydantic


def test_declining_installs_nothing_and_the_person_may_press_again(start: FirstStart) -> None:
    start.press_install(answer=False)
    assert complaint(start.panel) == (
        "Nothing was installed, so landmarks cannot be detected yet; everything else can be used."
    )
    assert start.python.versions == start.own and not start.is_ready
    start.press_install(answer=False)  # asked again, and only when the button is pressed


def test_without_a_network_one_sentence_says_what_to_do(
    start: FirstStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", closed_address())
    start.press_install()
    assert complaint(start.panel) == (
        "The Python packages were not installed: there is no way to the internet; connect this computer, or "
        "take the packages from a folder (set LANDMARK_DETECTION_WHEELS, see the documentation of the "
        "installation)."
    )
    assert start.python.versions == start.own and not start.is_ready


def test_a_network_that_lets_pytorch_alone_not_through_keeps_what_came(
    start: FirstStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADDRESS_OF_PYTORCH", closed_address())
    start.press_install()
    assert "there is no way to the internet" in complaint(start.panel)
    assert start.new >= INSTALLED - {"torch"} and "torch" not in start.python.versions
    question = start.press_install(answer=False)
    assert "- torch>=2.2" in question and "- numba" not in question


def test_an_index_behind_a_wall_is_told_as_such(start: FirstStart, monkeypatch: pytest.MonkeyPatch) -> None:
    with pip_cases.served(Path(os.devnull), status=403) as walled:
        monkeypatch.setenv("PIP_INDEX_URL", walled)
        start.press_install()
    assert "the network refuses the way to them (403); ask those who run it" in complaint(start.panel)
    assert start.python.versions == start.own


def test_a_package_without_a_build_for_this_slicer_is_named(
    start: FirstStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pip_cases.served(pip_cases.write_index(tmp_path / "new", lacking=("numba",))) as lacking:
        monkeypatch.setenv("PIP_INDEX_URL", lacking)
        start.press_install()
    assert "no build of numba that fits this Slicer" in complaint(start.panel)
    assert start.python.versions == start.own


def test_packages_that_do_not_fit_slicers_own_are_told_as_such(
    start: FirstStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = pip_cases.write_index(tmp_path / "new", lacking=("numba",))
    pip_cases.write_wheel(wheels, "numba", "0.99.0", ("numpy>=2.9",))
    with pip_cases.served(wheels) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
        start.press_install()
    assert "they do not fit this Slicer's own packages" in complaint(start.panel)
    assert start.python.versions == start.own


def test_the_torch_of_another_extension_stays_and_is_not_asked_for(
    start: FirstStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    theirs = pip_cases.write_wheel(tmp_path, "torch", "2.7.1+cu128", ("filelock>=3",))
    start.python.pip("install", str(theirs))
    question = start.press_install()
    assert "torch" not in question and "Slicer's own packages stay as they are." in question
    assert start.python.versions["torch"] == "2.7.1+cu128"
    assert start.is_ready and not start.exchanged


def test_the_old_torch_of_another_extension_is_exchanged_with_a_word_of_the_restart(
    start: FirstStart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = pip_cases.write_wheel(tmp_path, "torch", "1.13.1")
    start.python.pip("install", str(theirs))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())  # it was used before
    question = start.press_install()
    assert "- torch>=2.2" in question
    assert start.python.versions["torch"] == "2.13.0"
    assert complaint(start.panel) == "Restart Slicer now: packages in use were exchanged (torch)."
    assert start.is_ready


def test_the_extension_pytorch_is_asked_for_before_anything_else(
    start: FirstStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    start.host.click(start.panel.detect.ui.installButton)
    assert start.host.dialogs.texts() == []
    assert complaint(start.panel) == (
        "PyTorch is needed; install the extension PyTorch in the Extensions Manager, restart Slicer, and try "
        "again."
    )
    assert start.python.versions == start.own


def test_a_folder_of_wheels_serves_a_computer_without_a_network(
    start: FirstStart, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", closed_address())
    monkeypatch.setenv("LANDMARK_DETECTION_WHEELS", str(index))
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    question = start.press_install()
    assert f"from the folder {index}" in question
    assert said(start.panel) == [] and start.is_ready
    assert set(start.exchanged) <= INSTALLERS


def test_a_batch_that_comes_first_asks_once_for_everything_too(start: FirstStart) -> None:
    panel, host = start.panel, start.host
    panel.pages.show(panel.batch)
    assert panel.batch.ui.startBatchButton.text == "Install Python packages..."
    host.dialogs.answer(True)
    host.click(panel.batch.ui.startBatchButton)
    assert [one.kind for one in host.dialogs.shown] == ["question"]
    assert all(f"- {name}" in host.dialogs.texts()[0] for name in (*INSTALLED, "dask[distributed]", "psutil"))
    assert start.new >= INSTALLED | {"dask", "distributed", "psutil", "pyarrow"}
    assert set(start.exchanged) <= INSTALLERS
    panel.pages.show(panel.review)
    assert start.is_ready
