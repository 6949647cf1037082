"""``skeleton``: bones for synthetic bodies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import Telling, check_outputs
from LandmarkDetectionLib.cli.output import tell_files
from LandmarkDetectionLib.files import make_folder


def skeleton(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER_OR_ZIP", help="OBJ files of BodyParts3D as downloaded.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write (.npz); otherwise where synthetic bodies look for their bones."),
    ] = None,
    *,
    telling: Telling,
) -> None:
    """Import the bones of BodyParts3D, which synthetic bodies are given, and say how they are credited."""
    from LandmarkDetectionLib.synthesis.body.bodyparts3d import CREDIT, import_bodyparts3d, write_skeleton
    from LandmarkDetectionLib.synthesis.body.skeleton import VARIABLE, own_skeleton_path

    target = out or own_skeleton_path()
    if out is None:
        make_folder(target.parent)
    check_outputs([target], (".npz",))
    with console.progress_bar(telling.shown) as progress:
        progress(0.0, "reading bones")
        found = import_bodyparts3d(source)
        write_skeleton(found, target)
    tell_files([target], telling, {"bones": len(found.names), "credit": CREDIT})
    if telling.shown:
        print(f"It holds {len(found.names)} bones and discs. Wherever they are used or shown, credit:")
        print(CREDIT)
        if out is not None:
            print(f"Name it by the environment variable {VARIABLE}.")
