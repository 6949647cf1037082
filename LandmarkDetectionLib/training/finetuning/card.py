"""What the card of a fine-tuned model says besides: where it came from, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionLib.training.finetuning.comparison import ModelComparison, PairedErrors
    from LandmarkDetectionLib.training.finetuning.data import FineTuningData

#: Ids in the card; all of them are in the metadata.
LISTED = 60


def fine_tuning_card(card: str, old: Model, data: FineTuningData, comparison: ModelComparison) -> str:
    """The card of the model as it is, with a section more."""
    learned, held_out = data.annotations
    lines = [
        card.rstrip("\n"),
        "",
        "## Where it comes from",
        "",
        f"Learned from corrections, beginning with {old.name} {old.version}.",
        "",
        "| data | cases |",
        "|---|---|",
        f"| annotations learned from | {len(learned)} |",
        f"| annotations held back to compare the models | {len(held_out)} |",
        f"| earlier data learned from again | {len(data.earlier.training)} |",
        f"| earlier data held back | {len(data.earlier.held_out)} |",
        "",
        "| mean error | old | new | difference | 95 % interval |",
        "|---|---|---|---|---|",
        _row("cases held back", comparison.held_out),
        *([_row("earlier data", comparison.earlier)] if comparison.earlier is not None else []),
        "",
        "Intervals are from resampling whole cases. Positions that a person accepted count as right within",
        "half the radius.",
        "",
        f"Annotations learned from: {_listed(learned)}.",
        "",
        f"Held back: {_listed(held_out)}.",
        "",
    ]
    return "\n".join(lines)


def _row(title: str, found: PairedErrors) -> str:
    return (
        f"| {title} | {found.old:.2f} {found.unit} | {found.new:.2f} {found.unit} | "
        f"{found.difference:+.2f} | {found.low:+.2f} to {found.high:+.2f} |"
    )


def _listed(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return ", ".join(ids[:LISTED]) + more
