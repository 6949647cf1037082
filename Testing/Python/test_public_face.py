"""``import LandmarkDetectionLib as ld``: nothing heavy is loaded, and names do what their examples say."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import LandmarkDetectionLib as ld  # noqa: N813
from Testing import write_api_page

NAMES = [name for name in ld.__all__ if not name.startswith("_")]


def test_importing_the_library_loads_nothing_else(repository: Path) -> None:
    program = (
        "import sys; before = set(sys.modules); import LandmarkDetectionLib\n"
        "new = set(sys.modules) - before\n"
        "print(*sorted(n for n in new if n.split('.')[0] not in sys.stdlib_module_names))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["LandmarkDetectionLib", "LandmarkDetectionLib._version"]


def test_reading_a_volume_and_its_landmarks_loads_no_torch(repository: Path, files: Path) -> None:
    program = (
        "import sys, LandmarkDetectionLib as ld\n"
        "ld.read_volume(sys.argv[1]); ld.read_landmarks(sys.argv[2]); print('torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, files / "ct.nrrd", files / "ct.mrk.json"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["False"]


def test_all_names_are_offered_and_no_others() -> None:
    assert set(NAMES) <= set(dir(ld))
    assert all(getattr(ld, name).__name__ == name for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'read_everything'"):
        ld.read_everything  # noqa: B018


@pytest.fixture(scope="module")
def files(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the examples speak of: the sample scan, what was found in it, and a data set."""
    folder = tmp_path_factory.mktemp("examples")
    sample = repository / "Resources" / "SampleData"
    (folder / "ct.nrrd").write_bytes((sample / "synthetic-body-ct.nrrd").read_bytes())
    truth = ld.read_landmarks(sample / "synthetic-body-ct-truth.mrk.json")
    ld.write_landmarks(truth, folder / "ct.mrk.json")
    detection = ld.Detection(truth, "whole-body-ct", "1.0.0")
    ld.write_detection(detection, folder / "ct.json")
    grey = np.random.default_rng(1).normal(size=(16, 16, 16)).astype(np.float32)
    for subject in ("anna", "bert"):
        ld.write_volume(ld.Volume(grey + ord(subject[0]), np.eye(4)), folder / f"{subject}.nrrd")
        shift = [0.5, 0, 0] if subject == "bert" else [0, 0, 0]
        marks = [
            ld.Landmark("apex", np.add([4, 5, 6], shift)),
            ld.Landmark("base", np.add([9, 8, 12], shift)),
        ]
        ld.write_landmarks(ld.LandmarkSet(tuple(marks)), folder / f"{subject}.mrk.json")
        grey = grey[::-1]
    rows = ",".join(
        f'{{"image": "{s}.nrrd", "landmarks": "{s}.mrk.json", "subject": "{s}"}}' for s in ("anna", "bert")
    )
    (folder / "heads.json").write_text(f'{{"name": "heads", "cases": [{rows}]}}')
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_name_does_what_it_says(
    name: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    value = getattr(ld, name)
    module = sys.modules[value.__module__]
    found = doctest.DocTestFinder(recurse=False).find(
        value, name, module=module, globs={**vars(module), "ld": ld}
    )
    examples = [test for test in found if test.examples]
    assert examples, f"{name} has no Examples"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    said: list[str] = []
    for test in examples:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_the_page_of_the_library_is_that_of_its_docstrings() -> None:
    assert write_api_page.PAGE.read_text(encoding="utf-8") == write_api_page.page(), (
        "run Testing/write_api_page.py"
    )
