#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7)
#
# Expected: a photograph or scanned film has no size in the patient, so JPEG, PNG and TIFF of the same picture are
#   read with the same spacing of 1.
# Seen: the print resolution of JPEG and TIFF becomes the spacing in mm, that of PNG does not. A radiograph
#   exported at 300 dpi has pixels of 0.085 mm as JPEG or TIFF and of 1 mm as PNG, without a word.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 numpy==2.2.6 pillow==12.2.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy
import SimpleITK
from PIL import Image

picture = Image.fromarray(numpy.arange(1200, dtype=numpy.uint8).reshape(40, 30))
seen = {}
for name in ("film.jpg", "film.tif", "film.png"):
    picture.save(name, dpi=(300, 300))
    seen[name] = round(SimpleITK.ReadImage(name).GetSpacing()[0], 4)
print(seen)
assert seen == {"film.jpg": 0.0847, "film.tif": 0.0847, "film.png": 1.0}, "behaves otherwise now"
PYTHON
