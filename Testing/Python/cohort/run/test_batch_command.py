"""``landmark-detection batch`` from a folder to its tables: complete, without names, and gone on with."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.cohort import read_cohort
from LandmarkDetectionLib.cohort.run.batch import write_tables
from LandmarkDetectionLib.cohort.run.hashing import model_digest
from LandmarkDetectionLib.cohort.sources.filters import Filters
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import sha256_of
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.models import load_model
from Testing.Python.cohort.conftest import SURNAME, UID_TEXT, Ended, states

Run = Callable[..., Ended]
Here = Callable[..., list[Any]]
Finished = tuple[Path, Ended]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_good_case_is_done_and_every_other_is_listed_with_its_reason(undisturbed: Finished) -> None:
    out, ended = undisturbed
    assert sorted(states(out).values()) == ["done"] * 4 + ["failed"] * 2
    assert len(rows(out / "results.csv")) == 4
    reasons = sorted(row["reason"].partition(" ")[2] for row in rows(out / "failures.csv"))
    assert reasons[0].startswith("is damaged, truncated or no NRRD")
    assert reasons[1].startswith("is empty (0 bytes)")
    (left_out,) = rows(out / "left_out.csv")
    assert left_out["reason"] == "not an image of a kind that can be read"
    assert [event["event"] for event in ended.events if event["event"] != "looking"] == [
        "start",
        *["case"] * 6,
        "end",
    ]
    last = ended.events[-1]
    assert (last["total"], last["done"], last["failed"], last["set_aside"]) == (6, 4, 2, 0)
    assert ended.events[-2]["seconds_left"] == 0


def test_the_tables_hold_what_the_cases_hold(undisturbed: Finished) -> None:
    import pyarrow.parquet as pq

    out, _ = undisturbed
    from_csv, from_parquet = rows(out / "results.csv"), pq.read_table(out / "results.parquet").to_pylist()
    assert [row["case"] for row in from_csv] == [row["case"] for row in from_parquet]
    assert list(from_csv[0]) == list(from_parquet[0])
    for row, same in zip(from_csv, from_parquet, strict=True):
        found = read_landmarks(out / "cases" / row["case"] / "tiny-model" / "detection.json")
        for landmark in found.present:
            position = [float(row[f"{landmark.name}.{axis}"]) for axis in "ras"]
            assert position == pytest.approx(landmark.position.tolist(), abs=1e-6)
            assert position == pytest.approx([same[f"{landmark.name}.{axis}"] for axis in "ras"])
        assert (same["model_version"], same["unit"]) == ("1.0.0", "mm")
        assert same["seconds"] > 0
        assert same["step.project"] > 0


def test_no_name_of_a_patient_is_in_any_result_or_log(undisturbed: Finished) -> None:
    out, ended = undisturbed
    told = json.dumps(ended.events) + ended.err
    for name in (SURNAME, UID_TEXT):
        assert name not in told
        for path in out.rglob("*"):
            assert name not in path.name
            assert path.is_dir() or name.encode() not in path.read_bytes()


def test_the_manifest_of_the_run_counts_cases_and_their_files(undisturbed: Finished, detector: Path) -> None:
    out, _ = undisturbed
    told = json.loads((out / "run.manifest.json").read_text())
    assert told["command"] == "batch" and told["options"]["device"] == "cpu"
    (model,) = told["models"]
    assert (model["name"], model["sha256"]) == ("tiny-model", model_digest(load_model(detector)))
    records = [json.loads(path.read_text()) for path in out.glob("cases/*/case.json")]
    files = [name for record in records for one in record["outcomes"] for name in one["files"]]
    assert [(one["role"], one["files"]) for one in told["inputs"]] == [("cases", len(records))]
    assert told["outputs"][-1]["kind"] == "cases" and told["outputs"][-1]["files"] == len(files) > 0
    tables = {one["sha256"] for one in told["outputs"] if one["kind"] == ".csv"}
    assert sha256_of(out / "results.csv") in tables


def test_started_again_it_does_nothing_again(undisturbed: Finished, source: Path, run_cli: Run) -> None:
    out, _ = undisturbed
    before = {path: path.read_bytes() for path in out.glob("cases/*/case.json")}
    ended = run_cli(source, out)
    assert ended.code == 0
    assert [event["event"] for event in ended.events if event["event"] != "looking"] == ["start", "end"]
    assert {path: path.read_bytes() for path in out.glob("cases/*/case.json")} == before


def test_damaged_results_are_done_again_when_they_are_verified(
    undisturbed: Finished, source: Path, run_here: Here, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed[0], out)
    path = next(out.glob("cases/*/tiny-model/detection.json"))
    kept = path.read_bytes()
    path.write_bytes(kept[:100])
    assert [event.key for event in run_here(source, out)] == [path.parent.parent.name]
    assert json.loads(path.read_bytes())["landmarks"] == json.loads(kept)["landmarks"]
    path.with_name("landmarks.mrk.json").write_bytes(kept[:100])
    assert run_here(source, out) == [], "only a thorough look sees the others"
    assert [event.key for event in run_here(source, out, verify=True)] == [path.parent.parent.name]


def test_a_result_that_is_damaged_at_the_end_is_a_failure_in_every_table(
    undisturbed: Finished, detector: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed[0], out)
    path = next(out.glob("cases/*/tiny-model/detection.json"))
    path.write_bytes(path.read_bytes()[:100])
    _, unreadable = write_tables(read_cohort(out), [str(detector)])
    assert unreadable == {path.parent.parent.name}
    assert len(rows(out / "results.csv")) == 3
    (broken,) = [row for row in rows(out / "failures.csv") if row["case"] in unreadable]
    assert "with the files verified" in broken["reason"]
    assert str(tmp_path) not in broken["reason"]


def test_which_code_is_which_file_stands_in_a_private_file_beside_the_results(
    undisturbed: Finished, source: Path
) -> None:
    out, ended = undisturbed
    key = out.with_name("out-key.csv")
    assert ended.events[-1]["key_file"] == str(key)
    assert key.stat().st_mode & 0o077 == 0
    assert (out / ".secret").stat().st_mode & 0o077 == 0
    codes = {row["code"]: row["source"] for row in rows(key)}
    assert set(codes) == set(states(out))
    assert {Path(path).parent for path in codes.values()} >= {source, source / "ct"}
    for row in rows(out / "failures.csv"):
        assert codes[row["case"]].endswith((r"_f\xfcr.nii", "_text.nrrd"))


def test_a_list_says_how_each_case_ended_and_by_which_code(
    undisturbed: Finished, source: Path, cli: Callable, detector: Path
) -> None:
    out, _ = undisturbed
    answer = cli("batch", source, "--out", out, "--model", detector, "--list", "--json")
    assert answer.code == 0, answer.err
    listed = json.loads(answer.out)["cases"]
    assert {case["key"]: case["state"] for case in listed} == states(out)
    assert {case["state"] for case in listed if "_b.nrrd" in case["identity"]} == {"done"}
    assert {case["state"] for case in listed if "_text" in case["identity"]} == {"failed"}
    people = cli("batch", source, "--out", out, "--model", detector, "--list").out
    assert all(key in people for key in states(out))
    assert "finished" not in people


def test_a_finished_batch_answers_programs_with_one_document(
    undisturbed: Finished, source: Path, cli: Callable, detector: Path
) -> None:
    out, _ = undisturbed
    words = ("batch", source, "--out", out, "--model", detector, "--no-pictures", "--device", "cpu")
    answer = cli(*words, "--json")
    assert answer.code == 0, answer.err
    said = json.loads(answer.out)
    assert (said["total"], said["done"], said["failed"]) == (6, 4, 2)
    assert {case["key"]: case["state"] for case in said["cases"]} == states(out)
    assert all(case["reason"] for case in said["cases"] if case["state"] == "failed")


@pytest.mark.parametrize("words", [("--key", "k.csv", "--no-key"), ("--key", "k.csv", "--keep-identifiers")])
def test_a_key_file_that_could_not_be_one_is_refused(
    words: tuple[str, ...], source: Path, cli: Callable, tmp_path: Path
) -> None:
    assert cli("batch", source, "--out", tmp_path / "out", *words).code == 2


def test_a_list_says_what_would_be_done_and_writes_nothing(
    source: Path, cli: Callable, detector: Path, tmp_path: Path
) -> None:
    answer = cli(
        "batch", source, "--out", tmp_path / "out", "--model", detector, "--list", "--progress", "json"
    )
    assert answer.code == 0, answer.err
    listed = json.loads(answer.out)
    identities = [case["identity"] for case in listed["cases"]]
    assert len(identities) == 6 and identities == sorted(identities), "codes that no run keeps order nothing"
    assert {case["key"] for case in listed["cases"]} == {None}, "the first run gives the codes"
    assert all(case["to_do"] for case in listed["cases"])
    assert [one["reason"] for one in listed["left_out"]] == ["not an image of a kind that can be read"]
    people = cli(
        "batch", source, "--out", tmp_path / "out", "--model", detector, "--list", "--pattern", "*.mha"
    )
    assert "1 case, 1 to do; 6 left out" in people.out
    assert not (tmp_path / "out").exists()


def test_codes_of_a_study_name_the_cases(source: Path, run_here: Here, tmp_path: Path) -> None:
    key = tmp_path / "key.csv"
    key.write_text(f"code,source\nS-01,{SURNAME}_b.nrrd\n")
    run_here(source, tmp_path / "out", key_file=key, filters=Filters(patterns=("*_b.nrrd", "*_c.mha")))
    codes = {row["code"]: row["source"] for row in rows(key)}
    assert set(states(tmp_path / "out")) == set(codes) > {"S-01"}
    assert sorted(Path(path).name for path in codes.values()) == [f"{SURNAME}_b.nrrd", f"{SURNAME}_c.mha"]


def test_identifiers_are_kept_only_when_asked_for(source: Path, run_here: Here, tmp_path: Path) -> None:
    out, one = tmp_path / "out", Filters(patterns=("*_b.nrrd",))
    run_here(source, out, filters=one, identifiers=True)
    (row,) = rows(out / "results.csv")
    assert row["case"] == f"ct_{SURNAME}_b"
    assert row["source"] == str(source / "ct" / f"{SURNAME}_b.nrrd")
    assert next(iter(read_cohort(out))).source == row["source"]
    with pytest.raises(InputError, match="with identifiers"):
        run_here(source, out, filters=one)


def test_another_source_is_refused_unless_it_is_the_same_one_moved(
    source: Path, run_here: Here, undisturbed: Finished, tmp_path: Path
) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    shutil.copytree(undisturbed[0], out)
    shutil.copytree(source, moved)
    with pytest.raises(InputError, match="another source"):
        run_here(moved, out)
    # Recognised by content: nothing is computed again.
    ended = run_here(moved, out, moved=True)
    assert len(ended) == 6
    assert all(event.seconds == 0 for event in ended)


def test_a_case_that_left_the_source_leaves_the_tables(
    source: Path, run_here: Here, undisturbed: Finished, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed[0], out)
    assert run_here(source, out, filters=Filters(excluded=("*.mha",))) == []
    assert len(rows(out / "results.csv")) == 3
    assert sorted(states(out).values()) == ["done"] * 3 + ["failed"] * 2
    assert len(list(out.glob("cases/*/case.json"))) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("/nowhere", "--out", "x"), 3, "does not exist"),
        ((".", "--out", "x", "--model", "no-such-model"), 4, "no model"),
        ((".", "--out", "x", "--scheduler", "tcp://127.0.0.1:1", "--slurm", "2"), 2, "scheduler or SLURM"),
        ((".", "--out", "x", "--key", "k", "--keep-identifiers"), 2, "codes or identifiers"),
        ((".", "--out", "x", "--memory", "much"), 3, "no amount of memory"),
    ],
)
def test_wrong_usage_is_one_sentence(
    arguments: tuple[str, ...],
    code: int,
    said: str,
    cli: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("batch", *arguments)
    assert answer.code == code
    assert said in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
