"""``python -m LandmarkDetectionLib`` is the command ``landmark-detection``."""

from LandmarkDetectionLib.cli.app import main

if __name__ == "__main__":
    main()
