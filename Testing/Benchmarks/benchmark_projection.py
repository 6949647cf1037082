"""Time and memory of the projection against one ``numpy.max`` over the same array, measured in one run.

Usage: python Testing/Benchmarks/benchmark_projection.py [--repeats 5] [--volume FILE]
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Thread

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body.projection import project_body
from LandmarkDetectionLib.imaging.voxel_loops import thread_count
from LandmarkDetectionLib.io.volumes import read_volume

SHAPE = (1000, 512, 512)


def resident_bytes() -> int:
    """Return the memory of this process now (Linux; 0 elsewhere)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def extra_memory(work: Callable[[], object]) -> int:
    """Return how far resident memory rises during ``work``, looked at every millisecond."""
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


def best_times(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """Return the shortest time of each in seconds; they take turns, so that other load meets all of them."""
    for work in works:  # compiles and warms up
        work()
    times = np.full((repeats, len(works)), np.inf)
    for repeat in range(repeats):
        for n, work in enumerate(works):
            start = time.perf_counter()
            work()
            times[repeat, n] = time.perf_counter() - start
    return times.min(axis=0).tolist()


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
    works: dict[str, tuple[Callable[[], object], int]] = {"numpy.max": (voxels.max, size)}
    works["project_body"] = (partial(project_body, volume), size)
    if options.volume:
        real = read_volume(options.volume)
        works[f"project_body of {real.name}"] = (partial(project_body, real), real.voxels.nbytes)
    seconds = best_times([work for work, _ in works.values()], options.repeats)
    for (name, (work, nbytes)), duration in zip(works.items(), seconds, strict=True):
        memory = 100 * extra_memory(work) / nbytes
        print(f"{name:38s} {duration * 1e3:9.1f} ms {duration / seconds[0]:8.2f}x {memory:8.2f} %")


if __name__ == "__main__":
    main()
