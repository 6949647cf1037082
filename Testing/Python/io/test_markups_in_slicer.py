"""The files open in Slicer: checked with its own MRML classes (``pip install slicer-core``)."""

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.io.markups import read_landmarks, write_landmarks

slicer = pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")

UNDEFINED, PREVIEW, DEFINED, MISSING = range(4)
LANDMARKS = LandmarkSet(
    (
        Landmark(
            "knee_left", [-70.5, 12.25, -372.4], Status.DETECTED, 0.93, description="centre, of the knee"
        ),
        Landmark(
            "chin", np.full(3, np.nan), Status.ABSENT, 0.02, description='the "lowest" point of the chin'
        ),
        Landmark("große Zehe", [1.0, -2.0, 3.0], Status.UNCERTAIN, 0.4, description="x" * 1500),
    ),
    name="whole body",
)
STORAGE = {
    ".mrk.json": slicer.vtkMRMLMarkupsJsonStorageNode,
    ".fcsv": slicer.vtkMRMLMarkupsFiducialStorageNode,
}


@pytest.fixture
def scene():
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    yield scene
    scene.Clear(1)


def storage(scene, path):
    node = STORAGE[".fcsv" if path.suffix == ".fcsv" else ".mrk.json"]()
    scene.AddNode(node)
    node.SetFileName(str(path))
    return node


def load(scene, path):
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    assert storage(scene, path).ReadData(points) == 1
    return points


def position(points, index):
    ras = [0.0, 0.0, 0.0]
    points.GetNthControlPointPosition(index, ras)
    return ras


@pytest.mark.parametrize("suffix", STORAGE)
def test_slicer_sees_labels_descriptions_status_and_ras_positions(scene, tmp_path, suffix):
    write_landmarks(LANDMARKS, tmp_path / f"x{suffix}")
    points = load(scene, tmp_path / f"x{suffix}")
    assert points.GetNumberOfControlPoints() == 3
    for index, landmark in enumerate(LANDMARKS):
        assert points.GetNthControlPointLabel(index) == landmark.name
        assert (points.GetNthControlPointPositionStatus(index) == DEFINED) == landmark.is_present
        if landmark.is_present:
            np.testing.assert_allclose(position(points, index), landmark.position, atol=1e-9)
    assert points.GetNthControlPointDescription(0) == "centre, of the knee | confidence 0.93 | detected"
    assert points.GetNthControlPointDescription(1).endswith("| absent")


@pytest.mark.parametrize("suffix", STORAGE)
def test_what_slicer_saves_again_reads_as_what_was_written(scene, tmp_path, suffix):
    write_landmarks(LANDMARKS, tmp_path / f"x{suffix}")
    points = load(scene, tmp_path / f"x{suffix}")
    assert storage(scene, tmp_path / f"y{suffix}").WriteData(points) == 1
    back = read_landmarks(tmp_path / f"y{suffix}")
    assert back.names == LANDMARKS.names
    np.testing.assert_allclose(back.positions, LANDMARKS.positions, atol=1e-9)
    for landmark, other in zip(LANDMARKS, back, strict=True):
        assert (other.status, other.confidence) == (landmark.status, landmark.confidence)
        if suffix == ".mrk.json":  # Slicer reads at most 1024 characters per .fcsv line
            assert other.description == landmark.description


@pytest.mark.parametrize("suffix", STORAGE)
def test_points_unset_in_slicer_are_missing_and_points_set_there_corrected(scene, tmp_path, suffix):
    write_landmarks(LANDMARKS, tmp_path / f"x{suffix}")
    points = load(scene, tmp_path / f"x{suffix}")
    points.SetNthControlPointPositionMissing(0)
    points.SetNthControlPointPosition(1, 5.0, 6.0, 7.0)
    storage(scene, tmp_path / f"y{suffix}").WriteData(points)
    back = read_landmarks(tmp_path / f"y{suffix}")
    assert back["knee_left"].status is Status.MISSING
    assert back["chin"].status is Status.CORRECTED
    assert back["chin"].position.tolist() == [5, 6, 7]


@pytest.mark.parametrize("lps", [False, True])
def test_the_table_that_slicer_exports_is_read(scene, tmp_path, lps):
    write_landmarks(LANDMARKS, tmp_path / "x.mrk.json")
    points = load(scene, tmp_path / "x.mrk.json")
    slicer.vtkSlicerMarkupsLogic.ExportControlPointsToCSV(points, str(tmp_path / "x.csv"), lps)
    back = read_landmarks(tmp_path / "x.csv")
    assert back.names == LANDMARKS.names
    np.testing.assert_allclose(back.positions, LANDMARKS.positions, atol=1e-4)
    assert back["knee_left"].confidence == 0.93
