"""Landmarks of one image are found in another, doubt is said, and what cannot be compared is refused."""

import numpy as np
import pytest
from scipy import ndimage

from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.counterparts import find_counterparts
from LandmarkDetectionLib.synthesis.head.volumes import make_head
from Testing.examples.hand_radiograph import TIPS, WRIST, as_volume, drawn_radiograph

PIXEL = 1.0  # every other one of the drawn picture
PLACES = {name: place / 2 for name, place in {**TIPS, "wrist": WRIST}.items()}


def radiograph() -> Volume:
    """The drawn hand."""
    return as_volume(drawn_radiograph()[::2, ::2], PIXEL)


def marks(volume: Volume, places: dict[str, np.ndarray]) -> LandmarkSet:
    """Landmarks at (column, row) of a picture."""
    ras = {name: volume.ijk_to_ras_points([[*place, 0.0]])[0] for name, place in places.items()}
    return LandmarkSet(tuple(Landmark(name, place) for name, place in ras.items()), name="Tips")


def bent() -> tuple[Volume, dict[str, np.ndarray]]:
    """Another hand: the drawn one turned, made smaller, and bent by up to 6 mm; where its places are."""
    angle, scale = 0.12, 0.93
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([82.0, 105.0])
    shift = np.array([4.0, -3.0])

    def moved(points: np.ndarray) -> np.ndarray:
        bend = 6 * np.stack([np.sin(points[..., 1] / 35), np.sin(points[..., 0] / 30)], axis=-1)
        return (points + bend - middle) @ turn.T + middle + shift

    picture = drawn_radiograph()[::2, ::2]
    rows, columns = np.indices(picture.shape, float)
    wanted = np.stack([columns, rows], axis=-1)
    source = wanted.copy()
    for _ in range(40):  # the inverse of the map, by fixed-point iteration
        source += (wanted - moved(source)) @ np.linalg.inv(turn).T
    grey = ndimage.map_coordinates(picture, source[..., ::-1].transpose(2, 0, 1), order=1, mode="nearest")
    grey += np.random.default_rng(3).normal(0, 1.5, grey.shape)
    return as_volume(grey.astype(np.float32), PIXEL), {
        name: moved(place[None])[0] for name, place in PLACES.items()
    }


def test_places_of_a_radiograph_are_found_in_another_one_that_is_turned_and_bent():
    source, (target, places) = radiograph(), bent()
    found = find_counterparts(marks(source, PLACES), source, target)
    truth = marks(target, places)
    errors = {
        mark.name: np.linalg.norm(mark.position - truth[mark.name].position) for mark in found.landmarks
    }
    assert max(errors.values()) < 2.0, errors
    assert {mark.status for mark in found.landmarks} <= {Status.DETECTED, Status.UNCERTAIN}
    for mark in found.landmarks:
        assert 0 < mark.expected_error < 30 and np.linalg.matrix_rank(mark.covariance) == 2
    assert found.model == "" and found.landmarks.name == "Tips" and found.warnings


def test_places_of_a_head_are_found_in_another_persons_and_doubt_tells_how_far_they_are_off():
    (source, there), (target, truth) = make_head(0, 48, "ct"), make_head(2, 48, "ct")
    told: list[float] = []
    found = find_counterparts(there, source, target, progress=lambda share, text: told.append(share))
    errors = np.array([np.linalg.norm(one.position - truth[one.name].position) for one in found.landmarks])
    expected = np.array([one.expected_error for one in found.landmarks])
    assert np.median(errors) < 7.0  # mm; voxels are 5 to 7
    assert (errors < 3 * expected).mean() > 0.9
    assert told == sorted(told) and 0 <= told[0] and told[-1] <= 1


def test_noise_has_no_such_places_so_all_are_uncertain():
    source = radiograph()
    noise = as_volume(np.random.default_rng(0).normal(100, 20, (150, 150)).astype(np.float32), PIXEL)
    found = find_counterparts(marks(source, PLACES), source, noise)
    assert {mark.status for mark in found.landmarks} <= {Status.UNCERTAIN, Status.ABSENT}


def test_what_the_other_image_does_not_show_is_absent_and_said_to_be():
    source = radiograph()
    picture = drawn_radiograph()[60::2, ::2]  # the middle finger's tip is cut off
    target = Volume(picture[None], source.ijk_to_ras, "DX", "cut")
    found = find_counterparts(marks(source, PLACES), source, target)
    assert not found.landmarks["middle"].is_present
    outside = [one for one in found.doubts if one.kind is DoubtKind.NOT_FOUND]
    assert len(outside) == 1 and "middle" in outside[0].landmarks and "middle" in outside[0].text
    assert found.landmarks["wrist"].is_present


def test_landmarks_without_a_place_stay_without_one():
    source = radiograph()
    some = marks(source, PLACES)
    gone = Landmark("gone", np.full(3, np.nan), Status.ABSENT, description="nowhere")
    both = LandmarkSet((*some, gone), name="Tips")
    found = find_counterparts(both, source, source)
    assert not found.landmarks["gone"].is_present and found.landmarks["gone"].description == "nowhere"
    for mark in some:
        assert found.landmarks[mark.name].position == pytest.approx(mark.position, abs=0.5)
        assert found.landmarks[mark.name].status is Status.DETECTED


def test_what_cannot_be_compared_is_refused_in_a_sentence():
    source = radiograph()
    volume = Volume(np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32), np.eye(4))
    with pytest.raises(InputError, match="radiograph"):
        find_counterparts(marks(source, PLACES), source, volume)
    nothing = LandmarkSet((Landmark("gone", np.full(3, np.nan), Status.ABSENT),))
    with pytest.raises(InputError, match="None of the landmarks"):
        find_counterparts(nothing, source, source)
