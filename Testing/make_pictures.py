"""Which command makes which picture of the pages, and makes them anew.

::

    make pictures                       # the list
    make pictures ARGS=all              # those that need nothing but this repository and its extras
    make pictures ARGS="frames.png"     # these

Figures in tables stand beside the command that printed them (docs/benchmarks.md, the cards of models); what
needs data or hours is named here and left to whoever has them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
IMAGES = REPOSITORY / "docs" / "images"
PROGRAM = "-m LandmarkDetectionLib"
#: Bones of synthetic bodies, which are no part of the repository; see `landmark-detection skeleton`.
BONES, HOURS, COHORT, SLICER = (
    "bones of BodyParts3D",
    "an hour or more",
    "a cohort that was run, and a browser to take the picture with",
    "the extra viewer and Chromium",
)


@dataclass(frozen=True)
class Picture:
    """Pictures below ``docs/images`` that one command makes.

    Attributes
    ----------
    names
        A path or a pattern.
    command
        Words after ``python``; ``{out}`` is an empty folder, ``{images}`` is docs/images.
    made
        Which file of ``{out}`` is the picture; empty when the command writes it where it belongs.
    needs
        What the repository does not hold; such pictures are not among "all".
    folder
        Where the tests of a window are to leave what they see (LANDMARK_DETECTION_SCREENSHOTS).
    """

    names: str
    command: str
    made: str = ""
    needs: str = ""
    folder: str = ""


PICTURES = (
    Picture("architecture.svg", "Testing/draw_architecture.py"),
    Picture("frames.png", "Testing/draw_frames.py"),
    Picture("demo.png", f"{PROGRAM} demo --out {{out}}", "overlay.png", BONES),
    Picture("synthetic-scans.png", f"{PROGRAM} synthesize --out {{out}}/sheet.png", "sheet.png"),
    Picture(
        "synthetic-hands.png", f"{PROGRAM} synthesize --region hand --out {{out}}/sheet.png", "sheet.png"
    ),
    Picture(
        "bones.png",
        f"{PROGRAM} synthesize --region bones --count 12 --out {{out}}/sheet.png",
        "sheet.png",
        BONES,
    ),
    Picture(
        "cephalograms.png",
        f"{PROGRAM} synthesize --region cephalogram --out {{out}}/sheet.png",
        "sheet.png",
        BONES,
    ),
    Picture("spines.png", f"{PROGRAM} synthesize --region spine --out {{out}}/sheet.png", "sheet.png", BONES),
    Picture(
        "measurements/body.png",
        f"{PROGRAM} report demo-output/synthetic_ct.nii.gz demo-output/detection.json --out {{out}}/body.png",
        "body.png",
        "make demo",
    ),
    Picture(
        "evaluation/cumulative.png", "Testing/Benchmarks/evaluation_example.py {out}", "report/cumulative.png"
    ),
    Picture(
        "evaluation/worst-cases.png",
        "Testing/Benchmarks/evaluation_example.py {out}",
        "report/worst-cases.png",
    ),
    Picture(
        "reliability.png",
        "Testing/Benchmarks/held_back_bodies.py --figure {images}/reliability.png",
        needs=HOURS,
    ),
    Picture(
        "correction.png",
        "Testing/Benchmarks/simulated_reviewer.py body hand --figure {images}/correction.png",
        needs=HOURS,
    ),
    Picture("cohort-*.png", f"{PROGRAM} cohort-report RESULTS", needs=COHORT),
    Picture("slicer/views.png", "Testing/draw_panel_and_views.py views"),
    Picture("slicer/radiograph.png", "Testing/draw_panel_and_views.py radiograph"),
    Picture("slicer/film.webp", "Testing/draw_panel_and_views.py film"),
    Picture("slicer/*.png", "-m pytest -q Testing/Python/slicer_module/panel", folder="slicer"),
    Picture("browser/*.png", "-m pytest -q Testing/Python/viewer", needs=SLICER, folder="browser"),
)


def of(name: str) -> Picture | None:
    """How a picture is made, by its path below docs/images; None when nobody says."""
    return next((one for one in PICTURES if fnmatch(name, one.names)), None)


def make(picture: Picture) -> int:
    """Make a picture anew; the exit code of its command."""
    with tempfile.TemporaryDirectory() as folder:
        words = picture.command.format(out=folder, images=IMAGES).split()
        environment = dict(os.environ)
        if picture.folder:
            environment["LANDMARK_DETECTION_SCREENSHOTS"] = str(IMAGES / picture.folder)
        code = subprocess.run(
            [sys.executable, *words], cwd=REPOSITORY, env=environment, check=False
        ).returncode
        if code == 0 and picture.made:
            shutil.copyfile(Path(folder) / picture.made, IMAGES / picture.names)
    return code


def main(wanted: list[str]) -> int:
    """List all pictures, or make those that are named."""
    if not wanted:
        for one in PICTURES:
            print(f"{one.names:28} python {one.command}{f'   (needs {one.needs})' if one.needs else ''}")
        return 0
    chosen = [one for one in PICTURES if not one.needs] if wanted == ["all"] else []
    for name in wanted if wanted != ["all"] else ():
        found = of(name.removeprefix("docs/images/"))
        if found is None:
            print(f"{name} is no picture of the pages; without a name all are listed.", file=sys.stderr)
            return 2
        chosen.append(found)
    codes = []
    for command in dict.fromkeys((one.command, one.folder) for one in chosen):
        same = [one for one in chosen if (one.command, one.folder) == command]
        codes += [make(one) for one in (same if same[0].made else same[:1])]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
