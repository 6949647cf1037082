"""Volumes and radiographs keep their values and their place through every file format, or are refused."""

import gzip
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, MissingPackageError, OutputError
from LandmarkDetectionLib.io import volumes as volume_module
from LandmarkDetectionLib.io import voxel_data
from LandmarkDetectionLib.io.formats import rescaled
from LandmarkDetectionLib.io.volumes import list_series, read_volume, write_dicom, write_volume
from Testing.examples.fuzzing import fuzz

FORMATS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
DEPTHS = ((".png", "u1"), (".png", "u2"), (".tif", "u1"), (".tif", "u2"))
DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">i2", ">f4", "?")


def corners(volume: Volume) -> np.ndarray:
    """(8, 3) RAS mm of the corner voxels."""
    return volume.ijk_to_ras_points(list(product(*((0, count - 1) for count in volume.size))))


def rotation(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix of a rotation vector (Rodrigues)."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / (angle or 1.0)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@st.composite
def matrices(draw: st.DrawFn, shear: float = 0.4) -> np.ndarray:
    """Any axis order and handedness, oblique, anisotropic, with a slice axis tilted up to ``shear``."""
    axes = np.eye(3)[:, draw(st.permutations(range(3)))] * draw(st.tuples(*[st.sampled_from((-1, 1))] * 3))
    angles = np.array(draw(st.tuples(*[st.floats(-3, 3)] * 3)))
    tilt = np.eye(3)
    tilt[1, 2] = draw(st.floats(-shear, shear))
    spacing = draw(st.tuples(*[st.floats(0.1, 9)] * 3))
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(angles * draw(st.sampled_from((0, 1)))) @ axes @ tilt * spacing
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-900, 900)] * 3))
    return matrix


@st.composite
def volumes(draw: st.DrawFn, dtypes: tuple[str, ...] = DTYPES, shear: float = 0.4) -> Volume:
    shape = draw(st.tuples(*[st.integers(2, 7)] * 3))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        voxels = random.integers(limits.min, limits.max, shape, dtype.newbyteorder("="), endpoint=True)
    else:
        voxels = random.normal(0, 900, shape) > 0 if dtype.kind == "b" else random.normal(0, 900, shape)
    return Volume(voxels.astype(dtype), draw(matrices(shear)))


@pytest.fixture
def some_volume() -> Volume:
    voxels = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5) - 30
    return Volume(voxels, np.array([[-0.7, 0, 0, 50], [0, -0.8, 0, 60], [0, 0, 2.5, -70], [0, 0, 0, 1]]))


class TestVolume:
    @given(matrices(), st.lists(st.tuples(*[st.floats(-500, 500)] * 3), min_size=1, max_size=5))
    def test_ras_to_ijk_undoes_ijk_to_ras(self, matrix: np.ndarray, points: list) -> None:
        volume = Volume(np.zeros((2, 3, 4)), matrix)
        ras = volume.ijk_to_ras_points(points)
        assert np.allclose(volume.ras_to_ijk_points(ras), points, atol=1e-6)

    def test_measures_are_given_along_i_j_k(self, some_volume: Volume) -> None:
        assert some_volume.shape == (3, 4, 5)
        assert some_volume.size == (5, 4, 3)
        assert np.allclose(some_volume.spacing, [0.7, 0.8, 2.5])
        assert np.allclose(some_volume.extent_mm, [3.5, 3.2, 7.5])
        assert not some_volume.is_2d

    @pytest.mark.parametrize(
        ("voxels", "matrix"),
        [
            (np.zeros((3, 4)), np.eye(4)),
            (np.zeros((3, 4, 5), complex), np.eye(4)),
            (np.zeros((3, 4, 5)), np.eye(3)),
            (np.zeros((3, 4, 5)), np.diag([1.0, 1, 0, 1])),
            (np.zeros((3, 4, 5)), np.diag([1.0, 1, np.nan, 1])),
        ],
    )
    def test_nonsense_is_a_programming_error(self, voxels: np.ndarray, matrix: np.ndarray) -> None:
        with pytest.raises(ValueError, match=r"voxels|ijk_to_ras"):
            Volume(voxels, matrix)

    def test_importing_it_loads_no_image_library(self) -> None:
        program = (
            "import sys, LandmarkDetectionLib.io.volumes;"
            "print([n for n in ('SimpleITK', 'pydicom', 'nibabel', 'PIL') if n in sys.modules])"
        )
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == "[]"


class TestRoundTrips:
    @pytest.mark.parametrize("suffix", FORMATS)
    @settings(max_examples=60)
    @given(volume=volumes())
    def test_values_and_corners_survive(
        self, tmp_path_factory: pytest.TempPathFactory, suffix: str, volume: Volume
    ) -> None:
        path = tmp_path_factory.mktemp("round") / f"image{suffix}"
        write_volume(volume, path)
        read = read_volume(path)
        assert np.abs(corners(read) - corners(volume)).max() < 0.01
        assert np.array_equal(read.voxels, volume.voxels)
        assert read.voxels.dtype.isnative
        if volume.voxels.dtype.kind in "iu" or volume.voxels.dtype.itemsize >= 4:
            assert read.voxels.dtype == volume.voxels.dtype.newbyteorder("=")
        assert read.name == "image"
        assert read.spacing_known

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_a_single_slice_is_an_ordinary_image(self, tmp_path: Path, suffix: str) -> None:
        flat = Volume(np.arange(20, dtype=np.uint16).reshape(1, 4, 5), np.diag([-0.2, -0.3, 1, 1]))
        write_volume(flat, tmp_path / f"a{suffix}")
        read = read_volume(tmp_path / f"a{suffix}")
        assert read.is_2d
        assert np.array_equal(read.voxels, flat.voxels)
        assert np.allclose(read.ijk_to_ras, flat.ijk_to_ras)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_an_older_file_is_replaced_whole_and_nothing_else_is_left(
        self, tmp_path: Path, some_volume: Volume, suffix: str
    ) -> None:
        path = tmp_path / f"a{suffix}"
        write_volume(some_volume, path)
        first = sorted(file.name for file in tmp_path.iterdir())
        write_volume(Volume(some_volume.voxels + 1, some_volume.ijk_to_ras), path)
        assert np.array_equal(read_volume(path).voxels, some_volume.voxels + 1)
        assert sorted(file.name for file in tmp_path.iterdir()) == first

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_voxels_may_be_written_to_and_outlive_the_reader(
        self, tmp_path: Path, some_volume: Volume, suffix: str
    ) -> None:
        write_volume(some_volume, tmp_path / f"a{suffix}")
        voxels = read_volume(tmp_path / f"a{suffix}").voxels
        voxels += 1
        assert np.array_equal(voxels, some_volume.voxels + 1)

    @pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
    def test_a_fourth_axis_of_one_is_dropped(self, tmp_path: Path, suffix: str) -> None:
        image = sitk.GetImageFromArray(noise((1, 3, 4, 5)), isVector=False)
        image.SetSpacing((2, 3, 4, 1))
        sitk.WriteImage(image, str(tmp_path / f"a{suffix}"))
        read = read_volume(tmp_path / f"a{suffix}")
        assert np.array_equal(read.voxels, noise((1, 3, 4, 5))[0])
        assert np.allclose(read.spacing, [2, 3, 4])

    def test_another_suffix_is_refused(self, tmp_path: Path, some_volume: Volume) -> None:
        with pytest.raises(OutputError, match=r"'\.png' is no volume format"):
            write_volume(some_volume, tmp_path / "a.png")

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_a_missing_folder_is_refused(self, tmp_path: Path, some_volume: Volume, suffix: str) -> None:
        with pytest.raises(OutputError, match="Cannot write"):
            write_volume(some_volume, tmp_path / "missing" / f"a{suffix}")


class TestNifti:
    @pytest.mark.parametrize("sform_code", [0, 1, 2, 4])
    @pytest.mark.parametrize("qform_code", [0, 1, 2])
    def test_the_matrix_is_the_one_that_slicer_uses(
        self, tmp_path: Path, sform_code: int, qform_code: int
    ) -> None:
        header = nibabel.Nifti1Header()
        header.set_data_shape((4, 5, 6))
        header.set_data_dtype(np.int16)
        header.set_qform(np.diag([-2.0, 3, 4, 1]) + np.eye(4)[:, [3]] * 0, qform_code)
        header["qoffset_x"], header["qoffset_y"] = 20, -30
        sform = np.diag([2.0, -3, 4, 1])
        sform[:3, 3] = 7, 8, 9
        header.set_sform(sform, sform_code)
        path = tmp_path / "a.nii"
        path.write_bytes(header.binaryblock + bytes(4 + 4 * 5 * 6 * 2))
        image = sitk.ReadImage(str(path))
        expected = np.array(image.TransformIndexToPhysicalPoint((3, 4, 5))) * [-1, -1, 1]
        assert np.allclose(read_volume(path).ijk_to_ras_points([[3, 4, 5]]), expected, atol=1e-4)

    @pytest.mark.parametrize(
        ("sform_code", "qform_code", "tilt"),
        # ITK opens no sheared sform without a qform.
        [
            (s, q, tilt)
            for s in (0, 1, 2)
            for q in (0, 1)
            for tilt in (0.0, 0.02, 0.3)
            if q or not (s and tilt)
        ],
    )
    @pytest.mark.parametrize("pixdim", [2.0, 1.0])
    def test_a_doubt_is_said_exactly_where_itk_puts_the_voxels_elsewhere(
        self, tmp_path: Path, sform_code: int, qform_code: int, tilt: float, pixdim: float
    ) -> None:
        header = nibabel.Nifti1Header()
        header.set_data_shape((20, 20, 50))
        header.set_data_dtype(np.uint8)
        plain = np.diag([-1.0, -1, 2, 1])
        header.set_qform(plain, qform_code)
        tilted = plain.copy()
        tilted[1, 2] = 2 * tilt
        header.set_sform(tilted, sform_code)
        header["pixdim"][3] = pixdim
        (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(4 + 20 * 20 * 50))
        volume = read_volume(tmp_path / "a.nii")
        shown = sitk.ProcessObject.GetGlobalWarningDisplay()
        sitk.ProcessObject.SetGlobalWarningDisplay(False)
        try:
            image = sitk.ReadImage(str(tmp_path / "a.nii"))
        finally:
            sitk.ProcessObject.SetGlobalWarningDisplay(shown)
        there = [
            np.array(image.TransformIndexToPhysicalPoint([int(one) for one in corner])) * [-1, -1, 1]
            for corner in product((0, 19), (0, 19), (0, 49))
        ]
        apart = np.linalg.norm(np.array(there) - corners(volume), axis=1).max()
        assert bool(volume.warnings) == (apart > 0.5)
        if volume.warnings:
            assert f"up to {apart:.1f} mm elsewhere" in volume.warnings[0]

    @pytest.mark.parametrize("damage", ["checksum", "length", "missing trailer", "something behind"])
    def test_a_gzip_file_is_read_to_its_end(self, tmp_path: Path, some_volume: Volume, damage: str) -> None:
        path = tmp_path / "a.nii.gz"
        write_volume(some_volume, path)
        whole = path.read_bytes()
        changed = {
            "checksum": whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:],
            "length": whole[:-1] + b"\x01",
            "missing trailer": whole[:-5],
            "something behind": whole + b"more",
        }[damage]
        path.write_bytes(changed)
        with pytest.raises(InputError, match="damaged"):
            read_volume(path)
        # Zeros are padding of tapes and of some archives.
        path.write_bytes(whole + bytes(512))
        assert np.array_equal(read_volume(path).voxels, some_volume.voxels)

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_more_voxels_than_the_header_describes_are_damage(self, tmp_path: Path, suffix: str) -> None:
        path = nifti(tmp_path, noise((9, 10, 11)), f"a{suffix}")
        content = path.read_bytes() if suffix == ".nii" else gzip.decompress(path.read_bytes())
        packed = gzip.compress if suffix == ".nii.gz" else bytes
        path.write_bytes(packed(content + bytes(9 * 10 * 2)))
        with pytest.raises(InputError, match="holds more voxels"):
            read_volume(path)
        path.write_bytes(packed(content + bytes(100)))
        assert read_volume(path).shape == (11, 10, 9)

    def test_a_gantry_tilt_that_itk_refuses_is_read(self, tmp_path: Path) -> None:
        matrix = np.array([[1.0, 0, 0, 5], [0, 1, 0.9, 6], [0, 0, 2.5, 7], [0, 0, 0, 1]])
        image = nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), matrix)
        nibabel.save(image, tmp_path / "a.nii.gz")
        assert np.allclose(read_volume(tmp_path / "a.nii.gz").ijk_to_ras, matrix, atol=1e-5)

    @pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("mm", 1), ("micron", 0.001)])
    def test_units_become_millimetres(self, tmp_path: Path, unit: str, factor: float) -> None:
        image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.diag([2.0, 2, 2, 1]))
        image.header.set_xyzt_units(unit)
        nibabel.save(image, tmp_path / "a.nii")
        assert np.allclose(read_volume(tmp_path / "a.nii").spacing, 2 * factor)

    @pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
    @pytest.mark.parametrize("order", "<>")
    def test_both_versions_and_byte_orders_are_read(self, tmp_path: Path, kind: type, order: str) -> None:
        stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
        header = kind.header_class(endianness=order)
        header.set_data_dtype(np.int16)
        nibabel.save(kind(stored, np.eye(4), header), tmp_path / "a.nii.gz")
        assert np.array_equal(read_volume(tmp_path / "a.nii.gz").voxels, stored.T)

    def test_a_wrong_name_does_not_hide_the_compression(self, tmp_path: Path, some_volume: Volume) -> None:
        write_volume(some_volume, tmp_path / "a.nii.gz")
        (tmp_path / "b.nii").write_bytes((tmp_path / "a.nii.gz").read_bytes())
        assert np.array_equal(read_volume(tmp_path / "b.nii").voxels, some_volume.voxels)

    def test_a_fourth_axis_of_one_is_dropped(self, tmp_path: Path) -> None:
        nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5, 1), np.int16), np.eye(4)), tmp_path / "a.nii.gz")
        assert read_volume(tmp_path / "a.nii.gz").shape == (5, 4, 3)

    def test_a_whole_scale_keeps_integers_and_a_fraction_makes_floats(self, tmp_path: Path) -> None:
        for slope, intercept, expected in ((1, -1024, np.int16), (0.5, 3, np.float32)):
            header = nibabel.Nifti1Header()
            header.set_data_shape((3, 4, 5))
            header.set_data_dtype(np.uint16)
            header.set_sform(np.eye(4), 1)
            header["scl_slope"], header["scl_inter"] = slope, intercept
            stored = np.arange(60, dtype=np.uint16)
            (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(4) + stored.tobytes())
            voxels = read_volume(tmp_path / "a.nii").voxels
            assert voxels.dtype == expected
            assert np.array_equal(voxels.ravel(), stored * float(slope) + intercept)


class TestRescaling:
    @given(
        st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4"]),
        st.integers(-3, 3).filter(bool),
        st.integers(-70000, 70000),
        st.integers(0, 2**32 - 1),
    )
    def test_whole_numbers_are_exact(self, dtype: str, slope: int, intercept: int, seed: int) -> None:
        limits = np.iinfo(dtype)
        stored = np.random.default_rng(seed).integers(limits.min, limits.max, 20, dtype, endpoint=True)
        expected = stored.astype(np.int64) * slope + intercept
        result = rescaled(stored.copy(), slope, intercept)
        assert result.dtype.kind in "iu"
        assert np.array_equal(result, expected)

    def test_a_usual_ct_takes_its_memory_once(self) -> None:
        stored = np.zeros((4, 5, 6), np.uint16)
        result = rescaled(stored, 1, -1024)
        assert np.shares_memory(result, stored)
        assert result.dtype == np.int16
        assert (result == -1024).all()


class TestRadiographs:
    @pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp"])
    @pytest.mark.parametrize("dpi", [None, (72, 72), (150, 150), (254, 508), (0.01, 0.01)])
    def test_a_resolution_for_printing_is_no_pixel_size(
        self, tmp_path: Path, suffix: str, dpi: tuple[float, float] | None
    ) -> None:
        pixels = np.full((40, 30), 77, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"a{suffix}", **({"dpi": dpi} if dpi else {}))
        read = read_volume(tmp_path / f"a{suffix}")
        assert not read.spacing_known
        assert np.array_equal(read.ijk_to_ras, np.diag([-1, -1, 1, 1]))
        # BMP always has one, and 0.01 dpi are none in some formats.
        if suffix != ".bmp" and dpi != (0.01, 0.01):
            assert any("for printing" in text for text in read.warnings) == (dpi is not None)
        assert np.array_equal(read.voxels[0], pixels)

    @pytest.mark.parametrize(
        ("suffix", "dtype", "options"),
        [
            (".png", "u1", {}),
            (".png", "u2", {}),
            (".tif", "u1", {}),
            (".tif", "u2", {}),
            (".tif", "u1", {"compression": "tiff_lzw"}),
            (".jpg", "u1", {"quality": 100}),
        ],
    )
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_a_picture_is_turned_as_viewers_turn_it(
        self, tmp_path: Path, suffix: str, dtype: str, options: dict, orientation: int
    ) -> None:
        # Smooth, so that JPEG keeps it; no two corners are alike.
        rows, columns = np.mgrid[0:24, 0:40]
        stored = (3 * rows + 2 * columns + 20).astype(dtype)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(stored).save(tmp_path / f"a{suffix}", exif=exif, **options)
        # EXIF 2.32, 4.6.4: where the stored first row and first column belong.
        shown = {
            1: stored,
            2: stored[:, ::-1],
            3: stored[::-1, ::-1],
            4: stored[::-1],
            5: stored.T,
            6: np.rot90(stored, -1),
            7: stored[::-1, ::-1].T,
            8: np.rot90(stored),
        }[orientation]
        read = read_volume(tmp_path / f"a{suffix}")
        assert read.shape == (1, *shown.shape)
        assert np.abs(read.voxels[0].astype(int) - shown).max() <= (3 if suffix == ".jpg" else 0)
        assert any("EXIF" in text for text in read.warnings) == (orientation > 1)

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
    def test_channels_a_few_levels_apart_are_grey_and_more_than_a_tiny_mark_in_colour_is_not(
        self, tmp_path: Path, suffix: str
    ) -> None:
        random = np.random.default_rng(0)
        grey = random.integers(20, 230, (40, 30, 1))
        nearly = (grey + random.integers(-4, 5, (40, 30, 3))).astype(np.uint8)
        Image.fromarray(nearly).save(tmp_path / f"a{suffix}")
        read = read_volume(tmp_path / f"a{suffix}").voxels[0]
        assert read.dtype == np.uint8
        assert np.abs(read.astype(int) - grey[..., 0]).max() <= 4
        nearly[7, 7] = 255, 40, 40
        Image.fromarray(nearly).save(tmp_path / f"a{suffix}")
        assert read_volume(tmp_path / f"a{suffix}").shape == (1, 40, 30)
        nearly[7:9, 7:9] = 255, 40, 40
        Image.fromarray(nearly).save(tmp_path / f"b{suffix}")
        with pytest.raises(InputError, match="colour"):
            read_volume(tmp_path / f"b{suffix}")

    def test_a_grey_picture_saved_as_a_poor_colour_jpeg_stays_grey(self, tmp_path: Path) -> None:
        grey = np.random.default_rng(0).integers(0, 255, (64, 64, 1), np.uint8)
        tinted = np.clip(grey + np.array([2, 0, -2]), 0, 255).astype(np.uint8)
        for quality in (10, 40, 75, 95):
            Image.fromarray(tinted).save(tmp_path / "a.jpg", quality=quality)
            assert read_volume(tmp_path / "a.jpg").is_2d

    @pytest.mark.parametrize(
        ("suffix", "dtype"), [(".png", "u1"), (".png", "u2"), (".tif", "u1"), (".tif", "u2")]
    )
    def test_every_depth_keeps_its_values(self, tmp_path: Path, suffix: str, dtype: str) -> None:
        pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (40, 30), dtype)
        Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
        assert np.array_equal(read_volume(tmp_path / f"a{suffix}").voxels[0], pixels)

    def test_grey_stored_as_colour_is_grey(self, tmp_path: Path) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (40, 30), np.uint8)
        for mode in ("RGB", "RGBA", "LA", "P"):
            Image.fromarray(pixels).convert(mode).save(tmp_path / f"{mode}.png")
            assert np.array_equal(read_volume(tmp_path / f"{mode}.png").voxels[0], pixels)

    def test_a_tiff_whose_zero_is_white_is_inverted(self, tmp_path: Path) -> None:
        pixels = np.arange(1200, dtype=np.uint16).reshape(40, 30)
        entries = {256: 30, 257: 40, 258: 16, 259: 1, 262: 0, 273: 8, 277: 1, 278: 40, 279: 2400}
        directory = struct.pack("<H", len(entries))
        directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
        data = struct.pack("<2sHI", b"II", 42, 8 + 2400) + pixels.tobytes() + directory + bytes(4)
        (tmp_path / "a.tif").write_bytes(data)
        assert np.array_equal(read_volume(tmp_path / "a.tif").voxels[0], 65535 - pixels)

    def test_a_picture_lies_where_slicer_puts_it(self, tmp_path: Path) -> None:
        Image.fromarray(np.zeros((40, 30), np.uint8)).save(tmp_path / "a.png")
        place = sitk.ReadImage(str(tmp_path / "a.png")).TransformIndexToPhysicalPoint((29, 39))
        assert np.allclose(read_volume(tmp_path / "a.png").ijk_to_ras_points([[29, 39, 0]]), [[-29, -39, 0]])
        assert np.allclose(place, [29, 39])


class TestRealFiles:
    @pytest.mark.parametrize(
        ("name", "dtype"),
        [
            ("head/CT_pitch.nii.gz", np.uint8),
            ("head/chris_t1.nii.gz", np.uint8),
            ("whole_body/female_ct.nii.gz", np.int16),
        ],
    )
    def test_they_lie_where_itk_places_them(self, real_data: Path, name: str, dtype: type) -> None:
        volume = read_volume(real_data / name)
        image = sitk.ReadImage(str(real_data / name))
        last = [count - 1 for count in image.GetSize()]
        expected = np.array(image.TransformIndexToPhysicalPoint(last)) * [-1, -1, 1]
        assert np.allclose(volume.ijk_to_ras_points([last]), expected, atol=0.01)
        assert volume.voxels.dtype == dtype
        assert np.array_equal(volume.voxels, sitk.GetArrayViewFromImage(image))

    def test_hand_radiographs_keep_their_spacing(self, real_data: Path) -> None:
        files = sorted((real_data / "hand_xray").glob("*.nrrd"))
        assert files
        for file in files:
            volume = read_volume(file)
            image = sitk.ReadImage(str(file))
            assert volume.is_2d
            assert volume.spacing_known
            assert np.allclose(volume.spacing[:2], image.GetSpacing()[:2])

    def test_cephalograms_say_no_spacing(self, real_data: Path) -> None:
        volume = read_volume(next(iter(sorted((real_data / "cephalograms" / "images").glob("*.png")))))
        assert not volume.spacing_known
        assert volume.voxels.std() > 10


# Wrong inputs -----------------------------------------------------------------------------------------


def nifti(folder: Path, voxels: np.ndarray, name: str = "a.nii.gz", **fields: object) -> Path:
    image = nibabel.Nifti1Image(voxels, np.eye(4), dtype=voxels.dtype)
    nibabel.save(image, folder / name)
    if fields:
        raw = bytearray(gzip.decompress((folder / name).read_bytes()))
        header = nibabel.Nifti1Header(bytes(raw[:348]), check=False)
        for field, value in fields.items():
            header[field] = value
        raw[:348] = header.binaryblock
        (folder / name).write_bytes(gzip.compress(bytes(raw)))
    return folder / name


def half(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def noise(shape: tuple[int, ...] = (9, 10, 11), dtype: str = "i2") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 100, shape).astype(dtype)


def itk(folder: Path, name: str, **changes: str) -> Path:
    """A tiny file written as text, so that its header can say anything."""
    if name.endswith("a"):
        lines = {
            "ObjectType": "Image",
            "NDims": "3",
            "BinaryData": "True",
            "TransformMatrix": "1 0 0 0 1 0 0 0 1",
            "ElementSpacing": "1 1 1",
            "DimSize": "2 3 4",
            "ElementType": "MET_SHORT",
        } | {key: value for key, value in changes.items() if key != "ElementDataFile"}
        text = "".join(f"{key} = {value}\n" for key, value in lines.items() if value)
        text += f"ElementDataFile = {changes.get('ElementDataFile', 'LOCAL')}\n"
    else:
        lines = {
            "type": "short",
            "dimension": "3",
            "space": "left-posterior-superior",
            "sizes": "2 3 4",
            "space_directions": "(1,0,0) (0,1,0) (0,0,1)",
            "endian": "little",
            "encoding": "raw",
        } | changes
        text = "NRRD0004\n"
        text += "".join(f"{key.replace('_', ' ')}: {value}\n" for key, value in lines.items() if value) + "\n"
    (folder / name).write_bytes(text.encode() + noise((4, 3, 2)).tobytes())
    return folder / name


def written(folder: Path, name: str, voxels: np.ndarray) -> Path:
    write_volume(Volume(voxels, np.eye(4)), folder / name)
    return folder / name


def file_with(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def colour_nifti(folder: Path) -> Path:
    colour = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    return nifti(folder, colour)


def picture(folder: Path, name: str, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(folder / name, **options)
    return folder / name


def colour_picture(folder: Path) -> Path:
    return picture(folder, "a.png", np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8))


def two_pages(folder: Path) -> Path:
    pages = [Image.fromarray(np.zeros((9, 9), np.uint8))] * 2
    pages[0].save(folder / "a.tif", save_all=True, append_images=pages[1:])
    return folder / "a.tif"


def vectors(folder: Path, name: str) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5, 3)), isVector=True), str(folder / name))
    return folder / name


def four_dimensional(folder: Path, name: str) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4, 5)), isVector=False), str(folder / name))
    return folder / name


def dicom(folder: Path, name: str = "a.dcm", **changes: object) -> Path:
    """One CT slice; a change to None deletes the tag."""
    write_dicom(Volume(noise((2, 9, 10)), np.eye(4)), folder / "series")
    data = pydicom.dcmread(folder / "series" / "00001.dcm")
    for keyword, value in changes.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    data.save_as(folder / name)
    return folder / name


def compressed_dicom(folder: Path) -> Path:
    path = dicom(folder)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.HTJ2KLossless
    data.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51" + bytes(100)])
    data["PixelData"].VR = "OB"
    data.save_as(path)
    return path


def shipped(name: str) -> Path:
    """A real file that comes with pydicom."""
    return Path(str(get_testdata_file(name, download=False)))


def two_series(folder: Path) -> Path:
    for name in ("one", "two"):
        write_dicom(Volume(noise(), np.eye(4), name=name), folder / name)
    return folder


def scrambled(folder: Path) -> Path:
    path = written(folder, "a.nrrd", noise())
    raw = path.read_bytes()
    end = raw.index(b"\n\n") + 2
    path.write_bytes(raw[:end] + bytes(reversed(raw[end:])))
    return path


NAN = noise(dtype="f4")
NAN[1, 2, 3:6] = np.nan
NAN[0, 0, 0] = np.inf
SINGULAR = {"srow_x": [1, 1, 0, 0], "srow_y": [1, 1, 0, 0], "srow_z": [0, 0, 1, 0], "sform_code": 1}

WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (lambda f: f / "absent.nii.gz", "does not exist"),
    "empty file": (lambda f: file_with(f, "a.nii.gz", b""), "is empty"),
    "unknown kind": (lambda f: file_with(f, "a.docx", b"letter"), "unknown kind"),
    "device": (lambda f: Path(os.devnull), "device"),
    "empty folder": (lambda f: f, "holds no DICOM images"),
    "folder with other files": (
        lambda f: file_with(f, "notes.txt", b"x" * 500).parent,
        "holds no DICOM images",
    ),
    "folder with two series": (two_series, "choose one by its"),
    "text as .nii.gz": (lambda f: file_with(f, "a.nii.gz", b"words " * 200), "no NIfTI file"),
    "text as .nrrd": (lambda f: file_with(f, "a.nrrd", b"words " * 200), "no NRRD file"),
    "text as .mha": (lambda f: file_with(f, "a.mha", b"words " * 200), "no MetaImage file"),
    "text as .png": (lambda f: file_with(f, "a.png", b"words " * 200), "no PNG"),
    "text as .dcm": (lambda f: file_with(f, "a.dcm", b"words " * 200), "no DICOM file"),
    "short .nii.gz": (lambda f: half(nifti(f, noise())), "truncated"),
    "short .nii": (lambda f: half(nifti(f, noise(), "a.nii")), "damaged or truncated"),
    "very short .nii": (lambda f: file_with(f, "a.nii", b"\x5c\x01\0\0" + bytes(30)), "header is damaged"),
    "damaged .nii.gz": (lambda f: file_with(f, "a.nii.gz", b"\x1f\x8b" + bytes(300)), "damaged or truncated"),
    "broken stream": (
        lambda f: file_with(f, "a.nii.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + zlib.compress(b"x" * 999)[5:]),
        "damaged or truncated",
    ),
    "short .nrrd": (lambda f: half(written(f, "a.nrrd", noise())), "damaged or truncated"),
    "damaged .nrrd": (scrambled, "damaged"),
    "short .mha": (lambda f: half(written(f, "a.mha", noise())), "damaged or truncated"),
    "short raw .mha": (lambda f: itk(f, "a.mha", DimSize="20 30 40"), "too short for its 20 x 30 x 40"),
    "short .png": (lambda f: half(picture(f, "a.png", noise((90, 90), "u1"))), "truncated"),
    "lost .raw": (lambda f: itk(f, "a.mha", ElementDataFile="lost.raw"), "data file is missing"),
    "lost .raw.gz": (lambda f: itk(f, "a.nhdr", data_file="lost.raw.gz"), "data file is missing"),
    "4D NIfTI": (lambda f: nifti(f, noise((3, 4, 5, 2))), "four or more dimensions"),
    "4D NRRD": (lambda f: four_dimensional(f, "a.nrrd"), "four or more dimensions"),
    "4D MetaImage": (lambda f: four_dimensional(f, "a.mha"), "four or more dimensions"),
    "colour NIfTI": (colour_nifti, "colour"),
    "colour picture": (colour_picture, "colour"),
    "vectors NRRD": (lambda f: vectors(f, "a.nrrd"), "3 values per voxel"),
    "vectors MetaImage": (lambda f: vectors(f, "a.mha"), "3 values per voxel"),
    "several pages": (two_pages, "several pages"),
    "complex NIfTI": (lambda f: nifti(f, noise(dtype="c8")), "complex"),
    "one voxel": (lambda f: nifti(f, noise((1, 1, 1))), "no image"),
    "a line of voxels": (lambda f: nifti(f, noise((30, 1, 1))), "no image"),
    "no voxels": (lambda f: nifti(f, noise(), dim=[3, 0, 4, 5, 1, 1, 1, 1]), "no image"),
    "negative size": (lambda f: nifti(f, noise(), dim=[3, -9, 4, 5, 1, 1, 1, 1]), "no image"),
    "no dimensions": (lambda f: nifti(f, noise(), dim=[0] * 8), "0 dimensions"),
    "no voxels MetaImage": (lambda f: itk(f, "a.mha", DimSize="0 3 4"), "no image"),
    "endless NIfTI": (lambda f: nifti(f, noise(), dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]), "too short"),
    "absurd dimensions": (lambda f: itk(f, "a.mha", NDims="73"), "truncated or no MetaImage"),
    "too few sizes": (lambda f: itk(f, "a.mha", DimSize="2 3"), "truncated or no MetaImage"),
    "endless MetaImage": (lambda f: itk(f, "a.mha", DimSize="30000 30000 30000"), "too short"),
    "NaN NIfTI": (lambda f: nifti(f, NAN), "4 voxels that are NaN"),
    "NaN NRRD": (lambda f: written(f, "a.nrrd", NAN), "4 voxels that are NaN"),
    "unknown type": (lambda f: nifti(f, noise(), datatype=77), "unknown voxel type"),
    "zero spacing": (
        lambda f: nifti(f, noise(), pixdim=[1, 0, 1, 1, 0, 0, 0, 0], sform_code=0, qform_code=1),
        "spacing of zero",
    ),
    "NaN spacing": (
        lambda f: nifti(f, noise(), pixdim=[1, np.nan, 1, 1, 0, 0, 0, 0], sform_code=0),
        "not a finite number",
    ),
    "zero matrix": (
        lambda f: nifti(f, noise(), srow_x=[0] * 4, srow_y=[0] * 4, srow_z=[0] * 4, sform_code=1),
        "matrix of zeros",
    ),
    "singular matrix": (lambda f: nifti(f, noise(), **SINGULAR), "singular"),
    "zero spacing MetaImage": (lambda f: itk(f, "a.mha", ElementSpacing="0 1 1"), "spacing of zero"),
    "zero matrix MetaImage": (lambda f: itk(f, "a.mha", TransformMatrix="0 " * 9), "matrix of zeros"),
    "zero spacing NRRD": (
        lambda f: itk(f, "a.nrrd", space_directions="(0,0,0) (0,1,0) (0,0,1)"),
        "spacing of zero",
    ),
    "singular matrix NRRD": (
        lambda f: itk(f, "a.nrrd", space_directions="(1,0,0) (1,0,0) (0,0,1)"),
        "singular",
    ),
    "strong shear NRRD": (
        lambda f: itk(f, "a.nrrd", space_directions="(1,0,0) (0,1,0) (0,5,1)"),
        "strongly sheared",
    ),
    "short DICOM": (lambda f: half(dicom(f)), "DICOM"),
    "DICOM cut in its pixels": (
        lambda f: file_with(f, "b.dcm", dicom(f).read_bytes()[:-50]),
        "damaged or truncated",
    ),
    "DICOM without pixels": (lambda f: dicom(f, PixelData=None), "without pixel data"),
    "DICOM report": (lambda f: dicom(f, Modality="SR", Rows=None), "without an image (SR)"),
    "DICOM dose": (
        lambda f: Path(get_testdata_file("rtdose.dcm", download=False)),
        "without an image (RTDOSE)",
    ),
    "DICOM in colour": (lambda f: shipped("SC_rgb_small_odd.dcm"), "colour"),
    "DICOM without decoder": (compressed_dicom, "pip install"),
}


class TestWrongInputs:
    @pytest.mark.parametrize("case", WRONG)
    def test_it_is_refused_in_one_sentence_that_names_the_file(
        self, tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        build, words = WRONG[case]
        path = build(tmp_path)
        capfd.readouterr()
        with pytest.raises(LandmarkDetectionError) as caught:
            read_volume(path)
        message = str(caught.value)
        assert words in message
        assert path.name in message
        assert message.endswith((".", ").")) and "\n" not in message
        assert isinstance(caught.value, MissingPackageError if case.endswith("decoder") else InputError)
        shown = capfd.readouterr()
        assert shown.out == shown.err == ""

    def test_a_file_without_permission_is_refused(
        self, tmp_path: Path, some_volume: Volume, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_volume(some_volume, tmp_path / "a.nii")
        # The tests may run as a user who may read everything.
        monkeypatch.setattr(volume_module.os, "access", lambda *_: False)
        with pytest.raises(InputError, match="cannot be read with your permissions"):
            read_volume(tmp_path / "a.nii")

    def test_a_series_of_a_single_file_is_refused(self, tmp_path: Path, some_volume: Volume) -> None:
        write_volume(some_volume, tmp_path / "a.nii")
        with pytest.raises(InputError, match="single file"):
            read_volume(tmp_path / "a.nii", series=3)

    def test_series_of_a_file_cannot_be_listed(self, tmp_path: Path, some_volume: Volume) -> None:
        write_volume(some_volume, tmp_path / "a.nii")
        with pytest.raises(InputError, match="give the folder"):
            list_series(tmp_path / "a.nii")

    def test_a_header_without_spacing_is_read_and_says_so(self, tmp_path: Path) -> None:
        assert not read_volume(itk(tmp_path, "a.mha", ElementSpacing="")).spacing_known
        assert not read_volume(itk(tmp_path, "a.nrrd", space_directions="", space="")).spacing_known

    @pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
    def test_damaged_volumes_are_refused_or_harmless(self, tmp_path: Path, suffix: str) -> None:
        write_volume(Volume(noise((3, 4, 5)), np.diag([-1.5, -2, 3, 1])), tmp_path / f"a{suffix}")
        content = (tmp_path / f"a{suffix}").read_bytes()
        fuzz(read_volume, tmp_path / f"b{suffix}", content, check=is_an_image)

    @pytest.mark.parametrize(
        ("suffix", "options"),
        [
            (".png", {}),
            (".jpg", {}),
            (".bmp", {}),
            (".tif", {}),
            (".tif", {"compression": "tiff_lzw"}),
            (".tif", {"compression": "tiff_deflate"}),
        ],
    )
    def test_damaged_pictures_are_refused_or_harmless(
        self, tmp_path: Path, suffix: str, options: dict, capfd: pytest.CaptureFixture[str]
    ) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        more = options if suffix == ".bmp" else {**options, "exif": exif, "dpi": (300, 300)}
        picture(tmp_path, f"a{suffix}", noise((20, 30), "u1"), **more)
        capfd.readouterr()
        content = (tmp_path / f"a{suffix}").read_bytes()
        fuzz(read_volume, tmp_path / f"b{suffix}", content, check=is_an_image)
        # What libraries in C print would quote names, and means nothing to a person.
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
    def test_a_small_file_of_an_enormous_picture_is_refused_before_memory_is_taken(
        self, tmp_path: Path, kind: str
    ) -> None:
        path = tmp_path / f"a.{kind.lower()}"
        Image.fromarray(noise((20, 30), "u1")).save(path, kind)
        content = path.read_bytes()
        places = {"PNG": ((16, ">I"), (20, ">I")), "BMP": ((18, "<i"), (22, "<i"))}
        if kind == "TIFF":
            path.write_bytes(tiff(12_000, 12_000))
        else:
            for place, code in places[kind]:
                content = content[:place] + struct.pack(code, 12_000) + content[place + 4 :]
            if kind == "PNG":
                content = content[:29] + struct.pack(">I", zlib.crc32(content[12:29])) + content[33:]
            path.write_bytes(content)
        with pytest.raises(InputError, match=r"too short|damaged"):
            read_volume(path)

    def test_what_does_not_fit_the_memory_is_refused_before_it_is_taken(
        self, tmp_path: Path, some_volume: Volume, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(voxel_data, "computer_memory", lambda: 100.0)
        for suffix in (".nii.gz", ".nrrd", ".mha"):
            write_volume(some_volume, tmp_path / f"a{suffix}")
            with pytest.raises(InputError, match="larger than the memory"):
                read_volume(tmp_path / f"a{suffix}")
        with pytest.raises(InputError, match="larger than the memory"):
            read_volume(picture(tmp_path, "a.png", noise((20, 30), "u1")))

    def test_numbers_are_read_and_written_alike_under_a_decimal_comma(self, tmp_path: Path) -> None:
        """As Qt programs set it; made here, as few machines have one."""
        made = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], capture_output=True
        ) if shutil.which("localedef") else None  # fmt: skip
        if made is None or not (tmp_path / "de_DE.UTF-8").is_dir():
            pytest.skip("no locale with a decimal comma can be made")
        program = (
            "import locale, numpy as np\n"
            "locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')\n"
            "assert locale.localeconv()['decimal_point'] == ','\n"
            "from LandmarkDetectionLib.io.volumes import Volume, read_volume, write_volume\n"
            "matrix = np.diag([-1.775, -1.25, 3.5, 1])\n"
            "matrix[:3, 3] = 10.5, 20.25, 30.75\n"
            "for suffix in ('.nrrd', '.nhdr', '.mha', '.mhd', '.nii.gz'):\n"
            "    write_volume(Volume(np.zeros((3, 4, 5), np.int16), matrix), 'a' + suffix)\n"
            "    assert np.allclose(read_volume('a' + suffix).ijk_to_ras, matrix)\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "LOCPATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        # And read in this process, whose locale is another one.
        for suffix in (".nrrd", ".mhd"):
            assert np.allclose(read_volume(tmp_path / f"a{suffix}").spacing, [1.775, 1.25, 3.5])
            assert np.allclose(sitk.ReadImage(str(tmp_path / f"a{suffix}")).GetSpacing(), [1.775, 1.25, 3.5])


def is_an_image(volume: Volume) -> None:
    assert volume.voxels.ndim == 3 and volume.voxels.nbytes < 2**26
    assert np.isfinite(volume.ijk_to_ras).all()


def tiff(width: int, height: int) -> bytes:
    """A TIFF file whose header promises more than there is."""
    entries = {256: width, 257: height, 258: 8, 259: 5, 262: 1, 273: 8, 277: 1, 278: height, 279: 40}
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return struct.pack("<2sHI", b"II", 42, 8 + 40) + bytes(40) + directory + bytes(4)
