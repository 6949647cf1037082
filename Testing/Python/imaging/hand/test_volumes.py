"""Hands in CT and MR: found without a value for air, under uneven brightness, on tables and sandbags."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("anny", reason="the synthetic hand needs anny")

from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.imaging.hand.views import HandPicture, view_hand
from LandmarkDetectionLib.imaging.view import View
from Testing.examples.hand_phantom import HandPhantom, hand_phantom

ANY_WAY = Rotation.from_rotvec([1.2, -0.8, 0.4]).as_matrix()
#: A table stays level however the hand lies on it.
ON_THE_TABLE = Rotation.from_rotvec([0, -0.9, 0]).as_matrix()
CASES = {
    "CT on a table": ("CT", 1, ON_THE_TABLE, False, "table"),
    "CT on a sandbag": ("CT", 2, ON_THE_TABLE, True, "sandbag"),
    "oblique MR": ("MR", 3, ANY_WAY, True, ""),
    "MR with closed fingers": ("MR", 4, None, False, ""),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[HandPhantom, HandPicture]:
    modality, seed, turn, right, under = CASES[request.param]
    phantom = hand_phantom(modality, seed=seed, turn=turn, right=right, under=under)
    return phantom, view_hand(phantom.volume)


def upright(phantom: HandPhantom, picture: HandPicture) -> list[View]:
    """The views with fingers up, the thumb at the right and the palm behind."""
    marks = phantom.landmarks
    fingers = marks["middle_tip"] - marks["wrist"]
    across = marks["index_mcp"] - marks["little_mcp"]
    return [
        seen.view
        for seen in picture.views
        if -fingers @ seen.view.geometry.row_axis > 0.85 * np.linalg.norm(fingers)
        and across @ seen.view.geometry.column_axis > 0
        and phantom.palmar @ seen.view.geometry.depth_axis > 0.7
    ]


def test_one_of_the_ways_to_turn_the_hand_is_the_right_one(
    case: tuple[HandPhantom, HandPicture],
) -> None:
    phantom, picture = case
    (view,) = upright(phantom, picture)
    assert len(picture.views) == 8
    assert not picture.flat
    assert view.silhouette.any()


def test_every_landmark_lies_in_the_silhouette_between_front_and_back(
    case: tuple[HandPhantom, HandPicture],
) -> None:
    phantom, picture = case
    (view,) = upright(phantom, picture)
    places = view.geometry.from_ras(np.array(list(phantom.landmarks.values())))
    column, row = np.rint(places[:, :2]).astype(int).T
    assert view.silhouette[row, column].all()
    front, back = view.front[row, column], view.back[row, column]
    assert (places[:, 2] > front - 4).all()
    assert (places[:, 2] < back + 4).all()


def test_the_silhouette_is_as_large_as_the_hand(case: tuple[HandPhantom, HandPicture]) -> None:
    phantom, picture = case
    (view,) = upright(phantom, picture)
    places = view.geometry.from_ras(phantom.outline)
    # Above the wrist: the mesh has few vertices where the forearm is cut.
    wrist = int(view.geometry.from_ras(phantom.landmarks["wrist"])[0, 1])
    shown = places[places[:, 1] < wrist]
    row, column, (_, width) = view.window(0, 0, (wrist, view.geometry.shape[1])).object_window()
    assert row == pytest.approx(shown[:, 1].min(), abs=2.5)
    assert column == pytest.approx(shown[:, 0].min(), abs=2.5)
    assert column + width == pytest.approx(shown[:, 0].max(), abs=2.5)


def test_places_come_back_exactly(case: tuple[HandPhantom, HandPicture]) -> None:
    phantom, picture = case
    points = np.array(list(phantom.landmarks.values()))
    for seen in picture.views:
        geometry = seen.view.geometry
        np.testing.assert_allclose(geometry.to_ras(geometry.from_ras(points)), points, atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_given_side_leaves_only_its_views(side: str) -> None:
    phantom = hand_phantom("MR", seed=3, right=side == "right")
    picture = view_hand(phantom.volume, side)  # type: ignore[arg-type]
    assert {seen.side for seen in picture.views} == {side}
    assert len(upright(phantom, picture)) == 1


def test_a_volume_of_noise_is_refused() -> None:
    noise = np.random.default_rng(0).normal(100, 20, (60, 70, 80)).astype(np.int16)
    with pytest.raises(NoBodyError):
        view_hand(Volume(noise, np.diag([2.0, 2, 2, 1]), "MR", "noise"))


def test_an_even_volume_is_refused() -> None:
    with pytest.raises(NoBodyError, match="same value everywhere"):
        view_hand(Volume(np.zeros((40, 40, 40), np.int16), np.diag([2.0, 2, 2, 1]), "MR", "even"))
