"""What is body and what is not: the air threshold, and the removal of table, cushions and clothing.

The cleaning works on a small occupancy grid in patient axes, array order (S, A, R), every axis running the
way a reader looks at the coronal view: s to the feet, a to the back, r to the patient's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.imaging import voxel_loops
from LandmarkDetectionLib.imaging.body.bone import bone_threshold

#: Air threshold of CT numbers in HU. Half way between air (-1000) and fat (-100) or skin (0) would be -550 to
#: -500, where a partial-volume voxel holds as much body as air; foam, cushions and cotton reach up to about
#: -600 and lung up to -500. -400 stays clear of them and moves the skin by a tenth of a voxel only.
CT_AIR_THRESHOLD = -400.0
CT_AIR = -1000.0
CT_SHIFT = 1024.0

#: Plates, shells and sheets are thinner than this, in mm; the hand behind the fingers is thicker.
THIN_MM = 12.5
#: A table keeps its cross-section over this length along the body, longer than any finger, in mm.
PERSISTENCE_MM = 100.0
#: A table or head rest is wider than this, in mm: wider than a hand.
TABLE_WIDTH_MM = 140.0
#: Separate parts smaller than this are no body parts, in mm^3.
SMALLEST_PART_MM3 = 20_000.0
#: Smaller pieces at the end of the scan are not fingers, in mm^3.
SMALLEST_FINGER_MM3 = 1_500.0
#: The part of a body component that is at least 15 mm thick; noise and wires have none.
LEAST_SOLID_SHARE = 0.12
#: Hollow shells (a table that was not recognised, a bottle) hold less material than this share.
LEAST_MATERIAL_SHARE = 0.35
#: Thin attachments of this extent in two directions are sheets, not hands or feet, in mm.
SHEET_MM = 150.0
#: A head cup is a thin arc around the body, at least this wide and half as deep, in mm.
CUP_MM = 110.0
#: It is seen over this length along the body at least; the rim of a limb is not so thin for so long.
SHORTEST_CUP_MM = 30.0
#: Its wall is thinner than this, and than any finger of an adult, in mm.
CUP_WALL_MM = 8.0
#: A plate is thinner and wider than these, as blocks have it, in mm.
PLATE_MM, PLATE_WIDTH_MM = 11.0, 40.0
#: Remains of a wall hold at most this share of full blocks; a finger's core is full.
REMAINS_FULL = 0.05
#: The cup's arc fills less than this share of its convex hull, the body behind the arc more than the next.
MOST_OF_HULL, LEAST_BODY_IN_HULL = 0.4, 0.4
#: Enclosed air behind a wall of at most two blocks over this share of its surface is no lung or bowel but the
#: foam of a covered cushion, or what lies between a cup, a mask or a blanket and the skin.
LEAST_THIN_WALL = 0.75
#: Smaller hollows are left alone: what a hand encloses, in mm^3.
SMALLEST_HOLLOW_MM3 = 20_000.0


@dataclass(frozen=True)
class AirThreshold:
    """Where air ends, and how much the estimate can be trusted.

    Attributes
    ----------
    value
        Voxels above this value are not air (in stored units).
    air
        Typical value of air in the same units.
    kind
        "hounsfield", "shifted hounsfield", "estimated" (MR and unknown scales), "given" or "constant".
    separation
        Share of the variance that a split at the best place explains (Otsu's criterion, 0 to 1); a single
        Gaussian has 0.64, object and background usually more than 0.75.
    coherence
        Correlation of neighbouring voxels, -1 to 1; about 0 for noise.
    hounsfield_offset
        What is to be subtracted from stored values to have CT numbers in HU; None on another scale.
    bone
        Where bone begins, in stored units (`bone.bone_threshold`); None without CT numbers.
    """

    value: float
    air: float
    kind: str
    separation: float
    coherence: float
    hounsfield_offset: float | None = None
    bone: float | None = None


def estimate_air_threshold(volume: Volume, given: float | None = None) -> AirThreshold:
    """Find the value that separates air from body.

    CT numbers are recognised by modality or by their typical values and get a fixed threshold, also when
    stored with the +1024 shift. Other scales have no fixed air: the background is the lower Otsu class, and
    the threshold lies a quarter of the way from its typical value to the typical value of the object, above
    the background's noise.

    Parameters
    ----------
    volume
        The volume; at most about half a million of its voxels are looked at.
    given
        A threshold chosen by the user: only air, separation and coherence are estimated then.
    """
    sample, coherence = _sample(volume.voxels)
    if sample.size == 0 or sample.min() == sample.max():
        value = float(sample.flat[0]) if sample.size else 0.0
        return AirThreshold(value if given is None else given, value, "constant", 0.0, 0.0)
    split, separation = _otsu(sample)
    offset = _hounsfield_offset(sample, volume.modality)
    if offset is not None:
        kind = "shifted hounsfield" if offset else "hounsfield"
        value, air = CT_AIR_THRESHOLD + offset, CT_AIR + offset
    else:
        kind, (value, air) = "estimated", _between_background_and_object(sample, split)
    if given is not None:
        kind, value = "given", float(given)
    bone = None if offset is None else bone_threshold(sample - offset) + offset
    return AirThreshold(value, air, kind, separation, coherence, offset, bone)


def _sample(voxels: np.ndarray) -> tuple[np.ndarray, float]:
    """Some hundred thousand voxels in pairs of neighbours, and the correlation within the pairs."""
    step = max(1, round((voxels.size / 200_000) ** (1 / 3)))
    axis = int(np.argmax(voxels.shape))
    start = [slice(0, n, step) for n in voxels.shape]
    start[axis] = slice(0, max(1, voxels.shape[axis] - 1), step)
    after = list(start)
    after[axis] = slice(1, None, step)
    first = voxels[tuple(start)].astype(np.float32).ravel()
    second = voxels[tuple(after)].astype(np.float32).ravel()
    size = min(first.size, second.size)
    good = np.isfinite(first[:size]) & np.isfinite(second[:size])
    first, second = first[:size][good], second[:size][good]
    if first.size < 2 or first.std() == 0 or second.std() == 0:
        return first, 0.0
    return np.concatenate([first, second]), float(np.corrcoef(first, second)[0, 1])


def _otsu(sample: np.ndarray) -> tuple[float, float]:
    """Otsu's threshold of the sample (far tails clipped) and the share of variance between the classes."""
    low, high = np.percentile(sample, [0.1, 99.5])
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    counts, edges = np.histogram(np.clip(sample, low, high), 256)
    centres = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(counts) / counts.sum()
    mean = np.cumsum(counts * centres) / counts.sum()
    total, variance = mean[-1], np.average((centres - mean[-1]) ** 2, weights=counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num((total * weight - mean) ** 2 / (weight * (1 - weight)))
    best = int(np.argmax(between))
    return float(edges[best + 1]), float(between[best] / variance) if variance > 0 else 0.0


def _hounsfield_offset(sample: np.ndarray, modality: str) -> float | None:
    """0 for CT numbers, 1024 for CT numbers stored without sign, None for another scale."""
    if modality not in ("", "CT"):
        return None

    def share(low: float, high: float) -> float:
        return float(np.mean((sample >= low) & (sample <= high)))

    low, high = sample.min(), sample.max()
    if low < 0:
        typical = share(-1100, -850) > 0.002 and share(-200, 200) > 0.002 and high < 40_000
        return 0.0 if modality == "CT" or typical else None
    if high <= 600:
        return None  # an eight-bit or windowed copy of a CT, or MR
    # Fat, water and muscle lie within 150 of 1024; almost nothing lies between air and fat.
    tissue, between = share(874, 1174), share(300, 874)
    if modality == "CT" or (tissue > 0.02 and between < 0.5 * tissue and share(0, 200) > 0.002):
        return CT_SHIFT
    return None


def _between_background_and_object(sample: np.ndarray, split: float) -> tuple[float, float]:
    below, above = sample[sample <= split], sample[sample > split]
    if below.size == 0 or above.size == 0:
        return split, float(sample.min())
    air, high = np.percentile(below, [25, 75])
    inside = float(np.median(above))
    spread = float(high - air) if high < split * 0.8 else 0.0
    value = max(float(air) + 0.25 * (inside - float(air)), float(air) + 2.0 * spread)
    return min(value, split), float(air)


# --- table ------------------------------------------------------------------------------------------------


def find_table(mask: np.ndarray, cell_mm: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Find the cross-section of table, cradle and head rest.

    Like the paper's count along the depth direction, a count tells table from body, but along the body axis:
    a table is thin and stays in the same place over a length where every thin part of a body (a finger, an
    ear, the rim of a limb) has moved on. What is found must be wider than a hand, and must not close around
    the body as a scalp over dark bone does in MR.

    Parameters
    ----------
    mask
        (S, A, R) uint8, 1 where the occupancy grid is not air.
    cell_mm
        Size of a cell in mm.

    Returns
    -------
    first, last
        (A, R) int32: the planes between which a cell belongs to the table (none where last < first); or None
        when there is no table.
    """
    planes, rows, columns = mask.shape
    if planes * cell_mm < 50:
        return None
    limit = max(2, int(THIN_MM / cell_mm + 1e-6))

    def count(start: int, stop: int) -> tuple[np.ndarray, ...]:
        thin, thick, first, last = (np.full((rows, columns), n, np.int32) for n in (0, 0, planes, -1))
        scratch = np.zeros((rows, columns), np.uint8)
        voxel_loops.thin_runs(mask, limit, scratch, thin, thick, first, last, start, stop)
        return thin, thick, first, last

    counted = zip(*voxel_loops.in_slabs(count, planes), strict=True)
    combine = (np.add, np.add, np.minimum, np.maximum)
    thin, thick, first, last = (how.reduce(parts) for how, parts in zip(combine, counted, strict=True))
    cells = thin * cell_mm >= min(PERSISTENCE_MM, 0.6 * planes * cell_mm)
    if not cells.any() or not thick.any():
        return None
    middle = float(np.average(np.arange(rows), weights=thick.sum(axis=1)))
    # The two sides of a table that the body covers in the middle belong together, hence the wide reach along
    # R.
    reach = np.ones((max(3, 2 * round(5 / cell_mm) + 1), 2 * round(150 / cell_mm) + 1), bool)
    labels, number = ndimage.label(_dilate_by_box(cells, reach.shape))
    table, hidden = np.zeros_like(cells), np.zeros_like(cells)
    for label in range(1, number + 1):
        group = cells & (labels == label)
        if _is_table(group, middle, cell_mm):
            table |= group
            hidden |= _under_the_body(group)
    if not table.any():
        return None
    reach_s = round(20 / cell_mm)
    first = np.where(table, first - reach_s, planes)
    last = np.where(table, last + reach_s, -1)
    first[hidden], last[hidden] = 0, planes
    return first.astype(np.int32), last.astype(np.int32)


def _dilate_by_box(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(ndimage.maximum_filter(mask.astype(np.uint8), size=size, mode="constant")) > 0


def _is_table(group: np.ndarray, middle: float, cell_mm: float) -> bool:
    a, r = np.nonzero(group)
    if max(np.ptp(a), np.ptp(r)) * cell_mm < TABLE_WIDTH_MM:
        return False
    if np.unique(r).size * cell_mm < 60:
        return False
    low, high = np.quantile(r, [0.25, 0.75])
    inner = a[(r >= low) & (r <= high)]
    margin = 20 / cell_mm
    return not ((inner < middle - margin).any() and (inner > middle + margin).any())


def _under_the_body(group: np.ndarray) -> np.ndarray:
    """The table's cells in columns where the body hides it in every plane: an arc through both sides."""
    hidden_cells = np.zeros_like(group)
    seen = np.flatnonzero(group.any(axis=0))
    hidden = np.setdiff1d(np.arange(seen[0], seen[-1] + 1), seen)
    if hidden.size == 0 or seen.size < 6:
        return hidden_cells
    top = group.argmax(axis=0)[seen]
    bottom = group.shape[0] - 1 - group[::-1].argmax(axis=0)[seen]
    fits = [np.polynomial.Polynomial.fit(seen, edge, 2) for edge in (top, bottom)]
    errors = [
        np.quantile(np.abs(fit(seen) - edge), 0.9) for fit, edge in zip(fits, (top, bottom), strict=True)
    ]
    if max(errors) <= 1.5:
        for r in hidden:
            first, last = (round(float(fit(r))) for fit in fits)
            hidden_cells[max(0, first) : max(0, last + 1), r] = True
    return hidden_cells


# --- body -------------------------------------------------------------------------------------------------


def isolate_body(
    mask: np.ndarray, cell_mm: float, *, remove_table: bool = True, dark_bone: bool = True, name: str = ""
) -> tuple[str, ...]:
    """Reduce an occupancy grid to the body, in place, and make the body solid.

    In this order: table and head rest are peeled off from outside (`find_table`); thin walls around air (the
    covers of foam cushions) are taken away; air that an axial plane
    encloses is filled (this changes no silhouette and no outer surface, only the thickness, and makes lung
    and bowel gas count as body); parts without any place 15 mm thick are dropped unless they are attached to
    one and no larger than a hand; separate parts stay when they are solid and large enough (an arm or leg
    cut off by the field of view), and so do fingers that the end of the scan cuts off.

    Parameters
    ----------
    mask
        (S, A, R) uint8, 1 where not air; changed in place.
    cell_mm
        Size of a cell in mm.
    remove_table
        False keeps table-like structures that are attached to the body or are solid themselves.
    dark_bone
        Whether bone may look like air, as in MR, where the scalp is a thin wall: walls and cups stay then.
    name
        Named in the error.

    Returns
    -------
    Sentences about what was removed.

    Raises
    ------
    NoBodyError
        When nothing body-like is left.
    """
    notes: list[str] = []
    planes = mask.shape[0]
    before = (_block_counts(mask) > 0).view(np.uint8) if remove_table and not dark_bone else None
    if remove_table:
        table = find_table(mask, cell_mm)
        if table is not None and sum(
            voxel_loops.in_slabs(lambda i, j: voxel_loops.peel(mask, *table, i, j), planes)
        ):
            notes.append("table removed")

    counts, touched, filled = _halved(mask)
    if before is not None:
        wall = _hollow_wall(counts, touched, filled, 2 * cell_mm)
        if wall is not None:
            voxel_loops.in_slabs(
                lambda i, j: voxel_loops.keep_fine(mask, 1 - wall, np.zeros_like(wall), i, j), planes
            )
            counts, touched, filled = _halved(mask)
            notes.append("cushions removed")
    thick = (counts >= 4).view(np.uint8) | _neighbourhood(filled, grow=False)
    solid = _neighbourhood(_neighbourhood(thick, grow=False), grow=True) & filled

    keep = _body_parts(filled, solid, counts, 2 * cell_mm, name, plates=before is None)
    if remove_table:
        core = _neighbourhood(solid, grow=True)
        attached, _ = ndimage.label(keep & (1 - core), np.ones((3, 3, 3)))
        if before is not None and notes:
            _drop_remains(keep, attached, counts, before & (1 - touched))
        if _drop_sheets(keep, attached, core, None if before is None else counts, 2 * cell_mm):
            notes.append("thin sheets removed")
    inside = keep & _neighbourhood(filled, grow=False)
    voxel_loops.in_slabs(lambda i, j: voxel_loops.keep_fine(mask, keep, inside, i, j), planes)
    return tuple(notes)


def _neighbourhood(mask: np.ndarray, *, grow: bool) -> np.ndarray:
    out = np.empty_like(mask)
    voxel_loops.in_slabs(lambda i, j: voxel_loops.neighbourhood(mask, out, grow, i, j), mask.shape[0])
    return out


def _body_parts(
    filled: np.ndarray, solid: np.ndarray, counts: np.ndarray, block_mm: float, name: str, *, plates: bool
) -> np.ndarray:
    """What is body; ``plates`` at the end of the scan may be fingers side by side, or a cup's wall."""
    block_mm3 = block_mm**3
    labels, number = ndimage.label(filled)
    sizes, solids, material, full = (np.zeros(number + 1, np.int64) for _ in range(4))
    voxel_loops.part_sizes(labels, solid, counts, sizes, solids, material, full)
    sizes[0] = 1
    body = (solids >= LEAST_SOLID_SHARE * sizes) & (material >= 8 * LEAST_MATERIAL_SHARE * sizes)
    solids = np.where(body, solids, 0)
    largest = solids.max()
    if largest * block_mm3 < SMALLEST_PART_MM3:
        raise NoBodyError(
            f"{name or 'The volume'} holds nothing body-like above the air threshold; "
            "check that it is a CT or MR scan of a body, or give another threshold.",
            about="threshold",
        )
    wanted = solids >= max(SMALLEST_PART_MM3 / block_mm3, 0.004 * largest)
    # Fingers cut from their hand by the end of the scan begin where the body begins or end where it ends.
    boxes = ndimage.find_objects(labels)
    body_box = boxes[int(solids.argmax()) - 1][0]
    for label in np.flatnonzero((full > 0) & (material * block_mm3 / 8 >= SMALLEST_FINGER_MM3) & ~wanted):
        planes = boxes[label - 1][0]
        at_end = planes.start <= body_box.start + 1 or planes.stop >= body_box.stop - 1
        extents = [(part.stop - part.start) ** 3 * block_mm3 for part in boxes[label - 1]]
        wanted[label] = (
            at_end
            and max(extents) <= SHEET_MM**3
            and (plates or not _is_plate(labels[boxes[label - 1]] == label, block_mm))
        )
    return wanted[labels].view(np.uint8)


def _is_plate(part: np.ndarray, block_mm: float) -> bool:
    """Whether blocks lie in a plane, wider than a child's fingers and thinner than those of an adult."""
    places = np.argwhere(part) * block_mm
    # Of a box: the variance along an edge is a twelfth of its square.
    edges = np.sqrt(12 * np.linalg.eigvalsh(np.cov(places.T, bias=True)).clip(0) + block_mm**2)
    return bool(edges[0] <= PLATE_MM and edges[1] >= PLATE_WIDTH_MM)


def _block_counts(mask: np.ndarray) -> np.ndarray:
    """Of blocks of 2 x 2 x 2 cells: how many are set."""
    counts = np.zeros(tuple((n + 1) // 2 for n in mask.shape), np.uint8)
    voxel_loops.in_slabs(lambda i, j: voxel_loops.halve(mask, counts, i, j), counts.shape[0])
    return counts


def _halved(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of blocks of 2 x 2 x 2 cells: how many are set, whether any is, and the same with enclosed air."""
    counts = _block_counts(mask)
    touched = (counts > 0).view(np.uint8)
    filled = np.empty_like(touched)
    voxel_loops.in_slabs(lambda i, j: voxel_loops.fill_planes(touched, filled, i, j), touched.shape[0])
    return counts, touched, filled


def _hollow_wall(
    counts: np.ndarray, touched: np.ndarray, filled: np.ndarray, block_mm: float
) -> np.ndarray | None:
    """Thin walls (S, A, R) around air that is not the body's own, in blocks; None when there are none."""
    labels, number = ndimage.label(filled ^ touched)  # what is touched is filled, too
    sizes = np.bincount(labels[labels > 0], minlength=number + 1) * block_mm**3
    if sizes.max() < SMALLEST_HOLLOW_MM3:
        return None
    outside = 1 - filled
    hollow = np.zeros(number + 1, bool)
    boxes = ndimage.find_objects(labels)
    for label in np.flatnonzero(sizes >= SMALLEST_HOLLOW_MM3):
        hollow[label] = _is_thin_walled(int(label), boxes[label - 1], labels, touched, outside)
    if not hollow.any():
        return None
    hollows = hollow[labels].view(np.uint8)
    reach = _neighbourhood(_neighbourhood(hollows, grow=True), grow=True)
    around = _neighbourhood(_neighbourhood(outside, grow=True), grow=True)
    # What is 15 mm thick without the hollows is body.
    thick = (counts >= 4).view(np.uint8) | _neighbourhood(filled & (1 - reach), grow=False)
    solid = _neighbourhood(_neighbourhood(thick, grow=False), grow=True)
    return touched & reach & around & (1 - solid)


def _is_thin_walled(
    label: int,
    box: tuple[slice, slice, slice],
    labels: np.ndarray,
    touched: np.ndarray,
    outside: np.ndarray,
) -> bool:
    """Whether behind most of a hollow's surface lies the air outside, seen within its plane."""
    # Along the body no wall counts: a lung that the scan cuts open in the next plane has none there.
    reach = 3
    around = tuple(slice(max(0, part.start - reach), part.stop + reach) for part in box)
    near = ndimage.maximum_filter(outside[around], size=(1, 2 * reach + 1, 2 * reach + 1), mode="constant")
    wall = _neighbourhood(np.ascontiguousarray(touched[around]), grow=True)
    surface = (labels[around] == label) & (wall > 0)
    return bool(near[surface].sum() >= LEAST_THIN_WALL * max(1, int(surface.sum())))


def _drop_remains(keep: np.ndarray, attached: np.ndarray, counts: np.ndarray, removed: np.ndarray) -> None:
    """Clear what is left of a table or cup: thin attachments without full blocks, beside what is gone.

    ``attached`` labels thin attachments; those that go are cleared there, too.
    """
    beside = _neighbourhood(removed, grow=True)
    place = np.nonzero(attached)
    label = attached[place]
    sizes = np.bincount(label)
    full = np.bincount(label, counts[place] == 8)
    touching = np.bincount(label, beside[place])
    remains = ((full <= REMAINS_FULL * sizes) & (touching >= 0.5 * sizes))[label]
    gone = tuple(index[remains] for index in place)
    keep[gone], attached[gone] = 0, 0


def _drop_sheets(
    keep: np.ndarray, attached: np.ndarray, core: np.ndarray, counts: np.ndarray | None, block_mm: float
) -> bool:
    """Clear thin attachments larger than a hand, and cups; return whether there were any.

    Parameters
    ----------
    attached
        Labels of thin attachments.
    core
        What they are attached to.
    counts
        Cells of every block that are not air, to tell cups; None leaves cups alone.
    """
    sheets, arms = [], []
    for label, box in enumerate(ndimage.find_objects(attached), start=1):
        if box is None:
            continue
        extents = [(part.stop - part.start) * block_mm for part in box]
        if sorted(extents)[1] > SHEET_MM:
            sheets.append(label)
        elif max(extents[1:]) >= CUP_MM / 2 and extents[0] >= SHORTEST_CUP_MM:
            arms.append(label)
    # Where a cup touches the body, its arms are parts of their own.
    if counts is not None and arms:
        part = np.isin(attached, arms)
        box = ndimage.find_objects(part.astype(np.uint8))[0]
        part = part[box]
        if _is_cup(part, core[box] > 0, np.where(part, counts[box], 0), block_mm):
            sheets += arms
    if sheets:
        keep[np.isin(attached, sheets)] = 0
    return bool(sheets)


def _is_cup(part: np.ndarray, body: np.ndarray, counts: np.ndarray, block_mm: float) -> bool:
    """Whether a thin part (S, A, R) of a body is a curved wall with the body inside, in most of its planes.

    Neither ears, noses and skin folds, which are smaller, nor hands: fingers are thicker and have no body
    inside their arc.
    """
    if min(part.shape[1:]) * block_mm < CUP_MM / 2 or max(part.shape[1:]) * block_mm < CUP_MM:
        return False
    planes = np.flatnonzero(part.any(axis=(1, 2)))
    if planes.size * block_mm < SHORTEST_CUP_MM:
        return False
    arcs = [_is_arc(part[s], body[s], counts[s], block_mm) for s in planes]
    return 2 * sum(arcs) > len(arcs)


def _is_arc(part: np.ndarray, body: np.ndarray, counts: np.ndarray, block_mm: float) -> bool:
    from scipy.spatial import ConvexHull, Delaunay, QhullError

    points = np.argwhere(part).astype(float)
    if len(points) < 8 or np.ptp(points, axis=0).min() * block_mm < CUP_MM / 2:
        return False
    try:
        hull = ConvexHull(points)
    except QhullError:  # all in one line
        return False
    corners = points[hull.vertices]
    edges = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1) * block_mm
    # The longest edge is the chord between the arms' ends.
    length = edges.sum() - edges.max()
    wall = counts.sum() * (block_mm / 2) ** 3 / block_mm / length
    to_border = -(points @ hull.equations[:, :2].T + hull.equations[:, 2]).max(axis=1)
    inside = Delaunay(corners).find_simplex(np.argwhere(np.ones_like(part))) >= 0
    inside = inside.reshape(part.shape)
    return bool(
        wall <= CUP_WALL_MM
        and np.mean(to_border <= 2) >= 0.8
        and part.sum() <= MOST_OF_HULL * inside.sum()
        and (body & inside).sum() >= LEAST_BODY_IN_HULL * inside.sum()
    )
