"""Does a model of 20 cephalograms get better by 10 corrected ones, and is it refused when these are wrong?

    python Testing/Benchmarks/finetune_cephalograms.py DATA --out runs/finetune

DATA as in cephalograms.py, whose folds are used: images of fold 0 are only tested on. Of the others, 20
train the first model and 6 watch it; a simulated reviewer corrects 15 more in an annotation store, every
landmark to the mean of both raters. The store holds 5 of these back, so 10 are learned from. Then the same
with corrections that are wrong by ``--wrong`` pixels in every direction. For comparison the first model also
goes on for as many steps with its own 20 images alone. Everything runs in one process with one thread; what
is finished is not repeated. Errors are pixels of the original images, intervals from resampling images.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from LandmarkDetectionLib.datasets.annotations import AnnotationStore
    from LandmarkDetectionLib.datasets.cases import Case, Datalist
    from LandmarkDetectionLib.models import Model

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

NAME = "ceph"
FIRST, WATCHED, CORRECTED = 20, 6, 15


def core_seconds() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def first_model(cases: list[Case], out: Path, options: argparse.Namespace) -> Model:
    """The model of 20 images, trained once and installed."""
    from LandmarkDetectionLib.datasets.cases import write_datalist
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.errors import ModelError
    from LandmarkDetectionLib.models import load_model
    from LandmarkDetectionLib.training.supervised.model import Lessons, NewModel, make_model

    rows = [
        {
            "image": str(case.image_files[0]),
            "landmarks": {rater: str(file) for rater, file in case.landmarks},
            "subject": case.subject,
            "split": "train" if n < FIRST else "val",
        }
        for n, case in enumerate(cases[: FIRST + WATCHED])
    ]
    file = out / "data" / "first.json"
    write_datalist(rows, file, "First cephalograms", protocol="cephalometric-19")
    try:
        return load_model(f"{NAME}@1.0.0")
    except ModelError:
        make_model(
            read_datalist(file, missing="allow"),
            Lessons(
                options.preset,
                {"steps": options.steps, "validate_every": options.steps},
                shape=options.shape,
            ),
            NewModel(NAME, install=True),
            out / "first",
            run={"device": "cpu"},
        )
        return load_model(f"{NAME}@1.0.0")


def correct(cases: list[Case], model: Model, folder: Path, wrong_px: float = 0.0) -> AnnotationStore:
    """What a reviewer says: the mean of the raters; of cases learned from something wrong, if asked."""
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.datasets.annotations import TRAIN, AnnotationStore
    from LandmarkDetectionLib.datasets.raters import case_landmarks
    from LandmarkDetectionLib.detectors.dispatch import detect

    store, rng = AnnotationStore(folder), np.random.default_rng(0)
    if folder.exists() and len(store.current()) == len(cases):
        return store
    for case in cases:
        volume = case.read_volume()
        prediction = Review.of(detect(volume, model, device="cpu"))
        (truth,) = case_landmarks(case, model.protocol.names, volume=volume)

        def said(off: float, prediction: Review = prediction, truth: np.ndarray = truth) -> Review:
            review = prediction
            for name, place in zip(model.protocol.names, truth, strict=True):
                angle = rng.uniform(0, 2 * np.pi)
                review = review.correct(name, place + off * np.array([np.cos(angle), np.sin(angle), 0]))
            return review

        save = {"protocol": model.protocol, "reviewer": "simulated"}
        kept = store.save(said(0.0), volume, case.image_files[0], **save)
        if wrong_px and kept.split == TRAIN:
            store.save(said(wrong_px), volume, case.image_files[0], **save)
    return store


def test_errors(model: Model, cases: tuple[Case, ...], folder: Path, run: Path | None = None) -> np.ndarray:
    """(cases, landmarks) errors in pixels on images nobody has learned from, of a model or of a run."""
    from LandmarkDetectionLib.training.finetuning.task import FineTuningTask
    from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
    from LandmarkDetectionLib.training.supervised.package import errors_of
    from LandmarkDetectionLib.training.supervised.plan import Split
    from LandmarkDetectionLib.training.supervised.train import load_cases, trained_task

    training: Any = model.metadata["training"]
    config = SupervisedConfig.model_validate({**training, "training_cases": (), "held_back_cases": ()})
    _, prepared = load_cases(config, Split((), cases), folder)
    task = FineTuningTask(config, model).eval() if run is None else trained_task(run)[1]
    return errors_of(task, prepared)


def control(model: Model, datalist: Datalist, out: Path, steps: int) -> Path:
    """The first model, gone on with its own images only, as long and at the rate of a fine-tuning."""
    from LandmarkDetectionLib.training.finetuning.finetune import LEARNING_RATE
    from LandmarkDetectionLib.training.finetuning.task import FineTuningTask
    from LandmarkDetectionLib.training.loop import fit
    from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
    from LandmarkDetectionLib.training.supervised.plan import divide
    from LandmarkDetectionLib.training.supervised.stream import SupervisedStream
    from LandmarkDetectionLib.training.supervised.train import load_cases, mirror_permutation

    training: Any = model.metadata["training"]
    changes = {
        "training_cases": (),
        "held_back_cases": (),
        "steps": steps,
        "learning_rate": LEARNING_RATE * training["learning_rate"],
        "averaging": min(training["averaging"], 1 - 10 / steps),
    }
    config = SupervisedConfig.model_validate({**training, **changes})
    cases, _ = load_cases(config, divide(datalist), out)
    mirror = mirror_permutation(model.protocol, config.landmarks)
    fit(
        config,
        out,
        make_task=lambda: FineTuningTask(config, model),
        stream=SupervisedStream(
            cases, config.grid.shape, config.batch_size, config.augmentation, mirror, config.seed
        ),
        held_out=list,
        names=config.landmarks,
        device="cpu",
    )
    return out


def main() -> None:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", default="scn-lite")
    parser.add_argument("--steps", type=int, default=600, help="of the first model")
    parser.add_argument("--tune-steps", type=int, default=200)
    parser.add_argument("--shape", type=int, nargs=2, help="canvas, rows and columns; the preset's otherwise")
    parser.add_argument("--wrong", type=float, default=60.0, help="pixels")
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ["LANDMARK_DETECTION_MODELS"] = str((options.out / "models").absolute())
    import torch
    from cephalograms import write_data

    torch.set_num_threads(1)
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.evaluation.statistics import resample
    from LandmarkDetectionLib.models import load_model, use_version
    from LandmarkDetectionLib.training.finetuning.comparison import compare
    from LandmarkDetectionLib.training.finetuning.finetune import fine_tune

    data = read_datalist(write_data(options.data, options.out), missing="allow")
    tested = data.of_split("fold 0")
    others = [case for case in data if case.split != "fold 0"]
    others = [others[n] for n in np.random.default_rng(1).permutation(len(others))]
    model = first_model(others, options.out, options)
    chosen = others[FIRST + WATCHED : FIRST + WATCHED + CORRECTED]
    people = [case.subject for case in tested]
    before = test_errors(model, tested, options.out / "test")
    draws = resample(people, np.random.default_rng(0))
    print(f"first model, {len(tested)} test images: {_mean(before, draws)}", flush=True)
    results: dict[str, Any] = {"first": float(np.nanmean(before))}
    for kind, wrong in (("right", 0.0), ("wrong", options.wrong)):
        use_version(NAME, "1.0.0")
        store = correct(chosen, model, options.out / kind, wrong)
        started = core_seconds()
        done = fine_tune(NAME, store.path, steps=options.tune_steps, device="cpu")
        minutes = (core_seconds() - started) / 60
        print(f"\n{kind} corrections ({minutes:.1f} core min): {done.comparison.sentence()}", flush=True)
        results[kind] = {**done.to_record(), "core minutes": minutes}
        if done.new is not None:
            after = test_errors(load_model(f"{NAME}@{done.new.version}"), tested, options.out / "test")
            found = compare(before, after, people, "px")
            print(f"on the test images: {found.sentence()}", flush=True)
            results[kind]["test"] = vars(found)
    first = read_datalist(options.out / "data" / "first.json", missing="allow")
    run = control(model, first, options.out / "control", options.tune_steps)
    found = compare(before, test_errors(model, tested, options.out / "test", run), people, "px")
    print(f"\nas many steps more with the first images alone, test images: {found.sentence()}")
    results["control"] = vars(found)
    (options.out / "result.json").write_text(json.dumps(results, indent=1))


def _mean(errors: np.ndarray, draws: Any) -> str:
    low, high = draws.mean_interval(errors)
    return f"{np.nanmean(errors):.2f} px ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
