"""Images on the grid of a template they were registered to, and the way back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.raters import case_landmarks
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.imaging.aligned_grid import (
    look_at_aligned,
    mean_template,
    read_template,
    template_bytes,
    write_template,
)
from LandmarkDetectionLib.imaging.grid import GridSettings
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.models import validate_model
from LandmarkDetectionLib.training.supervised.package import TEMPLATE_FILE, package_supervised
from LandmarkDetectionLib.training.supervised.plan import Split, plan
from LandmarkDetectionLib.training.supervised.train import train_supervised
from Testing.Python.imaging.test_registration import FLAT, affine, flat, rendered

SETTINGS = GridSettings((96, 96), None)
MOVES = [
    affine((0, 0, 0.3), (1.1, 1.1, 1), (10, -8, 0)),
    affine((0, 0, -0.25), (0.9, 0.9, 1), (-12, 6, 0)),
    affine((0, 0, 0.1), (1, 1, 1), (4, 14, 0)),
    affine((0, 0, -0.1), (1.05, 0.95, 1), (-6, -10, 0)),
]


def moved(number: int) -> tuple[Volume, np.ndarray]:
    return rendered(flat(MOVES[number]), FLAT, 1.0)


@pytest.fixture(scope="module")
def template() -> Volume:
    usual, marks = rendered(np.eye(4), FLAT, 1.0)
    return mean_template(usual, marks, [moved(n)[0] for n in range(2)], SETTINGS, 8)


@pytest.mark.parametrize("number", [2, 3])
def test_a_moved_image_comes_to_lie_as_the_template_and_its_cells_lead_back(template, number):
    image, truth = moved(number)
    _, usual = rendered(np.eye(4), FLAT, 1.0)
    aligned = look_at_aligned([image, image], template, SETTINGS)
    assert not aligned.alignment.warning
    assert aligned.grid.image.shape == (2, 96, 96)
    cells = template.ras_to_ijk_points(usual)[:, :2]
    assert np.abs(aligned.grid.points_to_ras(cells) - truth).max() < 1.5, "mm"
    assert np.allclose(aligned.grid.points_from_ras(aligned.grid.points_to_ras(cells)), cells)
    mean, other = template.voxels[0].astype(float), aligned.grid.image[0]
    assert np.corrcoef(mean.ravel(), other.ravel())[0, 1] > 0.9


def test_a_template_is_kept_to_the_last_bit_and_a_changed_one_is_refused(template, tmp_path: Path):
    file = tmp_path / "template.safetensors"
    write_template(file, template)
    kept = read_template(file)
    assert np.array_equal(kept.voxels, template.voxels) and kept.voxels.dtype == np.uint8
    assert np.array_equal(kept.ijk_to_ras, template.ijk_to_ras)
    assert template_bytes(kept) == file.read_bytes()
    with pytest.raises(ModelError, match="get the model again"):
        read_template(file, "0" * 64)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="get the model again"):
        read_template(file)


def test_a_volume_is_refused_by_the_template_of_radiographs(template):
    volume, _ = rendered(np.eye(4))
    with pytest.raises(InputError, match="is a volume, but a single image is needed"):
        look_at_aligned([volume], template, SETTINGS)


def _write_data(folder: Path) -> Path:
    rng = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    for n in range(6):
        turn, scale, shift = rng.uniform(-0.3, 0.3), rng.uniform(0.9, 1.1), rng.uniform(-12, 12, 2)
        image, marks = rendered(flat(affine((0, 0, turn), (scale, scale, 1), (*shift, 0))), FLAT, 1.0)
        write_volume(image, folder / f"{n}.nrrd")
        lines = [f"mark{m},{x},{y},{z}" for m, (x, y, z) in enumerate(marks[:4])]
        (folder / f"{n}.csv").write_text("\n".join(["name,x,y,z", *lines]) + "\n")
        rows.append({"image": f"{n}.nrrd", "landmarks": f"{n}.csv", "subject": str(n)})
    path = folder / "datalist.json"
    path.write_text(json.dumps({"name": "Moved", "cases": rows}))
    return path


def test_a_model_of_registered_images_finds_landmarks_of_turned_ones(tmp_path: Path):
    data = read_datalist(_write_data(tmp_path), missing="allow")
    split = Split(data.cases[:5], data.cases[5:])
    small = {"width": 8, "levels": 3, "dropout": 0.0, "spatial_kernel": 5, "spatial_pooling": 4}
    changes = {"align": True, "steps": 200, "batch_size": 2, "averaging": 0.9, "learning_rate": 4e-3}
    config = plan(
        data, split, "scn-lite", shape=(64, 64), changes={"parameters": small, "radius": 3.0, **changes}
    )
    run = tmp_path / "run"
    train_supervised(config, data, split, run, device="cpu")
    model = package_supervised(run, data, split, tmp_path / "aligned", name="aligned")
    assert validate_model(model.path) == []
    assert "registered to a template | yes" in (model.path / "docs/README.md").read_text()
    errors = []
    for case in split.held_out:
        found = detect(case.read_volume(), model).landmarks
        (truth,) = case_landmarks(case, config.landmarks)
        errors += [
            np.linalg.norm(found[n].position - t) for n, t in zip(config.landmarks, truth, strict=True)
        ]
    assert np.mean(errors) < 2.0, "mm"

    (model.path / TEMPLATE_FILE).unlink()
    with pytest.raises(ModelError, match="template"):
        detect(split.held_out[0].read_volume(), model)
