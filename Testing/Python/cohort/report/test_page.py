"""The report of a cohort says what lies in its folder, and nothing of where the images came from."""

import base64
import json
import re
import shutil

import numpy as np
import pytest

from LandmarkDetectionLib.cohort.report.data import report_data
from LandmarkDetectionLib.cohort.report.page import write_report
from LandmarkDetectionLib.cohort.results.case_results import case_results, protocols_of
from LandmarkDetectionLib.cohort.results.model_results import by_model
from LandmarkDetectionLib.cohort.results.records import State, read_cohort
from LandmarkDetectionLib.cohort.results.reviews import read_case_review, write_case_review
from LandmarkDetectionLib.cohort.run.thumbnail import write_thumbnail
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.examples.accessibility import faults
from Testing.examples.cohort_cases import make_results, write_results

MODEL = "whole-body"
PROTOCOLS = {"whole-body 1.0.0": load_protocol("whole-body")}


@pytest.fixture(scope="module")
def made():
    return make_results(40, seed=5, share_failed=0.1)


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("written") / "cohort", made, total=50)


@pytest.fixture
def cohort(written, tmp_path):
    """A copy of its own for every test."""
    return read_cohort(shutil.copytree(written.folder, tmp_path / "cohort"))


def rows_of(folder):
    """The rows as the page reads them."""
    rows = []
    for path in sorted((folder / "report-data").glob("cases-*.js")):
        rows += json.loads(re.fullmatch(r"cohort\.cases\(\d+,(.*)\);\n", path.read_text(), re.DOTALL)[1])
    return rows


def summary_of(page):
    return json.loads(re.search(r'id="summary">(.*?)</script>', page.read_text(), re.DOTALL)[1])


def test_results_are_read_as_they_were_written(cohort, made):
    read = {one.case: one for one in case_results(cohort)}
    assert protocols_of(cohort)["whole-body 1.0.0"] == PROTOCOLS["whole-body 1.0.0"]
    for one in made:
        again = read[one.case]
        assert (again.state, again.reason, again.names, again.status, again.doubts) == (
            one.state,
            one.reason,
            one.names,
            one.status,
            one.doubts,
        )
        assert np.allclose(again.positions, one.positions, equal_nan=True)
        assert np.allclose(again.confidence, one.confidence, equal_nan=True)
        assert again.measurements == pytest.approx(dict(one.measurements))


def test_the_page_and_its_data_say_what_became_of_every_case(cohort, made):
    page = write_report(cohort.folder)
    rows, summary = rows_of(cohort.folder), summary_of(page)
    assert sorted(row[0] for row in rows) == sorted(one.case for one in made)
    states = {row[0]: summary["states"][row[1]] for row in rows}
    assert states == {one.case: one.state.value for one in made}
    text = page.read_text()
    assert faults(text) == []
    failed = sum(one.state is State.FAILED for one in made)
    for number, word in ((40 - failed, "done"), (failed, "failed or set aside"), (10, "not started")):
        assert f"<b>{number}</b><span>{word}</span>" in text
    assert "For research use only" in text


def test_files_that_rows_point_to_are_there(cohort):
    page = write_report(cohort.folder)
    summary = summary_of(page)
    seen = 0
    for row in rows_of(cohort.folder):
        for number in [*row[5], row[6], row[7]]:
            if number is not None:
                path = summary["files"][number].replace("{case}", row[0]).replace("{model}", MODEL)
                assert (cohort.folder / path).is_file(), path
                seen += 1
    assert seen > 100


def test_points_come_back_within_a_tenth_of_a_millimetre(made):
    data = report_data(made, PROTOCOLS)
    group = by_model(made, PROTOCOLS)[0]
    aligned = {one.case: group.frame.aligned[row] for row, one in enumerate(group.results)}
    done = [row for row in data.rows if row[10]]
    unit = data.summary["models"][0]["unit"]
    for column in (0, 7):
        packed = np.frombuffer(base64.b64decode(data.points[0, column]), "<i2").reshape(-1, 4)
        assert len(packed) == len(done)
        for row, values in zip(done, packed, strict=True):
            expected = aligned[row[0]][column]
            if np.isnan(expected).any():
                assert values[0] == -32768
            else:
                assert values[:3] * unit == pytest.approx(expected, abs=0.1)


def test_a_reviewed_case_shows_what_the_person_said(cohort):
    first = next(one.case for one in case_results(cohort) if one.state is State.DONE)
    review = read_case_review(cohort, first, MODEL)
    for name in review.landmarks.names:
        review = review.accept(name)
    write_case_review(cohort, first, MODEL, review.correct("chin", [0.0, 0.0, 700.0]))
    page = write_report(cohort.folder)
    row = next(row for row in rows_of(cohort.folder) if row[0] == first)
    names = [one["name"] for one in summary_of(page)["models"][0]["landmarks"]]
    assert row[14] == len(names) and row[10][names.index("chin")] == "C"
    assert row[3] == len([one for one in review.prediction.doubts if not one.landmarks])
    assert any("reviews/{case}/" in path for path in summary_of(page)["files"])


def test_texts_of_cases_cannot_become_part_of_the_page(tmp_path):
    evil = "</script><script>alert(1)</script> {case} @title@ \u2028"
    results = make_results(12, share_failed=0.0)
    results[0] = type(results[0])("bad", State.FAILED, MODEL, "1.0.0", evil)
    for row in range(1, 12):
        results[row] = type(results[row])(
            **{**vars(results[row]), "doubts": (Doubt(evil, landmarks=(evil,)),)}
        )
    cohort = write_results(tmp_path / "cohort", results)
    text = write_report(cohort.folder).read_text()
    assert "alert(1)</script>" not in text and text.count("<script") == 2
    assert summary_of(cohort.folder / "report.html")["warnings"][0] == f"other: {evil}"
    assert next(row for row in rows_of(cohort.folder) if row[0] == "bad")[13] == evil


def test_nothing_is_loaded_from_elsewhere_and_no_folder_of_this_computer_is_named(cohort, tmp_path):
    page = write_report(cohort.folder)
    everything = page.read_text() + "".join(p.read_text() for p in (cohort.folder / "report-data").iterdir())
    addresses = set(re.findall(r"https?://[^\s\"'<>)]+", everything))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert str(tmp_path) not in everything


def test_a_case_whose_files_are_damaged_is_listed_with_the_reason(cohort):
    first = next(one.case for one in case_results(cohort) if one.state is State.DONE)
    cohort.path(first, MODEL).write_text("{")
    write_report(cohort.folder)
    row = next(row for row in rows_of(cohort.folder) if row[0] == first)
    assert row[1] == 1 and "cannot be read" in row[13] and str(cohort.folder) not in row[13]


def test_a_report_that_cannot_be_written_leaves_the_earlier_one(cohort):
    page = write_report(cohort.folder)
    before = page.read_bytes()
    (cohort.folder / "report-data").rename(cohort.folder / "kept")
    (cohort.folder / "report-data").write_text("a file where the folder should be")
    with pytest.raises(OutputError):
        write_report(cohort.folder)
    assert page.read_bytes() == before


def test_several_models_are_told_apart(tmp_path):
    results = make_results(15, share_failed=0.0)
    other = [type(one)(**{**vars(one), "model": "other", "version": "2.0.0"}) for one in results]
    data = report_data([*results, *other], PROTOCOLS)
    assert [model["key"] for model in data.summary["models"]] == ["other 2.0.0", "whole-body 1.0.0"]
    assert len(data.rows) == 30
    assert data.summary["models"][0]["landmarks"][0]["title"] == "Head top", (
        "without a protocol, from the name"
    )


def test_an_empty_cohort_has_a_report(tmp_path):
    cohort = write_results(tmp_path / "cohort", [], total=5)
    assert "<b>5</b><span>not started</span>" in write_report(cohort.folder).read_text()


def test_the_command_writes_it_and_refuses_other_folders(cohort, cli, tmp_path):
    answer = cli("cohort-report", cohort.folder, "--json", "--no-manifest")
    assert answer.code == 0 and json.loads(answer.out) == {"report": str(cohort.folder / "report.html")}
    answer = cli("cohort-report", tmp_path)
    assert answer.code == 3 and "cohort.json" in answer.err and "Traceback" not in answer.err


def test_confidence_of_a_landmark_is_that_of_the_cases_that_have_it(made):
    results = [one for one in made if one.names]
    for number, one in enumerate(results):
        status, confidence = list(one.status), one.confidence.copy()
        if number % 4:  # three of four scans end before it
            status[0], confidence[0] = Status.ABSENT, 0.0
        else:
            status[0], confidence[0] = Status.DETECTED, 0.9
        results[number] = type(one)(**{**vars(one), "status": tuple(status), "confidence": confidence})
    head = report_data(results, PROTOCOLS).summary["models"][0]["landmarks"][0]
    assert head["confidence"] == 90 and head["found"] < 30


def test_a_thumbnail_shows_the_body_and_not_the_field_around_it(tmp_path):
    from PIL import Image

    picture = Image.new("RGB", (1200, 900), (13, 17, 23))
    picture.paste((90, 140, 170), (500, 400, 700, 460))
    picture.save(tmp_path / "overlay.png")
    write_thumbnail(tmp_path / "overlay.png", tmp_path / "thumbnail.jpg")
    with Image.open(tmp_path / "thumbnail.jpg") as small:
        assert small.width > 200 and small.height < 100
    Image.new("RGB", (40, 30)).save(tmp_path / "empty.png")
    write_thumbnail(tmp_path / "empty.png", tmp_path / "thumbnail.jpg")
    with Image.open(tmp_path / "thumbnail.jpg") as small:
        assert small.size == (40, 30)
