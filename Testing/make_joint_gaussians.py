"""Give shipped models of outlines what corrections need: how landmarks lie to one another and networks err.

    python Testing/make_joint_gaussians.py hand

For models with the detectors "silhouette" and "hand"; others get it when they are packaged.

Draws synthetic scans of a seed that no training, calibration or test uses, and writes
``models/joint.safetensors`` and its entry into the model's folder below ``Resources/Models``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.detectors.settings import HandSettings, SilhouetteSettings
from LandmarkDetectionLib.models import add_joint, load_model
from LandmarkDetectionLib.synthesis.body.stream import Framing
from LandmarkDetectionLib.synthesis.hand.stream import HandFraming
from LandmarkDetectionLib.training.synthetic.held_out import Population
from LandmarkDetectionLib.training.synthetic.joint import joint_of_bodies, joint_of_hands

MODELS = Path(__file__).resolve().parents[1] / "Resources" / "Models"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--batches", type=int, default=48, help="of 64 scans")
    options = parser.parse_args()

    def progress(fraction: float, text: str) -> None:
        print(f"\r{text}   ", end="", flush=True)

    for name in options.models:
        model = load_model(MODELS / name)
        networks = model.build_networks()
        if model.capabilities.of_hands:
            hand = HandSettings.of(model)
            framing = HandFraming(hand.canvas_shape, "inside", hand.filled)
            joint = joint_of_hands(
                networks["coronal"], model.protocol, framing, options.batches, progress=progress
            )
        else:
            body = SilhouetteSettings.of(model)
            names = model.protocol.names
            facts = Population(
                np.array([body.mean_depth_mm[name] for name in names]),
                np.array([body.mean_depth_error_mm[name] for name in names]),
                body.length_range_mm,
            )
            joint = joint_of_bodies(
                networks,
                model.protocol,
                Framing(body.coronal_shape, body.lateral_shape, body.pixel_mm),
                facts,
                body.depth_method,
                options.batches,
                progress=progress,
            )
        add_joint(model, joint)
        print(f"\r{name}: {joint.landmarks} landmarks, certainty {joint.certainty:g}")


if __name__ == "__main__":
    main()
