"""How many annotated images is a start with a model of synthetic radiographs worth? Learning curves of both.

    landmark-detection data import isbi2015 ISBI --out ceph
    python Testing/Benchmarks/radiograph_starts.py DATALIST --from cephalogram --test test1 --out runs/starts

The same network on the same canvas learns from 10, 25, 50 and all images of the split train, once from random
weights and once from those of the model; nothing is held back, and nothing is chosen by the split TEST, on
which each is measured once. The model itself is measured first. What is finished is not repeated; a run can
be restricted (``--sizes 10 --begin model``) so that several go side by side. Times are core minutes.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

MODEL, RANDOM = "model", "random"
TITLES = {MODEL: "from synthetic radiographs", RANDOM: "from random weights"}
RADII = (2.0, 2.5, 3.0, 4.0)


def core_minutes() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) / 60


def errors_of(task: Any, config: Any, cases: Any) -> np.ndarray:
    """Errors (cases, landmarks) in mm."""
    from LandmarkDetectionLib.training.supervised.stream import plain_batches

    return np.concatenate(
        [
            np.linalg.norm(task.read(batch, config.copies).position - batch.points.numpy(), axis=-1)
            * batch.voxel_mm.numpy()[:, None]
            for batch in plain_batches(cases, 4)
        ]
    )


def train_one(options: argparse.Namespace, begin: str, size: int, folder: Path) -> dict[str, Any]:
    """One training and its errors."""
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.models import load_model
    from LandmarkDetectionLib.training.supervised.plan import Split, divide, plan
    from LandmarkDetectionLib.training.supervised.start import settings_from
    from LandmarkDetectionLib.training.supervised.train import load_cases, train_supervised, trained_task

    datalist = read_datalist(options.datalist)
    split = divide(datalist, "none")
    start = load_model(options.start)
    test = tuple(case for case in datalist if case.split == options.test)
    config = plan(
        datalist,
        split,
        limit=min(size, len(split.training)),
        changes=settings_from(start, datalist.landmark_names)
        | {"steps": options.steps[begin == RANDOM], "learning_rate": options.rates[begin == RANDOM]}
        | {"members": options.members},
    )
    started = core_minutes()
    train_supervised(
        config, datalist, split, folder, start=start if begin == MODEL else None, device="cpu", progress=_told
    )
    minutes = core_minutes() - started
    config, task = trained_task(folder)
    _, cases = load_cases(config, Split((), test), folder)
    return {
        "begin": begin,
        "images": config.limit,
        "steps": config.steps,
        "core_minutes": minutes,
        "errors": errors_of(task, config, cases).tolist(),
        "subjects": [case.subject for case in cases],
    }


_last = 0


def _told(share: float, text: str) -> None:
    global _last
    if int(20 * share) != _last:
        _last = int(20 * share)
        print(text, flush=True)


def measure_model(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Errors of the model that is begun with."""
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.models import load_model
    from LandmarkDetectionLib.training.supervised.plan import Split
    from LandmarkDetectionLib.training.supervised.start import begin_with, settings_of
    from LandmarkDetectionLib.training.supervised.task import HeatmapTask
    from LandmarkDetectionLib.training.supervised.train import load_cases

    model = load_model(options.start)
    config = settings_of(model)
    task = HeatmapTask(config).eval()
    begin_with(task, model)
    test = tuple(case for case in read_datalist(options.datalist) if case.split == options.test)
    _, cases = load_cases(config, Split((), test), folder)
    errors = errors_of(task, config, cases)
    subjects = [case.subject for case in cases]
    return {"begin": MODEL, "images": 0, "steps": 0, "core_minutes": 0.0, "errors": errors.tolist(),
            "subjects": subjects}  # fmt: skip


def line(result: dict[str, Any]) -> str:
    """One row of the table."""
    errors = np.array(result["errors"])
    rates = ", ".join(f"{100 * (errors <= radius).mean():.1f}" for radius in RADII)
    begin = TITLES[result["begin"]]
    return (
        f"| {begin} | {result['images']} | {result['steps']} | {result['core_minutes']:.0f} | "
        f"{errors.mean():.3f} | {np.median(errors):.3f} | {rates} |"
    )


def main() -> None:
    """Train what is missing, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datalist", type=Path)
    parser.add_argument("--from", dest="start", required=True, help="model of the same landmarks")
    parser.add_argument("--test", required=True, help="split that is measured on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", nargs="+", type=int, default=[10, 25, 50, 150])
    parser.add_argument("--begin", nargs="+", choices=[MODEL, RANDOM], default=[MODEL, RANDOM])
    parser.add_argument("--steps", nargs=2, type=int, default=[600, 2500], help="from the model, from random")
    parser.add_argument("--rates", nargs=2, type=float, default=[1e-3, 2e-3], help="learning rates")
    parser.add_argument("--members", type=int, default=1, help="networks that learn side by side")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    import torch

    torch.set_num_threads(1)
    for begin, size in [(MODEL, 0)] + [(begin, size) for size in options.sizes for begin in options.begin]:
        name = f"{begin}-{size}"
        file = options.out / f"{name}.json"
        if file.exists():
            continue
        folder = options.out / name
        folder.mkdir(exist_ok=True)
        result = train_one(options, begin, size, folder) if size else measure_model(options, folder)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(result))
        part.rename(file)
    results = [json.loads(file.read_text()) for file in sorted(options.out.glob("*.json"))]
    results.sort(key=lambda result: (result["begin"], result["images"]))
    print("| weights | images | steps | core min | MRE mm | median mm | % within 2, 2.5, 3, 4 mm |")
    print("|---|---|---|---|---|---|---|")
    for result in results:
        print(line(result))
    _draw(results, options.out / "learning_curve.png")


def _draw(results: list[dict[str, Any]], path: Path) -> None:
    from LandmarkDetectionLib.evaluation.learning_curve import Run, learning_curve_figure
    from LandmarkDetectionLib.evaluation.plots import write_figure

    runs = [
        Run(TITLES[r["begin"]], r["images"], np.array(r["errors"]), tuple(r["subjects"]), "mm")
        for r in results
        if r["images"]
    ]
    if runs:
        write_figure(learning_curve_figure(runs), path)


if __name__ == "__main__":
    main()
