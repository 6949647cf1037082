"""A study so small that tests can afford it; also run as a program, to be killed.

python tiny_study.py FOLDER KILL_AFTER
"""

import os
import signal
import sys
from pathlib import Path

from LandmarkDetectionLib.study.presets import StudyConfig, study_config
from LandmarkDetectionLib.study.run import StudyResult, run_study
from LandmarkDetectionLib.study.schedules import Schedule

_SHORT = Schedule(epochs=2, batch_size=10, optimiser="adamw", learning_rate=1e-3)
CONFIG: StudyConfig = study_config("tiny", "body").model_copy(
    update={
        "shape": (32, 16),
        "landmarks": ("head_top", "knee_left"),
        "images_per_epoch": 20,
        "synthetic": _SHORT,
        "medical": _SHORT,
        "fine_tuning": _SHORT,
        "neighbour_images": 20,
        "stand_in_subjects": 3,
        "forest_trees": 2,
    }
)


def run(folder: Path, kill_after: int = 0) -> StudyResult:
    """Run the study, and die without warning when it was asked so often whether to go on."""
    asked = 0

    def kill() -> bool:
        nonlocal asked
        asked += 1
        if asked == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    return run_study(CONFIG, folder, workers=1, cancelled=kill)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
