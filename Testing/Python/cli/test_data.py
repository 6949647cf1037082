"""The data commands: import, check, split and summary, as a shell sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Six pictures and the tables of two raters."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for n in range(1, 7):
        Image.fromarray(rng.integers(0, 255, (60, 50)).astype(np.uint8)).save(folder / f"{n:03d}.png")
        rows.append((f"{n:03d}", rng.uniform(5, 45, 4)))
    for rater, shift in (("A", 0.0), ("B", 3.0)):
        lines = [f"{name}," + ",".join(f"{value + shift:.2f}" for value in values) for name, values in rows]
        (tmp_path / f"{rater}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def datalist(cli: Command, source: Path) -> Path:
    tables = [word for rater in "AB" for word in ("--table", f"{rater}={source / f'{rater}.csv'}")]
    answer = cli(
        "data", "import", "table", source / "images", "--out", source / "out", *tables, "--names", "nose,chin"
    )
    assert answer.code == 0, answer.err
    assert "with 6 cases" in answer.out
    return source / "out" / "datalist.json"


def test_check_says_what_is_in_a_datalist(cli: Command, datalist: Path) -> None:
    answer = cli("data", "check", datalist)
    assert answer.code == 0
    assert "cases: 6" in answer.out and "landmarks: nose, chin" in answer.out and "raters: A, B" in answer.out
    summary = json.loads(cli("data", "check", datalist, "--json").out)
    assert (summary["subjects"], summary["warnings"]) == (6, [])


def test_the_sheet_of_a_check_takes_the_place_of_no_file_of_the_data_set(
    cli: Command, datalist: Path, source: Path
) -> None:
    image = source / "images" / "001.png"
    before = image.read_bytes()
    link = source / "sheet.png"
    link.symlink_to(image)
    for sheet in (image, link):
        answer = cli("data", "check", datalist, "--sheet", sheet)
        assert answer.code == 5 and "which would be lost" in answer.err
    assert image.read_bytes() == before


def test_check_names_every_wrong_row_in_one_line(cli: Command, datalist: Path) -> None:
    (datalist.parent / "landmarks" / "A" / "001.csv").unlink()
    (datalist.parent / "landmarks" / "B" / "002.csv").write_text("name,x,y\nnose,4,5\nchim,3,4\n")
    answer = cli("data", "check", datalist)
    assert answer.code == 3
    assert "row 1 (001.png): there is no file" in answer.err
    assert "row 2 (002.png): its landmarks by B have chim" in answer.err and "did you mean chin" in answer.err
    assert answer.err.count("\n") == 1


def test_a_wanted_split_must_not_be_empty(cli: Command, datalist: Path) -> None:
    answer = cli("data", "check", datalist, "--split", "train")
    assert answer.code == 3
    assert "no case is in the split 'train'" in answer.err


def test_split_divides_by_subject_and_keeps_the_rest(cli: Command, datalist: Path) -> None:
    out = datalist.with_name("divided.json")
    answer = cli("data", "split", datalist, "--out", out, "--train", 0.5, "--val", 0.5, "--seed", 3)
    assert answer.code == 0
    assert "3 cases in train" in answer.out and "3 cases in val" in answer.out
    before, after = (json.loads(path.read_text())["cases"] for path in (datalist, out))
    assert [{**row, "split": ""} for row in after] == [{**row, "split": ""} for row in before]
    assert cli("data", "check", out, "--split", "train", "--split", "val").code == 0


def test_folds_are_written_as_splits_and_need_enough_subjects(cli: Command, datalist: Path) -> None:
    out = datalist.with_name("folds.json")
    assert cli("data", "split", datalist, "--out", out, "--folds", 3).code == 0
    splits = [row["split"] for row in json.loads(out.read_text())["cases"]]
    assert sorted(splits) == ["fold 1"] * 2 + ["fold 2"] * 2 + ["fold 3"] * 2
    answer = cli("data", "split", datalist, "--out", out, "--folds", 9)
    assert answer.code == 3
    assert "6 subjects cannot be divided into 9 folds" in answer.err


def test_a_divided_datalist_stays_beside_the_old_one(cli: Command, datalist: Path, tmp_path: Path) -> None:
    answer = cli("data", "split", datalist, "--out", tmp_path / "elsewhere.json")
    assert answer.code == 5
    assert "write beside it" in answer.err
    gone = cli("data", "split", tmp_path / "gone.json", "--out", "elsewhere.json")
    assert gone.code == 3 and "gone.json: there is no such file" in gone.err


def test_summary_says_how_far_raters_are_apart(cli: Command, datalist: Path) -> None:
    found = json.loads(cli("data", "summary", datalist, "--json").out)
    assert found["unit"] == "px"
    assert [row["annotated"] for row in found["landmarks"]] == [12, 12]
    assert found["landmarks"][0]["mean"] == pytest.approx(3 * 2**0.5, abs=0.02)
    assert "nose" in cli("data", "summary", datalist).out


def test_a_wrong_layout_is_one_sentence(cli: Command, source: Path) -> None:
    for kind, sentence in (
        ("isbi2015", "is not laid out as the ISBI 2015 challenge"),
        ("aasce", "is not laid out as the AASCE challenge"),
        ("afids", "is not laid out as an AFIDs data set"),
        ("nnlandmark", "is not laid out as nnLandmark's data"),
        ("hand-atlas", "There is no table"),
        ("slicer", "nothing to import"),
    ):
        answer = cli("data", "import", kind, source / "images", "--out", source / kind)
        assert answer.code == 3, answer.err
        assert sentence in answer.err and answer.err.count("\n") == 1
        assert not (source / kind).exists()
