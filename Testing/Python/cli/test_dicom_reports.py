"""DICOM in, DICOM out, and back in: the real command with Structured Reports."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from LandmarkDetectionLib.files import resource_path, sha256_of
from LandmarkDetectionLib.io.dicom_sr import read_sr
from LandmarkDetectionLib.io.records import read_detection
from LandmarkDetectionLib.io.volumes import read_volume, write_dicom, write_volume
from LandmarkDetectionLib.provenance import volume_digest
from LandmarkDetectionLib.reporting import write_report
from Testing.examples.hand_radiograph import as_volume, drawn_radiograph
from Testing.examples.measurement_cases import FACE, in_picture
from Testing.examples.sr_cases import radiograph, report_of
from Testing.examples.sr_readers import in_ohif

pytest.importorskip("highdicom", reason="needs highdicom")

SHIPPED = pytest.mark.skipif(
    not resource_path("Models", "hand").is_dir(), reason="the shipped model is not in this checkout"
)


@SHIPPED
def test_a_radiograph_is_detected_reported_measured_and_reported_again(cli: Callable, tmp_path: Path) -> None:
    write_dicom(as_volume(drawn_radiograph().astype(np.int16), 0.4), tmp_path / "hand")
    image = next((tmp_path / "hand").iterdir())
    report, record = tmp_path / "found.dcm", tmp_path / "found.json"
    manifest = tmp_path / "found.dcm.manifest.json"
    answer = cli("detect", image, "-m", "hand", "-o", report, "-o", record)
    assert answer.code == 0, answer.err
    told = json.loads(manifest.read_text())
    assert told["models"][0]["name"] == "hand" and told["command"] == "detect"
    assert [one["sha256"] for one in told["outputs"]] == [sha256_of(report), sha256_of(record)]
    assert told["inputs"][0]["sha256"] == volume_digest(read_volume(image))
    header = pydicom.dcmread(image)
    for private in (str(tmp_path), image.name, header.SOPInstanceUID, header.SeriesInstanceUID):
        assert private not in manifest.read_text()
    found, back = read_detection(record).landmarks, read_sr(report).landmarks(read_volume(image))
    assert back.names == found.names
    np.testing.assert_allclose(back.positions, found.positions, atol=1e-3)

    def lengths(*words: object) -> dict[str, float]:
        answer = cli("measure", *words, "--image", image, "--json")
        assert answer.code == 0, answer.err
        rows = json.loads(answer.out)["cases"][0]["measurements"]
        return {row["name"]: row["value"] for row in rows if row["value"] is not None}

    from_report, from_record = lengths(report), lengths(record)
    for name, value in from_record.items():
        assert from_report[name] == pytest.approx(value, abs=1e-3)
    again = tmp_path / "again.dcm"
    answer = cli("report", report, "--image", image, "-o", again)
    assert answer.code == 0, answer.err
    assert in_ohif(again) == in_ohif(report)
    answer = cli("measure", report)
    assert answer.code == 3 and "pixels of an image; give" in " ".join(answer.err.split())


def test_a_report_of_what_is_no_dicom_is_refused_before_anything_is_done(
    cli: Callable, tmp_path: Path
) -> None:
    write_volume(as_volume(drawn_radiograph()), tmp_path / "hand.nrrd")
    answer = cli("detect", tmp_path / "hand.nrrd", "-m", "hand", "-o", tmp_path / "found.dcm")
    assert answer.code == 5 and "is not one series of them" in " ".join(answer.err.split())
    image = radiograph(tmp_path)
    answer = cli("detect", image, "-m", "hand", "-o", image)
    assert answer.code == 5 and image.is_file() and pydicom.dcmread(image).Modality == "DX"


@pytest.fixture
def face(tmp_path: Path) -> tuple[Path, Path]:
    """A radiograph and a report of a face in it."""
    image = radiograph(tmp_path, PixelSpacing=[10.0, 10.0])
    volume = read_volume(image)
    points = in_picture({name: FACE[name] for name in ("sella", "nasion", "subspinale")}, 0.8)
    write_report(report_of(volume, points, "cephalometric-19"), tmp_path / "face.dcm", [image])
    return image, tmp_path / "face.dcm"


def test_a_report_of_another_image_is_not_measured(
    cli: Callable, face: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = radiograph(tmp_path / "other", PixelSpacing=[10.0, 10.0])
    answer = cli("measure", face[1], "--image", other, "--protocol", "cephalometric-19")
    assert answer.code == 3 and "was made on another image" in " ".join(answer.err.split())
    assert cli("measure", face[1], "--image", face[0], "--protocol", "cephalometric-19").code == 0


def test_points_of_a_report_are_kept_as_an_annotation(
    cli: Callable, face: tuple[Path, Path], tmp_path: Path
) -> None:
    image, report = face
    answer = cli("annotations", "add", tmp_path / "store", image, report, "--reviewer", "A")
    assert answer.code == 0, answer.err
    told = json.loads(cli("annotations", "summary", tmp_path / "store", "--json").out)
    corrected = {one["landmark"] for one in told["landmarks"] if one["corrected"]}
    assert corrected == {"sella", "nasion", "subspinale"}


def test_an_archive_is_imported(cli: Callable, face: tuple[Path, Path], tmp_path: Path) -> None:
    answer = cli("data", "import", "dicom-sr", tmp_path, "--out", tmp_path / "set")
    assert answer.code == 0, answer.err
    assert "with 1 case." in answer.out
