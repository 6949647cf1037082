"""A reader of the target sees the old file or the new one, whatever happens while writing."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from LandmarkDetectionLib import files
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import (
    atomic_folder,
    atomic_write,
    create_once,
    read_json,
    read_text,
    require_not_inputs,
    results_folder,
    write_text,
)


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

    def write() -> None:
        with atomic_write(tmp_path / "old.csv") as temporary:
            temporary.write_text("half of the n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
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

    def write() -> None:
        with atomic_write(tmp_path / "x.csv") as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"no space left on device; nothing was changed\.$"):
        write()
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


def test_a_folder_of_work_that_fails_goes_again_unless_it_holds_something(tmp_path):
    folder = tmp_path / "runs" / "hips"
    with pytest.raises(KeyError), results_folder(folder):
        assert folder.is_dir()
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), results_folder(folder):
        (folder / "checkpoint").touch()
        raise KeyError
    assert (folder / "checkpoint").exists()
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(KeyError), results_folder(folder):
        raise KeyError
    assert folder.is_dir()


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

    def write() -> None:
        with atomic_folder(tmp_path / "model") as new:
            (new / "new.txt").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert [entry.name for entry in tmp_path.rglob("*")] == ["model", "old.txt"]


def test_a_folder_is_not_written_over_a_file_or_without_a_parent(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="there is a file of this name"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(OutputError, match="does not exist"), atomic_folder(tmp_path / "no" / "model"):
        pass
    assert (tmp_path / "file").read_text() == "x"


EXCHANGES = pytest.mark.parametrize("one_step", [True, False])


@EXCHANGES
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_killed_exchange_leaves_a_whole_folder_and_the_next_writer_clears_up(tmp_path, one_step, before):
    """Killed before, between and after the renames; between them there is nothing in one step."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "file").write_text("old")
    script = (
        "import os, sys; from pathlib import Path; from LandmarkDetectionLib import files\n"
        "rename, left = Path.rename, int(sys.argv[2])\n"
        "def dying(self, target):\n"
        "    global left\n"
        "    if left == 0: os._exit(9)\n"
        "    left -= 1\n"
        "    return rename(self, target)\n"
        "Path.rename = dying\n"
        "if sys.argv[3] == 'False': files._exchange = lambda *_: False\n"
        "if left == 0: files._exchange = lambda *_: os._exit(9)\n"
        "files.shutil.rmtree = lambda *_, **__: os._exit(9)\n"
        "with files.atomic_folder(sys.argv[1]) as new: (new / 'file').write_text('new')\n"
    )
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", script, str(tmp_path / "model"), str(before), str(one_step)]
    assert subprocess.run(words, cwd=root, check=False).returncode == 9
    if one_step or before != 1:
        assert (tmp_path / "model" / "file").read_text() == ("old" if before == 0 else "new")
    files.tidy(tmp_path)
    assert (tmp_path / "model" / "file").read_text() in ("old", "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_what_is_being_written_by_another_is_left_alone(tmp_path):
    with atomic_folder(tmp_path / "first") as first:
        (first / "file").write_text("x")
        with atomic_folder(tmp_path / "second") as second:
            (second / "file").write_text("y")
        files.tidy(tmp_path)
        assert (first / "file").read_text() == "x"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["first", "second"]


@pytest.mark.parametrize("name", [".writing-abc-model.nii.gz", ".unpacking-abc", ".removed-abc"])
def test_remains_without_a_lock_go_after_a_day(tmp_path, name):
    left = tmp_path / name
    if name.startswith(".writing"):
        left.write_text("half")
    else:
        left.mkdir()
        (left / "weights").write_text("half")
    files.tidy(tmp_path)
    assert left.exists()
    os.utime(left, (0, 0))
    files.tidy(tmp_path)
    assert not left.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
def test_the_umask_is_followed_and_never_touched(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the umask is the whole process's"))
        threads = [threading.Thread(target=write_text, args=(tmp_path / f"{n}.csv", "x")) for n in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        create_once(tmp_path / "once.csv", "x")
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o640}
    assert len(list(tmp_path.iterdir())) == 9


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_private_file_is_private_while_it_is_written_anew(tmp_path):
    write_text(tmp_path / "secret", "old")
    (tmp_path / "secret").chmod(0o600)
    with atomic_write(tmp_path / "secret") as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


# --- what is read ---


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_a_device_and_a_folder_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", Path(os.devnull), tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        for read in (read_text, read_json):
            with pytest.raises(InputError, match="Cannot read"):
                read(path)


def test_a_name_that_is_no_text_survives_in_json(tmp_path):
    write_text(tmp_path / "a.json", '{"file": "\udcff\udce4.png"}')
    assert read_json(tmp_path / "a.json") == {"file": "\udcff\udce4.png"}


@pytest.mark.parametrize("way", ["same", "dots", "symbolic link", "hard link"])
def test_an_output_that_is_an_input_is_refused_however_it_is_named(tmp_path, way):
    (tmp_path / "in.png").write_text("x")
    other = {"same": tmp_path / "in.png", "dots": tmp_path / ".." / tmp_path.name / "in.png"}.get(
        way, tmp_path / "other.png"
    )
    if way == "symbolic link":
        other.symlink_to("in.png")
    elif way == "hard link":
        other.hardlink_to(tmp_path / "in.png")
    with pytest.raises(OutputError, match="would be lost"):
        require_not_inputs([tmp_path / "new.csv", other], [tmp_path / "none", tmp_path / "in.png"])
    with pytest.raises(OutputError, match="named twice"):
        require_not_inputs([tmp_path / "in.png", other], [])
    require_not_inputs([tmp_path / "in.png", Path(os.devnull)], [Path(os.devnull), tmp_path])
