"""The picture that shows a person where a hand's landmarks lie: the most ordinary of a few drawn hands."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.models.reference import ReferencePicture
from LandmarkDetectionLib.synthesis.batches import to_view
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
from LandmarkDetectionLib.synthesis.body.reference import FINE, MARGIN, front_depth, png, shaded
from LandmarkDetectionLib.synthesis.hand.model import load_hand_model
from LandmarkDetectionLib.synthesis.hand.population import draw_hands

HEIGHT = 640  # pixels
FOREARM = 0.3  # of the hand's length is shown


def draw_hand_reference(protocol: Protocol) -> ReferencePicture | None:
    """The back of an ordinary left hand on a transparent ground, and where a protocol's landmarks lie.

    Returns ``None`` for protocols with landmarks that the hand model does not have.

    Raises
    ------
    MissingPackageError
        When the body model must be built and ``anny`` is not installed.
    """
    model = load_hand_model()
    if not set(protocol.names) <= set(model.names):
        return None
    hands = draw_hands(model, 96, np.random.default_rng(0))
    marks = to_view(model.landmarks(hands.points), lateral=False)
    wrist, tip = (model.names.index(name) for name in ("wrist", "middle_tip"))
    length = np.linalg.norm(marks[:, tip] - marks[:, wrist], axis=1)
    shape = marks[..., :2] / length[:, None, None]
    adult = hands.flat & (np.abs(hands.phenotype[:, PHENOTYPES.index("age")] - 0.75) < 0.12)
    distance = np.linalg.norm(shape - np.median(shape[adult], axis=0), axis=2).mean(axis=1)
    chosen = int(np.where(adult, distance, np.inf).argmin())
    vertices, size = hands.vertices[chosen : chosen + 1], float(length[chosen])
    seen = to_view(vertices[0], lateral=False)
    hand = seen[seen[:, 1] < FOREARM * size]
    low, high = hand[:, :2].min(axis=0), hand[:, :2].max(axis=0)
    pixel_mm = float(high[1] - low[1]) / (HEIGHT - MARGIN)
    width = int(np.ceil((high[0] - low[0]) / pixel_mm)) + 2 * MARGIN
    corner = low - MARGIN * pixel_mm
    front = front_depth(vertices, model.surface.faces, corner, pixel_mm / FINE, (HEIGHT * FINE, width * FINE))
    places = (marks[chosen, :, :2] - corner) / pixel_mm
    landmarks = {name: (float(x), float(y)) for name, (x, y) in zip(model.names, places, strict=True)}
    return ReferencePicture(
        png(shaded(front, pixel_mm / FINE, smooth_mm=1.0)),
        (width, HEIGHT),
        {name: landmarks[name] for name in protocol.names},
    )
