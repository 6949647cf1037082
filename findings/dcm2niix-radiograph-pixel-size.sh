#!/bin/sh
# dcm2niix 1.0.20260724 and SimpleITK 2.5.7 (GDCM inside)
#
# Expected: both read the same pixel size of a digital radiograph (DX), or say that they have none.
# Seen: each takes the attribute that the other ignores, and 1 mm where it finds none, without a word.
#   PixelSpacing 0.2 alone:        dcm2niix 0.2, SimpleITK 1.0
#   ImagerPixelSpacing 0.3 alone:  dcm2niix 1.0, SimpleITK 0.3
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    dcm2niix==1.0.20260724 SimpleITK==2.5.7 pydicom==3.0.2 nibabel==5.3.2 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import pathlib
import subprocess

import nibabel
import numpy
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def write(folder, keyword, size):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = DX, generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.PatientID, data.Modality, data.SeriesNumber, data.InstanceNumber = "none", "DX", 1, 1
    data.ProtocolName = "hand"
    data.Rows, data.Columns, data.SamplesPerPixel = 40, 30, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    setattr(data, keyword, [size, size])
    data.PixelData = numpy.arange(1200, dtype=numpy.uint16).tobytes()
    folder.mkdir()
    data.save_as(folder / "x.dcm", enforce_file_format=True)
    return folder


seen = {}
for keyword, size in (("PixelSpacing", 0.2), ("ImagerPixelSpacing", 0.3)):
    folder = write(pathlib.Path(keyword), keyword, size)
    command = ["venv/bin/python", "-m", "dcm2niix", "-f", "out", "-o", str(folder), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    theirs = float(nibabel.load(folder / "out.nii").header.get_zooms()[0])
    itk = SimpleITK.ReadImage(str(folder / "x.dcm")).GetSpacing()[0]
    seen[keyword] = {"dcm2niix": round(theirs, 4), "SimpleITK": round(itk, 4)}
print(seen)
assert seen == {
    "PixelSpacing": {"dcm2niix": 0.2, "SimpleITK": 1.0},
    "ImagerPixelSpacing": {"dcm2niix": 1.0, "SimpleITK": 0.3},
}, "behaves otherwise now"
PYTHON
