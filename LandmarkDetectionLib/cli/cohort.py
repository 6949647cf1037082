"""The command line's part for a cohort that was run: its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import JsonOption, QuietOption


def cohort_report(
    folder: Annotated[Path, typer.Argument(help="Output folder of 'landmark-detection batch'.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the report of a cohort anew: pictures worst first, distributions, outliers, failures."""
    from LandmarkDetectionLib.cohort.report.page import write_report

    with console.progress_bar(not quiet and not as_json) as progress:
        page = write_report(folder, progress=progress)
    if as_json:
        console.print_json({"report": page})
    elif not quiet:
        print(f"Wrote {page}")
