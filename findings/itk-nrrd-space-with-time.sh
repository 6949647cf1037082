#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7)
#
# Expected: a NRRD in the space "right-anterior-superior-time", which the format defines beside "right-anterior-superior",
#   has its first three axes turned into ITK's world (LPS) as the volume without time has.
# Seen: with time, also of a single frame, it is read as if its numbers were LPS already: the voxel that lies at R 12 A 24 S 39
#   is put at L 12 P 24 S 39, mirrored in two axes, and no message tells.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7
cd "$folder"
venv/bin/python - <<'PYTHON'
import SimpleITK


def seen(name, space, sizes, directions, origin, index):
    fields = [
        "NRRD0004", "type: uint8", f"dimension: {len(sizes)}", f"space: {space}", f"sizes: {' '.join(map(str, sizes))}",
        f"space directions: {directions}", f"space origin: {origin}", "encoding: raw", "", "",
    ]
    with open(name, "wb") as file:
        file.write("\n".join(fields).encode("ascii") + bytes(range(60)))
    return SimpleITK.ReadImage(name).TransformIndexToPhysicalPoint(index)[:3]


still = seen(
    "still.nrrd", "right-anterior-superior", (3, 4, 5), "(1,0,0) (0,2,0) (0,0,3)", "(10,20,30)", (2, 2, 3)
)
timed = seen(
    "timed.nrrd", "right-anterior-superior-time", (3, 4, 5, 1), "(1,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,1)",
    "(10,20,30,0)", (2, 2, 3, 0),
)
print("LPS without time", still, "with time", timed)
assert still == (-12, -24, 39) and timed == (12, 24, 39), "behaves otherwise now"
PYTHON
