"""Networks' weights on disk: one safetensors file each, checked before anything is built of it.

Weights of convolutions may be stored as whole numbers of eight bits: a tensor ``name`` of int8 comes with
``name.step``, one float32 for every output channel, whose multiples they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from LandmarkDetectionLib.core.protocol import readable
from LandmarkDetectionLib.errors import MissingPackageError, ModelError
from LandmarkDetectionLib.models.metadata import NetworkEntry
from LandmarkDetectionLib.networks.architectures import build_network

if TYPE_CHECKING:
    import torch

MAX_FILE_BYTES = 500_000_000
#: What the steps of an eight-bit tensor are called after it.
STEP = ".step"
#: The largest whole number that is stored; its negative is the smallest.
LARGEST = 127


def in_eight_bits(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A network's state with the weights of its convolutions as multiples of a step per output channel.

    Parameters
    ----------
    state
        Tensors by name; those of one dimension and of whole numbers stay as they are.
    """
    import torch

    stored = {}
    for name, tensor in state.items():
        if tensor.dim() < 2 or not tensor.is_floating_point():
            stored[name] = tensor
            continue
        values = tensor.detach().float()
        largest = values.abs().amax(dim=tuple(range(1, values.dim())), keepdim=True)
        step = torch.where(largest > 0, largest / LARGEST, torch.ones_like(largest))
        stored[name] = torch.round(values / step).to(torch.int8)
        stored[name + STEP] = step
    return stored


def multiplied(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """What ``in_eight_bits`` stood for, of tensors or arrays; anything else stays as it is.

    Raises
    ------
    ValueError
        Steps are not one float32 for every output channel.
    """
    steps = {}
    for name, value in tensors.items():
        step = name + STEP
        if _kind(value) != "int8" or step not in tensors:
            continue
        one_each = (*value.shape[:1], *(1 for _ in value.shape[1:]))
        if _kind(tensors[step]) != "float32" or tuple(tensors[step].shape) != one_each:
            raise ValueError(f"{step!r} is not one step for every output channel of {name!r}")
        steps[name] = step
    apart = set(steps.values())
    return {
        name: value * tensors[steps[name]] if name in steps else value
        for name, value in tensors.items()
        if name not in apart
    }


def _kind(tensor: Any) -> str:
    """The kind of numbers of a tensor or array."""
    return str(tensor.dtype).removeprefix("torch.")


def load_network(root: Path, key: str, entry: NetworkEntry) -> torch.nn.Module:
    """Build one network and fill it with its weights; ModelError when anything does not fit exactly."""
    import torch

    try:
        tensors = multiplied(stored_tensors(root, entry))
    except ValueError as problem:
        raise ModelError(f"{entry.weights} does not fit {entry.architecture}: {problem}.") from None
    # Without memory first: parameters that ask for far more than the file holds must not fill the machine.
    with torch.device("meta"):
        expected = _build(key, entry).state_dict()
    _compare(entry, tensors, expected)
    network = _build(key, entry)
    network.load_state_dict(tensors)
    return network.eval()


def _build(key: str, entry: NetworkEntry) -> torch.nn.Module:
    try:
        return build_network(entry.architecture, **entry.parameters)
    except (ModelError, MissingPackageError):
        raise
    except Exception as problem:  # whatever an architecture makes of foreign parameters
        text = " ".join(str(problem).split()) or type(problem).__name__
        raise ModelError(f"The network {key} cannot be built from its parameters ({text}).") from None


def read_checked(root: Path, file: str, sha256: str) -> bytes:
    """Read once, check the checksum, then use the same bytes: nobody can exchange the file in between."""
    path = inside(root, file)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as problem:
        raise ModelError(f"{file} cannot be read: {problem.strerror or problem}.") from None
    if len(content) > MAX_FILE_BYTES:
        raise ModelError(f"{file} is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{file} does not match its checksum; get the model again.")
    return content


def stored_tensors(root: Path, entry: NetworkEntry) -> dict[str, torch.Tensor]:
    """A network's tensors as they lie in its file, after comparing that with its checksum.

    Raises
    ------
    ModelError
        The file is missing, damaged, or is not what the metadata says.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(read_checked(entry.home(root), entry.weights, entry.sha256))
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OverflowError):
        raise ModelError(f"{entry.weights} is damaged or no safetensors file; get the model again.") from None


def _compare(
    entry: NetworkEntry, tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> None:
    """Names, shapes and kinds of numbers must be exactly those of the network, and every number finite."""
    import torch

    for name in sorted(expected.keys() ^ tensors.keys()):
        what = "lacks the tensor" if name in expected else "holds the unknown tensor"
        raise ModelError(f"{entry.weights} does not fit {entry.architecture}: it {what} {name!r}.")
    for name, tensor in tensors.items():
        want = expected[name]
        if tensor.shape != want.shape:
            raise ModelError(
                f"{entry.weights} does not fit {entry.architecture}: {name!r} has the shape "
                f"{tuple(tensor.shape)}, expected {tuple(want.shape)}."
            )
        if tensor.is_floating_point() != want.is_floating_point():
            raise ModelError(
                f"{entry.weights} does not fit {entry.architecture}: {name!r} is {tensor.dtype}."
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor.float()).all():
            raise ModelError(f"{entry.weights} holds numbers that are not finite in {name!r}.")


def write_weights(
    root: Path,
    key: str,
    architecture: str,
    parameters: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
) -> NetworkEntry:
    """Write a network's tensors as they are into a package's folder; ModelError when they cannot be named."""
    from safetensors.torch import save

    # Copies, because safetensors refuses tensors that share memory.
    content = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()})
    try:
        entry = NetworkEntry(
            architecture=architecture,
            parameters=json.loads(json.dumps(parameters)),  # tuples become lists as in the file
            weights=f"models/{key}.safetensors",
            sha256=hashlib.sha256(content).hexdigest(),
        )
    except ValidationError as problem:
        raise ModelError(f"The network {key} cannot be saved: {readable(problem)}.") from None
    except (TypeError, ValueError) as problem:
        raise ModelError(f"The parameters of the network {key} are no JSON values ({problem}).") from None
    (root / entry.weights).write_bytes(content)
    return entry


def inside(root: Path, relative: str) -> Path:
    """A file of the package; refused when it is missing or a link leads out of the folder."""
    path = root / relative
    if not path.is_file():
        raise ModelError(f"{relative} is missing.")
    if not path.resolve().is_relative_to(root.resolve()):
        raise ModelError(f"{relative} is a link out of the model's folder.")
    return path
