"""One scan comes to lie onto another although some landmarks are wrong, and what does not fit is said."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.alignment.align import align
from LandmarkDetectionLib.alignment.fitting import fit
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import read_volume, write_volume
from LandmarkDetectionLib.measurement import Frame
from Testing.examples.measurement_cases import BODY, FACE, in_picture, in_space

CHI_SQUARED_3 = 7.815
"""95 % quantile for 3 degrees of freedom."""


def turned(vector: tuple[float, ...], shift: tuple[float, ...], scale: float = 1.0) -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = scale * Rotation.from_rotvec(vector).as_matrix(), shift
    return Affine(matrix)


def pair(
    rng: np.random.Generator, scale: float = 1.0, count: int = 30, wrong: int = 6, sd: float = 1.0
) -> tuple[np.ndarray, LandmarkSet, LandmarkSet, Affine]:
    """True places in the moved scan, both sets as they were found, and the true map."""
    places = rng.normal(0, 70, (count, 3))
    truth = turned(tuple(rng.normal(0, 0.8, 3)), tuple(rng.normal(0, 100, 3)), scale)
    sds = rng.uniform(0.5, 1.5, count) * sd
    seen = places + rng.normal(0, 1, (count, 3)) * sds[:, None]
    fixed = truth.apply(places) + rng.normal(0, 1, (count, 3)) * sds[:, None]
    fixed[rng.choice(count, wrong, replace=False)] += rng.normal(0, 40, (wrong, 3))

    def marks(points: np.ndarray) -> LandmarkSet:
        return LandmarkSet(
            tuple(
                Landmark(f"p{n}", point, covariance=np.eye(3) * one**2)
                for n, (point, one) in enumerate(zip(points, sds, strict=True))
            )
        )

    return places, marks(seen), marks(fixed), truth


@pytest.mark.parametrize("scale", [1.0, 1.15])
@pytest.mark.parametrize("known", [True, False])
def test_with_a_fifth_of_the_landmarks_wrong_the_scan_comes_within_a_millimetre(
    scale: float, known: bool
) -> None:
    rng, errors = np.random.default_rng(7), []
    for _ in range(12):
        places, moving, fixed, truth = pair(rng, scale, sd=0.6)
        if not known:
            moving, fixed = (
                LandmarkSet(tuple(Landmark(one.name, one.position) for one in marks))
                for marks in (moving, fixed)
            )
        found = align(moving, fixed, with_scale=scale != 1.0)
        apart = np.linalg.norm(found.transform.apply(places) - truth.apply(places), axis=1)
        errors.append(np.sqrt((apart**2).mean()))
        assert found.fit.scale == pytest.approx(scale, abs=0.01)
    assert np.max(errors) < 1.0


def test_wrong_landmarks_are_named_and_the_others_keep_their_residuals() -> None:
    points = in_space(BODY, 2.0)
    moved = points.transformed(turned((0.1, 0.2, -0.1), (30.0, 20.0, 10.0)))
    wrong = moved.with_landmark(
        Landmark("knee_left", moved["knee_left"].position + np.array([60.0, 0, 0]), covariance=np.eye(3) * 4)
    )
    found = align(points, wrong)
    assert found.wrong == ("knee_left",)
    assert found.remarks == ("Left out, because they do not fit the others: knee_left.",)
    rest = [far for name, far in zip(found.names, found.distances, strict=True) if name != "knee_left"]
    assert max(rest) < 1e-6 and found.distances[found.names.index("knee_left")] == pytest.approx(60.0)


def test_the_covariance_of_the_map_holds_the_truth_in_95_of_100_cases() -> None:
    rng, cases, held = np.random.default_rng(2), 250, 0
    target = np.array([[120.0, 40.0, -90.0]])
    for _ in range(cases):
        _, moving, fixed, truth = pair(rng, count=10, wrong=0)
        found = align(moving, fixed)
        mapped = found.transform.apply(target)
        error = (mapped - truth.apply(target))[0]
        held += float(error @ np.linalg.solve(found.fit.spread_at(mapped)[0], error)) < CHI_SQUARED_3
    assert 0.92 <= held / cases <= 0.98


def test_sure_landmarks_count_more() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 60, (12, 3))
    errors = np.eye(3) * np.where(np.arange(12) < 6, 0.1, 8.0)[:, None, None] ** 2
    seen = points + np.array([rng.multivariate_normal(np.zeros(3), one) for one in errors])
    weighted = fit(points, seen, np.zeros((12, 3, 3)), errors)
    alike = fit(points, seen)
    assert np.linalg.norm(weighted.apply(points) - points) < 0.2 * np.linalg.norm(
        alike.apply(points) - points
    )


# --- what does not fit ---


def test_a_mirrored_scan_is_refused() -> None:
    rng = np.random.default_rng(1)
    _, moving, fixed, _ = pair(rng, wrong=0)
    with pytest.raises(InputError, match="mirror image"):
        align(moving, fixed.transformed(Affine(np.diag([-1.0, 1.0, 1.0, 1.0]))))


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"a": (0, 0, 0), "b": (100, 0, 0)}, "they share 2, and 3 are needed"),
        ({"a": (0, 0, 0), "b": (100, 0, 0), "c": (200, 0.5, 0)}, "nearly on one line"),
        ({name: (1, 2, 3) for name in "abcd"}, "on one spot"),
    ],
)
def test_what_determines_no_turn_is_refused(points: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        align(in_space(points), in_space(points))


def test_landmarks_of_other_protocols_missing_and_absent_ones_are_said() -> None:
    body = in_space(BODY)
    with pytest.raises(InputError, match="no landmark in common"):
        align(body, in_space({"sella": (0, 0, 0)}))
    with pytest.raises(
        InputError, match="Cannot align by sella, which is not among the landmarks of what is moved"
    ):
        align(body, body, ["sella"])
    gone = body.with_landmark(Landmark("head_top", np.full(3, np.nan), "absent"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="head_top, which is absent of what stays"):
        align(body, gone, ["head_top"])
    assert "head_top" not in align(body, gone).names


def test_too_uncertain_landmarks_are_refused() -> None:
    small = {"a": (0, 0, 0), "b": (30, 0, 0), "c": (0, 30, 0), "d": (0, 0, 30)}
    with pytest.raises(InputError, match="too uncertain"):
        align(in_space(small, 15.0), in_space(small, 15.0))


def test_another_person_is_told_by_residuals_that_no_spread_explains() -> None:
    rng = np.random.default_rng(5)
    other = {name: tuple(np.add(place, rng.normal(0, 25, 3))) for name, place in BODY.items()}
    found = align(in_space(BODY, 1.0), in_space(other, 1.0))
    assert any("larger than the landmarks' spread explains" in text for text in found.remarks)


def test_few_landmarks_are_said_to_be_few() -> None:
    few = in_space(dict(list(BODY.items())[:5]))
    assert align(few, few).remarks == (
        "Only 5 landmarks are shared, and a wrong one among fewer than 6 cannot be told.",
    )


# --- pictures ---


def test_pictures_are_laid_onto_one_another_in_their_plane() -> None:
    face = in_picture(FACE, 0.5)
    moved = face.transformed(turned((0.0, 0.0, 0.3), (20.0, -15.0, 0.0)))
    frame = Frame.picture()
    found = align(face, moved, moving_frame=frame, fixed_frame=frame)
    np.testing.assert_allclose(found.transform.apply(face.positions), moved.positions, atol=1e-8)
    with pytest.raises(InputError, match="One is a picture and the other a volume"):
        align(face, moved, moving_frame=frame)


def test_without_a_pixel_size_only_a_similarity_is_honest() -> None:
    face = in_picture(FACE)
    larger = face.transformed(turned((0.0, 0.0, 0.1), (5.0, 5.0, 0.0), 1.5))
    unknown = Frame.picture(spacing_known=False)
    with pytest.raises(InputError, match="The pixel size of a picture is unknown"):
        align(face, larger, moving_frame=unknown, fixed_frame=unknown)
    found = align(face, larger, with_scale=True, moving_frame=unknown, fixed_frame=unknown)
    assert (found.unit, found.fit.scale) == ("px", pytest.approx(1.5))
    np.testing.assert_allclose(found.transform.apply(face.positions), larger.positions, atol=1e-8)


# --- the command ---


def test_the_command_writes_a_transform_and_the_image_by_its_header(tmp_path: Path, cli: Callable) -> None:
    transform = turned((0.0, 0.3, 0.1), (10.0, 20.0, 30.0))
    body = in_space(BODY)
    write_landmarks(body, tmp_path / "before.mrk.json")
    write_landmarks(body.transformed(transform), tmp_path / "after.mrk.json")
    matrix = np.array([[100.0, 0, 0, -200], [0, 100, 0, -150], [0, 0, 700, 0], [0, 0, 0, 1]])
    volume = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), matrix)
    write_volume(volume, tmp_path / "before.nrrd")
    answer = cli(
        *("align", tmp_path / "before.mrk.json", tmp_path / "after.mrk.json", "--json"),
        *(
            "--image",
            tmp_path / "before.nrrd",
            "--aligned",
            tmp_path / "moved.nrrd",
            "-o",
            tmp_path / "t.tfm",
        ),
    )
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    np.testing.assert_allclose(told["matrix"], transform.matrix, atol=1e-4)
    assert told["kind"] == "rigid" and {one["used"] for one in told["landmarks"]} == {True}
    moved = read_volume(tmp_path / "moved.nrrd")
    np.testing.assert_array_equal(moved.voxels, volume.voxels)
    np.testing.assert_allclose(moved.ijk_to_ras, (transform @ volume.affine).matrix, atol=1e-4)
    itk = sitk.ReadTransform(str(tmp_path / "t.tfm")).GetInverse()
    point = np.array(itk.TransformPoint([-1.0, -2.0, 3.0])) * [-1, -1, 1]
    np.testing.assert_allclose(point, transform.apply([1.0, 2.0, 3.0]), atol=1e-3)


def test_the_frame_command_writes_or_says_why_not(tmp_path: Path, cli: Callable) -> None:
    body = in_space({**BODY, "neck": (0.0, -40.0, 1450.0), "sternal_notch": (0.0, 40.0, 1400.0)}, 2.0)
    write_landmarks(body, tmp_path / "body.csv")
    answer = cli("frame", tmp_path / "body.csv", "--protocol", "whole-body", "--rater-sd", 2, "--json")
    (frame,) = json.loads(answer.out)["frames"]
    assert frame["name"] == "body" and frame["gap"] is None and frame["turning_95_deg"] < 1.5
    np.testing.assert_allclose(frame["origin_ras"], [0, 0, 900], atol=1e-6)
    out = tmp_path / "x.json"
    asked = ("frame", tmp_path / "body.csv", "--protocol", "whole-body")
    assert cli(*asked, "-o", out).code == 2 and not out.exists()
    assert "has no frame 'nose'; it has body" in cli(*asked, "--frame", "nose").err
    assert cli(*asked, "--frame", "body", "-o", out).code == 0
    assert json.loads(out.read_text())["to"] == "RAS mm of Axes of the trunk"
    write_landmarks(in_space({"hip_left": (0, 0, 0)}), tmp_path / "hip.csv")
    gap = cli("frame", tmp_path / "hip.csv", "--protocol", "whole-body", "--frame", "body")
    assert gap.code == 3 and "There is no frame body in hip.csv: needs Right hip" in gap.err
    none = cli("frame", tmp_path / "hip.csv", "--protocol", "hand")
    assert none.code == 3 and "The protocol hand defines no coordinate frames." in none.err
