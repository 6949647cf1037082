"""Draw the coordinate frames of the sample for ``docs/frames.md``: a synthetic body, no patient.

::

    python Testing/draw_frames.py        # write docs/images/frames.png
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from LandmarkDetectionLib.alignment.frames import AXIS_NAMES, place_frames
from LandmarkDetectionLib.imaging.scan_picture import scan_pictures
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import read_volume

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "Resources" / "SampleData"
PICTURE = REPOSITORY / "docs" / "images" / "frames.png"
COLOURS = {"right": "#d55e00", "anterior": "#009e73", "superior": "#56b4e9"}
ARM_MM = 110.0


def main() -> None:
    """Write the picture."""
    volume = read_volume(SAMPLE / "synthetic-body-ct.nrrd")
    landmarks = read_landmarks(SAMPLE / "synthetic-body-ct-truth.mrk.json")
    frames = place_frames(landmarks, load_protocol("whole-body-bones"))
    figure = Figure(figsize=(8.0, 8.6), dpi=110, facecolor="black")
    FigureCanvasAgg(figure)
    for column, (scan, title) in enumerate(
        zip(scan_pictures(volume), ("from the front", "from the left"), strict=True), start=1
    ):
        axes = figure.add_subplot(1, 2, column)
        axes.imshow(scan.grey, cmap="gray", aspect=scan.geometry.spacing[1] / scan.geometry.spacing[0])
        axes.set_title(title, color="white")
        axes.set_axis_off()
        for frame in frames:
            for name, axis in zip(AXIS_NAMES, frame.transform.linear, strict=True):
                ends = np.stack([frame.origin, frame.origin + ARM_MM * axis])
                x, y = scan.geometry.from_ras(ends)[:, :2].T
                arrow = {"arrowstyle": "-|>", "color": COLOURS[name], "linewidth": 1.8}
                axes.annotate("", (x[1], y[1]), (x[0], y[0]), arrowprops=arrow)
    for place, (name, colour) in zip((0.35, 0.5, 0.65), COLOURS.items(), strict=True):
        figure.text(place, 0.02, name, color=colour, ha="center")
    figure.subplots_adjust(0.02, 0.05, 0.98, 0.95, 0.02)
    figure.savefig(PICTURE, dpi=110, facecolor="black")


if __name__ == "__main__":
    main()
