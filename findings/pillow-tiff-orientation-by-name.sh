#!/bin/sh
# Pillow 13.0.0
#
# Expected: a radiograph saved as TIFF with an EXIF orientation of 5 to 8 (turned by a quarter) gives the same
#   pixels whether it is opened by its name or from a stream.
# Seen: from a stream the picture is turned and right. Opened by its name an uncompressed one is mapped into
#   memory with the size that it has when turned: its rows are scrambled and its sides exchanged, without an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy
from PIL import Image

rows = numpy.arange(600, dtype=numpy.uint16).astype(numpy.uint8).reshape(20, 30)
exif = Image.Exif()
exif[0x112] = 6
Image.fromarray(rows).save("film.tif", exif=exif)
with Image.open("film.tif") as opened:
    by_name = numpy.asarray(opened)
with open("film.tif", "rb") as stream, Image.open(stream) as opened:
    from_stream = numpy.asarray(opened)
turned = numpy.rot90(rows, -1)
seen = {
    "size by name": by_name.shape,
    "size from a stream": from_stream.shape,
    "turned from a stream": numpy.array_equal(from_stream, turned),
    "by name as stored or turned": any(numpy.array_equal(by_name, one) for one in (rows, turned)),
}
print(seen)
assert list(seen.values()) == [(20, 30), (30, 20), True, False], "behaves otherwise now"
PYTHON
