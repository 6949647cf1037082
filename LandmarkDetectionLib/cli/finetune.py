"""The command line's part for learning from corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import DeviceOption, Telling
from LandmarkDetectionLib.errors import NotBetterError


def finetune(
    model: Annotated[str, typer.Argument(help="Name of an installed model of grey values.")],
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Folder of an annotation store.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Datalist or store that the model came from; several times. Those that this computer "
            "remembers otherwise."
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Another number of training steps.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed: another course of images.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder to work in; one beside the models otherwise.")
    ] = None,
    device: DeviceOption = "auto",
    *,
    telling: Telling,
) -> None:
    """Let a model learn from corrections, and use the new version when it is better.

    Both models are measured on the cases that the store holds back. The new one takes the old one's place
    when its mean error is smaller by more than chance (95 % interval of the difference below zero, cases
    resampled) and, where earlier data are at hand, not worse there by more than a tenth; otherwise the
    command ends with code 10 and the numbers, and the old one stays. 'models back' goes back. Ctrl-C keeps a
    checkpoint; the same command goes on from there.
    """
    from LandmarkDetectionLib.training.finetuning.finetune import STEPS, fine_tune

    changes = {} if seed is None else {"seed": seed}
    with console.progress_bar(telling.shown) as progress, console.interruptible() as cancelled:
        done = fine_tune(
            model,
            store,
            data=data or (),
            steps=STEPS if steps is None else steps,
            changes=changes,
            run=run,
            device=device,
            progress=progress,
            cancelled=cancelled,
        )
    if telling.as_json:
        console.print_json(done.to_record())
        if done.new is None:
            raise typer.Exit(NotBetterError.exit_code)
        return
    for warning in done.warnings:
        console.say(f"Warning: {warning}")
    if done.split and not telling.quiet:
        console.say(f"Earlier data: {done.split}")
    if done.new is None:
        raise NotBetterError(done.comparison.sentence())
    print(done.comparison.sentence())
    print(f"{done.new.name} {done.new.version} is in use; 'models back {done.new.name}' goes back.")
