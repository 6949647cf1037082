"""``landmark-detection skeleton``: from the archive's files to bones that synthetic bodies find."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.synthesis.body.skeleton import VARIABLE, read_skeleton
from Testing.examples.small_skeleton import boxes, small_skeleton

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OBJ files of a small skeleton, to the left, to the back and upwards."""
    folder = tmp_path_factory.mktemp("bp3d")
    skeleton = boxes(small_skeleton())
    for n, name in enumerate(skeleton.names):
        faces = skeleton.faces[skeleton.face_start[n] : skeleton.face_start[n + 1]] - skeleton.vertex_start[n]
        lines = [f"# English name : {name.replace('_', ' ')}"]
        lines += [f"v {-x} {-y} {z}" for x, y, z in skeleton.bone(name)]
        lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
        (folder / f"FJ{n}.obj").write_text("\n".join(lines))
    return folder


def test_bones_are_kept_where_bodies_look_for_them_and_their_credit_is_told(
    cli: Command, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "data"))
    answer = cli("skeleton", source)
    assert answer.code == 0, answer.err
    assert "230 bones" in answer.out
    assert "The Database Center for Life Science licensed under CC Attribution 4.0" in answer.out
    assert len(read_skeleton().names) == 230


def test_a_file_of_ones_own_is_named_and_a_script_gets_the_credit_too(
    cli: Command, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bones.npz"
    told = json.loads(cli("skeleton", source, "--out", out, "--json").out)
    assert told["files"] == [str(out)]
    assert told["bones"] == 230
    assert told["credit"].startswith("BodyParts3D")
    assert VARIABLE in cli("skeleton", source, "--out", out).out


def test_bad_input_is_a_sentence_and_leaves_what_was_there(cli: Command, tmp_path: Path) -> None:
    out = tmp_path / "bones.npz"
    out.write_bytes(b"as it was")
    (tmp_path / "empty").mkdir()
    for source, code, says in (
        (tmp_path / "none", 3, "there is no such folder or file"),
        (tmp_path / "empty", 3, "holds no OBJ file"),
    ):
        answer = cli("skeleton", source, "--out", out)
        assert answer.code == code
        assert says in answer.err
        assert "Traceback" not in answer.err
    assert cli("skeleton", tmp_path / "empty", "--out", tmp_path / "bones.txt").code == 5
    assert out.read_bytes() == b"as it was"
