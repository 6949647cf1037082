#!/bin/sh
# nitransforms 25.1.0 and SimpleITK 2.5.7
#
# Expected: a point goes the same way through an ITK composite transform (.h5) in both.
# Seen: up to nine parts it does. The parts are numbered in the file, and nitransforms takes their numbers in alphabetical
#   order (1, 10, 2, ...): from ten parts on they are applied in another order, and the point arrives elsewhere, without a
#   message.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    nitransforms==25.1.0 SimpleITK==2.5.7 nibabel==5.3.2 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import numpy
import SimpleITK
from nitransforms.manip import TransformChain

warnings.simplefilter("ignore")
to_ras = numpy.array([-1, -1, 1])
seen = {}
for count in (9, 10, 11):
    whole = SimpleITK.CompositeTransform(3)
    for part in range(count):
        one = SimpleITK.AffineTransform(3)
        one.Scale(1.1 if part % 2 else 0.9)
        one.SetTranslation((10.0 * part, 0, 0))
        whole.AddTransform(one)
    SimpleITK.WriteTransform(whole, "whole.h5")
    by_itk = numpy.array(whole.TransformPoint((1.0, 2.0, 3.0)))
    theirs = TransformChain.from_filename("whole.h5", fmt="itk").map([to_ras * (1.0, 2.0, 3.0)])[0] * to_ras
    seen[count] = float(numpy.linalg.norm(by_itk - theirs))
    print(count, "parts: ITK", by_itk.round(2), "nitransforms", theirs.round(2), "apart", round(seen[count], 2), "mm")
assert seen[9] < 0.01 and seen[10] > 1 and seen[11] > 1, "behaves otherwise now"
PYTHON
