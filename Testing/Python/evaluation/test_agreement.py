"""Agreement between raters: rates, tables and errors against hand calculations, and the benchmark itself."""

import json

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.agreement import (
    agreement,
    confusion,
    intraclass_correlation,
    smape,
)
from LandmarkDetectionLib.evaluation.ratings import common_cases, mean_ratings, read_ratings
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import Frame, measure
from LandmarkDetectionLib.measurement.many import class_of, measure_many
from Testing.examples.measurement_cases import FACE, in_picture, spine, spine_landmarks

CEPHALOMETRIC = load_protocol("cephalometric-19")
MW = next(one for one in CEPHALOMETRIC.measurements if one.name == "MW")


def table(path, cases):
    """A rater's file of named faces."""
    rows = [
        [name, *(str(value) for point in face.values() for value in point)] for name, face in cases.items()
    ]
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")
    return path


def moved(seed, sd=1.0):
    rng = np.random.default_rng(seed)
    return {name: tuple(np.array(point) + rng.normal(0, sd, 2)) for name, point in FACE.items()}


def test_smape_is_what_a_hand_calculation_gives():
    reference = np.array([[10.0, 20.0, 30.0], [5.0, 40.0, 15.0]])
    other = np.array([[12.0, 18.0, 30.0], [5.0, 30.0, 25.0]])
    # (2 + 2 + 0) / (60 + 60) and (0 + 10 + 10) / (60 + 60), averaged.
    assert smape(reference, other) == pytest.approx(100 * (4 / 120 + 20 / 120) / 2)
    with pytest.raises(ValueError, match="all 0"):
        smape(np.zeros((1, 3)), np.zeros((1, 3)))


def test_a_confusion_table_counts_images_and_both_rates_are_its():
    found = confusion(MW, [3, 3, 3, 3, -1, -2, 1], [3, 3, 5, -1, -1, 1, 1])
    assert found.names == ("1", "2", "3", "4", "undefined")
    assert found.counts.tolist() == [
        [2, 0, 1, 1, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1],
    ]
    assert found.rate_of_images == pytest.approx(4 / 7)
    assert found.rate_of_classes == pytest.approx((2 / 4 + 1 / 2 + 1) / 3)


def test_limits_of_agreement_are_the_bias_and_1_96_standard_deviations():
    reference = np.stack([-in_picture(moved(seed)).positions * -1 for seed in range(6)])
    other = np.stack([in_picture(moved(seed + 50)).positions for seed in range(6)])
    one = agreement(reference, other, CEPHALOMETRIC, Frame.picture())[0]
    difference = one.other - one.reference
    assert one.bias == pytest.approx(difference.mean())
    spread = np.sqrt(((difference - difference.mean()) ** 2).sum() / 5)
    assert one.limits == pytest.approx((one.bias - 1.96 * spread, one.bias + 1.96 * spread))


def test_the_intraclass_correlation_is_that_of_shrout_and_fleiss():
    pytest.importorskip("pingouin", reason="needs pingouin")
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = intraclass_correlation(np.array(ratings, float))
    assert found.value == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == pytest.approx((0.02, 0.76), abs=0.005)


def test_many_cases_at_once_are_measured_as_one_by_one():
    faces = [moved(seed) for seed in range(4)]
    faces[2] = {name: (240 - x, y) for name, (x, y) in faces[2].items()}  # looks the other way
    landmarks = [in_picture(face) for face in faces]
    many = measure_many(np.stack([one.positions for one in landmarks]), CEPHALOMETRIC, Frame.picture())
    for row, one in enumerate(landmarks):
        for name, values in many.items():
            value = measure(one, CEPHALOMETRIC)[name].value
            assert values[row] == pytest.approx(np.nan if value is None else value, nan_ok=True)
    assert np.isnan(many["SNA"][2]) and np.isfinite(many["SNA"][[0, 1, 3]]).all()


def test_many_spines_are_measured_as_one_by_one():
    protocol, frame = load_protocol("spine-68"), Frame.picture(height=720.0)
    k = np.arange(17)
    spines = [spine(20 * np.cos(np.pi * k / 16)), spine(np.interp(k, [0, 3, 7, 13, 16], [5, 18, -20, 8, 3]))]
    swapped = spines[0][:, [1, 0, 3, 2]]
    landmarks = [spine_landmarks(one) for one in (*spines, swapped)]
    many = measure_many(np.stack([one.positions for one in landmarks]), protocol, frame)
    assert many["MT"] == pytest.approx([40, 38, np.nan], nan_ok=True)


# --- files ---


def test_raters_are_read_from_tables_and_from_folders(tmp_path):
    from LandmarkDetectionLib.io.markups import write_landmarks

    faces = {"a": moved(1), "b": moved(2)}
    by_table = read_ratings(table(tmp_path / "rater.csv", faces), CEPHALOMETRIC)
    folder = tmp_path / "files"
    folder.mkdir()
    for name, face in faces.items():
        write_landmarks(in_picture(face), folder / f"{name}.csv")
    by_folder = read_ratings(folder, CEPHALOMETRIC)
    assert by_table.cases == by_folder.cases == ("a", "b")
    assert by_folder.positions == pytest.approx(by_table.positions, abs=1e-3)
    mean = mean_ratings((by_table, by_folder), ("b",))
    assert mean.positions[0] == pytest.approx(by_table.positions[1], abs=1e-3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,1,2\n", "it has 1 landmark per case; cephalometric-19 needs 19"),
        ("case" + ",x" * 38 + "\na" + ",z" * 38 + "\n", r"line 2 \(a\) is not 38 numbers"),
        ("a" + ",1" * 38 + "\na" + ",1" * 38 + "\n", "the image a stands there twice"),
        ("", "it is empty"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path, text, sentence):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_ratings(tmp_path / "x.csv", CEPHALOMETRIC)


def test_raters_without_a_case_in_common_are_refused(tmp_path):
    first = read_ratings(table(tmp_path / "x.csv", {"a": FACE}), CEPHALOMETRIC)
    second = read_ratings(table(tmp_path / "y.csv", {"b": FACE}), CEPHALOMETRIC)
    with pytest.raises(InputError, match="x and y have no case in common"):
        common_cases((first, second))


# --- the command ---


def test_the_command_compares_with_a_rater_or_with_the_mean(cli, tmp_path):
    pytest.importorskip("pingouin", reason="needs pingouin")
    first = table(tmp_path / "first.csv", {str(case): moved(case) for case in range(8)})
    second = table(tmp_path / "second.csv", {str(case): moved(100 + case) for case in range(8)})
    answer = cli("agreement", first, second, "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert "second against first, 8 cases" in answer.out
    assert "Success classification rate, average over 8 measurements" in answer.out
    assert "SNA: classes of first (rows) and of second (columns)" in answer.out
    assert (tmp_path / "out" / "bland_altman_second.png").stat().st_size > 10_000
    lines = (tmp_path / "out" / "confusion.csv").read_text().splitlines()
    counts = [int(line.split(",")[-1]) for line in lines if ",SNA," in line]
    assert sum(counts) == 8
    record = json.loads(cli("agreement", first, second, "--reference", "mean", "--json").out)
    assert record["reference"] == "mean" and set(record["raters"]) == {"first", "second"}
    halves = [record["raters"][rater]["measurements"][0]["bias"] for rater in ("first", "second")]
    assert halves[0] == pytest.approx(-halves[1], abs=0.2)


def test_the_command_says_what_is_missing(cli, tmp_path):
    first = table(tmp_path / "first.csv", {"a": FACE})
    assert cli("agreement", first).code == 2
    answer = cli("agreement", first, table(tmp_path / "other.csv", {"b": FACE}))
    assert answer.code == 3 and "no case in common" in answer.err
    answer = cli("agreement", first, first)
    assert answer.code == 3 and "Two raters are called first" in answer.err
    answer = cli("agreement", first, tmp_path / "other.csv", "--reference", "nobody")
    assert answer.code == 3 and "There is no rater nobody" in answer.err


# --- the benchmark's annotations ---


def test_the_benchmarks_raters_give_their_classes_for_all_400_images(real_data):
    folder = real_data / "cephalometry_isbi2015_annotations"
    if not folder.is_dir():
        pytest.skip(f"no annotations at {folder}")
    read = {
        name: read_ratings(folder / f"{name}.csv", CEPHALOMETRIC)
        for name in ("senior", "junior", "challenge")
    }
    frame = Frame.picture()
    for ratings in read.values():
        values = measure_many(ratings.positions, CEPHALOMETRIC, frame)
        classes = {
            one.name: [class_of(one, value) for value in values[one.name]]
            for one in CEPHALOMETRIC.measurements
            if one.classes
        }
        assert list(classes) == ["SNA", "SNB", "ANB", "ODI", "APDI", "FHI", "FMA", "MW"]
        assert all(len(one) == 400 for one in classes.values())
        # Only the incisors' distance has values that the benchmark leaves without a class.
        assert [name for name, one in classes.items() if not all(one)] == ["MW"]
    found = agreement(read["senior"].positions, read["junior"].positions, CEPHALOMETRIC, frame)[:8]
    rates = {one.definition.name: round(400 * one.confusion.rate_of_images) for one in found}
    assert rates == {
        "SNA": 271,
        "SNB": 328,
        "ANB": 312,
        "ODI": 308,
        "APDI": 329,
        "FHI": 337,
        "FMA": 328,
        "MW": 334,
    }


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv"])
def test_the_landmarks_of_one_case_are_no_rater(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    write_landmarks(LandmarkSet((Landmark("sella", [1, 2, 3]),)), path)
    with pytest.raises(InputError, match="holds the landmarks of one case"):
        read_ratings(path, load_protocol("cephalometric-19"))


def test_a_rater_whose_file_is_not_there_is_told_so(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_ratings(tmp_path / "dr-a.mrk.json", load_protocol("cephalometric-19"))


@pytest.mark.parametrize("first", ["", "case" + ",x,y" * 19 + "\n"])
def test_a_decimal_comma_in_any_row_is_named_and_never_taken_for_headings(tmp_path, first):
    text = first + "a;" + ";".join(["1,5"] + ["1"] * 37) + "\n"
    (tmp_path / "x.csv").write_text(text.replace(",x,y", ";x;y"))
    with pytest.raises(InputError, match="'1,5' has a decimal comma"):
        read_ratings(tmp_path / "x.csv", load_protocol("cephalometric-19"))
