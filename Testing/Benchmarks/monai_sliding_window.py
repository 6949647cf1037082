"""Our sliding window beside MONAI's PatchInferer with a merger of ours, in one run: results, memory, time.

    python Testing/Benchmarks/monai_sliding_window.py
    python Testing/Benchmarks/monai_sliding_window.py --size 512 512 600 --landmarks 12 --patch 96

Both look at a generated image with the same small network, patches and weights. MONAI's SlidingWindowSplitter
cuts the patches, and PatchInferer runs the network; the merger keeps what landmarks need and nothing else, as
ours does. For comparison MONAI's own AvgMerger keeps all heatmaps. Each way runs in a process of its own, for
its peak of memory. Needs the extra `monai`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

WAYS = ("ours", "PatchInferer, merger of ours", "PatchInferer, AvgMerger")
RADIUS, OVERLAP = 8, 0.5


def network(landmarks: int) -> Any:
    """A small fully convolutional network with fixed weights."""
    import torch

    from LandmarkDetectionLib.networks.architectures import build_network

    torch.manual_seed(1)
    made: Any = build_network(
        "fully_convolutional", landmarks=landmarks, dimensions=3, channels=[4, 6], dropout=0.0
    )
    return made.eval()


def image_of(size: tuple[int, ...]) -> np.ndarray:
    """(1, *size) float32 noise in which every landmark of an untrained network has a highest place."""
    rng = np.random.default_rng(3)
    image = np.empty((1, *size), np.float32)
    for plane in image[0]:
        plane[:] = rng.standard_normal(plane.shape, dtype=np.float32)
    return image


def by_patch_inferer(image: np.ndarray, net: Any, patch: tuple[int, ...], keep_all: bool) -> Any:
    """The highest places by MONAI, blended with our weights; or, with all heatmaps kept, by its mean."""
    import torch
    from monai.inferers import AvgMerger, Merger, PatchInferer, SlidingWindowSplitter

    from LandmarkDetectionLib.heatmaps.sliding_window import _Kept, _patches_along

    size = image.shape[1:]
    axes = [dict(_patches_along(n, t, OVERLAP, net)) for n, t in zip(size, patch, strict=True)]

    class PeakMerger(Merger):
        """Blends patches in slabs, in the order in which the splitter gives them, and keeps peaks."""

        def __init__(self, merged_shape: Any, cropped_shape: Any = None, device: Any = None) -> None:
            super().__init__(merged_shape, cropped_shape, device)
            self.kept = _Kept(net.landmarks, size, RADIUS)
            self.starts = list(axes[0])
            self.pending = np.zeros((net.landmarks, patch[0], *size[1:]), np.float32)
            self.tail = np.zeros((net.landmarks, 0, *size[1:]), np.float32)
            self.start = 0

        def aggregate(self, values: torch.Tensor, location: Any) -> None:
            if location[0] != self.start:
                self.flush(int(location[0]))
            part = values[0].cpu().numpy().copy()
            for axis, start in enumerate(location):
                part *= axes[axis][int(start)].reshape(-1, *(1,) * (2 - axis))
            fits = [min(t, n - s) for t, n, s in zip(patch[1:], size[1:], location[1:], strict=True)]
            where = tuple(slice(s, s + n) for s, n in zip(location[1:], fits, strict=True))
            self.pending[(slice(None), slice(None), *where)] += part[:, :, : fits[0], : fits[1]]

        def flush(self, end: int, last: bool = False) -> None:
            final = self.pending[:, : end - self.start]
            self.kept.mass += np.maximum(final, 0).sum(axis=(2, 3), dtype=np.float64).sum(axis=1)
            block = np.concatenate([self.tail, final], axis=1)
            low = self.start - self.tail.shape[1]
            self.kept.add_peaks(block, low, end, last)
            self.tail = block[:, max(self.kept.searched - 2 * RADIUS - low, 0) :].copy()
            moved = np.zeros_like(self.pending)
            moved[:, : patch[0] - (end - self.start)] = self.pending[:, end - self.start :]
            self.pending, self.start = moved, end

        def finalize(self) -> Any:
            self.flush(size[0], last=True)
            return self.kept.peaks(1)

    inferer = PatchInferer(
        SlidingWindowSplitter(patch, overlap=OVERLAP), AvgMerger if keep_all else PeakMerger
    )
    with torch.inference_mode():
        found = inferer(torch.from_numpy(image)[None], lambda x: net(x).heatmaps)
    if not keep_all:
        return found
    flat = found[0].reshape(net.landmarks, -1)
    return np.stack(np.unravel_index(flat.argmax(dim=1).numpy(), size)[::-1], axis=1)


def measure(way: str, size: tuple[int, ...], patch: tuple[int, ...], landmarks: int) -> dict[str, Any]:
    """One way: seconds, memory beyond the image, the highest places."""
    import torch

    from LandmarkDetectionLib.heatmaps.sliding_window import sliding_window_peaks

    torch.set_num_threads(1)
    net, image = network(landmarks), image_of(size)
    if way != WAYS[0]:
        import monai.inferers  # noqa: F401
    by_way = {
        WAYS[0]: lambda: sliding_window_peaks(image, net, patch, overlap=OVERLAP, radius=RADIUS),
        WAYS[1]: lambda: by_patch_inferer(image, net, patch, False),
        WAYS[2]: lambda: by_patch_inferer(image, net, patch, True),
    }
    net(torch.zeros(1, 1, *patch))
    before, used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = by_way[way]()
    used = time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    exact = [] if way == WAYS[2] else [found.window.tobytes().hex(), found.mass.tobytes().hex()]
    places = found if way == WAYS[2] else found.highest()
    digest = hashlib.sha256(json.dumps(exact).encode()).hexdigest()[:12] if exact else ""
    return {
        "way": way,
        "processor s": round(used, 2),
        "memory beside the image, MB": round(peak / 1e3),
        "places": np.asarray(places).astype(int).tolist(),
        "heatmaps about them": digest,
    }


def main() -> None:
    """Run each way, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, nargs=3, default=[160, 144, 128])
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--landmarks", type=int, default=12)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size, patch = tuple(options.size), (options.patch,) * 3
    if options.way:
        print(json.dumps(measure(options.way, size, patch, options.landmarks)))
        return
    rows = []
    for way in WAYS:
        answer = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--way", way],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        rows.append(dict(json.loads(answer.stdout.splitlines()[-1])))
    first = rows[0]
    print("| way | seconds, as a multiple of ours | memory beside the image, MB | same heatmaps |")
    print("|---|---|---|---|")
    for row in rows:
        times = row["processor s"] / first["processor s"]
        same = "yes" if row["heatmaps about them"] == first["heatmaps about them"] else "other weights"
        print(f"| {row['way']} | {times:.2f} | {row['memory beside the image, MB']} | {same} |")


if __name__ == "__main__":
    main()
