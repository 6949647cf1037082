"""Synthetic scans per second, against Blender's Cycles rendering one such silhouette.

Ours: drawing and posing a body, its landmarks, and both views with both depth maps at 76 x 160, all of it
anew for every body. Blender's: one silhouette of the same size of a body that was posed before, its vertices
set and rendered with one sample per pixel and no bounces, everything else kept from picture to picture. The
claim is a ratio of at least 20 in images. Printed beside it: the ratio with one of our scans, two views and
all, counted as one image; and Blender rendering an unchanged scene again, which makes no new data.

    python Testing/Benchmarks/benchmark_synthesis.py
    python Testing/Benchmarks/benchmark_synthesis.py --blender /path/to/python-with-bpy

bpy (pip install bpy) exists for one version of Python per release, so it may live in an environment of its
own; without it the ratio is to the reference of 55 images/s, and says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REFERENCE = 55.0
ROWS, COLUMNS = 160, 76

# Runs in the interpreter that has bpy, which brings its own libraries: nothing of ours is imported there.
BLENDER = """
import json, sys, time
import bpy, numpy as np
path, rows, columns, seconds, threads = sys.argv[1], *map(int, sys.argv[2:6])
mesh = np.load(path)
vertices, faces = mesh["vertices"] / 1000.0, mesh["faces"]
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
data = bpy.data.meshes.new("body")
data.from_pydata(vertices.tolist(), [], faces.tolist())
body = bpy.data.objects.new("body", data)
scene.collection.objects.link(body)
material = bpy.data.materials.new("white")
material.use_nodes = True
nodes = material.node_tree.nodes
nodes.clear()
emission, output = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
material.node_tree.links.new(emission.outputs[0], output.inputs[0])
data.materials.append(material)
low, high = vertices.min(0), vertices.max(0)
camera = bpy.data.cameras.new("camera")
camera.type, camera.ortho_scale = "ORTHO", float(1.02 * (high[2] - low[2]))
eye = bpy.data.objects.new("eye", camera)
eye.location = ((low[0] + high[0]) / 2, high[1] + 1.0, (low[2] + high[2]) / 2)
eye.rotation_euler = (np.pi / 2, 0, np.pi)  # looks to posterior, head up
scene.collection.objects.link(eye)
scene.camera = eye
scene.world = bpy.data.worlds.new("black")
scene.world.color = (0, 0, 0)
render, cycles = scene.render, scene.cycles
render.engine, cycles.device, cycles.samples = "CYCLES", "CPU", 1
cycles.use_adaptive_sampling = cycles.use_denoising = False
cycles.max_bounces, cycles.pixel_filter_type = 0, "BOX"
render.resolution_x, render.resolution_y, render.resolution_percentage = columns, rows, 100
render.use_persistent_data, render.use_compositing, render.use_sequencer = True, False, False
if threads:
    render.threads_mode, render.threads = "FIXED", threads
render.image_settings.file_format, render.filepath = "BMP", path + ".bmp"
bpy.ops.render.render(write_still=True)
picture = bpy.data.images.load(path + ".bmp")
pixels = np.array(picture.pixels[:]).reshape(rows, columns, -1)[..., :3].mean(-1)
def measure(before):
    count, start, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        before()
        bpy.ops.render.render(write_still=False)
        count += 1
    return count / (time.perf_counter() - start), 1e3 * (time.process_time() - used) / count
def new_body():
    data.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    data.update()
answer = {"new": measure(new_body), "same": measure(lambda: None), "covered": float((pixels > 0.5).mean())}
print("\\n" + json.dumps({**answer, "version": bpy.app.version_string, "faces": len(faces)}))
"""


def ours(seconds: float, batch_size: int) -> tuple[float, float]:
    """Synthetic scans per second, and milliseconds of all cores per scan."""
    from LandmarkDetectionLib.io.protocols import load_protocol
    from LandmarkDetectionLib.synthesis.body.stream import UNIT_SIZE, BodyStream

    names = tuple(load_protocol("whole-body").names)
    stream = BodyStream(names, seed=0, batch_size=batch_size, framing=UNIT_SIZE)
    stream.batch(0)  # compiles
    count, start, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        count += 1
        batch = stream.batch(count)
    rate = count * batch_size / (time.perf_counter() - start)
    cpu = 1e3 * (time.process_time() - used) / (count * batch_size)
    assert batch.coronal.front.shape == batch.lateral.front.shape == (batch_size, ROWS, COLUMNS)
    return rate, cpu


def one_body(path: Path) -> None:
    """The mesh of one posed adult as the stream draws it."""
    import numpy as np

    from LandmarkDetectionLib.synthesis.body.model import load_body_model
    from LandmarkDetectionLib.synthesis.body.population import draw_bodies

    model = load_body_model()
    bodies = draw_bodies(model, 1, np.random.default_rng(0))
    with path.open("wb") as file:
        np.savez(file, vertices=bodies.vertices[0], faces=model.faces)


def blender(interpreter: str, seconds: float, threads: int) -> dict[str, Any]:
    """What Blender says of itself; runs in a process of its own.

    Raises
    ------
    RuntimeError
        When the process fails or renders nothing like a body.
    """
    with tempfile.TemporaryDirectory() as folder:
        mesh = Path(folder) / "body.npz"
        one_body(mesh)
        numbers = map(str, (ROWS, COLUMNS, round(seconds), threads))
        command = [interpreter, "-c", BLENDER, str(mesh), *numbers]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"Blender failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    answer = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"new"')))
    if not 0.05 < answer["covered"] < 0.8:
        raise RuntimeError(f"Blender's picture shows no body: {100 * answer['covered']:.0f} % is covered")
    return dict(answer)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="of each measurement (default: %(default)s)"
    )
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=0, help="for both; 0: all cores (default)")
    parser.add_argument("--blender", metavar="PYTHON", help="an interpreter that has bpy (default: this one)")
    options = parser.parse_args()

    import numba

    from LandmarkDetectionLib.errors import LandmarkDetectionError

    if options.threads:
        numba.set_num_threads(options.threads)
    try:
        rate, cpu = ours(options.seconds, options.batch_size)
    except LandmarkDetectionError as error:
        print(f"Skipped: {error}")
        return 0
    threads = numba.get_num_threads()
    print(f"{COLUMNS} x {ROWS} pixels, {threads} threads")
    print(f"{'':68s}{'per second':>12s}{'CPU ms each':>14s}")
    print(f"{'scans: posing, landmarks, two views with depths':68s}{rate:12.1f}{cpu:14.2f}")
    print(f"{'images of those scans':68s}{2 * rate:12.1f}{cpu / 2:14.2f}")
    interpreter = options.blender or (sys.executable if importlib.util.find_spec("bpy") else None)
    print(f"{'  on free cores, from their CPU time, at most':68s}{1e3 * threads / cpu:12.1f}")
    if interpreter:
        other = blender(interpreter, options.seconds, options.threads)
        label = f"Blender {other['version']} Cycles, {other['faces']} faces, "
        for kind, text in (("new", "a silhouette of new vertices"), ("same", "the same silhouette again")):
            print(f"{label + text:68s}{other[kind][0]:12.1f}{other[kind][1]:14.2f}")
        theirs = other["new"][0]
    else:
        theirs = REFERENCE
        print(f"{'Blender Cycles, REFERENCE value, not measured here':68s}{theirs:12.1f}")
    print(f"images / Blender's silhouettes: {2 * rate / theirs:.1f} (claimed: at least 20)")
    print(f"scans, of two images each, / Blender's silhouettes: {rate / theirs:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
