"""Search agents beside heatmap networks on generated heads: error, misses, absence, time and memory.

    python Testing/Benchmarks/search_agents.py --out runs/heads
    python Testing/Benchmarks/search_agents.py --out runs/heads --steps 500 --heatmap-steps 130
    python Testing/Benchmarks/search_agents.py --out runs/heads --only large

Heads, split and heatmap networks are those of `volumes_3d.py`, which this script calls. Every model is
trained by its preset, or for the steps given, and tested on the fifth of the heads that it did not see; core
minutes are those of the processor. Then:

- **absence**: the agents search crops of the test heads; recall and precision of saying that a landmark is
  not there (aim 0.98 each);
- **ablation**: where agents begin, how they stop, how many there are, and which scales they use;
- **large**: one head of 512 x 512 x 600 voxels, each model in a process of its own: time of one landmark by
  agents against the whole volume by the SCN (aim a tenth), and peaks of memory.

Trainings go on where they stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import volumes_3d

AGENT, HEATMAPS = "agent-lite", ("scn-lite", "unet-lite")
PARTS = ("train", "absence", "ablation", "large")
LARGE = volumes_3d.LARGE["512 x 512 x 600"]
AIM_ABSENCE, AIM_RATIO = 0.98, 0.1


def train_agent(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train and package the agents, and measure them on the heads of the split test."""
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.synthesis.head.volumes import DATALIST
    from LandmarkDetectionLib.training.agents.package import package_agents
    from LandmarkDetectionLib.training.agents.plan import plan_agents
    from LandmarkDetectionLib.training.agents.train import train_agents
    from LandmarkDetectionLib.training.supervised.plan import divide

    datalist = read_datalist(out / "heads" / DATALIST)
    split = divide(datalist, "test")
    changes: dict[str, Any] = {"steps": options.steps} if options.steps else {}
    if options.cells:
        changes["cells_mm"] = tuple(options.cells)
    config = plan_agents(datalist, split, AGENT, changes=changes)
    used = time.process_time()
    train_agents(config, datalist, split, out / AGENT, device="cpu")
    used = time.process_time() - used
    model = package_agents(out / AGENT, datalist, split, out / f"model-{AGENT}", name=AGENT)
    errors, seconds = [], 0.0
    for case in split.held_out:
        volume, truth = case.read_volume(), case.read_landmarks()
        started = time.process_time()
        found = detect(volume, model, device="cpu").landmarks
        seconds += time.process_time() - started
        errors.append(
            [np.linalg.norm(found[one.name].position - one.position) / volume.spacing.mean() for one in truth]
        )
    error = np.array(errors)
    return {
        "preset": AGENT,
        "heads learned from": len(split.training),
        "heads tested": len(errors),
        "steps": config.steps,
        "cells": ", ".join(f"{cell:g} mm" for cell in config.cells_mm),
        "mean voxels": round(float(np.nanmean(error)), 3),
        "median voxels": round(float(np.nanmedian(error)), 3),
        "largest voxels": round(float(np.nanmax(error)), 2),
        "not found": int(np.isnan(error).sum()),
        "processor seconds in this run": round(used, 1),
        "processor ms per landmark": round(1000 * seconds / error.size, 1),
    }


class Agents:
    """A trained model of agents and the heads it is tested on."""

    def __init__(self, out: Path) -> None:
        from LandmarkDetectionLib.datasets.datalist import read_datalist
        from LandmarkDetectionLib.detectors.search_settings import SearchSettings
        from LandmarkDetectionLib.models import load_model
        from LandmarkDetectionLib.synthesis.head.volumes import DATALIST

        self.model = load_model(out / f"model-{AGENT}")
        self.settings = SearchSettings.of(self.model)
        built = self.model.build_networks()
        self.networks = [built[key] for key in self.settings.keys()]
        self.names = self.model.protocol.names
        self.rules = self.settings.rules(self.names)
        cases = read_datalist(out / "heads" / DATALIST).of_split("test")
        self.cases = [(case.read_volume(), case.read_landmarks()) for case in cases]

    def search(self, rules: Any, networks: list[Any], crops: int = 0) -> dict[str, Any]:
        """Errors in voxels and absence over all test heads, or so many crops of each."""
        from LandmarkDetectionLib.detectors.search_agent import PRESENT_FROM
        from LandmarkDetectionLib.detectors.search_result import find_all
        from LandmarkDetectionLib.imaging.boxes import BoxSource
        from LandmarkDetectionLib.training.agents.cases import drawn_field

        rng = np.random.default_rng(99)
        error, there, said = [], [], []
        started = time.process_time()
        for volume, truth in self.cases:
            points = np.array([truth[name].position for name in self.names])
            for _ in range(max(1, crops)):
                field = drawn_field(rng, volume.size) if crops else None
                source = BoxSource.of(volume, self.settings.intensity, field)
                found = find_all(networks, source, rules)
                error.append(np.linalg.norm(found.position - points, axis=1) / volume.spacing.mean())
                there.append(source.inside(points))
                said.append(found.present >= PRESENT_FROM)
        seconds = time.process_time() - started
        apart, inside, present = np.array(error), np.array(there), np.array(said)
        right = apart[inside & present]
        absent = int((~inside).sum())
        return {
            "mean voxels": round(float(right.mean()), 3),
            "median voxels": round(float(np.median(right)), 3),
            "beyond 4 voxels": int((right > 4).sum()),
            "missed": int((inside & ~present).sum()),
            "of": int(inside.sum()),
            "absent": absent,
            "absence, recall": round(float((~inside & ~present).sum() / max(1, absent)), 4),
            "absence, precision": round(float((~inside & ~present).sum() / max(1, (~present).sum())), 4),
            "processor ms per landmark": round(1000 * seconds / apart.size, 1),
        }


def ablation(agents: Agents) -> list[dict[str, Any]]:
    """The same networks, searched with in other ways."""
    one = replace(agents.rules, starts=1)
    ways = {
        "as the model does": agents.rules,
        "one agent, from the mean place": one,
        "one agent, from anywhere": replace(one, jitter=None),
        "all agents from anywhere": replace(agents.rules, jitter=None),
        "one agent, stops where it meets its way": replace(one, stop="first repeat"),
        "one agent, 20 steps": replace(one, most_steps=20),
    }
    rows = [{"search": name, **agents.search(rules, agents.networks)} for name, rules in ways.items()]
    for count in range(1, len(agents.networks)):
        rules = replace(one, cells_mm=agents.rules.cells_mm[:count])
        name = f"one agent, only cells of {', '.join(f'{cell:g}' for cell in rules.cells_mm)} mm"
        rows.append({"search": name, **agents.search(rules, agents.networks[:count])})
    finest = replace(one, cells_mm=agents.rules.cells_mm[-1:])
    rows.append({"search": "one agent, only the finest cells", **agents.search(finest, agents.networks[-1:])})
    return rows


def large(path: Path) -> dict[str, Any]:
    """Seconds and peak memory of one detection in the large volume, in this process."""
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.models import load_model

    volume, truth = volumes_3d.large_head(LARGE)
    model = load_model(path)
    small, _ = volumes_3d.large_head((64, 64, 64))
    detect(small, model, device="cpu")  # what is compiled and loaded once
    before = volumes_3d._peak_gb()
    started, used = time.perf_counter(), time.process_time()
    detection = detect(volume, model, device="cpu")
    used, wall = time.process_time() - used, time.perf_counter() - started
    found = detection.landmarks
    errors = [np.linalg.norm(found[one.name].position - one.position) for one in truth]
    looked = detection.seconds.get("search", detection.seconds.get("network", 0.0))
    looked += detection.seconds.get("resample", 0.0) + detection.seconds.get("grey values", 0.0)
    return {
        "model": path.name,
        "mean error mm": round(float(np.nanmean(errors)), 2),
        "not found": int(np.isnan(errors).sum()),
        "seconds": round(wall, 2),
        "of these looking": round(looked, 2),
        "processor seconds": round(used, 2),
        "volume read, GB": round(before, 2),
        "more at the peak, GB": round(volumes_3d._peak_gb() - before, 2),
        "landmarks": len(found),
    }


def _in_a_process(options: argparse.Namespace, *words: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--out", str(options.out), "--threads", str(options.threads)]
    command += ["--steps", str(options.steps)] if options.steps else []
    command += ["--cells", *map(str, options.cells)] if options.cells else []
    answer = subprocess.run([*command, *words], stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(answer.stdout.splitlines()[-1]))


def _heatmap(options: argparse.Namespace, preset: str) -> dict[str, Any]:
    words = ["--train", preset, "--threads", str(options.threads), "--presets", preset]
    words += ["--steps", str(options.heatmap_steps)] if options.heatmap_steps else []
    return volumes_3d._in_a_process(options.out, *words)


def _claim(text: str, holds: bool) -> bool:
    print(f"claim ({text}): {'holds' if holds else 'does not hold'}", flush=True)
    return holds


def main() -> None:
    """Train, measure, print; exit code 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for heads, runs and models")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--models", nargs="+", default=[AGENT, *HEATMAPS])
    parser.add_argument("--count", type=int, default=100, help="heads, a fifth of them for testing")
    parser.add_argument("--steps", type=int, help="of the agents, instead of the preset's")
    parser.add_argument("--heatmap-steps", type=int, help="of the heatmap networks")
    parser.add_argument("--cells", type=float, nargs="+", help="mm, coarse to fine; chosen by the data else")
    parser.add_argument("--crops", type=int, default=3, help="of each test head, for absence")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        import torch

        torch.set_num_threads(options.threads)
        if options.inside == "train":
            print(json.dumps(train_agent(options.out, options)))
        else:
            print(json.dumps(large(options.out / options.inside)))
        return

    options.out.mkdir(parents=True, exist_ok=True)
    holds = True
    if "train" in options.only:
        if not (options.out / "heads").exists():
            from LandmarkDetectionLib.synthesis.head.volumes import write_volume_set

            write_volume_set(options.out / "heads", options.count)
        rows = [
            _in_a_process(options, "--inside", "train") if model == AGENT else _heatmap(options, model)
            for model in options.models
        ]
        volumes_3d._print(rows)
    if {"absence", "ablation"} & set(options.only):
        agents = Agents(options.out)
        if "absence" in options.only:
            told = agents.search(agents.rules, agents.networks, options.crops)
            volumes_3d._print([told])
            for what in ("recall", "precision"):
                holds &= _claim(f"{what} of absence {AIM_ABSENCE}", told[f"absence, {what}"] >= AIM_ABSENCE)
        if "ablation" in options.only:
            volumes_3d._print(ablation(agents))
    if "large" in options.only:
        rows = [_in_a_process(options, "--inside", f"model-{model}") for model in options.models]
        volumes_3d._print(rows)
        of_model = {row["model"]: row for row in rows}
        agent, scn = (of_model.get(f"model-{name}") for name in (AGENT, HEATMAPS[0]))
        if agent and scn:
            each = agent["of these looking"] / agent["landmarks"] / scn["of these looking"]
            print(f"one landmark by agents / whole volume by SCN: {each:.3f}")
            holds &= _claim(f"at most {AIM_RATIO}", each <= AIM_RATIO)
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
