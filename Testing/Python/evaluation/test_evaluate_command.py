"""The commands `evaluate`, `learning-curve` and `models kernels`: what they write, and how they refuse."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

Command = Callable[..., Any]


@pytest.fixture
def data(make_data: Callable[..., Any]) -> Any:
    return make_data(raters={"anna": -1.0, "bela": 1.0})


def shifted(data: Any, name: str, x: float) -> Path:
    folder: Path = data.predict(name, lambda case, points: points + np.array([x, 0.0, 0.0]))
    return folder


def test_several_models_are_measured_side_by_side(cli: Command, data: Any, tmp_path: Path) -> None:
    one, other = shifted(data, "one", 3.0), shifted(data, "other", 6.0)
    out = tmp_path / "out"
    answer = cli(
        "evaluate", data.datalist, "--out", out, "-p", f"SCN={one}", "-p", f"U-Net={other}", "--radius", "4,8"
    )
    assert answer.code == 0
    assert "SCN" in answer.out and "U-Net" in answer.out and "3.00" in answer.out
    assert "SDR 4" in answer.out and "100.0 %" in answer.out
    assert "not in mm" in answer.err
    assert (out / "report.html").is_file()
    record = json.loads((out / "results.json").read_text())
    assert list(record["models"]) == ["SCN", "U-Net"]
    assert record["options"]["radii"] == [4.0, 8.0]
    manifest = json.loads((out / "run.manifest.json").read_text())
    assert [one["role"] for one in manifest["inputs"]] == ["datalist", "predictions", "predictions"]
    assert manifest["options"]["radius"] == "4,8"


def test_the_answer_for_machines_is_json(cli: Command, data: Any, tmp_path: Path) -> None:
    folder = shifted(data, "one", 3.0)
    answer = cli(
        "evaluate", data.datalist, "--out", tmp_path / "out", "-p", f"a={folder}", "--json", "--rater", "bela"
    )
    content = json.loads(answer.out)
    assert content["summary"][0]["mean"] == pytest.approx(2.0)
    assert all(Path(file).is_file() for file in content["files"])


def test_a_known_distance_and_a_split_can_be_given(cli: Command, data: Any, tmp_path: Path) -> None:
    folder = shifted(data, "one", 3.0)
    options = ("--normalise", "wrist,thumb_tip=50", "--split", "test", "--worst", "0", "--seed", "3")
    answer = cli("evaluate", data.datalist, "--out", tmp_path / "out", "-p", f"a={folder}", "-q", *options)
    assert (answer.code, answer.out) == (0, "")
    facts = json.loads((tmp_path / "out" / "results.json").read_text())["facts"]
    assert (facts["unit"], facts["split"], facts["seed"]) == ("mm", "test", "3")
    assert facts["cases"] == "3 images of 3 subjects"


def test_an_installed_model_is_run_on_every_case(
    cli: Command, tiny_model: Path, phantom: tuple[Volume, LandmarkSet], tmp_path: Path
) -> None:
    from LandmarkDetectionLib.datasets.cases import write_datalist

    volume, truth = phantom
    names = ("head_top", "knee_left", "knee_right")
    write_volume(volume, tmp_path / "body.nrrd")
    write_landmarks(LandmarkSet(tuple(truth[name] for name in names)), tmp_path / "body.mrk.json")
    write_datalist(
        [{"image": "body.nrrd", "landmarks": "body.mrk.json", "subject": "s"}], tmp_path / "data.json"
    )
    out = tmp_path / "out"
    arguments = ("evaluate", tmp_path / "data.json", "--out", out, "--model", tiny_model, "--device", "cpu")
    assert cli(*arguments).code == 0
    made = out / "predictions" / "tiny-model" / "body.json"
    before = made.stat().st_mtime_ns
    answer = cli(*arguments)
    assert answer.code == 0
    assert made.stat().st_mtime_ns == before
    assert "only 1 subject" in answer.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "give --predictions NAME=FOLDER or --model MODEL"),
        (("-p", "folder"), 2, "write NAME=FOLDER"),
        (("-p", "a=gone"), 3, "There is no folder gone with predictions of a"),
        (("-p", "a=FOLDER", "--radius", "2,two"), 2, "write positive numbers"),
        (("-p", "a=FOLDER", "--normalise", "wrist=50"), 2, "two landmarks and their distance"),
        (("-p", "a=FOLDER", "--unit", "mm"), 3, "the size of its pixels is unknown"),
        (("-p", "a=FOLDER", "--split", "val"), 3, "no case of the split 'val'"),
        (("-p", "a=FOLDER", "--rater", "carl"), 3, "has no landmarks by the rater 'carl'"),
        (("-p", "a=FOLDER", "--landmarks", "elbow"), 3, "has no landmark elbow"),
        (("-p", "a=FOLDER", "--mni"), 3, "is a radiograph; a glass brain needs brain volumes"),
        (("--model", "no-such-model"), 4, "There is no model 'no-such-model'"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(
    cli: Command, data: Any, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    folder = shifted(data, "one", 3.0)
    words = [option.replace("FOLDER", str(folder)) if "=" in option else option for option in options]
    answer = cli("evaluate", data.datalist, "--out", tmp_path / "out", *words)
    assert answer.code == code
    assert message in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err
    assert not (tmp_path / "out" / "report.html").exists()


def test_a_learning_curve_is_drawn(cli: Command, data: Any, tmp_path: Path) -> None:
    folder = shifted(data, "one", 3.0)
    assert cli("evaluate", data.datalist, "--out", tmp_path / "out", "-p", f"a={folder}").code == 0
    (tmp_path / "runs.csv").write_text("network,images,errors\nSCN,10,out/errors.csv\n")
    answer = cli("learning-curve", tmp_path / "runs.csv", "--out", tmp_path / "curve.png")
    assert answer.code == 0
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.format == "PNG"
    refused = cli("learning-curve", tmp_path / "runs.csv", "--out", tmp_path / "curve.doc")
    assert refused.code == 5 and "must end in .png" in refused.err


def test_kernels_of_a_model_are_drawn(cli: Command, tiny_model: Path, tmp_path: Path) -> None:
    answer = cli("models", "kernels", tiny_model, "--out", tmp_path / "kernels.png", "--network", "lateral")
    assert answer.code == 0
    assert (tmp_path / "kernels.png").is_file()
    refused = cli("models", "kernels", tiny_model, "--out", tmp_path / "x.png", "--network", "axial")
    assert refused.code == 3 and "has no network axial; it has coronal, lateral" in refused.err


def test_a_second_rater_is_as_far_from_the_first_as_the_data_say(
    cli: Command, real_data: Path, tmp_path: Path
) -> None:
    """On real cephalograms: the mean disagreement of the raters over the images at hand, calculated apart."""
    import csv

    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionLib.datasets.cases import write_datalist

    source = real_data / "cephalograms"
    tables = [
        {row["image"]: row for row in csv.DictReader((source / f"rater{rater}_px.csv").open())}
        for rater in (1, 2)
    ]
    rows, distances = [], []
    for image in sorted((source / "images").glob("*.png"))[20:32]:
        places = [
            np.array([[float(table[image.stem][f"{axis}{n}"]) for axis in "xy"] for n in range(1, 20)])
            for table in tables
        ]
        distances.append(np.hypot(*(places[0] - places[1]).T))
        for rater, points in enumerate(places, start=1):
            folder = tmp_path / f"rater{rater}"
            folder.mkdir(exist_ok=True)
            marks = (Landmark(f"l{n}", np.array([-x, -y, 0.0])) for n, (x, y) in enumerate(points))
            write_landmarks(LandmarkSet(tuple(marks)), folder / f"{image.stem}.csv")
        rows.append({"image": str(image), "landmarks": f"rater1/{image.stem}.csv", "subject": image.stem})
    write_datalist(rows, tmp_path / "data.json", "cephalograms")
    answer = cli(
        "evaluate",
        tmp_path / "data.json",
        "--out",
        tmp_path / "out",
        "-p",
        f"second rater={tmp_path / 'rater2'}",
        "--json",
    )
    (summary,) = json.loads(answer.out)["summary"]
    assert summary["unit"] == "px"
    assert summary["mean"] == pytest.approx(np.mean(distances), abs=1e-3)
    assert summary["median"] == pytest.approx(np.median(distances), abs=1e-3)
    assert summary["SDR 10"] == pytest.approx(np.mean(np.array(distances) <= 10), abs=1e-3)


def body_data(folder: Path, phantom: tuple[Volume, LandmarkSet], names: dict[str, str]) -> Path:
    """A datalist of one body, its landmarks called otherwise."""
    from LandmarkDetectionLib.datasets.cases import write_datalist

    volume, truth = phantom
    write_volume(volume, folder / "body.nrrd")
    marks = tuple(replace(truth[name], name=called) for name, called in names.items())
    write_landmarks(LandmarkSet(marks), folder / "body.mrk.json")
    rows = [{"image": "body.nrrd", "landmarks": "body.mrk.json", "subject": "s"}]
    write_datalist(rows, folder / "data.json")
    return folder / "data.json"


def test_the_landmarks_that_model_and_data_share_are_evaluated_and_said(
    cli: Command, tiny_model: Path, phantom: tuple[Volume, LandmarkSet], tmp_path: Path
) -> None:
    names = {"head_top": "head_top", "knee_left": "left_knee", "hip_left": "hip_left"}
    data = body_data(tmp_path, phantom, names)
    arguments = ("evaluate", data, "--out", tmp_path / "out", "--model", tiny_model, "--device", "cpu")
    answer = cli(*arguments, "--json")
    notes = " ".join(json.loads(answer.out)["notes"])
    assert "1 of the data set's 3 landmarks is known to tiny-model by name" in notes
    assert "Not compared: left_knee, hip_left" in notes
    answer = cli(*arguments, "--rename", "knee_left=left_knee", "--json")
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["summary"]
    assert {row["landmark"] for row in rows} >= {"head_top", "left_knee"}


def test_names_that_do_not_match_are_told_before_a_model_is_run(
    cli: Command, tiny_model: Path, phantom: tuple[Volume, LandmarkSet], tmp_path: Path
) -> None:
    data = body_data(tmp_path, phantom, {"hip_left": "hip_left", "knee_left": "left_knee"})
    arguments = ("evaluate", data, "--out", tmp_path / "out", "--model", tiny_model)
    answer = cli(*arguments)
    assert answer.code == 3 and "tiny-model does not find hip_left, left_knee" in answer.err
    answer = cli(*arguments, "--rename", "knee_left=left_knee", "--landmarks", "hip_left")
    assert answer.code == 3 and "does not find hip_left" in answer.err
    assert not (tmp_path / "out").exists(), "nothing was run"
    assert cli(*arguments, "--rename", "knee_left").code == 2


def test_a_model_that_gives_nothing_has_no_numbers_and_is_said_to(
    cli: Command, data: Any, tmp_path: Path
) -> None:
    nothing = data.predict("nothing", lambda case, points: np.full_like(points, np.nan))
    answer = cli("evaluate", data.datalist, "--out", tmp_path / "out", "-p", f"a={nothing}")
    assert answer.code == 0 and "nan" not in answer.out
    assert "a gave no position of any landmark" in answer.err
    assert ">nan" not in (tmp_path / "out" / "report.html").read_text()


def test_errors_on_cases_to_learn_from_are_said_to_be_such(cli: Command, data: Any, tmp_path: Path) -> None:
    folder = shifted(data, "one", 3.0)
    arguments = ("evaluate", data.datalist, "--out", tmp_path / "out", "-p", f"a={folder}")
    assert "3 of the 6 cases are of the split train" in cli(*arguments).err
    answer = cli(*arguments, "--split", "TEST")
    assert answer.code == 0 and "split train" not in answer.err
