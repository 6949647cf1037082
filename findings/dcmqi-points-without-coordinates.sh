#!/bin/sh
# dcmqi 1.5.7, highdicom 0.28.2, pydicom 3.0.2
#
# Expected: tid1500reader, by which Slicer reads reports of measurements, gives the coordinates of a planar region (TID 1410)
#   with the rest of its group, or says that it left them out.
# Seen: exit code 0 and no warning. Name, UID, finding, site, side and measurements of a point are in its JSON; its
#   coordinates are not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dcmqi==1.5.7 highdicom==0.28.2 pydicom==3.0.2
cd "$folder"
cat >write.py <<'PYTHON'
import numpy as np
import pydicom
from highdicom import UID, sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

image = Dataset()
image.SOPClassUID, image.Modality = pydicom.uid.CTImageStorage, "CT"
for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
    setattr(image, keyword, UID())
for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
    setattr(image, keyword, "")
image.AccessionNumber = image.ReferringPhysicianName = ""
observer = sr.ObserverContext(
    observer_type=codes.DCM.Device,
    observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=UID()),
)
groups = [
    sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier=name),
        referenced_region=sr.ImageRegion3D("POINT", np.array([[x, 12.25, -345.5]]), image.FrameOfReferenceUID),
        finding_type=codes.SCT.AnatomicalPoint,
        finding_sites=[sr.FindingSite(codes.SCT.KneeJoint, laterality=side)],
        measurements=[sr.Measurement(codes.DCM.CertaintyOfFinding, 90.0, codes.UCUM.Percent)],
    )
    for name, x, side in (("one", 98.75, codes.SCT.Left), ("other", -98.75, codes.SCT.Right))
]
report = sr.MeasurementReport(
    observation_context=sr.ObservationContext(observer_device_context=observer),
    procedure_reported=codes.SCT.ImagingProcedure,
    imaging_measurements=groups,
)
sr.Comprehensive3DSR(
    evidence=[image], content=report[0], series_instance_uid=UID(), series_number=1, sop_instance_uid=UID(),
    instance_number=1, manufacturer="nobody", is_complete=True, series_description="points",
).save_as("points.dcm")
PYTHON
venv/bin/python write.py
venv/bin/tid1500reader --inputDICOM points.dcm --outputMetadata points.json
venv/bin/python - <<'PYTHON'
import json

text = open("points.json").read()
for one in json.loads(text)["Measurements"]:
    print(one["TrackingIdentifier"], one["Finding"]["CodeMeaning"], one["FindingSite"]["CodeMeaning"], sorted(one))
assert '"one"' in text and "Knee joint" in text and "Laterality" in text and "90" in text
assert "98.75" not in text and "12.25" not in text and "345.5" not in text, "behaves otherwise now"
PYTHON
