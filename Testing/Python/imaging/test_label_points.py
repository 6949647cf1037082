"""Rules find the points of drawn shapes in label maps of any grid, and say why where they find none."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.label_rules import LabelRule
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.label_points import LabelPoint, label_points
from Testing.examples.measurement_cases import protocol_of

SIZE = np.array([70, 64, 60])
HEAD = np.array([12.0, -8.0, 40.0])  # of a femur: a ball of 22 mm on a neck and a shaft
BALL_MM = 22.0


def rules_of(*rules: dict) -> tuple[LabelRule, ...]:
    return protocol_of([], [one["landmark"] for one in rules], label_rules=list(rules)).label_rules


def only(label_map: Volume, **rule: object) -> LabelPoint:
    (found,) = label_points(label_map, rules_of({"landmark": "x", "labels": [1], **rule}))
    return found


def drawn(*shapes: tuple[int, object], turn: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Volume:
    """Labels where functions of RAS mm are negative, in a grid of 2 x 2 x 2.5 mm that may be oblique."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(turn).as_matrix() * (-2.0, 2.0, 2.5)
    matrix[:3, 3] = -matrix[:3, :3] @ ((SIZE - 1) / 2)
    k, j, i = np.indices(SIZE[::-1])
    points = np.stack([i, j, k], -1) @ matrix[:3, :3].T + matrix[:3, 3]
    voxels = np.zeros(SIZE[::-1], np.uint8)
    for number, shape in shapes:
        voxels[shape(points) < 0] = number  # type: ignore[operator]
    return Volume(voxels, matrix, name="labels")


def ball(centre: np.ndarray, radius: float = BALL_MM):
    return lambda points: np.linalg.norm(points - centre, axis=-1) - radius


def rod(start: tuple[float, ...], stop: tuple[float, ...], radius: float):
    first, axis = np.array(start), np.subtract(stop, start)

    def distance(points: np.ndarray) -> np.ndarray:
        along = np.clip((points - first) @ axis / (axis @ axis), 0, 1)
        return np.linalg.norm(points - first - along[..., None] * axis, axis=-1) - radius

    return distance


def femur(points: np.ndarray) -> np.ndarray:
    neck = rod(tuple(HEAD), (40.0, -8.0, 5.0), 11.0)(points)
    shaft = rod((42.0, -8.0, 15.0), (38.0, -8.0, -55.0), 12.0)(points)
    return np.minimum(np.minimum(ball(HEAD)(points), neck), shaft)


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.2, -0.3, 0.4)])
def test_the_centre_of_a_femoral_head_is_found_beside_its_neck(turn: tuple[float, ...]) -> None:
    labels = drawn((1, femur), turn=turn)
    found = only(labels, kind="sphere_centre", part={"towards": "superior", "mm": 38})
    assert found.position is not None, found.gap
    assert np.linalg.norm(found.position - HEAD) < 2.0


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.2, -0.3, 0.4)])
@pytest.mark.parametrize(
    ("towards", "step"),
    [("right", (1, 0, 0)), ("left", (-1, 0, 0)), ("posterior", (0, -1, 0)), ("superior", (0, 0, 1))],
)
def test_the_extreme_of_a_ball_is_its_pole(
    turn: tuple[float, ...], towards: str, step: tuple[int, ...]
) -> None:
    labels = drawn((1, ball(np.zeros(3))), (1, ball(np.array([50.0, 45.0, 50.0]), 4.0)), turn=turn)
    found = only(labels, kind="extreme", towards=towards)  # an island beside it does not count
    pole = np.multiply(step, BALL_MM)
    assert found.position is not None
    assert abs((found.position - pole) @ np.array(step)) < 1.5
    assert np.linalg.norm(found.position - pole) < 4.0


def test_the_middle_and_the_ends_of_a_rod() -> None:
    start, stop = np.array([-20.0, 10.0, -40.0]), np.array([15.0, -5.0, 45.0])
    labels = drawn((1, rod(tuple(start), tuple(stop), 6.0)), turn=(0.1, 0.2, 0.0))
    middle = only(labels, kind="centroid")
    assert np.linalg.norm(middle.position - (start + stop) / 2) < 1.0
    direction = (stop - start) / np.linalg.norm(stop - start)
    for towards, end in (("superior", stop + 6 * direction), ("inferior", start - 6 * direction)):
        found = only(labels, kind="axis_end", towards=towards)
        assert np.linalg.norm(found.position - end) < 2.0


def test_two_bones_come_closest_where_their_joint_is() -> None:
    labels = drawn((1, ball(np.array([0.0, 0.0, 20.0]), 15.0)), (2, ball(np.array([0.0, 0.0, -20.0]), 15.0)))
    found = only(labels, kind="closest", to=[2])
    np.testing.assert_allclose(found.position, [0, 0, 0], atol=1.5)


def test_why_there_is_no_point_is_said() -> None:
    high = drawn(
        (1, ball(np.array([0.0, 0.0, 70.0]))), (2, ball(np.zeros(3), 1.2)), (3, ball(np.zeros(3), 15.0))
    )
    gaps = {
        "label 1 is cut by the border of the label map": {"kind": "extreme", "towards": "superior"},
        "label 7 is not in the label map": {"kind": "centroid", "labels": [7]},
        "labels 7, 8 is not in the label map": {"kind": "centroid", "labels": [7, 8]},
        "label 3 has no long axis": {"kind": "axis_end", "towards": "superior", "labels": [3]},
    }
    for gap, rule in gaps.items():
        found = only(high, **rule)
        assert (found.position, found.gap) == (None, gap)
    # Its lower pole is in the map, whatever happens above.
    assert only(high, kind="extreme", towards="inferior").position is not None
    box = drawn((1, lambda points: np.abs(points / (40.0, 10.0, 30.0)).max(axis=-1) - 1))
    assert only(box, kind="sphere_centre").gap == "the surface of label 1 is no sphere"
    assert "has only" in only(drawn((1, ball(np.array([1.0, 1.0, 1.2]), 1.5))), kind="centroid").gap


def test_an_image_is_no_label_map() -> None:
    image = Volume(np.full((4, 4, 4), 0.5, np.float32), np.eye(4), name="ct")
    with pytest.raises(InputError, match="ct holds numbers that are not whole"):
        label_points(image, rules_of({"landmark": "x", "kind": "centroid", "labels": [1]}))


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"kind": "centroid", "labels": []}, "at least 1 item"),
        ({"kind": "centroid", "labels": [0]}, "greater than or equal to 1"),
        ({"kind": "extreme", "labels": [1]}, "Field required"),
        ({"kind": "extreme", "labels": [1], "towards": "up"}, "Input should be"),
        ({"kind": "__import__('os')", "labels": [1]}, "does not match any of the expected tags"),
        ({"kind": "centroid", "labels": [1], "landmark": "y"}, "unknown landmark 'y'"),
    ],
)
def test_a_wrong_rule_is_refused(rule: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        protocol_of([], ["x"], label_rules=[{"landmark": "x", **rule}])
