"""Every picture of the pages has a command that makes it, and every command is there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from Testing import make_pictures
from Testing.examples.pages import REPOSITORY, pages

STORED = sorted(
    path.relative_to(make_pictures.IMAGES).as_posix() for path in make_pictures.IMAGES.rglob("*.*")
)


@pytest.mark.parametrize("name", STORED)
def test_a_picture_has_a_command_and_a_page(name: str) -> None:
    assert make_pictures.of(name) is not None
    assert f"images/{name}" in "".join(page.read_text(encoding="utf-8") for page in pages())


def test_every_command_is_one_that_exists() -> None:
    import typer

    from LandmarkDetectionLib.cli.app import app

    program: Any = typer.main.get_command(app)
    for one in make_pictures.PICTURES:
        words = shlex.split(one.command)
        if words[:2] == ["-m", "LandmarkDetectionLib"]:
            known = {option for each in program.commands[words[2]].params for option in each.opts}
            assert {word for word in words if word.startswith("--")} <= known, one.command
        else:
            script = next(word for word in words if word.startswith("Testing/"))
            assert (REPOSITORY / script).exists(), one.command
        if not one.folder:
            assert not Path(one.names).is_absolute()
            assert one.made or "{images}" in one.command or re.search("draw_|cohort-report", one.command)


def test_a_picture_that_nobody_makes_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_pictures.of("drawn-by-hand.png") is None
    assert make_pictures.main(["drawn-by-hand.png"]) == 2
    assert "no picture of the pages" in capsys.readouterr().err


def test_the_list_names_every_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_pictures.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [one.names for one in make_pictures.PICTURES]
