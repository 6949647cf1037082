"""DICOM reports leave the scene and come back in the coordinates of the images, however these were moved."""

import numpy as np
import pydicom
import pytest
import slicer
from LandmarkDetectionSlicer.logic.files import importLandmarks
from LandmarkDetectionSlicer.logic.measuring import writeReport
from LandmarkDetectionSlicer.scene.nodes import applyDetection, loadWorldReview

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.dicom_sr import read_sr
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.reporting import write_report
from Testing.examples.sr_cases import files_of, oblique_ct, radiograph, report_of, somewhere_in
from Testing.Python.slicer_module.mrml_cases import TURN, add_transform

pytest.importorskip("highdicom", reason="needs highdicom")

MICROMETRE = 1e-3
MOVE = Affine(TURN)


@pytest.fixture(params=[oblique_ct, radiograph])
def case(request, scene, tmp_path, monkeypatch):
    """(volume node, volume, landmarks, report's file) of an image of the DICOM database."""
    image = request.param(tmp_path)
    volume = read_volume(image)
    files = {str(pydicom.dcmread(file).SOPInstanceUID): str(file) for file in files_of(image)}

    class Database:
        def fileForInstance(self, uid):  # noqa: N802
            return files.get(uid, "")

        def instanceValue(self, uid, tag):  # noqa: N802
            return volume.modality

    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    node = slicer.util.addVolumeFromArray(volume.voxels, volume.ijk_to_ras, "scan")
    node.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    landmarks = somewhere_in(volume, ("chin", "neck", "knee_left", "eye_left"))
    return node, volume, landmarks, tmp_path / "report.dcm"


def near(found: LandmarkSet, expected: LandmarkSet) -> None:
    assert found.names == expected.names
    np.testing.assert_allclose(found.positions, expected.positions, atol=MICROMETRE)
    assert [one.status for one in found] == [one.status for one in expected]


def test_a_moved_image_is_reported_where_its_files_are(case):
    node, volume, landmarks, path = case
    add_transform(TURN, node)
    shown = applyDetection(Detection(landmarks, "a-model", "1.0.0").transformed(MOVE), node)
    writeReport(shown, load_protocol("whole-body"), path)
    near(read_sr(path).landmarks(volume), landmarks)


def test_a_report_comes_back_onto_the_moved_image(case):
    node, _, landmarks, path = case
    writeReport(
        applyDetection(Detection(landmarks, "a-model", "1.0.0"), node), load_protocol("whole-body"), path
    )
    add_transform(TURN, node)
    review = loadWorldReview(importLandmarks(path, node))
    near(review.landmarks, landmarks.transformed(MOVE))
    assert (review.prediction.model, review.prediction.model_version) == ("a-model", "1.0.0")


def test_a_report_of_another_image_is_refused(case, tmp_path):
    node, _, landmarks, path = case
    writeReport(applyDetection(Detection(landmarks, "", ""), node), load_protocol("whole-body"), path)
    for file in map(slicer.dicomDatabase.fileForInstance, node.GetAttribute("DICOM.instanceUIDs").split()):
        data = pydicom.dcmread(file)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        data.FrameOfReferenceUID = "1.2.3"
        data.save_as(file)
    with pytest.raises(InputError, match="so its points mean nothing there"):
        importLandmarks(path, node)


def test_an_image_whose_geometry_was_edited_is_not_reported(scene, case):
    node, volume, landmarks, path = case
    if volume.is_2d:
        node.SetAndObserveImageData(None)
        smaller = slicer.util.addVolumeFromArray(volume.voxels[:, 2:], volume.ijk_to_ras, "cut")
        smaller.SetAttribute("DICOM.instanceUIDs", node.GetAttribute("DICOM.instanceUIDs"))
        node = smaller
    else:
        x, y, z = node.GetOrigin()
        node.SetOrigin(x, y + 25.0, z)
    shown = applyDetection(Detection(landmarks, "", ""), node)
    with pytest.raises(OutputError, match=r"as it was loaded|as the DICOM file has it"):
        writeReport(shown, load_protocol("whole-body"), path)
    assert not path.exists()


def test_points_of_a_radiograph_need_it(scene, tmp_path):
    image = radiograph(tmp_path)
    volume = read_volume(image)
    write_report(report_of(volume, somewhere_in(volume, ("chin",))), tmp_path / "report.dcm", [image])
    with pytest.raises(InputError, match="give this image"):
        importLandmarks(tmp_path / "report.dcm")
    other = slicer.util.addVolumeFromArray(np.zeros((4, 24, 31), np.int16), np.eye(4), "volume")
    with pytest.raises(InputError, match="a volume was given"):
        importLandmarks(tmp_path / "report.dcm", other)
