"""What is installed fits the packages of real Slicers: pip resolves every step, without downloads.

The environments have the pip of a Slicer and say that its packages are installed. Skipped where no index of
packages can be reached.
"""

import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Of the branches 5.10 and 5.12 of Slicer (SuperBuild/External_python-*.cmake); SimpleITK as it is built.
PINS = {
    "5.10.0": "pip==25.1.1 setuptools==80.9.0 packaging==25.0 wheel==0.45.1 numpy==2.0.2 scipy==1.13.1 "
    "SimpleITK==2.5.2 pydicom==2.4.4 pillow==11.2.1 dicomweb-client==0.60.0 retrying==1.3.4 six==1.17.0 "
    "requests==2.32.3 certifi==2025.4.26 charset-normalizer==3.4.2 idna==3.10 urllib3==2.4.0 "
    "pyparsing==3.2.3 cryptography==45.0.3 cffi==1.17.1 pycparser==2.22 PyGithub==2.6.1 PyJWT==2.10.1 "
    "PyNaCl==1.5.0 Deprecated==1.2.18 wrapt==1.17.2 python-dateutil==2.9.0.post0 typing_extensions==4.14.0",
    "5.12.3": "pip==26.1.1 setuptools==82.0.1 packaging==26.2 wheel==0.47.0 numpy==2.4.6 scipy==1.17.1 "
    "SimpleITK==2.5.5 pydicom==3.0.2 highdicom==0.27.0 pyjpegls==1.5.1 dcmqi==0.4.0 pillow==12.2.0 "
    "dicomweb-client==0.61.0 retrying==1.4.2 six==1.17.0 requests==2.34.2 certifi==2026.5.20 "
    "charset-normalizer==3.4.7 idna==3.16 urllib3==2.7.0 pyparsing==3.3.2 cryptography==48.0.0 cffi==2.0.0 "
    "pycparser==3.0 PyGithub==2.9.1 PyJWT==2.13.0 PyNaCl==1.6.2 Deprecated==1.3.1 wrapt==2.2.1 "
    "python-dateutil==2.9.0.post0 typing_extensions==4.15.0",
}
INSTALLERS = {"pip", "setuptools", "packaging", "wheel"}
SLICERS_PYTHON = "python3.12"
UNREACHABLE = re.compile("NewConnectionError|Max retries exceeded|Network is unreachable|from versions: none")


@pytest.fixture(scope="module", params=PINS)
def pins(request: pytest.FixtureRequest) -> dict[str, str]:
    return dict(one.split("==") for one in PINS[request.param].split())


@pytest.fixture(scope="module")
def pip(pins: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of that Slicer's pip."""
    folder = tmp_path_factory.mktemp("slicer")
    python = _environment(folder)
    site = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
    own = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--quiet"]
    told = _ran([*own, "--target", str(site), f"pip=={pins['pip']}"])
    if told.returncode:
        pytest.skip(f"no pip {pins['pip']} to be had: {told.stderr.strip().splitlines()[-1]}")
    for name, version in pins.items():
        if name != "pip":
            _pretend(site, name, version)
    return [str(python), "-m", "pip", "--disable-pip-version-check"]


def _environment(folder: Path) -> Path:
    """An empty environment of Slicer's Python where this computer has it, else of the one that runs."""
    found = shutil.which(SLICERS_PYTHON)
    if found is None or _ran([found, "-m", "venv", "--without-pip", str(folder)]).returncode:
        venv.create(folder, with_pip=False)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _pretend(site: Path, name: str, version: str) -> None:
    """Make pip take a package for installed."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("")
    (info / "INSTALLER").write_text("pip\n")


def _ran(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture
def resolve(
    pip: list[str], pins: dict[str, str], packages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """What pip would install, under the constraints that the module gives it."""
    lower = {name.lower(): version for name, version in pins.items()}
    monkeypatch.setattr(packages, "_version", lambda name: lower.get(name.lower()))

    def resolved(*requirements: str, **options: bool) -> dict[str, str]:
        constraints, report = tmp_path / "constraints.txt", tmp_path / "report.json"
        packages.writeConstraints(constraints, **options)
        command = [*pip, "install", "--dry-run", "--quiet", "--only-binary", ":all:", "--report", str(report)]
        told = _ran([*command, "--constraint", str(constraints), *requirements])
        if UNREACHABLE.search(told.stderr) and "ResolutionImpossible" not in told.stderr:
            pytest.skip(f"no index of packages can be reached: {told.stderr.strip().splitlines()[-1]}")
        assert told.returncode == 0, told.stderr
        found = [one["metadata"] for one in json.loads(report.read_text())["install"]]
        return {one["name"].lower().replace("_", "-"): one["version"] for one in found}

    return resolved


@pytest.fixture
def packages(host: Any) -> Any:
    from LandmarkDetectionSlicer.process import packages

    return packages


def own(pins: dict[str, str]) -> set[str]:
    return {name.lower().replace("_", "-") for name in pins}


def test_what_detecting_and_batches_need_fits_and_exchanges_nothing_of_slicer(
    resolve: Any, packages: Any, pins: dict[str, str]
) -> None:
    wanted = [one.requirement for one in packages.requiredPackages(packages.BATCH) if one != packages.TORCH]
    found = resolve(*wanted)
    assert {"numba", "pydantic", "matplotlib", "dask"} <= set(found)
    assert not set(found) & own(pins)


def test_the_extension_pytorch_can_install_what_finds_the_fitting_build(
    resolve: Any, pins: dict[str, str]
) -> None:
    found = resolve("light-the-torch>=0.5", isForTorch=True)
    assert "light-the-torch" in found
    assert set(found) & own(pins) <= INSTALLERS


def test_everything_fits_at_once_with_pytorch_and_exchanges_only_what_installs(
    resolve: Any, packages: Any, pins: dict[str, str]
) -> None:
    wanted = [one.requirement for one in packages.requiredPackages(packages.BATCH)]
    assert packages.TORCH.requirement in wanted
    assert set(resolve(*wanted, "torchvision", isForTorch=True)) & own(pins) <= INSTALLERS
