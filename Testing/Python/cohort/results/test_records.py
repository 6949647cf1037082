"""The output folder of a cohort is read as it was written, whatever its size and however it was stopped."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.cohort import CaseRecord, CohortSettings, ModelSettings, Outcome, State, read_cohort
from LandmarkDetectionLib.cohort.results.records import find_case, read_case, write_case, write_settings
from LandmarkDetectionLib.cohort.run.events import CaseEnded, Counts, Ended, to_json
from LandmarkDetectionLib.errors import InputError

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SECONDS = st.dictionaries(TEXTS, st.floats(0, 1e6), max_size=3)
OUTCOMES = st.builds(
    Outcome,
    model=TEXTS,
    model_version=TEXTS,
    state=st.sampled_from(State),
    recipe=TEXTS,
    kind=TEXTS,
    reason=TEXTS,
    landmarks=st.integers(0, 99),
    confidence=st.none() | st.floats(0, 1),
    warnings=st.lists(TEXTS, max_size=3).map(tuple),
    doubts=st.none()
    | st.lists(st.fixed_dictionaries({"kind": TEXTS, "landmarks": st.lists(TEXTS)}), max_size=3).map(tuple),
    seconds=SECONDS,
    files=st.dictionaries(TEXTS, TEXTS, max_size=3),
)
RECORDS = st.builds(
    CaseRecord,
    key=st.just("a1"),
    digest=TEXTS,
    stamp=TEXTS,
    outcomes=st.lists(OUTCOMES, min_size=1, max_size=3).map(tuple),
    size=st.tuples() | st.tuples(*[st.integers(1, 999)] * 3),
    spacing_mm=st.tuples() | st.tuples(*[st.floats(0.1, 10)] * 3),
    attempts=st.integers(0, 3),
)


def settings() -> CohortSettings:
    return CohortSettings((ModelSettings("m", "1.0.0", "ab", "p"),), {"threshold": -300.0}, total=2)


def record(key: str, *states: State) -> CaseRecord:
    outcomes = [Outcome(f"m{n}", "1.0.0", state, "r", reason=state.value) for n, state in enumerate(states)]
    return CaseRecord(key, "d", "s", tuple(outcomes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_settings(tmp_path, settings())
    return tmp_path


@given(RECORDS)
def test_a_case_is_read_as_it_was_written(written: CaseRecord) -> None:
    assert CaseRecord.from_record(json.loads(json.dumps(written.to_record()))) == written


def test_a_cohort_is_read_as_it_was_written(folder: Path) -> None:
    assert read_cohort(folder).settings == settings()
    assert list(read_cohort(folder)) == []
    for key in ("b", "a"):
        (folder / "cases" / key).mkdir(parents=True)
        write_case(folder, record(key, State.DONE))
    (folder / "cases" / "never-finished" / "m").mkdir(parents=True)
    assert [one.key for one in read_cohort(folder)] == ["a", "b"]


def test_the_state_of_a_case_is_the_worst_of_its_models() -> None:
    assert record("a", State.DONE, State.DONE).state is State.DONE
    assert record("a", State.DONE, State.FAILED).state is State.FAILED
    assert record("a", State.FAILED, State.SET_ASIDE, State.DONE).state is State.SET_ASIDE
    assert record("a", State.DONE, State.FAILED).reason == "failed"


@pytest.mark.parametrize(
    "content", ["", "{}", '{"schema_version": 99}', '{"schema_version": 1, "key": "a", "outcomes": []}']
)
def test_a_broken_case_is_named_and_counts_as_not_started(folder: Path, content: str) -> None:
    (folder / "cases" / "a").mkdir(parents=True)
    (folder / "cases" / "a" / "case.json").write_text(content)
    with pytest.raises(InputError, match=r"case\.json"):
        read_case(folder, "a")
    assert find_case(folder, "a") is None


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the output of"):
        read_cohort(tmp_path)


def test_entries_of_a_newer_program_are_passed_over() -> None:
    written = record("a", State.DONE)
    later = {**written.to_record(), "news": 1}
    later["outcomes"] = [{**one, "news": 2} for one in later["outcomes"]]
    assert CaseRecord.from_record(later) == written


def test_events_are_flat_lines_of_json() -> None:
    counts = Counts(total=5, done=2, failed=1)
    line = json.loads(json.dumps(to_json(CaseEnded(counts, "a", "failed", "no image"))))
    assert (line["event"], line["total"], line["done"], line["key"]) == ("case", 5, 2, "a")
    assert to_json(Ended(counts, 1.0, ("x.csv",)))["files"] == ("x.csv",)
