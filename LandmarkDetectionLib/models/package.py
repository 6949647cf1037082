"""One model folder: read it, check it, build its networks, write it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from LandmarkDetectionLib.core.protocol import Protocol, readable
from LandmarkDetectionLib.correction import JointGaussian, joint_from_bytes, joint_to_bytes
from LandmarkDetectionLib.errors import ModelError, OutputError
from LandmarkDetectionLib.files import (
    atomic_folder,
    atomic_write,
    make_folder,
    read_json,
    reason_of,
    write_text,
)
from LandmarkDetectionLib.io.protocols import protocol_text, read_protocol
from LandmarkDetectionLib.models.capabilities import OF_DETECTORS, Capabilities, dimensions_of
from LandmarkDetectionLib.models.metadata import JointEntry, Metadata, NetworkEntry, default_metadata
from LandmarkDetectionLib.models.monai_bundle import code_problems
from LandmarkDetectionLib.models.reference import ReferencePicture, read_reference, write_reference
from LandmarkDetectionLib.models.weights import MAX_FILE_BYTES as MAX_FILE_BYTES  # scripts look for it here
from LandmarkDetectionLib.models.weights import inside, load_network, multiplied, read_checked, write_weights
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    import numpy as np
    import torch

METADATA = "configs/metadata.json"
PROTOCOL = "configs/protocol.json"
CARD = "docs/README.md"
LICENSE = "LICENSE"

MAX_CONFIG_BYTES = 2_000_000
MAX_PACKAGE_BYTES = 1_000_000_000
MAX_FILES = 500
# Data and text only. Nothing here can run, and pickled weights (.pt, .pth, .bin) are left out on purpose.
ALLOWED_SUFFIXES = frozenset({".json", ".safetensors", ".md", ".txt", ".csv", ".png", ".jpg", ".svg", ".cff"})
ALLOWED_NAMES = frozenset({"LICENSE", "NOTICE", "README"})

_LICENSE_TEXT = """\
Licensed under the Apache License, Version 2.0 (the "License");
you may not use the model except in compliance with the License.
You may obtain a copy of the License at

    http://www.apache.org/licenses/LICENSE-2.0

Unless required by applicable law or agreed to in writing, the model
distributed under the License is distributed on an "AS IS" BASIS,
WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
See the License for the specific language governing permissions and
limitations under the License.
"""


@dataclass(frozen=True)
class Model:
    """A model whose metadata and protocol were read and checked; weights are read when they are needed.

    Parameters
    ----------
    name, version
        As in the metadata.
    metadata
        All of ``metadata.json`` as JSON values.
    protocol
        The landmarks it finds.
    detector
        Which of :mod:`LandmarkDetectionLib.detectors` runs it.
    settings
        JSON values for that detector (pixel size, calibration, ...).
    networks
        By the name that the detector asks for.
    path
        Its folder.
    joint_file
        How its landmarks lie to one another, if the package says so.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> model = ld.load_model("hand")
    >>> model.capabilities.single_images, model.capabilities.of_hands
    (True, True)
    """

    name: str
    version: str
    metadata: dict[str, Any]
    protocol: Protocol
    detector: str
    settings: dict[str, Any]
    networks: dict[str, NetworkEntry]
    path: Path
    joint_file: JointEntry | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What it can be used for and told."""
        usual = OF_DETECTORS.get(self.detector, Capabilities())
        count = self.settings.get("channels", 1)
        flat = not usual.of_outlines and dimensions_of(self.settings) == 2
        return replace(
            usual,
            single_images=usual.single_images or flat,
            volumes=usual.volumes and not flat,
            channels=count if isinstance(count, int) else 1,
            propagates=self.joint_file is not None,
            learns=usual.learns and isinstance(self.metadata.get("training"), dict),
        )

    @property
    def reference(self) -> ReferencePicture | None:
        """Where its landmarks lie on an ordinary body, for people to look at; ``None`` without a picture.

        Raises
        ------
        ModelError
            The picture is damaged or does not fit the model.
        """
        try:
            return read_reference(self.path, self.protocol)
        except ModelError as problem:
            raise ModelError(f"The model {self.path} has a broken reference picture: {problem}") from None

    def read_joint(self) -> JointGaussian | None:
        """How the landmarks lie to one another and how the networks err; None when the package says nothing.

        Raises
        ------
        ModelError
            The file is missing, damaged, or of other landmarks.
        """
        if self.joint_file is None:
            return None
        try:
            return load_joint(self.path, self.joint_file, len(self.protocol.landmarks))
        except ModelError as problem:
            raise ModelError(f"The model {self.path} cannot be used: {problem}") from None

    def build_networks(self, device: str | torch.device = "cpu") -> dict[str, torch.nn.Module]:
        """Build the networks on ``device`` with their weights, in evaluation mode.

        Raises
        ------
        ModelError
            A weights file is missing, damaged, of another kind, or does not fit its architecture; or this
            version does not know the architecture.
        """
        try:
            return {
                key: load_network(self.path, key, entry).to(device) for key, entry in self.networks.items()
            }
        except ModelError as problem:
            raise ModelError(f"The model {self.path} cannot be used: {problem}") from None

    def read_weights(self) -> dict[str, dict[str, np.ndarray]]:
        """The networks' weights as arrays, without PyTorch, after comparing them with their checksums.

        Raises
        ------
        ModelError
            A file is missing or is not what the metadata says.
        ValueError
            A file is no safetensors file, or of numbers that NumPy lacks.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return {
                key: multiplied(load(read_checked(entry.home(self.path), entry.weights, entry.sha256)))
                for key, entry in self.networks.items()
            }
        except ModelError as problem:
            raise ModelError(f"The model {self.path} cannot be used: {problem}") from None
        except (SafetensorError, KeyError, TypeError, RuntimeError, OverflowError) as problem:
            raise ValueError(str(problem)) from problem


def read_package(path: str | os.PathLike[str]) -> Model:
    """Read metadata and protocol of a model folder.

    Raises
    ------
    ModelError
        The folder is no model, incomplete or broken. The sentence names files relative to the folder.
    """
    root = Path(path).absolute()
    if not root.is_dir():
        raise ModelError("there is no such folder.")
    content = _read_config(root, METADATA)
    try:
        metadata = Metadata.model_validate(content)
    except (ValidationError, RecursionError) as problem:
        text = readable(problem) if isinstance(problem, ValidationError) else "it is nested too deeply"
        raise ModelError(f"{METADATA} is not as it should be: {text}.") from None
    protocol_path = inside(root, PROTOCOL)
    try:
        protocol = read_protocol(protocol_path, error=ModelError)
    except ModelError as problem:
        raise ModelError(_relative(problem, root)) from None
    section = metadata.landmark_detection
    return Model(
        name=metadata.name,
        version=metadata.version,
        metadata=content,
        protocol=protocol,
        detector=section.detector,
        settings=section.settings,
        networks=section.networks,
        path=root,
        joint_file=section.joint,
    )


def validate_model(path: str | os.PathLike[str]) -> list[str]:
    """Check everything about a model folder, down to the weights of every network.

    Returns
    -------
    list of str
        What is wrong, one sentence each; empty when the model can be used.
    """
    root = Path(path).absolute()
    if not root.is_dir():
        return ["It is a file; give a model's folder." if root.exists() else "There is no such folder."]
    problems = list(_file_problems(root))
    if any(part.is_symlink() for part in (root / "configs", root / "models")):
        return problems
    problems += [f"{name} is missing." for name in (CARD, LICENSE) if not (root / name).is_file()]
    problems += code_problems(root)
    try:
        model = read_package(root)
    except ModelError as problem:
        return [*problems, str(problem)]
    try:
        read_reference(root, model.protocol)
    except ModelError as problem:
        problems.append(str(problem))
    if model.joint_file is not None:
        try:
            load_joint(root, model.joint_file, len(model.protocol.landmarks))
        except ModelError as problem:
            problems.append(str(problem))
    for key, entry in model.networks.items():
        try:
            load_network(root, key, entry)
        except ModelError as problem:
            problems.append(str(problem))
    return problems


def save_model(
    path: str | os.PathLike[str],
    *,
    name: str,
    version: str,
    protocol: Protocol,
    networks: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, torch.Tensor]]],
    settings: Mapping[str, Any],
    detector: str,
    metadata_extra: Mapping[str, Any] | None = None,
    card: str,
    license_text: str = _LICENSE_TEXT,
    reference: ReferencePicture | None = None,
    attachments: Mapping[str, bytes] | None = None,
    joint: JointGaussian | None = None,
) -> Model:
    """Write a model folder, check it by loading it, and put it in place as a whole.

    Parameters
    ----------
    path
        The model's folder; its last part is usually ``name``. An older model there is exchanged, anything
        else is left alone.
    name, version
        Lower case, digits and dashes; ``1.2.3``.
    protocol
        The landmarks, in the order of the networks' channels.
    networks
        ``{name: (architecture, parameters, state_dict)}``.
    settings
        JSON values for the detector.
    detector
        Which detector runs the networks.
    metadata_extra
        Further or better metadata fields (``description``, ``authors``, ``eval_metrics``, ...).
    card
        Markdown: what the model was trained on, measured on, and is not good for.
    license_text
        Apache-2.0 unless given.
    reference
        Picture that shows people where the landmarks lie.
    attachments
        Further files by their place in the package, for the detector, whose settings name and check them.
    joint
        How the landmarks lie to one another, for corrections.

    Raises
    ------
    ModelError
        What was given makes no usable model; nothing was written.
    OutputError
        The folder cannot be written; what stood there is untouched.
    """
    import torch

    target = Path(path)
    _refuse_foreign_folder(target)
    make_folder(target.absolute().parent)
    with atomic_folder(target) as new:
        for folder in ("configs", "models", "docs"):
            (new / folder).mkdir()
        entries = {
            key: write_weights(new, key, architecture, parameters, state)
            for key, (architecture, parameters, state) in networks.items()
        }
        metadata = {
            **default_metadata(name, version, protocol, entries, torch.__version__),
            **(metadata_extra or {}),
            "landmark_detection": {
                "detector": detector,
                "networks": {key: entry.model_dump(exclude={"shipped"}) for key, entry in entries.items()},
                "settings": dict(settings),
                **({} if joint is None else {"joint": _write_joint(new, joint).model_dump()}),
            },
        }
        write_text(new / METADATA, _json(metadata, target))
        write_text(new / PROTOCOL, protocol_text(protocol))
        write_text(new / CARD, card)
        write_text(new / LICENSE, license_text)
        if reference is not None:
            write_reference(new, reference)
        for place, content in (attachments or {}).items():
            (new / place).write_bytes(content)
        if problems := validate_model(new):
            raise ModelError(f"The model {target} was not saved: {' '.join(problems)}")
    return read_package(target)


# --- how landmarks lie, and what others hold -----------------------------------------------------------


JOINT = "models/joint.safetensors"


def load_joint(root: Path, entry: JointEntry, landmarks: int) -> JointGaussian:
    """Read a package's joint Gaussian; ModelError when anything does not fit exactly."""
    content = read_checked(root, entry.file, entry.sha256)
    try:
        return joint_from_bytes(content, landmarks)
    except ValueError as problem:
        raise ModelError(f"{entry.file} {problem}; get the model again.") from None


def add_joint(model: Model, joint: JointGaussian) -> None:
    """Write how the landmarks lie to one another into a model's folder, in the place of what it says of it.

    Raises
    ------
    ModelError
        It does not fit the model's landmarks.
    OutputError
        The folder cannot be written.
    """
    if joint.landmarks != len(model.protocol.landmarks):
        raise ModelError(
            f"The joint Gaussian is one of {counted(joint.landmarks, 'landmark')}; the model {model.name!r} "
            f"has {len(model.protocol.landmarks)}."
        )
    entry = _write_joint(model.path, joint)
    section = {**model.metadata["landmark_detection"], "joint": entry.model_dump()}
    write_text(model.path / METADATA, _json({**model.metadata, "landmark_detection": section}, model.path))


def leave_out_shipped(model: Model, other: Model) -> Model:
    """Take weights out of a model's folder that a model that ships holds as well, byte for byte.

    Parameters
    ----------
    model : Model
        Its metadata then say whose file it is.
    other : Model
        One of those in the program's own folder of models.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    files = {entry.sha256: entry.weights for entry in other.networks.values() if entry.shipped is None}
    left = {key: entry for key, entry in model.networks.items() if entry.sha256 in files}
    section = model.metadata["landmark_detection"]
    networks = {
        key: {**entry, "weights": files[entry["sha256"]], "shipped": other.name} if key in left else entry
        for key, entry in section["networks"].items()
    }
    content = {**model.metadata, "landmark_detection": {**section, "networks": networks}}
    write_text(model.path / METADATA, _json(content, model.path))
    for entry in left.values():
        try:
            (model.path / entry.weights).unlink()
        except OSError as problem:
            raise OutputError(f"Cannot remove {entry.weights}: {reason_of(problem)}.") from problem
    return read_package(model.path)


def _write_joint(root: Path, joint: JointGaussian) -> JointEntry:
    content = joint_to_bytes(joint)
    with atomic_write(root / JOINT) as temporary:
        temporary.write_bytes(content)
    return JointEntry(file=JOINT, sha256=hashlib.sha256(content).hexdigest())


# --- files ----------------------------------------------------------------------------------------------


def allowed_file(name: str) -> bool:
    """Whether a package may hold a file of this name."""
    return name in ALLOWED_NAMES or Path(name).suffix.lower() in ALLOWED_SUFFIXES


def _file_problems(root: Path) -> Iterator[str]:
    """What is in the folder that does not belong into a model, looking at names and sizes only."""
    total = count = 0
    for folder, folders, files in os.walk(root, followlinks=False):
        for name in [*folders, *files]:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if path.is_symlink():
                yield f"{relative} is a link, which a model may not have."
            elif path.is_file():
                count, total = count + 1, total + path.stat().st_size
                if not allowed_file(name):
                    yield f"{relative} does not belong into a model; weights must be .safetensors files."
            elif not path.is_dir():
                yield f"{relative} is neither a file nor a folder."
            if count > MAX_FILES:
                yield f"It has more than {MAX_FILES} files."
                return
    if total > MAX_PACKAGE_BYTES:
        yield f"It has more than {MAX_PACKAGE_BYTES // 1_000_000} MB."


def _read_config(root: Path, relative: str) -> dict[str, Any]:
    path = inside(root, relative)
    try:
        return read_json(path, error=ModelError, max_bytes=MAX_CONFIG_BYTES)
    except ModelError as problem:
        raise ModelError(_relative(problem, root)) from None


def _relative(problem: ModelError, root: Path) -> str:
    """The sentence with names as inside the package: it may be told about a temporary folder."""
    text = str(problem).replace(f"{root}{os.sep}", "")
    return text.removeprefix("Cannot read ").removeprefix("Cannot use the protocol ")


def _refuse_foreign_folder(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()) and not (target / METADATA).is_file():
        raise OutputError(
            f"Cannot save a model in {target}: the folder holds something else; choose another."
        )


def _json(metadata: Mapping[str, Any], target: Path) -> str:
    try:
        return json.dumps(metadata, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as problem:
        raise ModelError(f"The model {target} was not saved: settings or metadata hold {problem}.") from None
