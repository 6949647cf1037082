"""Images and Structured Reports of an archive become a datalist of annotated images."""

import json
import shutil

import numpy as np
import pydicom
import pytest

from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.importers.dicom_reports import import_dicom_reports
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.reporting import write_report
from Testing.examples.sr_cases import files_of, oblique_ct, radiograph, report_of, somewhere_in

pytest.importorskip("highdicom", reason="needs highdicom")

NAMES = ("chin", "neck", "knee_left", "eye_left")


@pytest.fixture(params=["space", "picture"])
def archive(request, tmp_path):
    """(folder, image, landmarks by rater): two reports on one image of a patient."""
    folder = tmp_path / "archive"
    folder.mkdir()
    image = oblique_ct(folder) if request.param == "space" else radiograph(folder)
    for file in files_of(image):
        data = pydicom.dcmread(file)
        data.PatientID = "Doe-4711"
        data.save_as(file)
    volume = read_volume(image)
    truth = [somewhere_in(volume, NAMES, seed=rater) for rater in range(2)]
    for number, marks in enumerate(truth):
        write_report(report_of(volume, marks), folder / f"report{number}.dcm", files_of(image))
    return folder, image, truth


def assert_same(found, expected):
    assert found.names == expected.names
    np.testing.assert_allclose(found.positions, expected.positions, atol=1e-3)
    assert [one.status for one in found] == [one.status for one in expected]


def test_points_come_with_their_images(archive, tmp_path):
    folder, _, truth = archive
    done = import_dicom_reports(folder, tmp_path / "out")
    assert done.cases == 1 and "Doe" not in done.datalist.read_text()
    (case,) = read_datalist(done.datalist, missing="ignore").cases
    assert case.subject == "patient-1"
    for rater, expected in zip(case.raters, truth, strict=True):
        assert_same(case.read_landmarks(rater), expected)


def test_a_datalist_may_name_the_reports_themselves(archive, tmp_path):
    folder, image, truth = archive
    row = {"image": str(image), "landmarks": str(folder / "report1.dcm"), "subject": "a"}
    (tmp_path / "data.json").write_text(json.dumps({"cases": [row]}))
    (case,) = read_datalist(tmp_path / "data.json", missing="ignore").cases
    assert_same(case.read_landmarks(), truth[1])


def test_a_report_without_its_image_is_refused(archive, tmp_path):
    folder, image, _ = archive
    shutil.move(image, tmp_path)
    with pytest.raises(InputError, match=r"is not there; put it|fit no image"):
        import_dicom_reports(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("archive", ["space"], indirect=True)
def test_of_two_series_in_one_frame_the_one_counts_that_the_report_names(archive, tmp_path):
    folder, image, _ = archive
    (folder / "other").mkdir()
    for file in files_of(image):
        data = pydicom.dcmread(file)
        data.SeriesInstanceUID = "1.2.3"
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        data.save_as(folder / "other" / file.name)
    done = import_dicom_reports(folder, tmp_path / "out")
    (case,) = read_datalist(done.datalist, missing="ignore").cases
    assert case.images[0].name == "ct"


@pytest.mark.parametrize("archive", ["space"], indirect=True)
def test_series_that_share_a_folder_are_refused(archive, tmp_path):
    folder, image, _ = archive
    radiograph(folder).rename(image / "radiograph.dcm")
    with pytest.raises(InputError, match="shares its folder with others"):
        import_dicom_reports(folder, tmp_path / "out")


def test_a_folder_without_reports_is_said_to_be_one(tmp_path):
    radiograph(tmp_path)
    with pytest.raises(InputError, match="holds no Structured Report with points"):
        import_dicom_reports(tmp_path, tmp_path / "out")
