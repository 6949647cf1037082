"""LabelMe files and tables of pixels become RAS mm through the geometry of their image."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.pixel_landmarks import read_pixel_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

IMAGE = Volume(
    np.random.default_rng(0).integers(0, 9, (1, 30, 40)).astype(np.uint8), np.diag([-0.5, -0.25, 1.0, 1.0])
)


def labelme(path: Path, **changes: Any) -> Path:
    shapes = [
        {"label": "nose", "points": [[10.5, 20.5]], "shape_type": "point"},
        {"label": "outline", "points": [[1, 2], [3, 4], [5, 6]], "shape_type": "polygon"},
    ]
    content = {"shapes": shapes, "imageWidth": 40, "imageHeight": 30, **changes}
    path.write_text(json.dumps(content))
    return path


def test_a_labelme_point_in_the_middle_of_a_pixel_is_its_centre(tmp_path: Path) -> None:
    landmarks = read_pixel_landmarks(labelme(tmp_path / "a.json"), IMAGE)
    assert landmarks.names == ("nose",)
    np.testing.assert_allclose(landmarks["nose"].position, [-5.0, -5.0, 0.0])


def test_a_datalist_recognises_labelme_files(tmp_path: Path) -> None:
    write_volume(IMAGE, tmp_path / "a.nrrd")
    labelme(tmp_path / "a.json")
    write_datalist([{"image": "a.nrrd", "landmarks": "a.json", "subject": "a"}], tmp_path / "data.json")
    (case,) = read_datalist(tmp_path / "data.json")
    np.testing.assert_allclose(case.read_landmarks()["nose"].position, [-5.0, -5.0, 0.0])


def test_a_labelme_file_of_another_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="made on an image of 80 x 30 pixels, but its image has 40 x 30"):
        read_pixel_landmarks(labelme(tmp_path / "a.json", imageWidth=80), IMAGE)


def test_a_labelme_file_without_its_image_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a LabelMe file"):
        read_landmarks(labelme(tmp_path / "a.json"))


def test_slicers_files_are_never_read_as_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.fcsv").write_text("")
    with pytest.raises(InputError, match="are in mm; leave the entry unit"):
        read_pixel_landmarks(tmp_path / "a.fcsv", IMAGE)


@given(st.lists(st.tuples(st.floats(-5, 45), st.floats(-5, 35)), min_size=1, max_size=5))
def test_pixels_of_a_table_are_found_again(tmp_path_factory: pytest.TempPathFactory, points: Any) -> None:
    file = tmp_path_factory.mktemp("t") / "a.csv"
    file.write_text("name,x,y\n" + "".join(f"p{n},{x!r},{y!r}\n" for n, (x, y) in enumerate(points)))
    found = IMAGE.ras_to_ijk_points(read_pixel_landmarks(file, IMAGE).positions)
    np.testing.assert_allclose(found[:, :2], points, atol=1e-9)


def test_voxels_of_a_table_have_three_numbers_and_may_be_unset(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,x,y,z\na,1,2,3\nb,,,\n")
    volume = Volume(np.zeros((5, 6, 7)), np.diag([1.0, 2.0, 3.0, 1.0]))
    landmarks = read_pixel_landmarks(tmp_path / "a.csv", volume)
    assert landmarks["a"].position.tolist() == [1.0, 4.0, 9.0]
    assert not landmarks["b"].is_present
