"""The overlay picture names what was found, tells uncertain from certain, and never lets labels touch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body.projection import Projection, project_body
from LandmarkDetectionLib.reporting.overlay import (
    _LABEL_STEP,
    named,
    short_name,
    spread_labels,
    write_overlay,
)

UNCERTAIN_RGB = (240, 163, 10)


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    names = ("head_top", "hip_left", "hip_right", "big_toe_left")
    return Protocol(
        name="egg",
        title="Egg",
        version="1.0.0",
        region="egg",
        landmarks=tuple(LandmarkDefinition(name=name, title=name, definition=name) for name in names),
        pairs=(("hip_left", "hip_right"),),
        lines=(("head_top", "hip_left"), ("head_top", "hip_right"), ("hip_left", "big_toe_left")),
    )


@pytest.fixture(scope="module")
def egg() -> Volume:
    """An egg of water in air, with a yolk of bone."""
    k, j, i = np.mgrid[-50:51, -30:31, -40:41]
    inside = (i / 25) ** 2 + (j / 18) ** 2 + (k / 40) ** 2 < 1
    affine = np.diag([5.0, 5.0, 5.0, 1.0])
    affine[:3, 3] = (-200, -150, -250)
    yolk = i**2 + j**2 + k**2 < 36
    voxels = np.select([yolk, inside], [900, 0], -1000).astype(np.int16)
    return Volume(voxels, affine, modality="CT", name="egg")


@pytest.fixture(scope="module")
def detection(egg: Volume) -> Detection:
    """Landmarks on the egg."""
    landmarks = (
        Landmark("head_top", np.array([0.0, 0.0, 198.0]), Status.DETECTED, 0.97, np.diag([9.0, 25.0, 4.0])),
        Landmark("hip_left", np.array([-60.0, 0.0, -20.0]), Status.UNCERTAIN, 0.41),
        Landmark("hip_right", np.array([60.0, 0.0, -20.0]), Status.DETECTED, 0.88),
        Landmark("big_toe_left", np.full(3, np.nan), Status.ABSENT, 0.02),
    )
    return Detection(
        LandmarkSet(landmarks, name="egg"),
        model="egg-ct",
        model_version="1.2.3",
        doubts=(Doubt("This is an egg."),),
    )


@pytest.fixture(scope="module")
def views(egg: Volume) -> Projection:
    return project_body(egg)


def test_the_picture_says_what_was_found_and_what_was_not(
    detection: Detection, views: Projection, protocol: Protocol, tmp_path: Path
) -> None:
    path = tmp_path / "overlay.svg"
    write_overlay(detection, views, protocol, path)
    drawing = path.read_text(encoding="utf-8")
    # Matplotlib draws letters as shapes and leaves the words in comments.
    for words in (
        "head top  0.97",
        "hip L  0.41",
        "hip R  0.88",
        "model egg-ct 1.2.3  |  2 detected, 1 uncertain, 1 absent",
        "Not in the scan: big toe L",
        "! This is an egg.",
        "For research use only.",
        "100 mm",
    ):
        assert f"<!-- {words} -->" in drawing


def test_the_picture_shows_the_scan_itself_and_names_the_case(
    detection: Detection, views: Projection, protocol: Protocol, egg: Volume, tmp_path: Path
) -> None:
    write_overlay(detection, views, protocol, tmp_path / "with.png", volume=egg)
    write_overlay(detection, views, protocol, tmp_path / "without.png")
    pictures = [
        np.asarray(Image.open(tmp_path / name).convert("L"), float) for name in ("with.png", "without.png")
    ]
    assert pictures[0].shape == pictures[1].shape
    # The yolk is brighter than the white of the egg beside it only where the voxels are shown.
    bright = [np.percentile(picture, 99.5) / np.percentile(picture, 90) for picture in pictures]
    assert bright[0] > 1.2 * bright[1]
    write_overlay(detection, views, protocol, tmp_path / "named.svg", volume=egg, case="case-7 $3$")
    drawing = (tmp_path / "named.svg").read_text(encoding="utf-8")
    assert "case-7 $3$" in drawing and "95 % region" in drawing


def test_the_known_truth_is_drawn_beside_what_was_found(
    detection: Detection, views: Projection, protocol: Protocol, tmp_path: Path
) -> None:
    truth = LandmarkSet((Landmark("hip_left", np.array([-70.0, 0.0, -30.0]), Status.DETECTED),))
    write_overlay(detection, views, protocol, tmp_path / "overlay.svg", truth=truth)
    assert "<!-- known truth -->" in (tmp_path / "overlay.svg").read_text(encoding="utf-8")
    write_overlay(detection, views, protocol, tmp_path / "truth.png", truth=truth)
    write_overlay(detection, views, protocol, tmp_path / "plain.png")
    assert count_of((255, 255, 255), tmp_path / "truth.png") > count_of(
        (255, 255, 255), tmp_path / "plain.png"
    )


def count_of(colour: tuple[int, int, int], path: Path) -> int:
    with Image.open(path) as picture:
        return int((np.asarray(picture.convert("RGB")) == colour).all(axis=-1).sum())


def test_uncertain_landmarks_have_a_colour_of_their_own(
    detection: Detection, views: Projection, protocol: Protocol, tmp_path: Path
) -> None:
    certain = LandmarkSet(
        tuple(replace(one, status=Status.DETECTED) for one in detection.landmarks if one.is_present)
    )
    write_overlay(detection, views, protocol, tmp_path / "uncertain.png")
    write_overlay(replace(detection, landmarks=certain, doubts=()), views, protocol, tmp_path / "certain.png")
    assert count_of(UNCERTAIN_RGB, tmp_path / "uncertain.png") > 100
    assert count_of(UNCERTAIN_RGB, tmp_path / "certain.png") == 0


def test_of_very_many_landmarks_those_in_doubt_are_named() -> None:
    def some(count: int) -> LandmarkSet:
        doubtful = {3, 40}
        return LandmarkSet(
            tuple(
                Landmark(
                    f"p{n}", np.full(3, float(n)), Status.UNCERTAIN if n in doubtful else Status.DETECTED
                )
                for n in range(count)
            )
        )

    assert len(named(some(60))) == 60
    assert [one.name for one in named(some(141))] == ["p3", "p40"]


def test_a_body_without_any_landmark_is_still_drawn(
    detection: Detection, views: Projection, protocol: Protocol, tmp_path: Path
) -> None:
    nothing = LandmarkSet(
        tuple(replace(one, status=Status.ABSENT, covariance=None) for one in detection.landmarks)
    )
    write_overlay(replace(detection, landmarks=nothing), views, protocol, tmp_path / "empty.png")
    with Image.open(tmp_path / "empty.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50


@given(st.lists(st.floats(-5, 15), max_size=40))
def test_labels_never_overlap_and_keep_the_order_of_their_landmarks(wanted: list[float]) -> None:
    placed = np.array(spread_labels(wanted, (0.0, 10.0)))
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(placed[order]) > _LABEL_STEP - 1e-9).all()
    assert ((placed > 0) & (placed < 10)).all()


def test_labels_with_room_stand_at_their_landmarks() -> None:
    assert spread_labels([3.0, 1.0, 7.5], (0.0, 10.0)) == pytest.approx([3.0, 1.0, 7.5])


@pytest.mark.parametrize(
    ("name", "short"),
    [("middle_finger_left", "middle finger L"), ("knee_right", "knee R"), ("head_top", "head top")],
)
def test_names_are_shortened_for_people(name: str, short: str) -> None:
    assert short_name(name) == short


def test_of_very_many_landmarks_what_a_person_accepted_is_in_doubt_no_longer() -> None:
    kinds = {3: Status.UNCERTAIN, 40: Status.ACCEPTED, 50: Status.CORRECTED}
    marks = LandmarkSet(
        tuple(Landmark(f"p{n}", np.full(3, float(n)), kinds.get(n, Status.DETECTED)) for n in range(141))
    )
    assert [one.name for one in named(marks)] == ["p3", "p50"]
