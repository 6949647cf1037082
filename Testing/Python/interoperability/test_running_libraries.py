"""Where PyTorch, Dask and anny surprise those who run them."""

from pathlib import Path

import numpy as np
import pytest

from Testing.Python.interoperability.versions import seen_with


@seen_with(torch="2.13")
def test_torch_load_reads_safetensors_by_their_name(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(3)}, tmp_path / "model.safetensors")
    loaded = torch.load(tmp_path / "model.safetensors")
    assert loaded["weight"].tolist() == [1.0, 1.0, 1.0]
    (tmp_path / "model.safetensors").rename(tmp_path / "model.pt")
    with pytest.raises(Exception, match=r".+"):
        torch.load(tmp_path / "model.pt")


@seen_with(dask_jobqueue="0.9.0", distributed="2026.8.0")
def test_temporary_certificates_for_jobs_are_written_into_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="needs cryptography")
    from dask_jobqueue import SLURMCluster
    from distributed.security import Security

    monkeypatch.chdir(tmp_path)
    local = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": None}
    with pytest.warns(UserWarning, match="without explicitly setting a shared_temp_directory"):
        cluster = SLURMCluster(
            cores=1, memory="1GB", protocol="tls", security=Security.temporary(), scheduler_options=local
        )
    with cluster:
        keys = [file for file in tmp_path.iterdir() if "PRIVATE KEY" in file.read_text(encoding="utf-8")]
    assert len(keys) == 1


@seen_with(anny="0.6.2")
def test_bodies_of_anny_are_doubles_and_their_default_pose_moves_them() -> None:
    anny = pytest.importorskip("anny", reason="synthetic bodies need anny")
    import torch

    model = anny.create_fullbody_model()
    with torch.no_grad():
        posed = model()
    assert posed["vertices"].dtype == torch.float64
    moved = (posed["vertices"] - posed["rest_vertices"]).norm(dim=-1).mean()
    assert float(moved) > 0.05


@seen_with(anny="0.6.2")
def test_of_anny_s_genders_0_is_male() -> None:
    """So is the reference body, whose bones are a man's: the taller of two that differ in gender alone."""
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    from LandmarkDetectionLib.synthesis.body.anchors import reference_phenotype
    from LandmarkDetectionLib.synthesis.body.model import load_body_model, local_change_labels

    model = load_body_model()
    reference = reference_phenotype()
    other = reference.copy()
    other[:, 0] = 1 - reference[:, 0]
    heights = []
    for phenotype in (reference, other):
        changes = np.zeros((1, len(local_change_labels())))
        vertices, _ = model.rest(model.coefficients(phenotype, changes))
        heights.append(float(np.ptp(vertices[0, :, 2])))
    assert heights[0] > heights[1] + 50
