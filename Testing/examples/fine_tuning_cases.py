"""A small model that errs, and stores of corrections of it, right ones and wrong ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.datasets.annotations.foreign import review_of_landmarks
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.training.supervised.augmentation import Augmentation
from LandmarkDetectionLib.training.supervised.model import Lessons, NewModel, make_model
from Testing.examples.blob_data import SMALL_TRAINING, write_blob_data
from Testing.examples.store_cases import PROTOCOL

NAME = "blobs"
SMALL: dict[str, Any] = {
    **SMALL_TRAINING,
    "loss": "cross-entropy",
    "sigma": 1.0,
    "augmentation": Augmentation(gamma=0.1, noise=0.05, cut=0.0),
}
#: Of fine-tunings: enough to learn a shift of half the heatmap's resolution.
STEPS = 60


def make_data(folder: Path) -> Datalist:
    """Forty images with their truth."""
    return read_datalist(write_blob_data(folder, count=40, shape=(64, 64)), missing="allow")


def install_blob_model(data: Datalist, folder: Path, steps: int = 150) -> Model:
    """Train on the first twelve of the images, of which four are held out, and install it."""
    rows = [
        {
            "image": str(case.image_files[0]),
            "landmarks": str(case.landmarks[0][1]),
            "subject": case.subject,
            "split": "val" if n < 4 else "train",
        }
        for n, case in enumerate(data.cases[:12])
    ]
    from LandmarkDetectionLib.datasets.cases import write_datalist

    folder.mkdir(parents=True, exist_ok=True)
    write_datalist(rows, folder / "first.json", "First")
    make_model(
        read_datalist(folder / "first.json", missing="allow"),
        Lessons("scn-lite", SMALL | {"steps": steps}, shape=(64, 64)),
        NewModel(NAME, protocol=PROTOCOL, install=True),
        folder / "run",
        run={"device": "cpu"},
    )
    return load_model(NAME)


def trained_models(data: Datalist, folder: Path) -> Path:
    """A folder of models with the model of `install_blob_model`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDMARK_DETECTION_MODELS", str(folder / "models"))
        install_blob_model(data, folder / "run")
    return folder / "models"


def blob_models(once: Callable[[str, Callable[[Path], object]], Path]) -> tuple[Datalist, Path]:
    """The images, and the folder of `trained_models`, made once for all processes of a test run."""

    def make(folder: Path) -> None:
        trained_models(make_data(folder / "images"), folder / "trained")

    folder = once("blob-models", make)
    images = read_datalist(folder / "images" / "data.json", missing="allow")
    return images, folder / "trained" / "models"


def make_store(
    data: Datalist, folder: Path, shift_mm: float = 0.0, wrong_mm: float = 0.0, count: int = 18
) -> AnnotationStore:
    """Annotations of images the model has not seen.

    Parameters
    ----------
    shift_mm
        What people mean lies so far from where the first data had it, everywhere alike.
    wrong_mm
        Those learned from, not those held out, are off by so much more, in all directions.
    """
    store = AnnotationStore(folder)
    rng = np.random.default_rng(3)
    for case in data.cases[12 : 12 + count]:
        there = [(one, one.position + np.array([shift_mm, 0, 0])) for one in case.read_landmarks()]
        review = review_of_landmarks(LandmarkSet(tuple(_moved(one, place) for one, place in there)))
        saved = store.save(review, case.read_volume(), case.image_files[0], protocol=PROTOCOL)
        if wrong_mm and saved.split == "train":
            angle = rng.uniform(0, 2 * np.pi, len(there))
            for (one, place), a in zip(there, angle, strict=True):
                review = review.correct(one.name, place + wrong_mm * np.array([np.cos(a), np.sin(a), 0]))
            store.save(review, case.read_volume(), case.image_files[0], protocol=PROTOCOL)
    return store


def _moved(landmark: Any, position: np.ndarray) -> Any:
    from dataclasses import replace

    return replace(landmark, position=position)
