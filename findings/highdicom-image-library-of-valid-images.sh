#!/bin/sh
# highdicom 0.28.2, pydicom 3.0.2
#
# Expected: MeasurementReport(referenced_images=...) makes the image library of a TID 1500 report for every valid image;
#   the descriptors that it takes over (TID 1602 to 1604) are optional.
# Seen: AttributeError for a computed radiograph without ImagerPixelSpacing (optional there, PixelSpacing is given) and for
#   an Enhanced CT, whose spacing and position are in its functional groups. The same reports are written without a
#   library, which OHIF does not open.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check highdicom==0.28.2 pydicom==3.0.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import pydicom
from highdicom import UID, sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes


def image(kind, modality, **values):
    data = Dataset()
    data.SOPClassUID, data.Modality, data.Rows, data.Columns = kind, modality, 24, 31
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(data, keyword, UID())
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


def item(**values):
    data = Dataset()
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


def outcome(data):
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(uid=UID()),
    )
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier="length"),
        measurements=[sr.Measurement(codes.SCT.Length, 1.0, codes.UCUM.Millimeter)],
    )
    try:
        sr.MeasurementReport(
            observation_context=sr.ObservationContext(observer_device_context=observer),
            procedure_reported=codes.SCT.ImagingProcedure,
            imaging_measurements=[group],
            referenced_images=[data],
        )
    except AttributeError as error:
        return f"AttributeError: {error}"
    return "written"


shared = item(
    PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=1)],
    PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
)
frame = item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 0])])
radiograph, enhanced = pydicom.uid.ComputedRadiographyImageStorage, pydicom.uid.EnhancedCTImageStorage
whole = {"PatientOrientation": ["L", "F"], "ImagerPixelSpacing": [0.1, 0.1]}
seen = {
    "radiograph with all": outcome(image(radiograph, "CR", **whole)),
    "without ImagerPixelSpacing": outcome(image(radiograph, "CR", PatientOrientation=["L", "F"], PixelSpacing=[0.1, 0.1])),
    "Enhanced CT": outcome(
        image(
            enhanced, "CT", NumberOfFrames=1, FrameOfReferenceUID=UID(),
            SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=[frame],
        )
    ),
}
for name, what in seen.items():
    print(f"{name}: {what}")
first, *others = seen.values()
assert first == "written" and all(what.startswith("AttributeError") for what in others), "behaves otherwise now"
PYTHON
