"""A cohort of generated cases through ``landmark-detection batch``: is all done, how fast, in what memory.

::

    python Testing/Benchmarks/batch_cohort.py --out runs/cohort --cases 1000

Cases are coarse bodies of capsules, each moved and with noise of its own, as NIfTI, NRRD, MetaImage and
DICOM series; 3 % are damaged in one of six ways. The same detection is timed in other ways on some good
cases: the command ``detect`` once per case, and a loop in one Python process that has everything loaded, with
one thread and with all. The loop with one thread is the sum of the single steps. As many of these loops side
by side as there are workers are the best that can be: cores share memory and often more.

It prints, and writes to ``figures.json``: whether every good case is done and every bad one listed with its
reason; cases a minute; the memory of all processes over time; the ratios.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, median

os.environ.setdefault("MPLBACKEND", "Agg")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import numpy as np  # noqa: E402

from LandmarkDetectionLib.core.volume import Volume  # noqa: E402
from LandmarkDetectionLib.io.volumes import write_dicom, write_volume  # noqa: E402

FORMATS = ("nii.gz", "nrrd", "mha", "nii", "dicom")
DAMAGES = ("truncated", "empty", "text", "nan", "slice missing", "flat")
COMMAND = [sys.executable, "-m", "LandmarkDetectionLib"]


def generate(folder: Path, count: int, spacing: float, damaged: float) -> dict[str, str]:
    """Write the cases; returns the damage by name, "" for good ones."""
    from body_phantom import curved_table, phantom

    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(7)
    body = phantom(curved_table, spacing=(spacing,) * 3, noise=0.0)
    bad = set(generator.choice(count, round(damaged * count), replace=False).tolist())
    damages: dict[str, str] = {}
    for number in range(count):
        name, kind = f"case_{number:05d}", FORMATS[number % len(FORMATS)]
        damage = DAMAGES[len([n for n in bad if n < number]) % len(DAMAGES)] if number in bad else ""
        if damage == "slice missing":
            kind = "dicom"
        elif damage and kind == "dicom":
            kind = "nrrd"
        damages[name] = damage
        matrix = body.ijk_to_ras.copy()
        matrix[:3, 3] += generator.uniform(-100, 100, 3)
        voxels = body.voxels + generator.normal(0, 15, body.voxels.shape).astype(np.int16)
        write_case(Volume(voxels, matrix, "CT", name), folder, name, kind, damage)
    return damages


def write_case(volume: Volume, folder: Path, name: str, kind: str, damage: str) -> None:
    """Write one case in its format, damaged as said."""
    if kind == "dicom":
        write_dicom(volume, folder / name)
        if damage:
            sorted((folder / name).iterdir())[volume.shape[0] // 2].unlink()
        return
    path = folder / f"{name}.{'nii' if damage == 'nan' else kind}"
    if damage == "nan":
        voxels = volume.voxels.astype(np.float32)
        voxels[5, 5, 5] = np.nan
        volume = Volume(voxels, volume.ijk_to_ras)
    elif damage == "flat":
        volume = Volume(np.zeros_like(volume.voxels), volume.ijk_to_ras)
    write_volume(volume, path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("this is no image\n" * 50)


class Memory(threading.Thread):
    """Samples the memory of a process and all its children, in MB (PSS: shared pages count once)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.samples, self.cpu = pid, [], 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        import psutil

        started = time.monotonic()
        while not self.ended.wait(1.0):
            total, cpu = 0.0, 0.0
            try:
                processes = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
            except psutil.Error:
                break
            for process in processes:
                try:
                    total += process.memory_full_info().pss / 1e6
                    times = process.cpu_times()
                    cpu += times.user + times.system
                except psutil.Error:
                    continue
            self.cpu = max(self.cpu, cpu)
            self.samples.append((time.monotonic() - started, total))


def run_batch(source: Path, out: Path, arguments: list[str]) -> dict:
    """Run the command and follow its events."""
    words = [*COMMAND, "batch", str(source), "--out", str(out), "--progress", "json", *arguments]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment())
    memory = Memory(process.pid)
    memory.start()
    events, begun = [], time.monotonic()
    assert process.stdout is not None
    for line in process.stdout:
        events.append((time.monotonic() - begun, json.loads(line)))
    code = process.wait()
    memory.ended.set()
    cases = [moment for moment, event in events if event["event"] == "case"]
    return {
        "exit_code": code,
        "seconds": time.monotonic() - begun,
        "seconds_to_first": cases[0] if cases else None,
        "steady_rate": (len(cases) - len(cases) // 10) / (cases[-1] - cases[len(cases) // 10 - 1])
        if len(cases) > 20
        else None,
        "cpu_seconds": memory.cpu,
        "end": events[-1][1],
        "memory": memory.samples,
    }


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def time_commands(paths: list[Path], model: str, out: Path, pictures: bool) -> list[float]:
    """Wall seconds of the command ``detect`` with the outputs of ``batch``, by case."""
    seconds = []
    for path in paths:
        words = [*COMMAND, "detect", str(path), "--model", model, "--quiet", "-o", str(out / "x.mrk.json")]
        words += ["-o", str(out / "x.json"), *(["--overlay", str(out / "x.png")] if pictures else [])]
        start = time.monotonic()
        subprocess.run(words, cwd=ROOT, check=True, env=environment(), stderr=subprocess.DEVNULL)
        seconds.append(time.monotonic() - start)
    return seconds


LOOP = """
import json, sys, time
from pathlib import Path
out, model, threads, pictures, *paths = sys.argv[1:]
import torch
if int(threads): torch.set_num_threads(int(threads))
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.reporting.overlay import write_overlay
from LandmarkDetectionLib.measurement import Frame, measure
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.io.volumes import read_volume
package, out = load_model(model), Path(out)
wall, cpu = [], []
for path in [paths[0], *paths]:
    start, busy = time.monotonic(), time.process_time()
    volume = read_volume(path)
    seen = analyse(volume, package)
    found = seen.detection
    measure(found.landmarks, package.protocol, Frame.of(volume, package.protocol.view))
    write_detection(found, out / "y.mrk.json")
    write_detection(found, out / "y.json")
    if int(pictures):
        write_overlay(found, seen.views, package.protocol, out / "y.png")
    wall.append(time.monotonic() - start)
    cpu.append(time.process_time() - busy)
print(json.dumps([wall[1:], cpu[1:]]))
"""


def time_loop(
    paths: list[Path], model: str, out: Path, threads: int, pictures: bool
) -> tuple[list[float], list[float]]:
    """Wall and processor seconds of a loop in one process, by case, after one that warms up."""
    words = [sys.executable, "-c", LOOP, str(out), model, str(threads), str(int(pictures)), *map(str, paths)]
    env = environment()
    if threads:
        env["OMP_NUM_THREADS"] = str(threads)
    else:
        env.pop("OMP_NUM_THREADS", None)
    ended = subprocess.run(words, cwd=ROOT, check=True, env=env, capture_output=True, text=True)
    wall, cpu = json.loads(ended.stdout)
    return wall, cpu


def check(out: Path, source: Path, damages: dict[str, str]) -> dict:
    """Whether every case ended as it must; names are known because the benchmark keeps identifiers."""
    with (out / "results.csv").open() as file:
        done = {Path(row["source"].partition("::")[0]).name.partition(".")[0] for row in csv.DictReader(file)}
    with (out / "failures.csv").open() as file:
        failed = {
            Path(row["source"].partition("::")[0]).name.partition(".")[0]: row["reason"]
            for row in csv.DictReader(file)
        }
    good = {name for name, damage in damages.items() if not damage}
    bad = set(damages) - good
    return {
        "good": len(good),
        "good_done": len(good & done),
        "bad": len(bad),
        "bad_listed": len([name for name in bad if failed.get(name)]),
        "wrong": sorted((done & bad) | (set(failed) & good))[:10],
        "reasons": {damages[name]: failed[name] for name in sorted(bad & set(failed))},
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--spacing", type=float, default=12.0, help="voxel size in mm")
    parser.add_argument("--model", default="whole-body-ct")
    parser.add_argument("--timed", type=int, default=10, help="cases that are timed one by one")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--no-pictures", dest="pictures", action="store_false", help="draw none, in any way")
    options = parser.parse_args()
    source, out = options.out / "source", options.out / "results"
    (options.out / "single").mkdir(parents=True, exist_ok=True)
    damages = generate(source, options.cases, options.spacing, 0.03)
    good = [name for name, damage in damages.items() if not damage]
    chosen = [next(source.glob(f"{name}*")) for name in good[: options.timed]]
    single = options.out / "single"
    before = time_loop(chosen, options.model, single, 1, options.pictures)
    arguments = ["--model", options.model, "--keep-identifiers", "--workers", str(options.workers)]
    arguments += [] if options.pictures else ["--no-pictures"]
    result = run_batch(source, out, [*arguments, "--threads", str(options.threads)])
    after = time_loop(chosen, options.model, single, 1, options.pictures)
    with ThreadPoolExecutor(options.workers) as pool:
        beside = list(
            pool.map(
                lambda n: time_loop(chosen, options.model, _made(single / str(n)), 1, options.pictures)[0],
                range(options.workers),
            )
        )
    free = time_loop(chosen, options.model, single, 0, options.pictures)
    commands = time_commands(chosen[: max(3, options.timed // 3)], options.model, single, options.pictures)
    again = run_batch(source, out, arguments)
    samples = result.pop("memory")
    again.pop("memory")
    loop = median(before[0] + after[0])
    shared = median([seconds for one in beside for seconds in one])
    settled = [value for moment, value in samples if moment > samples[-1][0] * 0.2]
    figures = {
        "cases": options.cases,
        "spacing_mm": options.spacing,
        "checks": check(out, source, damages),
        "batch": result,
        "again_without_work_seconds": again["seconds"],
        "cases_a_minute": 60 * options.cases / result["seconds"],
        "loop_seconds": {"one_thread": loop, "all_threads": median(free[0]), "side_by_side": shared},
        "loop_cpu_seconds": mean(before[1] + after[1]),
        "command_seconds": median(commands),
        "speed_over_command": median(commands) * options.cases / result["seconds"],
        "speed_over_loop_of_one_thread": loop * options.cases / result["seconds"],
        "speed_over_loop_of_all_threads": median(free[0]) * options.cases / result["seconds"],
        "share_of_the_best": (result["steady_rate"] or 0) * shared / options.workers,
        "share_of_undisturbed_cores": (result["steady_rate"] or 0) * loop / options.workers,
        "cpu_seconds_a_case": result["cpu_seconds"] / options.cases,
        "memory_mb": {
            "highest": max(value for _, value in samples),
            "first_fifth_after_start": mean(settled[: max(1, len(settled) // 4)]),
            "last_fifth": mean(settled[-max(1, len(settled) // 4) :]),
        },
    }
    (options.out / "figures.json").write_text(json.dumps({**figures, "memory": samples}, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
