"""A small source, a small model, and the results of an undisturbed run to compare with."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.volumes import write_dicom, write_volume
from Testing.examples.body_phantom import phantom

pytest.importorskip("distributed", reason="cohorts need the extra batch")
pytest.importorskip("pyarrow", reason="cohorts need the extra batch")

SURNAME, UID_TEXT = "Mustermann", "Erika"
Once = Callable[[str, Callable[[Path], object]], Path]


class Ended(NamedTuple):
    """What a command gave back."""

    code: int
    events: list[dict[str, Any]]
    err: str


@pytest.fixture(scope="session")
def detector(tiny_model: Path, once: Once) -> Path:
    """The tiny untrained model, sure enough of itself to place every landmark."""

    def make(folder: Path) -> None:
        shutil.copytree(tiny_model, folder / "tiny-model")
        path = folder / "tiny-model" / "configs" / "metadata.json"
        metadata = json.loads(path.read_text())
        for curve in metadata["landmark_detection"]["settings"]["calibration"].values():
            curve["shares"] = [0.5, 0.9]
        path.write_text(json.dumps(metadata))

    return once("sure", make) / "tiny-model"


@pytest.fixture(scope="session")
def bodies() -> list[Volume]:
    """Five coarse bodies at different places."""
    body = phantom(spacing=(16.0, 16.0, 16.0))
    volumes = []
    for number in range(5):
        matrix = body.ijk_to_ras.copy()
        matrix[:3, 3] += 7.0 * number
        volumes.append(Volume(body.voxels + np.int16(number), matrix, "CT", f"{SURNAME}_{number}"))
    return volumes


@pytest.fixture(scope="session")
def source(bodies: list[Volume], once: Once) -> Path:
    """Four good cases in four formats, two damaged ones and a text, all named after patients."""

    def make(archive: Path) -> None:
        folder = archive / SURNAME
        (folder / "ct").mkdir(parents=True)
        for volume, name in zip(bodies, ("a.nii.gz", "b.nrrd", "c.mha"), strict=False):
            write_volume(volume, folder / "ct" / f"{SURNAME}_{name}")
        write_dicom(bodies[3], folder / f"{UID_TEXT}_{SURNAME}_dicom")
        # Two blanks, a tab, and a letter of another age: the name is not UTF-8.
        (folder / os.fsdecode(SURNAME.encode() + b"  \t_f\xfcr.nii")).write_bytes(b"")
        (folder / f"{SURNAME}_text.nrrd").write_text(f"{SURNAME} is no image\n")
        (folder / f"{SURNAME}.txt").write_text("notes")

    return once("archive", make) / SURNAME


@pytest.fixture(scope="session")
def command(repository: Path, detector: Path) -> Callable[..., list[str]]:
    """The words of ``batch`` with JSON lines and no pictures."""

    def words(source: Path, out: Path, *more: object) -> list[str]:
        start = [sys.executable, "-m", "LandmarkDetectionLib", "batch", str(source), "--out", str(out)]
        return [*start, "--model", str(detector), "--progress", "json", *map(str, more)]

    return words


@pytest.fixture(scope="session")
def run_command(repository: Path, command: Callable[..., list[str]]) -> Callable[..., Ended]:
    """Run ``batch`` as a person would, with one worker of one thread unless told otherwise."""

    def run(source: Path, out: Path, *more: object, workers: int = 1) -> Ended:
        words = command(source, out, "--no-pictures", "--device", "cpu", "--workers", workers, *more)
        ended = subprocess.run(words, cwd=repository, capture_output=True, text=True, timeout=600)
        return Ended(ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr)

    return run


@pytest.fixture
def run_cli(cli: Callable[..., Any], command: Callable[..., list[str]]) -> Callable[..., Ended]:
    """As ``run_command``, in this process: for whatever ends before it computes, and for other schedulers."""

    def run(source: Path, out: Path, *more: object) -> Ended:
        words = command(source, out, "--no-pictures", "--device", "cpu", "--workers", 1, *more)[3:]
        answer = cli(*words)
        return Ended(answer.code, [json.loads(line) for line in answer.out.splitlines()], answer.err)

    return run


@pytest.fixture(scope="session")
def undisturbed(source: Path, run_command: Callable[..., Ended], once: Once) -> tuple[Path, Ended]:
    """The results of a run that nothing disturbed."""

    def make(folder: Path) -> None:
        ended = run_command(source, folder / "out")
        assert ended.code == 0, ended.err
        (folder / "ended.json").write_text(json.dumps(ended))

    folder = once("undisturbed", make)
    return folder / "out", Ended(*json.loads((folder / "ended.json").read_text()))


@pytest.fixture(scope="session")
def workers() -> Iterator[Any]:
    """A client with one worker that stays for many runs."""
    from LandmarkDetectionLib.cohort.run.cluster import LocalWorkers, local_client

    with local_client(LocalWorkers(1, 1, gpus=False)) as client:
        yield client


@pytest.fixture
def run_here(workers: Any, detector: Path) -> Callable[..., list[Any]]:
    """Run a cohort in this process with workers that are there already; gives back the cases that ended."""
    from LandmarkDetectionLib.cohort.run.batch import Request, run
    from LandmarkDetectionLib.cohort.run.events import CaseEnded, Event

    def run_cohort(source: Path, out: Path, **more: Any) -> list[CaseEnded]:
        told: list[Event] = []
        request = Request(source, out, (str(detector),), device="cpu", pictures=False, **more)
        run(request, lambda: nullcontext(workers), told.append)
        return [event for event in told if isinstance(event, CaseEnded)]

    return run_cohort


def positions(out: Path, secret_of: Path) -> dict[str, Any]:
    """Everything that was found, by case, for two runs that share their keys."""
    assert (out / ".secret").read_bytes() == (secret_of / ".secret").read_bytes()
    return {
        str(path.parent.parent.name): json.loads(path.read_text())["landmarks"]
        for path in sorted(out.glob("cases/*/*/detection.json"))
    }


def share_keys(undisturbed: Path, out: Path) -> Path:
    """Prepare an output folder whose keys are those of another."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(undisturbed / ".secret", out / ".secret")
    return out


def states(out: Path) -> dict[str, str]:
    """State of every case."""
    from LandmarkDetectionLib.cohort import read_cohort

    return {record.key: record.state.value for record in read_cohort(out)}


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
