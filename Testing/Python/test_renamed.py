"""Scripts that import modules by their names up to version 1.1 still run, and are told the new names."""

import importlib
import importlib.util
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from LandmarkDetectionLib import _renamed

#: Module of version 1.1 -> its public names that there still are, separated by blanks.
BEFORE: dict[str, str] = json.loads(Path(__file__).with_name("names_of_before.json").read_text())


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)


def test_modules_of_before_have_every_name_that_there_still_is() -> None:
    missing = []
    for module, names in BEFORE.items():
        found = importlib.import_module(f"LandmarkDetectionLib.{module}")
        missing += [f"{module}.{name}" for name in names.split() if not hasattr(found, name)]
    assert missing == []


def test_what_they_offer_is_the_thing_itself_and_no_second_copy() -> None:
    copies = []
    for module, names in BEFORE.items():
        found = importlib.import_module(f"LandmarkDetectionLib.{module}")
        homes = {getattr(getattr(found, name), "__module__", "") or "" for name in names.split()}
        copies += [h for h in homes if h.removeprefix("LandmarkDetectionLib.") in _renamed.MOVED]
    assert copies == []


def test_every_name_of_today_in_the_tables_exists() -> None:
    homes = [home for homes in _renamed.MOVED.values() for home in homes.split()]
    for home in {*homes, *(home for part in _renamed.EMPTIED.values() for home in part)}:
        importlib.import_module(f"LandmarkDetectionLib.{home}")
    for part in _renamed.EMPTIED.values():
        for home, names in part.items():
            module = importlib.import_module(f"LandmarkDetectionLib.{home}")
            today = [_renamed.name_of_today(home, name) for name in names.split()]
            assert [name for name in today if not hasattr(module, name)] == []
    for home, pairs in _renamed.RENAMED.items():
        module = importlib.import_module(f"LandmarkDetectionLib.{home}")
        assert [pair for pair in pairs.split() if not hasattr(module, pair.partition("=")[2])] == []


def test_what_never_was_is_still_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'LandmarkDetectionLib\.nothing'"):
        importlib.import_module("LandmarkDetectionLib.nothing")
    for module in ("volume", "detectors"):
        with pytest.raises(AttributeError, match=f"'LandmarkDetectionLib.{module}' has no attribute 'guess'"):
            importlib.import_module(f"LandmarkDetectionLib.{module}").guess  # noqa: B018


def test_a_script_of_before_runs_and_its_line_is_told_the_new_names(repository: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from LandmarkDetectionLib.volume import Volume, read_volume\n"
        "from LandmarkDetectionLib.detectors import detect\n"
        "import LandmarkDetectionLib.model.package\n"
        "import LandmarkDetectionLib as ld, sys\n"
        "assert Volume is ld.Volume and read_volume is ld.read_volume and detect is ld.detect\n"
        "assert ld.model.package.Model is ld.Model and 'torch' not in sys.modules\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "default", script],
        env={"PYTHONPATH": str(repository), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{script}:1: DeprecationWarning: LandmarkDetectionLib.volume is" in answer.stderr
    assert "LandmarkDetectionLib.detectors.detect is LandmarkDetectionLib.detectors.dispatch.detect now" in (
        answer.stderr
    )


def test_the_parts_of_the_module_in_slicer_are_found_by_their_former_names() -> None:
    module = importlib.import_module("LandmarkDetectionSlicer")
    former = [(name, f"{folder}.{name}") for folder, names in module._MOVED.items() for name in names.split()]
    for before, today in [*former, ("following", "logic.propagation")]:
        assert importlib.util.find_spec(f"LandmarkDetectionSlicer.{today}") is not None
        spec = importlib.util.find_spec(f"LandmarkDetectionSlicer.{before}")
        assert spec is not None and spec.loader.homes == [f"LandmarkDetectionSlicer.{today}"]
    assert importlib.util.find_spec("LandmarkDetectionSlicer.nothing") is None
