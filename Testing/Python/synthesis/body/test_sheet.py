"""The sheet of synthetic scans."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.synthesis.body.sheet import SIDES, write_contact_sheet


def share_of(picture: Path, colour: tuple[int, int, int]) -> float:
    pixels = np.asarray(Image.open(picture)).astype(int)
    return float((np.abs(pixels - colour).sum(axis=2) < 12).mean())


def test_a_sheet_shows_bodies_with_landmarks_of_both_sides(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    write_contact_sheet(sheet, count=3, columns=2, seed=1)
    with Image.open(sheet) as picture:
        assert picture.size[0] > 600
        assert picture.size[1] > 1000  # two rows
    assert share_of(sheet, SIDES["right"]) > 1e-4
    assert share_of(sheet, SIDES["left"]) > 1e-4


def test_the_same_seed_gives_the_same_sheet(tmp_path: Path) -> None:
    for name, seed in (("one.png", 2), ("again.png", 2), ("other.png", 3)):
        write_contact_sheet(tmp_path / name, count=2, seed=seed)
    one, again, other = ((tmp_path / name).read_bytes() for name in ("one.png", "again.png", "other.png"))
    assert one == again != other


def test_a_sheet_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_contact_sheet(tmp_path / "missing" / "sheet.png", count=1)
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_can_show_the_bones(tmp_path: Path, own_skeleton: Path) -> None:
    plain, bony = tmp_path / "plain.png", tmp_path / "bony.png"
    write_contact_sheet(plain, count=2, seed=4, columns=2)
    write_contact_sheet(bony, count=2, seed=4, columns=2, bones=True)
    assert Image.open(bony).size == Image.open(plain).size
    assert bony.read_bytes() != plain.read_bytes()
