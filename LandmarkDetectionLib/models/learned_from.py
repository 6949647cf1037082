"""Which data sets an installed model has learned from: known on this computer only, never in the package.

A fine-tuned model forgets what it is no longer shown, so the data it came from are looked up here and mixed
in. Models are told apart by their weights, so that another model of the same name is never taken for it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import make_folder, read_json, write_text
from LandmarkDetectionLib.models.package import Model
from LandmarkDetectionLib.models.registry import user_model_folder

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".learned-from"


@dataclass(frozen=True)
class DataSource:
    """A data set and how it was divided.

    Attributes
    ----------
    path
        Datalist, or folder of an annotation store.
    held_out, seed, learn_from
        As ``training.supervised.plan.divide`` takes them, so that it gives the same split again.
    """

    path: str
    held_out: str | None = None
    seed: int = 1
    learn_from: tuple[str, ...] = ()


def note_data(model: Model, sources: tuple[DataSource, ...]) -> None:
    """Note what a model has learned from.

    Raises
    ------
    OutputError
        The folder of models cannot be written.
    """
    file = _file(model)
    make_folder(file.parent)
    write_text(file, json.dumps({"data": [_entry(one) for one in sources]}, indent=1) + "\n")


def noted_data(model: Model) -> tuple[DataSource, ...]:
    """What a model has learned from; nothing when this computer does not know."""
    try:
        content: Any = read_json(_file(model))
        return tuple(_source(one) for one in content["data"])
    except (InputError, KeyError, TypeError, AttributeError):
        return ()


def _entry(source: DataSource) -> dict[str, Any]:
    """As the file has it, where what is held out is called ``held_back``."""
    entry = asdict(source)
    return {"held_back": entry.pop("held_out"), **entry}


def _source(entry: dict[str, Any]) -> DataSource:
    learn_from = tuple(entry.get("learn_from") or ())
    return DataSource(entry["path"], entry.get("held_back"), entry.get("seed", 1), learn_from)


def _file(model: Model) -> Path:
    weights = "-".join(sorted(entry.sha256[:16] for entry in model.networks.values()))
    return user_model_folder() / FOLDER / f"{weights[:100]}.json"
