"""What Slicer's own classes do with files of landmarks, text and volumes, and that ours agree with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.Python.interoperability.versions import seen_with

slicer = pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")


@pytest.fixture
def scene() -> Any:
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    yield scene
    scene.Clear(1)


def storage(scene: Any, kind: str, path: Path) -> Any:
    # Not AddNewNodeByClass: the scene alone does not know every class.
    node = getattr(slicer, kind)()
    scene.AddNode(node)
    node.SetFileName(str(path))
    return node


def read_points(scene: Any, path: Path) -> Any:
    kind = "vtkMRMLMarkupsFiducialStorageNode" if path.suffix == ".fcsv" else "vtkMRMLMarkupsJsonStorageNode"
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    return points if storage(scene, kind, path).ReadData(points) else None


def ras(points: Any, index: int = 0) -> list[float]:
    position = [0.0, 0.0, 0.0]
    points.GetNthControlPointPosition(index, position)
    return position


def markups(position: Any, status: str = "defined", **further: Any) -> str:
    point = {"label": "a", "position": position, "positionStatus": status}
    markup = {"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": [point], **further}
    schema = (
        "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
        "markups-schema-v1.0.3.json#"
    )
    return json.dumps({"@schema": schema, "markups": [markup]})


@seen_with(slicer_core="5.1")
def test_an_unplaced_point_is_written_with_a_text_for_its_position(scene: Any, tmp_path: Path) -> None:
    from LandmarkDetectionLib.core.landmarks import Status
    from LandmarkDetectionLib.io.markups import read_landmarks

    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    points.AddControlPoint([1.0, 2.0, 3.0], "placed")
    points.AddControlPoint([4.0, 5.0, 6.0], "not yet")
    points.UnsetNthControlPointPosition(1)
    path = tmp_path / "points.mrk.json"
    assert storage(scene, "vtkMRMLMarkupsJsonStorageNode", path).WriteData(points)
    written = json.loads(path.read_text(encoding="utf-8"))["markups"][0]["controlPoints"][1]
    assert written["position"] == "" and written["positionStatus"] != "defined"
    found = read_landmarks(path)
    assert found["placed"].position.tolist() == [1.0, 2.0, 3.0]
    assert found["not yet"].status is Status.ABSENT


@seen_with(slicer_core="5.1")
def test_slicer_refuses_a_file_with_a_status_that_it_does_not_know(scene: Any, tmp_path: Path) -> None:
    path = tmp_path / "points.mrk.json"
    path.write_text(markups([1.0, 2.0, 3.0], status="guessed"), encoding="utf-8")
    assert read_points(scene, path) is None or read_points(scene, path).GetNumberOfControlPoints() == 0


@seen_with(slicer_core="5.1")
def test_slicer_ignores_the_unit_of_coordinates(scene: Any, tmp_path: Path) -> None:
    path = tmp_path / "points.mrk.json"
    path.write_text(markups([1.0, 2.0, 3.0], coordinateUnits="cm"), encoding="utf-8")
    assert ras(read_points(scene, path)) == [-1.0, -2.0, 3.0]


FCSV_ROW = "vtkMRMLMarkupsFiducialNode_0,10,20,30,0,0,0,1,1,1,0,a,,\n"


@seen_with(slicer_core="5.1")
@pytest.mark.parametrize(
    ("head", "signs"),
    [
        ("# Markups fiducial file version = 5.0\n# CoordinateSystem = LPS\n", (-1, -1, 1)),
        ("# Markups fiducial file version = 5.0\n# CoordinateSystem = RAS\n", (1, 1, 1)),
        ("# Markups fiducial file version = 5.0\n", (-1, -1, 1)),
    ],
)
def test_a_versioned_fcsv_without_coordinate_system_is_lps(
    scene: Any, tmp_path: Path, head: str, signs: tuple[int, int, int]
) -> None:
    from LandmarkDetectionLib.io.markups import read_landmarks

    path = tmp_path / "points.fcsv"
    columns = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
    path.write_text(head + columns + FCSV_ROW, encoding="utf-8")
    expected = (np.array([10.0, 20.0, 30.0]) * signs).tolist()
    assert ras(read_points(scene, path)) == expected
    assert read_landmarks(path)["a"].position.tolist() == expected


@seen_with(slicer_core="5.1")
def test_a_line_break_in_a_description_comes_back_as_one_more_point(scene: Any, tmp_path: Path) -> None:
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    points.AddControlPoint([1.0, 2.0, 3.0], "a")
    points.SetNthControlPointDescription(0, "first line\nsecond line")
    path = tmp_path / "points.fcsv"
    assert storage(scene, "vtkMRMLMarkupsFiducialStorageNode", path).WriteData(points)
    assert read_points(scene, path).GetNumberOfControlPoints() == 2


@seen_with(slicer_core="5.1")
def test_a_left_handed_volume_is_stored_the_other_way_round_in_slicer(scene: Any, tmp_path: Path) -> None:
    import nibabel

    from LandmarkDetectionLib.io.volumes import read_volume

    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    path = tmp_path / "las.nii"
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-1.0, 1.0, 1.0, 1.0])), path)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert storage(scene, "vtkMRMLVolumeArchetypeStorageNode", path).ReadData(node)
    from vtkmodules.util.numpy_support import vtk_to_numpy

    image = node.GetImageData()
    stored = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    ours = read_volume(path)
    assert not np.array_equal(stored, ours.voxels) and np.array_equal(stored[::-1], ours.voxels)
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    theirs = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    # The last slice of one is the first of the other, at the same place in the patient.
    assert theirs @ [1, 2, 0, 1] == pytest.approx(ours.ijk_to_ras @ [1, 2, 3, 1])
