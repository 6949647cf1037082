"""Write what ships as a list for machines (CycloneDX, JSON): packages and models with licences and SHA-256.

::

    make sbom                                                       # build/sbom.cdx.json
    python Testing/write_sbom.py clean/bin/python sbom.cdx.json     # needs cyclonedx-bom

The packages are those of an environment into which the wheel was installed, found by ``cyclonedx-bom``; what
it cannot know is added: this project's version, its models, and what they learned from.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = REPOSITORY / "Resources" / "Models"

#: What models learned from, by the word for it in their ``data_source``; see Resources/CREDITS.md.
LEARNED_FROM = {
    "BodyParts3D": {
        "copyright": "BodyParts3D, © The Database Center for Life Science licensed under CC Attribution 4.0 "
        "International",
        "licence": "CC-BY-4.0",
        "address": "https://dbarchive.biosciencedbc.jp/en/bodyparts3d/",
    },
    "MakeHuman": {
        "copyright": "MakeHuman",
        "licence": "CC0-1.0",
        "address": "http://www.makehumancommunity.org",
    },
}


def write(python: str, out: Path, *, check: bool = True) -> None:
    """Write the list of an environment's packages and of the models.

    Parameters
    ----------
    python
        The interpreter of an environment that holds the wheel and what it needs.
    out
        The file.
    check
        Whether the result is held to CycloneDX's schema, which takes half a minute.
    """
    listed = packages(python)
    root = listed["metadata"]["component"]
    root["version"] = version()
    models = [model(folder) for folder in sorted(MODELS.iterdir())]
    listed["components"] += [*models, *(data(name) for name in LEARNED_FROM)]
    edges: list[dict[str, Any]] = listed["dependencies"]
    (of_root,) = (one for one in edges if one["ref"] == root["bom-ref"])
    of_root["dependsOn"] = [*of_root.get("dependsOn", []), *(one["bom-ref"] for one in models)]
    edges += [{"ref": one["bom-ref"], "dependsOn": learned_from(one)} for one in models]
    edges += [{"ref": f"data:{name}"} for name in LEARNED_FROM]
    text = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    if check:
        validate(text)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")


def packages(python: str) -> dict[str, Any]:
    """What cyclonedx-bom finds in an environment, with this project as what needs it."""
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--no-validate"]
    project = ["--pyproject", str(REPOSITORY / "pyproject.toml")]
    said = subprocess.run([*tool, *project, python], check=True, capture_output=True, encoding="utf-8").stdout
    found: dict[str, Any] = json.loads(said)
    return found


def version() -> str:
    """Of this project."""
    text = (REPOSITORY / "LandmarkDetectionLib" / "_version.py").read_text(encoding="utf-8")
    return text.split('__version__ = "')[1].split('"')[0]


def model(folder: Path) -> dict[str, Any]:
    """A model that ships, with the SHA-256 of its weights."""
    said = json.loads((folder / "configs" / "metadata.json").read_text(encoding="utf-8"))
    weights = sorted((folder / "models").glob("*.safetensors"))
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{said['name']}@{said['version']}",
        "name": said["name"],
        "version": said["version"],
        "description": f"{said['description']} {said['data_source']}",
        "copyright": said["copyright"],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"model:{said['name']}@{said['version']}/{path.name}",
                "name": path.relative_to(REPOSITORY).as_posix(),
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
            }
            for path in weights
        ],
    }


def data(name: str) -> dict[str, Any]:
    """What models learned from; it is no part of the package."""
    known = LEARNED_FROM[name]
    return {
        "type": "data",
        "bom-ref": f"data:{name}",
        "name": name,
        "scope": "excluded",
        "copyright": known["copyright"],
        "licenses": [{"license": {"id": known["licence"]}}],
        "externalReferences": [{"type": "website", "url": known["address"]}],
    }


def learned_from(model: dict[str, Any]) -> list[str]:
    """References of the data that a model learned from."""
    return [f"data:{name}" for name in LEARNED_FROM if name in model["description"]]


def validate(text: str) -> None:
    """Hold a list to the schema of CycloneDX; ValueError with what is wrong."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    kind = SchemaVersion.from_version(json.loads(text)["specVersion"])
    if problem := JsonStrictValidator(kind).validate_str(text):
        raise ValueError(f"the list does not follow CycloneDX: {problem}")


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
    print(f"Wrote {sys.argv[2]}.")
