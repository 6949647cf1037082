"""Anatomical landmark detection in CT, MR and radiographs.

A volume goes in, named landmarks with confidence come out, a person corrects them.
Every position that enters or leaves this library is in RAS millimetres.

::

    import LandmarkDetectionLib as ld

    volume = ld.read_volume("ct.nii.gz")
    model = ld.load_model("whole-body-ct")
    analysis = ld.analyse(volume, model)  # or ld.detect(...) for the detection alone
    analysis = analysis.refine({"knee_left": (-81, 12, 430)})
    ld.write_detection(analysis.detection, "ct.mrk.json")

The names below are the public ones. Each is loaded when it is first used, so importing the library costs
nothing; ``docs/api.md`` describes them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib._version import __version__

if TYPE_CHECKING:
    from LandmarkDetectionLib.alignment.align import align
    from LandmarkDetectionLib.alignment.frames import place_frames
    from LandmarkDetectionLib.alignment.visits import follow
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
    from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
    from LandmarkDetectionLib.core.options import DetectOptions
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.datasets.cases import Datalist
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.detectors.analysis import Analysis
    from LandmarkDetectionLib.detectors.dispatch import analyse, detect
    from LandmarkDetectionLib.detectors.landmark_network import LandmarkNetwork
    from LandmarkDetectionLib.errors import LandmarkDetectionError
    from LandmarkDetectionLib.imaging.crop import crop_about
    from LandmarkDetectionLib.io.markups import read_landmarks, write_landmarks
    from LandmarkDetectionLib.io.protocols import load_protocol
    from LandmarkDetectionLib.io.records import read_detection, read_review, write_detection, write_review
    from LandmarkDetectionLib.io.transforms import write_transform
    from LandmarkDetectionLib.io.volumes import read_volume, write_volume
    from LandmarkDetectionLib.measurement.measure import measure
    from LandmarkDetectionLib.models import Model, list_models, load_model
    from LandmarkDetectionLib.reporting.overlay import write_overlay

_MODULES = {
    "read_volume": "io.volumes",
    "write_volume": "io.volumes",
    "Volume": "core.volume",
    "load_model": "models",
    "list_models": "models",
    "Model": "models",
    "detect": "detectors.dispatch",
    "analyse": "detectors.dispatch",
    "Analysis": "detectors.analysis",
    "DetectOptions": "core.options",
    "Detection": "core.detection",
    "Doubt": "core.doubts",
    "DoubtKind": "core.doubts",
    "read_detection": "io.records",
    "write_detection": "io.records",
    "write_overlay": "reporting.overlay",
    "Landmark": "core.landmarks",
    "LandmarkSet": "core.landmarks",
    "Status": "core.landmarks",
    "read_landmarks": "io.markups",
    "write_landmarks": "io.markups",
    "Protocol": "core.protocol",
    "load_protocol": "io.protocols",
    "measure": "measurement.measure",
    "place_frames": "alignment.frames",
    "crop_about": "imaging.crop",
    "align": "alignment.align",
    "follow": "alignment.visits",
    "write_transform": "io.transforms",
    "Review": "core.review",
    "read_review": "io.records",
    "write_review": "io.records",
    "Datalist": "datasets.cases",
    "read_datalist": "datasets.datalist",
    "LandmarkNetwork": "detectors.landmark_network",
    "LandmarkDetectionError": "errors",
}

__all__ = [  # noqa: RUF022  in the order in which they are met, which is that of docs/api.md
    "read_volume",
    "write_volume",
    "Volume",
    "load_model",
    "list_models",
    "Model",
    "detect",
    "analyse",
    "Analysis",
    "DetectOptions",
    "Detection",
    "Doubt",
    "DoubtKind",
    "read_detection",
    "write_detection",
    "write_overlay",
    "Landmark",
    "LandmarkSet",
    "Status",
    "read_landmarks",
    "write_landmarks",
    "Protocol",
    "load_protocol",
    "measure",
    "place_frames",
    "crop_about",
    "align",
    "follow",
    "write_transform",
    "Review",
    "read_review",
    "write_review",
    "Datalist",
    "read_datalist",
    "LandmarkNetwork",
    "LandmarkDetectionError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _FormerNames:
    """Asked by the import system for what no file of the library answers to: modules by former names."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{__name__}."):
            return None
        from LandmarkDetectionLib._renamed import moved_module

        return moved_module(name)


sys.meta_path.append(_FormerNames)
