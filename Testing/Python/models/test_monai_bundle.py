"""A model becomes a bundle that MONAI runs, with this library's landmarks; foreign code never runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import LandmarkDetectionLib as ld  # noqa: N813
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.errors import InputError, ModelError, OutputError
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.models import Model, install_model, load_model, validate_model
from LandmarkDetectionLib.models.metadata import DISTRIBUTION
from LandmarkDetectionLib.models.monai_bundle import CONFIGURATION, INFERENCE, METADATA, export_bundle
from Testing.examples.small_heatmap_model import save_small_model, small_volume

SCHEMA = Path(__file__).parents[2] / "examples" / "monai_metadata.schema.json"
SHIPPED = sorted(path for path in resource_path("Models").iterdir() if (path / METADATA).is_file())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return save_small_model(tmp_path_factory.mktemp("package") / "small")


@pytest.fixture
def bundle(model: Model, tmp_path: Path) -> Path:
    export_bundle(model.path, model.metadata, model.protocol.names, tmp_path / "bundle")
    return tmp_path / "bundle"


def verified(metadata: Path, folder: Path) -> None:
    """Let MONAI verify metadata, with the schema in place so that nothing is downloaded."""
    scripts = pytest.importorskip("monai.bundle.scripts", reason="verifying metadata needs the extra monai")
    pytest.importorskip("jsonschema", reason="verifying metadata needs the extra monai")
    schema = folder / "schema.json"
    schema.write_bytes(SCHEMA.read_bytes())
    scripts.verify_metadata(meta_file=str(metadata), filepath=str(schema))


@pytest.mark.parametrize("package", SHIPPED, ids=lambda path: path.name)
def test_monai_verifies_the_metadata_of_every_model_that_ships(package: Path, tmp_path: Path) -> None:
    verified(package / METADATA, tmp_path)


def test_monai_verifies_the_metadata_of_a_saved_model_and_of_its_bundle(
    model: Model, bundle: Path, tmp_path: Path
) -> None:
    verified(model.path / METADATA, tmp_path)
    verified(bundle / METADATA, tmp_path)


def test_monai_verifies_the_metadata_of_trained_agents_and_of_their_bundle(
    spot_agents: Path, tmp_path: Path
) -> None:
    agents = load_model(spot_agents / "run" / "spots")
    verified(agents.path / METADATA, tmp_path)
    export_bundle(agents.path, agents.metadata, agents.protocol.names, tmp_path / "bundle")
    verified(tmp_path / "bundle" / METADATA, tmp_path)


def test_metadata_that_lack_a_version_are_not_verified(model: Model, tmp_path: Path) -> None:
    lacking = {key: value for key, value in model.metadata.items() if key != "pytorch_version"}
    (tmp_path / "metadata.json").write_text(json.dumps(lacking))
    with pytest.raises(ValueError, match="pytorch_version"):
        verified(tmp_path / "metadata.json", tmp_path)


def test_metadata_state_the_versions_that_were_used(model: Model) -> None:
    metadata = model.metadata
    assert metadata["pytorch_version"] == torch.__version__.split("+")[0]
    assert metadata["numpy_version"] == np.__version__
    assert metadata["required_packages_version"][DISTRIBUTION] == ld.__version__
    assert "monai" not in metadata["required_packages_version"]


def test_a_bundle_says_what_it_needs_and_what_its_network_gives(bundle: Path, model: Model) -> None:
    metadata = json.loads((bundle / METADATA).read_text(encoding="utf-8"))
    assert metadata["required_packages_version"]["monai"] == metadata["monai_version"]
    output = metadata["network_data_format"]["outputs"]["pred"]
    assert tuple(output["channel_def"].values()) == model.protocol.names
    assert {path.relative_to(bundle).as_posix() for path in bundle.rglob("*.*")} >= {
        METADATA,
        CONFIGURATION,
        "docs/README.md",
        "models/heatmap.safetensors",
    }


def test_monai_runs_the_bundle_on_a_nifti_and_the_landmarks_are_the_same(
    model: Model, bundle: Path, tmp_path: Path, repository: Path
) -> None:
    pytest.importorskip("monai", reason="running a bundle needs the extra monai")
    pytest.importorskip("ignite", reason="running a bundle needs the extra monai")
    pytest.importorskip("fire", reason="running a bundle needs the extra monai")
    (tmp_path / "scans").mkdir()
    scan = tmp_path / "scans" / "one.nii.gz"
    ld.write_volume(small_volume(), scan)
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(bundle / CONFIGURATION)]
    command += ["--bundle_root", str(bundle), "--dataset_dir", str(scan.parent)]
    command += ["--output_dir", str(tmp_path / "found"), "--device", "cpu"]
    path = os.pathsep.join(filter(None, [str(repository), os.environ.get("PYTHONPATH", "")]))
    ran = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = ld.read_landmarks(tmp_path / "found" / "one.mrk.json")
    ours = ld.detect(ld.read_volume(scan), model, device="cpu")
    assert [one.name for one in found] == [one.name for one in ours.landmarks]
    assert any(one.is_present for one in ours.landmarks)
    for one in ours.landmarks:
        assert found[one.name].is_present == one.is_present
        if one.is_present:
            assert found[one.name].position == pytest.approx(one.position, abs=1e-3)
    assert ours.doubts and all(doubt.text in ran.stdout + ran.stderr for doubt in ours.doubts)


class Tensor(torch.Tensor):
    """A tensor that says where it lies, as MONAI's do."""

    affine: torch.Tensor
    meta: dict[str, Any]


def image_of(volume: ld.Volume, space: str = "RAS") -> Tensor:
    voxels = torch.from_numpy(np.ascontiguousarray(volume.voxels.T).astype(np.float32))
    image = voxels[None, None].as_subclass(Tensor)
    image.affine = torch.from_numpy(volume.ijk_to_ras)[None]
    image.meta = {"space": [space], "filename_or_obj": ["folder/one.nii.gz"]}
    return image


def test_the_published_class_gives_positions_confidence_and_status(model: Model, tmp_path: Path) -> None:
    volume = small_volume()
    network = ld.LandmarkNetwork(model.path)
    image = image_of(volume)
    found = network(image)
    ours = ld.detect(volume, model, device="cpu").landmarks
    assert found.shape == (1, 3, 5)
    for row, one in zip(found[0].numpy(), ours, strict=True):
        assert row[:3] == pytest.approx(one.position, abs=1e-3, nan_ok=True)
        assert row[3] == pytest.approx(one.confidence, abs=1e-6)
        assert (Status.ABSENT, Status.UNCERTAIN, Status.DETECTED)[int(row[4])] == one.status
    network.save({"image": image, "pred": found[0]}, tmp_path)
    again = ld.read_landmarks(tmp_path / "one.mrk.json")
    assert [one.is_present for one in again] == [one.is_present for one in ours]


def test_two_images_of_one_name_do_not_overwrite_one_another(model: Model, tmp_path: Path) -> None:
    network = ld.LandmarkNetwork(model.path)
    image = image_of(small_volume())
    case = {"image": image, "pred": network(image)[0]}
    network.save(case, tmp_path)
    network.save(case, tmp_path)
    image.meta["filename_or_obj"] = ["other/one.nii.gz"]
    with pytest.raises(OutputError, match="two images have this name"):
        network.save(case, tmp_path)


@pytest.mark.parametrize("space", ["LPS", "nowhere"])
def test_an_image_that_is_not_in_ras_is_refused(model: Model, space: str) -> None:
    network = ld.LandmarkNetwork(model.path)
    with pytest.raises(InputError, match="where they lie in RAS mm"):
        network(image_of(small_volume(), space))
    with pytest.raises(InputError, match="where they lie in RAS mm"):
        network(torch.zeros(1, 1, 8, 8, 8))
    with pytest.raises(InputError, match=r"not a tensor of shape \(8, 8, 8\)"):
        network(torch.zeros(8, 8, 8))


def test_an_exported_bundle_is_a_model_that_can_be_installed(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "models"))
    assert validate_model(bundle) == []
    assert install_model(bundle).name == "small"


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("configs/train.json", {"network": {"_target_": "os.system"}}, "_target_"),
        ("configs/inference.json", {**INFERENCE, "initialize": ["$import os"]}, r"a text starting with \$"),
        ("docs/more.json", {"x": [{"y": " $print(1)"}]}, r"a text starting with \$"),
    ],
)
def test_a_bundle_that_names_other_code_is_refused_in_a_sentence(
    bundle: Path, file: str, content: dict[str, Any], named: str
) -> None:
    (bundle / file).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=rf"{file} names code \({named}\), which a model here never runs"):
        install_model(bundle)


def test_a_bundle_of_somebody_else_is_no_model_here(bundle: Path) -> None:
    metadata = json.loads((bundle / METADATA).read_text(encoding="utf-8"))
    del metadata["landmark_detection"]
    (bundle / METADATA).write_text(json.dumps(metadata))
    with pytest.raises(ModelError, match="landmark_detection"):
        load_model(bundle)


def test_the_command_exports_into_a_new_folder_only(
    model: Model, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    folder = tmp_path / "bundle"
    done = cli("models", "export", model.path, "--monai", folder)
    assert done.code == 0 and "python -m monai.bundle run" in done.out
    assert json.loads((folder / CONFIGURATION).read_text()) == INFERENCE
    again = cli("models", "export", model.path, "--monai", folder)
    assert again.code == OutputError.exit_code and "it holds something already" in again.err
