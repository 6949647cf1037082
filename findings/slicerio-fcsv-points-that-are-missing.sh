#!/bin/sh
# slicerio 1.4.0
#
# Expected: fcsv_to_markups_json makes of a list of points that 3D Slicer wrote as .fcsv the same list as .mrk.json.
# Seen: points that are not placed, or marked as missing, are placed ones afterwards: Slicer writes their state (0 and 3,
#   2 for placed) behind the columns that the file names, and what stands there is passed over. And rows are split at
#   every comma, also within quotation marks: a label "a, b" becomes the label "a with the description b".
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check slicerio==1.4.0
cd "$folder"
# As slicer-core 5.13.31053.0 writes them.
cat >points.fcsv <<'POINTS'
# Markups fiducial file version = slicer-core-5.13.31053.0
# CoordinateSystem = LPS
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
1,-1,-2,3,0,0,0,1,1,1,0,"a, b",,,2,0
2,-4,-5,6,0,0,0,1,1,1,0,not placed,,,0,0
3,-7,-8,9,0,0,0,1,1,1,0,missing,,,3,0
POINTS
venv/bin/python - <<'PYTHON'
import json

from slicerio.markups import fcsv_to_markups_json

with open(fcsv_to_markups_json("points.fcsv"), encoding="utf-8") as file:
    points = json.load(file)["markups"][0]["controlPoints"]
for point in points:
    print({name: point.get(name) for name in ("label", "description", "position", "positionStatus")})
first, *others = points
# Without a positionStatus a point is "defined".
assert all("positionStatus" not in point for point in others), "behaves otherwise now"
assert [point["position"] for point in others] == [[-4, -5, 6], [-7, -8, 9]], "behaves otherwise now"
assert (first["label"], first["description"]) == ('"a', 'b"'), "behaves otherwise now"
PYTHON
