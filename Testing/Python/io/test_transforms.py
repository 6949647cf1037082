"""One transform in every kind of file moves a point equally in SimpleITK and in Slicer."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.io.transforms import write_transform

LPS = np.array([-1.0, -1.0, 1.0])
POINT = np.array([31.0, -42.0, 53.0])


def some_transform() -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3] = 1.1 * Rotation.from_rotvec([0.3, -0.7, 1.9]).as_matrix()
    matrix[:3, 3] = 20.0, -50.0, 70.0
    return Affine(matrix)


def slicer_matrix(node: object) -> np.ndarray:
    import slicer
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetMatrixTransformToParent(matrix)  # type: ignore[attr-defined]
    return slicer.util.arrayFromVTKMatrix(matrix)


@pytest.mark.parametrize("suffix", [".tfm", ".h5"])
def test_simpleitk_and_slicer_move_a_point_equally(tmp_path: Path, suffix: str) -> None:
    slicer = pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
    transform, path = some_transform(), tmp_path / f"x{suffix}"
    write_transform(transform, path, moved="ct", target="AC-PC")
    wanted = transform.apply(POINT)
    itk = sitk.ReadTransform(str(path))
    # ITK's own way is that of resampling: from a place of the result to where to look.
    np.testing.assert_allclose(np.array(itk.TransformPoint((wanted * LPS).tolist())) * LPS, POINT, atol=1e-9)
    back = itk.GetInverse().TransformPoint((POINT * LPS).tolist())
    np.testing.assert_allclose(np.array(back) * LPS, wanted, atol=1e-9)
    scene = slicer.vtkMRMLScene()
    storage = slicer.vtkMRMLTransformStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(path))
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    assert storage.ReadData(node) == 1
    np.testing.assert_allclose((slicer_matrix(node) @ [*POINT, 1])[:3], wanted, atol=1e-9)
    # A point list under the node moves so, too.
    marks = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    marks.AddControlPoint(POINT.tolist())
    marks.SetAndObserveTransformNodeID(node.GetID())
    np.testing.assert_allclose(marks.GetNthControlPointPositionWorld(0), wanted, atol=1e-9)


def test_a_scene_opens_in_slicer_with_any_name(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
    write_transform(some_transform(), tmp_path / "x.mrml", moved='a "ct" <1> &\x01\n', target="AC-PC")
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    scene.SetURL(str(tmp_path / "x.mrml"))
    assert scene.Import()
    node = scene.GetFirstNodeByClass("vtkMRMLLinearTransformNode")
    assert node.GetName() == 'a "ct" <1> & to AC-PC'
    np.testing.assert_array_equal(slicer_matrix(node), some_transform().matrix)


def test_json_says_both_directions(tmp_path: Path) -> None:
    transform = some_transform()
    write_transform(transform, tmp_path / "x.json", moved="ct", target="AC-PC", more={"scale": 1.1})
    record = json.loads((tmp_path / "x.json").read_text())
    assert (record["from"], record["to"], record["scale"]) == ("RAS mm of ct", "RAS mm of AC-PC", 1.1)
    np.testing.assert_array_equal(record["matrix"], transform.matrix)
    itk = np.array(record["itk_matrix"]) @ [*(transform.apply(POINT) * LPS), 1]
    np.testing.assert_allclose(itk[:3] * LPS, POINT, atol=1e-9)


def test_resampling_by_the_file_is_the_image_moved_by_its_header(tmp_path: Path) -> None:
    """The blob of a volume lands where the transform takes it, whichever way it is moved."""
    voxels = np.zeros((20, 20, 20), np.float32)
    voxels[9:12, 11:14, 5:8] = 1.0
    image = sitk.GetImageFromArray(voxels)
    image.SetOrigin([-10.0, -10.0, -10.0])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = Rotation.from_rotvec([0, 0, 0.5]).as_matrix(), (1.0, 2.0, -1.0)
    write_transform(Affine(matrix), tmp_path / "x.tfm")
    moved = sitk.GetArrayFromImage(sitk.Resample(image, image, sitk.ReadTransform(str(tmp_path / "x.tfm"))))
    k, j, i = np.mgrid[:20, :20, :20] - 10
    centre = np.array([(axis * moved).sum() / moved.sum() for axis in (i, j, k)]) * LPS
    before = np.array([6.0 - 10, 12.0 - 10, 10.0 - 10]) * LPS
    np.testing.assert_allclose(centre, Affine(matrix).apply(before), atol=0.1)


def test_other_endings_and_flat_maps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a transform ends in \.tfm"):
        write_transform(some_transform(), tmp_path / "x.mat")
    with pytest.raises(OutputError, match="has no inverse"):
        write_transform(Affine(np.diag([1.0, 1.0, 0.0, 1.0])), tmp_path / "x.tfm")
    assert list(tmp_path.iterdir()) == []
