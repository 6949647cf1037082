"""The command line's part for a cohort that was run: its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import Telling
from LandmarkDetectionLib.cli.output import tell_files
from LandmarkDetectionLib.cli.recording import Recording


def cohort_report(
    folder: Annotated[Path, typer.Argument(help="Output folder of 'landmark-detection batch'.")],
    *,
    recording: Recording,
    telling: Telling,
) -> None:
    """Write the report of a cohort anew: pictures worst first, distributions, outliers, failures."""
    from LandmarkDetectionLib.cohort import read_cohort
    from LandmarkDetectionLib.cohort.report.page import write_report
    from LandmarkDetectionLib.cohort.results.records import COHORT

    with console.progress_bar(telling.shown) as progress:
        page = write_report(folder, progress=progress)
    cases = tuple(read_cohort(folder).readable())
    manifest = recording.keep([page], files={"cohort": [folder / COHORT]}, cases=cases)
    if telling.as_json:
        console.print_json({"report": page, **({} if manifest is None else {"manifest": manifest})})
    else:
        tell_files([page], telling, manifest=manifest)
