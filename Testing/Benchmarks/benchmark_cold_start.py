"""Processor and wall seconds of a whole command, cold, in two checkouts side by side.

Machines differ and are busy with other things, so only the ratio counts: the two checkouts take turns within
one run, once as the machine is and once while other processes keep every core busy. Both use this interpreter
and its packages; what is in ``OMP_NUM_THREADS`` and the like is taken out first.

    python Testing/Benchmarks/benchmark_cold_start.py OLD_CHECKOUT NEW_CHECKOUT scan.nii.gz --rounds 5
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
CLAIM = 0.6


class Cost(NamedTuple):
    """What one run of the command took, in seconds."""

    processor: float
    wall: float


def run_once(checkout: Path, arguments: list[str]) -> Cost:
    """Run ``detect`` of a checkout in a new process.

    Raises
    ------
    SystemExit
        When the command fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    environment["PYTHONPATH"] = str(checkout.resolve())
    command = [sys.executable, "-m", "LandmarkDetectionLib", "detect", *arguments]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{checkout}: {done.stderr.strip()[-400:]}")
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Other processes that never rest."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()


def compare(old: Path, new: Path, arguments: list[str], rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Processor and wall seconds (rounds, 2) of both, in turns; the first run of each is not counted."""
    for checkout in (old, new):
        run_once(checkout, arguments)
    costs = [[run_once(old, arguments), run_once(new, arguments)] for _ in range(rounds)]
    values = np.array(costs)
    return values[..., 0], values[..., 1]


def main() -> None:
    """Print a table and fail when the claim does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("arguments", nargs="+", help="what follows 'detect'")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--claim", type=float, default=CLAIM, help="largest ratio of processor seconds")
    options = parser.parse_args()
    failed = False
    print(f"{'machine':8} {'seconds':10} {'old':>7} {'new':>7} {'ratio':>7}")
    for name, others in (("as it is", 0), ("busy", 2 * (os.cpu_count() or 1))):
        with busy(others):
            processor, wall = compare(options.old, options.new, options.arguments, options.rounds)
        for kind, values in (("processor", processor), ("wall", wall)):
            old, new = np.median(values, axis=0)
            # Of pairs that ran one after the other, so that a busy spell meets both.
            ratio = float(np.median(values[:, 1] / values[:, 0]))
            print(f"{name:8} {kind:10} {old:7.2f} {new:7.2f} {ratio:7.2f}")
            failed |= kind == "processor" and ratio > options.claim
    if failed:
        sys.exit(f"The new checkout needs more than {options.claim:g} of the old one's processor seconds.")


if __name__ == "__main__":
    main()
