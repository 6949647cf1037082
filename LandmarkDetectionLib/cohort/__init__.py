"""From one scan to ten thousand: many cases through detectors, and what came of each.

:mod:`.records` says what lies in the output folder and reads it, :mod:`.sources` finds the cases,
:mod:`.keys` names them without naming patients, :mod:`.processing` does the work on one case,
:mod:`.engine` hands cases to Dask workers and survives their end, :mod:`.tables` writes the tables.
"""

from LandmarkDetectionLib.cohort.records import (
    CaseRecord,
    Cohort,
    CohortSettings,
    ModelSettings,
    Outcome,
    State,
    read_cohort,
)

__all__ = ["CaseRecord", "Cohort", "CohortSettings", "ModelSettings", "Outcome", "State", "read_cohort"]
