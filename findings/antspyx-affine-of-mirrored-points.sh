#!/bin/sh
# antspyx 0.6.3
#
# Expected: fit_transform_to_paired_points(..., transform_type="affine") is the affine map that fits best. Points that an
#   affine map made are fitted exactly, also those of a left hand that is to lie on a right one.
# Seen: maps that shear and stretch come back to a hundredth of a mm. One that mirrors does not: its mirroring part is
#   replaced by a rotation, points of a hand are up to 90 mm off, and nothing says so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check antspyx==0.6.3 numpy==1.26.4
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import ants
import numpy as np

right = np.random.default_rng(0).normal(scale=40.0, size=(12, 3))
MAPS = {
    "sheared": np.array([[1.0, 0.4, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    "stretched": np.diag([1.2, 0.9, 1.0]),
    "mirrored": np.diag([-1.0, 1.0, 1.0]),
}
seen = {}
for name, matrix in MAPS.items():
    moving = right @ matrix.T + [1.0, 2.0, 3.0]
    fit = ants.fit_transform_to_paired_points(moving, right, transform_type="affine")
    mapped = np.array([ants.apply_ants_transform_to_point(fit, point) for point in right])
    homogeneous = np.c_[right, np.ones(len(right))]
    least = abs(homogeneous @ np.linalg.lstsq(homogeneous, moving, rcond=None)[0] - moving).max()
    seen[name] = np.linalg.norm(mapped - moving, axis=1).max()
    print(f"{name}: {seen[name]:.3f} mm off at most, plain least squares {least:.0e} mm")
assert seen["sheared"] < 0.01 and seen["stretched"] < 0.01 and seen["mirrored"] > 10, "behaves otherwise now"
PYTHON
