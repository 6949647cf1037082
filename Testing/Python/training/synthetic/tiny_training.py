"""A training so small that tests can afford it; also run as a program, to be killed.

python tiny_training.py FOLDER KILL_AFTER_STEP
"""

import os
import signal
import sys
from pathlib import Path

from LandmarkDetectionLib.synthesis.body.stream import Framing
from LandmarkDetectionLib.training.synthetic import tasks, train
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig

CONFIG = TrainingConfig(
    landmarks=("head_top", "knee_right", "knee_left"),
    steps=8,
    batch_size=4,
    channels=(4, 8),
    lateral_channels=(4, 8),
    averaging=0.9,
    whole_body_only=True,
    pixel_mm=24.0,
    precision="32-true",
    validate_every=1000,
)


def shrink() -> dict[tuple[object, str], object]:
    """What to replace, by module and name, to make images and validation small."""
    return {
        (tasks, "Framing"): lambda pixel_mm: Framing((128, 64), (128, 32), pixel_mm),
        (tasks, "UNIT_SIZE"): Framing((32, 16), (32, 16), None),
        (train, "VALIDATION_BATCHES"): 1,
        (train, "VALIDATION_BATCH_SIZE"): 4,
    }


def main(folder: Path, last: int) -> None:
    """Train with a checkpoint after every step and die without warning after step ``last``."""
    for (module, name), value in shrink().items():
        setattr(module, name, value)
    asked = 0

    def kill() -> bool:
        nonlocal asked
        asked += 1
        if asked == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    train.train(CONFIG.model_copy(update={"checkpoint_minutes": 1e-9}), folder, device="cpu", cancelled=kill)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
