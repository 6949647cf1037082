#!/bin/sh
# plastimatch 1.9.4 (Debian 12's package), `warp` of points (needs apt-get, and python3 alone)
#
# Expected: the points of a .fcsv file lie where its header says: `CoordinateSystem = LPS`, as Slicer has written since 4.11.
# Seen: every .fcsv is taken for RAS, whatever its header says. After a warp that moves nothing the file of today is turned
#   by 180 degrees about the long axis of the body, so that left landmarks lie right and front ones at the back; exit
#   code 0, no message. All names are replaced by p-000, p-001, ..., as they are looked for in another column.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
package=plastimatch=1.9.4+dfsg.2-0+deb12u1
needed=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances plastimatch | grep '^[a-z]' | sort -u | grep -v '^plastimatch$\|^libc6$\|^libgcc-s1$\|^gcc-12-base$')
apt-get download --quiet=2 "$package" $needed 2>/dev/null
for file in *.deb; do dpkg -x "$file" root; done
cat >seen.py <<'PYTHON'
import glob
import os
import pathlib
import struct
import subprocess

HEAD = "# Markups fiducial file version = 4.11\n# CoordinateSystem = {}\n"
COLUMNS = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
POINTS = "1,10,20,30,0,0,0,1,1,1,0,nasion,,\n2,-40,5,60,0,0,0,1,1,1,0,sella,,\n"
FIELD = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
Offset = -100 -100 -100
ElementSpacing = 10 10 10
DimSize = 20 20 20
ElementNumberOfChannels = 3
ElementType = MET_FLOAT
ElementDataFile = still.raw
"""
pathlib.Path("still.mhd").write_text(FIELD)
pathlib.Path("still.raw").write_bytes(struct.pack("<24000f", *[0.0] * 24000))  # a vector field that moves nothing
libraries = {os.path.dirname(file) for file in glob.glob("root/usr/lib/**/*.so*", recursive=True)}
environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(os.path.abspath, libraries))}


def warped(system, ending):
    pathlib.Path("in.fcsv").write_text(HEAD.format(system) + COLUMNS + POINTS)
    command = ["root/usr/bin/plastimatch", "warp", "--input", "in.fcsv", "--xf", "still.mhd"]
    subprocess.run([*command, "--output-pointset", f"out.{ending}"], check=True, capture_output=True, env=environment)
    lines = pathlib.Path(f"out.{ending}").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


# Its .txt files hold what it works with, which is LPS.
seen = {system: [[float(x) for x in line.split()] for line in warped(system, "txt")] for system in ("LPS", "RAS")}
names = [line.split(",")[0] for line in warped("LPS", "fcsv")]
print("LPS 10, 20, 30 and -40, 5, 60 become LPS", seen["LPS"])
print("RAS 10, 20, 30 and -40, 5, 60 become LPS", seen["RAS"])
print("nasion and sella are now called", names)
assert seen["RAS"] == [[-10, -20, 30], [40, -5, 60]], "behaves otherwise now"
assert seen["LPS"] == seen["RAS"], "behaves otherwise now"
assert names == ["p-000", "p-001"], "behaves otherwise now"
PYTHON
python3 seen.py
