"""Air is told from body on every scale; table, head rest and cloth go, fingers and noses stay."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body.mask import estimate_air_threshold, isolate_body
from LandmarkDetectionLib.imaging.body.projection import Projection, project_body
from LandmarkDetectionLib.io.volumes import read_volume
from Testing.examples.body_phantom import (
    BACK,
    blanket,
    curved_table,
    flat_table,
    foam_cover,
    foam_wedge,
    head_cup,
    head_rest,
    phantom,
    true_view,
)

CHEST = {"low": (-350.0, -200.0, 60.0), "high": (350.0, 200.0, 460.0)}
UPPER = {"low": (-350.0, -200.0, -200.0), "high": (350.0, 200.0, 760.0)}
LEGS = {"low": (-350.0, -200.0, -900.0), "high": (350.0, 200.0, -100.0)}


@pytest.fixture(scope="module")
def chest() -> Volume:
    return phantom(curved_table, spacing=(5.0, 5.0, 5.0), **CHEST)


def changed(volume: Volume, voxels: np.ndarray, modality: str = "") -> Volume:
    return Volume(voxels, volume.ijk_to_ras, modality, "phantom")


@pytest.mark.parametrize("modality", ["CT", ""])
def test_ct_numbers_get_the_fixed_threshold(chest: Volume, modality: str):
    air = estimate_air_threshold(changed(chest, chest.voxels, modality))
    assert (air.value, air.kind) == (-400.0, "hounsfield")
    assert air.separation > 0.8 and air.coherence > 0.8


@pytest.mark.parametrize("modality", ["CT", ""])
def test_ct_numbers_without_sign_get_the_shifted_threshold(chest: Volume, modality: str):
    shifted = (np.maximum(chest.voxels, -1024).astype(np.int32) + 1024).astype(np.uint16)
    air = estimate_air_threshold(changed(chest, shifted, modality))
    assert (air.value, air.kind) == (624.0, "shifted hounsfield")


@pytest.mark.parametrize("padding", [-2000, -3024, -1024])
def test_padding_around_the_reconstruction_circle_is_no_body(chest: Volume, padding: int):
    voxels = chest.voxels.copy()
    j, i = np.mgrid[: voxels.shape[1], : voxels.shape[2]]
    voxels[:, np.hypot(j - 40, i - 70) > 69] = padding
    reference, padded = (project_body(changed(chest, v, "CT")).coronal for v in (chest.voxels, voxels))
    assert (reference.silhouette ^ padded.silhouette).sum() <= 0.005 * reference.silhouette.sum()


def as_mr(volume: Volume, gain: float, generator: np.random.Generator) -> np.ndarray:
    """Rician noise, a bias field and dark lungs: what an MR image makes of the phantom."""
    signal = np.clip((volume.voxels.astype(float) + 1000) / 1040, 0, 1)
    signal *= np.linspace(0.6, 1.4, volume.voxels.shape[0])[:, None, None]
    real, imaginary = (generator.normal(0, 0.03, signal.shape) for _ in range(2))
    return np.asarray(np.hypot(signal + real, imaginary) * gain, np.float32)


@pytest.mark.parametrize("gain", [0.01, 250.0, 30_000.0])
def test_the_background_of_mr_is_found_on_any_scale(gain: float):
    volume = phantom(spacing=(5.0, 5.0, 5.0), **UPPER)
    mr = changed(volume, as_mr(volume, gain, np.random.default_rng(1)), "MR")
    assert estimate_air_threshold(mr).kind == "estimated"
    result, reference = project_body(mr), project_body(volume)
    differing = result.coronal.silhouette ^ reference.coronal.silhouette
    assert differing.sum() <= 0.03 * reference.coronal.silhouette.sum()
    assert any("threshold estimated" in note for note in result.notes)


def test_noise_and_constants_are_reported_as_what_they_are():
    generator = np.random.default_rng(2)
    noise = estimate_air_threshold(Volume(generator.normal(0, 9, (30, 30, 30)), np.eye(4), "MR"))
    assert abs(noise.coherence) < 0.1 and noise.separation < 0.66
    constant = estimate_air_threshold(Volume(np.full((9, 9, 9), 7, np.int16), np.eye(4)))
    assert (constant.kind, constant.separation) == ("constant", 0.0)


def test_a_given_threshold_is_kept(chest: Volume):
    air = estimate_air_threshold(chest, given=-123.0)
    assert (air.value, air.kind, air.air) == (-123.0, "given", -1000.0)


def assert_body(result: Projection, dice: float, depth_mm: float = 5.0) -> None:
    view = result.coronal
    silhouette, front, back = true_view(view.geometry)
    silhouette &= view.field_of_view
    both = silhouette & view.silhouette
    assert 2 * both.sum() / (silhouette.sum() + view.silhouette.sum()) > dice
    for own, true in ((view.front, front), (view.back, back)):
        error = view.geometry.origin[1] - own - true
        assert abs(np.nanmean(error[both])) < 2
        assert np.nanpercentile(np.abs(error[both]), 95) < depth_mm


def assert_fingers_and_nose(result: Projection) -> None:
    tips = [(side * (272 + 21 * n), -78.0, -165.0) for side in (-1, 1) for n in range(4)]
    column, row, _ = np.rint(result.coronal.geometry.from_ras(tips)).astype(int).T
    assert result.coronal.silhouette[row, column].all()
    column, row, _ = np.rint(result.lateral.geometry.from_ras([(0.0, 97.0, 610.0)])).astype(int).T
    assert result.lateral.silhouette[row, column].all()


@pytest.mark.parametrize(
    "objects",
    [
        (),
        (flat_table,),
        (curved_table,),
        (partial(flat_table, top=BACK - 20),),
        (curved_table, head_rest),
        (flat_table, blanket),
    ],
    ids=["nothing", "flat table", "curved table", "table further back", "head rest", "blanket"],
)
def test_only_the_body_is_left(objects):
    result = project_body(phantom(*objects, spacing=(4.0, 4.0, 4.0), **UPPER))
    assert_body(result, 0.99)
    assert_fingers_and_nose(result)
    assert ("table removed" in result.notes) == bool(objects)


@pytest.mark.parametrize("table", [flat_table, curved_table], ids=["flat", "curved"])
@pytest.mark.parametrize("region", [CHEST, LEGS], ids=["chest", "legs"])
def test_a_part_of_the_body_keeps_its_separate_limbs_and_loses_its_table(table, region):
    # In the chest the body lies on the table along its whole length; in the legs cut fingers float free.
    assert_body(project_body(phantom(table, spacing=(4.0, 4.0, 4.0), **region)), 0.985)


def test_a_table_in_front_of_a_prone_patient_goes_too():
    volume = phantom(curved_table, spacing=(5.0, 5.0, 5.0), **UPPER)
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    prone = project_body(Volume(volume.voxels, turn @ volume.ijk_to_ras, "CT")).coronal
    supine = project_body(volume).coronal
    assert (prone.silhouette[:, ::-1] ^ supine.silhouette).sum() <= 0.02 * supine.silhouette.sum()
    assert "table removed" in project_body(Volume(volume.voxels, turn @ volume.ijk_to_ras, "CT")).notes


HEAD = {"low": (-175.0, -150.0, 470.0), "high": (175.0, 150.0, 760.0)}
FOAM = ((foam_wedge, -900.0), (foam_wedge, -850.0))
SUPPORTS = {
    "cup": (head_cup,),
    "foam": FOAM[:1],
    "covered foam": (FOAM[1], foam_cover),
    "cup, foam and blanket": (head_cup, FOAM[0], blanket),
}


@pytest.fixture(scope="module")
def bare_head() -> Projection:
    return project_body(phantom(spacing=(4.0, 4.0, 4.0), **HEAD))


def beyond_one_pixel(one: np.ndarray, other: np.ndarray) -> int:
    near = np.ones((3, 3), bool)
    outside = one & ~ndimage.binary_dilation(other, near)
    return int((outside | (other & ~ndimage.binary_dilation(one, near))).sum())


@pytest.mark.parametrize("name", SUPPORTS)
def test_what_holds_a_head_leaves_its_silhouette_as_it_is_without(bare_head: Projection, name: str):
    held = project_body(phantom(*SUPPORTS[name], spacing=(4.0, 4.0, 4.0), **HEAD))
    for view in ("coronal", "lateral"):
        alone, silhouette = (getattr(one, view).silhouette for one in (bare_head, held))
        assert beyond_one_pixel(silhouette, alone) <= 0.006 * alone.sum()


def cup_beside_a_trunk(wall: float, share: float) -> np.ndarray:
    """A round trunk in air, in a cup that opens upwards, over a share of the way round; cells of 2.5 mm."""
    s, a, r = np.indices((24, 100, 100))
    y, x = (a - 50) * 2.5, (r - 50) * 2.5
    radius, angle = np.hypot(x, y), np.abs(np.arctan2(x, y))
    # It widens, so that no cell belongs to its wall for long: then it would be a table.
    inner = 62 + 0.9 * s
    arc = (radius >= inner) & (radius < inner + wall) & (angle < share * np.pi)
    bridge = (np.abs(x) < 8) & (y > 0) & (radius < inner + wall)
    return ((radius < 50) | arc | bridge).astype(np.uint8)


@pytest.mark.parametrize(
    ("wall", "share", "dark_bone", "goes"),
    [(5.0, 0.6, False, True), (5.0, 0.6, True, False), (14.0, 0.6, False, False), (5.0, 0.2, False, False)],
    ids=["a cup", "the same in MR", "as thick as a finger", "a short one"],
)
def test_only_a_thin_wall_far_round_a_body_is_a_cup(wall: float, share: float, dark_bone: bool, goes: bool):
    mask = cup_beside_a_trunk(wall, share)
    before = int(mask[:, :, :25].sum())
    isolate_body(mask, 2.5, dark_bone=dark_bone)
    assert (mask[:, :, :25].sum() < 0.2 * before) == goes
    assert mask[12, 50, 50]


def test_a_lung_behind_a_thin_wall_stays_body():
    s, a, r = np.indices((40, 100, 100))
    y, x = (a - 50) * 2.5, (r - 50) * 2.5
    radius = np.hypot(x, y)
    lungs = (np.hypot(x - 45, y) < 35) | (np.hypot(x + 45, y) < 35)
    mask = ((radius < 90) & ~lungs & (s >= 0)).astype(np.uint8)  # 10 mm of wall at the thinnest
    assert isolate_body(mask, 2.5, dark_bone=False) == ()
    assert mask[20, 50, 68] and mask[20, 50, 32]


def test_the_real_neck_loses_its_head_cup_and_keeps_its_shoulders(real_data):
    volume = read_volume(real_data / "real_ct" / "neck.nii.gz")
    kept, removed = (project_body(volume, remove_table=wish).coronal.silhouette for wish in (False, True))
    rows = slice(2, kept.shape[0] // 4)
    # Beside the head there is nothing; it is 170 mm wide, and the cup at least 185 mm.
    widths = [np.ptp(np.flatnonzero(row)) * 5 for row in removed[rows] if row.any()]
    assert max(widths) <= 170 < 185 <= min(np.ptp(np.flatnonzero(row)) * 5 for row in kept[rows])
    assert (kept[-8:] ^ removed[-8:]).sum() <= 0.02 * kept[-8:].sum()


def test_the_table_stays_on_request():
    volume = phantom(flat_table, spacing=(3.0, 3.0, 3.0), **CHEST)
    kept, removed = (project_body(volume, remove_table=wish).coronal for wish in (False, True))
    assert kept.silhouette.sum() > removed.silhouette.sum() + 100


def test_a_scalp_over_dark_bone_is_no_table():
    # An MR head: bright scalp of 6 mm, dark bone of 8 mm, brain; the scalp is a thin ring over a long way.
    k, j, i = np.mgrid[:90, :120, :100].astype(np.float32) * 2
    radius = np.sqrt(((i - 100) / 80) ** 2 + ((j - 120) / 100) ** 2 + ((k - 60) / 110) ** 2) * 90
    head = np.where(radius < 90, 100, 5) * np.where((radius > 76) & (radius < 84), 0.05, 1)
    head += np.random.default_rng(3).normal(0, 2, head.shape)
    view = project_body(Volume(head, np.diag([2.0, 2, 2, 1]), "MR"), pixel_mm=2.0).coronal
    assert view.cropped_to_object().geometry.shape[1] * 2 == pytest.approx(160, abs=5)


def test_the_real_whole_body_needs_no_modality_to_be_recognised(real_data):
    air = estimate_air_threshold(read_volume(real_data / "whole_body" / "female_ct.nii.gz"))
    assert (air.value, air.kind) == (-400.0, "hounsfield")
