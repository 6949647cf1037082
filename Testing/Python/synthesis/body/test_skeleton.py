"""Reading a skeleton: the surfaces come back as stored, and every bad file is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.synthesis.body.skeleton import (
    VARIABLE,
    Skeleton,
    read_skeleton,
    skeleton_path,
    thinned,
)
from LandmarkDetectionLib.typing import Array
from Testing.examples.skeleton import ball, rod
from Testing.examples.small_skeleton import closed, is_closed, small_skeleton, store, volumes


@pytest.fixture
def two_bones() -> Skeleton:
    return closed(
        {"Right_femur": [rod((0, 0, 0), (0, 0, 80), 9), ball((0, 0, 90), 15)], "Axis": [ball((40, 0, 0), 9)]}
    )


def test_a_stored_skeleton_comes_back(two_bones: Skeleton, tmp_path: Path) -> None:
    found = read_skeleton(store(two_bones, tmp_path / "bones.npz"))
    assert found.names == ("Right_femur", "Axis")
    np.testing.assert_array_equal(found.vertices, two_bones.vertices)
    np.testing.assert_array_equal(found.faces, two_bones.faces)
    np.testing.assert_array_equal(found.bone("Axis"), two_bones.vertices[two_bones.vertex_start[1] :])
    assert is_closed(found)


def test_every_vertex_and_face_knows_its_bone(two_bones: Skeleton) -> None:
    np.testing.assert_array_equal(
        two_bones.bone_of_vertex[two_bones.faces], np.repeat(two_bones.bone_of_face[:, None], 3, axis=1)
    )
    assert set(two_bones.by_name()) == set(two_bones.names)


def test_the_small_skeleton_is_closed_and_turned_outwards() -> None:
    skeleton = small_skeleton()
    assert is_closed(skeleton)
    assert volumes(skeleton).min() > 0
    assert 1600 < np.ptp(skeleton.vertices[:, 2]) < 1700


def test_a_path_counts_more_than_the_variable_and_the_variable_more_than_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("given.npz", "named.npz"):
        (tmp_path / name).touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "named.npz"))
    assert skeleton_path(tmp_path / "given.npz").name == "given.npz"
    assert skeleton_path().name == "named.npz"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    with pytest.raises(InputError, match="landmark-detection"):
        skeleton_path()


def test_a_missing_skeleton_is_a_sentence_that_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no bones at .*none\.npz; download BodyParts3D.*LANDMARK") as found:
        read_skeleton(tmp_path / "none.npz")
    assert "\n" not in str(found.value)
    assert "skeleton" in found.value.about


def test_what_is_no_archive_of_bones_is_refused_with_its_name(two_bones: Skeleton, tmp_path: Path) -> None:
    whole = store(two_bones, tmp_path / "whole.npz").read_bytes()
    np.savez(tmp_path / "other.npz", names=np.array(["Axis"]))
    files = {
        "truncated.npz": whole[: len(whole) // 2],
        "empty.npz": b"",
        "text.npz": b"bones",
        "other.npz": (tmp_path / "other.npz").read_bytes(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name} holds no bones .*import BodyParts3D again") as found:
            read_skeleton(tmp_path / name)
        assert "\n" not in str(found.value)


def test_surfaces_that_do_not_fit_are_refused_with_the_name_of_the_file(
    two_bones: Skeleton, tmp_path: Path
) -> None:
    own = two_bones.faces - np.repeat(two_bones.vertex_start[:-1], np.diff(two_bones.face_start))[:, None]
    beyond, before, infinite = own.copy(), own.copy(), two_bones.vertices.copy()
    beyond[0, 0], before[-1, 2] = two_bones.vertex_start[1], -1
    infinite[3, 1] = np.nan
    cases: dict[str, tuple[str, Array]] = {
        "another bone": ("faces", beyond),
        "of another": ("faces", before),
        "names and vertices": ("names", np.array(["Axis"])),
        "do not fit": ("vertices", two_bones.vertices[:-1]),
        "finite": ("vertices", infinite),
    }
    for sentence, (key, value) in cases.items():
        file = store(two_bones, tmp_path / "bad.npz", **{key: value})
        with pytest.raises(InputError, match=f"bad.npz.*{sentence}.*import"):
            read_skeleton(file)


@settings(max_examples=15)
@given(st.floats(0.5, 40.0), st.integers(0, 1000))
def test_thinner_surfaces_stay_closed_and_keep_to_their_bones(cell: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    skeleton = closed(
        {
            "One": [ball(rng.normal(0, 30, 3), rng.uniform(5, 40), 120)],
            "Other": [rod(rng.normal(0, 30, 3), rng.normal(0, 90, 3), 7.0)],
        }
    )
    thin = thinned(skeleton, cell)
    assert is_closed(thin)
    assert len(thin.vertices) <= len(skeleton.vertices)
    assert thin.vertex_start[-1] == len(thin.vertices)
    assert thin.face_start[-1] == len(thin.faces)
    np.testing.assert_array_equal(
        thin.bone_of_vertex[thin.faces], np.repeat(thin.bone_of_face[:, None], 3, axis=1)
    )
    # Merged vertices are means of those of their own cell, and none moves farther than across it.
    for name in skeleton.names:
        gap = np.linalg.norm(skeleton.bone(name)[:, None] - thin.bone(name), axis=2)
        assert gap.min(axis=1).max() <= cell * 3**0.5 + 1e-3


def test_thinner_bones_keep_their_volume() -> None:
    skeleton = small_skeleton()
    thin = thinned(skeleton, 3.0)
    assert is_closed(thin)
    big = volumes(skeleton) > 5000
    np.testing.assert_allclose(volumes(thin)[big], volumes(skeleton)[big], rtol=0.12)


def test_real_bones_are_turned_outwards_and_stay_so_when_thinned(real_skeleton: Path) -> None:
    skeleton = read_skeleton(real_skeleton)
    assert volumes(skeleton).min() > 0
    big = volumes(skeleton) > 3000
    np.testing.assert_allclose(volumes(thinned(skeleton, 3.0))[big], volumes(skeleton)[big], rtol=0.2)
