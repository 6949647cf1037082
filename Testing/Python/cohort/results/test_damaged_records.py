"""Whatever is damaged in the files of a cohort counts as a failed case; report and tables are written."""

import copy
import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.cohort.report.data import report_data
from LandmarkDetectionLib.cohort.report.page import write_report
from LandmarkDetectionLib.cohort.results.case_results import (
    CaseResult,
    case_results,
    protocols_of,
    results_of,
)
from LandmarkDetectionLib.cohort.results.records import FAILURES, RESULTS_CSV, Cohort, State, read_cohort
from LandmarkDetectionLib.cohort.results.reviews import read_case_review, review_path, write_case_review
from LandmarkDetectionLib.cohort.results.tables import write_results
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.examples import cohort_cases

MODEL = "whole-body"
MISSING = object()
DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]
WRONG = (
    *(MISSING, None, True, 0, -1, 1.5, 10**30, 1e300, float("nan"), float("inf")),
    *("", "x", "../../..", "\0", "\ud800", "x" * 10_000, [], [None], {}, {"a": {}}, DEEP),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Three cases of three landmarks, one of them reviewed."""
    results = cohort_cases.make_results(3, share_failed=0.0)
    few = [
        type(one)(
            **{
                **vars(one),
                "names": one.names[:3],
                "positions": one.positions[:3],
                "confidence": one.confidence[:3],
                "status": one.status[:3],
                "measurements": dict(list(one.measurements.items())[:2]),
                "doubts": (Doubt("A sentence."),),
            }
        )
        for one in results
    ]
    cohort = cohort_cases.write_results(tmp_path_factory.mktemp("made") / "cohort", few)
    review = read_case_review(cohort, "case-00002", MODEL)
    write_case_review(cohort, "case-00002", MODEL, review.accept(review.landmarks.names[0]))
    return cohort


@pytest.fixture
def cohort(made: Cohort, tmp_path: Path) -> Cohort:
    return read_cohort(shutil.copytree(made.folder, tmp_path / "cohort"))


def places(content: Any, *at: Any) -> Iterator[tuple[Any, ...]]:
    """Every place in JSON values; of a list the first entry stands for all."""
    yield at
    if isinstance(content, dict):
        for name, value in content.items():
            yield from places(value, *at, name)
    elif isinstance(content, list) and content:
        yield from places(content[0], *at, 0)


def damaged(content: Any) -> Iterator[tuple[str, Any]]:
    """The content with one place changed, for every place and some ways (all with the variable)."""
    every = 1 if os.environ.get("LANDMARK_DETECTION_FUZZ_SECONDS") else 5
    for number, at in enumerate(places(content)):
        for value in WRONG[number % every :: every]:
            changed = copy.deepcopy(content)
            if not at:
                if value is not MISSING:
                    yield "all", value
                continue
            inner = changed
            for step in at[:-1]:
                inner = inner[step]
            if value is MISSING:
                del inner[at[-1]]
            else:
                inner[at[-1]] = value
            yield f"{at} = {value!r:.60}", changed


def state_told(cohort: Cohort, key: str, others: list[CaseResult]) -> State:
    """As what the report shows the damaged case, beside the others."""
    here = list(results_of(cohort, key))
    data = report_data([*here, *others], protocols_of(cohort))
    assert {row[0] for row in data.rows} == {key, *(one.case for one in others)}
    json.dumps([data.rows, data.summary], allow_nan=False)
    return here[0].state


def key_of(cohort: Cohort, path: Path) -> str:
    return next(key for key in cohort.keys() if key in path.parts)


FILES: dict[str, Callable[[Cohort], Path]] = {
    "record": lambda cohort: cohort.folder / "cases" / "case-00000" / "case.json",
    "detection": lambda cohort: cohort.path("case-00000", MODEL),
    "measurements": lambda cohort: cohort.path("case-00000", MODEL, "measurements.json"),
    "review": lambda cohort: review_path(cohort, "case-00002", MODEL),
}


@pytest.mark.parametrize("kind", FILES)
def test_one_wrong_value_anywhere_in_a_file_leaves_the_report_whole(cohort: Cohort, kind: str) -> None:
    path = FILES[kind](cohort)
    key = key_of(cohort, path)
    others = [one for one in case_results(cohort) if one.case != key]
    seen = []
    for said, content in damaged(json.loads(path.read_text())):
        path.write_text(json.dumps(content))
        try:
            seen.append(state_told(cohort, key, others))
        except Exception as problem:
            raise AssertionError(f"{path.name}: {said}: {type(problem).__name__} {problem}") from problem
    assert seen.count(State.FAILED) > 10


def test_tables_are_written_whatever_is_wrong(cohort: Cohort) -> None:
    protocol = load_protocol("whole-body")
    for kind in ("record", "detection", "measurements"):
        path = FILES[kind](cohort)
        good = path.read_text()
        for number, (said, content) in enumerate(damaged(json.loads(good))):
            if number % 3:
                continue
            path.write_text(json.dumps(content))
            try:
                write_results(cohort, [protocol])
            except Exception as problem:
                raise AssertionError(f"{path.name}: {said}: {problem}") from problem
            with (cohort.folder / RESULTS_CSV).open(newline="") as results:
                done = {row["case"] for row in csv.DictReader(results)}
            with (cohort.folder / FAILURES).open(newline="") as failures:
                failed = {row["case"] for row in csv.DictReader(failures)}
            assert done | failed == set(cohort.keys()), said
            assert done >= {"case-00001", "case-00002"}, said
            assert "nan" not in (cohort.folder / RESULTS_CSV).read_text().split("\n", 1)[1]
        path.write_text(good)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"[" * 100_000, b"{" * 9, b'{"schema_version": 1}'])
@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_record_at_all_is_one_failed_case(
    cohort: Cohort, kind: str, content: bytes
) -> None:
    path = FILES[kind](cohort)
    path.write_bytes(content)
    key = key_of(cohort, path)
    states = {one.case: one.state for one in case_results(cohort)}
    assert states == {case: State.FAILED if case == key else State.DONE for case in cohort.keys()}
    write_report(cohort.folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_the_place_of_any_file_is_not_waited_for(cohort: Cohort) -> None:
    for kind in FILES:
        path = FILES[kind](cohort)
        path.unlink()
        os.mkfifo(path)
    (cohort.folder / "cases.csv").unlink(missing_ok=True)
    os.mkfifo(cohort.folder / "cases.csv")
    write_report(cohort.folder)
    write_results(cohort, [load_protocol("whole-body")])
    (cohort.folder / "cohort.json").unlink()
    os.mkfifo(cohort.folder / "cohort.json")
    with pytest.raises(InputError):
        read_cohort(cohort.folder)


def test_wrong_settings_of_a_cohort_are_one_sentence_or_harmless(cohort: Cohort) -> None:
    path, others = cohort.folder / "cohort.json", case_results(cohort)[:1]
    for said, content in damaged(json.loads(path.read_text())):
        path.write_text(json.dumps(content))
        try:
            again = read_cohort(cohort.folder)
        except InputError as problem:
            assert "\n" not in str(problem), said
            continue
        json.dumps(report_data(others, protocols_of(again)).summary, allow_nan=False)


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"x,y\n1,2\n", b'case\n"' + b"x" * 200_000])
def test_a_damaged_list_of_cases_hides_none(cohort: Cohort, content: bytes) -> None:
    (cohort.folder / "cases.csv").write_bytes(content)
    assert len(case_results(cohort)) == 3


def test_a_model_of_ones_own_that_fails_everywhere_has_a_report(tmp_path: Path) -> None:
    results = cohort_cases.make_results(4, share_failed=1.0)
    own = [type(one)(**{**vars(one), "model": "my-own", "version": "0.1.0"}) for one in results]
    cohort = cohort_cases.write_results(tmp_path / "cohort", own)
    settings = json.loads((cohort.folder / "cohort.json").read_text())
    settings["models"][0] |= {"name": "my-own", "version": "0.1.0", "protocol": "my-own"}
    (cohort.folder / "cohort.json").write_text(json.dumps(settings))
    page = write_report(cohort.folder)
    assert "<b>4</b><span>failed or set aside</span>" in page.read_text()
