"""From a finished study to a model of one's own: CNN(ft), fine-tuned on every case, as a package."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.imaging.depth import depth_statistics
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.study.baselines.paper_cnn import PaperCNN, load_network, save_network
from LandmarkDetectionLib.study.parts import Parts
from LandmarkDetectionLib.study.patches import Patches, from_targets
from LandmarkDetectionLib.study.presets import StudyConfig
from LandmarkDetectionLib.study.regions import Region, find_region
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted

DETECTORS = {"body": "regression", "hand": "hand-regression"}
PROTOCOLS = {"body": "whole-body", "hand": "hand"}
# Radius in mm within which a landmark counts as found: what confidence is a share of.
RADII_MM = {"body": RADIUS_MM, "hand": 10.0}
BODY_PIXEL_MM = 5.0  # of the projection that the patch is made from, as in the study


def package_study(
    study: str | Path,
    out: str | Path,
    *,
    name: str,
    version: str = "1.0.0",
    device: str = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Model:
    """Fine-tune the synthetic networks on all cases of a finished study, and write a model package.

    Confidence is what cross-validation found; the network that is written saw every case, so its own errors
    can only be measured on other scans.

    Parameters
    ----------
    study : path
        Folder of ``run.run_study``.
    out : path
        The package's folder.

    Raises
    ------
    InputError
        When the study is not finished.
    OutputError
        When the package cannot be written.
    """
    folder = Path(study)
    config = StudyConfig.model_validate(read_json(folder / "config.json"))
    region = find_region(config.region)
    parts = Parts(folder / "parts")
    medical = Patches.load(_finished(parts, "medical", ".npz"))
    least = region.least_depth_mm
    questions = {"position": ("positions", medical.silhouettes, medical.position_targets())}
    if medical.has_depth:
        questions["depth"] = ("depths", medical.depth_images(least), medical.depth_targets(least))
    networks = {}
    for place, (network, (kind, images, targets)) in enumerate(questions.items()):

        def tell(fraction: float, text: str, place: int = place) -> None:
            if progress is not None:
                progress((place + fraction) / len(questions), text)

        started = _finished(parts, f"{kind} CNN(syn) trained", ".safetensors")

        def tune(
            path: Path, started: Path = started, images: Array = images, targets: Array = targets
        ) -> None:
            estimator = PaperCNN(
                config.fine_tuning,
                start=started,
                seed=config.seed,
                device=device,
                checkpoint=path.with_suffix(".checkpoint"),
                progress=tell,
            )
            save_network(estimator.fit(images, targets).network_, path)

        tuned = load_network(parts.file(f"{kind} CNN(ft) of all cases", ".safetensors", tune))
        size = {key: getattr(tuned, key) for key in ("outputs", "rows", "columns")}
        networks[network] = ("regression_cnn", size, tuned.state_dict())
    errors = _cross_validated(parts, medical)
    radius = RADII_MM[config.region]
    shares = {one: round(float(np.mean(errors[:, n] <= radius)), 3) for n, one in enumerate(medical.names)}
    protocol = load_protocol(PROTOCOLS[config.region]).restricted(medical.names)
    return save_model(
        out,
        name=name,
        version=version,
        protocol=protocol,
        networks=networks,
        settings={
            "pixel_mm": BODY_PIXEL_MM,
            "coronal_shape": list(medical.shape),
            "depth_method": "network" if medical.has_depth else "mean",
            "mean_depth_mm": _mean_depth(medical, region),
            "length_range_mm": {},
            "found_share": shares,
        },
        detector=DETECTORS[config.region],
        metadata_extra=_metadata(config, medical, shares, radius),
        card=_card(name, version, protocol, config, medical, errors, radius),
    )


def _finished(parts: Parts, name: str, suffix: str) -> Path:
    def missing(path: Path) -> None:
        raise InputError(
            f"{parts.folder.parent} holds no finished study, '{name}' is missing; run the study first."
        )

    return parts.file(name, suffix, missing)


def _cross_validated(parts: Parts, medical: Patches) -> Array:
    """Errors (N, L) of CNN(ft) in mm."""
    with np.load(_finished(parts, "positions CNN(ft)", ".npz")) as stored:
        found = from_targets(stored["predictions"], medical.shape)
    return np.linalg.norm((found - medical.points[..., :2]) * medical.spacing[:, None], axis=-1)


def _mean_depth(medical: Patches, region: Region) -> dict[str, float]:
    """Mean depth of every landmark behind the mean depth of the front surface; 0 where there is no depth."""
    if not medical.has_depth:
        return dict.fromkeys(medical.names, 0.0)
    mean, _ = depth_statistics(medical.front, region.least_depth_mm)
    depth = (medical.points[..., 2] - mean[:, None]).mean(axis=0)
    return {name: round(float(value), 2) for name, value in zip(medical.names, depth, strict=True)}


def _source(config: StudyConfig, medical: Patches) -> str:
    subjects = len(set(medical.subjects))
    if not config.data:
        return f"synthetic images alone ({subjects} people of a second synthetic domain in place of patients)"
    return (
        f"synthetic images, fine-tuned on {counted(len(medical), 'image')} of "
        f"{counted(subjects, 'subject')}: {config.data}"
    )


def _metadata(
    config: StudyConfig, medical: Patches, shares: dict[str, float], radius: float
) -> dict[str, Any]:
    return {
        "description": f"{counted(len(medical.names), 'landmark')} by the network of Riegler et al. 2015, "
        f"fine-tuned.",
        "authors": "Whoever ran the study",
        "copyright": "Whoever ran the study",
        "data_source": _source(config, medical),
        "data_type": "silhouettes and depth maps",
        "intended_use": "Research. Not for diagnosis.",
        "eval_metrics": {f"share within {radius:g} mm in cross-validation": shares},
        "training": json.loads(config.model_dump_json()),
    }


def _card(
    name: str,
    version: str,
    protocol: Protocol,
    config: StudyConfig,
    medical: Patches,
    errors: Array,
    radius: float,
) -> str:
    """Markdown: what the model is, what it learned from, and what cross-validation measured."""
    lines = [
        f"# {name} {version}",
        "",
        f"Finds {counted(len(medical.names), 'landmark')} of the protocol *{protocol.title}* with the "
        "coordinate",
        "regression network of Riegler et al. 2015.",
        "",
        "**Research use only. Not a medical device.**",
        "",
        "## Training",
        "",
        f"Learned from {_source(config, medical)}.",
        "",
        "| schedule | synthetic images | fine-tuning |",
        "|---|---|---|",
        *(
            f"| {key.replace('_', ' ')} | {value} | {getattr(config.fine_tuning, key)} |"
            for key, value in config.synthetic
        ),
        "",
        f"## Measured by cross-validation ({config.folds}, by subject)",
        "",
        f"In the picture's plane, in mm; found is within {radius:g} mm, which is what confidence says. The",
        "shipped network saw every case; measure it on other scans.",
        "",
        "| landmark | mean | median | 95 % | found |",
        "|---|---|---|---|---|",
        *(
            f"| {landmark} | {one.mean():.1f} | {np.median(one):.1f} | {np.quantile(one, 0.95):.1f} | "
            f"{np.mean(one <= radius):.0%} |"
            for landmark, one in zip(medical.names, errors.T, strict=True)
        ),
        "",
    ]
    return "\n".join(lines)
