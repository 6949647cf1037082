"""What a study is decided by, as data: the paper's numbers, and smaller ones for a machine without a GPU."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.study.schedules import PAPER_FINE_TUNING, PAPER_SYNTHETIC, Schedule


class StudyConfig(BaseModel):
    """One study. The same config on the same machine gives the same figures.

    Attributes
    ----------
    region, preset
        What is looked at, and the name of the settings below.
    shape
        Rows and columns of the patches; the paper's unit size when None.
    landmarks
        Those of the paper when None and no datalist names others.
    seed
        Of networks, order, folds and the synthetic images.
    images_per_epoch, repeat_images
        Synthetic images in an epoch, and whether every epoch shows the same ones, as in the paper.
    synthetic, medical, fine_tuning
        Schedules of CNN(syn), CNN(med) and CNN(ft).
    neighbour_images
        Synthetic images that NN(syn) searches: the first of those that CNN(syn) learned from.
    folds, fold_count
        See ``folds.make_folds``.
    stand_in_subjects, stand_in_images
        People of the stand-in for medical images, and images of each.
    forest_trees
        Of RF.
    data
        Name and checksum of the datalist; empty when a second synthetic domain stands in for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: Literal["hand", "body"]
    preset: str
    shape: tuple[PositiveInt, PositiveInt] | None = None
    landmarks: tuple[str, ...] | None = None
    seed: int = 1
    images_per_epoch: PositiveInt
    repeat_images: bool = False
    synthetic: Schedule
    medical: Schedule
    fine_tuning: Schedule
    neighbour_images: PositiveInt
    folds: Literal["three-fold", "k-fold", "leave-one-out"] = "three-fold"
    fold_count: PositiveInt = 3
    stand_in_subjects: PositiveInt
    stand_in_images: PositiveInt = 2
    forest_trees: PositiveInt = 24
    data: str = ""


# AdamW and a cosine reach in hundreds of steps what the paper's schedule takes thousands for.
_SHORT = Schedule(
    epochs=30, optimiser="adamw", learning_rate=1e-3, weight_decay=1e-4, cosine=True, precision="bf16-mixed"
)
_SHORT_ALONE = Schedule(
    epochs=150, batch_size=20, optimiser="adamw", learning_rate=5e-4, cosine=True, precision="bf16-mixed"
)
# Few and gentle steps: with some forty images a longer fine-tuning forgets what synthetic images taught.
_SHORT_TUNING = _SHORT_ALONE.model_copy(update={"epochs": 20, "learning_rate": 2e-5, "recentre": True})
_TINY = Schedule(epochs=2, batch_size=20, optimiser="adamw", learning_rate=1e-3)

_PAPER_HAND = StudyConfig(
    region="hand",
    preset="paper",
    images_per_epoch=2_200_000,
    repeat_images=True,
    synthetic=PAPER_SYNTHETIC,
    medical=PAPER_FINE_TUNING,
    fine_tuning=PAPER_FINE_TUNING,
    neighbour_images=2_200_000,
    stand_in_subjects=132,
    forest_trees=50,
)
_SCALED_HAND = StudyConfig(
    region="hand",
    preset="scaled",
    shape=(48, 48),
    images_per_epoch=2_000,
    synthetic=_SHORT,
    medical=_SHORT_ALONE,
    fine_tuning=_SHORT_TUNING,
    neighbour_images=60_000,
    stand_in_subjects=30,
)
# The paper has 20 CT of as many people.
_BODIES = {"region": "body", "stand_in_subjects": 20, "stand_in_images": 1}
_MANY_BODIES = {"images_per_epoch": 600_000, "neighbour_images": 600_000}

PRESETS: dict[str, tuple[str, dict[str, StudyConfig]]] = {
    "paper": (
        "The paper's numbers: 2.2 M hands or 0.6 M bodies, 30 epochs, 700 epochs of fine-tuning; for a GPU.",
        {
            "hand": _PAPER_HAND,
            "body": _PAPER_HAND.model_copy(update={**_BODIES, **_MANY_BODIES, "folds": "leave-one-out"}),
        },
    ),
    "scaled": (
        "The same at half the unit size, with less of everything: under half an hour on two CPU cores.",
        {
            "hand": _SCALED_HAND,
            "body": _SCALED_HAND.model_copy(
                update={**_BODIES, "shape": (80, 38), "folds": "k-fold", "fold_count": 5}
            ),
        },
    ),
    "tiny": (
        "A minute, to see that everything works; its figures mean nothing.",
        {
            region: StudyConfig(
                region=region,
                preset="tiny",
                shape=(32, 32),
                images_per_epoch=60,
                synthetic=_TINY,
                medical=_TINY,
                fine_tuning=_TINY,
                neighbour_images=100,
                stand_in_subjects=6,
                forest_trees=4,
            )
            for region in ("hand", "body")
        },
    ),
}


def study_config(preset: str, region: str) -> StudyConfig:
    """The settings of a preset for a region.

    Raises
    ------
    InputError
        When there is no such preset or region.
    """
    if preset not in PRESETS:
        raise InputError(f"The preset {preset!r} is unknown; choose {', '.join(PRESETS)}.")
    configs = PRESETS[preset][1]
    if region not in configs:
        raise InputError(f"The region {region!r} is unknown; choose {', '.join(configs)}.")
    return configs[region]
