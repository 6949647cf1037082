"""Coordinate frames stand where their landmarks say, say how sure that is, or say why they are not there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.alignment.frames import PlacedFrame, place_frames
from LandmarkDetectionLib.alignment.rotations import radius_95, rotation_vectors
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from Testing.examples.measurement_cases import FACE, in_picture, in_space, protocol_of

# A pelvis that stands upright in the frame that the anterior pelvic plane defines.
PELVIS = {
    "asis_right": (120.0, 0.0, 0.0),
    "asis_left": (-120.0, 0.0, 0.0),
    "pubic_symphysis": (0.0, 0.0, -90.0),
    "psis_right": (40.0, -150.0, 10.0),
    "psis_left": (-40.0, -150.0, 10.0),
}
PELVIC = Protocol.model_validate(
    {
        **protocol_of([], list(PELVIS)).model_dump(),
        "frames": [
            one
            for one in load_protocol("whole-body-bones").model_dump()["frames"]
            if one["name"] == "anterior_pelvic_plane"
        ],
    }
)
VECTORS = st.tuples(*[st.floats(-3.0, 3.0)] * 3)
MIRROR = Affine(np.diag([-1.0, 1.0, 1.0, 1.0]))


def placed(landmarks: LandmarkSet, protocol: Protocol = PELVIC, **more: float) -> PlacedFrame:
    return place_frames(landmarks, protocol, **more)[0]


def pelvis(**changed: tuple[float, float, float]) -> LandmarkSet:
    return in_space({**PELVIS, **changed}, 1.0)


@settings(max_examples=20)
@given(turn=VECTORS, shift=VECTORS)
def test_a_frame_goes_with_the_patient(turn: tuple[float, ...], shift: tuple[float, ...]) -> None:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = Rotation.from_rotvec(turn).as_matrix(), np.multiply(shift, 100)
    moved = pelvis().transformed(Affine(matrix))
    found = placed(moved)
    np.testing.assert_allclose((found.transform @ Affine(matrix)).matrix, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(found.origin, matrix[:3, 3], atol=1e-9)
    # How sure it is does not change either, as it is told along the frame's own axes.
    here = placed(pelvis())
    assert found.turning is not None and here.turning is not None
    np.testing.assert_allclose(found.turning, here.turning, rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(found.shifting, here.shifting, rtol=2e-3, atol=1e-4)


def test_axes_are_right_handed_and_the_first_runs_along_its_line() -> None:
    found = placed(pelvis(pubic_symphysis=(30.0, 5.0, -90.0), asis_right=(118.0, 4.0, 6.0)))
    axes = found.transform.linear
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    line = np.subtract((118.0, 4.0, 6.0), PELVIS["asis_left"])
    np.testing.assert_allclose(axes[0], line / np.linalg.norm(line), atol=1e-12)
    symphysis = found.transform.apply([30.0, 5.0, -90.0])
    assert symphysis[1] == pytest.approx(0.0, abs=1e-9)  # in the plane that the frame is named after


def test_uncertainty_is_that_of_the_lines_worked_out_by_hand() -> None:
    found = placed(pelvis())
    assert found.method == "first order" and found.turning is not None and found.shifting is not None
    sd = np.sqrt(np.diag(found.turning))
    across = np.degrees(np.sqrt(2) / 240)  # two ends of 240 mm
    nod = np.degrees(np.sqrt(1 + 0.5) / 90)  # the symphysis against the middle of the spines
    np.testing.assert_allclose(sd, [nod, across, across], rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(found.shifting)), np.sqrt(0.5), rtol=1e-6)


def test_the_stated_region_holds_the_truth_in_95_of_100_cases() -> None:
    rng, cases, held = np.random.default_rng(3), 600, 0
    for _ in range(cases):
        seen = {name: np.add(place, rng.normal(0, 3.0, 3)) for name, place in PELVIS.items()}
        found = placed(in_space(seen, 3.0))
        error = rotation_vectors(found.transform.linear[None])[0]
        assert found.turning is not None
        held += (
            float(error @ np.linalg.solve(found.turning, error)) < 7.815
        )  # chi-squared, 3 degrees of freedom
    assert 0.93 <= held / cases <= 0.97


def test_the_radius_holds_95_of_100_errors() -> None:
    rng = np.random.default_rng(0)
    for sides in ((1.0, 1.0, 1.0), (3.0, 1.0, 0.5), (2.0, 0.0, 0.0)):
        errors = rng.normal(0, 1, (50_000, 3)) * sides
        share = (np.linalg.norm(errors, axis=1) < radius_95(np.diag(np.square(sides)))).mean()
        assert 0.94 <= share <= 0.965


@given(VECTORS)
def test_turns_become_vectors_and_come_back(vector: tuple[float, ...]) -> None:
    turn = Rotation.from_rotvec([vector]).as_matrix()
    back = rotation_vectors(turn)
    np.testing.assert_allclose(Rotation.from_rotvec(back, degrees=True).as_matrix(), turn, atol=1e-9)
    assert np.linalg.norm(back) <= 180.0 + 1e-9


def test_a_turn_that_is_not_defined_stays_so() -> None:
    found = rotation_vectors(np.stack([np.full((3, 3), np.nan), np.eye(3)]))
    assert np.isnan(found[0]).all() and (found[1] == 0).all()


def test_a_half_turn_and_none_are_told() -> None:
    found = rotation_vectors(np.array([np.diag([1.0, -1.0, -1.0]), np.eye(3)]))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [180.0, 0.0])


def test_a_frame_of_a_patient_lying_otherwise_says_so() -> None:
    prone = pelvis().transformed(Affine(np.diag([-1.0, -1.0, 1.0, 1.0])))
    found = placed(prone)
    assert found.turned == pytest.approx(180.0)
    assert "turned by 180 degrees" in found.remarks[0]


# --- what gives no frame ---


def test_missing_and_absent_landmarks_are_named() -> None:
    rest = in_space({name: place for name, place in PELVIS.items() if name != "asis_left"})
    assert placed(rest).gap == "needs asis_left, which is not among the landmarks"
    absent = Landmark("asis_left", np.full(3, np.nan), Status.ABSENT)
    found = placed(LandmarkSet((*rest, absent)))
    assert (found.gap, found.needs) == ("needs asis_left, which is absent", ("asis_left",))
    with pytest.raises(ValueError, match="needs asis_left"):
        _ = found.transform


def test_mirrored_and_exchanged_landmarks_give_no_frame() -> None:
    for wrong in (pelvis().transformed(MIRROR), pelvis(asis_right=(-120, 0, 0), asis_left=(120, 0, 0))):
        assert placed(wrong).gap.startswith("right and left look exchanged, or the scan mirrored")


def test_landmarks_on_one_line_or_one_spot_give_no_frame() -> None:
    assert "nearly on one line" in placed(pelvis(pubic_symphysis=(90.0, 0.0, -5.0))).gap
    assert "on the same spot" in placed(pelvis(asis_right=PELVIS["asis_left"])).gap


def test_landmarks_that_are_too_uncertain_give_no_frame() -> None:
    found = placed(in_space(PELVIS, 15.0))
    assert found.ras_to_frame is None and "too uncertain" in found.gap and "degrees" in found.gap


def test_what_keeps_everything_from_being_measured_keeps_frames_away_too() -> None:
    points = {**PELVIS, "shoulder_right": (-180.0, 0.0, 500.0), "shoulder_left": (180.0, 0.0, 500.0)}
    found = place_frames(in_space(points), load_protocol("whole-body-bones"))
    assert all(one.gap.startswith("right and left look swapped (shoulders)") for one in found)


def test_an_unknown_spread_is_said_and_one_for_people_may_be_assumed() -> None:
    found = placed(in_space(PELVIS))
    assert found.turning is None and found.turning_95 is None
    assert found.remarks == ("the spread of asis_right, asis_left, pubic_symphysis is unknown",)
    assumed, known = placed(in_space(PELVIS), rater_sd=1.0), placed(pelvis())
    assert assumed.turning_95 == pytest.approx(known.turning_95)
    assert known.turning_95 is not None and 1.5 < known.turning_95 < 3.0


# --- pictures ---


def test_a_frame_of_a_picture_turns_within_it() -> None:
    level = place_frames(in_picture(FACE, 1.0), load_protocol("cephalometric-19"))
    by_name = {one.name: one for one in level}
    frankfort = by_name["frankfort"]
    orbitale, porion = (np.multiply([*FACE[name], 0.0], -1) for name in ("orbitale", "porion"))
    places = frankfort.transform.apply(np.array([porion, orbitale]))
    # As files without an orientation have it: to the right of the picture is -R.
    np.testing.assert_allclose(places, [[0, 0, 0], [-np.hypot(78, 2), 0, 0]], atol=1e-9)
    assert frankfort.turning is not None
    sd = np.sqrt(np.diag(frankfort.turning))
    np.testing.assert_allclose(sd, [0, 0, np.degrees(np.sqrt(2) / np.hypot(78, 2))], rtol=1e-3, atol=1e-6)
    swapped = in_picture({**FACE, "porion": FACE["orbitale"], "orbitale": FACE["porion"]})
    gaps = {one.name: one.gap for one in place_frames(swapped, load_protocol("cephalometric-19"))}
    assert "porion and orbitale are exchanged" in gaps["frankfort"]


# --- definitions ---


def test_every_shipped_frame_stands_as_the_synthetic_body_does(repository: Path) -> None:
    """The true landmarks of the sample, a body that lies straight: no axis is called by a wrong name."""
    truth = read_landmarks(repository / "Resources" / "SampleData" / "synthetic-body-ct-truth.mrk.json")
    found = place_frames(truth, load_protocol("whole-body-bones"), rater_sd=1.0)
    assert len(found) == 7
    for one in found:
        assert not one.gap and one.turned < 45.0, (one.name, one.gap)
        assert one.turning_95 is not None and one.turning_95 < 5.0, one.name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"axes": [{"axis": "right", "line": ["a", "b"]}]}, "needs two axes"),
        (
            {"axes": [{"axis": "right", "line": ["a", "b"]}, {"axis": "left", "line": ["a", "c"]}]},
            "both axes of the frame 'f' run along 'right'",
        ),
        (
            {"axes": [{"axis": "right", "line": ["a", "a"]}, {"axis": "superior", "line": ["a", "c"]}]},
            "begins where it ends",
        ),
        ({"origin": "nose"}, "a frame names the unknown landmark 'nose'"),
        (
            {
                "axes": [
                    {"axis": "picture_right", "line": ["a", "b"]},
                    {"axis": "superior", "line": ["a", "c"]},
                ]
            },
            "names a direction that space does not have",
        ),
    ],
)
def test_a_wrong_definition_is_refused_in_words(change: dict, says: str) -> None:
    good = {
        "name": "f",
        "title": "F",
        "origin": "a",
        "axes": [{"axis": "right", "line": ["a", "b"]}, {"axis": "superior", "line": ["a", ["b", "c"]]}],
    }
    assert protocol_of([], "abc", frames=[good]).frames[0].landmarks == ("a", "b", "c")
    with pytest.raises(ValueError, match=says):
        protocol_of([], "abc", frames=[{**good, **change}])
    with pytest.raises(ValueError, match="defined twice"):
        protocol_of([], "abc", frames=[good, good])


def test_a_part_of_a_protocol_keeps_the_frames_of_its_landmarks() -> None:
    whole = load_protocol("whole-body-bones")
    part = whole.restricted(name for name in whole.names if "femoral" not in name)
    assert "frankfort" in {one.name for one in part.frames}
    assert not {one.name for one in part.frames} & {"femur_right", "femur_left", "body"}
