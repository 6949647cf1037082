"""The notebooks of docs/tutorials run from top to bottom, and show what they showed when they were stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model

TUTORIALS = Path(__file__).resolve().parents[3] / "docs" / "tutorials"
NOTEBOOKS = sorted(TUTORIALS.glob("*.ipynb"))

#: The training of a notebook learns from fewer images at a time here: as well, in a third of the time.
AS_STORED, HERE = '"batch_size": 8', '"batch_size": 2'
#: Runs the cells of a notebook as one program, and says which of them failed.
RUN = """
import json, sys
import matplotlib
matplotlib.use("Agg")
names = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        source = "".join(cell["source"]).replace(*sys.argv[2:])
        exec(compile(source, cell["id"], "exec"), names)
"""


def cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    return [cell for cell in content["cells"] if cell["cell_type"] == kind]


def test_there_are_notebooks() -> None:
    assert [notebook.stem for notebook in NOTEBOOKS] == [
        "from-a-scan-to-figures",
        "from-annotations-to-a-model",
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_runs_from_top_to_bottom(notebook: Path, tmp_path: Path) -> None:
    if notebook.stem == "from-annotations-to-a-model":
        pytest.importorskip("lightning_fabric", reason="training needs the extra train")
        assert any(AS_STORED in "".join(cell["source"]) for cell in cells(notebook, "code"))
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(notebook), AS_STORED, HERE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TUTORIALS.parents[1])},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_stored_notebook_shows_what_its_cells_gave(notebook: Path) -> None:
    """Somebody who only reads it sees every result and picture, and nothing of the computer it ran on."""
    code = cells(notebook, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    text = "".join("".join(output.get("text", "")) for output in outputs)
    assert "/home/" not in text and str(TUTORIALS.parents[1]) not in text
    # Noise makes pictures large: store them small, and with a palette.
    assert notebook.stat().st_size < 250_000


def test_the_stored_landmarks_are_those_of_the_model_that_ships(body_model: Model) -> None:
    code = cells(TUTORIALS / "from-a-scan-to-figures.ipynb", "code")
    text = "".join("".join(output.get("text", "")) for cell in code for output in cell["outputs"])
    assert f"141 landmarks by {body_model.name} {body_model.version}\n" in text
