"""Whatever else happens to the scene during a review: afterwards points, record, table and panel agree."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.quality.triage import landmarks_by_priority
from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.mrml_cases import (
    DETECTION,
    SHIFT,
    TURN,
    add_transform,
    add_volume,
    add_warp,
    load_scene,
    save_scene,
)
from Testing.Python.slicer_module.panel_cases import (
    drag,
    good_worker,
    open_panel,
    show_detection,
    worker_that,
)

SEQUENCES = int(os.environ.get("LANDMARK_DETECTION_SEQUENCES", "12"))
STEPS = 20
Act = Callable[[SlicerHost, Any, np.random.Generator, Any], None]


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[SlicerHost, Any]]:
    host = SlicerHost()
    yield host, open_panel(host)
    host.close()
    assert not host.errors, "\n".join(host.errors)


def node_of(panel: Any) -> Any:
    return panel.parameters.landmarks if panel.parameters is not None else None


def a_point(node: Any, random: np.random.Generator) -> int | None:
    if node is None or node.GetDisplayNode() is None:  # nobody sees a point to take
        return None
    count = node.GetNumberOfControlPoints()
    return int(random.integers(count)) if count else None


def use(panel: Any, worker: Any) -> None:
    """Another background process."""
    panel.logic.localWorker.close()
    panel.logic._worker = worker


def detect(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """The answer comes while nothing is in its way."""
    if panel.parameters.inputVolume is None:
        panel.parameters.inputVolume = add_volume("scan")
        host.process_events()
    use(panel, good_worker(DETECTION.to_record()))
    panel.detect.detect()
    host.wait_until(lambda: panel.detect.run is None, 60_000)


def interrupted(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """The scene is closed, or the volume deleted or moved or given other voxels, during a detection."""
    import slicer

    if panel.parameters.inputVolume is None:
        return
    use(panel, worker_that("time.sleep(600)"))
    panel.detect.detect()
    host.process_events(20)
    what = random.integers(4)
    volume = panel.parameters.inputVolume
    if what == 0:
        host.close_scene()
    elif what == 1:
        slicer.mrmlScene.RemoveNode(volume)
    elif what == 2:
        add_transform(TURN, volume)
    else:
        slicer.util.updateVolumeFromArray(volume, np.ones((3, 4, 5), np.int16))
    host.process_events(20)
    panel.detect.cancel()
    host.wait_until(lambda: panel.detect.run is None)


def broken_drag(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """Points, volume, record or scene go while the mouse holds a point."""
    import slicer

    node = node_of(panel)
    index = a_point(node, random)
    if index is None:
        return
    from LandmarkDetectionSlicer.scene import nodes

    slicer.mrmlScene.SaveStateForUndo()
    node.GetDisplayNode().SetActiveControlPoint(index)
    node.InvokeEvent(node.PointStartInteractionEvent)
    node.SetNthControlPointPositionWorld(index, *random.normal(0, 50, 3))
    what = int(random.integers(6))
    record, volume = node.GetNodeReference(nodes.RECORD_ROLE), nodes.volumeOf(node)
    gone = [node, record, volume][what] if what < 3 else None
    if gone is not None:
        slicer.mrmlScene.RemoveNode(gone)
    elif what == 3:
        host.close_scene()
    elif what == 4:
        node.RemoveNthControlPoint(index)
    else:
        slicer.mrmlScene.Undo()
    host.process_events(20)
    if slicer.mrmlScene.IsNodePresent(node):
        node.InvokeEvent(node.PointEndInteractionEvent)


def moved(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """A transform above volume, points, or both; taken away, changed, or hardened."""
    volume, node = panel.parameters.inputVolume, node_of(panel)
    both = [one for one in (volume, node) if one is not None]
    chosen = [both, both[:1], both[-1:]][int(random.integers(3))]
    what = int(random.integers(5))
    if what == 0:
        add_transform(SHIFT, *chosen)
    elif what == 1:
        add_warp(*chosen)
    elif what == 2:
        for one in chosen:
            one.SetAndObserveTransformNodeID(None)
    elif what == 3 and chosen and (parent := chosen[0].GetParentTransformNode()) is not None:
        if parent.IsA("vtkMRMLLinearTransformNode"):
            import slicer

            parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.array(SHIFT)))
    elif what == 4 and node is not None:
        node.HardenTransform()


def in_markups(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """What the module Markups, or a script, does to points."""
    import vtk

    node = node_of(panel)
    index = a_point(node, random)
    if index is None:
        return
    what = int(random.integers(10))
    if what == 0:
        node.SetNthControlPointLabel(index, str(random.choice(["", "chin", "other", "knee_left"])))
    elif what == 1:
        node.SetFixedNumberOfControlPoints(False)
        node.RemoveNthControlPoint(index)
    elif what == 2:
        node.SetFixedNumberOfControlPoints(False)
        node.AddControlPoint(vtk.vtkVector3d(*random.normal(0, 50, 3)), "added")
    elif what == 3:
        node.SetNthControlPointLocked(index, not node.GetNthControlPointLocked(index))
    elif what == 4:
        node.UnsetNthControlPointPosition(index)
    elif what == 5:
        node.SetNthControlPointPositionMissing(index)
    elif what == 6:
        node.SetNthControlPointVisibility(index, False)
    elif what == 7:
        node.SetName("renamed")
    elif what == 8:
        node.SetNthControlPointDescription(index, "somebody's words")
    else:
        node.SetLocked(not node.GetLocked())


def in_data(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """What the module Data, or a script, does to nodes."""
    import slicer

    node, volume = node_of(panel), panel.parameters.inputVolume
    what = int(random.integers(6))
    if what == 0 and node is not None:
        slicer.mrmlScene.RemoveNode(node)
    elif what == 1 and volume is not None:
        slicer.mrmlScene.RemoveNode(volume)
    elif what == 2 and volume is not None:
        slicer.util.updateVolumeFromArray(volume, np.ones((1, 7, 8), np.int16))
    elif what == 3 and volume is not None:
        volume.SetSpacing(0.5, 0.25, 3.0)
        volume.SetName("another name")
    elif what == 4 and node is not None and node.GetDisplayNode() is not None:
        slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
    elif what == 5:
        show_detection(panel, add_volume("new"), DETECTION)


def in_the_panel(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """What a person goes on with."""
    desk, node = panel.review.desk, node_of(panel)
    what = int(random.integers(9))
    if what == 0 and (index := a_point(node, random)) is not None:
        drag(node, index, random.normal(0, 50, 3))
    elif what == 1:
        panel.pages.show(list(panel.pages)[int(random.integers(3))])
        panel.pages.show(panel.review)
    elif what == 2:
        desk.markAbsentMissing()
    else:
        (desk.accept, desk.accept, desk.markMissing, desk.goToNext, desk.restore, desk.undo)[what - 3]()


def by_slicer(host: SlicerHost, panel: Any, random: np.random.Generator, folder: Any) -> None:
    """Slicer's own undo; the scene saved and loaded; another module; a second panel."""
    import slicer

    what = int(random.integers(6))
    if what == 0:
        slicer.mrmlScene.Undo()
    elif what == 1:
        slicer.mrmlScene.Redo()
    elif what == 2:
        path = save_scene(slicer.mrmlScene, str(random.choice(["mrb", "mrml"])), folder)
        load_scene(slicer.mrmlScene, path)
    elif what == 3:
        host.exit("LandmarkDetection")
        in_markups(host, panel, random, folder)
        moved(host, panel, random, folder)
        host.enter("LandmarkDetection")
    elif what == 4:
        units = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        units.SetUnitNodeID("length", None)
    else:
        host.close_scene()


ACTS: tuple[Act, ...] = (
    *(detect, interrupted, broken_drag, moved, moved, in_markups, in_markups, in_markups),
    *(in_data, in_the_panel, in_the_panel, in_the_panel, in_the_panel, by_slicer, by_slicer),
)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_whatever_happens_to_the_scene_points_record_and_table_agree(opened, seed, tmp_path):
    host, panel = opened
    host.close_scene()
    show_detection(panel, add_volume("scan"), DETECTION)
    host.process_events(10)
    random, done = np.random.default_rng(seed), []
    for number in range(STEPS):
        act = ACTS[int(random.integers(len(ACTS)))]
        done.append(act.__name__)
        folder = tmp_path / str(number)
        act(host, panel, random, folder)
        host.process_events(10)
        agree(panel, done)
        assert not host.errors, (seed, done, host.errors)


def agree(panel: Any, done: list[str]) -> None:
    import slicer
    from LandmarkDetectionSlicer.scene import nodes

    ui, table, desk = panel.review.ui, panel.review._table, panel.review.desk
    node = panel.parameters.landmarks
    if node is None:
        assert desk.session is None, done
        assert ui.landmarkTable.rowCount == 0 and not ui.reviewBar.visible and ui.startArea.visible, done
        ours = [
            one.GetName()
            for one in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
            if one.GetAttribute("LandmarkDetection.statusMarkers")
            or one.GetAttribute("LandmarkDetection.names")
        ]
        assert ours == [], done
        return
    assert slicer.mrmlScene.IsNodePresent(node), done
    session = desk.session
    assert session is not None and session.landmarkNode is node, done
    review = nodes.loadReview(node)
    assert review.to_record() == session.review.to_record(), done
    record = nodes.storedReview(node)
    assert record is not None, done
    places = nodes.readPositions(node)
    labels = [node.GetNthControlPointLabel(index) for index in range(len(places))]
    if list(record.landmarks.names) == labels:  # else points have come or gone, and the next step writes them
        for mark, place in zip(record.landmarks, places, strict=True):
            assert mark.is_present == bool(np.isfinite(place).all()), (done, mark.name)
            if mark.is_present:
                np.testing.assert_allclose(mark.position, place, atol=1e-3, err_msg=str(done))
    order = list(landmarks_by_priority(review))
    assert table.names == order and ui.landmarkTable.rowCount == len(order), done
    for row, name in enumerate(order):
        assert ui.landmarkTable.item(row, 2).text() == desk.statusText(name), (done, name)
    count, total = review.progress
    assert ui.progressLabel.text == f"{count} of {total} reviewed", done
    assert desk.selected is None or desk.selected in review.landmarks, done
    if desk.markers is not None:
        marked = sum(one.GetNumberOfControlPoints() for one in desk.markers.markerNodes.values())
        assert marked == int(np.isfinite(places).all(axis=1).sum()), done
