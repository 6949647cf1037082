"""Damaged DICOM files end in a valid volume or in one sentence, without memory beyond their own size."""

import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian

from LandmarkDetectionLib.cohort.sources.find import find_cases
from LandmarkDetectionLib.core.geometry import geometry_problem
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError
from LandmarkDetectionLib.io.dicom import read_pixel_size
from LandmarkDetectionLib.io.dicom_pixels import _decoded, _decoded_by_pydicom_2
from LandmarkDetectionLib.io.volumes import list_series, read_volume, write_dicom
from Testing.examples.fuzzing import fuzz

#: One of each way to store pixels: as they are, swapped, run lengths, three kinds of JPEG, deflated.
SHIPPED = (
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-lossy.dcm",
    "image_dfl.dcm",
)
#: Fewer damages than for other readers, as there are many kinds of files.
TRIES = 60


def is_valid(read: Volume) -> None:
    assert geometry_problem(read.ijk_to_ras) == ""
    assert read.voxels.ndim == 3
    assert read.voxels.size > 1
    assert read.voxels.dtype.kind != "f" or np.isfinite(read.voxels).all()


def content(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def small() -> Volume:
    voxels = np.random.default_rng(0).integers(-1000, 1000, (3, 6, 7)).astype(np.int16)
    return Volume(voxels, np.diag([-1.0, -1.0, 2.0, 1.0]), "CT")


def enhanced(path: Path) -> bytes:
    """A file of three frames, each with a position and a rescaling of its own."""
    write_dicom(small(), path / "classic")
    files = [pydicom.dcmread(file) for file in sorted((path / "classic").iterdir())]
    data, frames = files[0], []
    for file in files:
        frame, place, value = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = file.ImagePositionPatient
        value.RescaleSlope, value.RescaleIntercept = 1, file.RescaleIntercept
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [value]
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence, data.NumberOfFrames = frames, 3
    data.PixelData = b"".join(file.PixelData for file in files)
    del data.ImagePositionPatient
    data.save_as(path / "enhanced.dcm")
    return (path / "enhanced.dcm").read_bytes()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_damaged_file_is_a_volume_or_a_sentence(tmp_path: Path, name: str) -> None:
    fuzz(read_volume, tmp_path / "a.dcm", content(name), check=is_valid, tries=TRIES)


def test_a_damaged_file_of_many_frames_is_a_volume_or_a_sentence(tmp_path: Path) -> None:
    fuzz(read_volume, tmp_path / "a.dcm", enhanced(tmp_path), check=is_valid, tries=TRIES)


def test_a_damaged_file_in_a_folder_is_listed_or_left_out(tmp_path: Path) -> None:
    write_dicom(small(), tmp_path / "a")
    first = tmp_path / "a" / "00001.dcm"

    def read(path: Path) -> Volume:
        list_series(path.parent)
        find_cases(path.parent)
        return read_volume(path.parent)

    fuzz(read, first, first.read_bytes(), check=is_valid, tries=TRIES)


def with_values(path: Path, **values: Any) -> Path:
    """A classic CT slice whose header says what it likes."""
    write_dicom(small(), path / "written")
    data = pydicom.dcmread(path / "written" / "00001.dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in values.items():
            if keyword == "PixelPaddingValue":
                data.add_new(keyword, "US", value)
            else:
                setattr(data, keyword, value)
        data.save_as(path / "a.dcm")
    return path / "a.dcm"


ODD: dict[str, tuple[Any, ...]] = {
    "Rows": (0, 1, 65535),
    "Columns": (0, 1, 65535),
    "NumberOfFrames": (0, -1, 2, 2**31 - 1),
    "SamplesPerPixel": (0, 2, 3, 65535),
    "BitsAllocated": (0, 1, 8, 12, 24, 32, 64, 65535),
    "BitsStored": (0, 1, 17, 65535),
    "HighBit": (0, 16, 65535),
    "PixelRepresentation": (1, 2, 65535),
    "PhotometricInterpretation": ("", "RGB", "YBR_FULL", "PALETTE COLOR", "NONSENSE"),
    "RescaleSlope": (0, -1, 1e300, "1e-300"),
    "RescaleIntercept": (1e300, -1e9),
    "PixelSpacing": ([0, 0], [1e30, 1], [-1, 1], [1e-30, 1e-30]),
    "ImagePositionPatient": ([1e308, 0, 0], [0, 0]),
    "ImageOrientationPatient": ([0] * 6, [1] * 6, [1e200, 0, 0, 0, 1, 0]),
    "SliceThickness": (0, -5, 1e300),
    "PixelPaddingValue": (0, 65535),
    "Modality": ("", "DX", "PT", "US", "SR"),
}


@pytest.mark.parametrize("keyword", sorted(ODD))
def test_an_odd_value_in_a_header_is_read_or_refused(tmp_path: Path, keyword: str) -> None:
    for number, value in enumerate(ODD[keyword]):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = with_values(folder, **{keyword: value})
        for read in (read_volume, read_pixel_size):
            try:
                answer = read(path)
            except LandmarkDetectionError as error:
                assert "\n" not in str(error)
            else:
                if isinstance(answer, Volume):
                    is_valid(answer)


def most_memory(read: Callable[[Path], object], path: Path) -> int:
    """Bytes at most while a file is refused as damaged."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"damaged|no DICOM images"):
            read(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "values",
    [
        {"NumberOfFrames": 2**31 - 1},
        {"NumberOfFrames": 2**31 - 1, "Rows": 1, "Columns": 1},
        {"NumberOfFrames": 60000, "Rows": 65535, "Columns": 65535},
    ],
)
def test_a_header_decides_no_memory(tmp_path: Path, values: dict[str, int]) -> None:
    path = with_values(tmp_path, **values)
    assert most_memory(read_volume, path) < 20e6
    assert most_memory(lambda one: read_volume(one.parent), path) < 20e6


def test_a_packed_file_that_says_to_be_huge_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(content("MR_small_RLE.dcm"))
    data = pydicom.dcmread(tmp_path / "a.dcm")
    data.Rows = data.Columns = 65535
    data.save_as(tmp_path / "a.dcm")
    assert most_memory(read_volume, tmp_path / "a.dcm") < 20e6


def test_a_deflated_file_without_end_is_not_inflated(tmp_path: Path) -> None:
    path = with_values(tmp_path)
    meta = pydicom.dcmread(path).file_meta
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta = meta
    data.PatientName = "Nobody"
    data.save_as(path)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    zeros = bytes(2**20)
    packed = b"".join(packer.compress(zeros) for _ in range(70)) + packer.flush()
    start = 132 + 12 + meta.FileMetaInformationGroupLength
    path.write_bytes(path.read_bytes()[:start] + packed)
    assert most_memory(read_volume, path) < 150e6


@pytest.mark.filterwarnings("ignore:The 'pydicom.pixel_data_handlers' module:DeprecationWarning")
@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_RLE.dcm", "rtdose_rle.dcm", "SC_rgb_small_odd.dcm"]
)
def test_both_generations_of_pydicom_decode_the_same(tmp_path: Path, name: str) -> None:
    """Slicer 5.10 ships pydicom 2.4, whose interface pydicom 3 still has."""
    data = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    is_colour = data.SamplesPerPixel == 3
    for index in range(int(data.get("NumberOfFrames") or 1)):
        assert np.array_equal(_decoded_by_pydicom_2(data, index, is_colour), _decoded(data, index))
