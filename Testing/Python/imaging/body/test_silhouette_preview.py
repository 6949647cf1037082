"""The picture beside the threshold: coarse and quick, yet what a detection would take for the body."""

from dataclasses import replace

import numpy as np
import pytest

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging.body.projection import REMOVED_TONE, project_body, silhouette_preview


@pytest.fixture(scope="module")
def scan() -> Volume:
    """A synthetic adult on a table, in voxels finer than the preview's pixels."""
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    from LandmarkDetectionLib.synthesis.body.phantom import make_phantom

    return make_phantom(3, spacing_mm=4.0)[0]


def test_it_shows_what_a_detection_would_see(scan: Volume) -> None:
    threshold, picture = silhouette_preview(scan)
    views = project_body(scan, pixel_mm=5.0)
    assert threshold == views.threshold
    body, seen = picture > REMOVED_TONE, views.coronal.silhouette
    assert body.shape == seen.shape
    assert (body & seen).sum() / (body | seen).sum() > 0.95


def test_the_removed_table_has_a_tone_of_its_own(scan: Volume) -> None:
    picture = silhouette_preview(scan)[1]
    removed = picture == REMOVED_TONE
    assert removed.sum() > 0.2 * (picture > REMOVED_TONE).sum()
    assert (picture == 0).any()


def test_what_is_nearer_is_lighter(scan: Volume) -> None:
    front = project_body(scan, pixel_mm=5.0).coronal.front
    picture = silhouette_preview(scan)[1].astype(float)
    both = (picture > REMOVED_TONE) & np.isfinite(front)
    assert np.corrcoef(picture[both], front[both])[0, 1] < -0.9


def test_a_threshold_moves_the_outline(scan: Volume) -> None:
    legs = np.arange(scan.voxels.shape[0])[:, None, None] < scan.voxels.shape[0] // 3
    scan = replace(scan, voxels=np.where((scan.voxels > 0) & legs, 500, scan.voxels).astype(np.int16))
    low, high = ((silhouette_preview(scan, value)[1] > REMOVED_TONE).sum() for value in (-400.0, 300.0))
    assert high < 0.5 * low
    assert silhouette_preview(scan, 300.0)[0] == 300.0


def test_turned_and_mirrored_voxels_give_the_same_picture(scan: Volume) -> None:
    """The same patient with slices stored the other way round and axes exchanged."""
    picture = silhouette_preview(scan)[1]
    flip = np.eye(4)
    flip[2, 2], flip[2, 3] = -1, scan.shape[0] - 1
    swap = np.eye(4)[[1, 0, 2, 3]]
    turned = Volume(
        scan.voxels[::-1].transpose(0, 2, 1), scan.ijk_to_ras @ flip @ swap, scan.modality, scan.name
    )
    other = silhouette_preview(turned)[1]
    assert other.shape == picture.shape
    assert ((picture > REMOVED_TONE) != (other > REMOVED_TONE)).mean() < 0.01


def test_it_refuses_what_a_detection_refuses(scan: Volume) -> None:
    with pytest.raises(InputError, match="single image"):
        silhouette_preview(replace(scan, voxels=scan.voxels[:1]))
    with pytest.raises(NoBodyError, match="only air"):
        silhouette_preview(scan, 3000.0)
    with pytest.raises(NoBodyError, match="same value"):
        silhouette_preview(replace(scan, voxels=np.zeros_like(scan.voxels)))
