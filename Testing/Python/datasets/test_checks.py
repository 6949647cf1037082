"""Wrong data sets: each is built on disk, and refused or warned about with its case named."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import DatalistError, write_datalist
from LandmarkDetectionLib.datasets.checks import alike
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

#: A face on a picture of 200 x 240 pixels, in pixels.
LAYOUT = {
    "eye_left": (120.0, 60.0),
    "eye_right": (70.0, 62.0),
    "nose": (98.0, 100.0),
    "mouth": (96.0, 140.0),
    "chin": (95.0, 200.0),
    "ear_left": (170.0, 80.0),
    "ear_right": (25.0, 84.0),
}
SIZE = (1, 240, 200)
Points = dict[str, tuple[float, float]]


@dataclass
class Set:
    """A sound data set of eight cases, to be spoiled before it is written."""

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    entries: dict[str, Any] = field(default_factory=dict)

    def write(self) -> Path:
        for row, points, volume in zip(self.rows, self.points, self.volumes, strict=True):
            image = row["image"][0] if isinstance(row["image"], list) else row["image"]
            target = self.folder / image
            if not target.exists():
                write_volume(volume, target)
            marks = row["landmarks"]
            for file in marks.values() if isinstance(marks, dict) else [marks]:
                if not (self.folder / file).exists():
                    self.write_points(file, points, volume, row.get("unit") == "pixel")
        write_datalist(self.rows, self.folder / "data.json", "faces", **self.entries)
        return self.folder / "data.json"

    def write_points(self, file: str, points: Points, volume: Volume, pixels: bool = False) -> None:
        ijk = np.array([[x, y, 0.0] for x, y in points.values()]).reshape(-1, 3)
        positions = ijk if pixels else volume.ijk_to_ras_points(ijk)
        marks = tuple(Landmark(name, position) for name, position in zip(points, positions, strict=True))
        write_landmarks(LandmarkSet(marks), self.folder / file)


def sound(folder: Path, spacing: float = 0.5) -> Set:
    data = Set(folder)
    for n in range(8):
        rng = np.random.default_rng(n)
        shift, scale = rng.normal(0, 4, 2), rng.uniform(0.95, 1.05)
        data.points.append(
            {name: tuple(np.array(p) * scale + shift + rng.normal(0, 1.5, 2)) for name, p in LAYOUT.items()}
        )
        data.volumes.append(
            Volume(rng.integers(0, 255, SIZE).astype(np.uint8), np.diag([-spacing, -spacing, 1.0, 1.0]))
        )
        data.rows.append(
            {"image": f"c{n}.nrrd", "landmarks": f"c{n}.mrk.json", "subject": f"s{n}", "split": "train"}
        )
    data.rows[6]["split"] = data.rows[7]["split"] = "val"
    return data


Spoil = Callable[[Set], None]
WRONG: dict[str, tuple[Spoil, str, str]] = {}


def wrong(how: str, sentence: str) -> Callable[[Spoil], Spoil]:
    """Register a way to spoil a set: whether it is refused or warned about, and a part of the sentence."""

    def register(spoil: Spoil) -> Spoil:
        WRONG[spoil.__name__] = (spoil, how, sentence)
        return spoil

    return register


@wrong("refuse", "row 3 (c2.nrrd): its landmarks have nsoe, which few cases have; did you mean nose")
def a_name_misspelt(data: Set) -> None:
    data.points[2]["nsoe"] = data.points[2].pop("nose")


@wrong("refuse", "row 3 (c2.nrrd): its landmarks have Nose, which few cases have; did you mean nose")
def a_name_in_capitals(data: Set) -> None:
    data.points[2]["Nose"] = data.points[2].pop("nose")


@wrong("refuse", "row 2 (c1.nrrd): chin lies outside the image")
def a_point_outside_the_image(data: Set) -> None:
    data.points[1]["chin"] = (95.0, 290.0)


@wrong(
    "refuse", "row 4 (c3.nrrd): its landmarks lie outside the image, but inside it if the numbers are pixels"
)
def pixels_in_a_file_of_millimetres(data: Set) -> None:
    marks = tuple(Landmark(name, np.array([-x, -y, 0.0])) for name, (x, y) in data.points[3].items())
    write_landmarks(LandmarkSet(marks), data.folder / "c3.mrk.json")


@wrong("warn", "lie in a corner of their images: in row 1 (c0.nrrd)")
def millimetres_in_tables_of_pixels(data: Set) -> None:
    for n, volume in enumerate(data.volumes):
        data.volumes[n] = Volume(volume.voxels, np.diag([-0.2, -0.2, 1.0, 1.0]))
        data.rows[n] |= {"unit": "pixel", "landmarks": f"c{n}.csv"}
        data.points[n] = {name: (0.2 * x, 0.2 * y) for name, (x, y) in data.points[n].items()}


@wrong("refuse", "row 5 (c4.nrrd): its landmarks lie outside the image, but inside it if the numbers are mm")
def millimetres_in_one_table_of_coarse_pixels(data: Set) -> None:
    data.volumes[4] = Volume(data.volumes[4].voxels, np.diag([-1.6, -1.6, 1.0, 1.0]))
    data.rows[4] |= {"unit": "pixel", "landmarks": "c4.csv"}
    data.points[4] = {name: (1.6 * x, 1.6 * y) for name, (x, y) in data.points[4].items()}


@wrong("warn", "row 6 (c5.nrrd): its pixels have 2.5 mm, and those of most cases 0.5 mm")
def a_pixel_size_unlike_the_others(data: Set) -> None:
    data.volumes[5] = Volume(data.volumes[5].voxels, np.diag([-2.5, -2.5, 1.0, 1.0]))


@wrong("warn", "the pixel size of row 6 (c5.png) is unknown")
def an_image_without_a_pixel_size(data: Set) -> None:
    from PIL import Image

    Image.fromarray(data.volumes[5].voxels[0]).save(data.folder / "c5.png")
    data.rows[5]["image"] = "c5.png"
    data.volumes[5] = Volume(data.volumes[5].voxels, np.diag([-1.0, -1.0, 1.0, 1.0]))


@wrong("refuse", "no case is in the split 'val'; did row 7 mean it by 'vall'")
def an_empty_split(data: Set) -> None:
    data.rows[6]["split"] = data.rows[7]["split"] = "vall"


@wrong("refuse", "row 2 (c1.nrrd): it is in no split, and other cases are")
def a_case_without_a_split(data: Set) -> None:
    del data.rows[1]["split"]


@wrong("refuse", "row 8 (c7.nrrd): subject s0 is in the split 'val' here and in 'train' in row 1")
def a_subject_in_two_splits(data: Set) -> None:
    data.rows[7]["subject"] = "s0"


@wrong("refuse", "the landmark nose has no position in any case")
def a_landmark_that_no_case_has(data: Set) -> None:
    for n, (points, volume) in enumerate(zip(data.points, data.volumes, strict=True)):
        ijk = np.array([[x, y, 0.0] for x, y in points.values()])
        marks = tuple(
            Landmark(name, ras, Status.ABSENT if name == "nose" else Status.DETECTED)
            for name, ras in zip(points, volume.ijk_to_ras_points(ijk), strict=True)
        )
        write_landmarks(LandmarkSet(marks), data.folder / f"c{n}.mrk.json")


@wrong("refuse", "no case of the split 'train' has the landmark forehead")
def a_landmark_that_only_validation_has(data: Set) -> None:
    data.points[7]["forehead"] = (95.0, 30.0)


@wrong("warn", "second marked nothing in row 2 (c1.nrrd)")
def a_rater_who_left_out_a_case(data: Set) -> None:
    for n, row in enumerate(data.rows):
        if n != 1:
            row["landmarks"] = {"rater": row["landmarks"], "second": f"c{n}_second.mrk.json"}


@wrong("refuse", "row 5 (c4.nrrd): its image has the same pixels as c0.nrrd of row 1")
def one_image_under_two_names(data: Set) -> None:
    data.volumes[4] = data.volumes[0]


@wrong("refuse", "row 5 (c0.nrrd): its image c0.nrrd is that of row 1 already")
def one_file_in_two_rows(data: Set) -> None:
    data.rows[4]["image"] = "c0.nrrd"


@wrong("refuse", "row 4 (c3.nrrd): every pixel of c3 has the same value")
def a_constant_image(data: Set) -> None:
    data.volumes[3] = Volume(np.full(SIZE, 7, np.uint8), data.volumes[3].ijk_to_ras)


@wrong("refuse", "voxels that are NaN or infinite")
def an_image_of_nothing_but_nan(data: Set) -> None:
    data.volumes[3] = Volume(np.full(SIZE, np.nan, np.float32), data.volumes[3].ijk_to_ras)


@wrong("refuse", "row 4 (c3.nrrd): it has 2 channels, and most cases 1")
def another_number_of_channels(data: Set) -> None:
    write_volume(data.volumes[3], data.folder / "more.nrrd")
    data.rows[3]["image"] = ["c3.nrrd", "more.nrrd"]


@wrong("refuse", "row 4 (c3.nrrd): its channels lie up to 10.0 voxels apart")
def channels_on_two_grids(data: Set) -> None:
    moved = data.volumes[3].ijk_to_ras.copy()
    moved[0, 3] += 5.0
    write_volume(Volume(data.volumes[3].voxels, moved), data.folder / "moved.nrrd")
    data.rows[3]["image"] = ["c3.nrrd", "moved.nrrd"]


@wrong("refuse", "row 4 (c3.nrrd): its image is 3D, and most are 2D")
def a_volume_among_radiographs(data: Set) -> None:
    voxels = np.random.default_rng(9).integers(0, 9, (4, *SIZE[1:])).astype(np.uint8)
    data.volumes[3] = Volume(voxels, data.volumes[3].ijk_to_ras)


@wrong("refuse", "row 4 (c3.nrrd): all its landmarks lie at the same place")
def landmarks_at_one_place(data: Set) -> None:
    data.points[3] = dict.fromkeys(LAYOUT, (50.0, 50.0))


@wrong("warn", "row 4 (c3.nrrd): its landmarks lie exactly where those of c2.nrrd in row 3 lie")
def landmarks_copied_from_another_case(data: Set) -> None:
    data.points[3] = data.points[2]


@wrong(
    "warn", "row 4 (c3.nrrd): its landmarks lie like those of the other cases if left and right are exchanged"
)
def left_and_right_exchanged_in_names(data: Set) -> None:
    points = data.points[3]
    for part in ("eye", "ear"):
        left, right = points[f"{part}_left"], points[f"{part}_right"]
        points[f"{part}_left"], points[f"{part}_right"] = right, left


@wrong("warn", "row 4 (c3.nrrd): its landmarks lie like those of the other cases if x and y are exchanged")
def x_and_y_exchanged(data: Set) -> None:
    data.points[3] = {name: (0.9 * y, 0.9 * x) for name, (x, y) in data.points[3].items()}


@wrong(
    "warn",
    "row 4 (c3.nrrd): its landmarks lie like those of the other cases if the signs of x and y are turned",
)
def lps_taken_for_ras_in_a_centred_image(data: Set) -> None:
    data.points[3] = {name: (199 - x, 239 - y) for name, (x, y) in data.points[3].items()}


@wrong("refuse", "inside it if the signs of x and y are turned (LPS taken for RAS")
def lps_taken_for_ras(data: Set) -> None:
    marks = tuple(
        Landmark(name, np.array([0.5 * x, 0.5 * y, 0.0])) for name, (x, y) in data.points[3].items()
    )
    write_landmarks(LandmarkSet(marks), data.folder / "c3.mrk.json")


@wrong("refuse", "row 4 (c3.nrrd): its landmark file has no point with a position")
def an_empty_landmark_file(data: Set) -> None:
    write_landmarks(LandmarkSet(()), data.folder / "c3.mrk.json")


@wrong("refuse", "row 4 (c3.nrrd): ")
def an_image_that_cannot_be_read(data: Set) -> None:
    (data.folder / "c3.nrrd").write_bytes(b"NRRD0004\ntype: what\n\n")


@wrong("refuse", "row 4 (c3.nrrd): there is no file")
def a_missing_file(data: Set) -> None:
    data.rows[3]["landmarks"] = "nowhere/c3.mrk.json"
    # Written by nobody.
    data.write_points = lambda *_: None  # type: ignore[method-assign]


@wrong("warn", "row 4 (c3.nrrd): far from where other cases have it, compared with their spread: nose")
def one_landmark_far_away(data: Set) -> None:
    data.points[3]["nose"] = (150.0, 180.0)


@wrong("warn", "row 4 (c3.nrrd): second: far from where other cases have it")
def one_landmark_of_the_second_rater_far_away(data: Set) -> None:
    for n, row in enumerate(data.rows):
        row["landmarks"] = {"rater": row["landmarks"], "second": f"c{n}_second.mrk.json"}
    data.write_points("c3_second.mrk.json", {**data.points[3], "nose": (150.0, 180.0)}, data.volumes[3])


@wrong("warn", "row 4 (c3.nrrd): its landmarks lie like those of the other cases if its image is mirrored")
def a_mirrored_image(data: Set) -> None:
    # Without pairs of left and right nothing but a mirror explains it.
    for n, points in enumerate(data.points):
        data.points[n] = {name.replace("left", "a").replace("right", "b"): p for name, p in points.items()}
        data.points[n]["tip"] = (150.0, 150.0)
    data.points[3] = {name: (199 - x, y) for name, (x, y) in data.points[3].items()}


@wrong("warn", "row 4 (c3.nrrd): its landmarks lie 0.21 times as far apart as those of most cases")
def one_case_in_another_unit(data: Set) -> None:
    data.points[3] = {name: (0.2 * x, 0.2 * y) for name, (x, y) in data.points[3].items()}


@wrong("warn", "row 4 (c3.nrrd): its file says that a pixel has 0.5 x 0.5 mm, and the datalist 0.1 x 0.1 mm")
def a_pixel_size_that_contradicts_the_file(data: Set) -> None:
    data.rows[3] |= {"spacing": 0.1, "unit": "pixel", "landmarks": "c3.csv"}


@wrong("refuse", "have chins, which the protocol faces lacks; did you mean chin")
def a_name_that_the_protocol_lacks(data: Set) -> None:
    protocol = {"name": "faces", "title": "Faces", "version": "1.0.0", "region": "head"}
    marks = [{"name": name, "title": name, "definition": name} for name in LAYOUT]
    (data.folder / "faces.json").write_text(json.dumps({**protocol, "landmarks": marks}))
    data.entries["protocol"] = "faces.json"
    for points in data.points:
        points["chins"] = points.pop("chin")


def read(path: Path) -> tuple[list[str], list[str]]:
    """What is refused and what is warned about."""
    try:
        datalist = read_datalist(path, missing="allow", splits=("train", "val"))
    except DatalistError as error:
        return list(error.problems), []
    return [], [str(warning) for warning in datalist.warnings]


def test_a_sound_data_set_raises_no_word(tmp_path: Path) -> None:
    assert read(sound(tmp_path).write()) == ([], [])


def test_there_are_more_than_twenty_wrong_data_sets() -> None:
    assert len(WRONG) >= 20


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_data_set_is_found_out(name: str, tmp_path: Path) -> None:
    spoil, how, sentence = WRONG[name]
    data = sound(tmp_path)
    spoil(data)
    refused, warned = read(data.write())
    found = refused if how == "refuse" else warned
    assert any(sentence in text for text in found), refused + warned
    if how == "warn":
        assert not refused


def test_everything_wrong_is_said_at_once_and_by_row(tmp_path: Path) -> None:
    data = sound(tmp_path)
    a_point_outside_the_image(data)
    a_name_misspelt(data)
    a_constant_image(data)
    a_subject_in_two_splits(data)
    refused, _ = read(data.write())
    assert [text.split(":")[0] for text in refused] == [
        "row 2 (c1.nrrd)",
        "row 3 (c2.nrrd)",
        "row 4 (c3.nrrd)",
        "row 8 (c7.nrrd)",
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("sella", "selle", True),
        ("Sella", "sella", True),
        ("upper lip", "upper_lip", True),
        ("upper_lip", "lower_lip", False),
        ("middle_finger_left", "middle_finger_right", False),
        ("landmark_10", "landmark_11", False),
        ("nasion", "menton", False),
    ],
)
def test_misspellings_are_told_from_other_names(first: str, second: str, expected: bool) -> None:
    assert alike(first, second) is expected
