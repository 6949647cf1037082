"""Landmarks by search agents: found, absent, corrected, drawn, and refused where they cannot be."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.cohort import State
from LandmarkDetectionLib.cohort.results.records import CohortSettings, write_settings
from LandmarkDetectionLib.cohort.run.plan import Job, Plan, plan_models
from LandmarkDetectionLib.cohort.run.processing import process
from LandmarkDetectionLib.cohort.sources.case_source import image_file
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.detectors.checking import check_model
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.reporting import overlay
from LandmarkDetectionLib.reporting.overlay import write_overlay


@pytest.fixture(scope="module")
def model(spot_agents: Path) -> Model:
    return load_model(spot_agents / "run" / "spots")


@pytest.fixture(scope="module")
def cases(spot_agents: Path) -> tuple[Case, ...]:
    return read_datalist(spot_agents / "data" / "data.json").of_split("val")


def test_agents_find_landmarks_of_volumes_that_they_have_not_seen(cases, model):
    errors = []
    for case in cases:
        truth = case.read_landmarks()
        for mark in analyse(case.read_volume(), model).detection.landmarks:
            assert mark.status is Status.DETECTED and mark.covariance is not None
            errors.append(np.linalg.norm(mark.position - truth[mark.name].position))
    assert np.mean(errors) < 1.0, "mm, that is one voxel"


def test_a_volume_turned_in_storage_gives_the_same(cases, model):
    volume = cases[0].read_volume()
    turned = np.ascontiguousarray(volume.voxels.transpose(1, 0, 2)[:, ::-1])
    matrix = volume.ijk_to_ras @ np.array(
        [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, volume.shape[0] - 1], [0, 0, 0, 1.0]]
    )
    one, other = (
        analyse(shown, model).detection.landmarks.positions for shown in (volume, Volume(turned, matrix))
    )
    assert np.allclose(one, other, atol=0.3)


def test_ways_lead_from_a_start_to_what_was_found(cases, model):
    analysis = analyse(cases[0].read_volume(), model)
    assert [path.landmark for path in analysis.paths] == list(model.protocol.names)
    for path, mark in zip(analysis.paths, analysis.detection.landmarks, strict=True):
        assert len(path.positions) == len(path.cell_mm) and not path.left
        assert path.cell_mm[0] == 2.0 and path.cell_mm[-1] == 1.0
        assert np.linalg.norm(path.positions[-1] - mark.position) < 2.0


def test_the_picture_shows_the_ways(cases, model, tmp_path):
    volume = cases[0].read_volume()
    analysis = analyse(volume, model)
    shown = {}
    for name, paths in (("with", analysis.paths), ("without", ())):
        file = tmp_path / f"{name}.png"
        write_overlay(analysis.detection, analysis.views, model.protocol, file, volume=volume, paths=paths)
        shown[name] = file.read_bytes()
    assert shown["with"] != shown["without"]


def test_a_batch_takes_them_like_any_other_model_and_its_pictures_show_the_ways(
    cases, model, tmp_path, monkeypatch
):
    (tmp_path / "out").mkdir()
    models = plan_models([str(model.path)])
    write_settings(tmp_path / "out", CohortSettings(tuple(one.settings for one in models)))
    plan = Plan(tmp_path / "out", models, device="cpu", pictures=True, threads=0, session="now")
    drawn = []
    monkeypatch.setattr(overlay, "_draw_paths", lambda *given: drawn.append(given[-1]))
    image = cases[0].image_files[0]
    assert process(plan, Job("one", image_file(image, image.parent))).state is State.DONE
    found = read_landmarks(tmp_path / "out" / "cases" / "one" / "spots" / "detection.json")
    assert np.allclose(
        found.positions, analyse(cases[0].read_volume(), model).detection.landmarks.positions, atol=1e-3
    )
    assert drawn and all([path.landmark for path in paths] == list(found.names) for paths in drawn)


def test_others_follow_a_correction(cases, model):
    analysis = analyse(cases[0].read_volume(), model)
    assert model.capabilities.propagates and not model.capabilities.learns
    moved = analysis.detection.landmarks["round"].position + np.array([0.0, 0.0, 1.0])
    refined = analysis.refine({"round": moved}).detection.landmarks
    assert refined["round"].status is Status.CORRECTED and np.allclose(refined["round"].position, moved)
    assert np.isfinite(refined["tall"].position).all()


def test_a_volume_smaller_than_a_box_is_searched(model):
    voxels = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    landmarks = analyse(Volume(voxels, np.eye(4)), model).detection.landmarks
    assert len(landmarks) == 3
    assert all(0 <= mark.confidence <= 1 for mark in landmarks)


def test_what_agents_cannot_search_is_refused_in_one_sentence(model):
    flat = Volume(np.ones((1, 9, 9), np.int16), np.eye(4), name="film")
    with pytest.raises(
        InputError, match="film is a single image, and the agents of the model 'spots' search"
    ):
        analyse(flat, model)
    unknown = Volume(np.ones((9, 9, 9), np.int16), np.eye(4), spacing_known=False)
    with pytest.raises(InputError, match="does not tell the size of its voxels"):
        analyse(unknown, model)
    with pytest.raises(InputError, match="one grey value only"):
        analyse(Volume(np.ones((9, 9, 9), np.int16), np.eye(4)), model)
    for options, sentence in (
        (DetectOptions(threshold=1.0), "has no threshold"),
        (DetectOptions(depth="mean"), "finds all coordinates at once"),
        (DetectOptions(side="left"), "leave out the side"),
    ):
        with pytest.raises(InputError, match=sentence):
            analyse(Volume(np.ones((9, 9, 9), np.int16), np.eye(4)), model, options)


def test_a_search_can_be_cancelled(cases, model):
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(Cancelled):
        analyse(cases[0].read_volume(), model, cancelled=cancelled)


def changed(model: Model, folder: Path, **settings: object) -> Path:
    shutil.copytree(model.path, folder)
    file = folder / "configs" / "metadata.json"
    content = json.loads(file.read_text())
    content["landmark_detection"]["settings"].update(settings)
    file.write_text(json.dumps(content))
    return folder


def test_a_package_that_can_run_passes_the_check(model):
    assert check_model(model.path) == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"cells_mm": [1.0, 2.0]}, "coarse to fine"),
        ({"cells_mm": [4.0, 2.0, 1.0]}, "no network 'scale_3'"),
        ({"start": {"round": [0.5, 0.5, 0.5]}}, "start lacks tall, wide"),
        ({"discount": 1.5}, "discount"),
        ({"starts": 0}, "starts"),
    ],
)
def test_a_package_with_unusable_settings_is_refused(model, cases, tmp_path, settings, sentence):
    broken = changed(model, tmp_path / "broken", **settings)
    assert any(sentence in problem for problem in check_model(broken))
    with pytest.raises(ModelError, match=sentence):
        analyse(cases[0].read_volume(), load_model(broken))


def test_a_package_with_damaged_weights_is_refused(model, cases, tmp_path):
    folder = shutil.copytree(model.path, tmp_path / "damaged")
    weights = folder / "models" / "scale_2.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    assert check_model(folder)
    with pytest.raises(ModelError, match=r"scale_2\.safetensors"):
        analyse(cases[0].read_volume(), load_model(folder))
