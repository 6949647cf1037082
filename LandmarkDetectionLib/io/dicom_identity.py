"""Whether two DICOM images are of one patient and in one coordinate system; nothing of a patient is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from LandmarkDetectionLib.io.dicom import read_header

_PATIENT = ("PatientID", "IssuerOfPatientID")
_FRAME = "FrameOfReferenceUID"


@dataclass(frozen=True)
class Identity:
    """What tells images apart, as digests that name nobody; empty where the header is silent."""

    patient: str
    frame_of_reference: str


def identity_of(file: Path) -> Identity:
    """The identity in the header of a DICOM file; empty for what is none."""
    header = read_header(file, [*_PATIENT, _FRAME])
    if header is None:
        return Identity("", "")
    patient = [str(header.get(tag) or "").strip() for tag in _PATIENT]
    return Identity(
        _digest("|".join(patient)) if patient[0] else "", _digest(str(header.get(_FRAME) or "").strip())
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if text else ""
