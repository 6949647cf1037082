"""Every page has its place in the menu, every link leads somewhere, every command of a page exists."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing.examples.pages import DOCS, REPOSITORY, anchors, blocks, links, pages, prose
from Testing.install_extra import project


def of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# --- links ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages(), ids=of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(text_of(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(link)
        elif anchor and target.suffix == ".md" and anchor not in anchors(text_of(target)):
            broken.append(link)
    assert not broken


def test_a_broken_link_is_found() -> None:
    text = (
        "# A heading, `with` [a link](x.md)\n\n[b](y.md#a) ![c](z.png) [d](https://e.org)\n```\n[f](g)\n```\n"
    )
    assert list(links(text)) == ["x.md", "y.md#a", "z.png"]
    assert anchors(text + "## A heading, `with` a link\n") == {
        "a-heading-with-a-link",
        "a-heading-with-a-link-1",
    }


# --- the menu ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site() -> Any:
    """The settings of the site."""
    spec = importlib.util.spec_from_file_location("site_settings", DOCS / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_of_the_site_has_its_place_in_the_menu(site: Any) -> None:
    entries = re.findall(r"^/(\S+)$", site.menu(text_of(DOCS / "README.md")), re.MULTILINE)
    included = {
        of(path)
        for pattern in site.include_patterns  # of which Sphinx reads ** without a slash
        for path in REPOSITORY.glob(pattern.replace("**.md", "**/*.md"))
    }
    assert sorted(entries) == sorted(included - {"docs/README.md"})


def test_the_site_has_the_version_of_the_library(site: Any) -> None:
    from LandmarkDetectionLib import __version__

    assert site.version == __version__


# --- commands ---------------------------------------------------------------------------------------------


CALL = re.compile(r".*(?:landmark-detection(?::cuda|\.sif)?|-m LandmarkDetectionLib) +(.*)")


def commands(text: str) -> Iterator[list[str]]:
    """The words of every call of the program in blocks of shell, placeholders left out."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if call := CALL.match(line):
                yield shlex.split(call[1], comments=True)


def unknown(words: list[str], command: Any) -> list[str]:
    """What of a call the command line does not know."""
    while hasattr(command, "commands"):
        if not words or not re.fullmatch("[a-z][a-z-]*", words[0]):
            return []
        if words[0] not in command.commands:
            return words[:1]
        command, words = command.commands[words[0]], words[1:]
    known = {"--help", "-h", "--debug"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    options = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [option for option in options if option not in known]


@pytest.fixture(scope="module")
def program() -> Any:
    import typer

    from LandmarkDetectionLib.cli.app import app

    return typer.main.get_command(app)


def test_every_command_of_every_page_is_one_of_the_program(program: Any) -> None:
    wrong = [
        f"{of(page)}: {' '.join(words)}"
        for page in pages()
        for words in commands(text_of(page))
        if unknown(words, program)
    ]
    assert not wrong


def test_a_command_that_does_not_exist_is_found(program: Any) -> None:
    text = "```sh\nlandmark-detection data check d.json --sheets \\\n  s.png   # look\n```\n"
    (words,) = commands(text)
    assert unknown(words, program) == ["--sheets"]
    assert unknown(["detcet", "ct.nii.gz"], program) == ["detcet"]


def test_every_command_that_is_named_in_a_sentence_is_one_of_the_program(program: Any) -> None:
    named = {
        word
        for page in pages()
        if page.name != "CHANGELOG.md"
        for word in re.findall(r"`landmark-detection ([a-z][a-z-]*)", prose(text_of(page)))
    }
    assert named <= set(program.commands)


#: Pages whose options are those of scripts, containers and tools for developers.
OF_OTHERS = {"benchmarks.md", "containers.md", "CONTRIBUTING.md", "CHANGELOG.md"}
#: Of pip, of bundles of MONAI, of the panel's own script, and of Slicer.
FOREIGN = {"--extra-index-url", "--output_dir", "--overwrite", "--install-packages", "--testing"}


def options_of(command: Any) -> set[str]:
    """Every option of a command and of those below it."""
    own = {one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)}
    return own.union({"--help"}, *map(options_of, getattr(command, "commands", {}).values()))


def misnamed(text: str, program: Any) -> list[str]:
    """Options within sentences and tables that the program, or the command before them, does not have."""
    wrong = []
    for span in re.findall(r"`([^`\n]+)`", prose(text)):
        words = span.removeprefix("landmark-detection ").split()
        if words and words[0] in program.commands:
            wrong += [f"{span}: {one}" for one in unknown(words, program)]
        elif words and words[0].startswith("--"):
            options = {word.split("=")[0] for word in words if word.startswith("--")}
            wrong += [f"{span}: {one}" for one in options - options_of(program) - FOREIGN]
    return wrong


@pytest.mark.parametrize("page", [page for page in pages() if page.name not in OF_OTHERS], ids=of)
def test_every_option_that_a_sentence_names_is_one_of_the_program(page: Path, program: Any) -> None:
    assert misnamed(text_of(page), program) == []


def test_an_option_that_does_not_exist_is_found(program: Any) -> None:
    text = (
        "Take `--pixel-sizes 0.1`, or `data check d.json --folds 3`; `--folds 3` and `pip --quiet` are well."
    )
    found = misnamed(text, program)
    assert found == ["--pixel-sizes 0.1: --pixel-sizes", "data check d.json --folds 3: --folds"]


def test_every_command_with_a_manifest_is_named_where_manifests_are_told(program: Any) -> None:
    def commands_of(command: Any, name: str = "") -> Iterator[str]:
        for word, below in getattr(command, "commands", {}).items():
            yield from commands_of(below, f"{name} {word}".strip())
        if not hasattr(command, "commands") and "--no-manifest" in options_of(command):
            yield name

    text = text_of(DOCS / "pipelines-and-agents.md")
    (told,) = re.findall(r"^((?:[`\w, -]|\n(?!\n))+)write one;", text, re.MULTILINE)
    # The server hands it on to the tools that it serves.
    assert set(re.findall(r"`([^`]+)`", told)) == set(commands_of(program)) - {"mcp"}


# --- benchmarks -------------------------------------------------------------------------------------------


def test_every_benchmark_stands_in_the_table() -> None:
    scripts = {
        path.name
        for path in (REPOSITORY / "Testing/Benchmarks").glob("*.py")
        if "__main__" in path.read_text(encoding="utf-8")
    }
    rows = re.findall(r"^\| `(\w+\.py)` \|", text_of(DOCS / "benchmarks.md"), re.MULTILINE)
    assert set(rows) == scripts


# --- packages ---------------------------------------------------------------------------------------------


def test_the_licence_of_every_package_is_named() -> None:
    extras = project()["optional-dependencies"]
    wanted = [*project()["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.split(r"[^\w-]", one)[0] for one in wanted} - {project()["name"]}
    said = set(re.findall(r"[\w-]+", text_of(DOCS / "licences.md")))
    assert not names - said
    assert set(re.findall(r"^\| `([\w-]+)` \|", text_of(DOCS / "licences.md"), re.MULTILINE)) == set(extras)
