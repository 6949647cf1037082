#!/bin/sh
# pycpd 2.0.0, coherent point drift
#
# Expected: a rigid registration keeps lengths, and its rotation R acts as in the paper, y -> R y + t.
# Seen: RigidRegistration always fits a scale, which cannot be switched off: landmarks of a hand that is a tenth larger are
#   shrunk onto the smaller one, and a difference in size is gone without a word. Its R acts from the right (y R + t): who
#   applies it as a matrix turns everything the other way, here by twice 20 degrees.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycpd==2.0.0 numpy==2.2.6 scipy==1.15.3
"$folder/venv/bin/python" - <<'PYTHON'
import inspect

import numpy as np
from pycpd import RigidRegistration

fixed = np.random.default_rng(0).normal(scale=50.0, size=(30, 3))
moved, (scale, _, _) = RigidRegistration(X=fixed, Y=1.1 * fixed + 5).register()
print(f"a copy 1.1 times as large: scale {scale:.4f}, largest distance left {abs(moved - fixed).max():.1e} mm")
assert abs(scale - 1 / 1.1) < 1e-6 and abs(moved - fixed).max() < 1e-6, "behaves otherwise now"
assert not {"scale", "with_scaling"} & set(inspect.signature(RigidRegistration).parameters), "can be switched off now"

angle = np.deg2rad(20)
turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
turned = fixed @ turn.T
_, (scale, rotation, shift) = RigidRegistration(X=fixed, Y=turned).register()
left = abs(scale * turned @ rotation.T + shift - fixed).max()
right = abs(scale * turned @ rotation + shift - fixed).max()
print(f"turned by 20 degrees: R y + t is {left:.0f} mm off, y R + t {right:.1e} mm")
assert left > 10 and right < 1e-6, "behaves otherwise now"
PYTHON
