#!/bin/sh
# VTK 9.7.2, images written by SimpleITK 2.5.7
#
# Expected: one image, written as MetaImage, NRRD and NIfTI, lies in the same place when VTK's readers read it, or at least
#   in one consistent frame.
# Seen: three places, none of them right, without a message. vtkMetaImageReader keeps the origin and turns the image the
#   other way (its direction is the transpose); vtkNrrdReader keeps the origin and does not turn it; vtkNIFTIImageReader
#   leaves out both (they are in matrices that it gives apart).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vtk==9.7.2 SimpleITK==2.5.7 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import math

import numpy as np
import SimpleITK
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkMetaImageReader, vtkNIFTIImageReader, vtkNrrdReader

c, s = math.cos(0.3), math.sin(0.3)
voxels = np.zeros((12, 20, 24), np.int16)
voxels[9, 14, 18] = 1
image = SimpleITK.GetImageFromArray(voxels)
image.SetSpacing((0.6, 0.8, 2.0))
image.SetOrigin((-10.0, -20.0, 30.0))
image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
truth = np.array(image.TransformIndexToPhysicalPoint((18, 14, 9)))

DIRECTIONS = {
    "as written": np.reshape(image.GetDirection(), (3, 3)),
    "transposed": np.reshape(image.GetDirection(), (3, 3)).T,
    "left out": np.eye(3),
}
seen = {}
for reader, name in (
    (vtkMetaImageReader(), "image.mha"),
    (vtkNrrdReader(), "image.nrrd"),
    (vtkNIFTIImageReader(), "image.nii"),
):
    SimpleITK.WriteImage(image, name)
    reader.SetFileName(name)
    reader.Update()
    read = reader.GetOutput()
    values = vtk_to_numpy(read.GetPointData().GetScalars())
    place = np.array(read.GetPoint(int(values.argmax())))
    first = np.round(read.GetOrigin(), 2).tolist()
    matrix = read.GetDirectionMatrix()
    direction = np.array([[matrix.GetElement(row, column) for column in range(3)] for row in range(3)])
    distance = round(float(np.linalg.norm(place - truth)), 1)
    like = next((what for what, wanted in DIRECTIONS.items() if np.allclose(direction, wanted)), "another")
    seen[name] = like, distance
    print(f"{name}: origin {first}, direction {like}, the voxel lies {seen[name][1]} mm from its place in LPS")
assert {name: like for name, (like, _) in seen.items()} == {
    "image.mha": "transposed", "image.nrrd": "left out", "image.nii": "left out",
}, "behaves otherwise now"
assert all(distance > 4 for _, distance in seen.values()), "behaves otherwise now"
PYTHON
