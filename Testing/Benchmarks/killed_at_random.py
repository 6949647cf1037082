"""Kill the process at random moments, while it saves annotations and while it fine-tunes: is anything lost?

    python Testing/Benchmarks/killed_at_random.py --kills 20

Half of the kills hit a process that saves one annotation after the other, half one that fine-tunes a small
model of the tests; the moments are drawn by the seed, of a fine-tuning as shares of its progress, so that
reading, learning, comparing and installing are all hit. After each, every annotation that was acknowledged
must be there and readable, and the model in use whole. At the end both are allowed to finish.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

SAVE = """
import sys
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.datasets.datalist import read_datalist
from Testing.examples.store_cases import save_case
store, data = AnnotationStore(sys.argv[1]), read_datalist(sys.argv[2], missing="allow")
print("ready", flush=True)
for case in data:
    print(save_case(store, case, reviewer=sys.argv[3]).id, flush=True)
"""
LEARN = """
import sys
from LandmarkDetectionLib.training.finetuning.finetune import fine_tune
print("ready", flush=True)
done = fine_tune(
    sys.argv[1], sys.argv[2], steps=60, device="cpu",
    changes={"checkpoint_minutes": 0.001}, progress=lambda share, text: print(f"{share:.4f}", flush=True),
)
print(done.comparison.sentence(), flush=True)
"""


def start(program: str, *words: str) -> subprocess.Popen[str]:
    """Start a process and wait until its packages are loaded."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def killed(process: subprocess.Popen[str], after: float) -> list[str]:
    """Kill a process after so many seconds, and give what it had said."""
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    return process.communicate()[0].split("\n")


def killed_at(process: subprocess.Popen[str], share: float) -> str:
    """Kill a process when its progress reaches a share; how far it had come, or ``done``."""
    assert process.stdout is not None
    reached = "0"
    for line in process.stdout:
        reached = line.strip()
        if reached.startswith("The") or float(reached) >= share:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return "done" if reached.startswith("The") else f"{100 * float(reached):.0f} %"


def main() -> None:
    """Kill, look, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="killed-"))
    os.environ["LANDMARK_DETECTION_MODELS"] = str(work / "models")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from LandmarkDetectionLib.datasets.annotations import AnnotationStore, read_store
    from LandmarkDetectionLib.models import load_model, model_versions, validate_model
    from Testing.examples.fine_tuning_cases import NAME, install_blob_model, make_data, make_store

    rng = np.random.default_rng(options.seed)
    data = make_data(work / "data")
    install_blob_model(data, work / "run")
    shutil.rmtree(work / "models" / ".learned-from")
    store = AnnotationStore(work / "killed")
    acknowledged: set[str] = set()
    began = time.monotonic()
    whole = start(SAVE, str(work / "whole"), str(data.path), "nobody")
    whole.communicate()
    duration = time.monotonic() - began
    for number in range(options.kills // 2):
        process = start(SAVE, str(store.path), str(data.path), f"person {number}")
        said = killed(process, rng.uniform(0, 0.6 * duration))
        acknowledged |= {line for line in said if line}
        kept = {one.id for one in store.history()} if store.path.exists() else set()
        assert acknowledged <= kept, f"lost: {sorted(acknowledged - kept)}"
    print(
        f"{options.kills // 2} kills while saving: {len(acknowledged)} acknowledged, none lost.", flush=True
    )
    start(SAVE, str(store.path), str(data.path), "the last").communicate()
    print(f"The store is a sound data set of {len(read_store(store.path))} images.", flush=True)

    corrections = make_store(data, work / "corrections", shift_mm=2.0)
    states = []
    for _ in range(options.kills - options.kills // 2):
        share = rng.uniform(0, 1.0) if rng.uniform() < 0.6 else rng.uniform(0.89, 1.0)
        reached = killed_at(start(LEARN, NAME, str(corrections.path)), share)
        broken = [problem for one in model_versions(NAME) for problem in validate_model(one.path)]
        assert not broken, broken
        load_model(NAME).build_networks()
        states.append(f"{reached}: {load_model(NAME).version}")
    print(f"{len(states)} kills while fine-tuning, and the version in use: {'; '.join(states)}.", flush=True)
    print(start(LEARN, NAME, str(corrections.path)).communicate()[0].strip().splitlines()[-1])
    print(f"In use at the end: {load_model(NAME).version}; every version is whole.")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
