#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7)
#
# Expected: a NRRD in the space "3D-left-handed", which the format defines beside "3D-right-handed", is mirrored on
#   reading into ITK's right-handed world, or refused.
# Seen: it is read as if it were right-handed, with the same matrix and no message: everything lies on the mirrored
#   side.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7
cd "$folder"
venv/bin/python - <<'PYTHON'
import SimpleITK

seen = {}
for space in ("3D-right-handed", "3D-left-handed"):
    fields = [
        "NRRD0004", "type: uint8", "dimension: 3", f"space: {space}", "sizes: 2 3 4",
        "space directions: (1,0,0) (0,2,0) (0,0,3)", "space origin: (10,20,30)", "encoding: raw", "", "",
    ]
    with open(f"{space}.nrrd", "wb") as file:
        file.write("\n".join(fields).encode("ascii") + bytes(range(24)))
    image = SimpleITK.ReadImage(f"{space}.nrrd")
    seen[space] = (image.GetOrigin(), image.GetDirection())
print(seen)
assert seen["3D-left-handed"] == seen["3D-right-handed"], "behaves otherwise now"
PYTHON
