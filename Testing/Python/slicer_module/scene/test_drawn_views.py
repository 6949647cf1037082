"""Slice views are drawn as Slicer draws them: the image, and the landmarks at their places, to be dragged."""

import numpy as np
import pytest

from Testing.Python.slicer_module.mrml_cases import DETECTION, NAMES, world_position
from Testing.Python.slicer_module.panel_cases import open_panel, show_detection, status_of

pytest.importorskip("vtkmodules.vtkRenderingOpenGL2", reason="needs OpenGL")

KNEE = DETECTION.landmarks["knee_left"].position
SIZE = (300, 200)
BRIGHT = 200


@pytest.fixture
def panel(host):
    return open_panel(host)


@pytest.fixture
def views(host, panel):
    """Views of a bright block 40 mm wide with the knee in its middle, on dark ground, 1 mm per pixel."""
    import slicer

    from Testing.Python.slicer_host.drawn_views import DrawnViews

    views = DrawnViews(host, SIZE)
    voxels = np.zeros((60, 60, 60), np.int16)
    voxels[20:40, 20:40, 20:40] = 100
    place = np.diag([2.0, 2.0, 2.0, 1.0])
    place[:3, 3] = KNEE - 59  # of the middle of 60 voxels of 2 mm
    volume = slicer.util.addVolumeFromArray(voxels, place, "block")
    volume.CreateDefaultDisplayNodes()
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(100, 50)
    volume.GetDisplayNode().SetInterpolate(False)
    show_detection(panel, volume, DETECTION)
    host.process_events(20)  # signs come after the table
    for name in ("Red", "Yellow", "Green"):
        widget = host.app.layoutManager().sliceWidget(name)
        widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        widget.mrmlSliceNode().SetFieldOfView(*SIZE, 1.0)
        widget.mrmlSliceNode().JumpSliceByCentering(*KNEE)
    yield views
    views.close()


@pytest.mark.parametrize("name", ["Red", "Yellow", "Green"])
def test_the_image_lies_where_it_is_and_the_landmark_upon_it(views, name):
    drawn = views.slice(name).astype(int)
    assert drawn.shape == (*SIZE[::-1], 3)
    is_bright = (drawn > BRIGHT).all(axis=2)
    for axis, middle in ((0, SIZE[0] / 2), (1, SIZE[1] / 2)):
        places = np.flatnonzero(is_bright.any(axis=axis))
        assert (places[0], places[-1]) == (
            pytest.approx(middle - 20, abs=1),
            pytest.approx(middle + 19, abs=1),
        )
    column, row = (round(value) for value in views.pixel(name, KNEE))
    assert (column, row) == (pytest.approx(SIZE[0] / 2, abs=1), pytest.approx(SIZE[1] / 2, abs=1))
    red, _green, blue = drawn[row, column]
    assert blue - red > 100  # the sign of what was detected


def test_a_point_is_dragged_with_the_mouse(host, panel, views):
    end = KNEE + np.array([10.0, 0.0, -15.0])
    views.press("Green", KNEE)
    views.move("Green", (KNEE + end) / 2)
    views.move("Green", end)
    views.release("Green", end)
    host.process_events()
    moved = world_position(panel.parameters.landmarks, NAMES[0])
    assert moved == pytest.approx(end, abs=1.0)
    assert status_of(panel, "Left knee") == "corrected"
