"""3D heatmap networks on generated heads: error in voxels, and memory and time up to 512 x 512 x 600 voxels.

    python Testing/Benchmarks/volumes_3d.py --out runs/heads
    python Testing/Benchmarks/volumes_3d.py --out runs/heads --presets scn-lite --count 60 --steps 300
    python Testing/Benchmarks/volumes_3d.py --out runs/heads --only-size

Generates `--count` heads with exact landmarks, trains each preset on four fifths of them, and detects in the
rest by the finished model. Errors are in voxels of the generated volumes; the claim is a mean below one.

Then one head of 128 x 128 x 128 and one of 512 x 512 x 600 voxels, each in a process of its own, so that the
peak of memory is that run's. The claim is below 8 GB. Trainings go on where they stopped; times are those of
the processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

LARGE = {"128 x 128 x 128": (128, 128, 128), "512 x 512 x 600": (512, 512, 600)}
LARGE_SEED = 7
LIMIT_GB = 8.0


def train(out: Path, preset: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train a preset on the heads of the split train, and measure on those of the split test."""
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.synthesis.volume_set import DATALIST
    from LandmarkDetectionLib.training.supervised.package import package_supervised
    from LandmarkDetectionLib.training.supervised.plan import divide, plan
    from LandmarkDetectionLib.training.supervised.train import train_supervised

    datalist = read_datalist(out / "heads" / DATALIST)
    split = divide(datalist, "test")
    changes = {"steps": options.steps, "batch_size": options.batch_size}
    config = plan(
        datalist,
        split,
        preset,
        spacing=[options.spacing] if options.spacing else None,
        shape=options.shape,
        changes={key: value for key, value in changes.items() if value},
    )
    used = time.process_time()
    train_supervised(config, datalist, split, out / preset, device="cpu")
    used = time.process_time() - used
    model = package_supervised(out / preset, datalist, split, out / f"model-{preset}", name=preset)
    errors = []
    for case in split.held_out:
        volume, truth = case.read_volume(), case.read_landmarks()
        found = detect(volume, model, device="cpu").landmarks
        errors.append(
            [np.linalg.norm(found[one.name].position - one.position) / volume.spacing.mean() for one in truth]
        )
    error = np.array(errors)
    return {
        "preset": preset,
        "heads learned from": len(split.training),
        "heads tested": len(errors),
        "steps": config.steps,
        "cells": " x ".join(map(str, config.grid.shape)),
        "mean voxels": round(float(np.nanmean(error)), 3),
        "median voxels": round(float(np.nanmedian(error)), 3),
        "largest voxels": round(float(np.nanmax(error)), 2),
        "not found": int(np.isnan(error).sum()),
        "processor seconds in this run": round(used, 1),
    }


def large_head(size: tuple[int, int, int]) -> tuple[Any, Any]:
    """A head of 128^3 voxels interpolated to (i, j, k) voxels, and its landmarks."""
    from scipy.ndimage import zoom

    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.synthesis.head.volumes import make_head

    head, truth = make_head(LARGE_SEED, 128)
    factors = np.array(size) / head.size
    voxels = zoom(head.voxels, factors[::-1], order=1, grid_mode=True, mode="nearest")
    # The outer faces stay where they are.
    scaled = np.diag([*(1 / factors), 1.0])
    scaled[:3, 3] = 0.5 / factors - 0.5
    return Volume(voxels, head.ijk_to_ras @ scaled, head.modality, head.name), truth


def measure(model_path: Path, size: tuple[int, int, int]) -> dict[str, Any]:
    """Seconds and peak memory (GB) of one detection, in this process."""
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.models import load_model

    volume, truth = large_head(size)
    model = load_model(model_path)
    before = _peak_gb()
    started, used = time.perf_counter(), time.process_time()
    result: dict[str, Any] = {"voxels": " x ".join(map(str, size))}
    found = detect(volume, model, device="cpu").landmarks
    errors = [np.linalg.norm(found[one.name].position - one.position) for one in truth if one.name in found]
    result["mean error mm"] = round(float(np.nanmean(errors)), 2)
    result["seconds"] = round(time.perf_counter() - started, 1)
    result["processor seconds"] = round(time.process_time() - used, 1)
    result["volume read, GB"] = round(before, 2)
    result["peak GB"] = round(_peak_gb(), 2)
    return result


def _peak_gb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def _in_a_process(out: Path, *words: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--out", str(out), *words]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def _print(rows: list[dict[str, Any]]) -> None:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    print(f"\n| {' | '.join(keys)} |\n|{'---|' * len(keys)}")
    for row in rows:
        print(f"| {' | '.join(str(row.get(key, '')) for key in keys)} |")


def main() -> None:
    """Train, measure, print; exit code 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for heads, runs and models")
    parser.add_argument("--presets", nargs="+", default=["scn-lite", "unet-lite"])
    parser.add_argument("--count", type=int, default=200, help="heads, a fifth of them for testing")
    parser.add_argument("--size", type=int, default=64, help="voxels along every side")
    parser.add_argument("--contrast", choices=("ct", "mr"), default="mr")
    parser.add_argument("--steps", type=int, help="instead of the preset's")
    parser.add_argument("--batch-size", type=int, help="instead of the preset's")
    parser.add_argument(
        "--spacing", type=float, help="mm of the network's cells; chosen from the data otherwise"
    )
    parser.add_argument(
        "--shape", type=int, nargs=3, help="canvas of the network; chosen from the data otherwise"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only-size", action="store_true", help="only memory and time, of trained models")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train or options.measure:
        import torch

        torch.set_num_threads(options.threads)
        if options.train:
            print(json.dumps(train(options.out, options.train, options)))
        else:
            path = options.out / f"model-{options.presets[0]}"
            print(json.dumps(measure(path, LARGE[options.measure])))
        return

    options.out.mkdir(parents=True, exist_ok=True)
    common = ["--threads", str(options.threads), "--presets", *options.presets]
    holds = True
    if not options.only_size:
        if not (options.out / "heads").exists():
            from LandmarkDetectionLib.synthesis.head.volumes import write_volume_set

            write_volume_set(
                options.out / "heads", options.count, size=options.size, contrast=options.contrast
            )
        for name in ("steps", "batch_size", "spacing"):
            if value := getattr(options, name):
                common += [f"--{name.replace('_', '-')}", str(value)]
        common += ["--shape", *map(str, options.shape)] if options.shape else []
        trained = [_in_a_process(options.out, "--train", preset, *common) for preset in options.presets]
        _print(trained)
        good = all(row["mean voxels"] < 1 for row in trained)
        print(f"claim (mean below one voxel): {'holds' if good else 'does not hold'}")
        holds &= good
    measured = [_in_a_process(options.out, "--measure", name, *common) for name in LARGE]
    _print(measured)
    small = all(row["peak GB"] < LIMIT_GB for row in measured)
    print(f"claim (below {LIMIT_GB:g} GB): {'holds' if small else 'does not hold'}")
    sys.exit(0 if holds and small else 1)


if __name__ == "__main__":
    main()
