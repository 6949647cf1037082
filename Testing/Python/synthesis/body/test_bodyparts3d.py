"""Import of BodyParts3D from tiny OBJ files made by code, laid out as the archive lays out its own."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.synthesis.body.bodyparts3d import (
    CREDIT,
    bone_names,
    import_bodyparts3d,
    write_skeleton,
)
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton, read_skeleton
from LandmarkDetectionLib.typing import Array
from Testing.examples.small_skeleton import boxes, is_closed, small_skeleton, volumes

ARCHIVE = np.array([-1.0, -1.0, 1.0])  # to the left, to the back, upwards
FINE = 1e-3  # mm; merges nothing but what is the same


@pytest.fixture(scope="module")
def coarse() -> Skeleton:
    """The bones of the small skeleton as boxes, so that text files of them are small."""
    return boxes(small_skeleton())


def obj(vertices: Array, faces: Array, name: str | None = None) -> str:
    head = ["# BodyParts3D", "#", "# Compatibility version : 4.0", "# Representation ID : BP1"]
    head += [f"# English name : {name}", "# Bounds(mm): (0,0,0)-(1,1,1)", "#"] if name else []
    corners = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in vertices]
    normals = ["vn 0.0 0.0 1.0"]
    return (
        "\n".join([*head, *corners, *normals, *(f"f {a}//1 {b}//1 {c}//1" for a, b, c in faces + 1)]) + "\n"
    )


def parts(skeleton: Skeleton) -> dict[str, tuple[Array, Array]]:
    """Vertices and own faces of every bone."""
    ends = zip(
        skeleton.names, skeleton.vertex_start, skeleton.face_start, skeleton.face_start[1:], strict=False
    )
    return {name: (skeleton.bone(name), skeleton.faces[a:b] - start) for name, start, a, b in ends}


def release_4(folder: Path, skeleton: Skeleton, axes: Callable[[Array], Array] | None = None) -> Path:
    """Files by element, their names in a comment."""
    inside = folder / "isa_BP3D_4.0_obj_99"
    inside.mkdir(parents=True)
    turned = axes or (lambda points: points * ARCHIVE)
    for n, (name, (points, faces)) in enumerate(parts(skeleton).items()):
        (inside / f"FJ{n + 3000}.obj").write_text(obj(turned(points), faces, name.replace("_", " ")))
    (inside / "FJ1.obj").write_text("# English name : Liver\nv 0 0 0\n")  # no bone; never read
    (folder / "readme.txt").write_text("A man.\n")
    return folder


def same_bones(found: Skeleton, expected: Skeleton) -> None:
    assert set(found.names) == set(expected.names)
    for name in expected.names:
        extent = [np.concatenate([one.bone(name).min(0), one.bone(name).max(0)]) for one in (found, expected)]
        np.testing.assert_allclose(*extent, atol=0.01, err_msg=name)
    assert is_closed(found)
    assert volumes(found).min() > 0
    order = [found.names.index(name) for name in expected.names]
    np.testing.assert_allclose(volumes(found)[order], volumes(expected), rtol=0.01, atol=5)


@pytest.fixture(scope="module")
def folder(coarse: Skeleton, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release_4(tmp_path_factory.mktemp("release") / "bp3d", coarse)


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Path:
    file = folder.parent / "isa_BP3D_4.0_obj_99.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.rglob("*.*")):
            archive.write(one, one.relative_to(folder))
        archive.writestr("__MACOSX/isa_BP3D_4.0_obj_99/._FJ3000.obj", "not a surface")
        archive.writestr("../../outside.obj", "v 0 0 0\n")
    return file


def test_a_folder_of_release_4_becomes_a_skeleton_in_ras(folder: Path, coarse: Skeleton) -> None:
    same_bones(import_bodyparts3d(folder, FINE), coarse)


def test_a_zip_file_is_read_in_place(bundle: Path, coarse: Skeleton) -> None:
    before = sorted(bundle.parent.parent.rglob("*"))
    same_bones(import_bodyparts3d(bundle, FINE), coarse)
    assert sorted(bundle.parent.parent.rglob("*")) == before


def test_names_come_from_the_list_of_parts_where_files_do_not_state_them(
    coarse: Skeleton, tmp_path: Path
) -> None:
    """As in release 3, whose files are named by concepts."""
    rows = ["id\ten"]
    for n, (name, (points, faces)) in enumerate(parts(coarse).items()):
        rows.append(f"FMA{n + 100}\t{name.replace('_', ' ')}")
        (tmp_path / f"FMA{n + 100}.obj").write_text(obj(points * ARCHIVE, faces))
    (tmp_path / "parts_list_e.txt").write_text("\n".join(rows) + "\n")
    same_bones(import_bodyparts3d(tmp_path, FINE), coarse)


def test_a_bone_in_several_elements_is_put_together(coarse: Skeleton, folder: Path, tmp_path: Path) -> None:
    release_4(tmp_path / "split", coarse)
    number = coarse.names.index("Sacrum") + 3000
    file = tmp_path / "split" / "isa_BP3D_4.0_obj_99" / f"FJ{number}.obj"
    points, faces = parts(coarse)["Sacrum"]
    file.unlink()
    shift = np.array([0.0, -300.0, 0.0])
    for name, moved in (("FJ9001", points), ("FJ9002", points + shift)):
        file.with_name(f"{name}.obj").write_text(obj(moved * ARCHIVE, faces, "Piece of sacrum"))
    table = "concept id\tname\telement file id\nFMA16202\tsacrum\tFJ9001\nFMA16202\tsacrum\tFJ9002\n"
    (tmp_path / "split" / "isa_element_parts.txt").write_text(table)
    found = import_bodyparts3d(tmp_path / "split", FINE)
    assert len(found.bone("Sacrum")) == 2 * len(points)
    np.testing.assert_allclose(
        np.ptp(found.bone("Sacrum"), axis=0)[1], np.ptp(points, axis=0)[1] + 300, atol=0.01
    )


@pytest.mark.parametrize(
    ("axes", "name"),
    [
        (lambda points: points, "RAS"),
        (lambda points: points[:, [0, 2, 1]] * (-1, 1, 1), "upwards along y"),
        (lambda points: points * (-1, 1, 1), "a mirror image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_axes_are_told_from_the_names_of_bones(
    axes: Callable[[Array], Array], name: str, coarse: Skeleton, tmp_path: Path
) -> None:
    same_bones(import_bodyparts3d(release_4(tmp_path / "turned", coarse, axes), FINE), coarse)


def test_faces_are_merged_to_fewer_that_stay_closed(folder: Path, coarse: Skeleton) -> None:
    fewer = import_bodyparts3d(folder, 25.0)
    assert len(fewer.faces) < 0.7 * len(coarse.faces)
    assert is_closed(fewer)


def test_what_was_imported_is_read_again(folder: Path, tmp_path: Path) -> None:
    found = import_bodyparts3d(folder)
    write_skeleton(found, tmp_path / "bones.npz")
    again = read_skeleton(tmp_path / "bones.npz")
    assert again.names == found.names
    np.testing.assert_array_equal(again.faces, found.faces)
    np.testing.assert_array_equal(again.vertices, found.vertices)
    with np.load(tmp_path / "bones.npz") as stored:
        assert str(stored["credit"]) == CREDIT
    with pytest.raises(OutputError):
        write_skeleton(found, tmp_path / "none" / "bones.npz")


def test_polygons_and_vertices_counted_from_the_end_are_read(
    coarse: Skeleton, folder: Path, tmp_path: Path
) -> None:
    release_4(tmp_path / "polygons", coarse)
    file = tmp_path / "polygons" / "isa_BP3D_4.0_obj_99" / f"FJ{coarse.names.index('Sacrum') + 3000}.obj"
    low, high = np.array([-30.0, -20, 900]), np.array([30.0, 20, 960])
    corners = [np.where([n & 1, n & 2, n & 4], high, low) for n in range(8)]
    faces = ["1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "-8 -4 -2 -6", "2/1 4/1 8/1 6/1"]
    lines = [f"v {x} {y} {z}" for x, y, z in corners] + [f"f {face}" for face in faces]
    file.write_text("# English name : Sacrum\n" + "\n".join(lines))
    found = import_bodyparts3d(tmp_path / "polygons", FINE)
    assert volumes(found)[found.names.index("Sacrum")] == pytest.approx(60 * 40 * 60)


def spoiled(folder: Path, content: str) -> None:
    (folder / "isa_BP3D_4.0_obj_99" / "FJ3000.obj").write_text(f"# English name : Sacrum\n{content}")


CUBE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\n"
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no OBJ file": (
        lambda f: [one.unlink() for one in f.rglob("*.obj")],
        "holds no OBJ file; give the folder",
    ),
    "a bone is missing": (
        lambda f: [one.unlink() for one in f.rglob("*.obj") if "Right femur" in one.read_text()],
        "lacks Right femur; give all",
    ),
    "no surface": (lambda f: spoiled(f, CUBE), "FJ3000.obj holds no closed surface"),
    "no number": (lambda f: spoiled(f, "v 0 0 x\n"), "FJ3000.obj is no OBJ file of triangles"),
    "too few numbers": (lambda f: spoiled(f, "v 0 0\n"), "FJ3000.obj is no OBJ file of triangles"),
    "not finite": (lambda f: spoiled(f, "v 0 0 nan\n" + CUBE + "f 2 3 4\n" * 4), "no closed surface"),
    "a vertex beyond": (lambda f: spoiled(f, CUBE + "f 1 2 9\n" * 4), "refers to a vertex that it lacks"),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_every_bad_folder_is_refused_with_a_sentence(case: str, coarse: Skeleton, tmp_path: Path) -> None:
    spoil, says = BAD[case]
    assert coarse.names[0] == "Sacrum"
    release_4(tmp_path / "bad", coarse)
    spoil(tmp_path / "bad")
    with pytest.raises(InputError, match=re.escape(says)) as found:
        import_bodyparts3d(tmp_path / "bad")
    assert str(tmp_path / "bad") in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("factor", [0.001, 0.1, 25.4])
def test_other_units_than_millimetres_are_refused(factor: float, coarse: Skeleton, tmp_path: Path) -> None:
    release_4(tmp_path / "units", coarse, lambda points: points * ARCHIVE * factor)
    with pytest.raises(InputError, match=r"mm tall, and a man's are 1400 to 2000 mm.*in millimetres"):
        import_bodyparts3d(tmp_path / "units")


def test_what_is_no_archive_is_refused_with_a_sentence(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder or file"):
        import_bodyparts3d(tmp_path / "none")
    (tmp_path / "text.zip").write_text("bones")
    with pytest.raises(InputError, match=r"text\.zip is no zip file"):
        import_bodyparts3d(tmp_path / "text.zip")
    content = bytearray(bundle.read_bytes())
    for place in range(200, len(content) // 2, 997):
        content[place] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.zip"):
        import_bodyparts3d(tmp_path / "damaged.zip")


def test_the_names_are_those_of_the_real_bones(real_skeleton: Path) -> None:
    assert set(read_skeleton(real_skeleton).names) == set(bone_names())


def test_the_names_are_all_different_and_those_of_the_small_skeleton_among_them() -> None:
    assert len(set(bone_names())) == len(bone_names())
    assert set(small_skeleton().names) <= set(bone_names())
