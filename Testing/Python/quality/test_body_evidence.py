"""What an outline is filled with decides whether it is a body, and whether a head can be there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.imaging.body.projection import project_body
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.quality.body_evidence import Inside, composition, holds_a_skull, weighed

MODEL = load_model("whole-body-ct")
STEP = 3.0


def cylinder(radius: float = 50.0, length: float = 240.0) -> tuple[np.ndarray, np.ndarray]:
    """Distance in mm from the axis and from the lower end of an upright cylinder with air around it."""
    k, j, i = np.indices((100, 60, 60)) * STEP
    across = np.hypot(j - 90, i - 90)
    along = np.minimum(k - 30, 30 + length - k)
    return np.maximum(across - radius, -along), across


def as_ct(values: np.ndarray, name: str = "thing", noise: float = 15.0) -> Volume:
    rng = np.random.default_rng(0)
    noisy = (values + rng.normal(0, noise, values.shape)).astype(np.int16)
    return Volume(noisy, np.diag([-STEP, -STEP, STEP, 1.0]), "CT", name)


def bottle() -> Volume:
    """Water with a plastic wall."""
    outside, _ = cylinder()
    return as_ct(np.where(outside > 0, -1000, np.where(outside > -4, 90, 0)), "bottle")


def limb() -> Volume:
    """Skin, fat, muscle and one bone with marrow."""
    outside, across = cylinder()
    tissue = np.select([outside > 0, outside > -14, across > 18, across > 10], [-1000, -95, 50, 900], -60)
    return as_ct(tissue, "limb")


def head(shell: float = 900.0) -> Volume:
    """Scalp, a shell of bone, and brain."""
    outside, _ = cylinder(70.0)
    tissue = np.select([outside > 0, outside > -9, outside > -18], [-1000, -80, shell], 35)
    return as_ct(tissue, "head")


@pytest.mark.parametrize(
    ("thing", "inside"), [(bottle, Inside.UNIFORM), (limb, Inside.BODY), (head, Inside.BODY)]
)
@pytest.mark.parametrize("shift", [0, 1024])
def test_several_tissues_make_a_body_and_one_substance_does_not(thing, inside, shift) -> None:  # type: ignore[no-untyped-def]
    volume = thing()
    volume = replace(volume, voxels=volume.voxels + np.int16(shift))
    if shift:
        volume = replace(volume, voxels=np.maximum(volume.voxels, 0))
    assert composition(volume, project_body(volume)).inside is inside


def test_only_bone_around_a_brain_is_a_skull() -> None:
    for volume, skull in ((head(), True), (head(shell=50.0), False), (limb(), False), (bottle(), False)):
        views = project_body(volume)
        top = volume.ijk_to_ras_points(np.array([[30.0, 30.0, 85.0]]))
        assert holds_a_skull(volume, views, top) is skull


def test_eyes_and_chin_without_a_skull_lose_their_confidence_with_a_sentence() -> None:
    names = ("eye_right", "eye_left", "chin", "knee_right")
    volume = limb()
    found = volume.ijk_to_ras_points(
        np.array([[20, 20, 60], [40, 20, 60], [30, 20, 40], [30, 30, 50]], float)
    )
    sure = np.array([0.7, 0.7, 0.7, 0.7])
    weight, (doubt,) = weighed(volume, project_body(volume), Inside.BODY, names, found, sure)
    assert (weight[:3] < 0.5).all()
    assert weight[3] == 0.7
    assert (doubt.kind, doubt.landmarks) == (DoubtKind.NO_SKULL, ("eye_right", "eye_left"))
    assert "eye right, eye left" in doubt.text
    kept, doubts = weighed(head(), project_body(head()), Inside.BODY, names, found, sure)
    assert kept.tolist() == sure.tolist()
    assert doubts == ()
    # A scan that ends at the brow: the bones themselves were found.
    kept, doubts = weighed(volume, project_body(volume), Inside.BODY, names, found, sure, skull=True)
    assert kept.tolist() == sure.tolist()
    assert doubts == ()


def test_other_scales_than_ct_are_told_and_never_answered_with_confidence() -> None:
    volume = head()
    mr = replace(volume, voxels=np.clip(volume.voxels + 1000, 0, 1100).astype(np.uint16) // 8, modality="MR")
    views = project_body(mr)
    found = volume.ijk_to_ras_points(np.array([[30.0, 30.0, 85.0]]))
    weight, (doubt,) = weighed(mr, views, Inside.BODY, ("head_top",), found, np.array([0.97]))
    assert weight[0] < 0.5
    assert doubt.text == "head is MR, and the model learned from CT alone: check every landmark."


def test_a_bottle_is_refused_or_doubted_and_a_limb_without_landmarks_is_a_result() -> None:
    try:
        answer = detect(bottle(), MODEL, device="cpu")
    except NoBodyError:
        pass
    else:
        assert all(one.status is not Status.DETECTED for one in answer.landmarks)
        assert DoubtKind.NO_BODY in [one.kind for one in answer.doubts]
    assert detect(limb(), MODEL, device="cpu").model == MODEL.name


def test_from_its_skin_alone_a_chest_with_raised_arms_has_an_answer_without_confidence(
    real_data: Path, skin_model: Model
) -> None:
    found = detect(read_volume(real_data / "real_ct" / "chest_arms_up.nii.gz"), skin_model, device="cpu")
    assert all(one.status is not Status.DETECTED for one in found.landmarks)


def test_a_head_in_mr_is_doubted(real_data: Path) -> None:
    found = detect(read_volume(real_data / "head" / "chris_t1.nii.gz"), MODEL, device="cpu")
    assert all(one.status is not Status.DETECTED for one in found.landmarks)
    assert DoubtKind.KIND_OF_IMAGE in [one.kind for one in found.doubts]
