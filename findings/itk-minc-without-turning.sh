#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7), nibabel 5.4.2
#
# Expected: a MINC file, in which x grows to the patient's right and y to the front (RAS), is brought into ITK's world (LPS)
#   on reading and back on writing, as NIfTI is, and so are MINC's transforms (.xfm).
# Seen: the numbers are taken over as they are, both ways and for both. The same image written as .nii and .mnc lies in two
#   places, turned by 180 degrees about the long axis of the body: what nibabel finds at R -9.6 A -24.1 S 39 of the one is
#   at R 9.6 A 24.1 S 39 of the other. An .xfm moves points to the left that it should move to the right. ITK's own round
#   trip shows nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    SimpleITK==2.5.7 nibabel==5.4.2 h5py==3.14.0 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk

VOXEL = (1, 2, 3)
angle = np.deg2rad(20)
image = sitk.Image(4, 5, 6, sitk.sitkFloat32)
image.SetOrigin((10, 20, 30))
image.SetSpacing((1, 2, 3))
image.SetDirection([np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1])
image[VOXEL] = 9
left, back, up = image.TransformIndexToPhysicalPoint(VOXEL)
print(f"the bright voxel in SimpleITK: L {left:.1f} P {back:.1f} S {up:.1f}")
seen = {}
for name in ("image.nii", "image.mnc"):
    sitk.WriteImage(image, name)
    assert np.allclose(sitk.ReadImage(name).TransformIndexToPhysicalPoint(VOXEL), (left, back, up), atol=1e-4)
    read = nibabel.load(name)
    index = np.argwhere(read.get_fdata() > 8)[0]
    seen[name] = (read.affine @ [*index, 1])[:3]
    print(name, "read by nibabel: R {:.1f} A {:.1f} S {:.1f}".format(*seen[name]))
assert np.allclose(seen["image.nii"], [-left, -back, up], atol=1e-4), "behaves otherwise now"
assert np.allclose(seen["image.mnc"], [left, back, up], atol=1e-4), "behaves otherwise now"

MOVE = "MNI Transform File\n\nTransform_Type = Linear;\nLinear_Transform =\n 1 0 0 10\n 0 1 0 20\n 0 0 1 30;\n"
Path("move.xfm").write_text(MOVE)
moved = sitk.ReadTransform("move.xfm").TransformPoint((0.0, 0.0, 0.0))
print(f"an .xfm that moves to R 10 A 20 S 30 moves in SimpleITK to L {moved[0]:g} P {moved[1]:g} S {moved[2]:g}")
assert moved == (10, 20, 30), "behaves otherwise now"
PYTHON
