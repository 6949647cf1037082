"""Damaged datalists, tables, annotations and packages are read, or refused in one line; nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.datasets.annotations.annotation import Annotation, read_annotation
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import list_cases, read_datalist
from LandmarkDetectionLib.datasets.importers.afids import named_afids
from LandmarkDetectionLib.datasets.importers.table import import_table
from LandmarkDetectionLib.datasets.importers.tables import read_points
from LandmarkDetectionLib.datasets.importers.tps import import_tps, read_tps
from LandmarkDetectionLib.datasets.importers.writing import Imported
from LandmarkDetectionLib.detectors.checking import check_model
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.pixel_landmarks import read_pixel_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.models.package import read_package
from LandmarkDetectionLib.training.supervised.plan import divide
from Testing.examples.blob_data import write_blob_data
from Testing.examples.fuzzing import fuzz
from Testing.examples.store_cases import blob_cases, corrected, save_case
from Testing.Python.datasets.importers.test_public_formats import write_afids


def all_finite(landmarks: LandmarkSet) -> None:
    assert np.isfinite(landmarks.present.positions).all()


def test_damaged_datalists(tmp_path: Path) -> None:
    path = write_blob_data(tmp_path, 7, (24, 24), splits={"train": 4, "val": 2})
    content = path.read_bytes().replace(b'"s00"', b'"s00", "unit": "mm", "spacing": [0.5, 0.5]')

    def check(data: Datalist) -> None:
        split = divide(data, "none")
        assert {case.split for case in split.training}
        assert all(np.isfinite(case.spacing).all() for case in data)

    fuzz(
        lambda file: read_datalist(file, "allow"),
        tmp_path / "damaged.json",
        content,
        check=check,
        known=(205,),
    )
    fuzz(list_cases, tmp_path / "bare.json", content)


def test_damaged_landmark_files_of_a_datalist(tmp_path: Path) -> None:
    path = write_blob_data(tmp_path, 3, (24, 24))
    file = tmp_path / "case01.csv"

    def check(data: Datalist) -> None:
        for case in data:
            all_finite(case.read_landmarks())

    fuzz(lambda _: read_datalist(path, "allow"), file, file.read_bytes(), check=check)


def picture(folder: Path) -> Path:
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (50, 40)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "fish.png")
    return folder


def imported(run: Callable[[Path, Path], Imported], out: Path) -> Callable[[Path], Datalist]:
    """Import, and read what was written: an importer must write nothing that cannot be read."""

    def read(file: Path) -> Datalist:
        shutil.rmtree(out, ignore_errors=True)
        done = run(file, out)
        cases = list_cases(done.datalist)
        volume = cases[0].read_volume()
        for case in cases:
            all_finite(case.read_landmarks(None, volume))
        return Datalist(done.datalist, "", cases, ())

    return read


def test_damaged_tps_files(tmp_path: Path) -> None:
    images = picture(tmp_path / "images")
    content = (
        b"LM=3\r\n10.5 20.25\r\nNA NA\r\n30 4e1\r\nCURVES=1\r\nPOINTS=2\r\n1 2\r\n3 4\r\n"
        b"IMAGE=C:\\a\\fish.png\r\nID=0\r\nSCALE=0.05\r\n"
    )
    read = imported(lambda file, out: import_tps(images, out, {"rater": file}), tmp_path / "out")
    fuzz(read, tmp_path / "damaged.tps", content, known=(337,))
    fuzz(read_tps, tmp_path / "alone.tps", content)


def test_damaged_tables(tmp_path: Path) -> None:
    images = picture(tmp_path / "images")
    content = b"image,nose_x,nose_y,chin_x,chin_y\nfish,10.5,20,30,40\n"
    read = imported(lambda file, out: import_table(images, file, out, y_from="bottom"), tmp_path / "out")
    fuzz(read, tmp_path / "damaged.csv", content, known=(311,))
    fuzz(read_points, tmp_path / "points.csv", content)


def test_damaged_afids(tmp_path: Path) -> None:
    good = tmp_path / "good.fcsv"
    write_afids(good, 1.0)
    names = load_protocol("afids-32").names
    fuzz(
        lambda file: named_afids(file, names), tmp_path / "damaged.fcsv", good.read_bytes(), check=all_finite
    )


def test_damaged_labelme_files(tmp_path: Path) -> None:
    shapes = [{"label": "nose", "points": [[10.5, 20.5]], "shape_type": "point"}]
    content = json.dumps({"imageWidth": 40, "imageHeight": 50, "shapes": shapes}).encode()
    volume = Volume(np.zeros((1, 50, 40), np.uint8), np.eye(4))
    fuzz(
        lambda file: read_pixel_landmarks(file, volume), tmp_path / "damaged.json", content, check=all_finite
    )


def test_damaged_annotations_and_a_store_that_holds_one(tmp_path: Path) -> None:
    cases = blob_cases(tmp_path / "images", 2)
    store = AnnotationStore(tmp_path / "store")
    review = corrected(cases[0])
    from Testing.examples.store_cases import PROTOCOL

    first = store.save(review, cases[0].read_volume(), cases[0].image_files[0], protocol=PROTOCOL)
    save_case(store, cases[1])
    file = store.file_of(first)

    def check(annotation: Annotation) -> None:
        all_finite(annotation.settled)
        assert annotation.split in ("train", "held back") and annotation.subject

    fuzz(read_annotation, file, file.read_bytes(), check=check)

    def save_beside(_: Path) -> dict[str, Any]:
        save_case(store, cases[1])
        return {"rows": store.rows(store.standing())}

    content = read_landmarks_back(file, store, review, cases[0])
    fuzz(save_beside, file, content, tries=20)


def read_landmarks_back(file: Path, store: AnnotationStore, review: Any, case: Any) -> bytes:
    """A sound annotation's bytes under the name of the file that was damaged."""
    from LandmarkDetectionLib.datasets.annotations.annotation import write_annotation

    sound = next(one for one in store.standing()) if store.standing() else None
    assert sound is not None
    rebuilt = Annotation(file.name.split(".")[0], sound.image, sound.subject, sound.split, review)
    write_annotation(rebuilt, file)
    assert read_landmarks(file) and case
    return file.read_bytes()


@pytest.mark.parametrize("part", ["configs/metadata.json", "configs/protocol.json"])
def test_damaged_packages(tmp_path: Path, tiny_model: Path, part: str) -> None:
    package = Path(shutil.copytree(tiny_model, tmp_path / "tiny-model"))
    content = (package / part).read_bytes()

    def check(model: Model) -> None:
        assert all("\n" not in problem for problem in check_model(model.path))

    fuzz(lambda _: read_package(package), package / part, content, check=check)


def test_damaged_weights_are_told_by_their_checksum(tmp_path: Path, tiny_model: Path) -> None:
    package = Path(shutil.copytree(tiny_model, tmp_path / "tiny-model"))
    weights = package / "models" / "coronal.safetensors"
    content = weights.read_bytes()
    fuzz(lambda _: check_model(package), weights, content, tries=10)
    weights.write_bytes(content[:-1])
    assert any("does not match its checksum" in problem for problem in check_model(package))
