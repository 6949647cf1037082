"""How the project is cited is what the project says of itself elsewhere."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from LandmarkDetectionLib import __version__
from Testing.install_extra import project

#: What version 1.2.0 of the format knows at the top level; of these, four are required.
KNOWN = {
    *("abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers"),
    *("keywords", "license", "license-url", "message", "preferred-citation", "references", "repository"),
    *("repository-artifact", "repository-code", "title", "type", "url", "version"),
}


@pytest.fixture(scope="module")
def citation(repository: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    return read


def test_it_follows_the_format(citation: dict[str, Any]) -> None:
    assert {"cff-version", "message", "title", "authors"} <= set(citation) <= KNOWN
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in ("software", "dataset")
    assert citation["authors"]
    for author in citation["authors"]:
        # An entity has a name, a person family and given names; nothing has both.
        assert ("name" in author) != ("family-names" in author)
    assert len(citation["keywords"]) == len(set(citation["keywords"]))


def test_version_licence_and_address_are_those_of_the_project(
    citation: dict[str, Any], repository: Path
) -> None:
    assert citation["version"] == __version__
    assert citation["license"] == project()["license"]
    homepage = re.search(r'EXTENSION_HOMEPAGE "(.*)"', (repository / "CMakeLists.txt").read_text())
    assert homepage is not None
    assert citation["repository-code"] == project()["urls"]["Homepage"] == homepage[1]
