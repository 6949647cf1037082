"""The image behind its landmarks in 3D: one choice, taken back by undo, for volumes only."""

import numpy as np
import pytest

from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume
from Testing.Python.slicer_module.panel_cases import open_panel, show_detection


def body() -> np.ndarray:
    """A ball of tissue of 40 HU with one of bone of 900 HU in it."""
    k, j, i = np.mgrid[:40, :40, :40]
    away = np.sqrt((i - 20.0) ** 2 + (j - 20.0) ** 2 + (k - 20.0) ** 2)
    return np.where(away < 8, 900, np.where(away < 16, 40, -1000)).astype(np.int16)


@pytest.fixture
def panel(host):
    panel = open_panel(host)
    volume = add_volume("scan", body())
    volume.SetAttribute("DICOM.Modality", "CT")
    show_detection(panel, volume, DETECTION)
    host.process_events()
    return panel


def test_the_bones_of_a_ct_come_and_go_with_a_key_and_with_undo(host, panel):
    import qt
    from LandmarkDetectionSlicer.scene import rendering

    volume, entry = panel.parameters.inputVolume, panel.review.actions.inThreeD
    assert entry.enabled and str(entry.text).startswith("Show bones in 3D") and not entry.checked
    panel.review.desk.accept()
    host.press_key(qt.Qt.Key_V)
    assert rendering.isShown(volume) and entry.checked
    panel.review.desk.undo()
    assert not rendering.isShown(volume) and not entry.checked
    assert panel.review.review.progress[0] == 1  # one step of undo: what was accepted stays
    panel.review.desk.redo()
    assert rendering.isShown(volume) and entry.checked
    panel.review.desk.undo()
    panel.review.desk.undo()
    assert panel.review.review.progress[0] == 0


def test_what_a_person_made_of_the_looks_stays(host, panel):
    from LandmarkDetectionSlicer.scene import rendering

    volume = panel.parameters.inputVolume
    rendering.show(volume, True)
    display = rendering._display(volume)
    opacity = display.GetVolumePropertyNode().GetScalarOpacity()
    assert opacity.GetValue(40) == 0 and opacity.GetValue(900) > 0.5
    opacity.AddPoint(40, 0.3)
    rendering.show(volume, False)
    rendering.show(volume, True)
    assert rendering._display(volume) is display
    assert display.GetVolumePropertyNode().GetScalarOpacity().GetValue(40) == pytest.approx(0.3)


def test_other_volumes_show_what_is_bright_and_radiographs_nothing(host, panel):
    from LandmarkDetectionSlicer.scene import rendering

    magnetic = add_volume("mr", np.abs(body()).astype(np.float32) / 10)
    magnetic.SetAttribute("DICOM.Modality", "MR")
    assert rendering.label(magnetic) == "Show bright parts in 3D"
    rendering.show(magnetic, True)
    opacity = rendering._display(magnetic).GetVolumePropertyNode().GetScalarOpacity()
    assert opacity.GetValue(4) == 0 and opacity.GetValue(100) > 0.5
    radiograph = add_volume("radiograph", np.ones((1, 5, 6), np.int16))
    assert not rendering.isPossible(radiograph) and not rendering.isPossible(None)
    rendering.show(radiograph, True)
    assert not rendering.isShown(radiograph)


def test_a_file_that_does_not_say_what_it_is_counts_as_ct_by_its_air(host, panel):
    from LandmarkDetectionSlicer.scene import rendering

    assert rendering.showsBones(add_volume("unknown", body()))
    assert not rendering.showsBones(add_volume("other", np.abs(body())))


def test_the_bones_are_really_drawn(host, panel):
    pytest.importorskip("vtkmodules.vtkRenderingOpenGL2", reason="needs OpenGL")
    from Testing.Python.slicer_host.drawn_views import DrawnViews

    views = DrawnViews(host)
    camera = host.app.layoutManager().threeDWidget(0).threeDView().cameraNode()
    camera.SetFocalPoint(-40, -40, 60)
    camera.SetPosition(-40, 300, 60)
    camera.SetViewUp(0, 0, 1)
    before = views.space().astype(int)
    panel.review.session.showVolume(True)
    after = views.space().astype(int)
    changed = np.abs(after - before).sum(axis=2) > 30
    assert 0.01 < changed.mean() < 0.3  # the ball of bone, not the whole of the body
    assert after[changed].mean(axis=0)[0] > after[changed].mean(axis=0)[2]  # bone is warmer than the sky
    views.close()
