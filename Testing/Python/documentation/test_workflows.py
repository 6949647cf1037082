"""Workflows, hooks and issue forms are well-formed, and what they call is there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from Testing.examples.pages import REPOSITORY
from Testing.install_extra import project

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
FORMS = [p for p in (REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config"]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(path)["jobs"]
    return found


def commands(path: Path) -> Iterator[str]:
    """What the steps of a workflow run."""
    yield from (step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step)


def targets() -> set[str]:
    (listed,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    return set(listed.split())


def test_there_are_workflows_for_tests_pages_releases_and_slicer() -> None:
    assert [path.stem for path in WORKFLOWS] == ["docs", "release", "slicer", "tests"]


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not on the path")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(["actionlint", *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_slicer_is_run_every_week_in_its_nightly_build_with_every_test_that_is_for_it() -> None:
    content = read(REPOSITORY / ".github/workflows/slicer.yml")
    (schedule,) = content[True]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    assert (
        "stability=nightly" in jobs(REPOSITORY / ".github/workflows/slicer.yml")["nightly"]["env"]["ADDRESS"]
    )
    script = (REPOSITORY / "Testing/run_in_slicer.sh").read_text(encoding="utf-8")
    for path in (REPOSITORY / "LandmarkDetection/Testing/Python").glob("*Test.py"):
        assert path.relative_to(REPOSITORY).as_posix() in script
    for name in re.findall(r"LandmarkDetection/[\w/]+\.\w+", script):
        assert (REPOSITORY / name).is_file(), name


def test_a_release_carries_the_list_of_what_ships() -> None:
    release = REPOSITORY / ".github/workflows/release.yml"
    assert any(command.startswith("make sbom") for command in commands(release))
    assert any("sbom.cdx.json" in command for command in commands(release) if "gh release" in command)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_whole_and_asks_for_no_more_than_it_needs(path: Path) -> None:
    content = read(path)
    assert content["name"]
    assert content[True]  # what YAML 1.1 makes of "on"
    assert content["permissions"] == {"contents": "read"}
    for job in jobs(path).values():
        assert {"runs-on", "steps", "timeout-minutes"} <= set(job)
        for other in [job["needs"]] if "needs" in job else []:
            assert other in jobs(path)
        for step in job["steps"]:
            # Nothing that a step runs finds the token of the checkout.
            assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] is False
            assert ("run" in step) != ("uses" in step)
            assert "run" in step or re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_calls_is_there(path: Path) -> None:
    for command in commands(path):
        assert set(re.findall(r"\bmake ([a-z]+)", command)) <= targets(), command
        for name in re.findall(r"\b(?:Testing|LandmarkDetectionLib)/[\w/]+\.\w+", command):
            assert (REPOSITORY / name).is_file(), command


def test_every_python_that_is_promised_is_tested_on_every_system() -> None:
    promised = [one.rsplit(" ", 1)[1] for one in project()["classifiers"] if "Python :: 3." in one]
    every = jobs(REPOSITORY / ".github/workflows/tests.yml")
    tested = {name: every[name] for name in ("make", "windows")}
    assert all(job["strategy"]["matrix"]["python"] == promised for job in tested.values())
    systems = {*tested["make"]["strategy"]["matrix"]["os"], tested["windows"]["runs-on"]}
    assert {name.split("-")[0] for name in systems} == {"ubuntu", "macos", "windows"}


def test_a_release_is_refused_under_a_tag_of_another_version() -> None:
    (check,) = (
        one for one in commands(REPOSITORY / ".github/workflows/release.yml") if one.startswith("test ")
    )
    (expression,) = re.findall(r"sed -n '(.*)'", check)
    assert expression == r's/^__version__ = "\(.*\)"/\1/p'
    version = (REPOSITORY / "LandmarkDetectionLib/_version.py").read_text(encoding="utf-8")
    assert len(re.findall(r'^__version__ = "(.*)"', version, re.MULTILINE)) == 1


def test_hooks_before_a_commit_are_what_make_lint_runs() -> None:
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    linted = [line.strip().removeprefix("@$(PY) ") for line in recipe.splitlines()]
    (hooks,) = read(REPOSITORY / ".pre-commit-config.yaml")["repos"]
    assert [hook["entry"].removeprefix(".venv/bin/python ") for hook in hooks["hooks"]] == linted


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_the_version_and_for_no_patient(path: Path) -> None:
    form = read(path)
    fields = {field["id"]: field for field in form["body"] if "id" in field}
    assert form["name"]
    assert form["description"]
    assert fields["version"]["validations"]["required"]
    (promise,) = fields["patients"]["attributes"]["options"]
    assert promise["required"]
    assert "no image of a patient" in path.read_text(encoding="utf-8")
    if path.stem == "defect":
        from LandmarkDetectionLib.files import MANIFEST

        assert MANIFEST in fields["manifest"]["attributes"]["description"]


#: On the path, or beside the interpreter, where pip puts it.
HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=Path(sys.executable).parent)


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not on the path")
def test_hadolint_finds_nothing_in_the_container_file() -> None:
    done = subprocess.run([str(HADOLINT), str(REPOSITORY / "Containerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_container_runs_as_nobody_in_particular_with_models_and_the_command_inside() -> None:
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["landmark-detection"]' in last
    assert "COPY Resources Resources" in text  # the models, which the wheel takes along


def test_a_container_copies_only_what_is_there() -> None:
    copied = re.findall(
        r"^COPY (?!--from)(.*) \S+$", (REPOSITORY / "Containerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    names = {name for line in copied for name in line.split()}
    assert all((REPOSITORY / name).exists() for name in names)
    ignore = (REPOSITORY / ".containerignore").read_text(encoding="utf-8")
    assert set(re.findall(r"^!(.*)$", ignore, re.MULTILINE)) == names
    # The wheel is built of these alone.
    assert {"pyproject.toml", "README.md", *project()["license-files"]} <= names
