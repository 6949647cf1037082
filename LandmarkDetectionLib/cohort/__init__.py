"""From one scan to ten thousand: many cases through detectors, and what came of each.

:mod:`.results.records` says what lies in the output folder and reads it, :mod:`.sources` finds the cases,
:mod:`.run.keys` names them without naming patients, :mod:`.run.processing` does the work on one case,
:mod:`.run.engine` hands cases to Dask workers and survives their end, :mod:`.results.tables` writes the
tables.
"""

from LandmarkDetectionLib.cohort.results.records import (
    CaseRecord,
    Cohort,
    CohortSettings,
    ModelSettings,
    Outcome,
    State,
    read_cohort,
)

__all__ = ["CaseRecord", "Cohort", "CohortSettings", "ModelSettings", "Outcome", "State", "read_cohort"]
