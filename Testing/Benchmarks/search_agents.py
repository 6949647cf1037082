"""Search agents beside heatmap networks on generated heads: error, misses, absence, time and memory.

    python Testing/Benchmarks/search_agents.py --out runs/heads --minutes 15
    python Testing/Benchmarks/search_agents.py --out runs/heads --only absence ablation
    python Testing/Benchmarks/search_agents.py --out runs/heads --only large

Heads are those of `volumes_3d.py`. Every model is timed on a few steps, trained for as many as fit into its
core minutes with the schedule of a whole training, calibrated on some of the heads of the split train that it
does not learn from, and tested on those of the split test, which nothing else has seen. Then:

- **absence**: the agents search crops of the test heads; recall and precision of saying that a landmark is
  not there (aim 0.98 each), of all landmarks and of those farther from the field's border than two voxels;
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
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import monai_networks
import volumes_3d

AGENT, HEATMAPS = "agent-lite", ("scn-lite", "unet-lite")
PARTS = ("train", "absence", "ablation", "large")
LARGE = volumes_3d.LARGE["512 x 512 x 600"]
AIM_ABSENCE, AIM_RATIO = 0.98, 0.1
#: Nearer to the border than so many voxels the side is told by less than a usual error.
AT_BORDER = 2.0
#: Steps that are timed, after one that is not.
TIMED = 5


def train_agent(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train and package the agents, and measure them on the heads of the split test."""
    from LandmarkDetectionLib.training.agents.package import package_agents
    from LandmarkDetectionLib.training.agents.plan import plan_agents
    from LandmarkDetectionLib.training.agents.train import load_cases, train_agents

    datalist, split, tested = _divided(out)
    run = out / AGENT
    changes: dict[str, Any] = {"validate_every": 100_000}
    if options.cells:
        changes["cells_mm"] = tuple(options.cells)

    def seconds() -> float:
        config = plan_agents(datalist, split, AGENT, changes=changes)
        return agent_seconds(config, load_cases(config, split, run)[0])

    changes["steps"] = options.steps or _steps(run, options.minutes, seconds)
    config = plan_agents(datalist, split, AGENT, changes=changes)
    used = time.process_time()
    train_agents(config, datalist, split, run, device="cpu")
    used = _added(run, time.process_time() - used)
    model = package_agents(run, datalist, split, out / f"model-{AGENT}", name=AGENT)
    return {"preset": AGENT, "steps": config.steps, "core min": used, **tests(model, tested)}


def train_heatmap(out: Path, preset: str, options: argparse.Namespace) -> dict[str, Any]:
    """The same of a heatmap network."""
    from LandmarkDetectionLib.training.supervised.package import package_supervised
    from LandmarkDetectionLib.training.supervised.plan import plan
    from LandmarkDetectionLib.training.supervised.train import load_cases, train_supervised

    datalist, split, tested = _divided(out)
    run = out / preset
    changes: dict[str, Any] = {"validate_every": 100_000}

    def seconds() -> float:
        config = plan(datalist, split, preset, changes=changes)
        return monai_networks.seconds_per_step(config, load_cases(config, split, run)[0])

    changes["steps"] = options.steps or _steps(run, options.minutes, seconds)
    config = plan(datalist, split, preset, changes=changes)
    used = time.process_time()
    train_supervised(config, datalist, split, run, device="cpu")
    used = _added(run, time.process_time() - used)
    model = package_supervised(run, datalist, split, out / f"model-{preset}", name=preset)
    return {"preset": preset, "steps": config.steps, "core min": used, **tests(model, tested)}


def agent_seconds(config: Any, training: Any) -> float:
    """Processor seconds of a step of this training of agents, on this machine."""
    import torch

    from LandmarkDetectionLib.training.agents.task import AgentTask
    from LandmarkDetectionLib.training.agents.world import World

    task = AgentTask(config, World(training, config))
    optimiser = torch.optim.AdamW(task.networks.parameters(), 1e-9)
    for number in range(TIMED + 1):
        if number == 1:
            started = time.process_time()
        boxes, targets = task.prepare(number)
        optimiser.zero_grad()
        sum(task.losses(task(boxes), targets).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    return (time.process_time() - started) / TIMED


def tests(model: Any, cases: Any) -> dict[str, Any]:
    """Errors in voxels of the test heads, and processor time."""
    from LandmarkDetectionLib.detectors.dispatch import detect

    errors, seconds = [], 0.0
    for case in cases:
        volume, truth = case.read_volume(), case.read_landmarks()
        started = time.process_time()
        found = detect(volume, model, device="cpu").landmarks
        seconds += time.process_time() - started
        errors.append(
            [np.linalg.norm(found[one.name].position - one.position) / volume.spacing.mean() for one in truth]
        )
    error = np.array(errors)
    return {
        "heads": len(errors),
        "mean voxels": round(float(np.nanmean(error)), 3),
        "median": round(float(np.nanmedian(error)), 3),
        "largest": round(float(np.nanmax(error)), 2),
        "beyond 4": int((error > 4).sum()),
        "not found": int(np.isnan(error).sum()),
        "ms per landmark": round(1000 * seconds / error.size, 1),
    }


def _divided(out: Path) -> tuple[Any, Any, Any]:
    """All heads, those to learn from and to calibrate on, and those to test on."""
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.synthesis.volume_set import DATALIST
    from LandmarkDetectionLib.training.supervised.plan import divide

    datalist = read_datalist(out / "heads" / DATALIST)
    return datalist, divide(datalist), datalist.of_split("test")


def _steps(run: Path, minutes: float, seconds: Callable[[], float]) -> int:
    """Of a run that has begun, or as many as fit into core minutes."""
    config = run / "config.json"
    if config.is_file():
        return int(json.loads(config.read_text())["steps"])
    run.mkdir(parents=True, exist_ok=True)
    return max(2, int(60 * minutes / seconds()))


def _added(run: Path, seconds: float) -> float:
    """Core minutes of a run, with those of earlier calls that went to its end."""
    file = run / "core_seconds.json"
    total = seconds + (json.loads(file.read_text()) if file.is_file() else 0.0)
    file.write_text(json.dumps(total))
    return round(total / 60, 2)


class Agents:
    """A trained model of agents and the heads it is tested on."""

    def __init__(self, out: Path) -> None:
        from LandmarkDetectionLib.datasets.datalist import read_datalist
        from LandmarkDetectionLib.detectors.search_settings import SearchSettings
        from LandmarkDetectionLib.models import load_model
        from LandmarkDetectionLib.synthesis.volume_set import DATALIST

        self.model = load_model(out / f"model-{AGENT}")
        self.settings = SearchSettings.of(self.model)
        built = self.model.build_networks()
        self.networks = [built[key] for key in self.settings.keys()]
        self.names = self.model.protocol.names
        self.rules = self.settings.rules(self.names)
        cases = read_datalist(out / "heads" / DATALIST).of_split("test")
        self.cases = [(case.read_volume(), case.read_landmarks()) for case in cases]

    def search(self, rules: Any, networks: list[Any], crops: int = 0) -> dict[str, np.ndarray]:
        """Of every landmark in all test heads, or in so many crops of each: what was found.

        ``error`` in voxels, ``depth`` in voxels from the field's border, positive in the field, ``present``
        said, and ``ms`` of the processor, one number.
        """
        from LandmarkDetectionLib.detectors.search_agent import PRESENT_FROM
        from LandmarkDetectionLib.detectors.search_result import find_all
        from LandmarkDetectionLib.imaging.boxes import BoxSource
        from LandmarkDetectionLib.training.agents.cases import drawn_field

        rng = np.random.default_rng(99)
        error, depth, present = [], [], []
        started = time.process_time()
        for volume, truth in self.cases:
            points = np.array([truth[name].position for name in self.names])
            for _ in range(max(1, crops)):
                field = drawn_field(rng, volume.size) if crops else None
                source = BoxSource.of(volume, self.settings.intensity, field)
                found = find_all(networks, source, rules)
                error.append(np.linalg.norm(found.position - points, axis=1) / volume.spacing.mean())
                depth.append(_depth(source, points))
                present.append(found.present >= PRESENT_FROM)
        told = {"error": np.array(error), "depth": np.array(depth), "present": np.array(present)}
        return {**told, "ms": 1000 * (time.process_time() - started) / told["error"].size}


def _depth(source: Any, points: np.ndarray) -> np.ndarray:
    """(L,) voxels from the border of a field, negative outside."""
    ijk = source.volume.ras_to_ijk_points(points)
    within = np.minimum(ijk - (source.field[0] - 0.5), source.field[1] + 0.5 - ijk).min(axis=1)
    return np.where(within > 0, within, -source.beyond(points) / source.volume.spacing.mean())


def errors(told: dict[str, np.ndarray]) -> dict[str, Any]:
    """Of what is there and was found."""
    inside = told["depth"] > 0
    right = told["error"][inside & told["present"]]
    return {
        "mean voxels": round(float(right.mean()), 3),
        "median": round(float(np.median(right)), 3),
        "beyond 4": int((right > 4).sum()),
        "missed": int((inside & ~told["present"]).sum()),
        "of": int(inside.sum()),
        "ms per landmark": round(float(told["ms"]), 1),
    }


def absence(told: dict[str, np.ndarray], apart: float) -> dict[str, Any]:
    """Of landmarks that are farther from the border than so many voxels."""
    counted = np.abs(told["depth"]) > apart
    absent, said = counted & (told["depth"] <= 0), counted & ~told["present"]
    right = int((absent & said).sum())
    return {
        "landmarks": f"all but those within {apart:g} voxels of the border" if apart else "all",
        "there": int((counted & ~absent).sum()),
        "absent": int(absent.sum()),
        "recall": round(right / max(1, int(absent.sum())), 4),
        "precision": round(right / max(1, int(said.sum())), 4),
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

    def row(name: str, rules: Any, networks: list[Any]) -> dict[str, Any]:
        return {"search": name, **errors(agents.search(rules, networks))}

    rows = [row(name, rules, agents.networks) for name, rules in ways.items()]
    for count in range(1, len(agents.networks)):
        rules = replace(one, cells_mm=agents.rules.cells_mm[:count])
        name = f"one agent, only cells of {', '.join(f'{cell:g}' for cell in rules.cells_mm)} mm"
        rows.append(row(name, rules, agents.networks[:count]))
    finest = replace(one, cells_mm=agents.rules.cells_mm[-1:])
    rows.append(row("one agent, only the finest cells", finest, agents.networks[-1:]))
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
    command += ["--minutes", str(options.minutes)]
    command += ["--steps", str(options.steps)] if options.steps else []
    command += ["--cells", *map(str, options.cells)] if options.cells else []
    answer = subprocess.run([*command, *words], stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(answer.stdout.splitlines()[-1]))


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
    parser.add_argument("--minutes", type=float, default=15.0, help="core minutes of each training")
    parser.add_argument("--steps", type=int, help="of every training, instead of minutes")
    parser.add_argument("--cells", type=float, nargs="+", help="mm, coarse to fine; chosen by the data else")
    parser.add_argument("--crops", type=int, default=3, help="of each test head, for absence")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--train", help=argparse.SUPPRESS)
    parser.add_argument("--large", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train or options.large:
        import torch

        torch.set_num_threads(options.threads)
        if options.train == AGENT:
            print(json.dumps(train_agent(options.out, options)))
        elif options.train:
            print(json.dumps(train_heatmap(options.out, options.train, options)))
        else:
            print(json.dumps(large(options.out / f"model-{options.large}")))
        return

    options.out.mkdir(parents=True, exist_ok=True)
    holds = True
    if "train" in options.only:
        if not (options.out / "heads").exists():
            from LandmarkDetectionLib.synthesis.head.volumes import write_volume_set

            write_volume_set(options.out / "heads", options.count)
        volumes_3d._print([_in_a_process(options, "--train", model) for model in options.models])
    if {"absence", "ablation"} & set(options.only):
        agents = Agents(options.out)
        if "absence" in options.only:
            told = agents.search(agents.rules, agents.networks, options.crops)
            rows = [absence(told, apart) for apart in (0.0, AT_BORDER)]
            volumes_3d._print(rows)
            for what in ("recall", "precision"):
                holds &= _claim(f"{what} of absence {AIM_ABSENCE}", rows[0][what] >= AIM_ABSENCE)
        if "ablation" in options.only:
            volumes_3d._print(ablation(agents))
    if "large" in options.only:
        rows = [_in_a_process(options, "--large", model) for model in options.models]
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
