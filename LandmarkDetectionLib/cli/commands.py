"""What makes a function a command: options in groups, inputs never written over, errors that name options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import typer
from typer.core import TyperCommand

from LandmarkDetectionLib.cli.recording import asked
from LandmarkDetectionLib.errors import LandmarkDetectionError

#: Options of all commands that name what is written; all other paths are read.
OUTPUT_OPTIONS = {"output", "out", "overlay", "phantom", "truth", "volumes", "sheet", "aligned", "paths"}
#: A table of codes is completed.
BOTH_READ_AND_WRITTEN = {"key"}

#: What an error may be about that is no option of the command that meets it.
OTHER_COMMANDS = {
    "model file": "landmark-detection models install",
    "model version": "landmark-detection models versions, models back --to",
    "model of annotated images": "landmark-detection train --data",
    "skeleton": "landmark-detection skeleton",
    "address": "landmark-detection serve",
}


def prepare(commands: Iterable[typer.models.CommandInfo]) -> None:
    """Let commands have groups of options, and guard their inputs."""
    for command in commands:
        if not issubclass(command.cls or TyperCommand, Command):
            command.cls = Command
        if command.callback is not None:
            command.callback = with_groups(command.callback)


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters may be dataclasses, as one that has an option for each of their fields.

    Typer wants all options in one signature; a reader wants those that belong together in one place. Options
    are listed in the order of the parameters and of their fields.
    """
    groups: dict[str, Any] = {}
    options: list[inspect.Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        hint = hints[name]
        if isinstance(hint, type) and is_dataclass(hint):
            groups[name] = hint
            inner = get_type_hints(hint, include_extras=True)
            options += [
                one.replace(annotation=inner[one.name]) for one in inspect.signature(hint).parameters.values()
            ]
        else:
            options.append(parameter.replace(annotation=hint))
    if not groups:
        return command

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: group(**{one.name: given.pop(one.name) for one in fields(group)})
            for name, group in groups.items()
        }
        command(**made, **given)

    # By name only, as required options may follow groups with defaults.
    options = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in options]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in options}
    return run


class Command(TyperCommand):
    """Refuses, before anything else, to write over a file that it reads, and names options in errors."""

    def invoke(self, ctx: Any) -> Any:
        """Compare all paths among the options, then run, with what was asked at hand for the manifest."""
        try:
            _require_apart(ctx.params)
            with asked(ctx):
                return super().invoke(ctx)
        except LandmarkDetectionError as problem:
            options = {one.name: option for one in self.params for option in one.opts if option[:2] == "--"}
            known = {**OTHER_COMMANDS, **options}
            about = (known[one] for one in problem.about if one in known)
            problem.args = (with_options(str(problem), *about),)
            raise


def _require_apart(options: Mapping[str, Any]) -> None:
    from LandmarkDetectionLib.files import require_not_inputs

    named = {
        name: [
            one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, Path)
        ]
        for name, value in options.items()
        if name not in BOTH_READ_AND_WRITTEN
    }
    outputs = [path for name, paths in named.items() if name in OUTPUT_OPTIONS for path in paths]
    if options.get("no_manifest") is False and outputs:
        from LandmarkDetectionLib.provenance import manifest_of

        outputs += [manifest_of(path) for path in outputs]
    require_not_inputs(
        outputs, (path for name, paths in named.items() if name not in OUTPUT_OPTIONS for path in paths)
    )


def with_options(sentence: str, *options: str) -> str:
    """A sentence of the library with the options that it is about: "Give a threshold (--threshold)."."""
    return f"{sentence.removesuffix('.')} ({', '.join(options)})." if options else sentence
