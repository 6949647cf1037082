"""A box about landmarks has the very voxels of the image, each in its place in the patient."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.crop import crop_about
from LandmarkDetectionLib.io.volumes import read_volume, write_dicom, write_volume
from Testing.examples.measurement_cases import in_space

SIZE = np.array([30, 24, 20])


def numbered(turn: tuple[float, ...] = (0.0, 0.0, 0.0), flip: float = 1.0) -> Volume:
    """Every voxel holds another number."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix() * (2.0 * flip, 2.5, 3.0)
    matrix[:3, 3] = 10.0, -20.0, 30.0
    voxels = np.arange(SIZE.prod(), dtype=np.int16).reshape(SIZE[::-1])
    return Volume(voxels, matrix, "CT", "numbered")


@settings(max_examples=25)
@given(
    turn=st.tuples(*[st.floats(-1.0, 1.0)] * 3),
    flip=st.sampled_from([1.0, -1.0]),
    places=st.lists(st.tuples(*[st.floats(0.0, 1.0)] * 3), min_size=1, max_size=4),
    margin=st.tuples(*[st.floats(0.0, 15.0)] * 3),
)
def test_every_voxel_of_a_box_is_where_it_was(turn, flip, places, margin) -> None:
    volume = numbered(turn, flip)
    points = volume.ijk_to_ras_points(np.array(places) * (SIZE - 1))
    marks = in_space({f"p{n}": tuple(point) for n, point in enumerate(points)})
    box = crop_about(volume, marks, margin)
    i, j, k = box.first
    ni, nj, nk = box.volume.size
    np.testing.assert_array_equal(box.volume.voxels, volume.voxels[k : k + nk, j : j + nj, i : i + ni])
    np.testing.assert_allclose(
        box.volume.ijk_to_ras_points([[0, 0, 0], [1, 2, 3]]),
        volume.ijk_to_ras_points([[i, j, k], [i + 1, j + 2, k + 3]]),
        atol=1e-9,
    )
    assert (box.volume.modality, box.volume.voxels.dtype) == ("CT", np.int16)
    # The margin is in the box wherever the image reaches that far.
    for step in np.diag(margin):
        for place in (*(points + step), *(points - step)):
            assert not volume.holds(place) or box.volume.affine.contains(place[None], box.volume.size).all()


def test_nothing_more_than_the_margin_is_kept() -> None:
    box = crop_about(numbered(), in_space({"a": tuple(numbered().ijk_to_ras_points([[15, 12, 10]])[0])}), 5.0)
    # 5 mm are two and a half, two, and less than two voxels: 5 mm reach the face of the one beyond.
    assert box.volume.size == (7, 5, 5) and box.cut == ()


def test_what_the_image_cuts_off_is_said() -> None:
    volume = numbered()
    corner = in_space({"a": tuple(volume.ijk_to_ras_points([[1, 12, 18]])[0])})
    assert set(crop_about(volume, corner, 12.0).cut) == {"left", "superior"}


def test_a_picture_is_cut_in_its_plane() -> None:
    picture = Volume(np.zeros((1, 100, 80), np.uint8), np.diag([-1.0, -1.0, 1.0, 1.0]))
    box = crop_about(picture, in_space({"a": (-40.0, -50.0, 0.0)}), 10.0)
    assert box.volume.size == (21, 21, 1)
    np.testing.assert_allclose(box.volume.ijk_to_ras_points([[10, 10, 0]]), [[-40, -50, 0]])


@pytest.mark.parametrize("kind", [".nii.gz", ".nrrd", ".mha", "dicom"])
def test_a_file_of_any_kind_gives_a_box_of_the_same_geometry(tmp_path: Path, cli, kind: str) -> None:
    volume = numbered((0.0, 0.0, 0.2))
    source = tmp_path / f"in{kind}"
    (write_dicom if kind == "dicom" else write_volume)(volume, source)
    place = volume.ijk_to_ras_points([[14, 11, 9]])[0]
    (tmp_path / "marks.csv").write_text(f"name,x,y,z\na,{','.join(map(str, place))}\n")
    out = tmp_path / ("box.nii.gz" if kind == "dicom" else f"box{kind}")
    answer = cli("crop", source, tmp_path / "marks.csv", "-l", "a", "--margin", "8,6,9", "-o", out)
    assert answer.code == 0, answer.err
    box, whole = read_volume(out), read_volume(source)
    first = np.rint(whole.ras_to_ijk_points(box.ijk_to_ras_points([[0, 0, 0]]))[0]).astype(int)
    i, j, k = first
    ni, nj, nk = box.size
    np.testing.assert_array_equal(box.voxels, whole.voxels[k : k + nk, j : j + nj, i : i + ni])
    np.testing.assert_allclose(
        box.ijk_to_ras_points([[2, 1, 1]]), whole.ijk_to_ras_points([first + np.array([2, 1, 1])]), atol=1e-3
    )


@pytest.mark.parametrize(
    ("marks", "names", "margin", "says"),
    [
        ({"a": (500.0, 0.0, 0.0)}, (), 10.0, "they are of another image, or in other coordinates"),
        ({"a": (40.0, 0.0, 60.0), "b": (500.0, 0.0, 0.0)}, (), 10.0, "b lie outside of numbered"),
        ({"a": (40.0, 0.0, 60.0)}, ("b",), 10.0, "There is no landmark b"),
        ({"a": (40.0, 0.0, 60.0)}, (), -1.0, "The margin has to be"),
        ({"a": (40.0, 0.0, 60.0)}, (), (1.0, 2.0), "The margin has to be"),
        ({"a": (40.0, 0.0, 60.0)}, (), 5000.0, "larger than a person"),
        ({}, (), 10.0, "No landmark has a place"),
    ],
)
def test_what_gives_no_box_is_said(marks, names, margin, says: str) -> None:
    with pytest.raises(InputError, match=says):
        crop_about(numbered(), in_space(marks), margin, names)


def test_an_absent_landmark_has_no_box() -> None:
    absent = LandmarkSet((Landmark("a", np.full(3, np.nan), Status.ABSENT),))
    with pytest.raises(InputError, match="a is absent"):
        crop_about(numbered(), absent, 10.0, ["a"])
