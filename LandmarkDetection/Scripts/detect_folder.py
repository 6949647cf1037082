"""Find the landmarks of every scan in a folder, without a window.

::

    Slicer --no-main-window --python-script detect_folder.py -- --input scans --output landmarks

A scan is a file (NIfTI, NRRD, MetaImage) or a subfolder with one DICOM series. Every scan ends in its own
files, with a manifest of how they came about, or in one sentence that says why not; the others go on. Files
that are already there are kept, so the same command goes on where it was stopped. Exit codes: 0 every scan is
done, 1 some are not, 2 wrong usage or nothing to do, 7 Python packages are missing.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

sys.path.append(str(Path(__file__).resolve().parents[1]))

try:
    from LandmarkDetectionSlicer.logic.module_logic import LandmarkDetectionLogic
    from LandmarkDetectionSlicer.process import packages
    from LandmarkDetectionSlicer.scene.nodes import loadReview
    from LandmarkDetectionSlicer.scene.parameters import DEFAULT_MODEL

    from LandmarkDetectionLib.errors import (
        InputError,
        LandmarkDetectionError,
        MissingPackageError,
        OutputError,
    )
    from LandmarkDetectionLib.io.formats import ITK, NIFTI
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.wording import counted
except Exception:  # Slicer without a window would wait forever
    traceback.print_exc()
    slicer.util.exit(1)
    raise

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.volume import Volume

FORMATS = ("mrk.json", "fcsv", "csv", "json", "png")
DONE, SOME_FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """Work through the folder and give the exit code."""
    options = parseArguments(arguments)
    try:
        ensurePackages(options.install_packages)
        scans = findScans(options.input)
        makeFolder(options.output)
    except LandmarkDetectionError as problem:
        say(f"Error: {problem}")
        return problem.exit_code if isinstance(problem, MissingPackageError) else USAGE
    failed = sum(not isDone(scan, options) for scan in scans)
    say(f"{len(scans) - failed} of {counted(len(scans), 'scan')} done.")
    return SOME_FAILED if failed else DONE


def parseArguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="detect_folder.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--input", type=Path, required=True, help="folder with scans")
    parser.add_argument("--output", type=Path, required=True, help="folder for landmarks; made when missing")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder of a model")
    parser.add_argument("--format", choices=FORMATS, action="append", help="may be given several times")
    parser.add_argument(
        "--threshold", type=float, help="value between air and body; estimated when not given"
    )
    parser.add_argument("--depth", choices=("network", "lateral", "mean"), help="the model's best otherwise")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--overwrite", action="store_true", help="do again what is already there")
    parser.add_argument("--install-packages", action="store_true", help="install missing Python packages")
    return parser.parse_args(arguments)


def ensurePackages(install: bool) -> None:
    """Nobody is there to be asked, so packages are installed only when the command says so."""
    missing = packages.missingPackages()
    if missing and not install:
        raise MissingPackageError(packages.missingSentence(missing) + " Add --install-packages to do so.")
    if advice := packages.ensurePackages(ask=lambda question: True):
        raise MissingPackageError(advice)


def findScans(folder: Path) -> list[Path]:
    """Volume files and subfolders, in the order of their names."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the folder with the scans.")
    scans = [path for path in sorted(folder.iterdir()) if path.is_dir() or isVolume(path)]
    if not scans:
        raise InputError(f"{folder} holds no scans; give a folder with volumes or with DICOM folders.")
    return scans


def isVolume(path: Path) -> bool:
    return path.name.lower().endswith((*NIFTI, *ITK))


def makeFolder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"Cannot make the folder {folder}: {problem.strerror}.") from None


def isDone(scan: Path, options: argparse.Namespace) -> bool:
    """Detect and write one scan; say what became of it."""
    formats = options.format or [FORMATS[0]]
    outputs = [options.output / f"{scan.name}.{ending}" for ending in formats]
    if not options.overwrite and all(path.is_file() for path in outputs):
        say(f"{scan.name}: already there.")
        return True
    try:
        detectScan(scan, outputs, options)
    except LandmarkDetectionError as problem:
        say(f"{scan.name}: {problem}")
        return False
    except MemoryError:
        say(f"{scan.name}: not enough memory for this scan.")
        return False
    finally:
        slicer.mrmlScene.Clear(0)
    say(f"{scan.name}: done.")
    return True


def detectScan(scan: Path, outputs: Sequence[Path], options: argparse.Namespace) -> None:
    started = datetime.now().astimezone()
    volume = read_volume(scan)
    volumeNode = slicer.util.addVolumeFromArray(volume.voxels, volume.ijk_to_ras, scan.name)
    volumeNode.SetAttribute("DICOM.Modality", volume.modality or None)
    logic = LandmarkDetectionLogic()
    landmarkNode = logic.detect(
        volumeNode, options.model, threshold=options.threshold, depth=options.depth, device=options.device
    )
    for path in outputs:
        logic.exportLandmarks(landmarkNode, path)
    keepManifest(options, started, volume, landmarkNode, outputs)


def keepManifest(
    options: argparse.Namespace, started: datetime, volume: Volume, landmarkNode: Any, outputs: Sequence[Path]
) -> None:
    """Write how the first output came about beside it, as the command line does."""
    from LandmarkDetectionLib.models import load_model
    from LandmarkDetectionLib.provenance import ModelUsed, Run, manifest_of, write_manifest

    model = load_model(options.model)
    given = {"threshold": options.threshold, "depth": options.depth, "device": options.device}
    run = Run(
        "detect_folder.py",
        {name: value for name, value in given.items() if value is not None},
        started,
        outputs,
        images=[volume],
        models=[ModelUsed.of(model)],
        protocol=model.protocol,
        used=asdict(loadReview(landmarkNode).prediction.used),
    )
    write_manifest(run, manifest_of(outputs[0]))


def say(sentence: str) -> None:
    print(sentence, flush=True)


def ownArguments(words: Sequence[str]) -> Sequence[str]:
    """What stands behind ``--``, which keeps Slicer from reading it as its own options."""
    return words[words.index("--") + 1 :] if "--" in words else words


if __name__ == "__main__":
    # Here too, every way out ends Slicer.
    code = SOME_FAILED
    try:
        code = main(ownArguments(sys.argv[1:]))
    except SystemExit as end:  # argparse has said what is wrong
        code = end.code if isinstance(end.code, int) else USAGE
    except Exception:
        traceback.print_exc()
    finally:
        slicer.util.exit(code)
