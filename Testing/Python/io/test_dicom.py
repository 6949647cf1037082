"""DICOM: series are found, chosen, sorted by position, rescaled and refused when they are no volume."""

import random
import shutil
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.volumes import list_series, read_volume, write_dicom

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
Edit = Callable[[pydicom.Dataset, int], None]


def shipped(name: str) -> Path:
    """A real file that comes with pydicom."""
    return Path(str(get_testdata_file(name, download=False)))


def ct(slices: int = 12, name: str = "thorax", modality: str = "CT") -> Volume:
    voxels = np.random.default_rng(slices).integers(-1024, 3000, (slices, 6, 7)).astype(np.int16)
    matrix = np.array([[-0.7, 0, 0, 50], [0, -0.8, 0, 60], [0, 0, 2.5, -70], [0, 0, 0, 1]])
    return Volume(voxels, matrix, modality, name)


def edited(folder: Path, edit: Edit, slices: int = 12, modality: str = "CT") -> Path:
    """A written series whose every file was changed; ``edit`` gets the data set and its slice number."""
    write_dicom(ct(slices, modality=modality), folder)
    for k, file in enumerate(sorted(folder.iterdir())):
        data = pydicom.dcmread(file)
        edit(data, k)
        data.save_as(file)
    return folder


def remove(folder: Path, *slices: int) -> Path:
    for k in slices:
        (folder / f"{k + 1:05d}.dcm").unlink()
    return folder


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    """Any orientation and handedness, gantry tilt, and every kind of value."""
    angles = np.array(draw(st.tuples(*[st.floats(-3, 3)] * 3)))
    axes = np.linalg.qr(np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=(3, 3)))[0]
    if draw(st.booleans()):
        axes = np.eye(3)[:, draw(st.permutations(range(3)))] * np.sign(angles + 1e-9)
    tilt = np.eye(3)
    tilt[:2, 2] = draw(st.tuples(*[st.floats(-0.4, 0.4)] * 2))
    matrix = np.eye(4)
    matrix[:3, :3] = axes @ tilt * draw(st.tuples(*[st.floats(0.1, 9)] * 3))
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-900, 900)] * 3))
    shape = draw(st.tuples(st.integers(2, 9), st.integers(2, 6), st.integers(2, 6)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(draw(st.sampled_from(("u1", "i1", "u2", "i2", "i4", "f4", "f8"))))
    if dtype.kind == "f":
        return Volume(rng.normal(0, 900, shape).astype(dtype), matrix, "CT")
    limits = np.iinfo(dtype) if dtype.itemsize < 4 else np.iinfo("i2")
    return Volume(rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype), matrix, "CT")


class TestSeries:
    @settings(max_examples=60)
    @given(volume=volumes(), seed=st.integers(0, 999))
    def test_shuffled_files_come_back_in_order(
        self, tmp_path_factory: pytest.TempPathFactory, volume: Volume, seed: int
    ) -> None:
        folder = tmp_path_factory.mktemp("dicom")
        write_dicom(volume, folder / "series")
        names = [f"IM{n}" for n in range(len(volume.voxels))]
        random.Random(seed).shuffle(names)
        for file, name in zip(sorted((folder / "series").iterdir()), names, strict=True):
            file.rename(folder / "series" / name)
        read = read_volume(folder)
        # Slices follow their normal, so a left-handed volume comes back from its other end.
        voxels, matrix = volume.voxels, volume.ijk_to_ras.copy()
        if np.linalg.det(matrix[:3, :3]) < 0:
            voxels = voxels[::-1]
            matrix[:3, 3] += matrix[:3, 2] * (len(voxels) - 1)
            matrix[:3, 2] *= -1
        corners = list(product(*((0, count - 1) for count in volume.size)))
        expected = Volume(voxels, matrix).ijk_to_ras_points(corners)
        assert np.abs(read.ijk_to_ras_points(corners) - expected).max() < 0.01
        if voxels.dtype.kind == "f":
            assert np.abs(read.voxels - voxels).max() <= np.ptp(voxels) / 65535
        else:
            assert np.array_equal(read.voxels, voxels)

    def test_a_usual_ct_stays_int16(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        read = read_volume(tmp_path / "a")
        assert read.voxels.dtype == np.int16
        assert (read.modality, read.name, read.spacing_known) == ("CT", "thorax", True)

    def test_itk_reads_the_same_values_at_the_same_place(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "a")))
        image = reader.Execute()
        read = read_volume(tmp_path / "a")
        assert np.array_equal(sitk.GetArrayFromImage(image), read.voxels)
        place = np.array(image.TransformIndexToPhysicalPoint((6, 5, 11))) * [-1, -1, 1]
        assert np.allclose(read.ijk_to_ras_points([[6, 5, 11]]), place, atol=0.01)

    def test_subfolders_and_other_files_are_no_hindrance(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        for k in range(0, 12, 3):
            (tmp_path / "a" / f"sub{k}").mkdir()
            shutil.move(tmp_path / "a" / f"{k + 1:05d}.dcm", tmp_path / "a" / f"sub{k}" / "x")
        (tmp_path / "a" / "readme.txt").write_text("notes" * 50)
        (tmp_path / "a" / "empty.dcm").touch()
        assert np.array_equal(read_volume(tmp_path / "a").voxels, ct().voxels)

    def test_the_pixel_spacing_of_rows_and_columns_is_not_swapped(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        data = pydicom.dcmread(tmp_path / "a" / "00001.dcm")
        # The standard: distance between rows first.
        assert [float(value) for value in data.PixelSpacing] == [0.8, 0.7]
        assert np.allclose(read_volume(tmp_path / "a").spacing, [0.7, 0.8, 2.5])

    def test_short_direction_cosines_do_not_add_up(self, tmp_path: Path) -> None:
        def round_off(data: pydicom.Dataset, _: int) -> None:
            data.ImageOrientationPatient = [0.9998, 0.0175, 0, -0.0175, 0.9998, 0]

        spacing = read_volume(edited(tmp_path / "a", round_off)).spacing
        assert np.allclose(spacing[:2], [0.7, 0.8], atol=1e-9)

    def test_no_name_or_number_of_a_patient_is_taken_over(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        def identify(data: pydicom.Dataset, k: int) -> None:
            data.PatientName, data.PatientID, data.PatientBirthDate = "Secret^Person", "SECRET1", "19010101"
            # pydicom quotes a value that breaks the rules in its warnings and its log.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data.SOPInstanceUID = f"secret.{k}"

        folder = edited(tmp_path / "a", identify)
        caplog.clear()
        capfd.readouterr()
        volume, series = read_volume(folder), list_series(folder)
        everything = repr(volume) + repr(series) + caplog.text + "".join(capfd.readouterr())
        assert "secret" not in everything.lower()
        assert "19010101" not in everything


class TestChoosing:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """A study of three series."""
        (tmp_path / "study").mkdir()
        for number, name, slices in ((3, "scout", 2), (4, "thorax", 12), (5, "abdomen", 8)):

            def edit(data: pydicom.Dataset, _: int, name: str = name, number: int = number) -> None:
                data.SeriesNumber, data.SeriesDescription = number, name

            edited(tmp_path / "study" / name, edit, slices)
        return tmp_path / "study"

    def test_series_are_listed_by_number(self, folder: Path) -> None:
        found = list_series(folder)
        assert [(one.number, one.description, one.slices) for one in found] == [
            (3, "scout", 2),
            (4, "thorax", 12),
            (5, "abdomen", 8),
        ]
        assert {one.modality for one in found} == {"CT"}
        assert all(one.size == (7, 6) and len(one.files) == one.slices for one in found)

    def test_several_series_and_no_choice_lists_them(self, folder: Path) -> None:
        with pytest.raises(InputError) as caught:
            read_volume(folder)
        for part in ("3 series", "3: scout (CT, 2 images)", "4: thorax (CT, 12 images)", "by its number"):
            assert part in str(caught.value)

    def test_a_number_or_a_uid_chooses(self, folder: Path) -> None:
        uid = list_series(folder)[1].uid
        for choice in (4, "4", uid):
            assert np.array_equal(read_volume(folder, choice).voxels, ct().voxels)

    def test_an_unknown_choice_lists_what_is_there(self, folder: Path) -> None:
        with pytest.raises(InputError, match="no series 77; it holds 3: scout"):
            read_volume(folder, 77)

    def test_equal_numbers_need_a_uid(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            write_dicom(ct(name=name), tmp_path / name)
        with pytest.raises(InputError, match="by its UID") as caught:
            read_volume(tmp_path, 1)
        uid = list_series(tmp_path)[0].uid
        assert uid in str(caught.value)
        assert read_volume(tmp_path, uid).shape == (12, 6, 7)

    def test_reports_and_segmentations_are_no_series(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        shutil.copy(shipped("liver_1frame.dcm"), tmp_path / "a")
        shutil.copy(shipped("rtdose.dcm"), tmp_path / "a")
        assert len(list_series(tmp_path / "a")) == 1
        assert read_volume(tmp_path / "a").shape == (12, 6, 7)

    def test_a_folder_of_reports_says_so(self, tmp_path: Path) -> None:
        shutil.copy(shipped("rtdose.dcm"), tmp_path)
        with pytest.raises(InputError, match="1 DICOM file but no image"):
            list_series(tmp_path)


class TestStacking:
    @pytest.mark.parametrize("gone", [(4,), (10,), (2, 3, 8)])
    def test_missing_slices_are_filled_and_said(self, tmp_path: Path, gone: tuple[int, ...]) -> None:
        write_dicom(ct(), tmp_path / "a")
        read, whole = read_volume(remove(tmp_path / "a", *gone)), ct()
        (warning,) = read.warnings
        widest = 7.5 if 3 in gone else 5.0
        assert f"missing or uneven: 2.50 to {widest:.2f} mm apart" in warning
        assert f"between slices {gone[0]} and {gone[0] + 1};" in warning
        assert np.allclose(read.ijk_to_ras, whole.ijk_to_ras)
        left = [k for k in range(12) if k not in gone]
        assert np.array_equal(read.voxels[left], whole.voxels[left])
        assert read.voxels.dtype == np.int16
        for k in gone:
            ends = whole.voxels[max(j for j in left if j < k)], whole.voxels[min(j for j in left if j > k)]
            assert (read.voxels[k] >= np.minimum(*ends)).all()
            assert (read.voxels[k] <= np.maximum(*ends)).all()

    def test_a_missing_slice_between_two_is_their_mean(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        voxels = read_volume(remove(tmp_path / "a", 4)).voxels.astype(float)
        assert np.abs(voxels[4] - (voxels[3] + voxels[5]) / 2).max() <= 0.5

    @pytest.mark.parametrize("share", [0, 0.2, 0.5])
    def test_files_that_a_broken_copy_left_at_the_end_are_told(self, tmp_path: Path, share: float) -> None:
        """No gap tells of them, and the scan is shorter than it was."""
        write_dicom(ct(), tmp_path / "a")
        for file in sorted((tmp_path / "a").iterdir())[-2:]:
            content = file.read_bytes()  # The rows are told near the end, before 84 bytes of pixels.
            file.write_bytes(content[: int(len(content) * share)])
        read = read_volume(tmp_path / "a")
        assert len(read.voxels) == len(ct().voxels) - 2
        (warning,) = read.warnings
        assert warning.startswith("00011.dcm and 1 more file are empty, damaged or truncated and left out")

    @pytest.mark.parametrize("name", ["README", "DICOMDIR", "notes.txt"])
    def test_other_files_beside_a_series_are_no_damage(self, tmp_path: Path, name: str) -> None:
        write_dicom(ct(), tmp_path / "a")
        (tmp_path / "a" / name).write_bytes(b"" if name != "DICOMDIR" else bytes(128) + b"DICM" + bytes(9))
        assert read_volume(tmp_path / "a").warnings == ()

    def test_a_whole_sound_series_has_no_warning(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        assert read_volume(tmp_path / "a").warnings == ()

    @settings(max_examples=20)
    @given(
        gaps=st.lists(st.sampled_from((1.25, 2.5, 3.0, 4.7, 5.0)), min_size=3, max_size=12),
        tilt=st.floats(-0.3, 0.3),
    )
    def test_what_a_slice_shows_stays_where_its_position_says(
        self, tmp_path_factory: pytest.TempPathFactory, gaps: list[float], tilt: float
    ) -> None:
        """Values that rise with the height are right everywhere, whatever the distances between slices."""
        folder = tmp_path_factory.mktemp("dicom") / "a"
        heights = np.concatenate([[0.0], np.cumsum(gaps)])

        def place(data: pydicom.Dataset, k: int) -> None:
            data.ImagePositionPatient = [10, 20 + tilt * heights[k], heights[k] - 70]
            data.PixelData = np.full((6, 7), round(100 * heights[k]), np.uint16).tobytes()
            data.RescaleIntercept = 0

        read = read_volume(edited(folder, place, slices=len(heights)))
        ends = read.ijk_to_ras_points([[0, 0, 0], [0, 0, len(read.voxels) - 1]])
        assert np.allclose(ends[:, 2], [-70, heights[-1] - 70], atol=1e-3)
        assert np.allclose(ends[:, 1], [-20, -20 - tilt * heights[-1]], atol=1e-3)
        k = np.arange(len(read.voxels))
        seen = read.ijk_to_ras_points(np.stack([0 * k, 0 * k, k], axis=1))[:, 2] + 70
        allowed = 0.2 * np.median(gaps) if not read.warnings else 0.01
        assert np.abs(read.voxels[:, 0, 0] / 100 - seen).max() <= allowed + 0.01

    def test_a_gap_too_wide_to_fill_is_refused(self, tmp_path: Path) -> None:
        def move(data: pydicom.Dataset, k: int) -> None:
            data.ImagePositionPatient[2] += 40 * (k > 5)

        with pytest.raises(
            InputError, match=r"42\.50 mm between slices 6 and 7, 2\.50 mm elsewhere, which is too"
        ):
            read_volume(edited(tmp_path / "a", move))

    def test_slices_lost_at_the_end_are_another_volume(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        assert np.array_equal(read_volume(remove(tmp_path / "a", 0, 11)).voxels, ct().voxels[1:-1])

    @pytest.mark.parametrize(("jitter", "said"), [(0.2, False), (0.7, True)])
    def test_small_differences_of_distance_are_tolerated(
        self, tmp_path: Path, jitter: float, said: bool
    ) -> None:
        def move(data: pydicom.Dataset, k: int) -> None:
            data.ImagePositionPatient[2] += jitter * (k == 5)

        read = read_volume(edited(tmp_path / "a", move))
        assert any("uneven" in text for text in read.warnings) == said
        assert np.allclose(read.spacing[2], 2.5)
        others = [k for k in range(12) if k != 5]
        assert np.array_equal(read.voxels[others], ct().voxels[others])

    def test_slices_that_wander_sideways_are_refused(self, tmp_path: Path) -> None:
        def move(data: pydicom.Dataset, k: int) -> None:
            data.ImagePositionPatient[0] += 20 * (k > 5)

        with pytest.raises(InputError, match="straight line"):
            read_volume(edited(tmp_path / "a", move))

    def test_slices_that_stray_a_little_sideways_get_a_sentence(self, tmp_path: Path) -> None:
        def move(data: pydicom.Dataset, k: int) -> None:
            data.ImagePositionPatient[0] += 1.5 * (k == 5)

        (warning,) = read_volume(edited(tmp_path / "a", move)).warnings
        assert "sideways by up to 1.5 mm" in warning

    def test_a_spacing_that_changes_within_tolerance_is_still_noticed(self, tmp_path: Path) -> None:
        def move(data: pydicom.Dataset, k: int) -> None:
            data.ImagePositionPatient[2] = 2.5 * k + 0.4 * max(0, k - 30)

        read = read_volume(edited(tmp_path / "a", move, slices=60))
        assert "uneven: 2.50 to 2.90 mm apart" in read.warnings[0]
        ends = read.ijk_to_ras_points([[0, 0, 0], [0, 0, len(read.voxels) - 1]])[:, 2]
        assert np.allclose(np.ptp(ends), 2.5 * 59 + 0.4 * 29)

    def test_copies_of_files_are_dropped(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        for file in sorted((tmp_path / "a").iterdir()):
            shutil.copy(file, tmp_path / "a" / f"copy{file.name}")
        assert np.array_equal(read_volume(tmp_path / "a").voxels, ct().voxels)

    def test_of_a_slice_scanned_twice_the_first_stays(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        data = pydicom.dcmread(tmp_path / "a" / "00004.dcm")
        data.SOPInstanceUID, data.InstanceNumber = generate_uid(), 40
        data.PixelData = bytes(len(data.PixelData))
        data.save_as(tmp_path / "a" / "00000.dcm")
        assert np.array_equal(read_volume(tmp_path / "a").voxels, ct().voxels)

    def test_time_points_are_refused(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        for file in sorted((tmp_path / "a").iterdir()):
            data = pydicom.dcmread(file)
            data.SOPInstanceUID = generate_uid()
            data.save_as(tmp_path / "a" / f"later{file.name}")
        with pytest.raises(InputError, match="24 images at only 12 positions"):
            read_volume(tmp_path / "a")

    def test_a_scout_within_the_series_is_left_out(self, tmp_path: Path) -> None:
        def turn(data: pydicom.Dataset, k: int) -> None:
            if k == 0:
                data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

        read = read_volume(edited(tmp_path / "a", turn))
        assert np.array_equal(read.voxels, ct().voxels[1:])

    def test_a_mixture_of_orientations_is_refused(self, tmp_path: Path) -> None:
        def turn(data: pydicom.Dataset, k: int) -> None:
            if k % 3:
                data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

        with pytest.raises(InputError, match="2 different sizes or orientations"):
            read_volume(edited(tmp_path / "a", turn))

    def test_images_without_positions_are_no_stack(self, tmp_path: Path) -> None:
        def forget(data: pydicom.Dataset, _: int) -> None:
            del data.ImagePositionPatient

        with pytest.raises(InputError, match="without positions"):
            read_volume(edited(tmp_path / "a", forget))

    def test_a_ct_without_pixel_spacing_is_refused(self, tmp_path: Path) -> None:
        def forget(data: pydicom.Dataset, _: int) -> None:
            del data.PixelSpacing

        with pytest.raises(InputError, match="PixelSpacing"):
            read_volume(edited(tmp_path / "a", forget))

    @pytest.mark.parametrize(
        ("keyword", "value", "words"),
        [
            ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0], "matrix of zeros"),
            ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "matrix of zeros"),
            ("ImageOrientationPatient", [1, 0], "damaged DICOM header"),
            ("PixelSpacing", [0, 0], "spacing of zero"),
        ],
    )
    def test_a_useless_geometry_is_refused(
        self, tmp_path: Path, keyword: str, value: list[float], words: str
    ) -> None:
        folder = edited(tmp_path / "a", lambda data, _: setattr(data, keyword, value))
        with pytest.raises(InputError, match=words):
            read_volume(folder)

    @pytest.mark.parametrize("gone", [(), (5,)])
    @pytest.mark.parametrize("shared_rescaling", [False, True])
    def test_an_enhanced_file_holds_the_whole_stack(
        self, tmp_path: Path, gone: tuple[int, ...], shared_rescaling: bool
    ) -> None:
        volume = ct()
        write_dicom(volume, tmp_path / "a")
        files = [pydicom.dcmread(file) for file in sorted((tmp_path / "a").iterdir())]
        # Frames may be stored in any order.
        order = [k for k in random.Random(0).sample(range(12), 12) if k not in gone]
        data, frames = files[0], []
        for k in order:
            frame, position, value = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
            position.ImagePositionPatient = files[k].ImagePositionPatient
            value.RescaleSlope, value.RescaleIntercept = 1, files[k].RescaleIntercept
            frame.PlanePositionSequence = [position]
            if not shared_rescaling:
                frame.PixelValueTransformationSequence = [value]
            frames.append(frame)
        shared, measures, plane = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        measures.PixelSpacing, plane.ImageOrientationPatient = data.PixelSpacing, data.ImageOrientationPatient
        shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
        if shared_rescaling:
            shared.PixelValueTransformationSequence = [value]
        data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], frames
        data.NumberOfFrames = len(order)
        data.PixelData = b"".join(files[k].PixelData for k in order)
        del data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing, data.RescaleIntercept
        data.save_as(tmp_path / "enhanced.dcm")
        read = read_volume(tmp_path / "enhanced.dcm")
        assert len(read.warnings) == len(gone)
        assert np.array_equal(read.voxels[sorted(order)], volume.voxels[sorted(order)])
        assert np.allclose(read.ijk_to_ras, volume.ijk_to_ras)


class TestValues:
    def test_every_slice_has_its_own_rescaling(self, tmp_path: Path) -> None:
        def scale(data: pydicom.Dataset, k: int) -> None:
            data.RescaleSlope, data.RescaleIntercept = 1 + k / 2, -k

        read = read_volume(edited(tmp_path / "a", scale))
        stored = ct().voxels.astype(float) - ct().voxels.min()
        k = np.arange(12).reshape(-1, 1, 1)
        assert read.voxels.dtype == np.float32
        assert np.allclose(read.voxels, stored * (1 + k / 2) - k)

    def test_a_wider_slice_widens_the_volume(self, tmp_path: Path) -> None:
        def scale(data: pydicom.Dataset, k: int) -> None:
            data.RescaleIntercept = -1024 if k < 7 else 60000

        read = read_volume(edited(tmp_path / "a", scale))
        stored = ct().voxels.astype(int) - ct().voxels.min()
        assert np.array_equal(read.voxels[:7], stored[:7] - 1024)
        assert np.array_equal(read.voxels[7:], stored[7:] + 60000)

    def test_padding_becomes_air(self, tmp_path: Path) -> None:
        def pad(data: pydicom.Dataset, _: int) -> None:
            pixels = np.frombuffer(data.PixelData, np.int16).copy()
            pixels[:3] = -2000
            data.PixelData = pixels.tobytes()
            data.PixelRepresentation = 1
            data.add_new("PixelPaddingValue", "SS", -2000)

        read = read_volume(edited(tmp_path / "a", pad))
        assert (read.voxels[:, 0, :3] == -1024).all()
        assert np.array_equal(read.voxels[:, 1:], ct().voxels[:, 1:])

    def test_padding_with_the_wrong_sign_and_a_range_becomes_the_minimum(self, tmp_path: Path) -> None:
        def pad(data: pydicom.Dataset, _: int) -> None:
            pixels = np.frombuffer(data.PixelData, np.int16).copy()
            pixels[:3] = -2000, -1990, -1980
            data.PixelData = pixels.tobytes()
            data.PixelRepresentation = 1
            data.add_new("PixelPaddingValue", "US", 63536)
            data.add_new("PixelPaddingRangeLimit", "US", 63556)

        read = read_volume(edited(tmp_path / "a", pad, modality="MR"))
        for voxels in read.voxels:
            assert (voxels.ravel()[:3] == voxels.ravel()[3:].min()).all()

    @pytest.mark.parametrize("modality", ["CR", "DX"])
    def test_a_radiograph_whose_small_values_are_white_is_inverted(
        self, tmp_path: Path, modality: str
    ) -> None:
        pixels = np.random.default_rng(0).integers(0, 4095, (1, 6, 7)).astype(np.uint16)
        write_dicom(Volume(pixels, LPS, modality), tmp_path / "a")
        data = pydicom.dcmread(tmp_path / "a" / "00001.dcm")
        data.PhotometricInterpretation, data.BitsStored, data.HighBit = "MONOCHROME1", 12, 11
        data.save_as(tmp_path / "a.dcm")
        assert np.array_equal(read_volume(tmp_path / "a.dcm").voxels, 4095 - pixels)

    @pytest.mark.parametrize("entries", [1000, 4096])
    @pytest.mark.parametrize("rising", [True, False])
    def test_a_lookup_table_and_white_small_values_keep_what_is_bright(
        self, tmp_path: Path, entries: int, rising: bool
    ) -> None:
        """The table comes first, then the shade, over the range of the table's values."""
        pixels = np.arange(42, dtype=np.uint16).reshape(6, 7) * 20
        table = np.arange(entries, dtype="<u2") * 3
        item = pydicom.Dataset()
        item.add_new("LUTDescriptor", "US", [entries, 0, 16])
        item.add_new("LUTData", "OW", (table if rising else table[::-1]).tobytes())
        item.ModalityLUTType = "US"

        def look_up(data: pydicom.Dataset, _: int) -> None:
            data.PixelData, data.ModalityLUTSequence = pixels.tobytes(), [item]
            data.PhotometricInterpretation, data.BitsStored, data.HighBit = "MONOCHROME1", 12, 11
            # Some write both; the table counts alone.
            data.RescaleSlope, data.RescaleIntercept = 2, 100

        read = read_volume(edited(tmp_path / "a", look_up, slices=1, modality="DX")).voxels[0]
        assert len(np.unique(read)) == 42
        steps = np.diff(read.ravel().astype(int))
        assert (steps == (-60 if rising else 60)).all()

    @pytest.mark.parametrize(
        ("photometric", "shape", "inverted"),
        [
            ("MONOCHROME2", "IDENTITY", False),
            ("MONOCHROME2", "INVERSE", True),
            ("MONOCHROME1", "INVERSE", True),
            ("MONOCHROME1", "IDENTITY", True),
        ],
    )
    def test_a_radiograph_shown_inversely_is_inverted_once(
        self, tmp_path: Path, photometric: str, shape: str, inverted: bool
    ) -> None:
        def show(data: pydicom.Dataset, _: int) -> None:
            data.PhotometricInterpretation, data.PresentationLUTShape = photometric, shape
            data.PixelData = np.arange(42, dtype=np.uint16).tobytes()
            data.RescaleIntercept = 0

        read = read_volume(edited(tmp_path / "a", show, slices=1, modality="DX")).voxels[0]
        assert (read[0, 0] > read[-1, -1]) == inverted

    @pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 13), (10, 11), (14, 15), (12, 11)])
    @pytest.mark.parametrize("signed", [False, True])
    @pytest.mark.parametrize("garbage", [False, True])
    def test_values_are_taken_out_of_the_bits_that_hold_them(
        self, tmp_path: Path, stored: int, high: int, signed: bool, garbage: bool
    ) -> None:
        """Overlays of old files lie in the other bits."""
        half = 2 ** (stored - 1)
        values = np.linspace(-half if signed else 0, half - 1 if signed else 2 * half - 1, 42).astype(
            np.int64
        )
        written = (values % 2**stored) << (high + 1 - stored)
        if garbage:
            others = 0xFFFF & ~((2**stored - 1) << (high + 1 - stored))
            written |= np.random.default_rng(0).integers(0, 2**16, 42) & others & 0x5555

        def write(data: pydicom.Dataset, _: int) -> None:
            data.BitsStored, data.HighBit, data.PixelRepresentation = stored, high, int(signed)
            data.PixelData = written.astype("<u2").tobytes()
            data.RescaleIntercept = -1024

        read = read_volume(edited(tmp_path / "a", write, slices=1))
        assert np.array_equal(read.voxels.ravel(), values - 1024)

    def test_signed_values_beyond_the_bits_said_to_be_stored_stay_what_they_are(self, tmp_path: Path) -> None:
        values = np.tile(np.array([-3024, -1000, 0, 40, 2500, 3000], np.int16), 7)

        def write(data: pydicom.Dataset, _: int) -> None:
            data.BitsStored, data.HighBit, data.PixelRepresentation = 12, 11, 1
            data.PixelData, data.RescaleIntercept = values.tobytes(), 0
            data.add_new("PixelPaddingValue", "SS", -3024)

        read = read_volume(edited(tmp_path / "a", write, slices=1))
        assert np.array_equal(read.voxels.ravel(), np.maximum(values, -1024))

    @pytest.mark.parametrize("stored", [16, 12])
    def test_padding_of_unsigned_ct_becomes_air(self, tmp_path: Path, stored: int) -> None:
        """63536 is -2000 with the wrong sign; it needs more bits than some say to store."""
        values = np.tile(np.array([63536, 1024, 1064, 2024, 3024, 63536], np.uint16), 7)

        def write(data: pydicom.Dataset, k: int) -> None:
            data.BitsStored, data.HighBit, data.RescaleIntercept = stored, stored - 1, -1024
            # The first slice lies outside the scanner's circle as a whole.
            data.PixelData = (values if k else values * 0 + 63536).tobytes()
            data.add_new("PixelPaddingValue", "US", 63536)

        read = read_volume(edited(tmp_path / "a", write, slices=2))
        assert read.voxels.dtype == np.int16
        assert (read.voxels[0] == -1024).all()
        assert read.voxels[1].ravel()[:6].tolist() == [-1024, 0, 40, 1000, 2000, -1024]

    @pytest.mark.parametrize("planar", [0, 1])
    def test_grey_in_colour_is_grey(self, tmp_path: Path, planar: int) -> None:
        grey = np.arange(42, dtype=np.uint8).reshape(6, 7) * 6
        colours = np.repeat(grey[..., None], 3, axis=2)

        def paint(data: pydicom.Dataset, _: int, spot: int = 0) -> None:
            painted = colours.copy()
            painted[2, 3, 0] += spot
            data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", planar
            data.BitsAllocated, data.BitsStored, data.HighBit, data.RescaleIntercept = 8, 8, 7, 0
            data.PixelData = (painted.transpose(2, 0, 1) if planar else painted).tobytes()
            data["PixelData"].VR = "OB"

        read = read_volume(edited(tmp_path / "a", paint, slices=1, modality="DX"))
        assert np.array_equal(read.voxels[0], grey)
        folder = edited(tmp_path / "b", lambda data, k: paint(data, k, 90), slices=1, modality="DX")
        with pytest.raises(InputError, match="colour"):
            read_volume(folder)

    def test_a_palette_of_greys_is_grey(self, tmp_path: Path) -> None:
        indices = np.arange(42, dtype=np.uint8).reshape(6, 7)
        levels = np.arange(256)[::-1].astype(np.uint8)

        def paint(data: pydicom.Dataset, _: int, blue: int = 0) -> None:
            data.PhotometricInterpretation, data.RescaleIntercept = "PALETTE COLOR", 0
            data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 7
            data.PixelData = indices.tobytes()
            data["PixelData"].VR = "OB"
            for colour in ("Red", "Green", "Blue"):
                data.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, 8])
                table = levels // (1 + blue * (colour == "Blue"))
                data.add_new(f"{colour}PaletteColorLookupTableData", "OW", table.tobytes())

        read = read_volume(edited(tmp_path / "a", paint, slices=1, modality="DX"))
        assert np.array_equal(read.voxels[0], levels[indices])
        folder = edited(tmp_path / "b", lambda data, k: paint(data, k, 1), slices=1, modality="DX")
        with pytest.raises(InputError, match="colour"):
            read_volume(folder)

    def test_a_ct_keeps_its_numbers_whatever_shade_they_are_shown_in(self, tmp_path: Path) -> None:
        folder = edited(tmp_path / "a", lambda d, _: setattr(d, "PhotometricInterpretation", "MONOCHROME1"))
        assert np.array_equal(read_volume(folder).voxels, ct().voxels)

    def test_a_radiograph_takes_the_detector_spacing_and_slicers_place(self, tmp_path: Path) -> None:
        write_dicom(Volume(np.arange(42, dtype=np.uint16).reshape(1, 6, 7), LPS, "CR"), tmp_path / "a")
        data = pydicom.dcmread(tmp_path / "a" / "00001.dcm")
        for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
            delattr(data, keyword)
        data.save_as(tmp_path / "unknown.dcm")
        assert not read_volume(tmp_path / "unknown.dcm").spacing_known
        data.ImagerPixelSpacing = [0.2, 0.1]
        data.save_as(tmp_path / "known.dcm")
        read = read_volume(tmp_path / "known.dcm")
        assert read.spacing_known
        assert np.allclose(read.ijk_to_ras, np.diag([-0.1, -0.2, 1, 1]))
        assert read.modality == "CR"

    def test_two_radiographs_are_no_volume(self, tmp_path: Path) -> None:
        def forget(data: pydicom.Dataset, _: int) -> None:
            del data.ImagePositionPatient, data.ImageOrientationPatient

        with pytest.raises(InputError, match="separate radiographs"):
            read_volume(edited(tmp_path / "a", forget, slices=2, modality="CR"))


class TestRealFiles:
    @pytest.mark.parametrize(
        "name",
        [
            "MR_small_RLE.dcm",
            "MR_small_bigendian.dcm",
            "MR_small_expb.dcm",
            "MR_small_implicit.dcm",
            "MR_small_jp2klossless.dcm",
            "MR_small_jpeg_ls_lossless.dcm",
            "MR_small_padded.dcm",
        ],
    )
    def test_the_same_slice_in_every_encoding_is_the_same(self, name: str) -> None:
        plain, other = read_volume(shipped("MR_small.dcm")), read_volume(shipped(name))
        assert np.array_equal(other.voxels, plain.voxels)
        assert np.allclose(other.ijk_to_ras, plain.ijk_to_ras)
        assert other.modality == "MR"

    @pytest.mark.parametrize("name", ["CT_small.dcm", "693_J2KI.dcm", "JPEG-lossy.dcm", "image_dfl.dcm"])
    def test_values_are_those_that_itk_reads(self, name: str) -> None:
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(shipped(name)))).astype(float)
        read = read_volume(shipped(name))
        if read.modality == "CT":
            # Two of the files have padding, which ITK keeps.
            expected = np.maximum(expected, -1024)
        # Two decoders of a lossy compression may round differently.
        assert np.abs(read.voxels - expected).max() <= 1

    def test_a_series_in_lossless_jpeg_needs_no_other_package(self, tmp_path: Path) -> None:
        def compress(data: pydicom.Dataset, _: int) -> None:
            writer = sitk.ImageFileWriter()
            writer.SetFileName(str(tmp_path / "packed.dcm"))
            writer.UseCompressionOn()
            writer.SetCompressor("JPEG")
            writer.Execute(sitk.GetImageFromArray(data.pixel_array))
            packed = pydicom.dcmread(tmp_path / "packed.dcm")
            assert packed.file_meta.TransferSyntaxUID == pydicom.uid.JPEGLosslessSV1
            data.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
            data.PixelData = packed.PixelData
            data["PixelData"].VR = "OB"

        assert np.array_equal(read_volume(edited(tmp_path / "a", compress)).voxels, ct().voxels)

    def test_a_truncated_file_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"MR_truncated.dcm is damaged or truncated"):
            read_volume(shipped("MR_truncated.dcm"))

    def test_no_shipped_file_ends_in_anything_but_a_volume_or_a_sentence(self) -> None:
        files = sorted(shipped("CT_small.dcm").parent.glob("*.dcm"))
        assert len(files) > 20
        outcomes = []
        for file in files:
            try:
                outcomes.append(read_volume(file).voxels.size > 1)
            except InputError as error:
                assert file.name in str(error)
                outcomes.append(False)
        assert sum(outcomes) >= 15

    def test_the_whole_body_survives_dicom(self, real_data: Path, tmp_path: Path) -> None:
        volume = read_volume(real_data / "whole_body" / "female_ct.nii.gz")
        part = Volume(volume.voxels[::12], volume.ijk_to_ras @ np.diag([1, 1, 12, 1]), "CT")
        write_dicom(part, tmp_path / "a")
        read = read_volume(tmp_path / "a")
        assert np.array_equal(read.voxels, part.voxels)
        assert np.allclose(read.ijk_to_ras, part.ijk_to_ras, atol=1e-4)


class TestWriting:
    def test_a_folder_in_use_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "notes.txt").write_text("mine")
        with pytest.raises(OutputError, match="not empty"):
            write_dicom(ct(), tmp_path / "a")
        assert [file.name for file in tmp_path.rglob("*")] == ["a", "notes.txt"]

    def test_skewed_rows_and_columns_are_refused(self, tmp_path: Path) -> None:
        matrix = np.eye(4)
        matrix[0, 1] = 0.2
        with pytest.raises(OutputError, match="perpendicular"):
            write_dicom(Volume(ct().voxels, matrix), tmp_path / "a")

    def test_a_missing_parent_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="Cannot write"):
            write_dicom(ct(), tmp_path / "missing" / "a")

    def test_files_have_no_name_of_a_patient_and_pass_pydicoms_checks(self, tmp_path: Path) -> None:
        write_dicom(ct(), tmp_path / "a")
        with pydicom.config.strict_reading():
            for file in (tmp_path / "a").iterdir():
                data = pydicom.dcmread(file)
                assert data.PatientName == ""
                assert data.pixel_array.shape == (6, 7)
                assert str(data)
