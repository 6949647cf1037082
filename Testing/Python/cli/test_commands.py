"""Commands take options in groups and alone name them; the library says in plain words what to choose."""

import ast
import inspect
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer.testing import CliRunner

from LandmarkDetectionLib.cli import app as program
from LandmarkDetectionLib.cli.commands import OTHER_COMMANDS, prepare, with_groups, with_options
from LandmarkDetectionLib.errors import InputError

#: How many parameters of a command a reader still sees at once.
MOST_PARAMETERS = 20
#: An option, and neither a dash between words nor a colour of a page's style.
OPTION = re.compile(r"(?<![\w(-])--[a-z][a-z-]*(?![\w-]*:)")


@dataclass(frozen=True)
class Place:
    """Where something is."""

    town: str
    street: Annotated[str, typer.Option("--street", "-s", help="Which street.")] = "Main"


def registered(part: typer.Typer) -> Iterator[typer.models.CommandInfo]:
    """All commands, those of groups included."""
    yield from part.registered_commands
    for group in part.registered_groups:
        assert group.typer_instance is not None
        yield from registered(group.typer_instance)


def library(repository: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Modules below the command line."""
    folder = repository / "LandmarkDetectionLib"
    for path in sorted(folder.rglob("*.py")):
        if "cli" not in path.relative_to(folder).parts:
            yield path.relative_to(folder), ast.parse(path.read_text(encoding="utf-8"))


def sentences(module: ast.Module) -> Iterator[str]:
    """Its strings, without those that document it."""
    documents = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


def test_a_group_becomes_one_option_for_each_field_in_order() -> None:
    seen = []

    def send(letter: Annotated[str, typer.Argument()], place: Place, *, fast: bool = False) -> None:
        seen.append((letter, place, fast))

    assert list(inspect.signature(with_groups(send)).parameters) == ["letter", "town", "street", "fast"]
    app = typer.Typer()
    app.command()(send)
    prepare(app.registered_commands)
    assert CliRunner().invoke(app, ["hello", "Rome", "-s", "Corso", "--fast"]).exit_code == 0
    assert CliRunner().invoke(app, ["hello", "Rome"]).exit_code == 0
    assert seen == [("hello", Place("Rome", "Corso"), True), ("hello", Place("Rome"), False)]
    assert CliRunner().invoke(app, ["hello"]).exit_code == 2


def test_a_command_without_groups_stays_what_it_is() -> None:
    def plain(letter: str) -> None: ...

    assert with_groups(plain) is plain


def test_no_command_has_more_parameters_than_a_reader_can_follow() -> None:
    commands = [one.callback for one in registered(program.app) if one.callback is not None]
    assert len(commands) > 30
    for command in commands:
        assert len(inspect.signature(inspect.unwrap(command)).parameters) <= MOST_PARAMETERS, command


def test_no_sentence_of_the_library_names_an_option_of_the_command_line(repository: Path) -> None:
    assert OPTION.search("give a higher --threshold.") and not OPTION.search("color: var(--ink); --ink: #123")
    named = [
        f"{path}: {text}"
        for path, module in library(repository)
        for text in sentences(module)
        if OPTION.search(text)
    ]
    assert named == []


def test_what_errors_are_about_is_an_option_of_some_command(repository: Path) -> None:
    options = {
        parameter
        for one in registered(program.app)
        if one.callback is not None
        for parameter in inspect.signature(one.callback).parameters
    }
    about = {
        constant.value
        for _, module in library(repository)
        for keyword in ast.walk(module)
        if isinstance(keyword, ast.keyword) and keyword.arg == "about"
        for constant in ast.walk(keyword.value)
        if isinstance(constant, ast.Constant)
    }
    assert {"threshold", "depth", "device", "channel", "image", "protocol", "moved"} <= about
    assert about <= options | set(OTHER_COMMANDS)


def test_an_error_keeps_what_it_is_about_on_its_way_from_another_process() -> None:
    problem = pickle.loads(pickle.dumps(InputError("Give another threshold.", about="threshold")))
    assert (str(problem), problem.about) == ("Give another threshold.", ("threshold",))
    assert InputError("Nothing to choose.").about == ()


def test_options_stand_in_brackets_at_the_end_of_a_sentence() -> None:
    assert with_options("Give a name.", "--rename", "--split") == "Give a name (--rename, --split)."
    assert with_options("Give a name.") == "Give a name."


def test_the_command_line_names_the_options_that_the_library_speaks_of(
    tiny_model: Path, tmp_path: Path, cli: Callable
) -> None:
    points = tmp_path / "points.csv"
    points.write_text("name,x,y,z\nfoo,1,2,3\nbar,2,3,4\n")
    (tmp_path / "model.zip").write_bytes(b"PK")
    ruled = cli("measure", points, "--protocol", "whole-body", "--ruler", "1,2,3,4=10")
    assert ruled.err == "Error: A ruler is marked in pixels of the image; give the image (--image).\n"
    assert "choose theirs (--protocol)." in cli("measure", points).err
    assert "choose theirs (--protocol)." in cli("measure", points, "--json").err
    answer = cli("detect", points, "--model", tmp_path / "model.zip")
    assert answer.code == 4 and "(landmark-detection models install)." in answer.err


def test_an_option_that_a_command_lacks_is_not_named_by_it() -> None:
    def fail(letter: Annotated[str, typer.Option()] = "") -> None:
        raise InputError("Give another threshold.", about=("threshold", "letter"))

    app = typer.Typer()
    app.command()(fail)
    prepare(app.registered_commands)
    assert str(CliRunner().invoke(app, []).exception) == "Give another threshold (--letter)."
