"""The manifest of a run says how a result came about, and nothing of the patient."""

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import is_manifest, sha256_of
from LandmarkDetectionLib.io.volumes import read_volume, write_volume
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.provenance import ModelUsed, Run, manifest_of, volume_digest, write_manifest

PATIENT = "Mustermann"


def volume(value: int = 1) -> Volume:
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4) + value
    return Volume(voxels, np.diag([1.0, 2.0, 3.0, 1.0]), name=PATIENT)


def test_it_lies_beside_a_file_and_in_a_folder(tmp_path: Path) -> None:
    assert manifest_of(tmp_path / "ct.mrk.json") == tmp_path / "ct.mrk.json.manifest.json"
    assert manifest_of(tmp_path) == tmp_path / "run.manifest.json"
    assert is_manifest(manifest_of(tmp_path)) and is_manifest(Path("CT.MRK.JSON.MANIFEST.JSON"))
    assert not is_manifest(Path("manifest.json"))


def test_results_are_not_called_as_manifests_are() -> None:
    with pytest.raises(OutputError, match="those of manifests"):
        manifest_of(Path("ct.manifest.json"))


def test_a_name_with_no_room_for_a_manifest_is_refused_before_anything_is_done() -> None:
    with pytest.raises(OutputError, match="too long for a manifest") as refused:
        manifest_of(Path(f"{'x' * 240}.csv"))
    assert refused.value.about == ("no_manifest",)
    assert manifest_of(Path(f"{'x' * 230}.csv")).name.endswith(".csv.manifest.json")


def test_it_tells_everything_but_names(tmp_path: Path, tiny_model: Path) -> None:
    result, labels = tmp_path / f"{PATIENT}.csv", tmp_path / f"labels.{PATIENT}"
    result.write_text("a result")
    labels.write_text("labels")
    cases = tmp_path / PATIENT
    cases.mkdir()
    (cases / f"{PATIENT}.json").write_text("{}")
    (cases / "run.manifest.json").write_text("{}")
    model = load_model(tiny_model)
    run = Run(
        "detect",
        {"side": "left"},
        datetime.now(timezone.utc),
        [result],
        images=[volume()],
        files={"labels": [labels], "cases": [cases]},
        models=[ModelUsed.of(model), ModelUsed("other", "1.0.0"), ModelUsed("other", "1.0.0")],
        protocol=model.protocol,
        used={"threshold": -400.0},
    )
    path = manifest_of(result)
    write_manifest(run, path)
    told = json.loads(path.read_text())
    assert PATIENT.lower() not in path.read_text().lower() and str(tmp_path) not in path.read_text()
    assert told["program"]["version"] == __version__ and told["packages"]["numpy"] == np.__version__
    assert told["outputs"] == [{"kind": ".csv", "sha256": sha256_of(result)}]
    image, other, folder = told["inputs"]
    assert image == {"role": "image", "size": [4, 3, 2], "sha256": volume_digest(volume())}
    assert other == {"role": "labels", "kind": "", "sha256": sha256_of(labels)}
    assert (folder["kind"], folder["files"]) == ("folder", 1), "a manifest is none of the cases"
    first, second = told["models"]
    assert len(first["sha256"]) == 64 and second["sha256"] is None
    assert told["protocol"] == {"name": "tiny", "version": "1.0.0"}
    assert (told["command"], told["options"], told["used"]) == (
        "detect",
        {"side": "left"},
        {"threshold": -400.0},
    )
    assert datetime.fromisoformat(told["started"]) <= datetime.now(timezone.utc)


def test_an_image_has_one_digest_whatever_its_file(tmp_path: Path) -> None:
    digests = set()
    for name in ("a.nii.gz", "a.nrrd", "a.mha"):
        write_volume(volume(), tmp_path / name)
        digests.add(volume_digest(read_volume(tmp_path / name)))
    assert digests == {volume_digest(volume())}
    moved = Volume(volume().voxels, np.diag([1.0, 2.0, 3.5, 1.0]))
    assert len({*digests, volume_digest(volume(2)), volume_digest(moved)}) == 3
