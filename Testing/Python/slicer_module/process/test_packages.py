"""Packages are installed once a person agreed, Slicer's own stay as they are, every trouble is a sentence."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
pytest.importorskip("PySide6.QtWidgets", reason="needs Qt and its system libraries", exc_type=ImportError)

import slicer.util

from LandmarkDetectionLib.errors import MissingPackageError
from LandmarkDetectionLib.files import resource_path
from Testing.install_extra import project
from Testing.Python.slicer_host import SlicerHost


def pip_install_of_5_10(requirements: list[str]) -> None:
    """What ``slicer.util.pip_install`` did before ``slicer.packaging`` took its work."""
    run = getattr(slicer.util, "executePythonModule", None) or slicer.util._executePythonModule
    run("pip", ["install", *requirements])


SLICER = {
    "numpy": "2.0.2",
    "scipy": "1.16.0",
    "SimpleITK": "2.5.5",
    "vtk": "9.5.1",
    "pydicom": "3.0.1",
    "pillow": "11.0.0",
    "typing_extensions": "4.15.0",
}
INSTALLERS = {"pip": "26.1.1", "setuptools": "82.0.1", "packaging": "26.2"}


@dataclass
class Installer:
    """Stands for pip and the extension PyTorch: records what it is given, and makes it installed."""

    versions: dict[str, str]
    requirements: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    constraints: str = ""
    torch: dict[str, Any] | None = None
    writes: str = ""

    def pip(self, arguments: list[str]) -> None:
        place = arguments.index("--constraint")
        self.constraints = Path(arguments[place + 1]).read_text()
        arguments = [*arguments[:place], *arguments[place + 2 :]]
        first = next(n for n, word in enumerate(arguments) if word.startswith("--"))
        self.requirements, self.options = arguments[:first], arguments[first:]
        if self.writes:
            Path(self.options[self.options.index("--log") + 1]).write_text(self.writes)
            raise CalledProcessError(1, ["pip", "install"])
        self.versions.update({re.split("[<>=]", one)[0]: "99" for one in self.requirements})

    def pip_as_in_5_12(self, requirements: list[str], constraints: Path, requester: str) -> None:
        assert requester == "Landmark Detection"
        self.pip([*requirements, "--constraint", str(constraints)])

    def install_torch(self, **arguments: Any) -> object:
        address = os.environ["PIP_CONSTRAINT"]
        assert address.startswith("file:///")
        self.torch = {**arguments, "constraints": Path(address.removeprefix("file://")).read_text()}
        self.versions["torch"] = "2.7.1+cu128"
        return object()


@pytest.fixture(scope="module")
def application() -> Iterator[SlicerHost]:
    host = SlicerHost("5.12")
    yield host
    host.close()


@pytest.fixture
def host(application: SlicerHost) -> Iterator[SlicerHost]:
    """One application for all tests of this file: nothing here touches its scene."""
    application.dialogs.clear()
    yield application
    application.testing = False


@pytest.fixture
def packages(host: SlicerHost) -> Iterator[Any]:
    from LandmarkDetectionSlicer.process import packages

    packages._found.clear()
    yield packages
    packages._found.clear()


@pytest.fixture(params=["5.10", "5.12"])
def installer(request: pytest.FixtureRequest, packages: Any, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """A Slicer with nothing but its own packages, with the extension PyTorch."""
    installer = Installer(SLICER | INSTALLERS)
    monkeypatch.delenv(packages.WHEELS_VARIABLE, raising=False)
    monkeypatch.setattr(packages, "_version", installer.versions.get)
    if request.param == "5.10":
        monkeypatch.setitem(sys.modules, "slicer.packaging", None)
        monkeypatch.setattr(slicer.util, "pip_install", installer.pip)
    else:
        monkeypatch.setattr(slicer.packaging, "pip_install", installer.pip_as_in_5_12)
        monkeypatch.setattr(slicer.util, "pip_install", lambda *_: pytest.fail("the old way"))
    logic = SimpleNamespace(installTorch=installer.install_torch)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", SimpleNamespace(PyTorchUtilsLogic=lambda: logic))
    return installer


def names(found: Any) -> set[str]:
    return {one.name for one in found}


def test_the_requirements_are_those_of_the_library(packages: Any) -> None:
    required = {one.requirement for one in packages.requiredPackages()}
    own = {name.lower() for name in packages.SLICERS_OWN} - {"pillow"}
    assert required == {
        one for one in project()["dependencies"] if re.split("[<>=]", one)[0].lower() not in own
    }
    assert not names(packages.requiredPackages()) & {"SimpleITK", "numpy", "scipy", "pydicom", "vtk"}


def test_every_requirement_says_what_for_and_how_large(packages: Any) -> None:
    lines = packages.REQUIREMENTS.read_text().splitlines()
    assert len(packages.requiredPackages()) == 1 + sum(not line.startswith("#") for line in lines)
    assert all(one.reason and one.megabytes > 0 for one in packages.requiredPackages())


def test_nothing_is_missing_where_the_library_runs(packages: Any) -> None:
    assert packages.missingPackages() == ()
    assert packages.ensurePackages(ask=lambda question: pytest.fail(question)) is None


def test_a_version_that_is_too_old_is_missing(packages: Any, installer: Installer) -> None:
    everything = names(packages.missingPackages())
    assert everything == names(packages.requiredPackages()) - {"pillow"}
    # A local build and a release candidate are new enough.
    installer.versions.update(torch="2.7.1+cu128", numba="0.61.0rc1", pydantic="1.10.2")
    assert names(packages.missingPackages()) == everything - {"torch", "numba"}
    assert "pydantic" in packages.missingSentence(packages.missingPackages())


def test_a_person_is_asked_once_for_everything_together(packages: Any, installer: Installer) -> None:
    questions: list[str] = []

    def ask(question: str) -> bool:
        questions.append(question)
        return True

    packages.ensurePackages(ask)
    assert len(questions) == 1
    for one in packages.requiredPackages():
        if one.name != "pillow":
            assert f"- {one.requirement}: {one.reason} ({one.megabytes} MB)" in questions[0]
    assert "light-the-torch" in questions[0] and "torchvision" in questions[0]
    assert "only its installers may be exchanged (packaging, pip, setuptools, wheel)" in questions[0]
    assert packages.missingPackages() == ()


def test_the_question_is_a_dialog_of_slicer(packages: Any, installer: Installer, host: SlicerHost) -> None:
    host.dialogs.answer(True)
    packages.ensurePackages()
    assert len(host.dialogs.texts("question")) == 1
    assert len(host.dialogs.shown) == 1


def test_slicers_own_packages_are_given_to_pip_as_they_are(packages: Any, installer: Installer) -> None:
    packages.ensurePackages(lambda _: True)
    expected = {f"{name}=={version}" for name, version in SLICER.items()}
    installers = {f"{name}=={version}" for name, version in INSTALLERS.items()}
    assert set(installer.constraints.splitlines()) == expected | installers
    assert "torch>=2.2" not in installer.requirements
    assert "numba>=0.59" in installer.requirements
    assert ["--only-binary", ":all:"] == installer.options[:2]
    assert installer.torch is not None
    assert set(installer.torch["constraints"].splitlines()) == expected
    assert installer.torch["askConfirmation"] is False
    assert installer.torch["torchVersionRequirement"] == ">=2.2"
    assert "PIP_CONSTRAINT" not in os.environ


def test_declining_installs_nothing_and_says_so(packages: Any, installer: Installer) -> None:
    with pytest.raises(MissingPackageError, match="Nothing was installed"):
        packages.ensurePackages(lambda _: False)
    assert installer.requirements == []
    assert installer.torch is None


def test_a_missing_extension_is_one_sentence_before_any_question(
    packages: Any, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(MissingPackageError, match="install the extension PyTorch in the Extensions Manager"):
        packages.ensurePackages(ask=lambda question: pytest.fail(question))
    assert installer.requirements == []


def test_the_extension_is_not_needed_when_pytorch_is_there(
    packages: Any, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    installer.versions["torch"] = "2.7.1"
    questions: list[str] = []
    packages.ensurePackages(lambda question: not questions.append(question))
    assert packages.missingPackages() == ()
    assert "light-the-torch" not in questions[0] and "may be exchanged" not in questions[0]


def test_nothing_is_installed_in_testing_mode(packages: Any, installer: Installer, host: SlicerHost) -> None:
    host.testing = True
    with pytest.raises(MissingPackageError, match=r"torch.*testing mode"):
        packages.ensurePackages(lambda _: True)
    assert installer.requirements == []


TROUBLES = {
    "offline": (
        "WARNING: Retrying after connection broken by 'NewConnectionError(Failed to establish a ...'"
        "\nERROR: No matching distribution found for numba>=0.59",
        "no way to the internet",
    ),
    "disk": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "full",
    ),
    "rights": ("OSError: [Errno 13] Permission denied: '/opt/Slicer/lib'", "may not be written"),
    "conflict": (
        "ERROR: Cannot install numba because these package versions have conflicting dependencies.",
        "never exchanged",
    ),
    "unknown": ("ERROR: something else", "Python console"),
}


@pytest.mark.parametrize("case", TROUBLES)
def test_every_trouble_of_pip_is_one_sentence(packages: Any, installer: Installer, case: str) -> None:
    installer.writes, expected = TROUBLES[case]
    with pytest.raises(
        MissingPackageError, match=f"^The Python packages were not installed: .*{expected}"
    ) as told:
        packages.ensurePackages(lambda _: True)
    assert "\n" not in str(told.value)
    assert installer.torch is None


def test_a_torch_that_is_not_installed_after_all_is_one_sentence(
    packages: Any, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["PyTorchUtils"],
        "PyTorchUtilsLogic",
        lambda: SimpleNamespace(installTorch=lambda **_: None),
    )
    with pytest.raises(MissingPackageError, match="were not installed"):
        packages.ensurePackages(lambda _: True)


def test_packages_come_from_the_wheel_folder_when_one_is_named(
    packages: Any, installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(packages.WHEELS_VARIABLE, str(tmp_path))
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    questions: list[str] = []
    packages.ensurePackages(lambda question: not questions.append(question))
    assert "torch>=2.2" in installer.requirements
    assert installer.options[-3:] == ["--no-index", "--find-links", str(tmp_path)]
    assert f"from the folder {tmp_path}" in questions[0]


def test_a_wheel_folder_that_is_not_there_is_one_sentence(
    packages: Any, installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(packages.WHEELS_VARIABLE, str(tmp_path / "wheels"))
    with pytest.raises(
        MissingPackageError, match=r"wheels that LANDMARK_DETECTION_WHEELS names does not exist"
    ):
        packages.ensurePackages(lambda _: True)


def test_a_restart_is_advised_only_for_what_is_in_use(packages: Any) -> None:
    advice = packages._restartAdvice
    assert advice({"numpy": "1.0"}, {"numpy": "1.0", "rich": "13"}) is None
    assert "Restart Slicer now" in advice({"numpy": "1.0"}, {"numpy": "2.0"})
    assert advice({"not-imported": "1.0"}, {"not-imported": "2.0"}) is None


def test_looking_for_packages_imports_none_of_them(repository: Path) -> None:
    code = (
        "import sys, types; sys.modules.update({'slicer': types.ModuleType('slicer'),"
        " 'slicer.i18n': types.SimpleNamespace(tr=str)});"
        "from LandmarkDetectionSlicer.process import packages; packages.missingPackages();"
        "print(sorted({one.name for one in packages.requiredPackages()} & set(sys.modules)))"
    )
    path = os.pathsep.join((str(repository), str(repository / "LandmarkDetection")))
    environment = {**os.environ, "PYTHONPATH": path}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


FRESH = """
import sys, tempfile
from pathlib import Path
from Testing.install_extra import project
from Testing.Python.slicer_host import SlicerHost

ABSENT = {
    "torch", "numba", "matplotlib", "nibabel", "pydantic", "rich", "safetensors", "typer",
    "dask", "distributed", "filelock", "psutil", "pyarrow",
}

class NothingInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NothingInstalled())
host = SlicerHost()
import slicer
from LandmarkDetectionSlicer.process import packages
packages._version = lambda name: None
# Chosen in another Slicer, which keeps its settings in the same place.
slicer.app.userSettings().setValue("LandmarkDetection/AnnotationStore", tempfile.mkdtemp())
panel = host.open_module(Path("LandmarkDetection", "LandmarkDetection.py").resolve())
host.wait_until(lambda: not panel.logic.background.isBusy)
from Testing.Python.slicer_module.mrml_cases import add_volume
add_volume("scan")
host.process_events()
"""


def in_a_fresh_slicer(repository: Path, code: str) -> list[str]:
    """What a script prints line by line in a process of its own, where no package was imported yet."""
    path = os.pathsep.join((str(repository), str(repository / "LandmarkDetection")))
    environment = {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", FRESH + code + "\nprint(host.errors)\nhost.close()"]
    answer = subprocess.run(command, env=environment, cwd=repository, capture_output=True, text=True)
    lines = answer.stdout.splitlines()
    assert lines[-1:] == ["[]"], answer.stdout + answer.stderr
    return lines[:-1]


def test_the_panel_opens_while_everything_is_missing_and_offers_to_install_it(repository: Path) -> None:
    code = "print(panel.detect.ui.installButton.visible, panel.detect.ui.detectButton.enabled)"
    assert in_a_fresh_slicer(repository, code) == ["True False"]


def test_every_page_says_what_is_missing_and_the_panel_lives_on(repository: Path) -> None:
    code = """
from LandmarkDetectionSlicer.logic import placing
landmarks = placing.blankLandmarks(panel.parameters.inputVolume, panel.logic.protocols([])[0])
panel.showLandmarks(landmarks)
print(type(panel.detect).__name__, panel.detect.message.text)
for page in panel.pages:
    panel.pages.show(page)
    host.process_events()
    print(type(page).__name__, page.message.text)
host.exit("LandmarkDetection")
host.enter("LandmarkDetection")
host.click(panel.place.ui.editListButton)
print(panel.place.message.text)
"""
    lines = in_a_fresh_slicer(repository, code)
    needs = "This needs Python packages that are missing (torch, "
    said = dict(line.split(" ", 1) for line in lines[:-1])
    assert len(said) == 9
    assert said["DetectSection"].startswith("Python packages are missing (torch, ")
    assert said["MeasurementsPage"].startswith(needs) and said["LearnPage"].startswith(needs)
    assert lines[-1].startswith(needs) and lines[-1].endswith("install them on the page Review.")


def test_landmarks_are_placed_by_hand_while_everything_is_missing(repository: Path) -> None:
    code = """
ui = panel.place.ui
panel.pages.show(panel.place)
ui.protocolSelector.currentIndex = ui.protocolSelector.findText("Whole body")
host.click(ui.startButton)
print(ui.placeText.text)
node = panel.parameters.landmarks
node.SetNthControlPointPositionWorld(node.GetControlPointPlacementStartIndex(), 1.0, 2.0, 3.0)
panel.place.stop()
from LandmarkDetectionSlicer.scene.nodes import loadReview
print(loadReview(node).reviewed)
"""
    asked, placed = in_a_fresh_slicer(repository, code)
    assert "Next: Top of the head" in asked and "Vertex" in asked
    assert placed == "('head_top',)"


def test_plain_lists_are_those_of_the_protocols(host: SlicerHost, monkeypatch: Any, tmp_path: Path) -> None:
    from LandmarkDetectionSlicer.logic.plain_lists import readPlainLists

    from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol

    shutil.copy(resource_path("Protocols", "hand.json"), tmp_path / "mine.json")
    own = json.loads((tmp_path / "mine.json").read_text()) | {"name": "mine", "title": "Mine"}
    (tmp_path / "mine.json").write_text(json.dumps(own))
    (tmp_path / "broken.json").write_text("{")
    monkeypatch.setenv("LANDMARK_DETECTION_PROTOCOLS", str(tmp_path))
    found = {one.name: one for one in readPlainLists()}
    assert sorted(found) == [name for name in list_protocols() if name != "broken"]
    for name, plain in found.items():
        protocol = load_protocol(name)
        assert (plain.title, plain.names) == (protocol.title, protocol.names)
        assert [plain[n].definition for n in plain.names] == [protocol[n].definition for n in plain.names]


def test_a_library_that_pip_has_installed_does_not_stand_before_the_one_of_the_module(
    repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "LandmarkDetectionLib").mkdir()
    (tmp_path / "LandmarkDetectionLib" / "__init__.py").write_text("")
    code = (
        "import sys, types; sys.modules.update({'slicer': types.ModuleType('slicer'),"
        " 'slicer.i18n': types.SimpleNamespace(tr=str)});"
        f"sys.path.append({str(repository / 'LandmarkDetection')!r});"
        "from LandmarkDetectionSlicer.process import packages; import LandmarkDetectionLib as library;"
        "print(library.__file__)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert answer.stdout.strip() == str(repository / "LandmarkDetectionLib" / "__init__.py"), answer.stderr


# --- with the real pip ------------------------------------------------------------------------------------


def write_wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def real_pip(packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Path]:
    """Slicer 5.10 with a Python of its own, reduced to a folder; the wheel folder's name has a space."""
    if sys.platform == "win32":
        pytest.skip("PythonSlicer is a shell script here")
    program, installed, wheels = (tmp_path / name for name in ("bin/PythonSlicer", "installed", "my wheels"))
    for folder in (program.parent, installed, wheels):
        folder.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("PIP_TARGET", str(installed))
    monkeypatch.setenv(packages.WHEELS_VARIABLE, str(wheels))
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setattr(slicer.util, "pip_install", pip_install_of_5_10)
    wanted = (packages.Package("wanted-for-landmarks>=1.2", "a test", 1),)
    monkeypatch.setattr(packages, "requiredPackages", lambda: wanted)
    return packages, wheels


def test_pip_installs_from_a_wheel_folder(real_pip: tuple[Any, Path]) -> None:
    packages, wheels = real_pip
    write_wheel(wheels, "wanted_for_landmarks", "1.3")
    assert packages.ensurePackages(lambda _: True) is None
    assert packages.missingPackages() == ()


def test_pip_refuses_to_exchange_what_is_slicers_own(real_pip: tuple[Any, Path]) -> None:
    packages, wheels = real_pip
    write_wheel(wheels, "wanted_for_landmarks", "1.3", requires="numpy==99.0")
    write_wheel(wheels, "numpy", "99.0")
    with pytest.raises(MissingPackageError, match="do not fit this Slicer's own packages"):
        packages.ensurePackages(lambda _: True)
    assert packages.metadata.version("numpy") != "99.0"


def test_pip_names_the_wheel_that_lacks(real_pip: tuple[Any, Path]) -> None:
    packages, _wheels = real_pip
    with pytest.raises(
        MissingPackageError, match=r"my wheels holds no fitting wheel of wanted-for-landmarks"
    ):
        packages.ensurePackages(lambda _: True)


def test_pip_without_a_network_is_one_sentence(
    real_pip: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, _ = real_pip
    monkeypatch.delenv(packages.WHEELS_VARIABLE)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(MissingPackageError, match="no way to the internet"):
        packages.ensurePackages(lambda _: True)
