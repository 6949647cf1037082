"""The command line's part for training: on synthetic bodies and hands, or on your own annotated images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.commands import with_options
from LandmarkDetectionLib.cli.options import DeviceOption, Telling
from LandmarkDetectionLib.cli.output import tell_files
from LandmarkDetectionLib.files import results_folder

if TYPE_CHECKING:
    from LandmarkDetectionLib.training.supervised.model import MadeModel
    from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig

SYNTHETIC_PRESET = "whole-body-skin"
#: Tells landmarks from the outline where a scan shows no bone, inside the model of skin and bones.
OUTLINE_MODEL = "whole-body-skin"

#: Networks that can be trained on synthetic images.
Network = Literal["silhouette_unet", "regression_cnn"]

#: What networks on annotated images minimise.
TrainingLoss = Literal["cross-entropy", "scn", "mse", "weighted-mse", "adaptive-wing"]
GreyValues = Literal["ct", "mr", "film"]


@dataclass(frozen=True)
class Result:
    """What the finished model is called, and whether it is used."""

    name: Annotated[str, typer.Option(help="Name of the finished model.")] = "my-model"
    model_version: Annotated[str, typer.Option(help="Version of the finished model.")] = "1.0.0"
    install: Annotated[
        bool | None,
        typer.Option(
            "--install/--no-install",
            help="Install the finished model (with --data). By default unless it is hardly better than "
            "putting every landmark where it lies on average.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class Learning:
    """Settings other than the preset's, for images of either kind."""

    network: Annotated[
        Network | None, typer.Option(help="Another network than the preset's (synthetic images).")
    ] = None
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Begin with the weights of this model of the same landmarks; one of annotated images keeps "
            "its network and canvas.",
        ),
    ] = None
    steps: Annotated[int | None, typer.Option(min=1, help="Another number of training steps.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Another number of images per step.")] = None
    members: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=16,
            help="Networks that are trained side by side and answer together (with --data): less error for "
            "as many times the computing.",
        ),
    ] = None
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed: another course of images.")] = None


@dataclass(frozen=True)
class Images:
    """What is learned of annotated images, and how."""

    held_out: Annotated[
        str | None,
        typer.Option(
            "--held-back",
            help="Split that is only measured; 'none' measures nothing. By default those called val, "
            "validation or held back, or else 15 % of the subjects learned from.",
        ),
    ] = None
    learn_from: Annotated[
        list[str] | None,
        typer.Option(
            help="Split to learn from; several times. By default the one called train, or else all that are "
            "not called val, held back or test."
        ),
    ] = None
    raters: Annotated[
        str | None, typer.Option(help="mean of the raters (usual), all of them in turn, or one's name.")
    ] = None
    limit: Annotated[int | None, typer.Option(min=1, help="Learn from so many cases only.")] = None
    align: Annotated[
        bool,
        typer.Option(
            "--align",
            help="Register every image to a template first: the mean of training images about their "
            "landmarks (with --data). Adds seconds to each detection.",
        ),
    ] = False
    spacing: Annotated[
        list[float] | None,
        typer.Option(help="Cell size in mm, once or for x, y(, z); chosen from the data otherwise."),
    ] = None
    shape: Annotated[
        list[int] | None,
        typer.Option(
            help="The network's canvas in cells: (slices,) rows, columns; chosen from the data otherwise."
        ),
    ] = None
    loss: Annotated[TrainingLoss | None, typer.Option(help="Another loss than the preset's.")] = None
    grey_values: Annotated[
        GreyValues | None,
        typer.Option(help="Also change grey values as scanners of this kind do (needs the extra monai)."),
    ] = None
    protocol: Annotated[
        str | None, typer.Option(help="Protocol of the landmarks: one that ships, or a file.")
    ] = None


@dataclass(frozen=True)
class Run:
    """Where a training runs."""

    resume: Annotated[
        bool, typer.Option(help="Go on where an earlier run with these settings in --out stopped.")
    ] = True
    device: DeviceOption = "auto"
    devices: Annotated[int, typer.Option(min=1, help="GPUs of this machine to train on.")] = 1
    num_nodes: Annotated[int, typer.Option(min=1, help="Machines to train on, started by torchrun.")] = 1


def train(
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints, logs and the finished model.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Datalist (.json) of your annotated images; synthetic ones otherwise.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Named settings to start from (see --list-presets).")
    ] = None,
    *,
    result: Result,
    learning: Learning,
    images: Images,
    run: Run,
    list_presets: Annotated[bool, typer.Option("--list-presets", help="Show the presets and stop.")] = False,
    telling: Telling,
) -> None:
    """Train a model: on your own annotated images (--data), or on synthetic bodies, hands, radiographs.

    The finished model is calibrated and measured on cases that were held back, and written to OUT/NAME.
    Ctrl-C stops after the current step and keeps a checkpoint; the same command goes on from there.
    """
    if list_presets:
        _print_presets(telling.as_json)
        return
    if out is None:
        raise typer.BadParameter("give the folder to write to.", param_hint="--out")
    _check_model_name(result.name, result.model_version)
    if data is None:
        _refuse_supervised_options(result, learning, images)
        with results_folder(out):
            files = _train_synthetic(preset or SYNTHETIC_PRESET, out, result, learning, run, telling)
        tell_files(files, telling)
        return
    if learning.network is not None:
        raise typer.BadParameter("for annotated images choose a --preset.", param_hint="--network")
    with results_folder(out):
        made = _train_annotated(data, preset, out, result, learning, images, run, telling)
    tell_files(made.files, telling, _made_record(made))
    if not telling.as_json:
        _tell_quality(made, telling.quiet)


def _refuse_supervised_options(result: Result, learning: Learning, images: Images) -> None:
    given = {
        "--install": result.install,
        "--no-install": result.install is False,
        "--members": learning.members,
        **{f"--{name.replace('_', '-')}": value for name, value in vars(images).items()},
    }
    for option, value in given.items():
        if value:
            raise typer.BadParameter("this is for annotated images; give --data as well.", param_hint=option)


def _changes(learning: Learning, **more: Any) -> dict[str, Any]:
    """The settings that were given."""
    given = {"steps": learning.steps, "batch_size": learning.batch_size, "seed": learning.seed, **more}
    return {name: value for name, value in given.items() if value is not None}


def _made_record(made: MadeModel) -> dict[str, Any]:
    return {
        "division": made.split,
        "installed": made.installed,
        "held_back": made.quality.to_record(),
        "doubt": made.quality.doubt,
        "regions": made.regions,
    }


def _tell_quality(made: MadeModel, quiet: bool) -> None:
    """How good the model is, last, where it is read; a doubt is said in any case."""
    if not quiet:
        for sentence in (*made.quality.sentences(), made.regions):
            if sentence:
                print(sentence)
    if made.quality.doubt:
        doubt = with_options(made.quality.doubt, "landmark-detection data check DATALIST --sheet sheet.png")
        console.say(f"Warning: {doubt}")
        if not made.installed:
            console.say("It was not installed; --install does so all the same.")


def _train_synthetic(
    preset: str, out: Path, result: Result, learning: Learning, run: Run, telling: Telling
) -> list[Path]:
    from LandmarkDetectionLib.training.synthetic.presets import PRESETS, SECOND_STAGE, TrainingConfig
    from LandmarkDetectionLib.training.synthetic.radiograph_presets import RADIOGRAPH_PRESETS

    if preset in RADIOGRAPH_PRESETS:
        return _train_radiographs(preset, out, result, learning, run, telling)
    if preset not in PRESETS:
        known = ", ".join((*PRESETS, *RADIOGRAPH_PRESETS))
        raise typer.BadParameter(f"'{preset}' is none of {known}.", param_hint="--preset")
    changes = _changes(learning, network=learning.network, start=learning.start)
    # Built anew rather than copied with changes, so that the changes are checked.
    config = TrainingConfig(**{**PRESETS[preset][1].model_dump(), **changes})
    if config.skeleton:
        from LandmarkDetectionLib.synthesis.body.skeleton import read_skeleton

        read_skeleton()  # said now rather than by a worker of the training
    if preset in SECOND_STAGE:
        second = TrainingConfig(**{**PRESETS[SECOND_STAGE[preset]][1].model_dump(), **changes})
        return _train_both_stages(config, second, out, result, run, telling)

    from LandmarkDetectionLib.training.synthetic.card_parts import can_package
    from LandmarkDetectionLib.training.synthetic.package import package_run
    from LandmarkDetectionLib.training.synthetic.train import train as run_training

    with console.progress_bar(telling.shown) as progress, console.interruptible() as cancelled:
        checkpoint = run_training(config, out, progress=progress, cancelled=cancelled, **vars(run))
    if not can_package(config):
        return [checkpoint]
    folder, version = out / result.name, result.model_version
    with console.progress_bar(telling.shown) as progress:
        return [package_run(out, folder, name=result.name, version=version, progress=progress).path]


def _train_radiographs(
    preset: str, out: Path, result: Result, learning: Learning, run: Run, telling: Telling
) -> list[Path]:
    """A heatmap network on synthetic radiographs, and its model."""
    from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
    from LandmarkDetectionLib.training.synthetic.radiograph_package import package_radiographs
    from LandmarkDetectionLib.training.synthetic.radiograph_presets import PROTOCOLS, RADIOGRAPH_PRESETS
    from LandmarkDetectionLib.training.synthetic.radiographs import train_radiographs

    if learning.network is not None:
        raise typer.BadParameter("radiographs have a network of their own.", param_hint="--network")
    if learning.start is not None:
        raise typer.BadParameter("synthetic radiographs are learned from the beginning.", param_hint="--from")
    changes = _changes(learning)
    config = SupervisedConfig(**{**RADIOGRAPH_PRESETS[preset][1].model_dump(), **changes})
    with console.progress_bar(telling.shown) as progress, console.interruptible() as cancelled:
        train_radiographs(config, out, progress=progress, cancelled=cancelled, **vars(run))
    with console.progress_bar(telling.shown) as progress:
        model = package_radiographs(
            out,
            out / result.name,
            PROTOCOLS[preset],
            name=result.name,
            version=result.model_version,
            progress=progress,
        )
    return [model.path]


def _train_both_stages(
    config: TrainingConfig, second: TrainingConfig, out: Path, result: Result, run: Run, telling: Telling
) -> list[Path]:
    """Whole views in OUT, regions in OUT/regions, and one model of both."""
    from LandmarkDetectionLib.models import list_models
    from LandmarkDetectionLib.training.synthetic.bone_package import package_bones
    from LandmarkDetectionLib.training.synthetic.train import train as run_training

    with console.progress_bar(telling.shown) as progress, console.interruptible() as cancelled:
        for stage, folder in ((config, out), (second, out / "regions")):
            run_training(stage, folder, progress=progress, cancelled=cancelled, **vars(run))
    outline = next((model for model in list_models() if model.name == OUTLINE_MODEL), None)
    with console.progress_bar(telling.shown) as progress:
        model = package_bones(
            out,
            out / "regions",
            out / result.name,
            outline=outline,
            name=result.name,
            version=result.model_version,
            progress=progress,
        )
    return [model.path]


def _train_annotated(
    data: Path,
    preset: str | None,
    out: Path,
    result: Result,
    learning: Learning,
    images: Images,
    run: Run,
    telling: Telling,
) -> MadeModel:
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.io.protocols import chosen_protocol

    protocol = chosen_protocol(images.protocol) if images.protocol is not None else None
    datalist = read_datalist(data, missing="allow")
    for warning in datalist.warnings:
        console.say(f"Warning: {warning}.")

    from LandmarkDetectionLib.training.supervised.model import Lessons, NewModel, make_model
    from LandmarkDetectionLib.training.supervised.start import beginnings

    if (
        preset is None
        and learning.start is None
        and telling.shown
        and (models := beginnings(datalist.landmark_names))
    ):
        console.say(
            f"Note: {' and '.join(models)} {'finds' if len(models) == 1 else 'find'} the same landmarks; "
            f"--from {models[0]} begins with what it has learned."
        )
    changes = _changes(
        learning,
        loss=images.loss,
        align=images.align or None,
        members=learning.members,
        grey_values=_grey_values(images.grey_values),
    )
    lessons = Lessons(
        preset,
        changes,
        held_out=images.held_out,
        learn_from=tuple(images.learn_from or ()),
        raters=images.raters or "mean",
        limit=images.limit,
        spacing=images.spacing,
        shape=images.shape,
        start=learning.start,
    )
    new = NewModel(result.name, result.model_version, protocol, result.install)
    with console.progress_bar(telling.shown) as progress, console.interruptible() as cancelled:
        return make_model(
            datalist,
            lessons,
            new,
            out,
            run=vars(run),
            say=console.say if telling.shown else None,
            progress=progress,
            cancelled=cancelled,
        )


def _grey_values(kind: GreyValues | None) -> dict[str, float] | None:
    """The changes of images of a kind, refused here when they could not be made later."""
    if kind is None:
        return None
    from importlib.util import find_spec

    from LandmarkDetectionLib.errors import MissingPackageError
    from LandmarkDetectionLib.training.supervised.grey_values import GREY_SETS

    if find_spec("monai") is None:
        raise MissingPackageError.of("Changing grey values", "monai", "monai")
    return {str(name): share for name, share in GREY_SETS[kind].items()}


def _check_model_name(name: str, version: str) -> None:
    """Refuse before the training what the package could not be called after it."""
    from pydantic import TypeAdapter, ValidationError

    from LandmarkDetectionLib.core.protocol import PackageName, Version

    for kind, value, option, rule in (
        (PackageName, name, "--name", "use lower case letters, digits and dashes."),
        (Version, version, "--model-version", "write it as 1.2.3."),
    ):
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError:
            raise typer.BadParameter(f"'{value}' will not do: {rule}", param_hint=option) from None


def _print_presets(as_json: bool) -> None:
    from LandmarkDetectionLib.training.agents.presets import AGENT_PRESETS, AgentPreset
    from LandmarkDetectionLib.training.supervised.presets import SUPERVISED_PRESETS, SupervisedPreset
    from LandmarkDetectionLib.training.synthetic.presets import PRESETS
    from LandmarkDetectionLib.training.synthetic.radiograph_presets import RADIOGRAPH_PRESETS

    on_data: list[tuple[str, SupervisedPreset | AgentPreset]] = [
        *SUPERVISED_PRESETS.items(),
        *AGENT_PRESETS.items(),
    ]
    if as_json:
        synthetic = {
            name: {"description": text, "config": config.model_dump()}
            for name, (text, config) in (*PRESETS.items(), *RADIOGRAPH_PRESETS.items())
        }
        annotated = {
            name: {
                "description": one.description,
                "config": {"architecture": one.architecture, **one.options},
            }
            for name, one in on_data
        }
        console.print_json({**synthetic, **annotated})
        return
    rows = [
        [name, config.network, str(config.steps), str(config.batch_size), text]
        for name, (text, config) in PRESETS.items()
    ]
    rows += [
        [name, config.architecture, str(config.steps), str(config.batch_size), text]
        for name, (text, config) in RADIOGRAPH_PRESETS.items()
    ]
    rows += [
        [
            name,
            one.architecture,
            str(one.options["steps"]),
            str(one.options["batch_size"]),
            f"--data: {one.description}",
        ]
        for name, one in on_data
    ]
    console.print_table(["preset", "network", "steps", "batch", "what for"], rows)
