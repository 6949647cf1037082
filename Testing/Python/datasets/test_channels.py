"""Channels lie on one grid, and a DTI colour map is |v| * FA along the patient's axes."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.geometry import SAME_GRID
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import grid_problem, read_channels, write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.grid import GridSettings, look_at
from LandmarkDetectionLib.io.dti import colour_map, read_directions
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

SHAPE = (5, 6, 7)
MATRIX = np.diag([-2.0, -2.0, 3.0, 1.0])


def directions(seed: int = 0) -> np.ndarray:
    """(3, K, J, I) random unit vectors."""
    vectors = np.random.default_rng(seed).normal(size=(3, *SHAPE))
    return (vectors / np.linalg.norm(vectors, axis=0)).astype(np.float32)


def anisotropy(seed: int = 1) -> Volume:
    values = np.random.default_rng(seed).uniform(0, 1, SHAPE).astype(np.float32)
    return Volume(values, MATRIX, name="fa")


def datalist(folder: Path, image: Any) -> Path:
    write_landmarks(LandmarkSet((Landmark("ac", np.array([-4.0, -4.0, 6.0])),)), folder / "ac.csv")
    write_datalist([{"image": image, "landmarks": "ac.csv", "subject": "a"}], folder / "data.json")
    return folder / "data.json"


def test_a_case_with_fa_and_direction_has_three_channels(tmp_path: Path) -> None:
    fa, vectors = anisotropy(), directions()
    write_volume(fa, tmp_path / "fa.nii.gz")
    nibabel.save(nibabel.Nifti1Image(vectors.transpose(3, 2, 1, 0), MATRIX), tmp_path / "v1.nii.gz")
    entry = {"fa": "fa.nii.gz", "direction": "v1.nii.gz"}
    (case,) = read_datalist(datalist(tmp_path, entry))
    channels = read_channels(case)
    assert [channel.voxels.dtype for channel in channels] == [np.float32] * 3
    stacked = np.stack([channel.voxels for channel in channels])
    np.testing.assert_allclose(stacked, np.abs(vectors) * fa.voxels, atol=1e-6)
    assert case.read_volume().voxels.shape == SHAPE
    assert [file.name for file in case.image_files] == ["fa.nii.gz", "v1.nii.gz"]


def test_directions_are_read_alike_from_every_kind_of_file(tmp_path: Path) -> None:
    vectors = directions()
    five = vectors.transpose(3, 2, 1, 0)[:, :, :, None]
    nibabel.save(nibabel.Nifti1Image(five, MATRIX), tmp_path / "five.nii")
    image = sitk.GetImageFromArray(np.moveaxis(vectors, 0, -1), isVector=True)
    image.SetSpacing((2.0, 2.0, 3.0))
    sitk.WriteImage(image, str(tmp_path / "vector.nrrd"))
    for n, component in enumerate(vectors):
        write_volume(Volume(component, MATRIX), tmp_path / f"v{n}.nii.gz")
    parts = [tmp_path / f"v{n}.nii.gz" for n in range(3)]
    for files in ([tmp_path / "five.nii"], [tmp_path / "vector.nrrd"], parts):
        found, ijk_to_ras = read_directions(files)
        np.testing.assert_allclose(found, vectors, atol=1e-6)
        np.testing.assert_allclose(ijk_to_ras, MATRIX, atol=1e-6)


@given(st.integers(0, 1000))
def test_the_sign_of_a_direction_does_not_matter(seed: int) -> None:
    signs = np.random.default_rng(seed).choice([-1, 1], SHAPE)
    first = colour_map(anisotropy(), directions(seed))
    second = colour_map(anisotropy(), directions(seed) * signs)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.voxels, other.voxels)


def test_directions_along_the_voxels_are_turned_to_the_patient() -> None:
    # i runs to anterior and j to the right.
    turned = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    along_i = np.zeros((3, *SHAPE), np.float32)
    along_i[0] = 1
    fa = Volume(np.ones(SHAPE, np.float32), turned)
    left_right, front_back, up_down = colour_map(fa, along_i, "voxel")
    assert front_back.voxels.min() == 1 and left_right.voxels.max() == up_down.voxels.max() == 0


@pytest.mark.parametrize(
    ("values", "lengths", "sentence"),
    [(50.0, 1.0, "fractional anisotropy lies within 0 and 1"), (0.5, 30.0, "unit vectors are needed")],
)
def test_other_maps_are_refused(values: float, lengths: float, sentence: str) -> None:
    fa = Volume(np.full(SHAPE, values, np.float32), MATRIX)
    with pytest.raises(InputError, match=sentence):
        colour_map(fa, directions() * lengths)


def test_a_scalar_volume_is_no_direction(tmp_path: Path) -> None:
    write_volume(anisotropy(), tmp_path / "fa.nii.gz")
    with pytest.raises(InputError, match="directions need three per voxel"):
        read_directions([tmp_path / "fa.nii.gz"])


def test_channels_on_two_grids_are_refused_and_not_resampled(tmp_path: Path) -> None:
    moved = MATRIX.copy()
    moved[0, 3] = 4.0
    write_volume(anisotropy(1), tmp_path / "t1.nii.gz")
    write_volume(Volume(anisotropy(2).voxels, moved), tmp_path / "t2.nii.gz")
    with pytest.raises(InputError, match=r"lie up to 2\.0 voxels apart"):
        read_datalist(datalist(tmp_path, ["t1.nii.gz", "t2.nii.gz"]))


@pytest.mark.parametrize("shift", [0.0, 0.04, 0.07, 0.099, 0.101, 0.2])
def test_what_the_check_passes_training_takes(tmp_path, shift):
    first = Volume(
        np.random.default_rng(0).normal(size=(8, 12, 16)).astype(np.float32), np.diag([2.0, 2, 3, 1])
    )
    matrix = first.ijk_to_ras.copy()
    matrix[0, 3] += 2.0 * shift
    second = Volume(first.voxels[::-1].copy(), matrix)
    settings = GridSettings((8, 8, 8), (3.0, 3.0, 3.0))
    if grid_problem([first, second]):
        assert shift > SAME_GRID
        with pytest.raises(InputError, match="not on the same voxels"):
            look_at([first, second], settings)
    else:
        assert shift <= SAME_GRID
        assert look_at([first, second], settings).image.shape[0] == 2
