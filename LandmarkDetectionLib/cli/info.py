"""``info``: what is installed here, and what it can do, for people who report a problem and for programs."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import JsonOption

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model


def info(as_json: JsonOption = False) -> None:
    """Say what is installed: versions, models with landmarks and abilities, protocols, kinds of files."""
    from LandmarkDetectionLib.io.markups import READ_SUFFIXES
    from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol
    from LandmarkDetectionLib.io.records import DETECTION_SUFFIXES
    from LandmarkDetectionLib.models import broken_models, list_models
    from LandmarkDetectionLib.provenance import PACKAGES, version_of
    from LandmarkDetectionLib.reporting import REPORT_SUFFIXES

    models, protocols = list_models(), [load_protocol(name) for name in list_protocols()]
    packages = {name: version_of(name) for name in PACKAGES}
    if as_json:
        console.print_json(
            {
                "program": {"name": "landmark-detection", "version": __version__, "research_use_only": True},
                "python": platform.python_version(),
                "system": platform.system(),
                "machine": platform.machine(),
                "packages": packages,
                "models": [_of_model(model) for model in models],
                "broken_models": broken_models(),
                "protocols": [
                    {
                        "name": one.name,
                        "version": one.version,
                        "title": one.title,
                        "landmarks": list(one.names),
                        "measurements": [measured.name for measured in one.measurements if measured.shown],
                    }
                    for one in protocols
                ],
                "landmark_files": {
                    "read": [*READ_SUFFIXES, ".json"],
                    "written": list(DETECTION_SUFFIXES),
                    "reports": list(REPORT_SUFFIXES),
                },
            }
        )
        return
    print(f"landmark-detection {__version__}, Python {platform.python_version()} on {platform.system()}")
    found = ", ".join(f"{name} {number}" for name, number in packages.items() if number)
    console.print_sentence(f"With {found}.")
    if lacking := [name for name, number in packages.items() if number is None]:
        console.print_sentence(f"Without {', '.join(lacking)}.")
    rows = [[one.name, one.version, str(len(one.protocol.names)), _kinds(one)] for one in models]
    console.print_table(["model", "version", "landmarks", "of"], rows)
    rows = [
        [
            one.name,
            one.version,
            str(len(one.names)),
            str(sum(measured.shown for measured in one.measurements)),
        ]
        for one in protocols
    ]
    console.print_table(["protocol", "version", "landmarks", "measurements"], rows)
    for problem in broken_models().values():
        console.say(f"Warning: {problem}")


def _of_model(model: Model) -> dict[str, Any]:
    from LandmarkDetectionLib.cohort.run.hashing import model_digest

    return {
        "name": model.name,
        "version": model.version,
        "title": model.protocol.title,
        "protocol": {"name": model.protocol.name, "version": model.protocol.version},
        "landmarks": list(model.protocol.names),
        "capabilities": asdict(model.capabilities),
        "sha256": model_digest(model),
    }


def _kinds(model: Model) -> str:
    can = model.capabilities
    images = [word for word, does in (("radiographs", can.single_images), ("volumes", can.volumes)) if does]
    return f"{' and '.join(images)}{' of one hand' if can.of_hands else ''}"
