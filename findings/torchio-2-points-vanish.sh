#!/bin/sh
# TorchIO 2.0.0a2
#
# Expected: a subject's Points and BoundingBoxes, new in this version, go through a transform with the images: a flip moves
#   them, noise leaves them.
# Seen: after either, the subject holds the images alone. Points and boxes are gone without a message; CropOrPad keeps them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torchio==2.0.0a2 torch==2.13.0 numpy==2.2.6
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import torch
import torchio as tio

seen = {}
for name, transform in {
    "Flip": tio.Flip(axes=0),
    "Noise": tio.Noise(),
    "CropOrPad": tio.CropOrPad((30, 30, 30)),
}.items():
    subject = tio.Subject(
        image=tio.ScalarImage(torch.rand(1, 20, 24, 18)),
        landmarks=tio.Points(torch.tensor([[4.0, 10.0, 7.0]])),
    )
    done = transform(subject)
    seen[name] = len(subject.points), len(done.images), len(done.points)
    print(f"{name}: before 1 image and {seen[name][0]} set of points, after {seen[name][1]} and {seen[name][2]}")
assert seen["Flip"] == seen["Noise"] == (1, 1, 0), "behaves otherwise now"
assert seen["CropOrPad"] == (1, 1, 1), "behaves otherwise now"
PYTHON
