"""``mcp``: the tools for agents, over standard input and output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import MissingPackageError


def mcp(
    allow: Annotated[
        list[Path],
        typer.Option(
            help="Folder in which files may be read and written, those below included; may be given several "
            "times. Nothing else is touched."
        ),
    ],
    recording: Recording,
) -> None:
    """Serve agents: the Model Context Protocol over standard input and output. Needs the extra mcp."""
    from LandmarkDetectionLib.mcp_server.folders import Folders

    folders = Folders.of(allow)
    try:
        from LandmarkDetectionLib.mcp_server.server import make_server
    except ImportError as problem:  # not there, or of before version 2
        if (problem.name or "").split(".")[0] not in ("mcp", "mcp_types", "anyio"):
            raise
        raise MissingPackageError.of("The server for agents", "mcp of version 2", "mcp") from None
    from LandmarkDetectionLib.mcp_server.tasks import Tasks

    make_server(Tasks(folders, not recording.no_manifest)).run()
