"""Download what Landmark Detection needs into a folder, for a computer without a network.

::

    PythonSlicer download_wheels.py wheels
    PythonSlicer download_wheels.py wheels --extra-index-url https://download.pytorch.org/whl/cpu

Run it with the same Slicer on the same kind of system; further words are given to ``pip download``. On the
other computer, let the environment variable ``LANDMARK_DETECTION_WHEELS`` name the folder and start Slicer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from LandmarkDetectionSlicer.process import packages


def main(arguments: Sequence[str]) -> int:
    """Download all requirements, fitting this Slicer's own packages; give pip's exit code."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        packages.writeConstraints(constraints, isForTorch=True)
        requirements = [package.requirement for package in packages.requiredPackages(packages.BATCH)]
        command = [sys.executable, "-m", "pip", "download", "--only-binary", ":all:"]
        command += ["--dest", arguments[0], "--constraint", str(constraints), *requirements, *arguments[1:]]
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
