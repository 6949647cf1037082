"""Everything a training run is decided by, as data; presets reproduce what ships and what the paper did."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat

from LandmarkDetectionLib.training.config import LoopConfig


class TrainingConfig(LoopConfig):
    """One training run on synthetic bodies or hands. The same config gives the same weights."""

    network: Literal["silhouette_unet", "regression_cnn"] = "silhouette_unet"
    stage: Literal["whole", "regions"] = Field(
        default="whole",
        description="Landmarks of a whole view, or those of small regions at a finer scale.",
    )
    skeleton: bool = Field(
        default=False, description="Bodies have bones, and views show them; needs BodyParts3D."
    )
    bone_missing: float = Field(
        default=0.15, ge=0, le=1, description="Share of bodies whose bones are not shown, as in MR."
    )
    protocol: str = "whole-body"
    landmarks: tuple[str, ...] | None = Field(
        default=None, description="A subset of the protocol; all when None."
    )
    start: str | None = Field(
        default=None, description="A model package, by name or folder, whose weights it begins with."
    )
    whole_body_only: bool = False
    disturbance: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="Strength of what scanners and clean-up do; 0 for clean outlines.",
    )
    pixel_mm: PositiveFloat = 8.0
    hand_shape: tuple[int, int] = Field(
        default=(160, 128),
        description="Rows and columns a hand is fitted into; not for the paper's networks.",
    )
    depth_missing: float = Field(
        default=0.5, ge=0, le=1, description="Share of hands shown without depth, as radiographs are."
    )
    channels: tuple[int, ...] = (16, 32, 64, 96, 128)
    lateral_channels: tuple[int, ...] = (16, 32, 64, 96, 128)


NINE = (
    "head_top",
    "shoulder_right",
    "shoulder_left",
    "middle_finger_right",
    "middle_finger_left",
    "knee_right",
    "knee_left",
    "big_toe_right",
    "big_toe_left",
)
FINGERTIPS = ("thumb_tip", "index_tip", "middle_tip", "ring_tip", "little_tip")
_PAPER = TrainingConfig(
    network="regression_cnn",
    landmarks=NINE,
    steps=180_000,
    batch_size=100,
    optimiser="sgd",
    learning_rate=0.01,
    weight_decay=0.0,
    schedule="paper",
    steps_per_epoch=6_000,
    averaging=0.0,
    whole_body_only=True,
    precision="32-true",
    validate_every=6_000,
)

_HAND = TrainingConfig(protocol="hand", steps=5000, batch_size=32)
_PAPER_HAND = _PAPER.model_copy(
    update={
        "protocol": "hand",
        "landmarks": FINGERTIPS,
        "steps": 660_000,
        "steps_per_epoch": 22_000,
        "validate_every": 22_000,
        "disturbance": 0.0,
    }
)

_BONES = TrainingConfig(
    protocol="whole-body-bones",
    skeleton=True,
    channels=(16, 40, 80, 112, 144),
    lateral_channels=(16, 40, 80, 112, 144),
    steps=4300,
    averaging=0.995,
    validate_every=250,
    checkpoint_minutes=4.0,
)
_REGIONS = _BONES.model_copy(
    update={
        "stage": "regions",
        "bone_missing": 0.0,
        "pixel_mm": 2.5,
        "channels": (24, 48, 96, 128),
        "lateral_channels": (24, 48, 96, 128),
        "steps": 6000,
        "batch_size": 96,
    }
)

#: The preset of the second stage that a preset of whole views needs.
SECOND_STAGE = {"whole-body-ct": "whole-body-ct-regions"}

PRESETS: dict[str, tuple[str, TrainingConfig]] = {
    "whole-body-ct": (
        "Skin and bones: 141 landmarks in whole views, then in regions closely; needs BodyParts3D.",
        _BONES,
    ),
    "whole-body-ct-regions": ("Its second stage alone: regions at 2.5 mm.", _REGIONS),
    "whole-body-skin": (
        "Skin alone: compact networks, the 31 landmarks that an outline tells, any field of view.",
        TrainingConfig(),
    ),
    "quick": (
        "The settings of whole-body-skin for a few minutes, to see that everything works.",
        TrainingConfig(steps=150, validate_every=75),
    ),
    "paper-body": ("Riegler 2015: the 6-layer CNN on 0.6 M whole bodies, 30 epochs.", _PAPER),
    "paper-body-short": (
        "The 6-layer CNN with the paper's optimiser and a thirtieth of its epochs each.",
        _PAPER.model_copy(update={"steps": 6_000, "steps_per_epoch": 200, "validate_every": 1_000}),
    ),
    "hand": ("The shipped hand model: one compact network, with and without depth.", _HAND),
    "quick-hand": (
        "The hand model's settings for a few minutes, to see that everything works.",
        _HAND.model_copy(update={"steps": 150, "validate_every": 75}),
    ),
    "paper-hand": ("Riegler 2015: the 6-layer CNN on 2.2 M left hands, 30 epochs.", _PAPER_HAND),
    "paper-hand-short": (
        "The same with a hundredth of the images in each epoch.",
        _PAPER_HAND.model_copy(update={"steps": 6_600, "steps_per_epoch": 220, "validate_every": 1_100}),
    ),
}
