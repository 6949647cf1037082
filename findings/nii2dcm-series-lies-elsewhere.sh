#!/bin/sh
# nii2dcm 0.1.6 with the versions that it asks for (needs Python 3.9 to 3.11); SimpleITK 2.5.7 reads the series
#
# Expected: a voxel of a NIfTI file lies at the same place of the patient in the DICOM series that is made of it.
# Seen: the positions of slices are the RAS numbers of the NIfTI, written as they are into DICOM's LPS, and each slice has
#   the position of the one before it. The voxel at L 5 A 32 S 44 comes out at R 15 P 8 S 42: landmarks found on one are
#   elsewhere on the other.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    nii2dcm==0.1.6 numpy==1.23.2 nibabel==5.0.0 pydicom==2.3.0 dunamai==1.18.0 packaging==24.2 \
    setuptools==65.5.0 SimpleITK==2.5.7
cd "$folder"
venv/bin/python - <<'PYTHON'
import pathlib
import subprocess
import sys

import nibabel
import numpy
import SimpleITK

# One bright voxel in a volume whose axes run along those of the patient.
voxels, index = numpy.zeros((20, 30, 10), numpy.int16), (5, 12, 7)
voxels[index] = 1000
affine = numpy.diag([1.0, 1.0, 2.0, 1.0])
affine[:3, 3] = [-10, 20, 30]
nibabel.save(nibabel.Nifti1Image(voxels, affine), "scan.nii")
pathlib.Path("series").mkdir()
subprocess.run(
    [sys.executable, "-m", "nii2dcm", "scan.nii", "series", "-d", "MR"], check=True, stdout=subprocess.DEVNULL
)

before = SimpleITK.ReadImage("scan.nii").TransformIndexToPhysicalPoint(index)
series = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames("series"))
slice_, row, column = numpy.argwhere(SimpleITK.GetArrayViewFromImage(series) == 1000)[0].tolist()
after = series.TransformIndexToPhysicalPoint((column, row, slice_))
print("the voxel in LPS mm: NIfTI", before, "DICOM", after)
assert numpy.allclose(before, (5, -32, 44)) and numpy.allclose(after, (-15, 8, 42)), "behaves otherwise now"
PYTHON
