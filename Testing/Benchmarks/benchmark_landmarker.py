"""Our lite SpatialConfiguration-Net against landmarker (PyPI), trained on the same radiographs for as long.

DATA is the folder that `cephalograms.py` describes. Ours is its fold 0, trained there unless OUT holds it
already; landmarker then gets as many seconds of one processor core as that training took, for the same
training images; both find the landmarks of the same images held out. The truth is the mean of both raters,
errors are in pixels of the images as they are, also as a ratio to the raters' disagreement on them.

landmarker is used as its example for cephalograms shows: LandmarkDataset with MONAI augmentations, heatmap
generator with learnable sigma, L2 loss, local soft-argmax. The example trains the original SCN of 6.2 million
weights by SGD for 30,000 steps of 512 x 512 on a GPU (`--peer example`); in minutes of a core it learns
nothing. The row that counts is the best of what it offers otherwise at 320 x 256: its strided SCN (`light`)
or its original SCN with 32 filters (`narrow`), both with Adam. It may live in an environment of its own:

    python -m venv peer && peer/bin/pip install landmarker==0.4.1
    python Testing/Benchmarks/benchmark_landmarker.py DATA --out runs/ceph --landmarker peer/bin/python
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

#: Rows and columns that landmarker works at.
SHAPE = (320, 256)
VERSION = "0.4.1"
RATES = {"light": 3e-4, "narrow": 3e-4, "example": 1e-6}

# Runs in the interpreter that has landmarker: nothing of ours is imported there.
PEER = r"""
import json, sys, time
import numpy as np, torch
from monai.transforms import (Compose, RandAdjustContrastd, RandAffined, RandGaussianNoised,
                              RandHistogramShiftd, RandScaleIntensityd, ScaleIntensityd)
from landmarker.data.landmark_dataset import LandmarkDataset
from landmarker.heatmap.decoder import heatmap_to_coord
from landmarker.heatmap.generator import GaussianHeatmapGenerator
from landmarker.losses import GaussianHeatmapL2Loss
from landmarker.models import OriginalSpatialConfigurationNet, SpatialConfigurationNet

folder, variant, seconds, threads, seed, rows, columns, rate = sys.argv[1:9]
seconds, rate, shape = float(seconds), float(rate), (int(rows), int(columns))
torch.set_num_threads(int(threads)); torch.manual_seed(int(seed)); np.random.seed(int(seed))
data = np.load(folder + "/data.npz")
images, points, test = data["images"], data["points"], data["test"]
count = points.shape[1]
key = ("image",)
# The example's own transforms; only its UseOnlyFirstChannel is left out, as the images have one channel.
train_transform = Compose([
    ScaleIntensityd(key), RandGaussianNoised(key, prob=0.2, mean=0, std=0.1),
    RandScaleIntensityd(key, factors=0.25, prob=0.2), RandAdjustContrastd(key, prob=0.2, gamma=(0.5, 4.5)),
    RandHistogramShiftd(key, prob=0.2), ScaleIntensityd(key),
    RandAffined(key, prob=1, rotate_range=(-np.pi / 12, np.pi / 12), translate_range=(-10, 10),
                scale_range=(-0.1, 0.1), shear_range=(-0.1, 0.1)),
]).set_random_state(int(seed))
def dataset(index, transform):
    chosen = [torch.from_numpy(images[n]).float()[None] for n in index]
    return LandmarkDataset(chosen, points[index][..., ::-1].copy(), spatial_dims=2, transform=transform,
                           dim_img=shape)
numbers = np.arange(len(images))
train = dataset(np.setdiff1d(numbers, test), train_transform)
held_out = dataset(test, Compose([ScaleIntensityd(key)]))
generator = GaussianHeatmapGenerator(nb_landmarks=count, sigmas=3, gamma=100, heatmap_size=shape,
                                     learnable=True)
if variant == "example":
    model = OriginalSpatialConfigurationNet(in_channels=1, out_channels=count)
elif variant == "narrow":
    model = OriginalSpatialConfigurationNet(in_channels=1, out_channels=count, la_channels=32, sp_channels=32,
                                            la_dropout=0.0)
else:
    model = SpatialConfigurationNet(2, 1, count, la_channels=(32, 32, 64, 64), sp_channels=32)
generator_parameters = [generator.sigmas, generator.rotation]
if variant == "example":
    optimiser = torch.optim.SGD([{"params": model.parameters(), "weight_decay": 1e-3},
                                 {"params": generator_parameters}], lr=1e-6, momentum=0.99, nesterov=True)
else:
    optimiser = torch.optim.Adam([{"params": model.parameters()},
                                  {"params": generator_parameters, "lr": 1e-3}], lr=rate)
first_rates = [group["lr"] for group in optimiser.param_groups]
criterion = GaussianHeatmapL2Loss(alpha=5)
loader = torch.utils.data.DataLoader(train, batch_size=1, shuffle=True, num_workers=0)
def used():
    return time.process_time()
started, wall, steps, losses = used(), time.perf_counter(), 0, []
model.train()
while used() - started < seconds:
    for batch in loader:
        done = (used() - started) / seconds
        if done >= 1:
            break
        for group, first in zip(optimiser.param_groups, first_rates):
            # The example lowers its rate when a validation set no longer improves; here in the last third.
            group["lr"] = first * min(1.0, 3 * (1 - done) + 0.02) if variant != "example" else first
        heatmaps = generator(batch["landmark"])
        heatmaps = torch.nan_to_num(heatmaps)
        optimiser.zero_grad()
        loss = criterion(model(batch["image"].as_tensor()), generator.sigmas, heatmaps)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10000.0)
        optimiser.step()
        steps += 1; losses.append(float(loss.detach()))
        if steps % 200 == 0:
            print(f"landmarker {variant}: step {steps}, loss {np.mean(losses[-200:]):.0f}",
                  file=sys.stderr, flush=True)
trained = used() - started
model.eval()
found, predicting = [], used()
with torch.no_grad():
    for n, item in enumerate(held_out):
        if n == len(test):
            break
        heatmap = model(item["image"][None].as_tensor())
        found.append(heatmap_to_coord(heatmap, method="local_soft_argmax")[0].numpy()[:, ::-1])
predicting = (used() - predicting) / len(test)
# Their resizing, backwards: outer faces coincide, padding is on both sides.
padding = np.array([p.numpy() for p in held_out.paddings])[:, ::-1]
size = np.array([images[n].shape[::-1] for n in test], float)
scale = np.array(shape[::-1]) / (size + 2 * padding)
# Pixel centres: their landmarks are scaled as pixel indices, without the half pixel.
found = np.array(found) / scale[:, None] - padding[:, None]
np.save(folder + "/found.npy", found)
print(json.dumps({"steps": steps, "seconds": trained, "weights": sum(p.numel() for p in model.parameters()),
                  "seconds per image": predicting}))
"""


def ours(options: argparse.Namespace) -> dict[str, Any]:
    """Fold 0 of `cephalograms.py`: core minutes, steps, and errors by image."""
    script = Path(__file__).with_name("cephalograms.py")
    words = [str(options.data), "--out", str(options.out), "--presets", options.preset, "--folds", "1"]
    words += ["--steps", str(options.steps)] if options.steps else []
    subprocess.run([sys.executable, str(script), *words], stdout=sys.stderr, check=True)
    file = options.out / f"{options.preset}-fold0" / "result.json"
    return dict(json.loads(file.read_text()))


def read_cases(out: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, images (N, rows, columns) uint8, and (raters, N, landmarks, 2) pixels of the cases."""
    from PIL import Image

    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.datasets.raters import case_landmarks

    datalist = read_datalist(out / "data" / "datalist.json", missing="allow")
    images = np.stack([np.array(Image.open(case.images[0]).convert("L")) for case in datalist])
    # Pictures lie with x to the left and y to the back.
    points = np.stack([case_landmarks(case, datalist.landmark_names, "all") for case in datalist], axis=1)
    return [case.name for case in datalist], images, -points[..., :2]


def peer(
    options: argparse.Namespace, images: np.ndarray, truth: np.ndarray, test: np.ndarray, seconds: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """Train landmarker for so many core seconds; landmarks (test, landmarks, 2) in the images held out."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "data.npz", images=images, points=truth, test=test)
        rate = options.peer_rate or RATES[options.peer]
        words = [folder, options.peer, seconds, 1, options.seed, *SHAPE, rate]
        answer = subprocess.run(
            [options.landmarker, "-c", PEER, *map(str, words)], stdout=subprocess.PIPE, text=True, check=True
        )
        return np.load(Path(folder) / "found.npy"), json.loads(answer.stdout.splitlines()[-1])


def row(method: str, error: np.ndarray, apart: np.ndarray, seconds: float, steps: int) -> dict[str, Any]:
    """Errors and times of one method."""
    return {
        "method": method,
        "images": len(error),
        "mean px": round(float(np.nanmean(error)), 2),
        "median px": round(float(np.nanmedian(error)), 2),
        "mean / disagreement": round(float(np.nanmean(error) / np.nanmean(apart)), 3),
        "median / disagreement": round(float(np.nanmedian(error) / np.nanmedian(apart)), 3),
        "core min": round(seconds / 60, 1),
        "steps": steps,
        "core s per step": round(seconds / steps, 3),
    }


def main() -> None:
    """Train what is missing of ours, then landmarker for as long; print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with images/ and rater*_px.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of runs of cephalograms.py")
    parser.add_argument("--preset", default="scn-lite")
    parser.add_argument("--steps", type=int, help="of ours, instead of the preset's")
    parser.add_argument("--landmarker", default=sys.executable, help=f"Python that has landmarker {VERSION}")
    parser.add_argument("--peer", choices=tuple(RATES), default="light")
    parser.add_argument("--peer-rate", type=float, default=0.0, help="learning rate; 0 is the variant's own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    result = ours(options)
    seconds = 60 * result["core_minutes"]
    names, images, raters = read_cases(options.out)
    test = np.array([names.index(record["image"]) for record in result["records"]])
    apart = np.linalg.norm(raters[0] - raters[1], axis=-1)[test]
    truth = np.nanmean(raters, axis=0)
    found, extra = peer(options, images, truth, test, seconds)
    errors = (
        np.array([record["error"] for record in result["records"]], float),
        np.linalg.norm(found - truth[test], axis=-1),
    )
    rows = [
        row(f"ours ({options.preset})", errors[0], apart, seconds, result["steps"]),
        row(f"landmarker {VERSION} ({options.peer})", errors[1], apart, extra["seconds"], extra["steps"]),
    ]
    if options.json:
        print(json.dumps(rows))
        return
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for one in rows:
        print(f"| {' | '.join(map(str, one.values()))} |")
    ratio = rows[0]["mean px"] / rows[1]["mean px"]
    holds = "holds" if ratio < 1 else "does not hold"
    print(f"claim (ours has the smaller mean error): {holds}, {ratio:.2f} of landmarker's")
    sys.exit(0 if ratio < 1 else 1)


if __name__ == "__main__":
    main()
