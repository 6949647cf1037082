"""The sample loads without a network, is offered by Sample Data, and is worth a first try."""

import hashlib
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.markups import read_landmarks

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model


@pytest.fixture
def sample_data(host: Any) -> Any:
    from LandmarkDetectionSlicer.scene import sample_data

    return sample_data


def test_the_sample_loads_into_the_scene(sample_data: Any, host: Any) -> None:
    node = sample_data.loadSample()
    assert node.GetName() == sample_data.BODY_CT.name
    assert node.GetScene() is host.scene
    assert node.GetImageData().GetDimensions() == (129, 90, 342)
    np.testing.assert_allclose(node.GetSpacing(), 5.0)


def test_a_missing_file_is_one_sentence_and_leaves_no_node(
    sample_data: Any, host: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sample_data, "resource_path", lambda *parts: tmp_path.joinpath(*parts))
    before = host.scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="cannot be loaded; install the extension again"):
        sample_data.loadSample()
    assert host.scene.GetNumberOfNodes() == before


def test_sample_data_is_given_a_file_of_this_computer_with_its_checksum(
    sample_data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []

    def register(
        category="Custom",
        sampleName=None,  # noqa: N803
        uris=None,
        fileNames=None,  # noqa: N803
        nodeNames=None,  # noqa: N803
        thumbnailFileName=None,  # noqa: N803
        checksums=None,
    ) -> None:
        given.append(dict(locals()))

    logic = SimpleNamespace(registerCustomSampleDataSource=register)
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    sample_data.registerSampleData()
    assert [source["sampleName"] for source in given] == [
        "SyntheticBodyCT",
        "SyntheticHand",
        "SyntheticCephalogram",
        "SyntheticSpine",
    ]
    for source in given:
        assert source["category"] == "Landmark Detection"
        assert source["sampleName"] == source["nodeNames"]
        parts = urlsplit(source["uris"])
        assert parts.scheme == "file"
        volume = Path(url2pathname(parts.path))
        assert volume.name == source["fileNames"]
        assert f"SHA256:{hashlib.sha256(volume.read_bytes()).hexdigest()}" == source["checksums"]
        assert Path(source["thumbnailFileName"]).read_bytes().startswith(b"\x89PNG")


def test_the_test_that_runs_inside_slicer_passes_here_too(
    host: Any, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    monkeypatch.syspath_prepend(str(repository / "LandmarkDetection" / "Testing" / "Python"))
    import LandmarkDetectionSampleDataTest

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(LandmarkDetectionSampleDataTest).run(result)
    assert result.testsRun == 2
    assert result.wasSuccessful(), result.failures + result.errors


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in resource_path("SampleData").iterdir()) < 3_000_000


def test_every_sample_has_the_landmarks_of_its_protocol() -> None:
    from LandmarkDetectionLib.io.protocols import load_protocol
    from LandmarkDetectionLib.io.volumes import read_volume

    protocols = {"hand": "hand", "cephalogram": "cephalometric-19", "spine": "spine-68"}
    for sample, protocol in protocols.items():
        path = resource_path("SampleData", f"synthetic-{sample}.nrrd")
        volume, truth = (
            read_volume(path),
            read_landmarks(path.with_name(f"synthetic-{sample}-truth.mrk.json")),
        )
        assert truth.names == load_protocol(protocol).names
        places = volume.ras_to_ijk_points(truth.positions)[:, :2]
        assert np.all((places >= 0) & (places < np.array(volume.size[:2]))), sample


def test_the_model_of_hands_finds_the_landmarks_of_its_sample() -> None:
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.models import load_model

    path = resource_path("SampleData", "synthetic-hand.nrrd")
    truth = read_landmarks(path.with_name("synthetic-hand-truth.mrk.json"))
    detection = detect(read_volume(path), load_model("hand"), device="cpu")
    errors = [
        float(np.linalg.norm((one.position - truth[one.name].position)[[0, 1]]))
        for one in detection.landmarks
        if one.status is Status.DETECTED
    ]
    assert len(errors) >= 20
    assert np.mean(errors) < 5


def test_the_shipped_model_finds_the_sample_s_landmarks(body_model: "Model") -> None:
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.io.volumes import read_volume

    folder = resource_path("SampleData")
    truth = read_landmarks(folder / "synthetic-body-ct-truth.mrk.json")
    detection = detect(read_volume(folder / "synthetic-body-ct.nrrd"), body_model, device="cpu")
    assert detection.doubts == ()
    known = {one.name: one.position for one in truth}
    found = [one for one in detection.landmarks if one.status is Status.DETECTED and one.name in known]
    assert len(found) >= 24
    errors = {one.name: float(np.linalg.norm(one.position - known[one.name])) for one in found}
    # Two are wrong and not in doubt, 37 and 63 mm off at 0.71 and 0.62, as one in three of such is.
    for name in ("scapula_inferior_angle_right", "little_finger_right"):
        assert detection.landmarks[name].confidence < 0.75
        errors.pop(name, None)
    assert max(errors.values()) < 30, errors


def test_the_sample_of_a_cephalogram_is_one_that_its_model_knows() -> None:
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.models import load_model

    folder = resource_path("SampleData")
    truth = read_landmarks(folder / "synthetic-cephalogram-truth.mrk.json")
    film = read_volume(folder / "synthetic-cephalogram.nrrd")
    detection = detect(film, load_model("cephalogram"), device="cpu")
    assert detection.warnings == ()
    away = {
        one.name: float(np.linalg.norm((one.position - truth[one.name].position)[:2]))
        for one in detection.landmarks
    }
    assert len(away) == 19 and max(away.values()) < 2, away
