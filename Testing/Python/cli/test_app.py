"""The command line shows, answers machines, and ends as its help says."""

import json
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cli.app import app
from LandmarkDetectionLib.cli.commands import OUTPUT_OPTIONS
from LandmarkDetectionLib.cli.options import EXIT_CODES
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.io.volumes import write_dicom

COMMANDS = [
    [],
    ["detect"],
    ["series"],
    ["models"],
    ["models", "list"],
    ["models", "info"],
    ["models", "validate"],
    ["models", "install"],
    ["models", "remove"],
    ["synthesize"],
    ["skeleton"],
    ["train"],
    ["demo"],
]


def plain(text: str) -> str:
    """Text without the frames and line ends of a table."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own models"
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(folder))
    return folder


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with two DICOM series of different sizes."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, slices in (("one", 5), ("two", 7)):
        voxels = np.arange(slices * 4 * 6, dtype=np.int16).reshape(slices, 4, 6)
        write_dicom(Volume(voxels, np.diag([2.0, 2, 3, 1]), modality="CT", name=name), folder / name)
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "all")
def test_help_explains_every_command_and_its_exit_codes(command: list[str], cli: Callable) -> None:
    answer = cli(*command, "--help")
    assert answer.code == 0
    assert " ".join(["Usage: landmark-detection", *command]) in plain(answer.out)
    assert EXIT_CODES in plain(answer.out)
    assert answer.err == ""


@pytest.mark.parametrize("command", [[], ["models"], ["data"], ["annotations"], ["study"]], ids=" ".join)
def test_without_further_words_the_help_is_shown(command: list[str], cli: Callable) -> None:
    answer, asked = cli(*command), cli(*command, "--help")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == asked.out != ""


def test_every_kind_of_error_has_its_exit_code_in_the_help() -> None:
    codes = {error.exit_code for error in [LandmarkDetectionError, *LandmarkDetectionError.__subclasses__()]}
    listed = {int(part.split()[0]) for part in EXIT_CODES.removeprefix("Exit codes: ").split(", ")}
    assert codes | {0, 2} == listed


def test_the_version_is_the_package_version(cli: Callable) -> None:
    assert cli("--version") == (0, f"landmark-detection {__version__}\n", "")


def test_the_module_is_the_command(repository: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "LandmarkDetectionLib", "--version"],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (0, f"landmark-detection {__version__}\n")


def test_series_are_listed_for_people_and_machines(scans: Path, cli: Callable) -> None:
    people, machines = cli("series", scans), cli("series", scans, "--json")
    assert (people.code, machines.code) == (0, 0)
    found = json.loads(machines.out)
    assert sorted((one["description"], one["slices"], one["size"]) for one in found) == [
        ("one", 5, [6, 4]),
        ("two", 7, [6, 4]),
    ]
    for one in found:
        assert one["uid"] in people.out


def test_a_model_is_checked_installed_described_and_removed(
    tiny_model: Path, own_models: Path, cli: Callable
) -> None:
    assert cli("models", "validate", tiny_model).code == 0
    assert "Installed tiny-model 1.0.0" in cli("models", "install", tiny_model).out
    assert (own_models / "tiny-model" / "configs" / "metadata.json").is_file()

    listed = json.loads(cli("models", "list", "--json").out)["models"]
    summary = next(one for one in listed if one["name"] == "tiny-model")
    assert (summary["version"], summary["landmarks"]) == ("1.0.0", 3)
    assert "tiny-model" in cli("models", "list").out
    assert "knee_left" in cli("models", "info", "tiny-model").out
    described = json.loads(cli("models", "info", "tiny-model", "--json").out)
    assert [one["name"] for one in described["protocol"]] == ["head_top", "knee_left", "knee_right"]

    assert cli("models", "remove", "tiny-model").code == 0
    assert not (own_models / "tiny-model").exists()
    assert cli("models", "info", "tiny-model").code == 4


def test_a_broken_installed_model_is_named_in_the_list_and_hides_no_other(
    tiny_model: Path, own_models: Path, cli: Callable
) -> None:
    cli("models", "install", tiny_model)
    (own_models / "tiny-model" / "configs" / "protocol.json").write_text("{")
    answer = cli("models", "list")
    assert answer.code == 0
    assert "Warning: " in answer.err
    assert "tiny-model" in answer.err


def test_validation_tells_machines_every_problem(tiny_model: Path, tmp_path: Path, cli: Callable) -> None:
    answer = cli("models", "validate", tmp_path, "--json")
    report = json.loads(answer.out)
    assert (answer.code, report["valid"]) == (4, False)
    assert len(report["problems"]) > 1
    assert json.loads(cli("models", "validate", tiny_model, "--json").out)["problems"] == []


def test_presets_say_what_a_training_would_do(cli: Callable) -> None:
    presets = json.loads(cli("train", "--list-presets", "--json").out)
    assert presets["whole-body-ct"]["config"]["network"] == "silhouette_unet"
    assert presets["paper-body"]["config"]["network"] == "regression_cnn"
    people = cli("train", "--list-presets").out
    assert all(name in people for name in presets)


def test_cancelling_says_so_and_ends_with_130(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("LandmarkDetectionLib.io.volumes.list_series", cancel)
    assert cli("series", ".") == (130, "", "Error: Cancelled; nothing was written.\n")


def test_a_defect_is_one_sentence_and_a_traceback_only_for_those_who_ask(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("the cat\nwalked in")

    monkeypatch.setattr("LandmarkDetectionLib.io.volumes.list_series", fail)
    answer = cli("series", ".")
    assert answer.code == 1
    assert answer.err.startswith("Error: Unexpected RuntimeError: the cat walked in")
    assert "report" in answer.err
    assert answer.err.count("\n") == 1
    for words in (["--debug", "series", "."], ["series", ".", "--debug"]):
        assert "Traceback" in cli(*words).err


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object) -> None:
        raise ModuleNotFoundError("No module named 'anny'", name="anny")

    monkeypatch.setattr("LandmarkDetectionLib.io.volumes.list_series", missing)
    answer = cli("series", ".")
    assert answer.code == 7
    assert 'in the folder of the repository: pip install ".[synthesis]"' in answer.err


def test_wrong_usage_is_json_when_json_is_asked_for(cli: Callable) -> None:
    answer = cli("detect", "--json")
    assert json.loads(answer.err)["error"]["exit_code"] == answer.code == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes as a shell makes them need POSIX")
def test_a_reader_that_goes_away_is_no_defect(repository: Path) -> None:
    command = f'"{sys.executable}" -m LandmarkDetectionLib train --list-presets --json'
    ended = subprocess.run(f"({command}) | true", shell=True, cwd=repository, capture_output=True, text=True)
    assert ended.stderr == ""


OVER_ITS_INPUT = {
    "detect x.png --overlay x.png": "x.png",
    "detect y.png --overlay x.png": "x.png",
    "detect x.png -o new.csv --overlay z.png": "x.png",
    "detect x.png --channel c.png --overlay c.png": "c.png",
    "refine x.png r.json --at a=1,2,3 -o r.json": "r.json",
    "refine x.png r.json -c l.csv -o l.csv": "l.csv",
    "measure l.csv -o l.csv --protocol whole-body": "l.csv",
    "measure folder -o folder/l.csv --protocol whole-body": "folder/l.csv",
    "report l.csv -o l.csv --protocol whole-body": "l.csv",
    "report folder -o folder/l.csv --protocol whole-body": "folder/l.csv",
    "data split r.json --out r.json --test 0.5": "r.json",
    "learning-curve r.json --out r.json": "r.json",
}


@pytest.mark.parametrize("words", OVER_ITS_INPUT)
def test_no_command_writes_over_what_it_reads(
    words: str, cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("x.png", "c.png", "r.json"):
        Path(name).write_text("kept")
    Path("l.csv").write_text("name,x,y,z\nhead_top,1,2,3\n")
    Path("folder").mkdir()
    Path("folder/l.csv").write_bytes(Path("l.csv").read_bytes())
    Path("y.png").symlink_to("x.png")
    Path("z.png").hardlink_to("x.png")
    kept = Path(OVER_ITS_INPUT[words]).read_bytes()
    answer = cli(*words.split())
    assert answer.code == 5
    assert "it is the input" in answer.err and answer.err.count("\n") == 1
    assert Path(OVER_ITS_INPUT[words]).read_bytes() == kept


def test_every_option_that_names_what_is_written_is_known_as_one() -> None:
    def commands(part: typer.Typer) -> Iterator[Callable]:
        yield from (one.callback for one in part.registered_commands if one.callback)
        for group in part.registered_groups:
            assert group.typer_instance
            yield from commands(group.typer_instance)

    found = set()
    for command in commands(app):
        for name, hint in typing.get_type_hints(command, include_extras=True).items():
            helps = [one.help or "" for one in getattr(hint, "__metadata__", ()) if hasattr(one, "help")]
            if "Path" in str(hint) and helps and ("to write" in helps[0] or "Folder for" in helps[0]):
                found.add(name)
    assert {"output", "out", "overlay", "phantom"} <= found
    assert found <= OUTPUT_OPTIONS


LONG = "a" * 300


@pytest.mark.skipif(os.name == "nt", reason="other limits")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["detect", f"{LONG}.nii"], 3),
        (["measure", f"{LONG}.json"], 3),
        (["series", LONG], 3),
        (["next-case", LONG], 3),
        (["skeleton", LONG], 3),
        (["agreement", LONG, LONG], 3),
        (["models", "validate", LONG], 4),
        (["detect", ".", "-m", LONG], 4),
        (["synthesize", "--out", f"{LONG}.png"], 5),
        (["measure", "x.json", "-o", f"{LONG}.csv"], 3),  # the input comes first
        (["series", "loop"], 3),
        (["measure", "loop/x.json"], 3),
        (["models", "info", "loop/x"], 4),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, list) else "",
)
def test_names_that_the_system_refuses_are_no_defects(
    words: list[str], code: int, cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    answer = cli(*words)
    assert answer.code == code, answer.err
    assert "defect" not in answer.err


def test_the_list_of_commands_begins_with_detect_and_demo_and_cuts_nothing(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("--help").out.splitlines()
    start = lines.index("Find landmarks:")
    assert [line.split()[0] for line in lines[start + 1 : start + 3] if line[2] != " "] == ["detect", "demo"]
    assert not any("…" in line or line.endswith("...") for line in lines[1:])


@pytest.mark.parametrize("columns", ["60", "80", "120"])
@pytest.mark.parametrize("command", [["batch"], ["train"], ["report"], ["detect"], ["data"]], ids=" ".join)
def test_no_name_of_an_option_is_cut_in_the_help(
    command: list[str], columns: str, cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = cli(*command, "--help").out
    assert "…" not in text
    if command == ["batch"]:
        assert "--slurm-directive" in text and "--keep-identifiers" in text
