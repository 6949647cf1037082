"""How large a radiograph's pixels are: one rule for all that DICOM may say, and a sentence where in doubt."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from LandmarkDetectionLib.core.doubts import PIXEL_SIZE, Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume, with_spacing
from LandmarkDetectionLib.io.dicom import read_pixel_size
from LandmarkDetectionLib.io.pixel_size import TAGS, PixelSize, pixel_size
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import read_volume, write_dicom
from LandmarkDetectionLib.measurement.from_files import Found, PixelSizing, measure_found
from LandmarkDetectionLib.reporting import CaseReport

MAGNIFIED = {"EstimatedRadiographicMagnificationFactor": 1.5}
DISTANCES = {"DistanceSourceToDetector": 1800.0, "DistanceSourceToPatient": 1200.0}


def radiograph(path: Path, modality: str = "DX", **tags: Any) -> Path:
    """A radiograph of 50 x 100 pixels whose header holds these tags and nothing else of their size."""
    pixels = np.tile(np.arange(100, dtype=np.uint16), (1, 50, 1))
    write_dicom(Volume(pixels, np.diag([-1.0, -1.0, 1.0, 1.0]), modality), path / "written")
    data = pydicom.dcmread(path / "written" / "00001.dcm")
    for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
        delattr(data, keyword)
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    data.save_as(path / "a.dcm")
    return path / "a.dcm"


def of(**tags: Any) -> PixelSize:
    assert set(tags) <= set(TAGS)
    return pixel_size(tags.get)


@pytest.mark.parametrize(
    ("tags", "sides", "words"),
    [
        ({"PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.1, 0.2), ""),
        (
            {"PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "GEOMETRY", **MAGNIFIED},
            (0.1, 0.2),
            "",
        ),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.15, 0.15]}, (0.1, 0.1), ""),
        ({"PixelSpacing": [0.1, 0.1], "NominalScannedPixelSpacing": [0.15, 0.15]}, (0.1, 0.1), ""),
        ({"PixelSpacing": [0.2, 0.1]}, (0.1, 0.2), "does not say whether"),
        ({"PixelSpacing": [0.2, 0.1], **MAGNIFIED}, (0.1, 0.2), "magnification of 1.5 that it also says"),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.1, 0.1]}, (0.2, 0.2), "larger than that"),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, (0.1, 0.2), "at the detector, and no magnification"),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, (0.1, 0.2), "at the scanned film"),
        ({"ImagerPixelSpacing": [0.3, 0.15], **MAGNIFIED}, (0.1, 0.2), "magnification of 1.5 that the file"),
        (
            {"ImagerPixelSpacing": [0.3, 0.15], **DISTANCES},
            (0.1, 0.2),
            "magnification of 1.5 by its distances",
        ),
        ({"NominalScannedPixelSpacing": [0.3, 0.3], **DISTANCES}, (0.2, 0.2), "scanned film divided"),
        (
            {"PixelSpacing": [0.3, 0.3], "ImagerPixelSpacing": [0.3, 0.3], **MAGNIFIED},
            (0.3, 0.3),
            "smaller than measured by the magnification of 1.5",
        ),
        (
            {"PixelSpacing": [0.3, 0.3], "ImagerPixelSpacing": [0.3, 0.3]},
            (0.3, 0.3),
            "at the detector, whose size",
        ),
        (
            {
                "ImagerPixelSpacing": [0.3, 0.3],
                "EstimatedRadiographicMagnificationFactor": 1.2,
                **DISTANCES,
            },
            (0.25, 0.25),
            "distances from the source would make it 1.5",
        ),
        (
            {"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 0.5},
            (0.3, 0.3),
            "a magnification of 0.5 cannot be",
        ),
        (
            {"ImagerPixelSpacing": [0.3, 0.3], "EstimatedRadiographicMagnificationFactor": 1, **DISTANCES},
            (0.2, 0.2),
            "by its distances",
        ),
        (
            {
                "ImagerPixelSpacing": [0.3, 0.3],
                "DistanceSourceToDetector": 1000,
                "DistanceSourceToPatient": 0,
            },
            (0.3, 0.3),
            "no magnification",
        ),
        ({"ImagerPixelSpacing": "0.2\\0.1"}, (0.1, 0.2), "at the detector"),
    ],
)
def test_the_size_in_millimetres_and_what_they_mean(
    tags: dict[str, Any], sides: tuple[float, float], words: str
) -> None:
    found = of(**tags)
    assert found.known
    assert np.allclose(found.sides, sides)
    assert words in found.note
    assert bool(found.note) == bool(words)
    assert not found.note or (found.note.startswith(PIXEL_SIZE) and found.note.endswith("."))


@pytest.mark.parametrize(
    ("tags", "sides", "words"),
    [
        ({}, (1.0, 1.0), ""),
        ({"PixelAspectRatio": [1, 1]}, (1.0, 1.0), ""),
        ({"PixelAspectRatio": [2, 1]}, (1.0, 2.0), "2 times as high as wide"),
        ({"PixelAspectRatio": [3, 4]}, (1.0, 0.75), "0.75 times as high as wide"),
        ({"PixelAspectRatio": [0, 4]}, (1.0, 1.0), ""),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.2]}, (1.0, 1.0), "PixelSpacing of 0 x 0 mm"),
        ({"ImagerPixelSpacing": [140, 140]}, (1.0, 1.0), "ImagerPixelSpacing of 140 x 140 mm cannot be"),
        ({"ImagerPixelSpacing": [-0.1, 0.1]}, (1.0, 1.0), "cannot be"),
        ({"ImagerPixelSpacing": 0.2}, (1.0, 1.0), "cannot be"),
        (
            {"PixelSpacing": [0, 0], "PixelAspectRatio": [2, 1]},
            (1.0, 2.0),
            "cannot be, and pixels are 2 times",
        ),
    ],
)
def test_in_doubt_the_unit_is_pixels(tags: dict[str, Any], sides: tuple[float, float], words: str) -> None:
    found = of(**tags)
    assert not found.known
    assert found.sides == sides
    assert words in found.note
    assert bool(found.note) == bool(words)


class TestReading:
    def test_a_radiograph_is_as_large_as_the_patient(self, tmp_path: Path) -> None:
        read = read_volume(radiograph(tmp_path, ImagerPixelSpacing=[0.3, 0.15], **MAGNIFIED))
        assert np.allclose(read.spacing[:2], [0.1, 0.2])
        assert read.spacing_known
        assert read.warnings[0].startswith(PIXEL_SIZE)

    def test_pixels_that_are_not_square_keep_their_shape(self, tmp_path: Path) -> None:
        read = read_volume(radiograph(tmp_path, "CR", PixelAspectRatio=[2, 1]))
        assert np.allclose(read.spacing[:2], [1, 2])
        assert not read.spacing_known
        assert "2 times as high" in read.warnings[0]

    def test_a_size_of_zero_is_no_size(self, tmp_path: Path) -> None:
        read = read_volume(radiograph(tmp_path, PixelSpacing=[0, 0]))
        assert not read.spacing_known
        assert np.allclose(read.spacing[:2], 1)

    def test_the_panel_gets_the_same_answer_from_the_file(self, tmp_path: Path) -> None:
        path = radiograph(tmp_path, ImagerPixelSpacing=[0.3, 0.15], **DISTANCES)
        found, read = read_pixel_size(path), read_volume(path)
        assert found is not None
        assert np.allclose(found.sides, read.spacing[:2])
        assert (found.note,) == read.warnings

    def test_a_ct_has_the_patients_size_and_no_rule(self, tmp_path: Path) -> None:
        write_dicom(
            Volume(np.zeros((2, 5, 5), np.int16), np.diag([-2.0, -2.0, 3.0, 1.0]), "CT"), tmp_path / "a"
        )
        assert read_pixel_size(tmp_path / "a" / "00001.dcm") is None
        assert read_volume(tmp_path / "a").warnings == ()
        assert read_pixel_size(Path(__file__)) is None

    def test_a_size_that_a_person_gives_ends_the_doubt(self, tmp_path: Path) -> None:
        read = with_spacing(read_volume(radiograph(tmp_path, ImagerPixelSpacing=[0.3, 0.3])), (0.2, 0.2))
        assert read.warnings == ()
        assert np.allclose(read.spacing[:2], 0.2)


class TestMeasuring:
    MARKS = LandmarkSet(
        (
            Landmark("wrist", np.array([0.0, 0.0, 0.0])),
            Landmark("middle_tip", np.array([0.0, 30.0, 0.0])),
        )
    )

    def test_lengths_at_the_detector_are_called_that(self, tmp_path: Path) -> None:
        volume = read_volume(radiograph(tmp_path, ImagerPixelSpacing=[0.3, 0.3]))
        told = measure_found(Found("a", self.MARKS), load_protocol("hand"), volume).doubts
        assert [one.kind for one in told] == [DoubtKind.PIXEL_SIZE]

    def test_the_record_of_a_detection_carries_it_on_without_the_image(self) -> None:
        doubt = Doubt("Millimetres are at the detector.", DoubtKind.PIXEL_SIZE)
        found = Found("a", self.MARKS, "hand", "1.1.0", (doubt, Doubt(f"{PIXEL_SIZE}something else.")))
        assert measure_found(found, load_protocol("hand")).doubts == (doubt,)

    def test_who_calibrates_is_told_nothing_of_it(self, tmp_path: Path) -> None:
        volume = read_volume(radiograph(tmp_path, ImagerPixelSpacing=[0.3, 0.3]))
        found = Found("a", self.MARKS, doubts=volume.doubts)
        ruler = PixelSizing(ruler=(0, 0, 10, 0, 2.0))
        measured = measure_found(found, load_protocol("hand"), volume, ruler)
        report = CaseReport("a", measured, self.MARKS, None, volume, doubts=found.doubts)  # type: ignore[arg-type]
        assert report.all_warnings == measured.warnings and measured.doubts[0].kind is DoubtKind.CALIBRATION
        assert measured["hand_length"].value == pytest.approx(20.0)
