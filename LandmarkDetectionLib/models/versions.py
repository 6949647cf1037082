"""Versions of one model: a better one is put beside the one it came from, and the way back is one step."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.files import atomic_folder, make_folder
from LandmarkDetectionLib.models.package import Model, read_package, validate_model
from LandmarkDetectionLib.models.registry import installed_folder, load_model
from LandmarkDetectionLib.models.version_folders import folder_of_versions, further_versions, put_in_use


def model_versions(name: str) -> list[Model]:
    """The usable versions of an installed model: the installed one first, then the others by number.

    Raises
    ------
    ModelError
        No such model is installed.
    """
    installed = installed_folder(name)
    found = []
    for path in (installed, *further_versions(installed).values()):
        with suppress(ModelError):
            found.append(read_package(path))
    return found


def parent_version(model: Model) -> str | None:
    """The version that a model was made from; None for one that was not made from another."""
    parent = model.metadata.get("parent")
    version = parent.get("version") if isinstance(parent, dict) else None
    return version if isinstance(version, str) else None


def next_version(name: str) -> str:
    """The number of the next version: 1.2.0 after 1.1.0. Raises ModelError as ``model_versions``."""
    numbers = [tuple(int(part) for part in one.version.split(".")[:2]) for one in model_versions(name)]
    major, minor = max(numbers)
    return f"{major}.{minor + 1}.0"


def add_version(source: str | Path) -> Model:
    """Put a version of an installed model beside it and use it from now on.

    Parameters
    ----------
    source
        A model's folder of the same name and another version.

    Returns
    -------
    Model
        As it is in use now.

    Raises
    ------
    ModelError
        The source is no usable model, none of this name is installed, or there is this version already.
    OutputError
        The folder of models cannot be written.
    """
    if problems := validate_model(source):
        raise ModelError(f"{source} cannot be used: {problems[0]}")
    model = read_package(source)
    installed = installed_folder(model.name)
    if model.version in {one.version for one in model_versions(model.name)}:
        raise ModelError(f"There is a version {model.version} of {model.name} already.")
    folder = folder_of_versions(installed)
    make_folder(folder)
    with atomic_folder(folder / model.version) as new:
        shutil.copytree(model.path, new, dirs_exist_ok=True)
    return use_version(model.name, model.version)


def use_version(name: str, version: str) -> Model:
    """Use another version of a model from now on.

    Raises
    ------
    ModelError
        There is no such version, or it is broken.
    OutputError
        The folder of models cannot be written.
    """
    installed = installed_folder(name)
    further = further_versions(installed)
    chosen = read_package(further.get(version, installed))
    if chosen.version != version:
        known = ", ".join(one.version for one in model_versions(name))
        raise ModelError(f"There is no version {version} of {name}; there are {known}.")
    put_in_use(installed, version if version in further else None)
    return load_model(name)


def go_back(name: str) -> Model:
    """Use the version that the one in use was made from.

    Raises
    ------
    ModelError
        It was not made from another.
    """
    model = load_model(name)
    parent = parent_version(model)
    if parent is None:
        raise ModelError(f"{name} {model.version} was not made from another version.")
    return use_version(name, parent)
