"""Time and memory of the projection against one ``numpy.max`` over the same array, measured in one run.

Usage: python Testing/Benchmarks/benchmark_projection.py [--repeats 5] [--volume FILE]
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import numpy as np

from LandmarkDetectionLib.kernels import thread_count
from LandmarkDetectionLib.projection import project_along_axis, project_body
from LandmarkDetectionLib.volume import Volume, read_volume

SHAPE = (1000, 512, 512)


def resident_bytes() -> int:
    """Return the memory of this process now (Linux; 0 elsewhere)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def extra_memory(work: Callable[[], object]) -> int:
    """Return the highest resident memory during ``work`` above what it was before, sampled every millisecond."""
    before, done = resident_bytes(), Event()
    highest = [before]

    def watch() -> None:
        while not done.wait(0.001):
            highest[0] = max(highest[0], resident_bytes())

    watcher = Thread(target=watch)
    watcher.start()
    result = work()
    highest[0] = max(highest[0], resident_bytes())  # what the result itself holds
    done.set()
    watcher.join()
    del result
    return highest[0] - before


def best_time(work: Callable[[], object], repeats: int) -> float:
    """Return the shortest of some runs in seconds, after one run that compiles and warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def cylinder_volume() -> Volume:
    """Return 512 x 512 x 1000 int16 of a noisy elliptic body in air, 0.9 x 0.9 x 1.5 mm."""
    generator = np.random.default_rng(0)
    j, i = np.mgrid[: SHAPE[1], : SHAPE[2]] - 256
    body = ((i / 200) ** 2 + (j / 130) ** 2 < 1) * 1040 - 1000
    noise = generator.normal(0, 20, SHAPE[1:])
    voxels = np.empty(SHAPE, np.int16)
    for k in range(SHAPE[0]):
        voxels[k] = body + np.roll(noise, k * 7919)
    return Volume(voxels, np.diag([0.9, 0.9, 1.5, 1.0]), "CT", "cylinder")


def report(name: str, seconds: float, memory: int, reference: float, size: int) -> None:
    """Print one line of the table."""
    print(f"{name:38s} {seconds * 1e3:9.1f} ms {seconds / reference:8.2f}x {100 * memory / size:8.2f} %")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--volume", type=Path, help="also time project_body on this file")
    options = parser.parse_args()

    volume = cylinder_volume()
    voxels = volume.voxels
    size = voxels.nbytes
    print(f"{SHAPE[2]} x {SHAPE[1]} x {SHAPE[0]} int16, {size / 2**20:.0f} MiB, {thread_count()} threads")
    print(f"{'':38s} {'time':>12s} {'/ max':>9s} {'extra memory':>10s}")
    reference = best_time(voxels.max, options.repeats)
    report("numpy.max", reference, 0, reference, size)
    for axis, name in enumerate(("S", "A", "R")):

        def work(axis: int = axis) -> object:
            return project_along_axis(voxels, axis, -400.0)

        seconds = best_time(work, options.repeats)
        report(f"silhouette, count, depth along {name}", seconds, extra_memory(work), reference, size)
    for name, subject in (("project_body", volume), ("project_body of --volume", options.volume)):
        if subject is None:
            continue
        subject = subject if isinstance(subject, Volume) else read_volume(subject)
        seconds = best_time(lambda subject=subject: project_body(subject), max(2, options.repeats // 2))
        memory = extra_memory(lambda subject=subject: project_body(subject))
        report(name, seconds, memory, reference, subject.voxels.nbytes)


if __name__ == "__main__":
    main()
