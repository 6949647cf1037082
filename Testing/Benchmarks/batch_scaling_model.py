"""What a cohort of 10,000 volumes of 500 MB takes on 1, 10 and 100 workers, and what limits it.

::

    python Testing/Benchmarks/batch_scaling_model.py --steps runs/cohort/steps.json
    python Testing/Benchmarks/batch_scaling_model.py --measure 500 --out runs/steps.json

``--measure MB`` makes one volume of that size, runs ``processing.process`` on it in this process and keeps
the seconds of every step, and the processor's seconds of all, which do not depend on what else runs;
``--steps`` takes such a file. The model then lets workers, each with two cases at work and one core, take
cases from one queue. A case reads its bytes from storage that all share equally (at most ``--link`` for
one), then computes on its worker's core; hashing, decoding and writing results are computing, and the second
look at the bytes comes from the worker's own memory. The client needs ``--client`` seconds for each case, one
after the other: an assumption. Every case varies by a log-normal factor with a spread of 30 %. Nothing here
is measured on a cluster.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import numpy as np  # noqa: E402


@dataclass
class Site:
    """A place to compute."""

    workers: int
    storage_mb_s: float
    link_mb_s: float
    client_s: float
    threads: int = 2


def simulate(site: Site, cases: int, mb: float, compute_s: float, seed: int = 1) -> dict[str, float]:
    """Hours of a cohort, and how busy cores, storage and client were."""
    generator = np.random.default_rng(seed)
    factors = generator.lognormal(-0.5 * 0.3**2, 0.3, cases)
    now, client_free, served = 0.0, 0.0, 0
    # What is left to read by case, in MB; cores with the time they are free; what happens next.
    reading: dict[int, float] = {}
    waiting: dict[int, list[int]] = {worker: [] for worker in range(site.workers)}
    busy_core: dict[int, int | None] = dict.fromkeys(range(site.workers))
    happening: list[tuple[float, int, str, int]] = []
    core_seconds = storage_seconds = client_seconds = 0.0
    ended = 0

    def hand_out(worker: int) -> None:
        nonlocal served, client_free, client_seconds
        if served < cases:
            client_free = max(client_free, now) + site.client_s
            client_seconds += site.client_s
            heapq.heappush(happening, (client_free, served, "read", worker))
            served += 1

    def compute(worker: int) -> None:
        nonlocal core_seconds
        if busy_core[worker] is None and waiting[worker]:
            case = waiting[worker].pop(0)
            busy_core[worker] = case
            seconds = compute_s * factors[case]
            core_seconds += seconds
            heapq.heappush(happening, (now + seconds, case, "computed", worker))

    worker_of: dict[int, int] = {}
    for _ in range(site.threads):
        for worker in range(site.workers):
            hand_out(worker)
    while ended < cases:
        rate = min(site.link_mb_s, site.storage_mb_s / len(reading)) if reading else 0.0
        first = min(reading, key=reading.__getitem__) if reading else None
        read_at = now + reading[first] / rate if first is not None else float("inf")
        next_at = happening[0][0] if happening else float("inf")
        passed = min(read_at, next_at) - now
        if reading:
            storage_seconds += passed * rate * len(reading) / site.storage_mb_s
            reading = {case: left - passed * rate for case, left in reading.items()}
        now += passed
        if read_at <= next_at and first is not None:
            del reading[first]
            waiting[worker_of[first]].append(first)
            compute(worker_of[first])
            continue
        _, case, what, worker = heapq.heappop(happening)
        if what == "read":
            worker_of[case] = worker
            reading[case] = mb * factors[case]
        else:
            ended += 1
            busy_core[worker] = None
            hand_out(worker)
            compute(worker)
    return {
        "hours": now / 3600,
        "cases_a_minute": 60 * cases / now,
        "cores": core_seconds / now / site.workers,
        "storage": storage_seconds / now,
        "client": client_seconds / now,
    }


def bottleneck(figures: dict[str, float]) -> str:
    """What was busiest."""
    return max(("cores", "storage", "client"), key=lambda name: figures[name])


def measure(mb: float, model: str) -> dict[str, float]:
    """Seconds of every step for one volume of a size, once everything is loaded."""
    from body_phantom import phantom

    from LandmarkDetectionLib.cohort.results.records import CohortSettings, read_case, write_settings
    from LandmarkDetectionLib.cohort.run.plan import Job, Plan, plan_models
    from LandmarkDetectionLib.cohort.run.processing import process
    from LandmarkDetectionLib.cohort.sources.case_source import image_file
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.io.volumes import write_volume

    coarse = phantom(spacing=(8.0,) * 3)
    factor = (mb * 1e6 / 2 / coarse.voxels.size) ** (1 / 3)
    size = [round(n * factor) for n in coarse.voxels.shape]
    picks = [
        np.linspace(0, n - 1, m).round().astype(int) for n, m in zip(coarse.voxels.shape, size, strict=True)
    ]
    matrix = coarse.ijk_to_ras.copy()
    matrix[:3, :3] = matrix[:3, :3] / factor
    volume = Volume(coarse.voxels[np.ix_(*picks)], matrix, "CT")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "out").mkdir()
        models = plan_models([model])
        write_settings(folder / "out", CohortSettings(tuple(one.settings for one in models)))
        plan = Plan(folder / "out", models, device="cpu", threads=1)
        for number in range(2):  # the first one loads and compiles
            path = folder / f"{number}.nii"
            write_volume(Volume(volume.voxels + np.int16(number), matrix, "CT"), path)
            started = time.process_time()
            process(plan, Job(f"c{number}", image_file(path, folder)))
            whole = time.process_time() - started
        seconds = dict(read_case(plan.folder, "c1").outcomes[0].seconds)
    return {**seconds, "whole": whole, "mb": mb}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", type=float, metavar="MB")
    parser.add_argument("--model", default="whole-body-ct")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=Path)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument(
        "--storage", type=float, nargs="+", default=[200.0, 1000.0, 5000.0], help="MB/s, shared"
    )
    parser.add_argument("--link", type=float, default=1000.0, help="MB/s of one worker")
    parser.add_argument("--client", type=float, default=0.005, help="seconds of the client a case")
    options = parser.parse_args()
    if options.measure:
        steps = measure(options.measure, options.model)
        print(json.dumps(steps, indent=1))
        if options.out:
            options.out.write_text(json.dumps(steps, indent=1))
    elif options.steps:
        steps = json.loads(options.steps.read_text())
    else:
        parser.error("give --steps or --measure")
    mb, compute = steps["mb"], steps["whole"]
    print(
        f"{options.cases} cases of {mb:g} MB, {compute:.2f} s of one core each, "
        f"{options.client * 1e3:g} ms of the client"
    )
    print("| storage MB/s | workers | hours | cases a minute | cores | storage | client | limited by |")
    print("|---|---|---|---|---|---|---|---|")
    for storage in options.storage:
        for workers in (1, 10, 100):
            site = Site(workers, storage, options.link, options.client)
            figures = simulate(site, options.cases, mb, compute)
            busy = " | ".join(f"{100 * figures[name]:.0f} %" for name in ("cores", "storage", "client"))
            print(
                f"| {storage:g} | {workers} | {figures['hours']:.1f} | {figures['cases_a_minute']:.0f} | "
                f"{busy} | {bottleneck(figures)} |"
            )


if __name__ == "__main__":
    main()
