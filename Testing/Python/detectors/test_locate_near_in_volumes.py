"""In a volume too, a landmark is found again where both the click and what the network saw make it likely."""

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.evidence import VolumeMaps
from LandmarkDetectionLib.detectors.joint import JointFrame
from LandmarkDetectionLib.detectors.locate import locate_near
from LandmarkDetectionLib.errors import InputError

VOXEL = np.array([2.0, 2.0, 4.0])
ORIGIN = np.array([-60.0, -40.0, 10.0])
STRIDE = 2
DETECTION = Detection(LandmarkSet((Landmark("apex", np.zeros(3)),)), "blobs", "1", {})
NEAR_PEAK, FAR_PEAK = np.array([8, 10, 12]), np.array([20, 10, 12])  # cells, x first


def ras(cell: np.ndarray) -> np.ndarray:
    return ORIGIN + VOXEL * ((cell + 0.5) * STRIDE - 0.5)


@pytest.fixture
def seen() -> VolumeMaps:
    """A network that saw the landmark at two places, more of it at the wrong one."""
    z, y, x = np.mgrid[:24, :20, :28]
    cells = np.stack([x, y, z], axis=-1)
    maps = sum(
        share * np.exp(-0.5 * ((cells - peak) ** 2).sum(axis=-1) / 1.5**2)
        for share, peak in ((0.2, NEAR_PEAK), (0.8, FAR_PEAK))
    )
    shape = tuple(STRIDE * n for n in maps.shape)
    to_ras = np.diag([*VOXEL, 1.0])
    to_ras[:3, 3] = ORIGIN
    volume = Volume(np.zeros(shape, np.int16), to_ras)
    return VolumeMaps(
        frame=JointFrame(ORIGIN, np.diag(VOXEL)),
        maps=(maps / maps.sum())[None].astype(np.float32),
        stride=STRIDE,
        voxel_mm=VOXEL,
        radius_mm=10.0,
        click_mm=15.0,
        contains=lambda point: bool(volume.holds(point)),
        confidence=lambda near: near,
    )


def test_a_click_beside_the_lower_peak_goes_to_it(seen: VolumeMaps) -> None:
    found = locate_near(DETECTION, seen, "apex", ras(NEAR_PEAK) + np.array([6.0, -5.0, 4.0]))
    assert np.linalg.norm(found.position - ras(NEAR_PEAK)) < 4, "half a cell"
    assert found.confidence is not None and 0.2 < found.confidence < 0.9
    assert found.covariance is not None and np.all(np.linalg.eigvalsh(found.covariance) > 0)


def test_where_the_network_saw_nothing_it_stays_at_the_click(seen: VolumeMaps) -> None:
    click = ras(np.array([14, 3, 2]))
    found = locate_near(DETECTION, seen, "apex", click)
    assert np.linalg.norm(found.position - click) < 3


def test_a_click_outside_is_one_sentence(seen: VolumeMaps) -> None:
    with pytest.raises(InputError, match="outside the scan"):
        locate_near(DETECTION, seen, "apex", [0.0, 0.0, 900.0])
