"""Pixels map to the patient and back, and a body looks the same however its volume is stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging.body.projection import Projection, project_body
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.io.volumes import read_volume
from Testing.examples.body_phantom import curved_table, phantom
from Testing.examples.bone_phantom import bone_phantom

ABDOMEN = {"low": (-350.0, -200.0, -100.0), "high": (350.0, 200.0, 300.0)}
SPACING = (3.0, 3.0, 3.0)


@st.composite
def geometries(draw: st.DrawFn) -> ViewGeometry:
    seed = draw(st.integers(0, 10**6))
    axes = Rotation.random(random_state=seed).as_matrix()
    number = st.floats(-2000, 2000)
    spacing = st.floats(0.2, 20)
    return ViewGeometry(
        origin=np.array([draw(number) for _ in range(3)]),
        column_axis=axes[0],
        row_axis=axes[1],
        depth_axis=axes[2],
        spacing=(draw(spacing), draw(spacing)),
        shape=(draw(st.integers(1, 400)), draw(st.integers(1, 400))),
    )


points = arrays(float, (5, 3), elements=st.floats(-1000, 1000))
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("window"),
            st.integers(-50, 50),
            st.integers(-50, 50),
            st.tuples(st.integers(1, 300), st.integers(1, 300)),
        ),
        st.tuples(st.just("resized"), st.tuples(st.integers(1, 300), st.integers(1, 300))),
    ),
    max_size=6,
)


@given(geometries(), points)
def test_a_pixel_with_depth_maps_to_the_patient_and_back(geometry: ViewGeometry, pixels: np.ndarray):
    ras = geometry.to_ras(pixels)
    assert np.allclose(geometry.to_ras(geometry.from_ras(ras)), ras, atol=0.01)
    scale = (*geometry.spacing, 1.0)
    assert np.allclose(geometry.from_ras(ras) * scale, pixels * scale, atol=0.01)


@given(geometries(), points, steps)
def test_cropping_padding_and_resizing_leave_a_point_where_it_is(
    geometry: ViewGeometry, ras: np.ndarray, chain: list
):
    # The pixel position is carried through the chain by hand and must end at the same point in the patient.
    column, row, depth = geometry.from_ras(ras).T
    for name, *arguments in chain:
        before = geometry
        geometry = getattr(geometry, name)(*arguments)
        if name == "window":
            row, column = row - arguments[0], column - arguments[1]
        else:
            row = (row + 0.5) * geometry.shape[0] / before.shape[0] - 0.5
            column = (column + 0.5) * geometry.shape[1] / before.shape[1] - 0.5
    assert np.allclose(geometry.to_ras(np.stack([column, row, depth], 1)), ras, atol=0.01)


@pytest.fixture(scope="module")
def abdomen() -> Volume:
    return phantom(curved_table, spacing=SPACING, **ABDOMEN)


@pytest.fixture(scope="module")
def projected(abdomen: Volume) -> Projection:
    return project_body(abdomen)


def test_both_views_look_from_where_they_say_and_share_rows(projected: Projection):
    coronal, lateral = projected.coronal, projected.lateral
    assert np.array_equal(coronal.geometry.column_axis, [-1, 0, 0])
    assert np.array_equal(coronal.geometry.depth_axis, [0, -1, 0])
    assert np.array_equal(lateral.geometry.column_axis, [0, -1, 0])
    assert np.array_equal(lateral.geometry.depth_axis, [1, 0, 0])
    assert coronal.geometry.origin[2] == lateral.geometry.origin[2]
    assert coronal.silhouette.shape[0] == lateral.silhouette.shape[0]


def test_the_two_views_measure_the_same_body(projected: Projection):
    coronal, lateral = projected.coronal, projected.lateral
    for row in range(10, coronal.geometry.shape[0] - 10, 7):
        front = coronal.geometry.origin[1] - np.nanmin(coronal.front[row])
        column = np.flatnonzero(lateral.silhouette[row])[0]
        edge = lateral.geometry.to_ras([[column - 0.5, row, 0]])[0, 1]
        assert front == pytest.approx(edge, abs=5)
        left = lateral.geometry.origin[0] + np.nanmin(lateral.front[row])
        column = np.flatnonzero(coronal.silhouette[row])[-1]
        edge = coronal.geometry.to_ras([[column + 0.5, row, 0]])[0, 0]
        assert left == pytest.approx(edge, abs=5)


def test_depths_exist_exactly_on_the_body_and_bound_the_thickness(projected: Projection):
    for view in (projected.coronal, projected.lateral):
        assert np.array_equal(np.isfinite(view.front), view.silhouette)
        assert np.array_equal(np.isfinite(view.back), view.silhouette)
        assert np.array_equal(view.thickness > 0, view.silhouette)
        depth = (view.back - view.front)[view.silhouette]
        assert (view.thickness[view.silhouette] <= depth + 5).all()
        assert not (view.silhouette & ~view.field_of_view).any()


def aligned(view: View, reference: View) -> View:
    """The view on the reference's pixels, with depths from the reference's origin."""
    column, row, depth = reference.geometry.from_ras(view.geometry.origin)[0]
    assert (column, row) == pytest.approx((round(column), round(row)), abs=1e-6), "the lattices differ"
    moved = view.window(-round(row), -round(column), reference.geometry.shape)
    return View(
        moved.silhouette,
        moved.front + np.float32(depth),
        moved.back + np.float32(depth),
        moved.thickness,
        moved.field_of_view,
        reference.geometry,
    )


def assert_same_body(result: Projection, reference: Projection, pixels: float, depth_mm: float) -> None:
    """Silhouettes differ in at most this share of pixels, depths by at most depth_mm.

    Depths are compared where the surface faces the camera: nine of ten pixels from the front, but only half
    of those from the side, where most rays graze the flat sides of trunk and arms.
    """
    views = ((result.coronal, reference.coronal, 90), (result.lateral, reference.lateral, 50))
    for own, view, percentile in views:
        other = aligned(own, view)
        both = other.silhouette & view.silhouette
        assert (other.silhouette ^ view.silhouette).sum() <= pixels * view.silhouette.sum()
        assert np.percentile(np.abs(other.front - view.front)[both], percentile) <= depth_mm
        assert np.percentile(np.abs(other.back - view.back)[both], percentile) <= depth_mm


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
def test_the_order_and_direction_of_the_voxel_axes_do_not_matter(abdomen, projected, order, flips):
    matrix = abdomen.ijk_to_ras.copy()
    for axis, flip in enumerate(flips):  # numpy axis 0 is k, the matrix's column 2
        if flip < 0:
            size = abdomen.voxels.shape[axis]
            matrix[:, 3] += matrix[:, 2 - axis] * (size - 1)
            matrix[:, 2 - axis] *= -1
    voxels = abdomen.voxels[tuple(slice(None, None, n) for n in flips)].transpose(order)
    matrix[:, :3] = matrix[:, [2 - n for n in order[::-1]]]
    assert_same_body(project_body(Volume(voxels, matrix, "CT")), projected, 0.002, 0.2)


@pytest.mark.parametrize(
    ("spacing", "rotation", "pixels", "depth_mm"),
    [
        ((8.0, 8.0, 8.0), None, 0.015, 3),
        ((2.0, 2.0, 6.0), None, 0.01, 2),
        ((5.0, 5.0, 5.0), Rotation.from_rotvec(np.radians(10) * np.ones(3) / 3**0.5), 0.015, 3),
    ],
)
def test_voxel_size_and_oblique_axes_hardly_matter(spacing, rotation, pixels, depth_mm):
    body = {"low": (-350.0, -200.0, -100.0), "high": (350.0, 200.0, 760.0)}
    matrix = None if rotation is None else rotation.as_matrix()
    reference = project_body(phantom(curved_table, spacing=(4.0, 4.0, 4.0), **body))
    other = project_body(phantom(curved_table, spacing=spacing, rotation=matrix, **body))
    if rotation is not None:  # the rotated box reaches further down the legs
        rows = int((~reference.coronal.field_of_view.any(axis=1)).sum())
        assert rows == 0
        bottom = reference.coronal.geometry.shape[0] - 4
        reference = Projection(
            *(v.window(0, 0, (bottom, v.geometry.shape[1])) for v in (reference.coronal, reference.lateral)),
            0,
            (),
        )
    assert_same_body(other, reference, pixels, depth_mm)


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 3.0), (6.0, 6.0, 6.0)])
@pytest.mark.parametrize("seed", range(3))
def test_oblique_voxels_show_front_and_back_alike(spacing, seed: int):
    turn = Rotation.random(random_state=seed).as_matrix()
    view = project_body(bone_phantom(spacing=spacing, rotation=turn)).coronal
    row, column = np.nonzero(view.silhouette)
    place = view.geometry.to_ras(np.stack([column, row, 0 * row], axis=1))
    facing = (place[:, 0] / 90) ** 2 + (place[:, 2] / 100) ** 2 < 0.7
    middle = (view.front + view.back)[row, column][facing] / 2
    np.testing.assert_allclose(middle, view.geometry.origin[1], atol=1.0)


@pytest.mark.parametrize("threshold", [-800.0, -600.0, -250.0, -150.0])
def test_the_threshold_hardly_matters(abdomen: Volume, projected: Projection, threshold: float):
    assert_same_body(project_body(abdomen, threshold=threshold), projected, 0.03, 4)


def test_small_pixels_show_the_same_body(abdomen: Volume, projected: Projection):
    fine = project_body(abdomen, pixel_mm=2.0).coronal
    assert fine.silhouette.sum() * 4 == pytest.approx(projected.coronal.silhouette.sum() * 25, rel=0.01)


def test_rays_through_the_corners_of_a_rotated_volume_see_nothing(abdomen: Volume):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("y", 20, degrees=True).as_matrix()
    view = project_body(Volume(abdomen.voxels, turn @ abdomen.ijk_to_ras, "CT")).coronal
    corners = view.field_of_view[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any()
    # The box seen from the front is a rectangle of the same area, turned.
    k, _, i = abdomen.voxels.shape
    assert view.field_of_view.sum() == pytest.approx(k * i * SPACING[0] * SPACING[2] / 25, rel=0.02)


def test_the_body_names_the_sides_where_the_scan_cuts_it(projected: Projection):
    assert "the body reaches the superior, inferior end of the scan" in projected.notes


def test_cropping_and_resampling_keep_the_body_in_place(projected: Projection):
    view = projected.coronal
    crop = view.cropped_to_object(3)
    assert not crop.silhouette[:, :3].any() and crop.silhouette[:, 3].any()
    unit = crop.resampled((160, 76))
    assert unit.silhouette.shape == (160, 76)
    assert unit.geometry.spacing == pytest.approx(
        (crop.geometry.shape[1] * 5 / 76, crop.geometry.shape[0] * 5 / 160)
    )
    for changed in (crop, unit):
        area = changed.silhouette.sum() * np.prod(changed.geometry.spacing)
        assert area == pytest.approx(view.silhouette.sum() * 25, rel=0.02)
        rows, columns = np.nonzero(changed.silhouette)
        centre = changed.geometry.to_ras([[columns.mean(), rows.mean(), 0]])[0]
        rows, columns = np.nonzero(view.silhouette)
        assert np.allclose(centre, view.geometry.to_ras([[columns.mean(), rows.mean(), 0]])[0], atol=1.5)
        assert np.nanmean(changed.front) == pytest.approx(np.nanmean(view.front), abs=1.0)


def test_an_empty_view_cannot_be_cropped(projected: Projection):
    with pytest.raises(NoBodyError, match="shows no body"):
        projected.coronal.window(-500, -500, (10, 10)).cropped_to_object()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 100, shape)


@pytest.mark.parametrize("spacing", [1.0, 4.0, 8.0])
@pytest.mark.parametrize(
    ("voxels", "modality", "message"),
    [
        (np.full((40, 50, 60), -1000, np.int16), "CT", "same value everywhere"),
        ((noise(40, 50, 60) / 5 - 1000).astype(np.int16), "CT", "only air"),
        ((noise(40, 50, 60) * 10).astype(np.int16), "CT", "only noise"),
        (np.abs(noise(40, 50, 60)).astype(np.float32), "MR", "only noise"),
        (gaussian_filter(noise(40, 50, 60), 2).astype(np.float32), "MR", "only noise"),
    ],
    ids=["constant", "air", "noisy CT", "noisy MR", "smooth noise"],
)
def test_a_volume_without_a_body_is_refused(voxels, modality, message, spacing):
    volume = Volume(voxels, np.diag([spacing, spacing, spacing, 1]), modality, "scan")
    with pytest.raises(NoBodyError, match=message):
        project_body(volume)


def test_a_table_alone_is_no_body():
    with pytest.raises(NoBodyError, match="nothing body-like"):
        project_body(phantom(curved_table, body=False, spacing=SPACING, **ABDOMEN))


@pytest.mark.parametrize(
    ("threshold", "message"), [(5000.0, "lower threshold"), (-2000.0, "higher threshold")]
)
def test_a_threshold_outside_the_values_is_refused(abdomen: Volume, threshold: float, message: str):
    with pytest.raises(NoBodyError, match=message):
        project_body(abdomen, threshold=threshold)


def test_a_single_image_is_refused():
    with pytest.raises(InputError, match="single image"):
        project_body(Volume(np.zeros((1, 50, 50), np.int16), np.eye(4), "CT", "slice"))


def test_the_real_whole_body_is_seen_with_its_fingers_and_without_its_table(real_data):
    volume = read_volume(real_data / "whole_body" / "female_ct.nii.gz")
    projection = project_body(volume)
    assert "table removed" in projection.notes
    view = projection.coronal
    fingers = np.array([[-205.46, 67.94, -106.2], [-205.46, 67.94, -106.2]]) * (-1, -1, 1)
    column, row, _ = np.rint(view.geometry.from_ras(fingers)).astype(int).T
    assert view.silhouette[row - 1, column].all()  # 5 mm above the tip of the bone
    # The plates are 435 mm wide and would fill the rows between the calves and beside the head.
    _, row, _ = np.rint(view.geometry.from_ras([[0, 0, 700.0]])[0]).astype(int)
    assert view.silhouette[row].sum() * 5 < 200
    empty = volume.voxels.copy()
    empty[:, 170:] = np.where(empty[:, 170:] > -400, -1000, empty[:, 170:])
    assert_same_body(project_body(Volume(empty, volume.ijk_to_ras, "CT")), projection, 0.001, 0.1)


@pytest.mark.parametrize("name", ["CT_pitch", "chris_t1"])
def test_a_real_head_of_unknown_scale_is_seen(real_data, name: str):
    projection = project_body(read_volume(real_data / "head" / f"{name}.nii.gz"), pixel_mm=2.0)
    assert any("threshold estimated" in note for note in projection.notes)
    view = projection.coronal.cropped_to_object()
    width = view.geometry.shape[1] * 2
    assert 120 <= width <= 180
    assert view.silhouette.mean() > 0.6
