"""From a finished run on synthetic radiographs to a model package: calibrated, measured, described."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.synthesis.body.bodyparts3d import CREDIT
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.package import package_task
from LandmarkDetectionLib.training.supervised.train import CASES, trained_task
from LandmarkDetectionLib.training.synthetic.radiograph_presets import SYNTHETIC
from LandmarkDetectionLib.training.synthetic.radiographs import CALIBRATION_SEED, stream_of
from LandmarkDetectionLib.typing import Progress

#: Pictures that shapes are told from, and others that the network is measured and calibrated on.
SHAPES, HELD_OUT = 200, 96
#: Of the package's title and card.
TITLE = "synthetic radiographs"
#: By protocol: what images are made of, and what to know about results on real ones.
MADE_OF = {
    "cephalometric-19": "warped into many heads, with teeth, air and soft tissue from code. What is measured "
    "below are\nsynthetic images as well, of heads that the training did not draw.",
    "spine-68": "bent into many spines, with lungs, bowel gas and soft tissue from code. What is measured "
    "below are\nsynthetic images as well, of trunks that the training did not draw.",
}
NOTES = {
    "cephalometric-19": """\
- No image was learned from, but a few constants of the generator (places of porion, lips and
  soft tissue pogonion, height of the lower face, pixel sizes, contrast) were set after seeing
  means of the 150 training images of ISBI 2015, and faces were drawn better after seeing where a
  half-trained network went wrong on 30 of them: results there are not quite blind.
- Soft tissue pogonion is marked low, in front of gnathion, as the raters of ISBI 2015 do.""",
    "spine-68": """\
- No image was learned from. How films are cropped, shown and disturbed was drawn after looking at training
  images of AASCE 2019 of persons with even numbers: results on these are not quite blind.
- Vertebrae are told apart by where they stand in the column: twelve with ribs and five without. Another
  number, or a film that shows neither T1 nor L5, shifts all levels by one.""",
}


def package_radiographs(
    run: str | Path,
    out: str | Path,
    protocol: str,
    *,
    name: str,
    version: str = "1.0.0",
    real: Mapping[str, str] | None = None,
    history: str = "",
    held_out: int = HELD_OUT,
    progress: Progress | None = None,
) -> Model:
    """Measure a network on synthetic radiographs that it has not seen, and write a package.

    Parameters
    ----------
    run
        Folder of ``radiographs.train_radiographs``.
    protocol
        Name of the protocol of its landmarks.
    real
        What was measured on real images, by the name of the set, for the card.
    history
        How the training went beyond what its config says, one sentence for the card.
    held_out
        How many pictures it is measured on.

    Raises
    ------
    InputError
        The run is not finished, is not of synthetic radiographs, or there is no skeleton.
    OutputError
        The package cannot be written.
    """
    config, task = trained_task(run)
    if config.data != SYNTHETIC:
        raise InputError(f"{run} holds no training on synthetic radiographs.")
    folder = Path(run) / CASES
    folder.mkdir(exist_ok=True)
    training = _cases(config, CALIBRATION_SEED, SHAPES, folder, images=False)
    measured = _cases(config, CALIBRATION_SEED + 1, held_out, folder)
    return package_task(
        config,
        task,
        training,
        measured,
        out,
        name=name,
        version=version,
        title=TITLE,
        protocol=load_protocol(protocol),
        copies=1,
        metadata={
            "authors": "The Landmark Detection developers",
            "copyright": "Copyright (c) the Landmark Detection developers",
            "data_source": f"Synthetic radiographs by this package. Bones: {CREDIT}",
            "data_type": "synthetic radiographs; inference on radiographs",
        },
        card=lambda card: _card(card, config, protocol, real or {}, history),
        progress=progress,
    )


def _cases(
    config: SupervisedConfig, seed: int, count: int, folder: Path, images: bool = True
) -> list[SupervisedCase]:
    """Synthetic pictures as cases; without images only their landmarks are of use."""
    cases: list[SupervisedCase] = []
    stream = stream_of(config, seed, 4)
    number = 0
    while len(cases) < count:
        batch = stream.batch(number)
        for n in range(len(batch.images)):
            file = folder / f"{seed}-{len(cases):05d}.npy"
            if images:
                with atomic_write(file) as temporary, temporary.open("wb") as opened:
                    np.save(opened, batch.images[n].numpy().astype(np.float16))
            cell = float(batch.voxel_mm[n])
            points = np.where(batch.present[n].numpy()[:, None], batch.points[n].numpy(), np.nan)
            cases.append(
                SupervisedCase(
                    name=file.stem,
                    subject=f"{number}-{n}",
                    file=file,
                    to_ras=np.diag([cell, cell, cell, 1.0]),
                    content=tuple(batch.images.shape[2:]),
                    points=points[None].astype(np.float64),
                    known=np.ones((1, len(points)), bool),
                    unit="mm",
                )
            )
        number += 1
    return cases[:count]


def _card(card: str, config: SupervisedConfig, protocol: str, real: Mapping[str, str], history: str) -> str:
    """The usual card, saying truly what was learned from and measured on."""
    whose = (
        "**Research use only. Not a medical device.** The weights learned from the images of whoever "
        "trained\nthe model: whether they may be passed on is for them to decide."
    )
    ours = (
        "**Research use only. Not a medical device.** The weights have seen no patient: all images are\n"
        f"computed, from the bones of one man ({CREDIT}),\n{MADE_OF[protocol]}"
    )
    drawn = f"{config.steps * config.batch_size} synthetic, each once"
    text = card.replace(whose, ours).replace(
        f"| cases learned from | {SHAPES} |", f"| cases learned from | {drawn} |"
    )
    rows = [f"- {title}: {result}" for title, result in real.items()]
    if not rows:
        rows = ["- Not measured on real images yet: errors there are larger than those above."]
    last = "- Train on a few of your own images, beginning with this model, before relying on it."
    said = [f"- {history}"] if history else []
    return "\n".join(
        [text.rstrip("\n"), "", "## On real images", "", *rows, NOTES[protocol], *said, last, ""]
    )
