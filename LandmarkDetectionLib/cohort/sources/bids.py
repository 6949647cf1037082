"""A BIDS data set: ``sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz`` and so on.

Anatomical images are cases; functional, diffusion, field map and other images are left out, and so are masks
and maps. ``derivatives``, ``sourcedata`` and ``code`` are passed over. Several contrasts of a subject are
several cases: choose one with a pattern (``*_T1w*``), or list channels in a datalist.
"""

from __future__ import annotations

from pathlib import Path

from LandmarkDetectionLib.cohort.sources.case_source import CaseSource, Found, LeftOut, image_file, kind_of
from LandmarkDetectionLib.cohort.sources.folder import NO_FILE, files_below, is_regular

DESCRIPTION = "dataset_description.json"
PASSED_OVER = ("derivatives", "sourcedata", "code", "stimuli", "phenotype")
#: Data types that hold anatomy, and the modality that each says.
MODALITY = {"anat": "MR", "ct": "CT", "pet": "PT", "xray": "DX"}
#: The other data types of BIDS; a folder of any other name may be named after a person.
OTHER_TYPES = "func dwi fmap perf meg eeg ieeg beh micr motion mrs nirs".split()
#: Last parts of names of what is no picture of a body.
NO_SCAN = ("mask", "dseg", "probseg", "defacemask", "T1map", "T2map", "R1map", "R2map", "MTRmap", "M0map")


def find(root: Path, skip: Path | None) -> Found:
    """Find the anatomical images of a BIDS data set."""
    cases: list[CaseSource] = []
    left_out: list[LeftOut] = []
    for path in files_below(root, skip):
        parts = path.relative_to(root).parts
        if parts[0] in PASSED_OVER or kind_of(path) == "" or not parts[0].startswith("sub-"):
            continue
        identity = "/".join(parts)
        datatype = parts[-2] if len(parts) > 2 else ""
        suffix = path.name.partition(".")[0].rpartition("_")[2]
        if not is_regular(path):
            left_out.append(LeftOut(identity, "other file", NO_FILE))
        elif datatype not in MODALITY:
            kind = datatype if datatype in OTHER_TYPES else "another folder"
            left_out.append(LeftOut(identity, kind, f"not an anatomical image ({kind})"))
        elif suffix in NO_SCAN:
            left_out.append(LeftOut(identity, suffix, f"a mask or map ({suffix})"))
        else:
            image = image_file(path, root)
            cases.append(CaseSource(identity, image.files, image.kind, modality=MODALITY[datatype]))
    return Found(tuple(cases), tuple(left_out))
