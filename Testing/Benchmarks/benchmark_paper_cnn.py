"""Training throughput of the paper's CNN from the generator, against the same tensors in memory.

Both run the library's training loop with the paper's settings (96 x 96 hands, batches of 100, SGD with
momentum 0.9): once on batches that are drawn on the way, in a thread of their own, and once in plain PyTorch
(a loop written out below) on batches that were drawn before and lie in memory as float tensors. They take
turns, so that whatever else the machine does meets both, and the median of the rounds is compared.

The claim is a ratio of at least 0.8.

    python Testing/Benchmarks/benchmark_paper_cnn.py
    python Testing/Benchmarks/benchmark_paper_cnn.py --region body --device cuda --steps 200
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN
from LandmarkDetectionLib.study.fit_arrays import fit_network
from LandmarkDetectionLib.study.regions import SyntheticSource, find_region
from LandmarkDetectionLib.study.schedules import PAPER_SYNTHETIC

BATCH = 100


def plain_pytorch(network: Any, batches: list[tuple[Any, Any]], device: str) -> float:
    """Seconds of one epoch over tensors in memory."""
    import torch

    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    network.train()
    started = time.perf_counter()
    for images, targets in batches:
        optimiser.zero_grad()
        loss = 0.5 * ((network(images) - targets) ** 2).sum(1).mean()
        loss.backward()
        optimiser.step()
    _wait(device)
    return time.perf_counter() - started


def from_generator(network: Any, source: SyntheticSource, device: str) -> float:
    """Seconds of one epoch of the library's loop on a stream."""
    started = time.perf_counter()
    fit_network(network, source, PAPER_SYNTHETIC.model_copy(update={"epochs": 1}), device=device, ahead=True)
    _wait(device)
    return time.perf_counter() - started


def generator_alone(source: SyntheticSource) -> float:
    """Seconds of drawing one epoch."""
    started = time.perf_counter()
    for number in range(source.per_epoch):
        source.batch(number)
    return time.perf_counter() - started


def _wait(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()


def main() -> None:
    """Measure and print."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--region", choices=("hand", "body"), default="hand")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=10, help="batches of 100 in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    region, device = find_region(arguments.region), arguments.device
    source = SyntheticSource(region, region.landmarks, 1, BATCH, region.shape, arguments.steps)
    network = RegressionCNN(2 * len(region.landmarks), *region.shape)
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    drawn = [source.batch(number) for number in range(arguments.steps)]
    memory = [
        (
            torch.from_numpy(images).float()[:, None].to(device, memory_format=torch.channels_last),
            torch.from_numpy(targets).to(device),
        )
        for images, targets in drawn
    ]
    plain_pytorch(network, memory[:2], device)  # warm-up
    seconds: dict[str, list[float]] = {"plain": [], "generator": [], "drawing": []}
    for _ in range(arguments.rounds):
        seconds["plain"].append(plain_pytorch(network, memory, device))
        seconds["generator"].append(from_generator(network, source, device))
        seconds["drawing"].append(generator_alone(source))
    count = BATCH * arguments.steps
    rate = {name: count / statistics.median(values) for name, values in seconds.items()}
    ratio = statistics.median(
        plain / drawn for plain, drawn in zip(seconds["plain"], seconds["generator"], strict=True)
    )
    result = {
        "region": arguments.region,
        "device": device,
        "threads": torch.get_num_threads(),
        "images/s in memory": round(rate["plain"], 1),
        "images/s from the generator": round(rate["generator"], 1),
        "images/s drawn alone": round(rate["drawing"], 1),
        "ratio": round(ratio, 3),
    }
    if arguments.json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key}: {value}")
    print(f"claim (at least 0.8): {'holds' if ratio >= 0.8 else 'does not hold'}")


if __name__ == "__main__":
    main()
