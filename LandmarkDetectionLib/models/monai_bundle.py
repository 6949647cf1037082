"""A model as a complete bundle of MONAI, with a configuration that ``python -m monai.bundle run`` executes.

A model package is data only. A bundle names code in its configuration: MONAI's parts, and of this library one
class that is public and stays. That one configuration is known here by heart; a package with any other that
names code is refused.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.errors import ModelError, OutputError
from LandmarkDetectionLib.files import atomic_folder, make_folder, read_json, resource_path, write_text
from LandmarkDetectionLib.models.metadata import DISTRIBUTION, MONAI_VERSION, directive_in

METADATA = "configs/metadata.json"
CONFIGURATION = "configs/inference.json"
MAX_BYTES = 2_000_000

#: What inference in a bundle needs besides this library: stated in its metadata, as far as it is installed.
NEEDED = ("monai", "nibabel", "pytorch-ignite", "fire")

#: Images in, one file of landmarks each out. Everything but ``network_def`` is MONAI's.
INFERENCE: dict[str, Any] = {
    "imports": ["$import functools", "$import glob", "$import os"],
    "bundle_root": ".",
    "dataset_dir": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "images": "$sorted(glob.glob(os.path.join(@dataset_dir, '*.nii.gz')))",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "network_def": {
        "_target_": "LandmarkDetectionLib.LandmarkNetwork",
        "model": "$os.path.abspath(@bundle_root)",
    },
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [{"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True}],
    },
    "dataset": {
        "_target_": "Dataset",
        "data": "$[{'image': one} for one in @images]",
        "transform": "@preprocessing",
    },
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
    "inferer": {"_target_": "SimpleInferer"},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": ["$functools.partial(@network_def.save, folder=@output_dir)"],
    },
    "evaluator": {
        "_target_": "SupervisedEvaluator",
        "device": "@device",
        "val_data_loader": "@dataloader",
        "network": "@network_def",
        "inferer": "@inferer",
        "postprocessing": "@postprocessing",
        "amp": False,
    },
    "run": ["$@evaluator.run()"],
}


def export_bundle(
    package: Path, metadata: dict[str, Any], landmarks: tuple[str, ...], out: str | os.PathLike[str]
) -> Path:
    """Write a model package as a complete bundle of MONAI.

    Parameters
    ----------
    package, metadata, landmarks
        Its folder, the content of its ``metadata.json``, and the names of its landmarks in order.
    out
        New or empty folder: the bundle.

    Returns
    -------
    Path
        The configuration of the inference.

    Raises
    ------
    OutputError
        The folder holds something already, or cannot be written.
    """
    target = Path(out).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"Cannot write {out}: it holds something already; give a new folder.")
    make_folder(target.parent)
    with atomic_folder(target) as new:
        shutil.copytree(package, new, dirs_exist_ok=True)
        write_text(new / CONFIGURATION, json.dumps(INFERENCE, indent=1) + "\n")
        content = json.dumps(
            _of_bundle(_with_all_weights(metadata, new), landmarks), indent=1, ensure_ascii=False
        )
        write_text(new / METADATA, content + "\n")
    return target / CONFIGURATION


def _with_all_weights(metadata: dict[str, Any], root: Path) -> dict[str, Any]:
    """Metadata of a folder that also holds what its model takes from another that ships."""
    section = metadata["landmark_detection"]
    networks = dict(section["networks"])
    for key, entry in networks.items():
        if shipped := entry.get("shipped"):
            file = f"models/{key}.safetensors"
            shutil.copyfile(resource_path("Models", shipped, entry["weights"]), root / file)
            networks[key] = {**entry, "weights": file}
            del networks[key]["shipped"]
    return {**metadata, "landmark_detection": {**section, "networks": networks}}


def code_problems(root: Path) -> Iterator[str]:
    """Say of every configuration of a package that names code, but for that of `export_bundle`.

    Metadata and protocol are checked where they are read.
    """
    for path in sorted(root.rglob("*.json")):
        relative = path.relative_to(root).as_posix()
        if relative in (METADATA, "configs/protocol.json") or not path.is_file() or path.is_symlink():
            continue
        try:
            content = read_json(path, error=ModelError, max_bytes=MAX_BYTES)
        except ModelError:
            continue  # nobody reads it, and what is no JSON names nothing
        if (found := directive_in(content)) and not (relative == CONFIGURATION and content == INFERENCE):
            yield (
                f"{relative} names code ({found}), which a model here never runs; leave the file out, or "
                "take the package that the bundle was made from."
            )


def _of_bundle(metadata: dict[str, Any], landmarks: tuple[str, ...]) -> dict[str, Any]:
    """Metadata of the bundle: what it needs to run, and what goes into its network and comes out."""
    used = {name: found for name in NEEDED if (found := _installed(name))}
    monai = used.get("monai", MONAI_VERSION)
    packages = {"monai": monai, **metadata["required_packages_version"], **used, DISTRIBUTION: __version__}
    # What older packages say instead; on the package index it is somebody else's.
    packages.pop("landmark-detection", None)
    return {
        **metadata,
        "monai_version": monai,
        "required_packages_version": packages,
        "network_data_format": {
            "inputs": {
                "image": {
                    **metadata["network_data_format"]["inputs"]["image"],
                    "spatial_shape": ["*", "*", "*"],
                }
            },
            "outputs": {
                "pred": {
                    "type": "tuples",
                    "format": "x, y, z in RAS mm, confidence, and 0 absent, 1 uncertain, 2 detected",
                    "num_channels": len(landmarks),
                    "spatial_shape": [5],
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": False,
                    "channel_def": {str(n): name for n, name in enumerate(landmarks)},
                }
            },
        },
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
