"""The list of commands in the order in which people need them, and nothing of it cut off.

Help is plain text: boxes around it leave so little room in a terminal of 80 columns that names of options are
cut, and a cut name can be neither read nor searched for.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SECTIONS: dict[str, tuple[str, ...]] = {
    "Find landmarks": ("detect", "demo", "series", "models", "info", "serve"),
    "Correct and measure": (
        "review",
        "refine",
        "second-opinion",
        "next-case",
        "measure",
        "report",
        "agreement",
    ),
    "Axes, boxes and visits": ("frame", "crop", "align", "visits"),
    "Whole cohorts": ("batch", "bids", "cohort-report"),
    "Programs and agents": ("mcp",),
    "Learn": ("annotations", "finetune", "data", "train", "evaluate", "learning-curve"),
    "Synthetic bodies": ("synthesize", "skeleton", "study"),
}


class WholeHelp(TyperGroup):
    """A group whose commands are listed with all of their first sentence."""

    def sections(self, names: list[str]) -> dict[str, tuple[str, ...]]:
        """Names of commands by heading."""
        return {"Commands": tuple(names)}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections."""
        for heading, names in self.sections(self.list_commands(ctx)).items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [
                (name, str(command.get_short_help_str(1000)))
                for name, command in commands
                if command is not None and not command.hidden
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class GroupedCommands(WholeHelp):
    """The program's own: by what they are for; those of no section come last."""

    def sections(self, names: list[str]) -> dict[str, tuple[str, ...]]:
        """Names of commands by heading."""
        known = {name for section in SECTIONS.values() for name in section}
        return {**SECTIONS, "More": tuple(name for name in names if name not in known)}
