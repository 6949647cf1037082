"""Train on annotated cephalograms, cross-validated, and compare with the raters' own disagreement.

    python Testing/Benchmarks/cephalograms.py DATA --out runs/ceph
    python Testing/Benchmarks/cephalograms.py DATA --out runs/ceph --presets scn-lite unet-lite dacn-lite
    python Testing/Benchmarks/cephalograms.py DATA --out runs/ceph --limits 10 50 --folds 1

DATA holds ``images/*.png`` and ``rater1_px.csv``, ``rater2_px.csv`` (image, x1, y1, x2, y2, ...). Image n,
in the order of the names, is in fold n modulo 4; images with the same pixels as an earlier one are left
out. The truth is the mean of both raters. Every training is a process of its own with one thread, as many
side by side as there are cores; whatever is finished is not repeated. Times are core minutes of the training.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

FOLDS = 4
RATERS = ("rater1", "rater2")
CENSORED = 20.0  # pixels beyond which a point counts as lost


def write_data(data: Path, out: Path) -> Path:
    """Landmark files and a datalist with folds as splits."""
    from PIL import Image

    from LandmarkDetectionLib.io.protocols import load_protocol

    names = load_protocol("cephalometric-19").names
    tables = {rater: _table(data / f"{rater}_px.csv") for rater in RATERS}
    folder = out / "data"
    folder.mkdir(parents=True, exist_ok=True)
    rows, seen = [], set()
    for n, image in enumerate(sorted((data / "images").glob("*.png"))):
        pixels = np.asarray(Image.open(image)).tobytes()
        if pixels in seen:
            print(f"{image.name} has the same pixels as an earlier image and is left out.")
            continue
        seen.add(pixels)
        landmarks = {}
        for rater, table in tables.items():
            file = folder / f"{image.stem}_{rater}.csv"
            lines = [
                f"{name},{-x},{-y},0"
                for name, (x, y) in zip(names, table[image.stem], strict=True)
                if np.isfinite([x, y]).all()
            ]
            file.write_text("\n".join(["name,x,y,z", *lines]) + "\n")
            landmarks[rater] = file.name
        rows.append(
            {
                "image": str(image.resolve()),
                "landmarks": landmarks,
                "subject": image.stem,
                "split": f"fold {n % FOLDS}",
            }
        )
    path = folder / "datalist.json"
    path.write_text(json.dumps({"name": "Cephalograms", "protocol": "cephalometric-19", "cases": rows}))
    return path


def run_one(
    datalist_path: Path, folder: Path, preset: str, fold: int, limit: int | None, steps: int | None
) -> None:
    """Train one fold and keep what it predicts for the images it has not seen."""
    import torch

    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.datasets.raters import case_landmarks
    from LandmarkDetectionLib.training.supervised.plan import divide, plan
    from LandmarkDetectionLib.training.supervised.stream import plain_batches
    from LandmarkDetectionLib.training.supervised.train import load_cases, train_supervised, trained_task

    torch.set_num_threads(1)
    datalist = read_datalist(datalist_path, missing="allow")
    split = divide(datalist, f"fold {fold}")
    changes = {} if steps is None else {"steps": steps}
    config = plan(datalist, split, preset, limit=limit, changes=changes)
    started = resource.getrusage(resource.RUSAGE_SELF)
    train_supervised(config, datalist, split, folder, device="cpu")
    used = resource.getrusage(resource.RUSAGE_SELF)
    config, task = trained_task(folder)
    _, held_out = load_cases(config, split, folder)
    cases = {case.name: case for case in split.held_out}
    records = []
    for case in held_out:
        (batch,) = plain_batches([case], 1)
        place = case.grid.points_to_ras(task.read(batch, config.copies).position[0])[:, :2] * -1
        one, two = case_landmarks(cases[case.name], config.landmarks, "all")
        truth = np.nanmean([one, two], axis=0)[:, :2] * -1
        records.append(
            {
                "image": case.name,
                "error": np.linalg.norm(place - truth, axis=1).tolist(),
                "disagreement": np.linalg.norm((one - two)[:, :2], axis=1).tolist(),
            }
        )
    seconds = used.ru_utime + used.ru_stime - started.ru_utime - started.ru_stime
    text = json.dumps({"core_minutes": seconds / 60, "steps": config.steps, "records": records})
    (folder / "result.json.part").write_text(text)
    (folder / "result.json.part").rename(folder / "result.json")


def summary(results: list[dict]) -> dict[str, float]:
    """Errors of all images of some folds, as ratios to the raters' disagreement on the same images."""
    records = [record for result in results for record in result["records"]]
    error = np.array([record["error"] for record in records])
    apart = np.array([record["disagreement"] for record in records])
    return {
        "images": len(records),
        "mean": float(np.nanmean(error)),
        "median": float(np.nanmedian(error)),
        "mean ratio": float(np.nanmean(error) / np.nanmean(apart)),
        "median ratio": float(np.nanmedian(error) / np.nanmedian(apart)),
        "lost": float((error > CENSORED).mean()),
        "core minutes": float(np.mean([result["core_minutes"] for result in results])),
        "steps": results[0]["steps"],
    }


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--presets", nargs="+", default=["scn-lite"])
    parser.add_argument("--limits", nargs="+", type=int, default=[0], help="training images; 0 for all")
    parser.add_argument("--folds", type=int, default=FOLDS, help="so many of the four folds")
    parser.add_argument("--steps", type=int, help="instead of the preset's")
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--one", nargs=3, metavar=("PRESET", "FOLD", "LIMIT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    datalist = options.out / "data" / "datalist.json"
    if options.one:
        preset, fold, limit = options.one[0], int(options.one[1]), int(options.one[2])
        run_one(
            datalist, run_folder(options.out, preset, fold, limit), preset, fold, limit or None, options.steps
        )
        return
    write_data(options.data, options.out)
    wanted = [(p, f, n) for n in options.limits for f in range(options.folds) for p in options.presets]

    def train(job: tuple[str, int, int]) -> None:
        preset, fold, limit = job
        if (run_folder(options.out, *job) / "result.json").exists():
            return
        words = [
            sys.executable,
            __file__,
            str(options.data),
            "--out",
            str(options.out),
            "--one",
            preset,
            str(fold),
            str(limit),
        ]
        words += ["--steps", str(options.steps)] if options.steps else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        log = options.out / f"{preset}-{fold}-{limit}.log"
        with log.open("w") as stream:
            done = subprocess.run(words, env=environment, stdout=stream, stderr=stream, check=False)
        print(
            f"{preset} fold {fold}" + (f" limit {limit}" if limit else ""),
            "done" if not done.returncode else f"failed, see {log}",
            flush=True,
        )

    with ThreadPoolExecutor(options.parallel) as pool:
        list(pool.map(train, wanted))
    columns = ("preset", "training images", "tested", "mean px", "median px", "mean / disagreement")
    columns += ("median / disagreement", f"> {CENSORED:g} px", "core min per fold", "steps")
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for limit in options.limits:
        for preset in options.presets:
            files = [
                run_folder(options.out, preset, fold, limit) / "result.json" for fold in range(options.folds)
            ]
            results = [json.loads(file.read_text()) for file in files if file.exists()]
            if results:
                row = summary(results)
                print(
                    f"| {preset} | {limit or 'all'} | {row['images']} | {row['mean']:.2f} | "
                    f"{row['median']:.2f} | "
                    f"{row['mean ratio']:.3f} | {row['median ratio']:.3f} | {100 * row['lost']:.1f} % | "
                    f"{row['core minutes']:.1f} | {row['steps']} |"
                )


def run_folder(out: Path, preset: str, fold: int, limit: int) -> Path:
    """Where a training is kept; limit 0 is all images."""
    return out / f"{preset}-fold{fold}" if not limit else out / f"{preset}-fold{fold}-{limit}"


def _table(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    return {row[0]: np.array([float(v) if v else np.nan for v in row[1:]]).reshape(-1, 2) for row in rows}


if __name__ == "__main__":
    main()
