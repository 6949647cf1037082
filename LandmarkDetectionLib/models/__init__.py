"""Models on disk: a folder in MONAI's bundle layout that is data only and never runs anything.

::

    <name>/configs/metadata.json     MONAI's metadata and the section "landmark_detection"
    <name>/configs/protocol.json     the landmarks
    <name>/models/*.safetensors      the weights, one file per network
    <name>/docs/README.md            the model card
    <name>/docs/reference.png, .json where the landmarks lie on a body, for people to look at (optional)
    <name>/LICENSE

A network is named in the metadata and looked up in :mod:`LandmarkDetectionLib.networks`; nothing in a
package is imported, unpickled or evaluated. :mod:`.metadata` says what may stand in ``metadata.json``,
:mod:`.package` reads and writes a folder, :mod:`.weights` what its networks learned, :mod:`.reference` its
picture, :mod:`.registry` finds, installs and removes models by name, :mod:`.versions` keeps better ones
beside those they came from, :mod:`.download` gets one from an address.
"""

from LandmarkDetectionLib.models.metadata import NetworkEntry
from LandmarkDetectionLib.models.package import Model, add_joint, save_model, validate_model
from LandmarkDetectionLib.models.reference import ReferencePicture
from LandmarkDetectionLib.models.registry import (
    broken_models,
    install_model,
    list_models,
    load_model,
    read_models,
    remove_model,
    ships_with_library,
    user_model_folder,
)
from LandmarkDetectionLib.models.versions import (
    add_version,
    go_back,
    model_versions,
    next_version,
    parent_version,
    use_version,
)

__all__ = [
    "Model",
    "NetworkEntry",
    "ReferencePicture",
    "add_joint",
    "add_version",
    "broken_models",
    "go_back",
    "install_model",
    "list_models",
    "load_model",
    "model_versions",
    "next_version",
    "parent_version",
    "read_models",
    "remove_model",
    "save_model",
    "ships_with_library",
    "use_version",
    "user_model_folder",
    "validate_model",
]
