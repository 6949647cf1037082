#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7)
#
# Expected: LandmarkBasedTransformInitializer given a Similarity2DTransform, for landmarks of two radiographs of different
#   magnification, finds the scale, as it does in three dimensions (Similarity3DTransform), or refuses the transform, as it
#   does an Euler3DTransform.
# Seen: a rigid fit in the shape of a similarity: rotation right, scale 1, no message. Landmarks at twice the size are left
#   up to 76 pixels off. ScaleVersor3DTransform and ScaleSkewVersor3DTransform keep their scales of 1 in the same way.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import SimpleITK as sitk

fixed = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 10.0], [0.0, 60.0, 20.0], [80.0, 70.0, 40.0]])
angle = np.deg2rad(30)
turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
moving = 2 * fixed @ turn.T + [5, 7, 9]  # turned, and twice as large


def off(transform):
    axes = transform.GetDimension()
    here, there = fixed[:, :axes], moving[:, :axes]
    fit = sitk.LandmarkBasedTransformInitializer(transform, here.ravel().tolist(), there.ravel().tolist())
    mapped = np.array([fit.TransformPoint(point) for point in here.tolist()])
    return float(np.linalg.norm(mapped - there, axis=1).max()), fit


seen = {}
for transform in (
    sitk.Similarity3DTransform(),
    sitk.Similarity2DTransform(),
    sitk.ScaleVersor3DTransform(),
    sitk.ScaleSkewVersor3DTransform(),
):
    name = transform.GetName()
    seen[name], fit = off(transform)
    print(f"{name}: {seen[name]:.3f} off at most, parameters {np.round(fit.GetParameters(), 3).tolist()}")
    if name == "Similarity2DTransform":
        assert fit.GetParameters()[0] == 1 and np.isclose(fit.GetParameters()[1], angle), "behaves otherwise now"
try:
    off(sitk.Euler3DTransform())
except RuntimeError as error:
    print("Euler3DTransform:", str(error).splitlines()[-1].split(": ", 1)[-1])
else:
    raise AssertionError("behaves otherwise now")
assert seen.pop("Similarity3DTransform") < 1e-6 and min(seen.values()) > 50, "behaves otherwise now"
PYTHON
