"""A reader of the target sees the old file or the new one, whatever happens while writing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import atomic_folder, atomic_write, write_text


def test_a_new_file_appears_complete_and_alone(tmp_path):
    with atomic_write(tmp_path / "new.csv") as temporary:
        temporary.write_text("a,b")
        assert not (tmp_path / "new.csv").exists()
    assert (tmp_path / "new.csv").read_text() == "a,b"
    assert [entry.name for entry in tmp_path.iterdir()] == ["new.csv"]


@pytest.mark.parametrize("name", ["volume.nii.gz", "points.mrk.json", ".hidden.csv", "ünïcode.json"])
def test_the_temporary_file_ends_like_the_target_and_lies_beside_it(tmp_path, name):
    with atomic_write(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(name.lstrip("."))
        assert temporary.name.startswith(".")
    assert (tmp_path / name).exists()


def test_an_error_in_the_block_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "old.csv") as temporary:
        temporary.write_text("half of the n")
        1 / 0  # noqa: B018
    assert (tmp_path / "old.csv").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.csv"]


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path):
    (tmp_path / "old.csv").write_text("old")
    script = (
        "import os, sys; from LandmarkDetectionLib.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "old.csv")], cwd=root, check=False)
    assert done.returncode == 9
    assert (tmp_path / "old.csv").read_text() == "old"


def test_a_missing_folder_is_one_sentence_with_what_to_do(tmp_path):
    with pytest.raises(OutputError, match=r"the folder .* does not exist; create it first\.$"):
        write_text(tmp_path / "nowhere" / "x.csv", "x")


def test_a_folder_as_target_is_refused(tmp_path):
    with pytest.raises(OutputError, match="it is a folder"):
        write_text(tmp_path, "x")


def test_a_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="does not exist"):
        write_text(tmp_path / "file" / "x.csv", "x")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="permission denied"):
            write_text(tmp_path / "x.csv", "x")
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_one_sentence_and_keeps_the_old_file(tmp_path):
    write_text(tmp_path / "x.csv", "old")
    with (
        pytest.raises(OutputError, match=r"no space left on device; nothing was changed\.$"),
        atomic_write(tmp_path / "x.csv") as temporary,
    ):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "x.csv").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX file modes")
def test_permissions_are_those_of_the_old_file_or_the_usual_ones(tmp_path):
    write_text(tmp_path / "new.csv", "x")
    (tmp_path / "plain").touch()
    assert (tmp_path / "new.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "new.csv").chmod(0o640)
    write_text(tmp_path / "new.csv", "y")
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_text(tmp_path / "link.csv", "new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


# --- folders ---


def test_a_folder_is_exchanged_as_a_whole(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").write_text("old")
    with atomic_folder(tmp_path / "model") as new:
        (new / "new.txt").write_text("new")
        assert (tmp_path / "model" / "old.txt").exists()
    assert [entry.name for entry in (tmp_path / "model").iterdir()] == ["new.txt"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_an_error_in_the_block_keeps_the_old_folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old.txt").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "model") as new:
        (new / "new.txt").write_text("new")
        1 / 0  # noqa: B018
    assert [entry.name for entry in tmp_path.rglob("*")] == ["model", "old.txt"]


def test_a_folder_is_not_written_over_a_file_or_without_a_parent(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="there is a file of this name"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(OutputError, match="does not exist"), atomic_folder(tmp_path / "no" / "model"):
        pass
    assert (tmp_path / "file").read_text() == "x"
