"""Which part of the body a landmark lies in, as SNOMED CT codes: ``Resources/Codes/landmark_sites.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from LandmarkDetectionLib.core.measurement_kinds import Code
from LandmarkDetectionLib.files import resource_path

#: Of every landmark, and of one that the table does not know.
POINT = Code(value="711101009", scheme="SCT", meaning="Anatomical point")
SOMEWHERE = Code(value="91723000", scheme="SCT", meaning="Anatomical Structure")
LEFT = Code(value="7771000", scheme="SCT", meaning="Left")
RIGHT = Code(value="24028007", scheme="SCT", meaning="Right")


@dataclass(frozen=True)
class Site:
    """Where a landmark lies.

    Attributes
    ----------
    structure
        The smallest structure around it that DICOM's copy of SNOMED CT has.
    side
        Left or right of the body; None in the midline, and where the name does not say.
    """

    structure: Code
    side: Code | None = None


def site_of(name: str) -> Site:
    """The site of a landmark by its name; that of an unknown name is just an anatomical structure.

    Examples
    --------
    >>> site_of("knee_left").structure.meaning, site_of("knee_left").side.meaning
    ('Knee joint', 'Left')
    >>> site_of("t4_top_left")  # of the picture, not of the body
    Site(structure=Code(value='73071006', scheme='SCT', meaning='T4 vertebra'), side=None)
    """
    for pattern, code, is_sided in _table():
        if fnmatchcase(name, pattern):
            side = LEFT if name.endswith("_left") else RIGHT if name.endswith("_right") else None
            return Site(code, side if is_sided else None)
    return Site(SOMEWHERE)


@cache
def _table() -> tuple[tuple[str, Code, bool], ...]:
    """Patterns of names, codes, and whether a name ends in a side of the body; the first match counts."""
    with resource_path("Codes", "landmark_sites.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            (
                row["landmark"],
                Code(value=row["code"], scheme="SCT", meaning=row["meaning"]),
                row["sided"] == "yes",
            )
            for row in csv.DictReader(file)
        )
