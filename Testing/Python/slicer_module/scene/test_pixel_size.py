"""The pixels of a radiograph are as large in the panel as on the command line, whatever Slicer reads."""

import numpy as np
import pytest
import SimpleITK
import slicer
from LandmarkDetectionSlicer.logic.measuring import measureNode
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene import pixel_size, volumes
from LandmarkDetectionSlicer.scene.nodes import applyDetection, loadReview
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.io.volumes import read_volume

ENDS = Protocol(
    name="ends",
    title="Ends",
    version="1.0.0",
    region="hand",
    view="picture",
    landmarks=[{"name": name, "title": name, "definition": name} for name in ("first", "last")],
    measurements=[
        {"name": "length", "title": "Length", "kind": "distance", "landmarks": ["first", "last"]},
    ],
)


def radiograph(path, modality="DX", size=(300, 400), **tags):
    """A DICOM file of one projection, columns x rows."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    storage = "1.2.840.10008.5.1.4.1.1.1" + (".1" if modality == "DX" else "")
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = storage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.77"
    image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = "1.2.3", "1.2.4", modality
    image.Columns, image.Rows = size
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = (np.arange(size[0] * size[1]) % 4096).astype(np.uint16).tobytes()
    for name, value in tags.items():
        setattr(image, name, value)
    image.save_as(path, enforce_file_format=True)
    return path


def load(path):
    """A node as Slicer's reader makes it."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.stem)
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetSingleFile(1)
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    node.SetAndObserveStorageNodeID(storage.GetID())
    return node


def load_picture(path):
    """A node with what ITK's reader, which is Slicer's, takes for its spacing; slicer-core lacks pictures."""
    image = SimpleITK.ReadImage(str(path))
    node = slicer.util.addVolumeFromArray(SimpleITK.GetArrayFromImage(image)[None], np.diag([-1.0, -1, 1, 1]))
    node.SetSpacing(*image.GetSpacing(), 1)
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    node.SetAndObserveStorageNodeID(storage.GetID())
    return node


def found_in(node, spacing=None):
    """Landmarks 200 pixels apart, found in a node as it is read now, or with another spacing."""
    if spacing is None:
        spacing = volumes.readVolume(node).spacing
    ends = ((name, -spacing * (i, 100, 0)) for name, i in (("first", 50), ("last", 250)))
    landmarks = tuple(Landmark(name, end) for name, end in ends)
    return applyDetection(Detection(LandmarkSet(landmarks), "ends", "1.0.0"), node)


SIZES = {
    "patient only": {"PixelSpacing": [0.15, 0.15]},
    "patient and detector": {"PixelSpacing": [0.15, 0.15], "ImagerPixelSpacing": [0.2, 0.2]},
    "not square": {"PixelSpacing": [0.3, 0.15]},
    "magnified": {"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25},
    "detector only": {"ImagerPixelSpacing": [0.2, 0.2]},
    "nothing": {},
    "aspect ratio": {"PixelAspectRatio": ["2", "1"]},
    "no size at all": {"PixelSpacing": [0, 0]},
}


@pytest.mark.parametrize("modality", ["DX", "CR"])
@pytest.mark.parametrize("tags", SIZES.values(), ids=SIZES)
def test_a_radiograph_has_the_size_in_the_panel_that_the_command_reads(scene, tmp_path, tags, modality):
    path = radiograph(tmp_path / "hand.dcm", modality, **tags)
    command, node = read_volume(path), load(path)
    panel = volumes.readVolume(node)
    np.testing.assert_allclose(panel.ijk_to_ras, command.ijk_to_ras, rtol=1e-6, atol=1e-9)
    assert (panel.spacing_known, panel.warnings) == (command.spacing_known, command.warnings)
    measured = measureNode(found_in(node), ENDS)["length"]
    is_square = command.spacing_known or command.spacing[0] == command.spacing[1]
    value = pytest.approx(200 * command.spacing[0]) if is_square else None
    assert (measured.value, measured.unit) == (value, "mm" if command.spacing_known else "px")


def test_what_was_corrected_is_said_and_the_file_is_still_the_image(host, tmp_path):
    from LandmarkDetectionSlicer.logic.annotating import imageFileOf

    node = load(radiograph(tmp_path / "hand.dcm", PixelSpacing=[0.15, 0.15]))
    assert volumes.remark(node) is None
    pixel_size.correctPixelSize(node)
    assert volumes.remark(node).endswith(
        "Slicer had read hand with 1 x 1 mm; it has its DICOM header's 0.15 x 0.15 mm now."
    )
    assert imageFileOf(node) == str(tmp_path / "hand.dcm")
    slicer.util.arrayFromVolume(node)[:] = 0
    slicer.util.arrayFromVolumeModified(node)
    assert imageFileOf(node) is None


def test_landmarks_that_were_found_before_move_with_their_pixels(scene, tmp_path):
    node = load(radiograph(tmp_path / "hand.dcm", PixelSpacing=[0.15, 0.15]))
    landmarks = found_in(node, np.array(node.GetSpacing()))  # by an older version
    session = ReviewSession(landmarks)
    assert session.review.landmarks["last"].position == pytest.approx([-250 * 0.15, -100 * 0.15, 0])
    assert session.review.progress == (0, 2) and loadReview(landmarks).progress == (0, 2)
    assert measureNode(landmarks, ENDS)["length"].value == pytest.approx(30)
    session.close()


def test_a_size_that_a_person_gave_is_kept_and_is_millimetres(scene, tmp_path):
    node = load(radiograph(tmp_path / "hand.dcm", PixelSpacing=[0.15, 0.15]))
    node.SetSpacing(0.143, 0.143, 1)
    pixel_size.correctPixelSize(node)
    assert node.GetSpacing() == (0.143, 0.143, 1) and volumes.remark(node) is None
    volume = volumes.readVolume(node)
    assert volume.spacing_known and volume.warnings == ()


def test_the_header_is_found_through_the_dicom_database(scene, tmp_path, monkeypatch):
    path = radiograph(tmp_path / "IM0001", PixelSpacing=[0.15, 0.15])
    node = slicer.util.addVolumeFromArray(np.zeros((1, 400, 300), np.int16), np.diag([-1.0, -1, 1, 1]))
    node.SetAttribute("DICOM.instanceUIDs", "1.2.826.0.1.3680043.8.498.77")

    class Database:
        def fileForInstance(self, uid):  # noqa: N802
            return str(path) if uid.endswith(".77") else ""

        def instanceValue(self, uid, tag):  # noqa: N802
            return "DX"

    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    pixel_size.correctPixelSize(node)
    assert node.GetSpacing() == pytest.approx((0.15, 0.15, 1))


@pytest.mark.parametrize("name", ["hand.png", "hand.jpg", "hand.tif"])
def test_the_resolution_at_which_a_picture_is_to_be_printed_makes_no_millimetres(scene, tmp_path, name):
    Image.fromarray(np.full((400, 300), 90, np.uint8)).save(tmp_path / name, dpi=(300, 300))
    node = load_picture(tmp_path / name)
    assert not volumes.readVolume(node).spacing_known
    assert node.GetSpacing()[:2] == pytest.approx((1, 1))
    np.testing.assert_allclose(volumes.readVolume(node).ijk_to_ras, read_volume(tmp_path / name).ijk_to_ras)
    measured = measureNode(found_in(node), ENDS)["length"]
    assert (measured.value, measured.unit) == (pytest.approx(200), "px")
    node.SetSpacing(0.2, 0.2, 1)
    pixel_size.correctPixelSize(node)
    assert measureNode(found_in(node), ENDS)["length"].unit == "mm"


def test_volumes_are_what_they_are(scene, tmp_path):
    node = slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16), np.diag([-1.0, -1, 1, 1]))
    pixel_size.correctPixelSize(node)
    pixel_size.correctPixelSize(None)
    assert node.GetSpacing() == (1, 1, 1) and volumes.readVolume(node).spacing_known
