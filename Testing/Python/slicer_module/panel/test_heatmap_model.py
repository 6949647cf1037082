"""A model of grey values in the panel: what it does not ask, what it takes, and what comes of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from LandmarkDetectionLib.models import save_model
from LandmarkDetectionLib.networks.architectures import build_network
from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.mrml_cases import add_volume
from Testing.Python.slicer_module.panel_cases import (
    DETECTING_MS,
    complaint,
    open_panel,
    press_detect,
    rows,
    said,
)

NAMES = ("sella", "nasion")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an installed heatmap model of radiographs with an untrained network."""
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path))
    parameters = {"landmarks": 2, "inputs": 1, "dimensions": 2, "width": 4, "levels": 2}
    parameters |= {"spatial_kernel": 3, "spatial_pooling": 2, "stem_stride": 2}
    state = build_network("spatial_configuration", **parameters).state_dict()
    save_model(
        tmp_path / "two-points",
        name="two-points",
        version="1.0.0",
        protocol=Protocol(
            name="two-points",
            title="Two points",
            version="1.0.0",
            region="head",
            landmarks=tuple(LandmarkDefinition(name=n, title=n, definition=n) for n in NAMES),
        ),
        networks={"heatmap": ("spatial_configuration", parameters, state)},
        settings={
            "shape": [64, 64],
            "spacing": None,
            "intensity": "standardise",
            "heatmaps": "logits",
            "sigma": dict.fromkeys(NAMES, 1.0),
            "radius": 2.0,
            "unit": "mm",
            "calibration": {"scores": [0, 1], "shares": [0, 1]},
        },
        detector="heatmap",
        card="Untrained.",
    )
    return "two-points"


@pytest.fixture
def panel(installed: str, host: SlicerHost) -> Any:
    panel = open_panel(host)
    panel.parameters.modelName = installed
    host.process_events()
    assert panel.detect.model is not None and panel.detect.model.name == installed
    return panel


def radiograph() -> Any:
    noise = np.random.default_rng(0).normal(100, 20, (1, 90, 70))
    return add_volume("radiograph", noise.astype(np.int16))


def test_neither_threshold_nor_depth_nor_side_is_asked_for(panel, host, skin_model):
    ui = panel.settings.ui
    panel.pages.show(panel.settings)
    panel.parameters.inputVolume = radiograph()
    host.process_events()
    assert ui.deviceSelector.visible
    hidden = (ui.thresholdSlider, ui.automaticThresholdBox, ui.depthSelector, ui.sideSelector)
    assert not any(widget.visible for widget in hidden)
    assert not ui.silhouettePicture.visible
    panel.parameters.modelName = skin_model.name
    host.process_events()
    assert ui.thresholdSlider.visible and ui.depthSelector.visible, "they come back with another model"


def test_landmarks_of_a_radiograph_are_found_and_reviewed(panel, host):
    panel.parameters.inputVolume = radiograph()
    host.process_events()
    press_detect(host, panel)
    host.wait_until(lambda: panel.detect.run is None, DETECTING_MS)
    assert not [message for message in said(panel) if message.kind == "error"], said(panel)
    assert {title for title, _, _ in rows(panel)} == set(NAMES)


def test_a_volume_of_several_slices_is_refused_in_a_sentence(panel, host):
    panel.parameters.inputVolume = add_volume("scan", np.zeros((6, 8, 8), np.int16))
    host.process_events()
    assert "needs a radiograph or a single slice" in complaint(panel)
    assert not panel.detect.ui.detectButton.enabled
