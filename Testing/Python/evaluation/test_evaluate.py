"""Predictions and raters are brought together in one unit, or refused with the case named."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.evaluate import Evaluation, Normalisation, datalist_hash, evaluate
from LandmarkDetectionLib.evaluation.predictions import read_predictions
from LandmarkDetectionLib.evaluation.tables import error_rows, make_tables
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.records import write_detection

Make = Callable[..., Any]
NAMES = ("wrist", "thumb_tip", "index_tip")


def run(data: Any, *folders: Path, **options: Any) -> Evaluation:
    datalist = read_datalist(data.datalist, missing="allow")
    split = options.get("split", "")
    cases = datalist.of_split(split) if split else datalist.cases
    found = [read_predictions(folder.name, folder, cases, datalist.path.parent) for folder in folders]
    return evaluate(datalist, found, **options)


def test_moved_predictions_of_a_radiograph_have_exactly_that_error_in_pixels(make_data: Make) -> None:
    data = make_data()
    result = run(data, data.predict("moved", lambda case, points: points + np.array([3.0, -4.0, 0.0])))
    assert result.unit == "px"
    assert result.errors("moved") == pytest.approx(5.0)
    assert any("not in mm" in note for note in result.notes)


def test_depth_beside_a_radiograph_is_no_error(make_data: Make) -> None:
    data = make_data()
    result = run(data, data.predict("deep", lambda case, points: points + np.array([0.0, 2.0, 70.0])))
    assert result.errors("deep") == pytest.approx(2.0)


def test_errors_in_a_volume_are_in_mm_along_all_axes(make_data: Make) -> None:
    data = make_data(kind="volume")
    result = run(data, data.predict("moved", lambda case, points: points + np.array([2.0, 3.0, 6.0])))
    assert result.unit == "mm"
    assert result.errors("moved") == pytest.approx(7.0)
    assert result.radii == (2.0, 2.5, 3.0, 4.0)


def test_a_known_distance_makes_millimetres_of_pixels(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("moved", lambda case, points: points + np.array([1.0, 0.0, 0.0]))
    result = run(data, folder, normalisation=Normalisation("wrist", "thumb_tip", 50.0))
    for row, points in enumerate(data.truth.values()):
        length = np.linalg.norm(points[0] - points[1])
        assert result.errors("moved")[row] == pytest.approx(50.0 / length)
    assert result.unit == "mm"
    assert any("wrist and thumb_tip is taken to be 50 mm" in note for note in result.notes)


def say_spacing(data: Any, rows: Iterable[int], mm: float) -> None:
    """Write into the datalist how large the pixels of some rows are."""
    content = json.loads(data.datalist.read_text())
    for row in rows:
        content["cases"][row]["spacing"] = mm
    data.datalist.write_text(json.dumps(content))


def test_pixels_can_be_asked_for_where_their_size_is_known(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    say_spacing(data, range(6), 0.2)
    data.truth = {case: 0.2 * points for case, points in data.truth.items()}
    from LandmarkDetectionLib.io.markups import read_landmarks

    for case in data.truth:
        file = tmp_path / f"{case}-rater.mrk.json"
        marks = read_landmarks(file)
        write_landmarks(LandmarkSet(tuple(Landmark(mark.name, 0.2 * mark.position) for mark in marks)), file)
    folder = data.predict("moved", lambda case, points: points + np.array([0.6, 0.0, 0.0]))
    assert run(data, folder).errors("moved") == pytest.approx(0.6, abs=1e-3)
    assert run(data, folder, unit="px").errors("moved") == pytest.approx(3.0, abs=1e-2)


def test_the_mean_of_raters_one_of_them_or_each_is_the_reference(make_data: Make) -> None:
    data = make_data(raters={"anna": -2.0, "bela": 4.0})
    folder = data.predict("model", lambda case, points: points)
    assert run(data, folder).errors("model") == pytest.approx(1.0)
    assert run(data, folder, rater="bela").errors("model") == pytest.approx(4.0)
    each = run(data, folder, rater="all")
    assert list(each.references) == ["mean", "anna", "bela"]
    assert each.errors("model", "anna") == pytest.approx(2.0)
    assert each.rater_distances() == pytest.approx(6.0)
    # With two raters a single one is half of their distance from the mean.
    assert each.rater_offsets() == pytest.approx(3.0)
    apart = make_tables(each).disagreement
    assert apart is not None
    assert (apart.mean, apart.single) == pytest.approx((6.0, 3.0))
    assert apart.ratios["model"] == pytest.approx((1 / 6, 1 / 6, 1 / 6))


def test_a_landmark_said_to_be_absent_is_missed_and_told_apart(make_data: Make) -> None:
    data = make_data()

    def drop(case: str, points: np.ndarray) -> np.ndarray:
        found = points.copy()
        if case == "case-2":
            found[1] = np.nan
        return found

    result = run(data, data.predict("careful", drop))
    tables = make_tables(result)
    assert result.errors("careful")[2, 1] == np.inf
    assert tables.row("careful").summary.missed == 1
    counts = tables.presence["careful"]["all"]
    assert (counts.both, counts.missed, counts.invented, counts.neither) == (17, 1, 0, 0)
    row = next(r for r in error_rows(result) if r["case"] == "case-2" and r["landmark"] == "thumb_tip")
    assert (row["present"], row["given"], row["error"]) == (1, 0, None)


def test_a_landmark_that_raters_declare_missing_is_absent_and_one_not_annotated_is_nothing(
    make_data: Make, tmp_path: Path
) -> None:
    data = make_data()
    points = data.truth["case-1"]
    marks = (
        Landmark("wrist", points[0]),
        Landmark("thumb_tip", np.zeros(3), Status.MISSING),
    )
    write_landmarks(LandmarkSet(marks), tmp_path / "case-1-rater.mrk.json")
    write_detection(Detection(LandmarkSet(marks), "", ""), tmp_path / "case-1-rater.json")
    result = run(data, data.predict("m", lambda case, points: points + np.array([1.0, 0, 0])))
    assert np.isnan(result.errors("m")[1, 1:]).all()
    assert result.reference.known[1].tolist() == [True, True, False]
    tables = make_tables(result)
    counts = tables.presence["m"]["all"]
    assert tables.absent == 1
    assert (counts.both, counts.missed, counts.invented, counts.neither) == (16, 0, 1, 0)
    assert tables.row("m").summary.count == 16


def test_the_mean_is_of_the_raters_who_placed_a_landmark(make_data: Make, tmp_path: Path) -> None:
    data = make_data(raters={"anna": -2.0, "bela": 4.0})
    points = data.truth["case-1"] + np.array([4.0, 0, 0])
    marks = tuple(
        Landmark(name, place) for name, place in zip(("wrist", "thumb_tip"), points[:2], strict=True)
    )
    write_landmarks(LandmarkSet(marks), tmp_path / "case-1-bela.mrk.json")
    result = run(data, data.predict("m", lambda case, points: points))
    assert result.errors("m")[1].tolist() == pytest.approx([1.0, 1.0, 2.0])
    assert np.isnan(result.rater_distances()[0, 1, 2])


def test_tables_in_pixels_are_read_as_such(make_data: Make) -> None:
    data = make_data()
    folder = data.folder / "pixels"
    folder.mkdir()
    for case, points in data.truth.items():
        rows = [f"{name},{-x + 3.0},{-y}" for name, (x, y, _) in zip(NAMES, points, strict=True)]
        (folder / f"{case}.csv").write_text("\n".join(["name,x,y", *rows]))
    datalist = read_datalist(data.datalist)
    found = read_predictions("m", folder, datalist.cases, data.folder, unit="pixel")
    assert evaluate(datalist, [found]).errors("m") == pytest.approx(3.0)


def test_confidence_is_judged_by_what_was_found_within_the_radius(make_data: Make) -> None:
    data = make_data()

    def miss_index(case: str, points: np.ndarray) -> np.ndarray:
        return points + np.array([[0.0, 0, 0], [0.0, 0, 0], [9.0, 0, 0]])

    folder = data.predict("model", miss_index, confidence=0.9)
    (rows, error) = make_tables(run(data, folder, found_within=5.0)).calibration["model"]
    assert rows == [{"confidence": pytest.approx(0.9), "found": pytest.approx(2 / 3), "count": 18}]
    assert error == pytest.approx(0.9 - 2 / 3)


def test_only_the_cases_of_the_split_are_evaluated(make_data: Make) -> None:
    data = make_data()
    result = run(data, data.predict("m", lambda case, points: points), split="test")
    assert result.keys == ("case-1", "case-3", "case-5")


def test_chosen_landmarks_keep_the_order_of_the_data_set(make_data: Make) -> None:
    data = make_data()
    result = run(data, data.predict("m", lambda c, p: p), landmarks=["index_tip", "wrist"])
    assert result.landmarks == ("wrist", "index_tip")
    assert result.errors("m").shape == (6, 2)


def test_the_order_of_cases_changes_no_number(make_data: Make) -> None:
    def shift(case: str, points: np.ndarray) -> np.ndarray:
        return points + np.array([float(case[-1]), 1.0, 0.0])

    data = make_data()
    folder = data.predict("m", shift)
    one = make_tables(run(data, folder))
    content = json.loads(data.datalist.read_text())
    content["cases"].reverse()
    data.datalist.write_text(json.dumps(content))
    other = make_tables(run(data, folder))
    for first, second in zip(one.rows, other.rows, strict=True):
        assert first.record("px") == pytest.approx(second.record("px"), nan_ok=True)


def test_a_copy_of_the_truth_is_noticed(make_data: Make) -> None:
    data = make_data()
    result = run(data, data.predict("perfect", lambda case, points: points))
    assert any("perfect equals the reference exactly" in note for note in result.notes)


def test_the_hash_follows_the_landmarks(make_data: Make) -> None:
    data = make_data()
    datalist = read_datalist(data.datalist)
    before = datalist_hash(datalist)
    assert before == datalist_hash(datalist)
    file = datalist.cases[0].landmarks[0][1]
    file.write_text(file.read_text() + " ")
    assert datalist_hash(datalist) != before


# --- refusals ---------------------------------------------------------------------------------------------


def refusal(data: Any, *folders: Path, **options: Any) -> str:
    with pytest.raises(InputError) as refused:
        run(data, *folders, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_millimetres_are_refused_where_pixels_have_no_size(make_data: Make) -> None:
    data = make_data()
    text = refusal(data, data.predict("m", lambda case, points: points), unit="mm")
    assert text.startswith("Row 1 (case-0.png): the size of its pixels is unknown")


def test_pixels_are_refused_for_volumes(make_data: Make) -> None:
    data = make_data(kind="volume")
    text = refusal(data, data.predict("m", lambda case, points: points), unit="px")
    assert text.startswith("Row 1 (case-0.nrrd) is a volume")


def test_mixed_units_are_refused_with_both_cases_named(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    say_spacing(data, [3], 1.0)
    text = refusal(data, data.predict("m", lambda case, points: points))
    assert "mixes units: row 4 (case-3.png)" in text and "row 1 (case-0.png) has not" in text


def test_an_empty_split_is_refused(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    with pytest.raises(InputError, match=r"no case of the split 'val'; its splits: test, train"):
        evaluate(read_datalist(data.datalist), [], split="val")
    assert folder.is_dir()


def test_misspelt_landmarks_are_named_with_what_may_be_meant(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    file = folder / "case-4.csv"
    file.write_text(file.read_text().replace("thumb_tip", "thumbtip"))
    text = refusal(data, folder)
    assert "for case-4.png (row 5) lacks thumb_tip ('thumbtip' may be meant)" in text


def test_a_landmark_that_no_prediction_has_is_refused_and_one_left_out_of_a_case_is_missed(
    make_data: Make,
) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    marks = tuple(
        Landmark(n, p) for n, p in zip(NAMES, data.truth["case-4"], strict=True) if n != "thumb_tip"
    )
    write_landmarks(LandmarkSet(marks), folder / "case-4.csv")
    errors = run(data, folder).errors("m")
    assert errors[4, 1] == np.inf
    assert np.isinf(errors).sum() == 1
    for case, points in data.truth.items():
        write_landmarks(LandmarkSet((Landmark("wrist", points[0]),)), folder / f"{case}.csv")
    assert "for case-0.png (row 1) lacks thumb_tip, index_tip; rename" in refusal(data, folder)


def test_landmarks_of_another_kind_are_refused(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    write_landmarks(LandmarkSet((Landmark("sella", np.zeros(3)),)), folder / "case-1.csv")
    assert "for case-1.png (row 2) has none of the landmarks of the data set, but sella" in refusal(
        data, folder
    )


def test_predictions_in_another_system_are_refused(make_data: Make) -> None:
    data = make_data()
    text = refusal(data, data.predict("lps", lambda case, points: -points))
    assert "for case-0.png (row 1) lies outside the image with every landmark" in text


def test_an_unknown_rater_is_refused(make_data: Make) -> None:
    data = make_data(raters={"anna": 0.0, "bela": 1.0})
    text = refusal(data, data.predict("m", lambda case, points: points), rater="carl")
    assert "Row 1 (case-0.png) has no landmarks by the rater 'carl'; it has those by anna, bela" in text


def test_an_unknown_landmark_is_refused(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    assert "has no landmark elbow; it has wrist" in refusal(data, folder, landmarks=["elbow"])
    far = Normalisation("wrist", "elbow", 50.0)
    assert "needs the landmark elbow" in refusal(data, folder, normalisation=far)


def test_a_reference_distance_of_nothing_is_refused(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    points = data.truth["case-2"].copy()
    points[1] = points[0]
    marks = tuple(Landmark(n, p) for n, p in zip(("wrist", "thumb_tip", "index_tip"), points, strict=True))
    write_landmarks(LandmarkSet(marks), tmp_path / "case-2-rater.mrk.json")
    text = refusal(data, folder, normalisation=Normalisation("wrist", "thumb_tip", 50.0))
    assert text.startswith("Row 3 (case-2.png): the reference distance between wrist and thumb_tip")


def test_two_models_of_one_name_are_refused(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    assert "Two models have the same name" in refusal(data, folder, folder)


def test_a_status_of_missing_needs_no_position(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: np.full_like(points, np.nan))
    assert (folder / "case-0.csv").read_text().count(Status.MISSING.value) == 3
    assert not np.isfinite(run(data, folder).errors("m")).any()
