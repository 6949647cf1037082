"""A volume node as the library sees it, and one sentence for every node that cannot work."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import slicer
import vtk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from LandmarkDetectionSlicer.scene.volumes import isSingleImage, readVolume, refusal, remark
from PIL import Image

from LandmarkDetectionLib.errors import InputError
from Testing.Python.slicer_module.mrml_cases import SHIFT, TURN, add_transform, add_volume, add_warp


@pytest.fixture
def volume(scene):
    return add_volume("scan", np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6))


def add(kind, name="thing"):
    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


# --- pictures ---


@pytest.fixture
def picture(scene, tmp_path):
    """A picture as Slicer loads it: with its resolution for printing as spacing, and not turned."""

    def load(suffix=".png", dpi=None, orientation=1):
        pixels = np.arange(600, dtype=np.uint8).reshape(20, 30)
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / f"a{suffix}"
        options = {"exif": exif} if suffix != ".bmp" else {}
        Image.fromarray(pixels).save(path, **options, **({"dpi": (dpi, dpi)} if dpi else {}))
        node = add_volume("picture", pixels[None])
        # The wheels of Slicer's core have no reader of pictures.
        node.SetSpacing(*sitk.ReadImage(str(path)).GetSpacing()[:2], 1.0)
        storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        storage.SetFileName(str(path))
        node.SetAndObserveStorageNodeID(storage.GetID())
        return node

    return load


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
@pytest.mark.parametrize("dpi", [None, 72, 150, 300])
def test_a_pictures_pixels_have_no_size_until_a_person_gives_one(picture, suffix, dpi):
    node = picture(suffix, dpi)
    assert not readVolume(node).spacing_known
    node.SetSpacing(0.143, 0.143, 1.0)
    assert readVolume(node).spacing_known


def test_a_turned_picture_is_remarked_upon(picture):
    assert remark(picture(".jpg")) is None
    assert "EXIF" in remark(picture(".jpg", orientation=6))


# --- reading --------------------------------------------------------------------------------------------


def test_voxels_are_seen_and_not_copied(volume):
    array = slicer.util.arrayFromVolume(volume)
    read = readVolume(volume)
    assert np.shares_memory(read.voxels, array)
    assert (read.shape, read.voxels.dtype, read.name) == ((4, 5, 6), np.int16, "scan")


@pytest.mark.parametrize("world", [True, False])
def test_voxels_lie_where_the_slice_views_show_them(volume, world):
    add_transform(SHIFT, add_transform(TURN, volume))
    read = readVolume(volume, world=world)
    own = np.diag([-2.0, -2.0, 3.0, 1.0])
    np.testing.assert_allclose(read.ijk_to_ras, SHIFT @ TURN @ own if world else own)


def test_a_warp_is_left_out_and_remarked_upon(volume):
    assert remark(volume) is None
    add_warp(volume)
    np.testing.assert_allclose(readVolume(volume).ijk_to_ras, np.diag([-2.0, -2.0, 3.0, 1.0]))
    assert "non-linear" in remark(volume)
    assert refusal(volume) is None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spacing=st.tuples(*[st.floats(0.1, 10)] * 3),
    angle=st.floats(-3, 3),
    shift=st.tuples(*[st.floats(-1e3, 1e3)] * 3),
    ijk=st.tuples(*[st.integers(0, 3)] * 3),
)
def test_any_voxel_is_where_slicers_own_matrices_put_it(scene, spacing, angle, shift, ijk):
    volume = add_volume()
    volume.SetSpacing(spacing)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:3, 3] = shift
    add_transform(turn, volume)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, transform)
    expected = transform.TransformPoint(matrix.MultiplyPoint([*map(float, ijk), 1.0])[:3])
    np.testing.assert_allclose(readVolume(volume).ijk_to_ras_points([ijk])[0], expected, atol=1e-6)


def test_the_modality_is_taken_from_the_node(volume):
    assert readVolume(volume).modality == ""
    volume.SetAttribute("DICOM.Modality", "MR")
    assert readVolume(volume).modality == "MR"


def test_the_modality_is_taken_from_the_subject_hierarchy(scene, volume):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(volume) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), volume)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "CT")
    assert readVolume(volume).modality == "CT"


def test_the_modality_is_taken_from_the_dicom_database(volume, monkeypatch):
    class Database:
        def fileForInstance(self, uid):  # noqa: N802
            return ""

        def instanceValue(self, uid, tag):  # noqa: N802
            return {("1.2.3", "0008,0060"): "CR"}.get((uid, tag), "")

    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    assert readVolume(volume).modality == "CR"
    volume.SetAttribute("DICOM.instanceUIDs", "9.9")
    assert readVolume(volume).modality == ""


def test_hounsfield_units_mean_ct(volume):
    units = slicer.vtkCodedEntry()
    units.SetValueSchemeMeaning("[hnsf'U]", "UCUM", "Hounsfield unit")
    volume.SetVoxelValueUnits(units)
    assert readVolume(volume).modality == "CT"


# --- refusing -------------------------------------------------------------------------------------------


def nothing():
    return None


def volume_without_image():
    return add("vtkMRMLScalarVolumeNode")


def volume_with_empty_image():
    node = add("vtkMRMLScalarVolumeNode")
    node.SetAndObserveImageData(vtk.vtkImageData())
    return node


def colours():
    node = add("vtkMRMLVectorVolumeNode")
    slicer.util.updateVolumeFromArray(node, np.zeros((4, 5, 6, 3), np.uint8))
    return node


def time_points_in_a_scalar_volume():
    image = vtk.vtkImageData()
    image.SetDimensions(6, 5, 4)
    image.AllocateScalars(vtk.VTK_SHORT, 7)
    node = add("vtkMRMLScalarVolumeNode")
    node.SetAndObserveImageData(image)
    return node


def single_line():
    return add_volume("thing", np.zeros((1, 1, 60), np.int16))


def only_nan():
    return add_volume("thing", np.full((4, 5, 6), np.nan, np.float32))


def only_infinite():
    return add_volume("thing", np.full((4, 5, 6), np.inf))


def flat_voxels():
    node = add_volume("thing")
    node.SetIJKToRASDirections(1, 0, 0, 1, 0, 0, 0, 0, 1)
    return node


def flat_transform():
    node = add_volume("thing")
    add_transform(np.diag([1.0, 1.0, 0.0, 1.0]), node)
    return node


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (nothing, "No volume is selected"),
        (volume_without_image, "no image data"),
        (volume_with_empty_image, "no image data"),
        (colours, "3 values per voxel"),
        (time_points_in_a_scalar_volume, "7 values per voxel"),
        (lambda: add("vtkMRMLLabelMapVolumeNode"), "label map"),
        (lambda: add("vtkMRMLSegmentationNode"), "segmentation"),
        (lambda: add("vtkMRMLDiffusionTensorVolumeNode"), "diffusion tensor"),
        (lambda: add("vtkMRMLDiffusionWeightedVolumeNode"), "diffusion-weighted"),
        (lambda: add("vtkMRMLModelNode"), "surface model"),
        (lambda: add("vtkMRMLSequenceNode"), "several time points"),
        (lambda: add("vtkMRMLTextNode"), "is no volume"),
        (single_line, "60 x 1 x 1"),
        (only_nan, "no numbers"),
        (only_infinite, "no numbers"),
        (flat_voxels, "direction matrix"),
        (flat_transform, "under its transform"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence_that_says_what_to_do(scene, make, says):
    node = make()
    sentence = refusal(node)
    assert says in sentence
    assert sentence.endswith(".") and sentence.count(". ") == 0 and ";" in sentence
    assert node is None or "thing" in sentence
    with pytest.raises(InputError, match=says):
        readVolume(node)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_single_grey_images_of_any_type_are_welcome(scene, dtype):
    assert refusal(add_volume("scan", np.zeros((2, 3, 4), dtype))) is None


def test_radiographs_are_welcome_and_known_as_such(scene, volume):
    radiograph = add_volume("hand", np.zeros((1, 50, 60), np.uint16))
    assert refusal(radiograph) is None
    assert isSingleImage(radiograph)
    assert not isSingleImage(volume)
    assert readVolume(radiograph).is_2d


def test_some_nan_at_the_border_is_no_reason_to_refuse(scene):
    voxels = np.zeros((4, 5, 6), np.float32)
    voxels[0] = np.nan
    assert refusal(add_volume("scan", voxels)) is None


@pytest.mark.parametrize("slices", [2, 7, 8, 9, 33])
def test_one_number_anywhere_is_found(scene, slices):
    for index in range(slices):
        voxels = np.full((slices, 2, 2), np.nan, np.float32)
        voxels[index, 1, 0] = 5
        assert refusal(add_volume("scan", voxels)) is None


def test_a_left_handed_oblique_volume_is_welcome(volume):
    volume.SetIJKToRASDirections(0.8, 0.6, 0, 0.6, -0.8, 0, 0, 0, 1)
    assert refusal(volume) is None
    assert readVolume(volume).shape == (4, 5, 6)
