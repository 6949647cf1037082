"""Tables of pixel positions become a datalist whose landmarks lie on the pixels they name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.importers.table import import_table
from LandmarkDetectionLib.datasets.raters import case_landmarks
from LandmarkDetectionLib.errors import InputError, OutputError

Folder = Path


@pytest.fixture
def images(tmp_path: Path) -> Folder:
    folder = tmp_path / "images"
    folder.mkdir()
    for seed, name in enumerate(("001", "002", "spare")):
        pixels = np.random.default_rng(seed).integers(0, 255, (50, 40)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_positions_come_back_on_the_pixels_of_the_table(images: Folder, tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "image,x1,y1,x2,y2\n001,10,20,30.5,40\n002,11,21,,\n")
    second = write(tmp_path / "b.csv", "1.png,12,22,30,41\n")
    done = import_table(images, {"A": first, "B": second}, tmp_path / "out", names=("nose", "chin"))
    assert done.cases == 2
    assert any("1 image has no landmarks" in note for note in done.notes)
    datalist = read_datalist(done.datalist, missing="allow")
    case = datalist.cases[0]
    volume = case.read_volume()
    a, b = case_landmarks(case, ("nose", "chin"), "all")
    np.testing.assert_allclose(volume.ras_to_ijk_points(a), [[10, 20, 0], [30.5, 40, 0]])
    np.testing.assert_allclose(volume.ras_to_ijk_points(b), [[12, 22, 0], [30, 41, 0]])
    (second_case,) = case_landmarks(datalist.cases[1], ("nose", "chin"), "A")
    assert np.isnan(second_case[1]).all()


def test_a_pixel_size_that_the_images_lack_makes_positions_millimetres(
    images: Folder, tmp_path: Path
) -> None:
    table = write(tmp_path / "a.csv", "001,11,21,31,41\n002,10,20,30,40\n")
    done = import_table(images, table, tmp_path / "out", names=("nose", "chin"), pixel_mm=0.1, origin=1.0)
    case = read_datalist(done.datalist).cases[0]
    volume = case.read_volume()
    assert volume.spacing_known and np.allclose(volume.spacing[:2], 0.1)
    np.testing.assert_allclose(case.read_landmarks()["nose"].position, [-1.0, -2.0, 0.0])


def test_headings_may_name_the_landmarks(images: Folder, tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "image;nose_x;nose_y\n001;1;2\n")
    done = import_table(images, table, tmp_path / "out")
    assert read_datalist(done.datalist).landmark_names == ("nose",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("001,1,2,3,4\n002,1,2\n", r"line 2 \(002\) is not 4 numbers"),
        ("001,1,2,3\n", "3 numbers stand behind the image's name"),
        ("001,1,2,3,4\n001,1,2,3,4\n", "the image 001 stands there twice"),
        ("777,1,2,3,4\n", "No row of .* names an image"),
        ("001,1,2,3,4,5,6\n", "has 3 landmarks per image, and the protocol 2 names"),
        ("", "it is empty"),
        ("image,x1,y1\n", "headings and no rows"),
        ("image,x1,y1,x2,y2\n001,12,5,33,1,40,2,1,0\n", r"row 2 \(001\) has 9 cells, and the first row 5"),
        ("001;12,5;3;4;5\n", "'12,5' has a decimal comma"),
        ("image;x1;y1;x2;y2\n001;1;2;3;4,5\n", "'4,5' has a decimal comma"),
        ("001,1,2,3,4O\n002,1,2,3,4\n", r"line 1 \(001\) is not 4 numbers: '4O' is not a number"),
    ],
)
def test_wrong_tables_are_refused(images: Folder, tmp_path: Path, text: str, sentence: str) -> None:
    table = write(tmp_path / "a.csv", text)
    with pytest.raises(InputError, match=sentence):
        import_table(images, table, tmp_path / "out", names=("nose", "chin"))
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(images: Folder, tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "001,1,2,3,4\n")
    with pytest.raises(OutputError, match="holds something already"):
        import_table(images, table, images, names=("nose", "chin"))


def test_one_image_under_two_names_is_one_subject(images: Folder, tmp_path: Path) -> None:
    (images / "003.png").write_bytes((images / "001.png").read_bytes())
    table = write(tmp_path / "a.csv", "001,1,2\n002,3,4\n003,1,3\n")
    done = import_table(images, table, tmp_path / "out", names=("nose",))
    assert "003.png is the same image as that of 001; both count as one subject" in done.notes
    datalist = read_datalist(done.datalist)
    assert datalist.subjects == ("001", "002", "001")
    assert [str(one) for one in datalist.warnings] == [
        "row 3 (003.png): its image has the same pixels as 001.png of row 1"
    ]


def test_the_cephalograms_of_two_raters_are_read(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "cephalograms"
    tables = {f"rater {n}": folder / f"rater{n}_px.csv" for n in (1, 2)}
    done = import_table(folder / "images", tables, tmp_path / "out", protocol="cephalometric-19")
    datalist = read_datalist(done.datalist, missing="allow")
    assert len(datalist) == 100 and len(datalist.landmark_names) == 19
    # The folder holds one image twice.
    assert len(set(datalist.subjects)) == 99
    apart = [
        np.linalg.norm(np.subtract(*case_landmarks(case, datalist.landmark_names, "all")), axis=1)
        for case in datalist
    ]
    assert np.nanmean(apart) == pytest.approx(6.3, abs=0.3)


def test_rows_that_count_from_the_bottom_end_on_the_same_pixels(images: Folder, tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "001,11,30,31,10\n")
    done = import_table(images, table, tmp_path / "out", names=("nose", "chin"), origin=1.0, y_from="bottom")
    case = read_datalist(done.datalist).cases[0]
    volume = case.read_volume()
    found = volume.ras_to_ijk_points([mark.position for mark in case.read_landmarks()])
    np.testing.assert_allclose(found, [[10, 20, 0], [30, 40, 0]], atol=1e-9)
