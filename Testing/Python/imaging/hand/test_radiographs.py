"""Hands in radiographs: however they were taken and stored, the same hand comes out, fingers up."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging.hand.views import HandPicture, HandView, view_hand
from LandmarkDetectionLib.imaging.view import View
from Testing.Benchmarks import disturbed_hands
from Testing.Benchmarks.disturbed_hands import Copy
from Testing.examples.hand_radiograph import TIPS, WRIST, as_volume, drawn_mask, drawn_radiograph

COPIES = {copy.name: copy for copy in disturbed_hands.copies(drawn_radiograph())}
#: Every kind of disturbance once; the benchmark measures them all on real radiographs.
KINDS = (
    "original",
    "original, inverted",
    "original, mirrored",
    "original, turned by 270",
    "original, turned by 30",
    "original, border of 255",
    "original, collimated at 0",
    "original, letter in a box, inverted",
    "original, lead plate",
    "original, uneven",
    "original, noise of 15",
    "original, half size",
    "original, turned by -110, letter in a box, uneven, noise of 8, inverted",
)


@pytest.fixture(scope="module")
def picture() -> HandPicture:
    return view_hand(as_volume(drawn_radiograph()))


@lru_cache
def first_view(name: str) -> HandView:
    """The most likely view of a copy."""
    return view_hand(as_volume(COPIES[name].image)).views[0]


def pixels_in(view: View, volume: Volume, points: np.ndarray) -> np.ndarray:
    """Column and row in a view of pixels (N, 2) of a radiograph."""
    ras = volume.ijk_to_ras_points(np.column_stack([points, np.zeros(len(points))]))
    return view.geometry.from_ras(ras)[:, :2]


def in_copy(copy: Copy, points: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of a copy from those of the original."""
    back = np.linalg.inv(copy.to_original)
    return np.asarray(points @ back[:2, :2].T + back[:2, 2])


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def in_original(view: View, volume: Volume, copy: Copy) -> np.ndarray:
    """The silhouette of a view on the original's pixels."""
    row, column = np.indices(drawn_mask().shape)
    places = np.stack([column, row], axis=-1).reshape(-1, 2).astype(float)
    x, y = np.rint(pixels_in(view, volume, in_copy(copy, places))).astype(int).T
    rows, columns = view.silhouette.shape
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    found = np.zeros(len(places), bool)
    found[inside] = view.silhouette[y[inside], x[inside]]
    return found.reshape(drawn_mask().shape)


@pytest.mark.parametrize("name", KINDS)
def test_the_outline_follows_the_skin_in_every_copy(name: str) -> None:
    copy = COPIES[name]
    volume = as_volume(copy.image)
    found = in_original(first_view(name).view, volume, copy)
    # Down to where the forearm was cut, which is below the wrist.
    end = int(np.flatnonzero(found.any(axis=1))[-1])
    assert end > WRIST[1]
    # The drawn skin fades out: noise hides more of it.
    least = 0.8 if "noise" in name else 0.88
    assert overlap(found[: end - 12], drawn_mask()[: end - 12]) > least


@pytest.mark.parametrize("name", KINDS)
def test_fingers_point_up_and_the_thumb_to_the_right_in_every_copy(name: str) -> None:
    copy = COPIES[name]
    volume = as_volume(copy.image)
    seen = first_view(name)
    places = in_copy(copy, np.array([*TIPS.values(), WRIST]))
    thumb, _, middle, _, little, wrist = pixels_in(seen.view, volume, places)
    assert abs(middle[0] - wrist[0]) < 0.25 * (wrist[1] - middle[1])
    assert thumb[0] > middle[0] > little[0]
    assert seen.side == ("right" if "mirrored" in name else "left")


@settings(max_examples=5)
@given(degrees=st.integers(0, 359))
def test_a_turned_copy_gives_the_same_places_in_the_original(picture: HandPicture, degrees: int) -> None:
    copy = disturbed_hands.turned(COPIES["original"], degrees, 0)
    volume = as_volume(copy.image)
    again = in_original(view_hand(volume).views[0].view, volume, copy)
    first = in_original(picture.views[0].view, as_volume(drawn_radiograph()), COPIES["original"])
    # Where the forearm is cut moves by a pixel or two, so only the hand itself is compared.
    again, first = again[:320], first[:320]
    assert overlap(again, first) > 0.97
    moved = np.argwhere(again).mean(axis=0) - np.argwhere(first).mean(axis=0)
    assert np.abs(moved).max() < 1


@given(column=st.floats(-200, 600), row=st.floats(-200, 600), view=st.integers(0, 3))
def test_pixels_come_back_exactly(picture: HandPicture, column: float, row: float, view: int) -> None:
    geometry = picture.views[view].view.geometry
    volume = as_volume(drawn_radiograph())
    ras = geometry.to_ras(np.array([[column, row, 0.0]]))
    ijk = volume.ras_to_ijk_points(ras)
    assert ijk[0, 2] == pytest.approx(0, abs=1e-9)
    back = geometry.from_ras(volume.ijk_to_ras_points(ijk))
    np.testing.assert_allclose(back, [[column, row, 0]], atol=1e-6)


def test_every_view_shows_the_same_hand_turned_or_mirrored(picture: HandPicture) -> None:
    volume, original = as_volume(drawn_radiograph()), COPIES["original"]
    # Beyond the palm the forearm is cut, and whatever lies there when the hand is upside down.
    first = in_original(picture.views[0].view, volume, original)[150:250]
    assert [seen.side for seen in picture.views] == ["left", "right", "left", "right"]
    for seen in picture.views[1:]:
        assert overlap(in_original(seen.view, volume, original)[150:250], first) > 0.97


def test_a_clear_hand_is_sure_and_gives_no_warning(picture: HandPicture) -> None:
    assert picture.sure
    assert picture.flat
    assert picture.doubts == ()


def test_a_radiograph_has_the_same_depth_everywhere(picture: HandPicture) -> None:
    view = picture.views[0].view
    assert set(view.front[view.silhouette]) == {0}
    assert np.isnan(view.front[~view.silhouette]).all()


def test_the_picture_to_show_is_the_radiograph_as_stored_with_bright_bones() -> None:
    shown = view_hand(as_volume(COPIES["original, inverted"].image)).picture
    wrist, air = (shown.thickness[int(y), int(x)] for x, y in (WRIST, (20, 20)))
    assert wrist > air + 0.5


def views_for(side: str) -> tuple[HandView, ...]:
    return view_hand(as_volume(drawn_radiograph()), side).views  # type: ignore[arg-type]


def test_a_given_side_that_the_thumb_contradicts_is_seen_from_the_palm() -> None:
    assert {(seen.side, seen.palm) for seen in views_for("right")} == {("right", True), ("right", False)}
    assert views_for("right")[0].palm
    assert not views_for("left")[0].palm


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(InputError, match="'both' is unknown"):
        views_for("both")


def test_fingers_that_the_border_cuts_are_warned_about() -> None:
    cut = drawn_radiograph()[60:]
    assert [one.kind for one in view_hand(as_volume(cut)).doubts] == [DoubtKind.CUT_OFF]


def test_two_hands_are_warned_about() -> None:
    both = np.concatenate([drawn_radiograph(), drawn_radiograph()[:, ::-1]], axis=1)
    (doubt,) = (one for one in view_hand(as_volume(both)).doubts if one.kind is DoubtKind.SEVERAL_HANDS)
    assert "2 hands" in doubt.text


def test_an_object_without_fingers_is_warned_about() -> None:
    row, column = np.indices((400, 300))
    ball = np.hypot(row - 200, column - 150) < 90
    seen = view_hand(as_volume(drawn_radiograph(ball)))
    assert DoubtKind.NO_HAND in [one.kind for one in seen.doubts]


def test_a_picture_without_anything_is_refused() -> None:
    with pytest.raises(NoBodyError, match="no hand"):
        view_hand(as_volume(np.full((300, 200), 80, np.float32)))


def test_a_given_threshold_is_used() -> None:
    seen = view_hand(as_volume(drawn_radiograph(noise=0)), threshold=100.0)
    wide = view_hand(as_volume(drawn_radiograph(noise=0)), threshold=80.0)
    assert np.count_nonzero(seen.picture.silhouette) < np.count_nonzero(wide.picture.silhouette)


@pytest.mark.parametrize(
    ("image", "reason"),
    [(np.zeros((20, 500), np.float32), "too few"), (np.full((100, 100), np.nan, np.float32), "not finite")],
)
def test_what_is_no_picture_of_a_hand_is_refused_with_a_reason(image: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        view_hand(as_volume(image))
