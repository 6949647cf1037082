"""Settings of trainings on synthetic radiographs: those of annotated images, with synthetic ones as data."""

from __future__ import annotations

from LandmarkDetectionLib.core.shapes import mirror_permutation
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.networks.presets import network_preset
from LandmarkDetectionLib.training.supervised.config import GridConfig, SupervisedConfig

#: Protocol by preset.
PROTOCOLS = {
    "cephalogram": "cephalometric-19",
    "quick-cephalogram": "cephalometric-19",
    "spine-ap": "spine-68",
    "quick-spine-ap": "spine-68",
}
#: What a run's config calls its data.
SYNTHETIC = "synthetic"
RADIUS_MM = 2.0

_CEPHALOGRAM = SupervisedConfig(
    architecture="spatial_configuration",
    parameters={
        k: v for k, v in network_preset("spatial_configuration", "lite", 2).items() if k != "dimensions"
    },
    landmarks=load_protocol("cephalometric-19").names,
    grid=GridConfig(shape=(288, 240), spacing=None, intensity="standardise"),
    loss="scn",
    sigma=2.5,
    copies=4,
    radius=RADIUS_MM,
    steps=3000,
    batch_size=2,
    optimiser="adamw",
    learning_rate=2e-3,
    weight_decay=1e-3,
    averaging=0.995,
    validate_every=500,
    checkpoint_minutes=4.0,
    data=SYNTHETIC,
)

# What is alike in every vertebra is learned once, and which one it is apart; heatmaps at a quarter of the
# resolution, as 68 at full resolution would take most of the time.
_SPINE_PROTOCOL = load_protocol("spine-68")
_SPINE = SupervisedConfig(
    architecture="chain_unet",
    parameters={
        **{k: v for k, v in network_preset("chain_unet", "lite", 2).items() if k != "dimensions"},
        "levels": 17,
    },
    landmarks=_SPINE_PROTOCOL.names,
    grid=GridConfig(shape=(512, 192), spacing=None, intensity="standardise"),
    loss="cross-entropy",
    sigma=1.0,
    column=True,
    # A spine in a mirror is a spine: heatmaps of both are averaged.
    mirror=tuple(mirror_permutation(_SPINE_PROTOCOL.names, _SPINE_PROTOCOL.pairs).tolist()),
    radius=4.0,
    steps=3000,
    batch_size=4,
    optimiser="adamw",
    learning_rate=2e-3,
    weight_decay=1e-3,
    averaging=0.995,
    validate_every=500,
    checkpoint_minutes=4.0,
    data=SYNTHETIC,
)

#: Settings by name.
RADIOGRAPH_PRESETS: dict[str, tuple[str, SupervisedConfig]] = {
    "cephalogram": (
        "Synthetic cephalograms: the 19 landmarks of ISBI 2015 by heatmaps; needs BodyParts3D.",
        _CEPHALOGRAM,
    ),
    "quick-cephalogram": (
        "The same for a few minutes, to see that everything works.",
        _CEPHALOGRAM.model_copy(update={"steps": 100, "averaging": 0.95, "validate_every": 50}),
    ),
    "spine-ap": (
        "Synthetic antero-posterior radiographs of spines: the 68 corners of T1 to L5; needs BodyParts3D.",
        _SPINE,
    ),
    "quick-spine-ap": (
        "The same for a few minutes, to see that everything works.",
        _SPINE.model_copy(update={"steps": 60, "batch_size": 2, "averaging": 0.95, "validate_every": 30}),
    ),
}
