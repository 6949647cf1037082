"""The reference picture shows an average body and where the landmarks lie on it."""

import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from LandmarkDetectionLib.models import Model, ReferencePicture
from LandmarkDetectionLib.models.reference import PICTURE
from LandmarkDetectionLib.synthesis.body.reference import MARGIN, draw_reference


@pytest.fixture(scope="module")
def drawn(whole_body: Protocol) -> ReferencePicture:
    reference = draw_reference(whole_body)
    assert reference is not None
    return reference


@pytest.fixture(scope="module")
def pixels(drawn: ReferencePicture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(drawn.png)))


def test_every_landmark_has_its_place(drawn: ReferencePicture, whole_body: Protocol) -> None:
    assert tuple(drawn.landmarks) == tuple(whole_body.names)


def test_the_patients_right_is_on_the_pictures_left(drawn: ReferencePicture, whole_body: Protocol) -> None:
    for left, right in whole_body.pairs:
        assert drawn.landmarks[right][0] < drawn.landmarks[left][0]


def test_both_halves_are_mirror_images(drawn: ReferencePicture, whole_body: Protocol) -> None:
    middle = drawn.landmarks["sternal_notch"][0]
    for left, right in whole_body.pairs:
        (x, y), (mirrored, height) = drawn.landmarks[left], drawn.landmarks[right]
        assert x - middle == pytest.approx(middle - mirrored, abs=1.5)
        assert y == pytest.approx(height, abs=1.5)


def test_landmarks_lie_on_the_body_and_the_ground_is_transparent(
    drawn: ReferencePicture, pixels: np.ndarray
) -> None:
    assert pixels.shape == (drawn.size[1], drawn.size[0], 4)
    opaque = pixels[..., 3] > 200
    for name, (x, y) in drawn.landmarks.items():
        around = opaque[max(0, round(y) - 4) : round(y) + 5, max(0, round(x) - 4) : round(x) + 5]
        assert around.any(), name
    rows, columns = np.nonzero(opaque)
    assert rows.min() == pytest.approx(MARGIN, abs=2)
    assert rows.max() == pytest.approx(drawn.size[1] - MARGIN, abs=2)
    assert columns.min() == pytest.approx(MARGIN, abs=2)
    assert pixels[0, 0, 3] == 0


def test_the_body_stands_out_from_white_and_from_black(pixels: np.ndarray) -> None:
    brightness = pixels[pixels[..., 3] > 200][:, :3].mean(axis=1)
    assert np.quantile(brightness, 0.05) > 60
    assert np.quantile(brightness, 0.95) < 215


def test_a_shipped_model_of_skin_has_this_picture(drawn: ReferencePicture, skin_model: Model) -> None:
    shipped = skin_model.reference
    assert shipped is not None
    assert shipped.size == drawn.size
    assert tuple(shipped.landmarks) == tuple(drawn.landmarks)
    for name, place in shipped.landmarks.items():
        assert place == pytest.approx(drawn.landmarks[name], abs=1.0)


def test_the_picture_of_the_shipped_model_shows_every_landmark(body_model: Model) -> None:
    shipped = body_model.reference
    assert shipped is not None
    assert set(shipped.landmarks) == set(body_model.protocol.names)


def test_landmarks_that_the_body_does_not_have_give_no_picture(whole_body: Protocol) -> None:
    foreign = LandmarkDefinition(name="apex", title="Apex", definition="Lowest point of the heart.")
    fields = {field: getattr(whole_body, field) for field in type(whole_body).model_fields}
    protocol = Protocol(**{**fields, "landmarks": (*whole_body.landmarks, foreign)})
    assert draw_reference(protocol) is None


def test_the_picture_is_small(body_model: Model) -> None:
    assert (body_model.path / PICTURE).stat().st_size < 300_000
