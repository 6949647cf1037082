#!/bin/sh
# Run the tests of the module inside the Slicer whose launcher is $1, on a screen of its own.
set -eu
launcher=$1
cd "$(dirname "$0")/.."
packages=LandmarkDetection/Resources/requirements.txt

# What the panel installs after a question; PyTorch comes by its own extension, or here by pip.
"$(dirname "$launcher")/bin/PythonSlicer" -m pip install --requirement "$packages" \
    torch --extra-index-url https://download.pytorch.org/whl/cpu

for test in LandmarkDetection/LandmarkDetection.py LandmarkDetection/Testing/Python/LandmarkDetectionSampleDataTest.py; do
    module=$(basename "$test" .py)
    xvfb-run --auto-servernum "$launcher" --testing --no-splash --ignore-slicerrc \
        --additional-module-paths "$PWD/LandmarkDetection" \
        --python-code "
import sys
sys.path[:0] = ['$PWD', '$PWD/LandmarkDetection', '$(dirname "$PWD/$test")']
import unittest
done = unittest.main(module='$module', argv=['$module'], exit=False).result
sys.exit(not done.wasSuccessful() or not done.testsRun)
"
done
