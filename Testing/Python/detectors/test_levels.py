"""Models whose landmarks are levels of a chain: detections, doubts and corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.detectors.heatmap_evidence import SecondReading
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.typing import Array
from Testing.Python.heatmaps.test_column import corners, peaks, slipped

PROTOCOL = load_protocol("spine-68")
SETTINGS: dict[str, Any] = {
    "shape": (256, 96),
    "spacing": None,
    "intensity": "standardise",
    "heatmaps": "logits",
    "sigma": dict.fromkeys(PROTOCOL.names, 1.0),
    "radius": 6.0,
    "unit": "px",
    "calibration": {"scores": [0.0, 1.0], "shares": [0.0, 1.0]},
    "column": True,
    "ladder": OF_SPINES.model_dump(),
}


def model_in(folder: Path, **changes: Any) -> Model:
    """A model of spines with random weights."""
    torch.manual_seed(1)
    parameters = {"landmarks": 68, "levels": 17, "channels": [4, 6, 8], "context": 1, "coarse": 2}
    network = build_network("chain_unet", **parameters)
    return save_model(
        folder,
        name="spine",
        version="1.0.0",
        protocol=PROTOCOL,
        networks={"heatmap": ("chain_unet", parameters, network.state_dict())},
        settings={**SETTINGS, **changes},
        detector="heatmap",
        card="For a test.",
        license_text="CC0",
    )


def logits(maps: Array) -> torch.Tensor:
    """Of a network that is sure that all are in the image."""
    return torch.from_numpy(np.log(maps + 1e-9) + 10).float()[None]


def test_what_slipped_together_comes_back_together_when_one_is_corrected() -> None:
    where = corners(4.0)
    heatmaps = logits(slipped(where, 0.25))
    second = SecondReading(heatmaps, 1, HeatmapSettings.model_validate(SETTINGS), PROTOCOL.names, 6.0)
    known = np.zeros(68, bool)
    before = second(known, where)
    known[41] = True
    after = second(known, where)
    off = [np.linalg.norm(answer.observed.position - where, axis=1) for answer in (before, after)]
    assert np.median(off[0]) > 8
    assert off[1].max() < 1.5


def test_levels_that_are_sure_are_sure_and_others_are_not() -> None:
    settings = HeatmapSettings.model_validate(SETTINGS)
    nobody, where = np.zeros(68, bool), corners(4.0)
    near = []
    for maps in (peaks(where), slipped(where, 0.47)):
        heatmaps = logits(maps)
        near.append(SecondReading(heatmaps, 1, settings, PROTOCOL.names, 6.0)(nobody, where).observed.near)
    assert near[0].min() > 0.7 and near[1].max() < 0.7


def test_a_chain_that_may_be_counted_otherwise_is_doubted_and_can_be_corrected(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).random((1, 256, 96)).astype(np.float32)
    image = Volume(grey, np.diag([-1.0, -1.0, 1.0, 1.0]), spacing_known=False)
    seen = analyse(image, model_in(tmp_path / "spine"), DetectOptions(device="cpu"))
    doubts = [doubt for doubt in seen.detection.doubts if doubt.kind is DoubtKind.LEVEL]
    assert len(doubts) == 1 and "the level above or below" in doubts[0].text
    assert set(doubts[0].landmarks) <= set(PROTOCOL.names)
    place = np.array([-40.0, -100.0, 0.0])
    refined = seen.refine({"t9_top_left": place}).detection.landmarks
    assert refined["t9_top_left"].position == pytest.approx(place)
    heights = [-refined[f"{level}_top_left"].position[1] for level in ("t8", "t9", "t10")]
    assert heights == sorted(heights)


def test_a_model_whose_levels_are_not_read_together_doubts_none(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).random((1, 256, 96)).astype(np.float32)
    image = Volume(grey, np.diag([-1.0, -1.0, 1.0, 1.0]), spacing_known=False)
    model = model_in(tmp_path / "spine", column=False, ladder=None)
    doubts = analyse(image, model, DetectOptions(device="cpu")).detection.doubts
    assert DoubtKind.LEVEL not in [doubt.kind for doubt in doubts]


def test_a_ladder_of_landmarks_that_a_model_lacks_is_refused(tmp_path: Path) -> None:
    ladder = OF_SPINES.model_dump()
    ladder["rungs"] = [*ladder["rungs"][:-1], [66, 68]]
    with pytest.raises(ModelError, match="its landmarks are not those of a column of 68 in radiographs"):
        HeatmapSettings.of(model_in(tmp_path / "spine", ladder=ladder))


def test_a_mirror_that_lacks_landmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="mirror does not name each landmark once"):
        HeatmapSettings.of(model_in(tmp_path / "spine", mirror=[1, 0]))


def test_a_model_that_looks_into_a_mirror_finds_the_same_in_an_image_and_its_mirror_image(
    tmp_path: Path,
) -> None:
    grey = np.random.default_rng(0).random((1, 256, 96)).astype(np.float32)
    swapped = [n ^ 1 for n in range(68)]
    model = model_in(tmp_path / "spine", mirror=swapped, column=False, ladder=None)
    found, mirrored = (
        np.stack(
            [
                mark.position
                for mark in analyse(
                    Volume(image, np.diag([-1.0, -1.0, 1.0, 1.0]), spacing_known=False),
                    model,
                    DetectOptions(device="cpu"),
                ).detection.landmarks
            ]
        )
        for image in (grey, np.ascontiguousarray(grey[..., ::-1]))
    )
    assert -found[:, 0] == pytest.approx(95 + mirrored[swapped, 0], abs=0.1)
    assert found[:, 1] == pytest.approx(mirrored[swapped, 1], abs=0.1)
