"""How fast voxels reach a worker elsewhere, relative to copying the same bytes over the same kind of socket.

The volume is the sample that ships, repeated with noise of 8 HU, since real voxels do not repeat. It is
handed to a server (as of `landmark-detection serve`, in a process of its own) by what the panel starts for
it, until the server answers the next message; the copy goes from a file into a file of another process, too.
Both take turns, which is first changing each time: their ratio counts on a machine with other work, and so
does the processor time of both ends. Loopback is so fast that packing does not pay, which the sender finds
out by itself; `--always-pack` shows what it would cost, and below which speed of a line it pays.

    python Testing/Benchmarks/remote_worker.py --megabytes 500 --repeat 5
"""

from __future__ import annotations

import argparse
import filecmp
import multiprocessing
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.remote import wire as wire_module
from LandmarkDetectionLib.remote.client import Bridge, Elsewhere
from LandmarkDetectionLib.remote.server import Server
from LandmarkDetectionLib.remote.wire import THREADS
from LandmarkDetectionLib.requests import VolumeMessage

BLOCK = 1 << 20
TOKEN = "of-the-benchmark-alone"
PLACE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


class Taken(NamedTuple):
    """On one way: seconds, those of the processors at both ends, and bytes sent."""

    seconds: float
    processor: float
    sent: int


def main() -> None:
    """Print a table of what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=500, help="size of the volume (default: 500)")
    parser.add_argument("--repeat", type=int, default=5, help="turns of either way (default: 5)")
    parser.add_argument("--always-pack", action="store_true", help="pack whatever the line does")
    options = parser.parse_args()
    if options.always_pack:
        wire_module.saves_time = lambda *_: True
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "voxels.raw")
        size = _write_voxels(source, options.megabytes * 1_000_000)
        ways = [_copied, _handed_over]
        turns: list[dict[Callable[[Path, int], Taken], Taken]] = []
        for _ in range(options.repeat):
            turns.append({way: way(source, size) for way in ways})
            ways.reverse()
    copied = [turn[_copied] for turn in turns]
    handed = [turn[_handed_over] for turn in turns]
    sent = handed[0].sent
    shares = sorted(copy.seconds / other.seconds for copy, other in zip(copied, handed, strict=True))
    print(f"{size / 1e6:.0f} MB, {options.repeat} turns, {THREADS} threads at either end")
    for name, taken in (("bytes as they are", copied), ("voxels handed over", handed)):
        seconds = statistics.median(one.seconds for one in taken)
        processor = statistics.median(one.processor for one in taken)
        print(f"{name:22} {size / seconds / 1e6:8.0f} MB/s, {processor:.2f} s of the processors")
    print(f"throughput of the copy {statistics.median(shares):8.2f} in the median, {shares[0]:.2f} at worst")
    print(f"bytes on the way       {sent / 1e6:8.0f} MB, {size / sent:.2f} times fewer")
    if options.always_pack:
        plain, wire = (statistics.median(one.seconds for one in taken) for taken in (copied, handed))
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


def _copied(source: Path, size: int) -> Taken:
    """A copy by blocks, into a file of another process."""
    target = source.with_name("copied.raw")
    near, other = _started(_receive, target, size)
    with socket.create_connection(("127.0.0.1", near.recv())) as channel, source.open("rb") as stream:
        start, before = time.perf_counter(), time.process_time()
        while block := stream.read(BLOCK):
            channel.sendall(block)
        channel.recv(1)
        seconds, processor = time.perf_counter() - start, time.process_time() - before
    processor += near.recv()
    other.join()
    _checked(source, target)
    return Taken(seconds, processor, size)


def _receive(pipe: Connection, target: Path, size: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        channel, _ = listener.accept()
    before = time.process_time()
    with channel, target.open("wb") as stream:
        left = size
        while left:
            block = channel.recv(min(left, BLOCK))
            stream.write(block)
            left -= len(block)
        stream.flush()
        channel.sendall(b"1")
    pipe.send(time.process_time() - before)


def _handed_over(source: Path, size: int) -> Taken:
    """As the panel hands a volume over, to a server in another process."""
    folder = source.with_name("served")
    folder.mkdir(exist_ok=True)
    near, other = _started(_serve, folder, size)
    bridge = Bridge(Elsewhere(f"127.0.0.1:{near.recv()}", TOKEN), lambda _: None)
    wire = bridge._connected()
    counted = _Counted(wire.channel)
    wire.channel = counted  # type: ignore[assignment]
    near.send("begin")
    start, before, there = time.perf_counter(), time.process_time(), near.recv()
    bridge._hand_over(
        wire, VolumeMessage(file=str(source), dtype="<i2", shape=(1, 1, size // 2), ijk_to_ras=PLACE)
    )
    wire.send({"do": "nothing", "id": 1})
    wire.receive()  # that there is no such request: the voxels have arrived
    seconds, processor = time.perf_counter() - start, time.process_time() - before
    near.send("end")
    processor += near.recv() - there
    _checked(source, next(folder.rglob("*.raw")))
    bridge._drop()
    near.send("close")
    other.join()
    return Taken(seconds, processor, counted.sent)


def _serve(pipe: Connection, folder: Path, size: int) -> None:
    tempfile.tempdir = str(folder)
    server = Server("127.0.0.1", 0, TOKEN)
    thread = threading.Thread(target=server.serve)
    thread.start()
    pipe.send(server.port)
    while pipe.recv() != "close":
        pipe.send(time.process_time())
    server.close()
    thread.join()


def _started(work: Callable[[Connection, Path, int], None], path: Path, size: int) -> tuple[Connection, Any]:
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    other = context.Process(target=work, args=(far, path, size))
    other.start()
    return near, other


def _checked(source: Path, arrived: Path) -> None:
    if not filecmp.cmp(source, arrived, shallow=False):
        sys.exit("The voxels did not arrive as they were.")
    arrived.unlink()


class _Counted:
    """A socket that counts what it sends."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel, self.sent = channel, 0

    def sendall(self, content: bytes) -> None:
        self.sent += len(content)
        self._channel.sendall(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


if __name__ == "__main__":
    main()
