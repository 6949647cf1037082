"""Small data sets with landmark files of raters and models, generated."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

NAMES = ("wrist", "thumb_tip", "index_tip")
Points = np.ndarray


def landmark_set(
    points: Points, confidence: float | None = None, names: tuple[str, ...] = NAMES
) -> LandmarkSet:
    """(L, 3) RAS mm; a NaN row is a landmark that a person declared missing."""
    return LandmarkSet(
        tuple(
            Landmark(
                name,
                point,
                Status.DETECTED if np.isfinite(point).all() else Status.MISSING,
                confidence=confidence,
            )
            for name, point in zip(names, points, strict=True)
        )
    )


class DataSet:
    """A folder with images, a datalist and places for predictions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.datalist = folder / "data.json"
        self.truth: dict[str, Points] = {}

    def predict(
        self, name: str, move: Callable[[str, Points], Points], confidence: float | None = None
    ) -> Path:
        """Write predictions: the first rater's points, moved by a function of case and points."""
        out = self.folder / name
        out.mkdir(exist_ok=True)
        for case, points in self.truth.items():
            write_landmarks(landmark_set(move(case, points), confidence), out / f"{case}.csv")
        return out


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., DataSet]:
    """Writes ``cases`` images of ``kind``: a picture without a resolution, or a volume of oblique voxels."""

    def make(
        cases: int = 6,
        kind: str = "picture",
        raters: Mapping[str, float] | None = None,
        change: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
    ) -> DataSet:
        data = DataSet(tmp_path)
        rng = np.random.default_rng(7)
        rows = []
        for number in range(cases):
            case = f"case-{number}"
            file = tmp_path / f"{case}.{'png' if kind == 'picture' else 'nrrd'}"
            if kind == "picture":
                Image.fromarray(rng.integers(0, 255, (80, 60), np.uint8)).save(file)
                points = -np.column_stack([rng.uniform(15, 45, 3), rng.uniform(20, 60, 3), np.zeros(3)])
            else:
                affine = np.diag([-1.5, 0.8, 2.0, 1.0])
                affine[:3, 3] = (20.0, -15.0, -10.0)
                volume = Volume(rng.integers(0, 100, (12, 40, 30)).astype(np.int16), affine)
                write_volume(volume, file)
                points = volume.ijk_to_ras_points(rng.uniform((5, 8, 3), (25, 32, 9), (3, 3)))
            data.truth[case] = points
            files = {}
            for rater, offset in (raters or {"rater": 0.0}).items():
                files[rater] = f"{case}-{rater}.mrk.json"
                write_landmarks(landmark_set(points + np.array([offset, 0, 0])), tmp_path / files[rater])
            split = "test" if number % 2 else "train"
            rows.append({"image": file.name, "landmarks": files, "subject": f"s{number}", "split": split})
        change(rows)
        write_datalist(rows, data.datalist, "generated")
        return data

    return make
