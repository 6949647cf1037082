"""Time of every step of a detection, and its memory: under 1 s after loading, on 2 cores.

    python Testing/Benchmarks/benchmark_detection.py
    python Testing/Benchmarks/benchmark_detection.py scan.nii.gz --model whole-body-ct --depth lateral

"After loading" is everything but reading the file and loading the model. The first detection of a process
also compiles or loads compiled code and is shown by itself; the others are the fastest of some repeats.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmark_projection import extra_memory

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.io.volumes import read_volume

REPOSITORY = Path(__file__).resolve().parents[2]
SCAN = REPOSITORY.parent / "shared" / "data" / "whole_body" / "female_ct.nii.gz"
LOADING = "load model"
CLAIM_S = 1.0


def after_loading(seconds: dict[str, float]) -> float:
    """Seconds of a detection without the loading of the model."""
    return sum(duration for name, duration in seconds.items() if name != LOADING)


def measure(volume: Volume, run: Callable[[Volume], Detection], repeats: int) -> None:
    """Print the steps of one volume's detection."""
    first = run(volume).seconds
    best = min((run(volume).seconds for _ in range(repeats)), key=after_loading)
    memory = extra_memory(lambda: run(volume))
    size = volume.voxels.nbytes
    print(f"{volume.name}, {' x '.join(map(str, volume.size))} voxels, {size / 2**20:.0f} MiB")
    print(f"  {'':28s}{'first':>10s}{'fastest of ' + str(repeats):>16s}")
    for name in best:
        print(f"  {name:28s}{first[name]:8.3f} s{best[name]:14.3f} s")
    total = after_loading(best)
    print(f"  {'after loading':28s}{after_loading(first):8.3f} s{total:14.3f} s")
    print(f"  {total / CLAIM_S:.2f} of the claimed {CLAIM_S:g} s")
    share = 100 * memory / size
    print(f"  memory rises by {memory / 2**20:.0f} MiB during a detection, {share:.0f} % of the volume")


def main() -> int:
    """Print a table per volume."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "scans", nargs="*", type=Path, help=f"volumes (default: {SCAN.name} where it is there)"
    )
    parser.add_argument("--model", default="whole-body-ct", help="name or folder (default: %(default)s)")
    parser.add_argument("--depth", choices=("mean", "network", "lateral"), help="default: the model's")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of torch and numba (default: %(default)s)")
    parser.add_argument(
        "--spacing", type=float, default=3.0, help="mm, of the phantom (default: %(default)s)"
    )
    parser.add_argument("--no-phantom", action="store_true", help="only the scans")
    options = parser.parse_args()

    start = time.perf_counter()
    import numba
    import torch

    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.models import load_model

    print(f"importing torch and the library: {time.perf_counter() - start:.2f} s")
    threads = min(options.threads, numba.config.NUMBA_NUM_THREADS)
    numba.set_num_threads(threads)
    torch.set_num_threads(threads)
    try:
        model = load_model(options.model)
        run = partial(detect, model=model, depth=options.depth)
        print(f"{model.name} {model.version}, {threads} threads")
        if not options.no_phantom:
            from LandmarkDetectionLib.synthesis.body.phantom import make_phantom

            measure(make_phantom(0, options.spacing)[0], run, options.repeats)
        scans = options.scans or ([SCAN] if SCAN.exists() else [])
        if not scans:
            print(f"Skipped the real scan: {SCAN} is not here, and no other was given.")
        for path in scans:
            start = time.perf_counter()
            volume = read_volume(path)
            print(f"reading {path.name}: {time.perf_counter() - start:.2f} s")
            measure(volume, run, options.repeats)
    except LandmarkDetectionError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
