"""What may stand in a model's ``configs/metadata.json``: MONAI's schema of 2024-07-25 and our own section."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.core.measurement_kinds import Text
from LandmarkDetectionLib.core.protocol import PackageName, Protocol, Version
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.networks.architectures import OF_MONAI
from LandmarkDetectionLib.wording import counted

MONAI_SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
# The release whose bundle layout this follows, and the oldest that works; only its networks need MONAI.
MONAI_VERSION = "1.4.0"

#: What this library is called where packages are installed.
DISTRIBUTION = "slicer-landmark-detection"

MAX_PARAMETER = 65_536
MAX_NETWORKS = 32

_Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
_WEIGHTS = re.compile(r"models/[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}\.safetensors")
_MONAI_DIRECTIVES = {"_target_", "_requires_", "_disabled_", "_mode_"}


def _weights_path(path: str) -> str:
    """One plain name below ``models/``: no parent folders, no absolute paths, no other formats."""
    if not _WEIGHTS.fullmatch(path):
        raise ValueError("must be a plain file name in models/ that ends with .safetensors")
    return path


def _sensible(parameters: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Sizes that no real network has would only fill the memory or hang the program."""
    for value in walk(parameters):
        if isinstance(value, int) and abs(value) > MAX_PARAMETER:
            raise ValueError(f"holds the number {value}, larger than {MAX_PARAMETER}")
        if isinstance(value, (list, dict)) and len(value) > 1000:
            raise ValueError("holds a list of more than 1000 entries")
    return parameters


class NetworkEntry(BaseModel):
    """One network: which architecture with which parameters, and the checked file of its weights.

    With ``shipped``, the file is not in the package: it is that of the model of this name that comes with the
    program, which need not be there twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    architecture: _Identifier
    parameters: Annotated[dict[str, JsonValue], AfterValidator(_sensible)] = {}
    weights: Annotated[str, AfterValidator(_weights_path)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    shipped: PackageName | None = None

    def home(self, root: Path) -> Path:
        """The folder its file lies in, for a package at ``root``."""
        return root if self.shipped is None else resource_path("Models").absolute() / self.shipped


class JointEntry(BaseModel):
    """How the landmarks lie to one another: the checked file of a ``correction.JointGaussian``."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    file: Annotated[str, AfterValidator(_weights_path)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DetectionSection(BaseModel):
    """The section ``landmark_detection``: which detector runs the networks, and its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    detector: _Identifier
    networks: Annotated[dict[_Identifier, NetworkEntry], Field(max_length=MAX_NETWORKS)]
    settings: dict[str, JsonValue] = {}
    joint: JointEntry | None = None


class TensorFormat(BaseModel):
    """MONAI's description of one tensor."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    type: str
    format: str
    num_channels: int
    spatial_shape: tuple[str | int, ...]
    dtype: str
    value_range: tuple[float, ...]
    is_patch_data: bool = False
    channel_def: dict[str, Any] = {}


class NetworkFormat(BaseModel):
    """MONAI's description of what goes into a network and what comes out."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    inputs: dict[str, TensorFormat]
    outputs: dict[str, TensorFormat]


class Metadata(BaseModel):
    """The whole file. Required are the fields MONAI requires, a name, and our section."""

    # Other tools may add fields; MONAI's schema allows them.
    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    schema_url: Text = Field(alias="schema")
    name: PackageName
    version: Version
    monai_version: Text
    pytorch_version: Text
    numpy_version: Text
    required_packages_version: dict[str, str]
    task: Text
    description: Text
    authors: Text
    copyright: Text
    network_data_format: NetworkFormat
    changelog: dict[str, str] = {}
    intended_use: str = ""
    data_source: str = ""
    data_type: str = ""
    references: tuple[str, ...] = ()
    landmark_detection: DetectionSection

    @model_validator(mode="before")
    @classmethod
    def _no_directives(cls, content: Any) -> Any:
        # MONAI would import what _target_ names and evaluate texts with $. This library does neither, but a
        # package that asks for it is not what it claims to be.
        for value in walk(content):
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"holds the number {value}, which is not finite")
            if isinstance(value, dict) and (found := _MONAI_DIRECTIVES & value.keys()):
                raise ValueError(f"{min(found)} would run code, which a model here never does")
        section = content.get("landmark_detection") if isinstance(content, dict) else None
        if any(isinstance(value, str) and value.lstrip().startswith("$") for value in walk(section)):
            raise ValueError("a text starting with $ would run code, which a model here never does")
        return content

    @model_validator(mode="after")
    def _formats_of_further_networks(self) -> Metadata:
        for key, value in (self.model_extra or {}).items():
            if key.endswith("_data_format"):
                NetworkFormat.model_validate(value)
        return self


def walk(value: Any) -> Iterator[Any]:
    """Every value inside a JSON value, itself included; no recursion, so depth does no harm."""
    pending = [value]
    while pending:
        value = pending.pop()
        yield value
        if isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def directive_in(content: Any) -> str:
    """What MONAI would import or evaluate in a JSON value: the first such key or text; "" without any."""
    for value in walk(content):
        if isinstance(value, dict) and (found := _MONAI_DIRECTIVES & value.keys()):
            return min(found)
        if isinstance(value, str) and value.lstrip().startswith("$"):
            return "a text starting with $"
    return ""


def default_metadata(
    name: str, version: str, protocol: Protocol, networks: dict[str, NetworkEntry], torch_version: str
) -> dict[str, Any]:
    """Every field MONAI requires, filled as far as is known; the maker of the model overrides the texts."""
    import safetensors

    formats = [_network_format(entry, protocol) for entry in networks.values()]
    monai = _monai_used(networks.values())
    return {
        "schema": MONAI_SCHEMA,
        "name": name,
        "version": version,
        "changelog": {version: "first version"},
        "monai_version": monai.get("monai", MONAI_VERSION),
        "pytorch_version": torch_version.split("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {
            DISTRIBUTION: __version__,
            "safetensors": safetensors.__version__,
            **monai,
        },
        "task": f"Detection of {counted(len(protocol.landmarks), 'anatomical landmark')}: {protocol.title}",
        "description": f"Finds the landmarks of the protocol {protocol.name}, each with its confidence.",
        "authors": "Landmark Detection contributors",
        "copyright": "Copyright (c) Landmark Detection contributors",
        "data_source": "See docs/README.md",
        "data_type": "See docs/README.md",
        "intended_use": "Research; not for diagnostic purposes",
        "network_data_format": formats[0] if formats else _network_format(None, protocol),
        **{f"{key}_data_format": form for key, form in zip(networks, formats, strict=True)},
    }


def _monai_used(networks: Collection[NetworkEntry]) -> dict[str, str]:
    """The version of MONAI that networks of it were made with, as an entry of the required packages."""
    from importlib.metadata import PackageNotFoundError, version

    used = {entry.architecture for entry in networks}
    used |= {str(entry.parameters.get("member")) for entry in networks}
    if used.isdisjoint(OF_MONAI):
        return {}
    try:
        return {"monai": version("monai")}
    except PackageNotFoundError:
        return {"monai": MONAI_VERSION}


def _network_format(entry: NetworkEntry | None, protocol: Protocol) -> dict[str, Any]:
    channels = entry.parameters.get("inputs", 1) if entry else 1
    dimensions = entry.parameters.get("dimensions", 2) if entry else 2
    tensor = {
        "type": "image",
        "spatial_shape": ["*"] * (3 if dimensions == 3 else 2),
        "dtype": "float32",
        "is_patch_data": False,
    }
    return {
        "inputs": {
            "image": {
                **tensor,
                "format": "magnitude",
                "modality": "n/a",
                "num_channels": channels if isinstance(channels, int) else 1,
                "value_range": [],
                "channel_def": {"0": "image"},
            }
        },
        "outputs": {
            "pred": {
                **tensor,
                "format": "heatmap",
                "num_channels": len(protocol.landmarks),
                "value_range": [],
                "channel_def": {str(i): landmark for i, landmark in enumerate(protocol.names)},
            }
        },
    }
