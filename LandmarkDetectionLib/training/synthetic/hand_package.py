"""From a finished run on hands to a model package: calibrated, measured, described."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.models.weights import in_eight_bits
from LandmarkDetectionLib.quality.calibration import Calibration
from LandmarkDetectionLib.synthesis.hand.reference import draw_hand_reference
from LandmarkDetectionLib.training.synthetic.card_parts import (
    by_name,
    can_package,
    package_metadata,
    rounded_ranges,
)
from LandmarkDetectionLib.training.synthetic.hand_card import KINDS, hand_card, hand_report
from LandmarkDetectionLib.training.synthetic.held_out import CALIBRATION_SEED, TEST_SEED, portion
from LandmarkDetectionLib.training.synthetic.held_out_hands import (
    RADIUS_SHARE,
    hand_population,
    measure_hands,
)
from LandmarkDetectionLib.training.synthetic.joint import joint_of_hands
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig
from LandmarkDetectionLib.training.synthetic.train import landmark_names
from LandmarkDetectionLib.typing import Progress


def package_hands(
    config: TrainingConfig,
    task: Any,
    out: Path,
    name: str,
    version: str,
    batches: int,
    progress: Progress | None,
) -> Model:
    """Calibrate a hand network on held-out hands, measure it on others, and write a model package.

    Raises
    ------
    InputError
        When the run trained the paper's networks, which the hand detector does not run.
    OutputError
        When the package cannot be written.
    """
    if not can_package(config):
        raise InputError(
            "The paper's networks of hands are for the study command; only silhouette_unet can be packaged."
        )
    protocol = load_protocol(config.protocol).restricted(landmark_names(config))
    network, framing = task.networks["coronal"].eval(), task.framing
    facts = hand_population(protocol, framing, batches)
    measured = {}
    for n, (kind, seed) in enumerate(product(KINDS, (CALIBRATION_SEED, TEST_SEED))):
        part = portion(progress, n / 4, (n + 1) / 4)
        measured[kind, seed] = measure_hands(
            network, protocol, framing, facts, seed, batches, with_depth=kind == "depth", progress=part
        )
    curves = {}
    for kind in KINDS:
        calibrating = measured[kind, CALIBRATION_SEED]
        curves[kind] = Calibration.fit(calibrating.score.ravel(), calibrating.found.ravel())
    tested = {kind: measured[kind, TEST_SEED] for kind in KINDS}
    report = hand_report(tested, curves, protocol)
    depth_by = {
        method: float(np.mean(values[tested["depth"].visible]))
        for method, values in tested["depth"].depth_mm.items()
    }
    settings = {
        "canvas_shape": list(framing.shape),
        "filled": framing.filled,
        "depth_method": "network" if depth_by["network"] <= min(depth_by.values()) else "mean",
        "mean_depth": by_name(protocol.names, facts.mean_depth, 4),
        "radius_share": RADIUS_SHARE,
        "calibration": {kind: curve.to_settings() for kind, curve in curves.items()},
        "length_range_share": rounded_ranges(facts.length_range_share, 4),
    }
    states = {"coronal": (*task.architectures()["coronal"], network.state_dict())}
    return save_model(
        out,
        name=name,
        version=version,
        protocol=protocol,
        networks={key: (*kind, in_eight_bits(state)) for key, (*kind, state) in states.items()},
        settings=settings,
        detector="hand",
        metadata_extra=package_metadata(
            config,
            report,
            f"{len(protocol.names)} landmarks of a hand from its outline and depth.",
            "hands posed and imaged",
            "radiographs, MR and CT volumes of hands",
        ),
        card=hand_card(name, version, protocol, config.model_dump(), report, states),
        reference=draw_hand_reference(protocol),
        joint=joint_of_hands(network, protocol, framing, batches),
    )
