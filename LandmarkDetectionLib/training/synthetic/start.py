"""A training on synthetic bodies that begins with the weights of a model package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import Model

if TYPE_CHECKING:
    from LandmarkDetectionLib.training.synthetic.tasks import AnyTask

#: What a network's landmarks have one row of each.
PER_LANDMARK = ("head.1.weight", "head.1.bias", "absent.weight", "absent.bias")
PREFIX = {"whole": "", "regions": "fine_"}


def begin_with(task: AnyTask, names: tuple[str, ...], model: Model, stage: str) -> None:
    """Give the networks of a task the weights that a package has for the same stage.

    Parameters
    ----------
    names : tuple of str
        The landmarks that are learned, in the task's order.

    Raises
    ------
    ModelError
        The package has no such networks, or others, or lacks a landmark.
    """
    there = model.build_networks()
    lacking = sorted(set(names) - set(model.protocol.names))
    if lacking:
        raise ModelError(
            f"{model.name} {model.version} does not know {', '.join(lacking[:3])}; begin with another model."
        )
    rows = [list(model.protocol.names).index(name) for name in names]
    for key, network in task.networks.items():
        source = there.get(PREFIX[stage] + key)
        if source is None:
            raise ModelError(f"{model.name} {model.version} has no networks of {stage} views to begin with.")
        try:
            network.load_state_dict(in_order(source.state_dict(), rows))
        except RuntimeError:
            raise ModelError(
                f"The networks of {model.name} {model.version} are not built like those of this training; "
                "begin with another model."
            ) from None


def in_order(state: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """A network's state with its landmarks in another order."""
    return {key: value[rows] if key in PER_LANDMARK else value for key, value in state.items()}
