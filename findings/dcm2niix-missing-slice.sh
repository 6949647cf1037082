#!/bin/sh
# dcm2niix 1.0.20260724
#
# Expected: of a CT with one missing slice either one corrected volume or a refusal.
# Seen: exit code 0 and two volumes. The one with the name that was asked for has the slices beyond the gap one
#   step too low (6 mm where the patient has 8 mm); only the second, with a suffix, lies right. A pipeline that
#   opens the file it asked for has landmarks off by the gap.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    dcm2niix==1.0.20260724 pydicom==3.0.2 nibabel==5.3.2 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import pathlib
import subprocess

import nibabel
import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
HEIGHTS = (0, 2, 4, 8, 10)  # the slice at 6 mm is missing
study, series, frame = generate_uid(), generate_uid(), generate_uid()
folder = pathlib.Path("ct")
folder.mkdir()
for number, height in enumerate(HEIGHTS, 1):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = CT, generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
    data.PatientID, data.Modality, data.SeriesNumber, data.InstanceNumber = "none", "CT", 1, number
    data.ImageType, data.ProtocolName, data.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "chest", "SIEMENS"
    data.Rows = data.Columns = 32
    data.PixelSpacing, data.SliceThickness = [1, 1], 2
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, height]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    # Every slice holds its own height, so that it can be found again.
    data.PixelData = numpy.full((32, 32), 1024 + height, numpy.uint16).tobytes()
    data.save_as(folder / f"{number}.dcm", enforce_file_format=True)
command = ["venv/bin/python", "-m", "dcm2niix", "-f", "out", "-o", ".", "ct"]
subprocess.run(command, check=True, capture_output=True)
seen = {}
for file in sorted(pathlib.Path().glob("out*.nii")):
    image = nibabel.load(file)
    values = image.get_fdata()[16, 16]
    slice_of_8 = int(numpy.argmin(abs(values - 8)))
    seen[file.name] = float(image.affine[2] @ [16, 16, slice_of_8, 1])
print("where the slice of 8 mm lies:", seen)
assert seen["out.nii"] == 6.0 and len(seen) == 2, "behaves otherwise now"
assert [height for name, height in seen.items() if name != "out.nii"] == [8.0], "behaves otherwise now"
PYTHON
