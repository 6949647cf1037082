"""The command line's part for a cohort that was run: its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import Telling
from LandmarkDetectionLib.cli.output import tell_files


def cohort_report(
    folder: Annotated[Path, typer.Argument(help="Output folder of 'landmark-detection batch'.")],
    *,
    telling: Telling,
) -> None:
    """Write the report of a cohort anew: pictures worst first, distributions, outliers, failures."""
    from LandmarkDetectionLib.cohort.report.page import write_report

    with console.progress_bar(telling.shown) as progress:
        page = write_report(folder, progress=progress)
    if telling.as_json:
        console.print_json({"report": page})
    else:
        tell_files([page], telling)
