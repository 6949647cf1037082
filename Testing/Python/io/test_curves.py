"""Ways of agents as files that Slicer opens."""

import json

import numpy as np

from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionLib.io.curves import write_paths

PATH = SearchPath("eye/left", np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 5.0]]), np.array([2.0, 1.0]), False)
AWAY = SearchPath("chin", np.array([[0.0, 0.0, 0.0]]), np.array([2.0]), True)


def test_every_way_is_one_curve_in_lps(tmp_path):
    files = write_paths([PATH, AWAY], tmp_path / "new")
    assert [file.name for file in files] == ["eye-left.path.mrk.json", "chin.path.mrk.json"]
    (curve,) = json.loads(files[0].read_text())["markups"]
    assert curve["type"] == "Curve" and curve["coordinateSystem"] == "LPS"
    assert [point["position"] for point in curve["controlPoints"]] == [[-1.0, -2.0, 3.0], [-1.0, -2.0, 5.0]]
    assert [point["label"] for point in curve["controlPoints"]] == ["2 mm", "1 mm"]
    assert json.loads(files[1].read_text())["markups"][0]["name"] == "way to chin, left the volume"
    assert "-0.0" not in files[1].read_text()
