"""MetaImage files lie where ITK places them, say in mm what they say in other units, and hide no damage."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.metaimage import read_vectors
from LandmarkDetectionLib.io.volumes import read_volume, write_volume
from Testing.examples.fuzzing import fuzz

VOXELS = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
PLAIN = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "1 2 3",
    "ElementSpacing": "1 2 3",
    "DimSize": "2 3 4",
    "ElementType": "MET_SHORT",
}
TURN = "0.8 0.6 0 -0.6 0.8 0 0 0 1"


def meta(path: Path, fields: dict[str, str], data: bytes = VOXELS.tobytes(), named: str = "LOCAL") -> Path:
    """A file written as text; an entry "" is left out."""
    lines = {**PLAIN, **fields}
    text = "".join(f"{key} = {value}\n" for key, value in lines.items() if value)
    path.write_bytes(text.encode() + f"ElementDataFile = {named}\n".encode() + data)
    return path


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"TransformMatrix": TURN},
        {"TransformMatrix": "", "Orientation": TURN},
        {"TransformMatrix": "", "Rotation": TURN},
        {"Offset": "", "Position": "7 8 9"},
        {"Offset": "", "Origin": "7 8 9"},
        {"ElementSpacing": "1 -2 3"},
        {"ElementSpacing": "", "ElementSize": "4 5 6"},
        {"ElementSize": "4 5 6"},
        {"ElementSpacing": ""},
        {"CenterOfRotation": "5 5 5", "TransformMatrix": TURN},
        {"ElementNumberOfChannels": "1"},
        {"HeaderSize": "-1"},
    ],
)
def test_a_header_means_what_it_means_to_itk(tmp_path: Path, fields: dict[str, str]) -> None:
    path = meta(tmp_path / "a.mha", fields)
    image, volume = sitk.ReadImage(str(path)), read_volume(path)
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    assert np.allclose(volume.ijk_to_ras, ras_from_lps(matrix))
    assert np.array_equal(volume.voxels, sitk.GetArrayFromImage(image))
    assert volume.spacing_known == ("ElementSize" in fields or fields.get("ElementSpacing") != "")


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("MET_CHAR", "i1"), ("MET_UCHAR", "u1"), ("MET_USHORT", "u2"), ("MET_INT", "i4"), ("MET_UINT", "u4"),
     ("MET_LONG", "i4"), ("MET_ULONG", "u4"), ("MET_LONG_LONG", "i8"), ("MET_FLOAT", "f4"),
     ("MET_DOUBLE", "f8")],
)  # fmt: skip
@pytest.mark.parametrize("order", "<>")
def test_every_type_and_byte_order_is_read(tmp_path: Path, kind: str, dtype: str, order: str) -> None:
    fields = {"ElementType": kind, "BinaryDataByteOrderMSB": str(order == ">")}
    read = read_volume(meta(tmp_path / "a.mha", fields, VOXELS.astype(order + dtype).tobytes())).voxels
    assert read.dtype == np.dtype(dtype)
    assert np.array_equal(read, VOXELS)


@pytest.mark.parametrize(("unit", "mm"), [("mm", 1), ("um", 0.001), ("cm", 10), ("m", 1000), ("?", 1)])
def test_units_become_millimetres_with_a_warning(tmp_path: Path, unit: str, mm: float) -> None:
    volume = read_volume(meta(tmp_path / "a.mha", {"DistanceUnits": unit}))
    assert np.allclose(volume.spacing, np.array([1, 2, 3]) * mm)
    assert np.allclose(volume.ijk_to_ras[:3, 3], np.array([-1, -2, 3]) * mm)
    assert bool(volume.warnings) == (mm != 1)


def test_slope_and_offset_are_applied_with_a_warning(tmp_path: Path) -> None:
    fields = {"ElementToIntensityFunctionSlope": "1", "ElementToIntensityFunctionOffset": "-1024"}
    volume = read_volume(meta(tmp_path / "a.mha", fields))
    assert np.array_equal(volume.voxels, VOXELS.astype(int) - 1024)
    assert "slope" in volume.warnings[0]
    assert not read_volume(meta(tmp_path / "b.mha", {"ElementToIntensityFunctionSlope": "1"})).warnings


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({}, VOXELS.tobytes()),
        ({"CompressedData": "True"}, zlib.compress(VOXELS.tobytes())),
        ({"BinaryData": "False"}, " ".join(map(str, range(24))).encode()),
    ],
)
@pytest.mark.parametrize("detached", [False, True])
def test_what_is_missing_or_left_over_is_damage(
    tmp_path: Path, fields: dict[str, str], data: bytes, detached: bool
) -> None:
    def write(content: bytes) -> Path:
        if not detached:
            return meta(tmp_path / "a.mha", fields, content)
        (tmp_path / "a.raw").write_bytes(content)
        return meta(tmp_path / "a.mhd", fields, b"", "a.raw")

    assert np.array_equal(read_volume(write(data)).voxels, VOXELS)
    # Of a text's last number a digit may be missing without a trace.
    for wrong in (data[:-3], data[:-6], data[: len(data) // 2], data + b" 77", b""):
        with pytest.raises(InputError, match="damaged"):
            read_volume(write(wrong))


def test_a_compressed_file_whose_checksum_does_not_fit_is_damaged(tmp_path: Path) -> None:
    data = zlib.compress(VOXELS.tobytes())
    with pytest.raises(InputError, match="damaged"):
        read_volume(meta(tmp_path / "a.mha", {"CompressedData": "True"}, data[:-1] + bytes([data[-1] ^ 1])))


def test_data_may_be_numbered_listed_and_have_a_header(tmp_path: Path) -> None:
    for k in range(4):
        (tmp_path / f"s{k + 1:03d}.raw").write_bytes(b"head" + VOXELS[k].tobytes())
    names = "".join(f"s{k + 1:03d}.raw\n" for k in range(4))
    for named, more in (("s%03d.raw 1 4 1", b""), ("LIST", names.encode()), ("LIST 2", names.encode())):
        path = meta(tmp_path / "a.mhd", {"HeaderSize": "4"}, more, named)
        assert np.array_equal(read_volume(path).voxels, VOXELS)


def test_three_values_per_voxel_are_vectors(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((4, 3, 2, 3), np.float32), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "a.mha"), True)
    vectors, _ = read_vectors(tmp_path / "a.mha")
    assert np.array_equal(np.moveaxis(vectors, 0, -1), sitk.GetArrayFromImage(image))
    with pytest.raises(InputError, match="3 values per voxel"):
        read_volume(tmp_path / "a.mha")


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nhdr"])
@pytest.mark.parametrize(
    "stem",
    [
        "Sch\u00e4del",
        "Scha\u0308del",
        "\u5934\u90e8 CT",
        'it\'s "x" 100%',
        " lead",
        "trail ",
        "a\nb",
        "s%02d 1 3 1",
    ],
)
def test_a_file_of_any_name_is_read_by_us_and_by_itk(tmp_path: Path, stem: str, suffix: str) -> None:
    path = tmp_path / f"{stem}{suffix}"
    write_volume(Volume(VOXELS, np.diag([-1.0, -1, 2, 1])), path)
    assert np.array_equal(read_volume(path).voxels, VOXELS)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), VOXELS)


@pytest.mark.skipif("sys.platform != 'linux'", reason="names are bytes on Linux only")
@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd", ".nhdr", ".nii.gz"])
def test_a_name_that_is_no_text_is_a_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"\udcff\udce4{suffix}"
    write_volume(Volume(VOXELS, np.diag([-1.0, -1, 2, 1])), path)
    volume = read_volume(path)
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.name.encode("utf-8") == b"??"


@pytest.mark.parametrize(
    "named", ["Sch\u00e4del.raw", "sub dir/x y.raw", "./dot.raw", ".\\back.raw", "trail.raw   "]
)
def test_data_files_of_other_programs_are_found(tmp_path: Path, named: str) -> None:
    file = tmp_path / named.strip().replace("\\", "/")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(VOXELS.tobytes())
    assert np.array_equal(read_volume(meta(tmp_path / "a.mhd", {}, b"", named)).voxels, VOXELS)
    # Older programs on Windows wrote names in their code page.
    path = meta(tmp_path / "b.mhd", {}, b"", named)
    path.write_bytes(path.read_bytes().decode().encode("cp1252"))
    assert np.array_equal(read_volume(path).voxels, VOXELS)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_are_refused_or_harmless(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.mha"
    if compressed:
        write_volume(Volume(VOXELS, np.diag([-1.5, -2, 3, 1])), path)
    else:
        meta(path, {"DistanceUnits": "mm", "ElementToIntensityFunctionSlope": "2"})
    fuzz(read_volume, path, path.read_bytes(), check=is_an_image)


def is_an_image(volume: Volume) -> None:
    assert volume.voxels.ndim == 3 and volume.voxels.nbytes < 2**20
    assert np.isfinite(volume.ijk_to_ras).all()
