"""NRRD files of any space, unit and encoding lie where they say: where ITK is right, where ITK puts them."""

import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.nrrd import read_vectors
from LandmarkDetectionLib.io.volumes import read_volume, write_volume
from Testing.examples.fuzzing import fuzz

VOXELS = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
DIRECTIONS = "(1,0,0) (0,2,0) (0,0,3)"
PLAIN = {"type": "short", "dimension": "3", "sizes": "2 3 4", "endian": "little", "encoding": "raw"}
PLACED = {**PLAIN, "space directions": DIRECTIONS, "space origin": "(10,20,30)"}


def nrrd(path: Path, fields: dict[str, str], data: bytes = VOXELS.tobytes()) -> Path:
    """A file written as text, so that its header can say anything."""
    text = "NRRD0005\n# a comment\nkey:=value\n" + "".join(f"{key}: {one}\n" for key, one in fields.items())
    path.write_bytes(text.encode() + b"\n" + data)
    return path


def as_itk_reads(path: Path) -> np.ndarray:
    """(4, 4) matrix to RAS mm."""
    image = sitk.ReadImage(str(path))
    used = min(image.GetDimension(), 3)
    matrix = np.eye(4)
    directions = np.reshape(image.GetDirection(), (image.GetDimension(),) * 2) * image.GetSpacing()
    matrix[:used, :used] = directions[:used, :used]
    matrix[:used, 3] = image.GetOrigin()[:used]
    return ras_from_lps(matrix)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("LAS", (-1, 1, 1)),
        ("Left-Posterior-Superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
    ],
)
def test_every_space_of_a_patient_is_turned_into_ras(
    tmp_path: Path, space: str, signs: tuple[int, int, int]
) -> None:
    volume = read_volume(nrrd(tmp_path / "a.nrrd", {**PLACED, "space": space}))
    assert np.array_equal(np.diag(volume.ijk_to_ras)[:3], np.array(signs) * [1, 2, 3])
    assert np.array_equal(volume.ijk_to_ras[:3, 3], np.array(signs) * [10, 20, 30])
    assert np.array_equal(volume.voxels, VOXELS)
    assert volume.spacing_known and not volume.warnings


@pytest.mark.parametrize("space", ["right-anterior-superior-time", "RAST"])
@pytest.mark.parametrize("time_first", [False, True])
def test_a_time_axis_of_one_changes_no_place(tmp_path: Path, space: str, time_first: bool) -> None:
    vectors, sizes = ["(1,0,0,0)", "(0,2,0,0)", "(0,0,3,0)"], ["2", "3", "4"]
    at = 0 if time_first else 3
    vectors.insert(at, "(0,0,0,1)")
    sizes.insert(at, "1")
    fields = {
        **PLAIN, "dimension": "4", "sizes": " ".join(sizes), "space": space,
        "space directions": " ".join(vectors), "space origin": "(10,20,30,0)",
    }  # fmt: skip
    volume = read_volume(nrrd(tmp_path / "a.nrrd", fields))
    assert np.array_equal(volume.ijk_to_ras, [[1, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1]])
    assert np.array_equal(volume.voxels, VOXELS)


def test_a_left_handed_space_without_a_patient_is_refused_and_not_mirrored(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing of the patient's sides"):
        read_volume(nrrd(tmp_path / "a.nrrd", {**PLACED, "space": "3D-left-handed"}))


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed"])
def test_a_space_without_a_patient_is_placed_as_slicer_places_it_with_a_doubt(
    tmp_path: Path, space: str
) -> None:
    path = nrrd(tmp_path / "a.nrrd", {"space": space, **PLACED})
    assert np.allclose(read_volume(path).ijk_to_ras, as_itk_reads(path))
    assert "does not say how it lies in the patient" in read_volume(path).warnings[0]


@pytest.mark.parametrize(
    ("unit", "mm"), [("mm", 1), ("um", 0.001), ("\u00b5m", 0.001), ("cm", 10), ("m", 1000), ("micron", 0.001)]
)
def test_units_become_millimetres_with_a_warning(tmp_path: Path, unit: str, mm: float) -> None:
    placed = {**PLACED, "space": "RAS", "space units": " ".join([f'"{unit}"'] * 3)}
    spaced = {**PLAIN, "spacings": "1 2 3", "units": " ".join([f'"{unit}"'] * 3)}
    for fields in (placed, spaced):
        volume = read_volume(nrrd(tmp_path / "a.nrrd", fields))
        assert np.allclose(volume.spacing, np.array([1, 2, 3]) * mm)
        assert bool(volume.warnings) == (mm != 1)
    with pytest.raises(InputError, match="unknown unit"):
        read_volume(nrrd(tmp_path / "a.nrrd", {**placed, "space units": '"ell" "ell" "ell"'}))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"spacings": "1 2 3"},
        {"spacings": "1 -2 3"},
        {"spacings": "1 2 3", "axis mins": "10 20 30"},
        {"spacings": "1 2 3", "axis mins": "10 20 30", "centers": "node node node"},
        {"space dimension": "3", "space directions": DIRECTIONS, "space origin": "(1,2,3)"},
        {"space": "LPS", "space directions": "(0.8,0.6,0) (-0.6,0.8,0) (0,0,3)", "space origin": "(1,2,3)"},
        {"space": "RAS", "space directions": "(0.8,0.6,0) (-0.6,0.8,0) (0,0,3)", "space origin": "(1,2,3)"},
        {"dimension": "4", "sizes": "1 2 3 4", "kinds": "scalar domain domain domain", "space": "RAS",
         "space directions": f"none {DIRECTIONS}", "space origin": "(1,2,3)"},
        {"dimension": "2", "sizes": "6 4", "spacings": "2 3"},
        {"dimension": "2", "sizes": "6 4", "space dimension": "2", "space directions": "(2,0) (0,3)"},
    ],
)  # fmt: skip
def test_what_itk_understands_lies_where_itk_places_it(tmp_path: Path, fields: dict[str, str]) -> None:
    path = nrrd(tmp_path / "a.nrrd", PLAIN | fields)
    volume = read_volume(path)
    assert np.allclose(volume.ijk_to_ras, as_itk_reads(path))
    assert np.array_equal(volume.voxels.ravel(), VOXELS.ravel())


def _zipped(*parts: bytes) -> bytes:
    """Without the time of day, which would give every worker of pytest tests of other names."""
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("raw", VOXELS.tobytes()),
        ("gzip", _zipped(VOXELS.tobytes())),
        ("gz", _zipped(VOXELS.tobytes()[:10], VOXELS.tobytes()[10:]) + bytes(9)),
        ("bzip2", bz2.compress(VOXELS.tobytes())),
        ("bz2", bz2.compress(VOXELS.tobytes()[:10]) + bz2.compress(VOXELS.tobytes()[10:])),
        ("ascii", " ".join(map(str, range(24))).encode() + b"\n"),
        ("text", ", ".join(map(str, range(24))).encode()),
        ("hex", VOXELS.tobytes().hex("\n", 7).encode()),
    ],
)
def test_every_encoding_is_read_and_what_is_missing_or_left_over_is_damage(
    tmp_path: Path, encoding: str, data: bytes
) -> None:
    fields = {**PLACED, "space": "RAS", "encoding": encoding}
    assert np.array_equal(read_volume(nrrd(tmp_path / "a.nrrd", fields, data)).voxels, VOXELS)
    for wrong in (data[: len(data) // 2], data + data[:4], data + b"7 7"):
        with pytest.raises(InputError, match="damaged"):
            read_volume(nrrd(tmp_path / "a.nrrd", fields, wrong))


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_a_checksum_that_does_not_fit_is_damage(tmp_path: Path, encoding: str) -> None:
    data = {"gzip": gzip.compress, "bzip2": bz2.compress}[encoding](VOXELS.tobytes())
    path = nrrd(tmp_path / "a.nrrd", {**PLACED, "space": "RAS", "encoding": encoding}, data)
    whole = path.read_bytes()
    # gzip ends with checksum and length, bzip2 with its checksum.
    for end in range(1, 6):
        path.write_bytes(whole[: -end - 1] + bytes([whole[-end - 1] ^ 0xFF]) + whole[len(whole) - end :])
        with pytest.raises(InputError, match="damaged"):
            read_volume(path)


def test_a_data_file_may_be_skipped_into_numbered_or_listed(tmp_path: Path) -> None:
    fields = {**PLACED, "space": "RAS"}
    (tmp_path / "all.raw").write_bytes(b"one line\nanother\nxyz" + VOXELS.tobytes())
    for k in range(4):
        (tmp_path / f"slice{k + 7:02d}.raw").write_bytes(VOXELS[k].tobytes())
    names = "".join(f"\nslice{k + 7:02d}.raw" for k in range(4))
    for more in (
        {"line skip": "2", "byte skip": "3", "data file": "all.raw"},
        {"byte skip": "-1", "datafile": "./all.raw"},
        {"data file": "slice%02d.raw 7 10 1"},
        {"data file": f"LIST{names}"},
    ):
        path = nrrd(tmp_path / "a.nhdr", {**fields, **more}, b"")
        assert np.array_equal(read_volume(path).voxels, VOXELS), more


@pytest.mark.parametrize("name", ["/etc/hostname", "../secret.raw", "a/../../secret.raw", "C:\\secret.raw",
                                  "\\\\host\\secret.raw", "secret.raw"])  # fmt: skip
@pytest.mark.parametrize("suffix", [".nhdr", ".mhd"])
def test_a_data_file_elsewhere_is_neither_opened_nor_named(tmp_path: Path, name: str, suffix: str) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    if name != "secret.raw":
        (tmp_path / "secret.raw").write_bytes(VOXELS.tobytes())
    if suffix == ".nhdr":
        path = nrrd(folder / "a.nhdr", {**PLACED, "space": "RAS", "data file": name}, b"")
    else:
        path = folder / "a.mhd"
        path.write_text(f"NDims = 3\nDimSize = 2 3 4\nElementType = MET_SHORT\nElementDataFile = {name}\n")
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert "data file" in str(caught.value)
    assert "secret" not in str(caught.value) and "hostname" not in str(caught.value)


@pytest.mark.parametrize(
    "sizes", ["99999 99999 99999", "2000 2000 2000", "2 3 -4", "2 3 9223372036854775807"]
)
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii", "hex"])
def test_a_header_cannot_ask_for_memory_that_the_file_does_not_fill(
    tmp_path: Path, sizes: str, encoding: str
) -> None:
    fields = {**PLACED, "space": "RAS", "sizes": sizes, "encoding": encoding}
    with pytest.raises(InputError, match=r"truncated|no image"):
        read_volume(nrrd(tmp_path / "a.nrrd", fields))


def test_three_values_per_voxel_are_vectors(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((4, 3, 2, 3), np.float32), isVector=True)
    image.SetOrigin((1, 2, 3))
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    vectors, matrix = read_vectors(tmp_path / "a.nrrd")
    assert np.array_equal(np.moveaxis(vectors, 0, -1), sitk.GetArrayFromImage(image))
    assert np.allclose(matrix, ras_from_lps(np.eye(4) + np.array([1, 2, 3, 0])[:, None] * [0, 0, 0, 1]))
    with pytest.raises(InputError, match="3 values per voxel"):
        read_volume(tmp_path / "a.nrrd")


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr"])
def test_itk_reads_what_is_written(tmp_path: Path, suffix: str) -> None:
    matrix = np.array([[0.8, -0.6, 0, 1.25], [0.6, 0.8, 0, -7], [0, 0, 2.5, 1e-3], [0, 0, 0, 1]])
    write_volume(Volume(VOXELS, matrix), tmp_path / f"a{suffix}")
    assert np.allclose(as_itk_reads(tmp_path / f"a{suffix}"), matrix)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"a{suffix}"))), VOXELS)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr"])
def test_damaged_files_are_refused_or_harmless(tmp_path: Path, name: str) -> None:
    write_volume(Volume(VOXELS, np.diag([-1.5, -2, 3, 1])), tmp_path / name)
    fuzz(read_volume, tmp_path / name, (tmp_path / name).read_bytes(), check=is_an_image)
    text = nrrd(tmp_path / "b.nrrd", {**PLACED, "space": "RAS", "space units": '"mm" "mm" "mm"'})
    fuzz(read_volume, text, text.read_bytes(), check=is_an_image)


def is_an_image(volume: Volume) -> None:
    assert volume.voxels.ndim == 3 and volume.voxels.nbytes < 2**20
    assert np.isfinite(volume.ijk_to_ras).all()


@pytest.mark.parametrize(
    ("sizes", "spacings", "known"),
    [
        ("2 3 4", "1 2 3", True),
        ("2 3 4", "1 2 nan", False),
        ("4 6 1", "1 2 nan", True),
        ("4 6", "1 nan", False),
    ],
)
def test_without_a_space_every_axis_of_several_voxels_needs_a_spacing(tmp_path, sizes, spacings, known):
    path = tmp_path / "a.nrrd"
    head = f"NRRD0005\ntype: uint8\ndimension: {len(sizes.split())}\nsizes: {sizes}\nencoding: raw\n"
    path.write_bytes(f"{head}spacings: {spacings}\n\n".encode() + bytes(range(24)))
    assert read_volume(path).spacing_known == known
