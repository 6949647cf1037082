#!/bin/sh
# afids-utils 0.2.0
#
# Expected: saving a set of fiducials leaves the set as it was.
# Seen: saving replaces the word of the set's coordinate system by the digit of the file format ("RAS" becomes
#   "0"). Distances between the set just saved and an equal set are then refused as "Mismatched coordinate
#   systems", and conversion by name goes wrong: asked for RAS, in which the set is, its x and y change sign.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    afids-utils==0.2.0 numpy==1.26.4 matplotlib==3.9.4
cd "$folder"
venv/bin/python - <<'PYTHON'
from importlib import resources

from afids_utils.afids import AfidDistanceSet, AfidSet
from afids_utils.transforms import xfm_coord_system

with resources.as_file(resources.files("afids_utils.resources") / "template.fcsv") as template:
    text = template.read_text(encoding="utf-8")
lines = text.splitlines()
for number in range(3, len(lines)):
    cells = lines[number].split(",")
    cells[1:4] = ["10.0", "20.0", "30.0"]
    lines[number] = ",".join(cells)
lines[1] = "# CoordinateSystem = 0"
with open("brain.fcsv", "w", encoding="utf-8") as file:
    file.write("\n".join(lines) + "\n")

saved, other = AfidSet.load("brain.fcsv"), AfidSet.load("brain.fcsv")
before = saved.coord_system
saved.save("copy.fcsv")
after = saved.coord_system
try:
    AfidDistanceSet(saved, other).afids
    told = "nothing"
except ValueError as problem:
    told = str(problem)
turned = xfm_coord_system(saved, "RAS").get_afid(1)
print(f"coordinate system: {before} -> {after}; distances: {told}")
print("asked for RAS:", (turned.x, turned.y, turned.z))
assert (before, after, told) == ("RAS", "0", "Mismatched coordinate systems"), "behaves otherwise now"
assert (turned.x, turned.y, turned.z) == (-10.0, -20.0, 30.0), "behaves otherwise now"
PYTHON
