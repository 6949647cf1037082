"""The pictures of the documents that show the panel beside slice and 3D views."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from Testing.Python.slicer_module.panel_cases import SCREENSHOTS, drag, open_panel, press_detect

pytestmark = pytest.mark.skipif(not SCREENSHOTS, reason="draws pictures for the documents: make screenshots")

FOUND_MS = 400_000
HEIGHT = 700
MOST_BYTES = 2_000_000


class Film:
    """Panel and views side by side, one frame after the other."""

    def __init__(self, host: Any, folder: Path) -> None:
        from Testing.Python.slicer_host.drawn_views import DrawnViews

        self._host, self._folder = host, folder
        self._views = DrawnViews(host)
        self.frames: list[Image.Image] = []
        self.seconds: list[float] = []

    def take(self, seconds: float) -> Image.Image:
        """One frame, shown for so long."""
        self._host.process_events(50)
        shot = self._folder / "panel.png"
        self._host.screenshot(shot)
        panel = Image.open(shot).convert("RGB")
        views = Image.fromarray(self._views.four()).resize((HEIGHT, HEIGHT), Image.Resampling.LANCZOS)
        frame = Image.new("RGB", (panel.width + HEIGHT, HEIGHT), "white")
        frame.paste(panel.resize((panel.width, HEIGHT)) if panel.height != HEIGHT else panel, (0, 0))
        frame.paste(views, (panel.width, 0))
        self.frames.append(frame)
        self.seconds.append(seconds)
        return frame

    def write(self, path: Path) -> None:
        """As an animated WebP."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=[round(1000 * one) for one in self.seconds],
            loop=0,
            quality=60,
            method=6,
        )

    def close(self) -> None:
        self._views.close()


def test_detecting_reviewing_dragging_and_the_others_following_is_shown(host, tmp_path):
    from LandmarkDetectionSlicer.scene.choices import Others

    panel = open_panel(host)
    host.window.show()
    host.click(panel.detect.ui.sampleButton)
    host.process_events()
    layout = host.app.layoutManager()
    volume = panel.parameters.inputVolume
    for name in layout.sliceViewNames():
        layout.sliceWidget(name).mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        layout.sliceWidget(name).fitSliceToBackground()
    display = volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(500, 40)
    bounds = np.zeros(6)
    volume.GetRASBounds(bounds)
    middle = bounds.reshape(3, 2).mean(axis=1)
    camera = layout.threeDWidget(0).threeDView().cameraNode()
    camera.SetFocalPoint(*middle)
    camera.SetPosition(*np.add(middle, [0, 3000, 0]))
    camera.SetViewUp(0, 0, 1)
    film = Film(host, tmp_path)
    film.take(2)
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.ui.progressBar.value > 20, FOUND_MS)
    film.take(1.5)
    host.wait_until(lambda: panel.parameters.landmarks is not None and panel.detect.run is None, FOUND_MS)
    host.process_events(100)
    film.take(2)
    panel.review.desk.showVolume(True)
    film.take(2).save(Path(SCREENSHOTS) / "views.png", optimize=True)
    host.press_key("a")
    film.take(1.5)
    panel.parameters.others = Others.FOLLOW
    node = panel.parameters.landmarks
    name = "knee_left"
    panel.review.select(name)
    film.take(1.5)
    before = panel.review.session.worldPosition("ankle_left")
    index = panel.review.review.landmarks.names.index(name)
    place = np.array(node.GetNthControlPointPositionWorld(index))
    for share in (0.5, 1.0):
        drag(node, index, place + share * np.array([25.0, 0.0, 30.0]))
        film.take(0.7)
    host.wait_until(
        lambda: np.linalg.norm(panel.review.session.worldPosition("ankle_left") - before) > 0.1, FOUND_MS
    )
    film.take(3)
    target = Path(SCREENSHOTS) / "detect-review-drag.webp"
    film.write(target)
    film.close()
    assert target.stat().st_size < MOST_BYTES
