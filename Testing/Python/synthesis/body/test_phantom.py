"""The synthetic CT: values a scanner could give, landmarks inside, and the body's outline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.imaging.body.bone import LEAST_BONE_MM, bone_threshold
from LandmarkDetectionLib.imaging.body.projection import project_body
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body import phantom as phantoms
from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
from LandmarkDetectionLib.synthesis.body.population import POSTURES
from LandmarkDetectionLib.training.agents.plan import plan_agents
from LandmarkDetectionLib.training.agents.train import train_agents, trained_agents
from LandmarkDetectionLib.training.supervised.plan import divide
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig
from LandmarkDetectionLib.training.synthetic.train import VALIDATION_SEED
from Testing.examples.agent_cases import SMALL_AGENTS

SKIN = -400  # HU


@pytest.fixture(scope="module")
def bare() -> tuple[Volume, LandmarkSet]:
    """The same body as the shared phantom, without its table."""
    return make_phantom(3, spacing_mm=8.0, table=False)


def test_values_are_those_of_a_ct(phantom: tuple[Volume, LandmarkSet]) -> None:
    volume, _ = phantom
    assert volume.voxels.dtype == np.int16
    assert volume.modality == "CT"
    assert volume.voxels.min() >= -1024
    assert volume.voxels.max() <= 3071
    corner = volume.voxels[:3, :3, :3]
    assert -1024 <= np.median(corner) < -950
    soft = volume.voxels[(volume.voxels > -200) & (volume.voxels < 150)]
    assert -120 < np.median(soft) < 80
    lung = volume.voxels[(volume.voxels > -900) & (volume.voxels < -760)]
    assert lung.size * 0.512e-3 > 0.5  # litres


def test_axes_are_stored_as_scanners_do_and_voxels_are_cubes(phantom: tuple[Volume, LandmarkSet]) -> None:
    volume, _ = phantom
    np.testing.assert_allclose(volume.ijk_to_ras[:3, :3], np.diag([-8.0, -8.0, 8.0]))
    assert "synthetic" in volume.name


def test_landmarks_lie_in_the_body(phantom: tuple[Volume, LandmarkSet], whole_body: Protocol) -> None:
    volume, truth = phantom
    assert truth.names == tuple(whole_body.names)
    index = np.rint(volume.ras_to_ijk_points(truth.positions)).astype(int)
    assert (index >= 2).all()
    assert (index < np.array(volume.size) - 2).all()
    # Fingers and toes are as thin as these voxels, so their last bones may fall between them.
    for name, (i, j, k) in zip(truth.names, index, strict=True):
        near = volume.voxels[k - 2 : k + 3, j - 2 : j + 3, i - 2 : i + 3]
        assert near.max() > SKIN, name


def test_inner_landmarks_lie_in_tissue(phantom: tuple[Volume, LandmarkSet]) -> None:
    volume, truth = phantom
    for name in ("knee_right", "hip_left", "shoulder_right", "neck", "elbow_left", "pubic_symphysis"):
        i, j, k = np.rint(volume.ras_to_ijk_points(truth[name].position[None])[0]).astype(int)
        assert volume.voxels[k, j, i] > -150, name


def test_the_phantom_is_as_long_as_its_landmarks_say(bare: tuple[Volume, LandmarkSet]) -> None:
    volume, truth = bare
    k = np.flatnonzero((volume.voxels > SKIN).any(axis=(1, 2)))
    heights = volume.ijk_to_ras_points(np.stack([np.zeros(2), np.zeros(2), k[[0, -1]]], 1))[:, 2]
    assert heights[1] == pytest.approx(truth["head_top"].position[2], abs=12)


def test_the_right_of_the_body_is_the_right_of_the_patient(bare: tuple[Volume, LandmarkSet]) -> None:
    _, truth = bare
    assert truth["shoulder_right"].position[0] > truth["shoulder_left"].position[0] + 150
    assert truth["sternal_notch"].position[1] > truth["neck"].position[1]


def test_the_table_is_optional_and_lies_behind_the_body(
    phantom: tuple[Volume, LandmarkSet], bare: tuple[Volume, LandmarkSet]
) -> None:
    with_table, without = phantom[0].voxels, bare[0].voxels
    np.testing.assert_array_equal(phantom[1].positions, bare[1].positions)
    added = (with_table > 100) & (without < -900)
    assert added.any()
    rows = np.flatnonzero(added.any(axis=(0, 2)))
    body = np.flatnonzero((without > SKIN).any(axis=(0, 2)))
    assert rows.min() >= body.max()  # j runs to the back


def test_its_projection_is_that_of_the_body_without_table(
    phantom: tuple[Volume, LandmarkSet], bare: tuple[Volume, LandmarkSet]
) -> None:
    views = project_body(phantom[0], pixel_mm=8.0)
    volume = bare[0]
    skin = volume.voxels > SKIN
    k, i = np.nonzero(skin.any(axis=1))
    first = skin.argmax(axis=1)[k, i]
    surface = volume.ijk_to_ras_points(np.stack([i, first, k], axis=1))
    marks = views.coronal.geometry.from_ras(surface)
    column, row = (np.rint(marks[:, n]).astype(int) for n in range(2))
    assert views.coronal.silhouette[row, column].mean() > 0.97
    seen = np.isfinite(views.coronal.front[row, column])
    difference = (views.coronal.front[row, column] - marks[:, 2])[seen]
    assert abs(np.median(difference)) < 6
    assert np.mean(np.abs(difference) < 12) > 0.9
    assert views.coronal.silhouette.sum() == pytest.approx(len(k), rel=0.05)


def test_the_same_seed_gives_the_same_volume_and_others_another_body() -> None:
    one, again, other = (make_phantom(seed, spacing_mm=16.0) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one[0].voxels, again[0].voxels)
    assert not np.allclose(one[1].positions, other[1].positions, atol=5)


def test_phantoms_are_never_bodies_of_the_training() -> None:
    """Every training seed lies below a million, every validation seed below two."""
    with pytest.raises(ValueError, match="seed"):
        TrainingConfig(seed=10**6)
    assert VALIDATION_SEED >= 10**6
    assert phantoms.SEED_OFFSET >= 2 * 10**6


def test_a_phantom_with_bones_has_them_where_its_landmarks_are(own_skeleton: Path) -> None:
    volume, truth = make_phantom(3, spacing_mm=6.0, bones=True)
    assert truth.names == tuple(load_protocol("whole-body-bones").names)
    inside_bone = ("femoral_head_right", "humeral_head_left", "vertebra_l3", "tibial_plateau_left")
    threshold = bone_threshold(volume.voxels)
    index = np.rint(volume.ras_to_ijk_points(truth.positions)).astype(int)
    near = {
        name: volume.voxels[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2].max()
        for name, (i, j, k) in zip(truth.names, index, strict=True)
    }
    assert min(near[name] for name in inside_bone) > threshold, near
    assert (volume.voxels > 400).sum() > 500


def test_a_phantom_without_bones_shows_none(phantom: tuple[Volume, LandmarkSet]) -> None:
    volume, _ = phantom
    views = project_body(volume, pixel_mm=8.0, bones=True)
    assert views.coronal.bone is not None
    assert views.coronal.bone.max() < LEAST_BONE_MM


def test_the_mouth_is_shut(bare: tuple[Volume, LandmarkSet]) -> None:
    volume, truth = bare
    i, j, k = np.rint(volume.ras_to_ijk_points(truth["chin"].position[None])[0]).astype(int)
    behind = volume.voxels[k + 2, j + 1 : j + 8, i]
    assert behind.min() > SKIN


def test_postures_are_those_asked_for() -> None:
    def wrist_over_shoulder(posture: str) -> float:
        _, truth = make_phantom(2, spacing_mm=20.0, posture=posture, table=False)
        return float(truth["wrist_left"].position[2] - truth["shoulder_left"].position[2])

    down, up = wrist_over_shoulder(POSTURES[0]), wrist_over_shoulder(POSTURES[2])
    assert down < -200
    assert up > down + 200


def test_a_set_of_bodies_with_bones_is_something_that_agents_learn_from(
    own_skeleton: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    words = ("--region", "bones", "--count", 3, "--spacing", 20, "--seed", 5)
    made = cli("synthesize", "--volumes", tmp_path / "bodies", *words)
    assert made.code == 0, made.err
    data = read_datalist(tmp_path / "bodies" / "datalist.json")
    assert data.landmark_names == load_protocol("whole-body-bones").names
    volume, truth = make_phantom(6, 20.0, adult=False, bones=True)
    case = data.cases[1]
    np.testing.assert_array_equal(case.read_volume().voxels, volume.voxels)
    np.testing.assert_allclose(case.read_landmarks().positions, truth.positions, atol=1e-4)
    config = plan_agents(data, divide(data, "none"), changes={**SMALL_AGENTS, "steps": 2})
    assert config.intensity == "hounsfield"
    train_agents(config, data, divide(data, "none"), tmp_path / "run", device="cpu")
    assert trained_agents(tmp_path / "run")[0].steps == 2


def test_volumes_of_what_are_no_bodies_are_refused(cli: Callable[..., Any], tmp_path: Path) -> None:
    for words in (["--volumes", tmp_path / "a"], ["--phantom", tmp_path / "a.nrrd"]):
        refused = cli("synthesize", *words, "--region", "hand")
        assert refused.code == 2 and "a phantom is a body" in refused.err
    sheet = cli("synthesize", "--volumes", tmp_path / "a", "--region", "body", "--out", tmp_path / "a.png")
    assert sheet.code == 2 and "without --volumes" in sheet.err
    assert not list(tmp_path.iterdir())
