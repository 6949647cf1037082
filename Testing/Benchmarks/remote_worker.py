"""How fast voxels reach a worker elsewhere, relative to copying the same bytes over the same socket.

The volume is the sample that ships, repeated with noise of 8 HU, since real voxels do not repeat. Both ways
end in a file of another process, and take turns. Loopback is so fast that packing does not pay, which the
sender finds out by itself; `--always-pack` shows what it would cost, and below which speed of a line it pays.

    python Testing/Benchmarks/remote_worker.py --megabytes 500
"""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.remote import wire as wire_module
from LandmarkDetectionLib.remote.wire import THREADS, Wire

BLOCK = 1 << 20


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=500, help="size of the volume (default: 500)")
    parser.add_argument("--repeat", type=int, default=3, help="turns of either way (default: 3)")
    parser.add_argument("--always-pack", action="store_true", help="pack whatever the line does")
    options = parser.parse_args()
    if options.always_pack:
        wire_module.saves_time = lambda *_: True
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "voxels.raw")
        size = _write_voxels(source, options.megabytes * 1_000_000)
        copied, packed, sent = [], [], 0
        for _ in range(options.repeat):
            copied.append(_timed(source, Path(folder, "copied.raw"), size, is_packed=False)[0])
            seconds, sent = _timed(source, Path(folder, "packed.raw"), size, is_packed=True)
            packed.append(seconds)
            if Path(folder, "packed.raw").read_bytes() != source.read_bytes():
                sys.exit("The voxels did not arrive as they were.")
    plain, wire = statistics.median(copied), statistics.median(packed)
    print(f"{size / 1e6:.0f} MB, {options.repeat} turns, {THREADS} threads at either end")
    print(f"bytes as they are      {size / plain / 1e6:8.0f} MB/s")
    print(f"voxels as they travel  {size / wire / 1e6:8.0f} MB/s, {plain / wire:.2f} of that")
    print(f"bytes on the way       {sent / 1e6:8.0f} MB, {size / sent:.2f} times fewer")
    if options.always_pack:
        print(
            f"faster over a line of  {8 * (size - sent) / max(wire - plain, 1e-9) / 1e6:8.0f} Mbit/s or less"
        )


def _write_voxels(path: Path, size: int) -> int:
    voxels = read_volume(resource_path("SampleData", "synthetic-body-ct.nrrd")).voxels.astype("<i2").ravel()
    generator = np.random.default_rng(1)
    with path.open("wb") as stream:
        left = size - size % 2
        while left:
            noisy = voxels + generator.normal(0, 8, voxels.size).astype("<i2")
            left -= stream.write(noisy.tobytes()[:left])
    return size - size % 2


def _timed(source: Path, target: Path, size: int, is_packed: bool) -> tuple[float, int]:
    """Seconds until the last byte is in the other process's file, and how many bytes travelled."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (listener.getsockname()[1], str(target), size, is_packed)
        other = multiprocessing.get_context("spawn").Process(target=_receive, args=arguments)
        other.start()
        channel, _ = listener.accept()
    counted = _Counted(channel)
    wire = Wire(channel)
    wire.channel = counted  # type: ignore[assignment]
    start = time.perf_counter()
    with channel, source.open("rb") as stream:
        if is_packed:
            wire.send_file(stream, size, itemsize=2)
        else:
            while block := stream.read(BLOCK):
                counted.sendall(block)
        channel.recv(1)
    seconds = time.perf_counter() - start
    other.join()
    return seconds, counted.sent


class _Counted:
    """A socket that counts what it sends."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel, self.sent = channel, 0

    def sendall(self, content: bytes) -> None:
        self.sent += len(content)
        self._channel.sendall(content)


def _receive(port: int, target: str, size: int, is_packed: bool) -> None:
    with socket.create_connection(("127.0.0.1", port)) as channel, Path(target).open("wb") as stream:
        if is_packed:
            Wire(channel).receive_file(stream, size, itemsize=2)
        else:
            left = size
            while left:
                block = channel.recv(min(left, BLOCK))
                stream.write(block)
                left -= len(block)
        stream.flush()
        channel.sendall(b"1")


if __name__ == "__main__":
    main()
