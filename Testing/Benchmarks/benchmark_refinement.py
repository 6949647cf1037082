"""How long the other landmarks take to follow a correction, after the first detection.

    python Testing/Benchmarks/benchmark_refinement.py
    python Testing/Benchmarks/benchmark_refinement.py --model FOLDER IMAGE

Without arguments: the model of bodies on the sample scan, and untrained networks of the lite
presets of SCN and DACN in 2D (19 landmarks, 320 x 320) and 3D (12 landmarks, 96 x 96 x 96).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.correction import Observed, fit_joint_gaussian, propagate
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.detectors.heatmap_evidence import SpatialBranch, answer_of
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.heatmaps.decoding import read_heatmaps
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.presets import network_preset

REPEATS = 7


def milliseconds(work: Callable[[], object]) -> float:
    """Median of some repeats after a first one."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def time_model(name: str, image: Path) -> None:
    """Correct one landmark of a real detection."""
    analysis = analyse(read_volume(image), load_model(name), DetectOptions(device="cpu"))
    mark = next(one for one in analysis.detection.landmarks if one.is_present)
    place = mark.position + 5.0
    print(f"{name}: {milliseconds(lambda: analysis.refine({mark.name: place})):.0f} ms")


def time_network(architecture: str, dimensions: int) -> None:
    """The spatial branch and the joint Gaussian, without training: the time does not depend on it."""
    landmarks, size = (19, 320) if dimensions == 2 else (12, 96)
    parameters = {**network_preset(architecture, "lite", dimensions), "dimensions": dimensions}
    network = build_network(architecture, landmarks=landmarks, **parameters).eval()
    size = -(-size // network.multiple) * network.multiple
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, *[size] * dimensions)).astype(np.float32)
    with torch.inference_mode():
        output = network(torch.from_numpy(image)[None])
    names = tuple(f"p{n}" for n in range(landmarks))
    settings = HeatmapSettings(
        shape=(size,) * dimensions,
        spacing=None,
        intensity="standardise",
        heatmaps="gaussian",
        sigma=dict.fromkeys(names, 2.0),
        radius=5.0,
        unit="px",
        calibration={"scores": [0, 1], "shares": [0, 1]},
    )
    first = read_heatmaps(output.heatmaps, False, network.stride, 5.0, [1.0] * output.heatmaps.shape[1])
    branch = SpatialBranch(network, output.appearance, image, first, settings, names, 5.0)
    shapes = rng.normal(size=(60, landmarks, dimensions)) * 10 + rng.uniform(0, size, (landmarks, dimensions))
    nothing = Observed(shapes[:0], shapes[:0], shapes[:0, :, 0], shapes[:0, :, 0] > 0)
    joint = fit_joint_gaussian(shapes, nothing, shapes[:0])
    known = np.arange(landmarks) == 3
    places = answer_of(first).observed.position

    def work() -> None:
        propagate(joint, branch(known, places).observed, known, places)

    print(f"{architecture}, {dimensions}D, {size} cells: {milliseconds(work):.0f} ms")


def main() -> None:
    """Print a line per model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", nargs="?", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.model and options.image:
        time_model(options.model, options.image)
        return
    sample = Path(__file__).resolve().parents[2] / "Resources" / "SampleData" / "synthetic-body-ct.nrrd"
    time_model("whole-body-ct", sample)
    for architecture in ("spatial_configuration", "appearance_context"):
        for dimensions in (2, 3):
            time_network(architecture, dimensions)


if __name__ == "__main__":
    main()
