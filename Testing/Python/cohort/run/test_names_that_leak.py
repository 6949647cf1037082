"""Whatever a file, a folder or a header is called: no name comes into results, and none ends a run."""

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.cohort.results.records import CohortSettings, State, read_case, write_settings
from LandmarkDetectionLib.cohort.run.nameless import nameless
from LandmarkDetectionLib.cohort.run.plan import Job, Plan, plan_models
from LandmarkDetectionLib.cohort.run.privacy import without_names
from LandmarkDetectionLib.cohort.run.processing import process
from LandmarkDetectionLib.cohort.sources.case_source import CaseSource, companions, image_file, text_of
from LandmarkDetectionLib.cohort.sources.find import find_cases
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.volumes import read_volume, write_volume

BYTES = b"M\xfcstermann"
AWKWARD = [
    "Muster  mann",
    "Muster\tmann",
    "Muster\nmann",
    "Muster'mann\"",
    "[Muster] (mann) $1 \\g<0>",
    " Mustermann",
    "Mu\u0308stermann \u982d",
    os.fsdecode(BYTES),
]
PARTS = ("Muster", "mann", "stermann")


@pytest.fixture
def plan(detector: Path, tmp_path: Path) -> Plan:
    models = plan_models([str(detector)])
    (tmp_path / "out").mkdir()
    write_settings(tmp_path / "out", CohortSettings(tuple(one.settings for one in models)))
    return Plan(tmp_path / "out", models, device="cpu", pictures=False, threads=0, session="now")


def make(path: Path, write: Callable[[Path], object]) -> Path:
    """Write under a plain name, then give it the awkward one, which some file systems do not allow."""
    plain = path.parent.parent / f"plain{path.suffix}"
    write(plain)
    try:
        path.parent.mkdir(exist_ok=True)
        plain.replace(path)
    except OSError:
        pytest.skip("no such names here")
    return path


def everything_in(folder: Path) -> str:
    return "".join(
        f"{path}\n" + ("" if path.is_dir() else path.read_bytes().decode("latin-1"))
        for path in folder.rglob("*")
    ).replace(str(folder), "")


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
@pytest.mark.parametrize("ending", [".nii", ".mhd", ".nrrd"])
def test_a_name_is_in_no_record_whatever_is_wrong_with_the_file(
    name: str, ending: str, plan: Plan, tmp_path: Path
) -> None:
    path = make(tmp_path / name / f"{name}{ending}", lambda plain: plain.write_bytes(b"no image " * 50))
    ended = process(plan, Job("k1", image_file(path, tmp_path)))
    assert ended.state is State.FAILED
    assert "k1" in ended.reason
    assert not any(part in everything_in(plan.folder) + ended.reason for part in PARTS)


@pytest.mark.parametrize("name", [AWKWARD[2], AWKWARD[-1]], ids=ascii)
def test_a_case_of_any_name_is_done_with_identifiers_and_without(
    name: str, plan: Plan, bodies: list[Volume], tmp_path: Path
) -> None:
    path = make(tmp_path / name / f"{name}.nrrd", lambda plain: write_volume(bodies[0], plain))
    job = Job("k1", image_file(path, tmp_path))
    assert process(plan, job).state is State.DONE
    assert not any(part in everything_in(plan.folder) for part in PARTS)
    shutil.rmtree(plan.folder / "cases")
    assert process(replace(plan, identifiers=True), job).state is State.DONE
    assert read_case(plan.folder, "k1").source == text_of(path)
    path.write_bytes(b"damaged")
    assert " ".join(text_of(path).split()) in process(replace(plan, identifiers=True), job).reason


HEADERS = {
    ".mhd": (
        "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementSpacing = 1 1 2\nElementType = MET_SHORT\n"
        "ElementDataFile = {}\n"
    ),
    ".nhdr": (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\n"
        "space directions: (1,0,0) (0,1,0) (0,0,2)\nendian: little\nencoding: raw\ndata file: {}\n"
    ),
}
VOXELS = np.arange(24, dtype="<i2").reshape(2, 3, 4)
WAYS = {
    "one file": ("Mustermann.raw", {"Mustermann.raw": VOXELS}),
    "one file in a folder": ("Muster/Mustermann.raw", {"Muster/Mustermann.raw": VOXELS}),
    "a list": ("LIST\nMustermann-a.raw\nMustermann-b.raw", {
        "Mustermann-a.raw": VOXELS[0], "Mustermann-b.raw": VOXELS[1]
    }),
    "a pattern": ("Mustermann%02d.raw 1 2 1", {
        "Mustermann01.raw": VOXELS[0], "Mustermann02.raw": VOXELS[1]
    }),
}  # fmt: skip


@pytest.mark.parametrize("ending", HEADERS)
@pytest.mark.parametrize("way", WAYS)
def test_data_files_that_a_header_names_are_read_noticed_and_not_named(
    ending: str, way: str, tmp_path: Path
) -> None:
    said, files = WAYS[way]
    if ending == ".nhdr" and way in ("a list", "a pattern"):
        said = said.replace("LIST", "LIST 2") + (" 2" if way == "a pattern" else "")
    path = tmp_path / f"head{ending}"
    path.write_text(HEADERS[ending].format(said))
    for name, voxels in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(voxels.tobytes())
    assert sorted(map(str, companions(path))) == sorted(str(tmp_path / name) for name in files)
    case = image_file(path, tmp_path)
    with nameless(case, "k1") as plain:
        np.testing.assert_array_equal(plain.case.read()[0].voxels, read_volume(path).voxels)
        np.testing.assert_array_equal(plain.case.read()[0].voxels, VOXELS)
        assert not any("Muster" in one.name for one in plain.case.files[0].parent.iterdir())
        assert "Muster" not in plain.case.files[0].read_text()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("ending", HEADERS)
def test_a_data_file_that_is_missing_or_a_pipe_is_not_named_and_not_waited_for(
    ending: str, plan: Plan, tmp_path: Path
) -> None:
    path = tmp_path / f"head{ending}"
    path.write_text(HEADERS[ending].format("Mustermann.raw"))
    os.mkfifo(tmp_path / "Mustermann.raw")
    for _ in range(2):
        ended = process(plan, Job("k1", image_file(path, tmp_path)))
        assert ended.state is State.FAILED
        assert "missing" in ended.reason
        assert "Muster" not in everything_in(plan.folder) + ended.reason
        (tmp_path / "Mustermann.raw").unlink(missing_ok=True)
        shutil.rmtree(plan.folder / "cases")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_has_no_end_is_left_out_and_not_waited_for(
    bodies: list[Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    write_volume(bodies[0], tmp_path / "a.nii.gz")
    for name in ("pipe", "pipe.nii.gz", "pipe.dcm", "pipe.png"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "broken.nii.gz").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket.nrrd")
        found = find_cases(tmp_path)
        (tmp_path / "dataset_description.json").write_text("{}")
        (tmp_path / "sub-01.nii.gz").touch()
        (tmp_path / "sub-1" / "anat").mkdir(parents=True)
        os.mkfifo(tmp_path / "sub-1" / "anat" / "sub-1_T1w.nii.gz")
        write_volume(bodies[0], tmp_path / "sub-1" / "anat" / "sub-1_T2w.nii.gz")
        write_volume(bodies[0], tmp_path / "sub-1" / "sub-1_T1w.nii.gz")
        (tmp_path / "sub-1" / "Mustermann").mkdir()
        write_volume(bodies[0], tmp_path / "sub-1" / "Mustermann" / "x.nii.gz")
        bids = find_cases(tmp_path)
    assert [case.identity for case in found.cases] == ["a.nii.gz"]
    assert {one.identity for one in found.left_out if "no regular file" in one.reason} == {
        "pipe",
        "pipe.nii.gz",
        "pipe.dcm",
        "pipe.png",
        "broken.nii.gz",
        "socket.nrrd",
    }
    assert [case.identity for case in bids.cases] == ["sub-1/anat/sub-1_T2w.nii.gz"]
    assert not any("Muster" in one.kind + one.reason for one in bids.left_out)


NAMES = st.text(
    st.characters(categories=("L", "N", "Zs", "Cs"), include_characters="\t\n'\"\\._-"), min_size=4
)


@given(NAMES.filter(lambda name: len(name.strip()) > 3 and name not in (".", "..")))
def test_a_name_that_a_header_holds_is_taken_out_in_whatever_form_it_is_said(name: str) -> None:
    case = CaseSource("x", (Path("/data/x"),), "DICOM series", "1.2.3", description=name)
    for said in (name, repr(name)[1:-1], ascii(name)[1:-1], " ".join(name.split()), text_of(name)):
        assert without_names(f"The series '{said}' is odd.", case, "KEY").count("KEY") == 1
