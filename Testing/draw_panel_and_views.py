"""Draw the panel beside Slicer's views: two pictures and a film in ``docs/images/slicer``.

::

    python Testing/draw_panel_and_views.py                   # views.png, radiograph.png and film.webp
    python Testing/draw_panel_and_views.py film              # one of them

No Slicer is needed. The panel is the real one in the window of the test host, on the real scene. What is in
a view is drawn by Slicer's own displayable managers from that scene (``slicer_host/drawn_views.py``). The
models that ship find the landmarks in the samples that ship, in the panel's own process; keys and the mouse
are sent to the panel and to Slicer's markups. Only the strips above the views, the arrow of the mouse and the
words above the film are painted here, and the widgets have Qt's style, not Slicer's.

The film plays once and stops, so that nobody has to stop it (WCAG 2.2, criterion 2.2.2).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "LandmarkDetection"))

from LandmarkDetectionLib.io.markups import read_landmarks
from Testing.Python.slicer_host import SlicerHost

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "slicer"
PANEL = (420, 700)
STRIP = 18
GAP = 2
GROUND = (48, 48, 48)
FOUR = ((430, (700 - GAP) // 2 - STRIP), (("Red", "3D"), ("Green", "Yellow")))
ONE = ((560, 700 - STRIP), (("Red",),))
"""Size of each view, and which lie where: Slicer's layouts "Four-Up" and "Red slice only"."""
STRIPS = {
    "Red": ("R", (243, 74, 51), (2, "SI")),
    "Green": ("G", (110, 176, 75), (1, "AP")),
    "Yellow": ("Y", (237, 213, 76), (0, "RL")),
    "3D": ("1", (116, 116, 186), None),
}
"""Of each view: its letter, the colour that Slicer's layouts give it, and which coordinate it lies at."""
MARKS = (
    *((240, 228, 66), (86, 180, 233), (230, 159, 0), (204, 121, 167), (0, 158, 115), (139, 152, 165)),
    *(color for _, color, _ in STRIPS.values()),
)
"""Colours of the module's marks (``scene.colors``, ``scene.views``) and of the strips."""
BONE = (1000, 400)
"""Window and level of Slicer's preset "CT-bone"."""
HEAD = 34
FOUND_MS = 1_800_000

Place = Sequence[float]


class Window:
    """Panel and views side by side.

    Parameters
    ----------
    layout
        ``FOUR`` or ``ONE``.

    Modules of the Slicer side are imported where they are used: the host makes what they need.
    """

    def __init__(self, layout: Any = FOUR) -> None:
        from Testing.Python.slicer_host.drawn_views import DrawnViews
        from Testing.Python.slicer_module.panel_cases import open_panel

        self.size, self.rows = layout
        self.host = SlicerHost()
        self.panel = open_panel(self.host)
        self.views = DrawnViews(self.host, self.size)
        self._folder = tempfile.TemporaryDirectory()

    def load(self, name: str) -> Any:
        """Load a sample, and show it in all views as Slicer does."""
        from LandmarkDetectionSlicer.scene import sample_data

        if name == sample_data.BODY_CT.name:
            self.host.click(self.panel.detect.ui.sampleButton)
        else:
            sample_data.loadSample(next(one for one in sample_data.SAMPLES if one.name == name))
        self.host.process_events()
        volume = self.panel.parameters.inputVolume
        application = self.host.app.applicationLogic()
        application.GetSelectionNode().SetActiveVolumeID(volume.GetID())
        application.PropagateVolumeSelection(1)
        self.fit()
        if name == sample_data.BODY_CT.name:
            volume.GetDisplayNode().SetAutoWindowLevel(False)
            volume.GetDisplayNode().SetWindowLevel(*BONE)
        return volume

    def choose(self, model: str) -> None:
        """Choose a model in the panel's list."""
        detect = self.panel.detect
        detect.ui.modelSelector.currentIndex = [one.name for one in detect._models].index(model)

    def look_from_the_front(self, volume: Any, away: float) -> None:
        """Turn the 3D view to the front of a body."""
        bounds = np.zeros(6)
        volume.GetRASBounds(bounds)
        middle = bounds.reshape(3, 2).mean(axis=1)
        view = self.host.app.layoutManager().threeDWidget(0).threeDView()
        view.cameraNode().SetFocalPoint(*middle)
        view.cameraNode().SetPosition(middle[0], middle[1] + away, middle[2])
        view.cameraNode().SetViewUp(0, 0, 1)
        # As ticking "Surface smoothing" in the module Volume Rendering: no grain like that of wood.
        view.mrmlViewNode().SetVolumeRenderingSurfaceSmoothing(True)

    def detect(self) -> None:
        """Press the button; the answer is waited for elsewhere."""
        from Testing.Python.slicer_module.panel_cases import press_detect

        press_detect(self.host, self.panel)

    def wait_for_landmarks(self) -> None:
        """Until they are there."""
        self.host.wait_until(
            lambda: self.panel.parameters.landmarks is not None and self.panel.detect.run is None, FOUND_MS
        )
        self.host.process_events(200)

    def fit(self) -> None:
        """Show the whole image in every slice view."""
        for logic in self._logics().values():
            logic.FitSliceToBackground(*self.size)

    def picture(self, mouse: tuple[str, Place] | None = None, is_held: bool = False) -> Image.Image:
        """What is seen now, with the mouse at a place in a slice view."""
        self.host.process_events(100)
        shot = self.host.screenshot(Path(self._folder.name) / "panel.png")
        panel = Image.open(shot).convert("RGB")
        width, height = self.size
        columns = len(self.rows[0])
        frame = Image.new("RGB", (PANEL[0] + columns * (width + GAP), PANEL[1]), GROUND)
        frame.paste(panel.crop((0, 0, *PANEL)), (0, 0))
        for row, names in enumerate(self.rows):
            for column, name in enumerate(names):
                corner = PANEL[0] + GAP + column * (width + GAP), row * (height + STRIP + GAP)
                frame.paste(self._view(name), corner)
                if mouse is not None and mouse[0] == name:
                    x, y = self.views.pixel(name, mouse[1])
                    _draw_mouse(frame, corner[0] + x, corner[1] + STRIP + y, is_held)
        return frame

    def close(self) -> None:
        """End; one host at a time can be open."""
        self.views.close()
        self.host.close()
        self._folder.cleanup()

    def _logics(self) -> dict[str, Any]:
        layout = self.host.app.layoutManager()
        return {name: layout.sliceWidget(name).sliceLogic() for name in layout.sliceViewNames()}

    def _view(self, name: str) -> Image.Image:
        letter, color, axis = STRIPS[name]
        drawn = self.views.space() if name == "3D" else self.views.slice(name)
        view = Image.new("RGB", (self.size[0], self.size[1] + STRIP), color)
        view.paste(Image.fromarray(drawn), (0, STRIP))
        draw, font = ImageDraw.Draw(view), ImageFont.load_default(12)
        draw.text((6, 1), letter, font=font, fill="black")
        if axis is not None:
            offset = self._logics()[name].GetSliceNode().GetSliceToRAS().GetElement(axis[0], 3)
            text = f"{axis[1][offset < 0]}: {abs(offset):.1f} mm"
            draw.text((self.size[0] - 6, 1), text, font=font, fill="black", anchor="ra")
        return view


class Film:
    """Frames with words above them."""

    def __init__(self) -> None:
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []

    def take(self, picture: Image.Image, words: str, seconds: float) -> None:
        """Add a frame."""
        frame = Image.new("RGB", (picture.width, picture.height + HEAD), (32, 48, 64))
        frame.paste(picture, (0, HEAD))
        ImageDraw.Draw(frame).text((14, 7), words, font=ImageFont.load_default(16), fill="white")
        self.frames.append(frame)
        self.milliseconds.append(round(1000 * seconds))

    def write(self, path: Path) -> None:
        """As an animated WebP."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.milliseconds,
            loop=1,
            quality=50,
            method=6,
            minimize_size=True,
        )


def _draw_mouse(frame: Image.Image, x: float, y: float, is_held: bool) -> None:
    arrow = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))
    draw = ImageDraw.Draw(frame)
    if is_held:
        draw.ellipse((x - 11, y - 11, x + 11, y + 11), outline="white", width=2)
    draw.polygon([(x + dx, y + dy) for dx, dy in arrow], fill="white", outline="black")


def _write(picture: Image.Image, name: str, greys: int, colors: int) -> None:
    """With a palette in which thin lines and small marks keep their colours."""
    pixels, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    pixels = np.repeat(pixels, np.ceil(np.sqrt(counts)).astype(int), axis=0)
    is_colored = np.ptp(pixels.astype(int), axis=1) > 40
    palette = [
        MARKS,
        _palette(pixels[~is_colored], greys).mean(axis=1, keepdims=True).repeat(3, axis=1),
        _palette(pixels[is_colored], colors),
    ]
    chosen = Image.new("P", (1, 1))
    chosen.putpalette(np.vstack(palette).round().astype(int).ravel().tolist())
    picture.quantize(palette=chosen, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)


def _palette(pixels: np.ndarray, count: int) -> np.ndarray:
    found = Image.fromarray(pixels[None]).quantize(count).getpalette()
    return np.array(found[: 3 * count]).reshape(-1, 3)


def draw_views() -> None:
    """A body under review."""
    window = Window()
    volume = window.load("SyntheticBodyCT")
    window.look_from_the_front(volume, 3300)
    window.detect()
    window.wait_for_landmarks()
    window.host.press_key("v")
    review = window.panel.review
    for name in ("femoral_head_left", "greater_trochanter_left", "ischium_left"):
        review.select(name)
        window.host.press_key("a")
    review.select("lesser_trochanter_left")
    _write(window.picture(), "views.png", 24, 32)
    window.close()


def draw_radiograph() -> None:
    """A radiograph of a hand under review."""
    window = Window(ONE)
    window.load("SyntheticHand")
    window.choose("hand")
    window.detect()
    window.wait_for_landmarks()
    window.panel.review.select("index_pip")
    window.fit()
    _write(window.picture(), "radiograph.png", 16, 20)
    window.close()


def draw_film() -> None:
    """From a scan to landmarks that follow a correction."""
    name, other, view = "knee_left", "knee_right", "Green"
    truth = read_landmarks(ROOT / "Resources" / "SampleData" / "synthetic-body-ct-truth.mrk.json")
    window, film = Window(), Film()
    from LandmarkDetectionSlicer.scene.choices import Others

    host, panel, views = window.host, window.panel, window.views
    volume = window.load("SyntheticBodyCT")
    window.choose("whole-body-skin")
    window.look_from_the_front(volume, 3300)
    film.take(window.picture(), "A scan is loaded; one button finds its landmarks", 2.5)
    window.detect()
    host.wait_until(lambda: panel.detect.ui.progressBar.value > 20, FOUND_MS)
    film.take(window.picture(), "A process of its own does the work; Slicer stays usable", 2)
    window.wait_for_landmarks()
    host.press_key("v")
    film.take(window.picture(), "Review, the doubtful first: the views go to each landmark", 3)
    panel.parameters.others = Others.FOLLOW
    panel.review.select(name)
    start = np.array(panel.review.session.worldPosition(name))
    end = np.array(truth[name].position)
    end[1] = start[1]  # a mouse moves a point within the plane of a view
    film.take(window.picture((view, start)), "This model saw the skin alone: the knee is put too high", 3)
    views.press(view, start)
    for share in (0.0, 0.35, 0.7, 1.0):
        place = start + share * (end - start)
        views.move(view, place)
        film.take(window.picture((view, place), is_held=True), "Drag it to where it belongs", 0.5)
    views.release(view, end)
    host.wait_until(lambda: panel.review.message.text != "", FOUND_MS)
    film.take(window.picture(), "The others follow: see the other knee", 3)
    panel.review.select(other)
    film.take(window.picture(), "It is in its joint now; a pale dot shows where it was", 4)
    film.write(FOLDER / "film.webp")
    window.close()


DRAWN = {"views": draw_views, "radiograph": draw_radiograph, "film": draw_film}


def main(names: list[str]) -> int:
    """Draw all, or those that are named."""
    if unknown := [name for name in names if name not in DRAWN]:
        print(f"There is no picture {unknown[0]!r}; there are {', '.join(DRAWN)}.", file=sys.stderr)
        return 2
    for name in names or DRAWN:
        DRAWN[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
