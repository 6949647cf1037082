"""One annotated case is enough to have its points looked for in the next."""

from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from Testing.Python.slicer_module.mrml_cases import SHIFT, add_transform, add_volume
from Testing.Python.slicer_module.panel_cases import complaint, good_worker, open_panel, picture, stored

PLACES = {"Tip 1": [-2.0, -3.0, 4.0], "Tip 2": [-5.0, -4.0, 6.0], "Tip 3": [-1.0, -1.0, 2.0]}
FOUND_MS = 10_000


def voxels() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 200, (4, 5, 6)).astype(np.int16)


def annotate(volume: Any, settled: int = 3) -> Any:
    """A case with a list of one's own, the first of its points set by a person."""
    import slicer
    from LandmarkDetectionSlicer.scene import nodes

    marks = LandmarkSet(
        tuple(Landmark(name, np.full(3, np.nan), Status.ABSENT) for name in PLACES), name="My tips"
    )
    review = Review.of(Detection(marks, "", ""))
    for name, place in list(PLACES.items())[:settled]:
        review = review.correct(name, place)
    nodes.enableUndo()
    node = nodes.storeReview(review, volume)
    slicer.mrmlScene.ClearUndoStack()
    return node


def answer() -> dict[str, Any]:
    """What the process would say of the next case."""
    marks = (
        Landmark("Tip 1", [-3.0, -3.0, 4.0], Status.DETECTED, covariance=np.eye(3), expected_error=1.7),
        Landmark("Tip 2", [-6.0, -4.0, 6.0], Status.UNCERTAIN, covariance=9 * np.eye(3), expected_error=5.2),
        Landmark("Tip 3", np.full(3, np.nan), Status.ABSENT),
    )
    return Detection(LandmarkSet(marks, name="My tips"), "", "").to_record()


@pytest.fixture
def panel(host) -> Any:
    panel = open_panel(host)
    annotate(add_volume("first", voxels()))
    panel.parameters.inputVolume = add_volume("second", voxels())
    host.process_events()
    panel.logic._worker = good_worker(answer())
    yield panel
    panel.logic.close()


def test_the_next_case_is_offered_the_points_of_the_annotated_one_and_brings_them_under_review(host, panel):
    import slicer

    button = panel.detect.ui.asInOtherButton
    assert button.visible and button.text == "Look for My tips as in first"
    picture(host, panel, "next-case")
    host.click(button)
    host.wait_until(lambda: panel.parameters.landmarks is not None, FOUND_MS)
    node = panel.parameters.landmarks
    review = stored(node)
    assert [mark.status.value for mark in review.landmarks] == ["detected", "uncertain", "absent"]
    assert node.GetAttribute("LandmarkDetection.model") == "My tips" and not button.visible
    assert panel.detect.message.text.startswith(
        "2 of 3 landmarks found as in first, 1 of them uncertain; look at each."
    )
    assert panel.review.selected == "Tip 3"  # what was not found comes first
    assert review.progress == (0, 3)
    slicer.mrmlScene.Undo()
    host.process_events()
    assert panel.parameters.landmarks is None and button.visible


def test_only_what_a_person_settled_is_looked_for(host, panel):
    import slicer
    from LandmarkDetectionSlicer.logic import next_case
    from LandmarkDetectionSlicer.scene import nodes

    first = next_case.annotatedCase(panel.parameters.inputVolume)
    nodes.storeReview(stored(first).restore("Tip 2"), None, first)
    asked = next_case._settled(nodes.loadWorldReview(first))
    assert [mark.name for mark in asked.landmarks.present] == ["Tip 1", "Tip 3"]
    assert slicer.util.getNode("first") is nodes.volumeOf(first)


def test_places_lie_in_the_world_under_a_transform_of_the_next_volume(host, panel):
    add_transform(SHIFT, panel.parameters.inputVolume)
    host.click(panel.detect.ui.asInOtherButton)
    host.wait_until(lambda: panel.parameters.landmarks is not None, FOUND_MS)
    node = panel.parameters.landmarks
    assert node.GetNthControlPointPositionWorld(0) == pytest.approx([-3.0, -3.0, 4.0])
    assert node.GetTransformNodeID() == panel.parameters.inputVolume.GetTransformNodeID()


def test_nothing_is_offered_for_a_models_landmarks_other_kinds_of_images_or_what_is_there_already(
    host, panel
):
    from LandmarkDetectionSlicer.logic.next_case import annotatedCase

    assert annotatedCase(None) is None
    assert annotatedCase(add_volume("radiograph", np.ones((1, 5, 6), np.int16))) is None
    third = add_volume("third", voxels())
    assert annotatedCase(third) is not None
    annotate(third, settled=0)
    assert annotatedCase(third) is None


def test_a_volume_that_goes_meanwhile_and_a_process_that_cannot_are_said_in_a_sentence(host, panel):
    import slicer

    host.click(panel.detect.ui.asInOtherButton)
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("first"))
    host.wait_until(lambda: panel.detect.run is None, FOUND_MS)
    assert "first was removed" in complaint(panel) and panel.parameters.landmarks is None


def test_cancelling_leaves_the_scene_as_it_was(host, panel):
    host.click(panel.detect.ui.asInOtherButton)
    host.click(panel.detect.ui.cancelButton)
    assert panel.detect.run is None and panel.parameters.landmarks is None
    assert panel.detect.ui.asInOtherButton.visible
