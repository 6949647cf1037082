#!/bin/sh
# brainglobe-space 1.0.3
#
# Expected: a point given as the index of a voxel goes with its voxel when points and stack are brought to another space.
# Seen: along every axis that is turned round, index i of n becomes n - i, while the voxel goes to n - 1 - i: the point lands
#   in the next voxel, and the first voxel's outside of the stack. Only points counted from the voxel's edge (index + 0.5)
#   go with their voxels.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check brainglobe-space==1.0.3 numpy==2.2.6 scipy==1.15.3
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from brainglobe_space import AnatomicalSpace

index = np.array([0, 2, 3])
stack = np.zeros((4, 5, 6))
stack[tuple(index)] = 1
space = AnatomicalSpace("asr", shape=stack.shape, resolution=(1, 1, 1))
seen = {}
for target in ("asr", "psr", "psl"):
    voxel = np.argwhere(space.map_stack_to(target, stack))[0].tolist()
    point = space.map_points_to(target, index[None])[0].tolist()
    middle = (space.map_points_to(target, index[None] + 0.5)[0] - 0.5).tolist()
    seen[target] = (voxel, point, middle)
    print(f"asr to {target}: voxel {voxel}, its index as a point {point}, its middle {middle}")
assert seen["asr"] == ([0, 2, 3], [0, 2, 3], [0, 2, 3]), "behaves otherwise now"
assert seen["psr"] == ([3, 2, 3], [4, 2, 3], [3, 2, 3]), "behaves otherwise now"
assert seen["psl"] == ([3, 2, 2], [4, 2, 3], [3, 2, 2]), "behaves otherwise now"
PYTHON
