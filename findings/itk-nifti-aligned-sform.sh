#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7) and nibabel 5.4.2
#
# Expected: both put the voxels of a NIfTI file with two valid matrices at the same place, or one of them tells that there
#   are two.
# Seen: nibabel takes the sform whatever its code. ITK takes it only with code 1 (scanner): with code 2 (aligned to another
#   scan) or 4 (MNI) the qform wins, and so it does over a slightly sheared sform of code 1. Neither says so. Landmarks in
#   mm that one reads off belong elsewhere in the other.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 nibabel==5.4.2 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import nibabel
import numpy
import SimpleITK

scanner = numpy.diag([1.0, 1.0, 2.0, 1.0])
moved, sheared = scanner.copy(), scanner.copy()
moved[:3, 3] = sheared[:3, 3] = [10.0, 20.0, 30.0]
sheared[1, 2] = 0.05  # 1.4 degrees off the right angle

seen = {}
for name, matrix, code in (
    ("sform scanner", moved, 1), ("aligned", moved, 2), ("MNI", moved, 4), ("scanner, sheared", sheared, 1)
):
    image = nibabel.Nifti1Image(numpy.zeros((4, 5, 6), numpy.uint8), None)
    image.set_sform(matrix, code)
    image.set_qform(scanner, 1)
    nibabel.save(image, "scan.nii")
    by_nibabel = (nibabel.load("scan.nii").affine @ [3, 4, 5, 1])[:3]
    x, y, z = SimpleITK.ReadImage("scan.nii").TransformIndexToPhysicalPoint((3, 4, 5))
    seen[name] = [round(float(value), 2) for value in (*by_nibabel, -x, -y, z)]
for name, places in seen.items():
    print(f"{name}: nibabel {places[:3]}, ITK {places[3:]} (RAS)")
itk = [places[3:] for places in seen.values()]
assert itk == [[13, 24, 40], [3, 4, 10], [3, 4, 10], [3, 4, 10]], "behaves otherwise now"
assert [places[:3] for places in seen.values()] == [[13, 24, 40]] * 3 + [[13, 24.25, 40]], "behaves otherwise now"
PYTHON
