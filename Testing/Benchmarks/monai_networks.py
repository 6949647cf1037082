"""Networks of MONAI beside ours on generated heads, each trained for the same processor time.

    python Testing/Benchmarks/monai_networks.py --out runs/monai --minutes 4
    python Testing/Benchmarks/monai_networks.py --out runs/monai-flat --flat --minutes 2

`--flat` trains on radiographs: the means of heads of 64 x 64 x 64 voxels from left to right. Each preset is
timed on a few steps, then trained from random weights for as many steps as fit into its minutes, with the
schedule of a whole training, and finds the landmarks of the fifth of the heads that it has not seen.
`--grey-values mr` adds MONAI's changes of grey values. Needs the extras `train` and `monai`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

PRESETS = (
    "scn-lite",
    "unet-lite",
    "segresnet-lite",
    "segresnet-scn-lite",
    "dynunet-lite",
    "dynunet-scn-lite",
)
PRESETS += ("flexunet-lite", "swinunetr-lite")
#: Steps that are timed, after two that are not.
TIMED = 4


def write_heads(folder: Path, count: int, flat: bool) -> None:
    """Heads of 64 x 64 x 64 voxels, or their means from left to right, a fifth of them for testing."""
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.datasets.cases import write_datalist
    from LandmarkDetectionLib.io.markups import write_landmarks
    from LandmarkDetectionLib.io.volumes import write_volume
    from LandmarkDetectionLib.synthesis.head.volumes import make_head, write_volume_set
    from LandmarkDetectionLib.synthesis.volume_set import DATALIST

    if not flat:
        write_volume_set(folder, count, size=64)
        return
    folder.mkdir(parents=True)
    rows = []
    for number in range(count):
        head, truth = make_head(number, 64)
        mean = head.voxels.mean(axis=2).astype(np.float32)  # (K, J)
        matrix = head.ijk_to_ras[:, [1, 2, 0, 3]]
        name = f"film-{number:03d}"
        write_volume(Volume(mean[None], matrix), folder / f"{name}.nrrd")
        write_landmarks(truth, folder / f"{name}.mrk.json")
        split = "test" if number % 5 == 4 else "train"
        rows.append(
            {"image": f"{name}.nrrd", "landmarks": f"{name}.mrk.json", "subject": name, "split": split}
        )
    write_datalist(rows, folder / DATALIST, "heads from the left")


def seconds_per_step(config: Any, training: Any) -> float:
    """Processor seconds of a step of this training, on this machine."""
    import torch

    from LandmarkDetectionLib.training.supervised.stream import SupervisedStream
    from LandmarkDetectionLib.training.supervised.task import HeatmapTask

    task = HeatmapTask(config)
    optimiser = torch.optim.AdamW(task.parameters(), 1e-9)
    stream = SupervisedStream(
        training,
        config.grid.shape,
        config.batch_size,
        config.augmentation,
        np.arange(len(config.landmarks)),
        1,
        config.grey_values,
    )
    for number in range(TIMED + 2):
        if number == 2:
            started = time.process_time()
        images, targets = task.prepare(stream.batch(number))
        optimiser.zero_grad()
        sum(task.losses(task(images), targets).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    return (time.process_time() - started) / TIMED


def train(out: Path, preset: str, minutes: float, grey_values: str, seed: int) -> dict[str, Any]:
    """Train a preset for its minutes, and measure it on the heads of the split test."""
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.synthesis.volume_set import DATALIST
    from LandmarkDetectionLib.training.supervised.package import package_supervised
    from LandmarkDetectionLib.training.supervised.plan import divide, plan
    from LandmarkDetectionLib.training.supervised.train import load_cases, train_supervised

    datalist = read_datalist(out / "heads" / DATALIST)
    split = divide(datalist, "test")
    name = preset + (f"-{grey_values}" if grey_values else "") + (f"-{seed}" if seed != 1 else "")
    run = out / name
    changes: dict[str, Any] = {"seed": seed, "copies": 0}
    flat = datalist.cases[0].read_volume().is_2d
    shape = (96, 96) if flat else (64, 64, 64)
    config = plan(datalist, split, preset, shape=shape, changes=changes)
    if grey_values:
        from LandmarkDetectionLib.training.supervised.grey_values import GREY_SETS

        changes["grey_values"] = GREY_SETS[grey_values]  # type: ignore[index]
    if (run / "config.json").is_file():
        changes["steps"] = json.loads((run / "config.json").read_text())["steps"]
    else:
        run.mkdir(parents=True, exist_ok=True)
        timed = seconds_per_step(config.model_copy(update=changes), load_cases(config, split, run)[0])
        changes["steps"] = max(10, int(60 * minutes / timed))
    changes["validate_every"] = 100_000
    config = plan(datalist, split, preset, shape=shape, changes=changes)
    used = time.process_time()
    train_supervised(config, datalist, split, run, device="cpu")
    used = time.process_time() - used
    model = package_supervised(run, datalist, split, out / f"model-{name}", name="network")
    errors = []
    for case in split.held_out:
        volume, truth = case.read_volume(), case.read_landmarks()
        found = detect(volume, model, device="cpu").landmarks
        axes = volume.ijk_to_ras[:3, : 2 if volume.is_2d else 3]
        apart = np.array([found[one.name].position - one.position for one in truth])
        errors.append(np.linalg.norm(apart @ axes / (axes**2).sum(axis=0), axis=1))
    error = np.array(errors)
    weights = sum(p.numel() for p in model.build_networks()["heatmap"].parameters())
    return {
        "preset": name,
        "weights, million": round(weights / 1e6, 2),
        "cells": " x ".join(map(str, config.grid.shape)),
        "steps": config.steps,
        "mean voxels": round(float(np.nanmean(error)), 2),
        "median": round(float(np.nanmedian(error)), 2),
        "95 %": round(float(np.nanpercentile(error, 95)), 2),
        "not found": int(np.isnan(error).sum()),
        "core min in this run": round(used / 60, 1),
    }


def main() -> None:
    """Generate, train, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for heads, runs and models")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS))
    parser.add_argument("--count", type=int, default=100, help="heads, a fifth of them for testing")
    parser.add_argument("--minutes", type=float, default=4.0, help="core minutes of each training")
    parser.add_argument("--flat", action="store_true", help="radiographs instead of volumes")
    parser.add_argument("--grey-values", default="", help="ct, mr or film; none otherwise")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--train", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        import torch

        torch.set_num_threads(1)
        row = train(options.out, options.train, options.minutes, options.grey_values, options.seed)
        print(json.dumps(row))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    if not (options.out / "heads").exists():
        write_heads(options.out / "heads", options.count, options.flat)
    rows = []
    common = ["--out", str(options.out), "--minutes", str(options.minutes), "--seed", str(options.seed)]
    common += ["--grey-values", options.grey_values] if options.grey_values else []
    for preset in options.presets:
        # Each in a process of its own, whose processor time is the training's alone.
        command = [sys.executable, __file__, *common, "--train", preset]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(dict(json.loads(answer.stdout.splitlines()[-1])))
        print(rows[-1], file=sys.stderr, flush=True)
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")


if __name__ == "__main__":
    main()
