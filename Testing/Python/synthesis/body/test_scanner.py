"""Fields of view: those of hospitals hold fewer whole bodies and cut more of them."""

from __future__ import annotations

import numpy as np
import pytest

from LandmarkDetectionLib.synthesis.body.scanner import (
    FIELDS_OF_VIEW,
    HOSPITAL_SHARES,
    FieldOfView,
    draw_fields_of_view,
)
from LandmarkDetectionLib.typing import Array

COUNT = 600


@pytest.fixture(scope="module")
def bodies() -> Array:
    """Boxes (B, 300, 3) as tall, wide and deep as people."""
    rng = np.random.default_rng(0)
    return rng.uniform((-240, -120, -850), (240, 120, 850), (COUNT, 300, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def both(bodies: Array) -> tuple[FieldOfView, FieldOfView]:
    """Fields of view as ever, and as hospitals scan."""
    ever, hospital = (
        draw_fields_of_view(bodies, np.random.default_rng(1), hospital=one) for one in (False, True)
    )
    return ever, hospital


def test_shares_are_those_of_all_kinds(both: tuple[FieldOfView, FieldOfView]) -> None:
    assert len(HOSPITAL_SHARES) == len(FIELDS_OF_VIEW)
    assert sum(HOSPITAL_SHARES) == pytest.approx(1)
    for box, shares in zip(both, ([row[1] for row in FIELDS_OF_VIEW], HOSPITAL_SHARES), strict=True):
        found = np.bincount(box.kind, minlength=len(FIELDS_OF_VIEW)) / COUNT
        np.testing.assert_allclose(found, shares, atol=0.06)


def test_hospitals_cut_the_sides_of_more_bodies_and_the_front_and_back_of_them_alone(
    both: tuple[FieldOfView, FieldOfView], bodies: Array
) -> None:
    low, high = bodies.min(axis=1), bodies.max(axis=1)
    cut = [(box.low > low + 1) | (box.high < high - 1) for box in both]
    sides = [one[:, 0].mean() for one in cut]
    assert sides[1] > sides[0] + 0.08
    assert not cut[0][:, 1].any()
    assert 0 < cut[1][:, 1].mean() < sides[1]
    # A field that is cut in front or behind is small, and none is empty.
    small = (both[1].high - both[1].low)[:, 0] < 800
    assert small[cut[1][:, 1]].all()
    for box in both:
        assert (box.high > box.low).all()


def test_whole_bodies_are_whole_however_they_are_scanned(bodies: Array) -> None:
    box = draw_fields_of_view(bodies, np.random.default_rng(2), whole_body_only=True, hospital=True)
    assert box.contains(bodies).all()
