"""The scripts for Slicer without a window: every scan ends in files or a sentence; the exit code tells."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.volumes import write_dicom, write_volume

REPOSITORY = Path(__file__).resolve().parents[3]
SCRIPTS = REPOSITORY / "LandmarkDetection" / "Scripts"
SAMPLE = resource_path("SampleData", "synthetic-body-ct.nrrd")

# What Slicer does: a scene, a module path, the script's own words, and an end by slicer.util.exit.
SLICER = """
import runpy, sys
from Testing.Python.slicer_host import SlicerHost
host = SlicerHost()
import slicer
slicer.util.exit = sys.exit
script, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_path(script, run_name="__main__")
"""


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """``Slicer --no-main-window --python-script detect_folder.py -- ARGUMENTS``, in a process of its own."""
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "LandmarkDetection")))
    return subprocess.run(
        [sys.executable, "-c", SLICER, str(SCRIPTS / "detect_folder.py"), "--", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
    )


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with a small volume, a DICOM folder, and what no scan is."""
    folder = tmp_path / "scans"
    folder.mkdir()
    voxels = np.arange(5 * 4 * 6, dtype=np.int16).reshape(5, 4, 6)
    volume = Volume(voxels, np.diag([-2.0, -2, 3, 1]), modality="CT", name="small")
    write_volume(volume, folder / "b-small.nii.gz")
    (folder / "a-series").mkdir()
    write_dicom(volume, folder / "a-series")
    (folder / "notes.txt").write_text("no scan")
    return folder


@pytest.fixture
def script(host: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script with a logic that finds the middle of every volume at once."""
    module = load("detect_folder")

    class Logic:
        def detect(self, volumeNode: Any, model: str, **options: Any) -> Any:  # noqa: N803
            self.seen.append(
                (volumeNode.GetName(), volumeNode.GetAttribute("DICOM.Modality"), model, options)
            )
            bounds = [0.0] * 6
            volumeNode.GetRASBounds(bounds)
            return tuple(np.reshape(bounds, (3, 2)).mean(axis=1))

        def exportLandmarks(self, landmarks: Any, path: Path) -> None:  # noqa: N802
            path.write_text(json.dumps(landmarks))

        seen: Sequence[Any] = []

    module.Logic = Logic
    Logic.seen = []
    monkeypatch.setattr(module, "LandmarkDetectionLogic", Logic)
    monkeypatch.setattr(module, "keepManifest", lambda *_told: None)  # tells of a real model
    return module


def test_a_folder_ends_in_landmarks_and_one_sentence_for_what_fails(tmp_path: Path) -> None:
    """The whole way: real volumes, the real logic and model, a process that ends with a code."""
    scans, output = tmp_path / "scans", tmp_path / "made" / "landmarks"
    scans.mkdir()
    (scans / "body.nrrd").symlink_to(SAMPLE)
    (scans / "broken.nii.gz").write_bytes(b"no NIfTI at all")
    air = np.full((30, 40, 40), -1000, np.int16)
    write_volume(Volume(air, np.diag([-5.0, -5, 5, 1]), modality="CT"), scans / "empty.nrrd")
    answer = run("--input", scans, "--output", output)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    lines = answer.stdout.splitlines()
    assert "body.nrrd: done." in lines
    assert "1 of 3 scans done." in lines
    for name in ("broken.nii.gz", "empty.nrrd"):
        assert sum(line.startswith(f"{name}: ") and line.endswith(".") for line in lines) == 1
    assert "Traceback" not in answer.stdout + answer.stderr
    found = read_landmarks(output / "body.nrrd.mrk.json")
    truth = read_landmarks(SAMPLE.with_name("synthetic-body-ct-truth.mrk.json"))
    assert near(found, truth, "hip_left") < 30
    assert near(found, truth, "head_top") < 30
    manifest = json.loads((output / "body.nrrd.mrk.json.manifest.json").read_text())
    assert (manifest["command"], manifest["models"][0]["name"]) == ("detect_folder.py", "whole-body-ct")
    assert [one["role"] for one in manifest["inputs"]] == ["image"] and manifest["outputs"][0]["sha256"]
    assert not list(output.glob("broken*")) + list(output.glob("empty*"))


def near(found: LandmarkSet, truth: LandmarkSet, name: str) -> float:
    def position(landmarks: LandmarkSet) -> np.ndarray:
        one: Landmark = next(one for one in landmarks if one.name == name)
        return one.position

    return float(np.linalg.norm(position(found) - position(truth)))


def test_wrong_usage_ends_slicer_too(tmp_path: Path) -> None:
    answer = run("--output", tmp_path)
    assert answer.returncode == 2
    assert "--input" in answer.stderr


def test_every_scan_goes_through_the_scene_which_is_cleared_after_it(
    script: Any, host: Any, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["--model", "mine", "--threshold", "-400", "--depth", "mean", "--device", "cpu"]
    assert script.main(["--input", str(scans), "--output", str(out), *words]) == 0
    options = {"threshold": -400.0, "depth": "mean", "device": "cpu"}
    assert script.Logic.seen == [
        ("a-series", "CT", "mine", options),
        ("b-small.nii.gz", None, "mine", options),
    ]
    assert json.loads((out / "b-small.nii.gz.mrk.json").read_text()) == pytest.approx([-5.0, -3.0, 6.0])
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    assert capsys.readouterr().out.splitlines() == [
        "a-series: done.",
        "b-small.nii.gz: done.",
        "2 of 2 scans done.",
    ]


def test_what_is_there_already_is_kept_unless_told_otherwise(
    script: Any, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--input", str(scans), "--output", str(tmp_path)]
    script.main(words)
    (tmp_path / "a-series.mrk.json").unlink()
    script.Logic.seen.clear()
    assert script.main(words) == 0
    assert [seen[0] for seen in script.Logic.seen] == ["a-series"]
    assert "b-small.nii.gz: already there." in capsys.readouterr().out
    assert script.main([*words, "--overwrite"]) == 0
    assert len(script.Logic.seen) == 3


def test_several_formats_are_written(script: Any, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (
        script.main(["--input", str(scans), "--output", str(out), "--format", "csv", "--format", "fcsv"]) == 0
    )
    expected = {f"{scan}.{ending}" for scan in ("a-series", "b-small.nii.gz") for ending in ("csv", "fcsv")}
    assert {path.name for path in out.iterdir()} == expected


@pytest.mark.parametrize("error", [MemoryError, "library"])
def test_one_scan_that_fails_leaves_the_others_alone(
    script: Any, host: Any, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Any
) -> None:
    from LandmarkDetectionLib.errors import NoBodyError

    plain = script.Logic.detect

    def detect(self: Any, volumeNode: Any, model: str, **options: Any) -> Any:  # noqa: N803
        if volumeNode.GetName() == "a-series":
            raise MemoryError if error is MemoryError else NoBodyError("there is no body in it.")
        return plain(self, volumeNode, model, **options)

    script.Logic.detect = detect
    assert script.main(["--input", str(scans), "--output", str(tmp_path)]) == 1
    sentence = "not enough memory for this scan" if error is MemoryError else "there is no body in it"
    assert capsys.readouterr().out.splitlines() == [
        f"a-series: {sentence}.",
        "b-small.nii.gz: done.",
        "1 of 2 scans done.",
    ]
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_folders_that_cannot_work_are_one_sentence(
    script: Any, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "file").write_text("")
    for source, output, sentence in (
        (tmp_path / "nowhere", tmp_path, "is no folder"),
        (tmp_path / "nothing", tmp_path, "holds no scans"),
        (scans, tmp_path / "file" / "out", "Cannot make the folder"),
    ):
        assert script.main(["--input", str(source), "--output", str(output)]) == 2
        out = capsys.readouterr().out
        assert out.startswith("Error: ")
        assert sentence in out
        assert out.count("\n") == 1


def test_missing_packages_are_installed_only_when_the_command_says_so(
    script: Any,
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    installed: list[str] = []
    missing = [script.packages.TORCH]
    monkeypatch.setattr(script.packages, "missingPackages", lambda: missing)
    monkeypatch.setattr(
        script.packages, "ensurePackages", lambda ask: installed.append(ask("?")) or missing.clear()
    )
    words = ["--input", str(scans), "--output", str(tmp_path)]
    assert script.main(words) == 7
    assert "--install-packages" in capsys.readouterr().out
    assert installed == []
    assert script.main([*words, "--install-packages"]) == 0
    assert installed == [True]


def test_arguments_are_those_behind_the_two_dashes(script: Any) -> None:
    assert script.ownArguments(["--no-splash", "--", "--input", "a"]) == ["--input", "a"]
    assert script.ownArguments(["--input", "a"]) == ["--input", "a"]


def test_wheels_for_a_computer_without_a_network_are_downloaded(
    host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = load("download_wheels")
    wheels, target = tmp_path / "wheels", tmp_path / "target"
    wheels.mkdir()
    info = "wanted_for_landmarks-1.3.dist-info"
    with zipfile.ZipFile(wheels / "wanted_for_landmarks-1.3-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: wanted-for-landmarks\nVersion: 1.3\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    wanted = (script.packages.Package("wanted-for-landmarks>=1.2", "a test", 1),)
    monkeypatch.setattr(script.packages, "requiredPackages", lambda *lists: wanted)
    assert script.main([str(target), "--no-index", "--find-links", str(wheels)]) == 0
    assert [path.name for path in target.iterdir()] == ["wanted_for_landmarks-1.3-py3-none-any.whl"]
    assert script.main([]) == 2


def test_wheels_are_downloaded_by_slicers_python_where_no_application_translates(repository: Path) -> None:
    """In Slicer 5.10 the function that translates needs the application, which that Python does not have."""
    code = (
        "import runpy, sys, types;"
        "slicer, i18n = types.ModuleType('slicer'), types.ModuleType('slicer.i18n');"
        "i18n.tr = lambda text: slicer.app.translate('', text); slicer.i18n = i18n;"
        "sys.modules.update({'slicer': slicer, 'slicer.i18n': i18n}); sys.argv = ['download_wheels.py'];"
        "runpy.run_path('LandmarkDetection/Scripts/download_wheels.py', run_name='__main__')"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True)
    assert answer.returncode == 2 and "PythonSlicer download_wheels.py wheels" in answer.stdout, answer.stderr
