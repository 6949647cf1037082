"""An agent reads and writes below the allowed folders, and nowhere else, whatever a path looks like."""

import os
from pathlib import Path

import pytest

from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError
from LandmarkDetectionLib.mcp_server.folders import Folders


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with an allowed one, a secret beside it, and one whose name begins like the allowed one's."""
    for name in ("allowed/inner", "allowed-too", "secret"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("allowed/scan.nii", "allowed-too/scan.nii", "secret/scan.nii"):
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.fixture
def folders(place: Path) -> Folders:
    return Folders.of([place / "allowed"])


def test_what_lies_in_the_folder_is_read_by_any_of_its_names(place: Path, folders: Folders) -> None:
    scan = (place / "allowed" / "scan.nii").resolve()
    for name in (
        "scan.nii",
        "inner/../scan.nii",
        str(scan),
        str(place / "secret" / ".." / "allowed" / "scan.nii"),
    ):
        assert folders.readable(name) == scan


@pytest.mark.parametrize(
    "name",
    [
        "../secret/scan.nii",
        "inner/../../secret/scan.nii",
        "../allowed-too/scan.nii",
        "/etc/hostname",
        "..",
        "/",
    ],
)
def test_what_lies_outside_is_neither_read_nor_written(folders: Folders, name: str) -> None:
    with pytest.raises(InputError, match="outside the allowed folders"):
        folders.readable(name)
    with pytest.raises(OutputError, match="outside the allowed folders"):
        folders.writable(name, overwrite=True)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5000])
def test_what_is_no_name_is_refused_in_a_sentence(folders: Folders, name: str) -> None:
    for ask in (folders.readable, lambda text: folders.writable(text, overwrite=True)):
        with pytest.raises(LandmarkDetectionError):
            ask(name)


def test_links_are_followed_before_it_is_asked_where_they_lie(place: Path, folders: Folders) -> None:
    (place / "allowed" / "file.nii").symlink_to(place / "secret" / "scan.nii")
    (place / "allowed" / "folder").symlink_to(place / "secret")
    (place / "allowed" / "inside.nii").symlink_to(place / "allowed" / "scan.nii")
    (place / "allowed" / "circle").symlink_to(place / "allowed" / "circle")
    for name in ("file.nii", "folder/scan.nii", "folder"):
        with pytest.raises(InputError, match="outside the allowed folders"):
            folders.readable(name)
        with pytest.raises(OutputError, match="outside the allowed folders"):
            folders.writable(name, overwrite=True)
    with pytest.raises(OutputError, match="outside the allowed folders"):
        folders.writable("folder/new.json", overwrite=False)
    assert folders.readable("inside.nii") == (place / "allowed" / "scan.nii").resolve()
    with pytest.raises(LandmarkDetectionError):
        folders.readable("circle")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_is_not_waited_for(place: Path, folders: Folders) -> None:
    os.mkfifo(place / "allowed" / "pipe.nhdr")
    with pytest.raises(InputError, match="is a pipe"):
        folders.readable("pipe.nhdr")


def test_a_folder_with_a_link_that_leads_outside_is_not_read(place: Path, folders: Folders) -> None:
    assert folders.readable("inner").is_dir()
    (place / "allowed" / "inner" / "deep").mkdir()
    (place / "allowed" / "inner" / "deep" / "0001.dcm").symlink_to(place / "secret" / "scan.nii")
    with pytest.raises(InputError, match="leads out of the allowed folders"):
        folders.readable("inner")


def test_an_allowed_folder_may_itself_be_a_link(place: Path) -> None:
    (place / "link").symlink_to(place / "allowed")
    folders = Folders.of([place / "link", place / "secret"])
    for name in ("scan.nii", str(place / "link" / "scan.nii"), str(place / "secret" / "scan.nii")):
        assert folders.readable(name).read_text() == "x"


def test_a_file_is_replaced_only_when_that_is_said(place: Path, folders: Folders) -> None:
    with pytest.raises(OutputError, match="there is such a file"):
        folders.writable("scan.nii", overwrite=False)
    assert folders.writable("scan.nii", overwrite=True).is_file()
    assert folders.writable("inner/new.json", overwrite=False) == (place / "allowed/inner/new.json").resolve()
    for name in ("nowhere/new.json", "inner"):
        with pytest.raises(OutputError, match="Cannot write"):
            folders.writable(name, overwrite=True)


def test_an_allowed_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        Folders.of([tmp_path / "nothing"])
