"""The list for machines holds this project, what it needs with licences, and the models with their sums."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib import __version__
from LandmarkDetectionLib.models import load_model
from Testing.install_extra import project

pytest.importorskip("cyclonedx_py", reason="the list is made by cyclonedx-bom")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of the environment of these tests, in which all extras are; the schema is checked at a release."""
    from Testing.write_sbom import write

    path = tmp_path_factory.mktemp("listed") / "sbom.cdx.json"
    write(sys.executable, path, check=False)
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def plain(name: str) -> str:
    """A package's name as the index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs(listed: dict[str, Any], reference: str) -> set[str]:
    (edge,) = (one for one in listed["dependencies"] if one["ref"] == reference)
    return set(edge.get("dependsOn", ()))


def test_it_is_of_this_project(listed: dict[str, Any]) -> None:
    assert listed["bomFormat"] == "CycloneDX"
    own = listed["metadata"]["component"]
    assert (own["name"], own["version"]) == (project()["name"], __version__)
    assert [one["license"]["id"] for one in own["licenses"]] == [project()["license"]]
    assert {one["url"] for one in own["externalReferences"]} == set(project()["urls"].values())


def test_every_package_that_is_always_needed_is_there_with_version_and_licence(
    listed: dict[str, Any],
) -> None:
    packages = {plain(one["name"]): one for one in listed["components"] if one["type"] == "library"}
    wanted = [plain(re.split(r"[^\w-]", one)[0]) for one in project()["dependencies"]]
    assert len(wanted) >= 10
    own = listed["metadata"]["component"]["bom-ref"]
    for name in wanted:
        assert packages[name]["version"]
        assert packages[name]["licenses"], name
        assert packages[name]["bom-ref"] in needs(listed, own), name


def test_every_model_that_ships_is_there_with_the_sums_of_its_weights(
    listed: dict[str, Any], repository: Path
) -> None:
    models = {one["name"]: one for one in listed["components"] if one["type"] == "machine-learning-model"}
    assert set(models) == {path.name for path in (repository / "Resources" / "Models").iterdir()}
    for name, one in models.items():
        model = load_model(name)
        assert one["version"] == model.version
        assert one["licenses"] == [{"license": {"id": "Apache-2.0"}}]
        sums = {Path(file["name"]).name: file["hashes"][0]["content"] for file in one["components"]}
        for network in model.networks.values():
            if network.shipped is None:  # else it is listed with the model that holds it
                assert sums[Path(network.weights).name] == network.sha256
        assert one["bom-ref"] in needs(listed, listed["metadata"]["component"]["bom-ref"])


def test_what_models_learned_from_is_named_with_its_licence(listed: dict[str, Any]) -> None:
    data = {one["name"]: one for one in listed["components"] if one["type"] == "data"}
    licences = {name: one["licenses"][0]["license"]["id"] for name, one in data.items()}
    assert licences == {"BodyParts3D": "CC-BY-4.0", "MakeHuman": "CC0-1.0"}
    learned = {
        one["name"]: needs(listed, one["bom-ref"])
        for one in listed["components"]
        if one["type"] == "machine-learning-model"
    }
    assert learned == {
        "cephalogram": {"data:BodyParts3D"},
        "hand": {"data:MakeHuman"},
        "whole-body-ct": {"data:BodyParts3D", "data:MakeHuman"},
        "whole-body-skin": {"data:MakeHuman"},
    }
