"""``models``: list, inspect, check, install, remove and export models."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import EXIT_CODES, JsonOption, Telling
from LandmarkDetectionLib.errors import ModelError

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model


models_app = typer.Typer(
    help="List, inspect, check, install, remove and export models.", no_args_is_help=True
)


@models_app.command("list", epilog=EXIT_CODES)
def models_list(as_json: JsonOption = False) -> None:
    """List the models that come with the program or were installed."""
    from LandmarkDetectionLib.models import broken_models, list_models

    found, broken = list_models(), broken_models()
    if as_json:
        console.print_json({"models": [_model_summary(one) for one in found], "broken": broken})
        return
    rows = []
    for one in found:
        summary = _model_summary(one)
        rows.append([one.name, one.version, str(summary["landmarks"]), summary["title"], str(one.path)])
    console.print_table(["name", "version", "landmarks", "for", "folder"], rows)
    for problem in broken.values():
        console.say(f"Warning: {problem}")


@models_app.command("info", epilog=EXIT_CODES)
def models_info(
    name: Annotated[str, typer.Argument(help="Name of an installed model, or its folder.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a model is, where it comes from, and which landmarks it finds."""
    from LandmarkDetectionLib.models import load_model

    model = load_model(name)
    protocol = model.protocol
    if as_json:
        definitions = [
            {"name": one.name, "title": one.title, "definition": one.definition} for one in protocol.landmarks
        ]
        console.print_json({**_model_summary(model), "metadata": model.metadata, "protocol": definitions})
        return
    print(f"{model.name} {model.version}: {protocol.title}")
    for field in ("description", "authors", "copyright", "intended_use"):
        if text := model.metadata.get(field):
            print(f"{field.replace('_', ' ')}: {text}")
    print(f"folder: {model.path}")
    rows = [[one.name, one.definition] for one in protocol.landmarks]
    console.print_table(["landmark", "definition"], rows)


@models_app.command("validate", epilog=EXIT_CODES)
def models_validate(
    path: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or its folder.")],
    as_json: JsonOption = False,
) -> None:
    """Check that a model is complete, undamaged and safe to load, and that its networks run."""
    from LandmarkDetectionLib.detectors.checking import check_model
    from LandmarkDetectionLib.models.registry import model_folder

    folder = model_folder(path)
    problems = check_model(folder)
    if as_json:
        console.print_json({"path": str(path), "valid": not problems, "problems": problems})
        if problems:
            raise typer.Exit(ModelError.exit_code)
    elif problems:
        raise ModelError(f"{path} is not a usable model: " + " ".join(problems))
    else:
        print(f"{path} is a valid model.")


@models_app.command("install", epilog=EXIT_CODES)
def models_install(
    source: Annotated[
        str, typer.Argument(help="Folder of a model, a .zip file of it, or the https address of one.")
    ],
    sha256: Annotated[str | None, typer.Option(help="SHA-256 of the .zip file; an address needs it.")] = None,
    *,
    telling: Telling,
) -> None:
    """Check a model and copy it to your own models."""
    from LandmarkDetectionLib.detectors.checking import check_model
    from LandmarkDetectionLib.models import install_model

    with console.progress_bar(telling.shown) as progress:
        model = install_model(source, sha256, check=check_model, progress=progress)
    if telling.as_json:
        console.print_json(_model_summary(model))
    elif not telling.quiet:
        print(f"Installed {model.name} {model.version} in {model.path}.")


@models_app.command("remove", epilog=EXIT_CODES)
def models_remove(
    name: Annotated[str, typer.Argument(help="Name of a model you installed.")], as_json: JsonOption = False
) -> None:
    """Remove a model that you installed; models that come with the program stay."""
    from LandmarkDetectionLib.models import remove_model

    folder = remove_model(name)
    if as_json:
        console.print_json({"name": name, "removed": str(folder)})
    else:
        print(f"Removed {name} from {folder}.")


@models_app.command("versions", epilog=EXIT_CODES)
def models_versions(
    name: Annotated[str, typer.Argument(help="Name of a model.")], as_json: JsonOption = False
) -> None:
    """List the versions of a model: which one is in use, and what each was made from."""
    from LandmarkDetectionLib.models import load_model, model_versions, parent_version, ships_with_library

    used = None
    with suppress(ModelError):  # a damaged note on what is in use: the list says what to choose from
        used = load_model(name)
    found = [used] if used is not None and ships_with_library(used) else model_versions(name)
    if as_json:
        listed = [{**_model_summary(one), "parent": parent_version(one)} for one in found]
        console.print_json({"in_use": used.version if used else None, "versions": listed})
        return
    rows = [
        [
            one.version,
            "yes" if used and one.version == used.version else "",
            parent_version(one) or "-",
            str(one.path),
        ]
        for one in found
    ]
    console.print_table(["version", "in use", "made from", "folder"], rows)


@models_app.command("back", epilog=EXIT_CODES)
def models_back(
    name: Annotated[str, typer.Argument(help="Name of a model you installed.")],
    to: Annotated[str | None, typer.Option(help="Another version than the one it was made from.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Use the version that the one in use was made from, or any other (--to)."""
    from LandmarkDetectionLib.models import go_back, use_version

    model = use_version(name, to) if to is not None else go_back(name)
    if as_json:
        console.print_json(_model_summary(model))
    else:
        print(f"{model.name} {model.version} is in use.")


@models_app.command("export", epilog=EXIT_CODES)
def models_export(
    name: Annotated[str, typer.Argument(help="Name of an installed model, or its folder.")],
    monai: Annotated[Path, typer.Option(help="New folder for the bundle of MONAI.")],
    as_json: JsonOption = False,
) -> None:
    """Write a model as a complete bundle, which `python -m monai.bundle run` executes."""
    from LandmarkDetectionLib.detectors.checking import check_model
    from LandmarkDetectionLib.models import load_model
    from LandmarkDetectionLib.models.monai_bundle import export_bundle

    model = load_model(name)
    if problems := check_model(model.path):
        raise ModelError(f"{name} is not a usable model: " + " ".join(problems))
    config = export_bundle(model.path, model.metadata, model.protocol.names, monai)
    if as_json:
        console.print_json({"bundle": str(monai), "configuration": str(config)})
        return
    print(f"Wrote {monai}. Run it on every .nii.gz in a folder, where MONAI and this library are installed:")
    print(f"python -m monai.bundle run --config_file {config} --bundle_root {monai} --dataset_dir FOLDER")


def _model_summary(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "title": model.protocol.title,
        "landmarks": len(model.protocol.landmarks),
        "path": str(model.path),
    }
