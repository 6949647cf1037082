"""Landmarks leave the scene as files and come back with everything that was known of them."""

import json

import numpy as np
import pytest
import slicer
from LandmarkDetectionSlicer.logic.files import exportLandmarks, importLandmarks, sidecarOf
from LandmarkDetectionSlicer.scene.nodes import (
    applyDetection,
    loadReview,
    loadWorldReview,
    storeReview,
    volumeOf,
)

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.records import read_review
from Testing.Python.slicer_module.mrml_cases import (
    CHIN,
    DETECTION,
    KNEE,
    NAMES,
    TURN,
    add_transform,
    add_volume,
    world_position,
)


@pytest.fixture
def volume(scene):
    return add_volume()


@pytest.fixture
def node(volume):
    """A review half done."""
    node = applyDetection(DETECTION, volume)
    return storeReview(loadReview(node).accept("knee_left").correct("chin", [1, 2, 3]), volume, node)


def near(review, other):
    assert [one.status for one in review.landmarks] == [one.status for one in other.landmarks]
    for ours, theirs in zip(
        (review.landmarks, review.prediction.landmarks),
        (other.landmarks, other.prediction.landmarks),
        strict=True,
    ):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-6)
        assert [one.confidence for one in ours] == [one.confidence for one in theirs]
    assert review.prediction.parameters == other.prediction.parameters
    assert review.prediction.warnings == other.prediction.warnings


# --- out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv", ".json"])
def test_every_kind_of_file_tells_names_positions_and_status(node, tmp_path, suffix):
    exportLandmarks(node, tmp_path / f"case{suffix}")
    landmarks = read_landmarks(tmp_path / f"case{suffix}")
    assert landmarks.names == NAMES
    assert [one.status.value for one in landmarks] == ["accepted", "corrected", "absent", "detected"]
    np.testing.assert_allclose(landmarks["chin"].position, [1, 2, 3])


def test_markups_have_the_full_record_beside_them(node, tmp_path):
    exportLandmarks(node, tmp_path / "case.mrk.json")
    assert {path.name for path in tmp_path.iterdir()} == {"case.json", "case.mrk.json"}
    review = read_review(tmp_path / "case.json")
    assert review == loadReview(node)
    assert review.prediction.landmarks == DETECTION.landmarks


def test_files_hold_world_positions(volume, tmp_path):
    add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    for suffix in (".mrk.json", ".csv", ".fcsv", ".json"):
        exportLandmarks(node, tmp_path / f"case{suffix}")
        landmarks = read_landmarks(tmp_path / f"case{suffix}")
        np.testing.assert_allclose(landmarks.positions, DETECTION.landmarks.positions, atol=1e-6)


def test_an_unknown_suffix_is_refused(node, tmp_path):
    with pytest.raises(OutputError, match="unknown kind of file"):
        exportLandmarks(node, tmp_path / "case.docx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_refused(node, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        exportLandmarks(node, tmp_path / "nowhere" / "case.mrk.json")


def test_a_foreign_file_beside_markups_is_not_overwritten(node, tmp_path):
    (tmp_path / "ct.json").write_text('{"Modality": "CT", "Manufacturer": "somebody"}')
    with pytest.raises(OutputError, match="choose another name"):
        exportLandmarks(node, tmp_path / "ct.mrk.json")
    assert not (tmp_path / "ct.mrk.json").exists()
    assert "somebody" in (tmp_path / "ct.json").read_text()


def test_an_earlier_export_is_replaced(node, tmp_path):
    for _ in range(2):
        exportLandmarks(node, tmp_path / "case.mrk.json")
    storeReview(loadReview(node).restore_all(), None, node)
    exportLandmarks(node, tmp_path / "case.mrk.json")
    assert read_review(tmp_path / "case.json").reviewed == ()


# --- the picture ----------------------------------------------------------------------------------------


def egg():
    k, j, i = np.mgrid[:60, :40, :40] - np.array([30, 20, 20]).reshape(3, 1, 1, 1)
    inside = (i / 14) ** 2 + (j / 10) ** 2 + (k / 25) ** 2 < 1
    voxels = np.where(inside, 40, -1000).astype(np.int16)
    matrix = np.diag([-10.0, -10.0, 10.0, 1.0])
    matrix[:3, 3] = [200, 200, -300]
    return slicer.util.addVolumeFromArray(voxels, matrix, "egg")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_shows_the_case(scene, tmp_path, suffix):
    exportLandmarks(applyDetection(DETECTION, egg()), tmp_path / f"case{suffix}")
    assert (tmp_path / f"case{suffix}").stat().st_size > 10_000


def test_views_that_are_given_are_drawn(scene, tmp_path):
    from LandmarkDetectionSlicer.scene.volumes import readVolume

    from LandmarkDetectionLib.imaging.body.projection import project_body

    volume = egg()
    views = project_body(readVolume(volume))
    node = applyDetection(DETECTION, volume)
    scene.RemoveNode(volume)
    exportLandmarks(node, tmp_path / "case.png", views)
    assert (tmp_path / "case.png").stat().st_size > 10_000


def test_without_a_volume_there_is_no_picture(node, scene, volume, tmp_path):
    scene.RemoveNode(volume)
    with pytest.raises(OutputError, match="belongs to no volume"):
        exportLandmarks(node, tmp_path / "case.png")


# --- and back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mrk.json", ".json"])
@pytest.mark.parametrize("turned", [False, True])
def test_everything_comes_back(scene, tmp_path, suffix, turned):
    volume = add_volume()
    if turned:
        add_transform(TURN, volume)
    node = applyDetection(DETECTION, volume)
    storeReview(loadReview(node).accept("knee_left").mark_missing("wrist_left"), volume, node)
    expected = loadWorldReview(node)
    exportLandmarks(node, tmp_path / f"case{suffix}")
    scene.RemoveNode(node)
    back = importLandmarks(tmp_path / f"case{suffix}", volume)
    near(loadWorldReview(back), expected)
    assert volumeOf(back) is volume
    assert back.GetName() == "case"
    assert back.GetParentTransformNode() is volume.GetParentTransformNode()


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv"])
def test_points_alone_come_back_with_their_status(node, tmp_path, suffix):
    exportLandmarks(node, tmp_path / f"case{suffix}")
    sidecarOf(tmp_path / "case.mrk.json").unlink(missing_ok=True)
    back = loadReview(importLandmarks(tmp_path / f"case{suffix}"))
    assert [one.status for one in back.landmarks] == [one.status for one in loadReview(node).landmarks]
    np.testing.assert_allclose(back.landmarks.positions, loadReview(node).landmarks.positions, atol=1e-6)


def test_points_moved_in_another_program_are_corrected(node, tmp_path):
    storeReview(loadReview(node).restore_all(), None, node)
    exportLandmarks(node, tmp_path / "case.mrk.json")
    content = json.loads((tmp_path / "case.mrk.json").read_text())
    points = content["markups"][0]["controlPoints"]
    points[0]["position"] = [70.0, -12.0, -372.004]  # rounded
    points[1]["position"] = [-5.0, -6.0, 7.0]
    points[3] |= {"position": None, "positionStatus": "undefined"}
    (tmp_path / "case.mrk.json").write_text(json.dumps(content))
    review = loadReview(importLandmarks(tmp_path / "case.mrk.json"))
    assert review.landmarks["knee_left"] == KNEE
    assert review.landmarks["chin"].status is Status.CORRECTED
    assert review.landmarks["chin"].position.tolist() == [5, 6, 7]
    assert review.landmarks["chin"].predicted.tolist() == CHIN.position.tolist()
    assert review.landmarks["wrist_left"].status is Status.MISSING


@pytest.mark.parametrize("content", ["{", '{"Modality": "CT"}', "other landmarks"])
def test_a_record_that_does_not_belong_is_left_alone(node, tmp_path, content):
    exportLandmarks(node, tmp_path / "case.mrk.json")
    if content == "other landmarks":
        record = json.loads((tmp_path / "case.json").read_text())
        for key in ("landmarks", "prediction"):
            record[key][0]["name"] = "nose"
        content = json.dumps(record)
    (tmp_path / "case.json").write_text(content)
    review = loadReview(importLandmarks(tmp_path / "case.mrk.json"))
    assert review.landmarks.names == NAMES
    assert review.prediction.model == ""
    assert review.landmarks["chin"].position.tolist() == [1, 2, 3]


def test_importing_makes_a_node_of_its_own(node, volume, tmp_path):
    exportLandmarks(node, tmp_path / "case.mrk.json")
    before = loadReview(node)
    back = importLandmarks(tmp_path / "case.mrk.json", volume)
    again = importLandmarks(tmp_path / "case.mrk.json", volume)
    assert len({node.GetID(), back.GetID(), again.GetID()}) == 3
    assert loadReview(node) == before


def test_importing_is_one_step_of_undo(scene, node, tmp_path):
    exportLandmarks(node, tmp_path / "case.mrk.json")
    identifier = importLandmarks(tmp_path / "case.mrk.json").GetID()
    scene.Undo()
    assert scene.GetNodeByID(identifier) is None


def test_what_slicer_itself_saved_is_read(scene, node, tmp_path):
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / "saved.mrk.json"))
    assert storage.WriteData(node)
    back = importLandmarks(tmp_path / "saved.mrk.json")
    np.testing.assert_allclose(world_position(back, "chin"), [1, 2, 3], atol=1e-6)
    assert loadReview(back).landmarks["knee_left"].status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mrk.json", None, "no such file"),
        ("broken.mrk.json", "{", "not valid JSON"),
        ("empty.csv", "", "empty"),
        ("foreign.json", '{"Modality": "CT"}', "not the record"),
        ("picture.png", "not a point list", "unknown kind of file"),
    ],
)
def test_a_file_that_is_no_landmarks_leaves_the_scene_as_it_was(scene, tmp_path, name, content, says):
    if content is not None:
        (tmp_path / name).write_text(content)
    before = scene.GetNumberOfNodes()
    with pytest.raises(InputError, match=says):
        importLandmarks(tmp_path / name)
    assert scene.GetNumberOfNodes() == before
