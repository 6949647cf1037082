"""Compiled loops over voxels: small numba functions and the threads that share their slabs.

The kernels release the GIL and are handed slabs by ordinary threads. That keeps them safe to call from
several Python threads at once (Slicer, a batch) where numba's own thread pool may abort the process.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with numba, keeping the machine code on disk where a folder for it is writable."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function: no locator available": read-only installation and home
        return numba.njit(**options)(function)


def thread_count() -> int:
    """Return the number of threads worth using: the cores this process may run on, at most eight."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS
        cores = os.cpu_count() or 1
    return max(1, min(8, cores))


def in_slabs(work: Callable[[int, int], Any], length: int) -> list[Any]:
    """Call ``work(start, stop)`` on slabs of ``range(length)`` from threads; results in slab order.

    There are a few slabs per thread, so that a thread that is held up does not hold up the others.
    """
    threads = thread_count()
    slabs = max(1, min(length, 4 * threads))
    edges = [length * n // slabs for n in range(slabs + 1)]
    if threads == 1:
        return [work(*edge) for edge in itertools.pairwise(edges)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))


# --- from stored voxels to occupancy on the canonical grid ------------------------------------------------


@compiled
def occupancy_blocks(voxels, low, scale, factors, out, start, stop):  # type: ignore[no-untyped-def]
    """Mean of ``clip((v - low) * scale, 0, 255)`` over blocks of (fk, fj, fi), for ``out[start:stop]``."""
    depth, rows, columns = voxels.shape
    fk, fj, fi = factors
    total = np.zeros(columns, np.float32)
    zero, top = np.float32(0), np.float32(255)
    for k in range(start, stop):
        for j in range(out.shape[1]):
            k1, j1 = min(depth, (k + 1) * fk), min(rows, (j + 1) * fj)
            total[:] = zero
            for kk in range(k * fk, k1):
                for jj in range(j * fj, j1):
                    line = voxels[kk, jj]
                    for i in range(columns):
                        value = (np.float32(line[i]) - low) * scale
                        value = value if value > zero else zero  # also turns NaN into air
                        total[i] += value if value < top else top
            share = np.float32(1.0 / ((k1 - k * fk) * (j1 - j * fj)))
            target = out[k, j]
            if fi == 1:
                for i in range(columns):
                    target[i] = np.uint8(total[i] * share)
            else:
                for i in range(out.shape[2]):
                    i1 = min(columns, (i + 1) * fi)
                    value = zero
                    for ii in range(i * fi, i1):
                        value += total[ii]
                    target[i] = np.uint8(value * share / np.float32(i1 - i * fi))


@compiled
def sample_aligned(source, index, weight, out, start, stop):  # type: ignore[no-untyped-def]
    """Trilinear sampling where source and target axes are parallel; weights in 1/128, index -1 is outside."""
    index_s, index_a, index_r = index
    weight_s, weight_a, weight_r = weight
    row = np.empty(source.shape[2] + 1, np.int32)
    columns = source.shape[2]
    for s in range(start, stop):
        k = index_s[s]
        for a in range(out.shape[1]):
            j = index_a[a]
            target = out[s, a]
            if k < 0 or j < 0:
                target[:] = 0
                continue
            k1, j1 = min(k + 1, source.shape[0] - 1), min(j + 1, source.shape[1] - 1)
            ws, wa = weight_s[s], weight_a[a]
            w00, w01, w10, w11 = (128 - ws) * (128 - wa), (128 - ws) * wa, ws * (128 - wa), ws * wa
            l00, l01, l10, l11 = source[k, j], source[k, j1], source[k1, j], source[k1, j1]
            seen = np.int32(0)
            for i in range(columns):
                value = np.int32((w00 * l00[i] + w01 * l01[i] + w10 * l10[i] + w11 * l11[i]) >> 7)
                row[i] = value
                seen |= value
            if not seen:  # a line of air, as most beside a body are
                target[:] = 0
                continue
            row[columns] = row[columns - 1]
            for r in range(target.shape[0]):
                i = index_r[r]
                if i < 0:
                    target[r] = 0
                else:
                    w = weight_r[r]
                    target[r] = ((128 - w) * row[i] + w * row[i + 1]) >> 14


@compiled
def occupied_blocks(source, level, blocks, start, stop):  # type: ignore[no-untyped-def]
    """Mark the blocks of 4 x 4 x 4 that hold a voxel of at least ``level``, for ``blocks[start:stop]``."""
    for k in range(4 * start, min(4 * stop, source.shape[0])):
        for j in range(source.shape[1]):
            line, target = source[k, j], blocks[k >> 2, j >> 2]
            for i in range(line.shape[0]):
                if line[i] >= level:
                    target[i >> 2] = 1


@compiled
def sample_oblique(source, blocks, origin, step_s, step_a, step_r, out, start, stop):  # type: ignore[no-untyped-def]
    """Trilinear sampling along any affine; positions and steps are source indices (k, j, i).

    ``blocks`` marks the blocks of 4 x 4 x 4 worth looking at, air elsewhere is left at 0.
    """
    nk, nj, ni = source.shape
    for s in range(start, stop):
        for a in range(out.shape[1]):
            k0 = origin[0] + s * step_s[0] + a * step_a[0]
            j0 = origin[1] + s * step_s[1] + a * step_a[1]
            i0 = origin[2] + s * step_s[2] + a * step_a[2]
            target = out[s, a]
            target[:] = 0
            # The stretch of the line inside the source, a little generous; the exact test follows.
            begin, end = 0.0, float(target.shape[0])
            for start_at, step, size in ((k0, step_r[0], nk), (j0, step_r[1], nj), (i0, step_r[2], ni)):
                if abs(step) > 1e-9:
                    t0, t1 = (-0.5 - start_at) / step, (size - 0.5 - start_at) / step
                    begin, end = max(begin, min(t0, t1) - 1), min(end, max(t0, t1) + 2)
            for r in range(int(begin), int(end)):
                k, j, i = k0 + r * step_r[0], j0 + r * step_r[1], i0 + r * step_r[2]
                if not (-0.5 <= k <= nk - 0.5 and -0.5 <= j <= nj - 0.5 and -0.5 <= i <= ni - 0.5):
                    continue
                k, j, i = min(max(k, 0.0), nk - 1.0), min(max(j, 0.0), nj - 1.0), min(max(i, 0.0), ni - 1.0)
                ka, ja, ia = int(k), int(j), int(i)
                if not blocks[ka >> 2, ja >> 2, ia >> 2]:
                    continue
                kb, jb, ib = min(ka + 1, nk - 1), min(ja + 1, nj - 1), min(ia + 1, ni - 1)
                wk, wj, wi = int((k - ka) * 128), int((j - ja) * 128), int((i - ia) * 128)
                near = (128 - wj) * ((128 - wi) * source[ka, ja, ia] + wi * source[ka, ja, ib]) + wj * (
                    (128 - wi) * source[ka, jb, ia] + wi * source[ka, jb, ib]
                )
                far = (128 - wj) * ((128 - wi) * source[kb, ja, ia] + wi * source[kb, ja, ib]) + wj * (
                    (128 - wi) * source[kb, jb, ia] + wi * source[kb, jb, ib]
                )
                target[r] = ((128 - wk) * near + wk * far) >> 21


# --- body isolation ---------------------------------------------------------------------------------------


@compiled
def _mark_thin(line, limit, thin):  # type: ignore[no-untyped-def]
    """Mark the cells of a line that lie in runs of at most ``limit``."""
    run = 0
    for r in range(line.shape[0] + 1):
        if r < line.shape[0] and line[r]:
            run += 1
        elif run:
            if run <= limit:
                thin[r - run : r] = 1
            run = 0


@compiled
def thin_runs(mask, limit, thin, totals, thick, first, last, start, stop):  # type: ignore[no-untyped-def]
    """Count for every (A, R) in how many planes it lies in a thin and in how many in a thick part.

    Thin: in a run of at most ``limit`` cells along A or along R. mask is (S, A, R) uint8; ``thin`` is
    scratch.
    """
    rows, columns = mask.shape[1], mask.shape[2]
    length = np.zeros(columns, np.int32)
    for s in range(start, stop):
        plane = mask[s]
        thin[:] = 0
        length[:] = 0
        for a in range(rows + 1):
            for r in range(columns):
                if a < rows and plane[a, r]:
                    length[r] += 1
                elif length[r]:
                    if length[r] <= limit:
                        for back in range(a - length[r], a):
                            thin[back, r] = 1
                    length[r] = 0
        for a in range(rows):
            _mark_thin(plane[a], limit, thin[a])
            for r in range(columns):
                totals[a, r] += thin[a, r]
                thick[a, r] += plane[a, r] - thin[a, r]
                if thin[a, r]:
                    first[a, r] = min(first[a, r], s)
                    last[a, r] = s


@compiled
def _peel_line(line, first, last, s):  # type: ignore[no-untyped-def]
    """Clear table cells from the start of one line of cells up to the first that is not table in plane s."""
    removed = 0
    for n in range(line.shape[0]):
        if line[n]:
            if not first[n] <= s <= last[n]:
                break
            line[n] = 0
            removed += 1
    return removed


@compiled
def _peel_lines(plane, first, last, s, bare):  # type: ignore[no-untyped-def]
    """As ``_peel_line`` for all columns at once, along memory; ``bare`` is scratch."""
    removed = 0
    bare[:] = 1
    for n in range(plane.shape[0]):
        line = plane[n]
        for r in range(line.shape[0]):
            if line[r] and bare[r]:
                if first[n, r] <= s <= last[n, r]:
                    line[r] = 0
                    removed += 1
                else:
                    bare[r] = 0
    return removed


@compiled
def peel(mask, first, last, start, stop):  # type: ignore[no-untyped-def]
    """Clear table cells from outside inwards along A and R, up to the first cell that is not table.

    Cell (a, r) is table in the planes ``first[a, r]`` to ``last[a, r]``.
    """
    removed = 0
    bare = np.empty(mask.shape[2], np.uint8)
    for s in range(start, stop):
        plane = mask[s]
        removed += _peel_lines(plane, first, last, s, bare)
        removed += _peel_lines(plane[::-1], first[::-1], last[::-1], s, bare)
        for a in range(plane.shape[0]):
            removed += _peel_line(plane[a], first[a], last[a], s)
            removed += _peel_line(plane[a, ::-1], first[a, ::-1], last[a, ::-1], s)
    return removed


@compiled
def halve(mask, counts, start, stop):  # type: ignore[no-untyped-def]
    """Count the set cells in every block of 2 x 2 x 2, for ``counts[start:stop]``."""
    for s in range(start, stop):
        counts[s] = 0
        for ss in range(2 * s, min(2 * s + 2, mask.shape[0])):
            for aa in range(mask.shape[1]):
                line, target = mask[ss, aa], counts[s, aa // 2]
                for r in range(line.shape[0] // 2):
                    target[r] += line[2 * r] + line[2 * r + 1]
                if line.shape[0] % 2:
                    target[line.shape[0] // 2] += line[line.shape[0] - 1]


@compiled
def fill_planes(mask, out, start, stop):  # type: ignore[no-untyped-def]
    """Fill the air that each axial plane of ``mask`` encloses (not reachable from the plane's border)."""
    rows, columns = mask.shape[1], mask.shape[2]
    stack = np.empty(rows * columns, np.int32)
    for s in range(start, stop):
        plane, filled = mask[s], out[s]
        filled[:] = 1
        size = 0
        for a in range(rows):
            for r in range(columns):
                if (a == 0 or r == 0 or a == rows - 1 or r == columns - 1) and not plane[a, r]:
                    filled[a, r] = 0
                    stack[size] = a * columns + r
                    size += 1
        while size:
            size -= 1
            a, r = stack[size] // columns, stack[size] % columns
            for da, dr in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                b, q = a + da, r + dr
                if 0 <= b < rows and 0 <= q < columns and filled[b, q] and not plane[b, q]:
                    filled[b, q] = 0
                    stack[size] = b * columns + q
                    size += 1


@compiled
def part_sizes(labels, solid, counts, sizes, solids, material, full):  # type: ignore[no-untyped-def]
    """Blocks, solid blocks, set cells and completely set blocks of every labelled part."""
    for s in range(labels.shape[0]):
        for a in range(labels.shape[1]):
            for r in range(labels.shape[2]):
                label = labels[s, a, r]
                if label:
                    sizes[label] += 1
                    solids[label] += solid[s, a, r]
                    material[label] += counts[s, a, r]
                    full[label] += counts[s, a, r] == 8


@compiled
def neighbourhood(mask, out, grow, start, stop):  # type: ignore[no-untyped-def]
    """Dilate (``grow``) or erode ``mask`` by a cube of 3 cells; cells beyond the border repeat it."""
    ns, na, nr = mask.shape
    line = np.empty(nr, np.uint8)
    for s in range(start, stop):
        for a in range(na):
            line[:] = mask[s, a]
            for ss in range(max(0, s - 1), min(ns, s + 2)):
                for aa in range(max(0, a - 1), min(na, a + 2)):
                    other = mask[ss, aa]
                    if grow:
                        for r in range(nr):
                            line[r] |= other[r]
                    else:
                        for r in range(nr):
                            line[r] &= other[r]
            target = out[s, a]
            target[:] = line
            if grow:
                for r in range(1, nr):
                    target[r] |= line[r - 1]
                for r in range(nr - 1):
                    target[r] |= line[r + 1]
            else:
                for r in range(1, nr):
                    target[r] &= line[r - 1]
                for r in range(nr - 1):
                    target[r] &= line[r + 1]


@compiled
def keep_fine(mask, keep, solid, start, stop):  # type: ignore[no-untyped-def]
    """Clear cells whose 2 x 2 x 2 block is not in ``keep``; set those whose block is in ``solid``."""
    for s in range(start, stop):
        for a in range(mask.shape[1]):
            line, kept, inside = mask[s, a], keep[s // 2, a // 2], solid[s // 2, a // 2]
            for r in range(line.shape[0]):
                line[r] = (line[r] & kept[r // 2]) | inside[r // 2]


# --- from the body mask to rays ---------------------------------------------------------------------------


@compiled
def _edge(outer, inner):  # type: ignore[no-untyped-def]
    """Distance in cells from the inner cell's centre to the surface on the side of the outer cell."""
    if outer >= 128 or inner <= outer:
        return 0.5  # the neighbour was removed as table: its cell border is the surface
    return min(1.0, max(0.0, (inner - 127.5) / (inner - outer)))


@compiled
def rays_along_a(mask, occupancy, front, back, count, start, stop):  # type: ignore[no-untyped-def]
    """First and last surface (in cells, ascending a) and number of cells of every (S, R) ray that has any."""
    rows, columns = mask.shape[1], mask.shape[2]
    first, last = np.empty(columns, np.int32), np.empty(columns, np.int32)
    for s in range(start, stop):
        first[:] = -1
        counts = count[s]
        for a in range(rows):
            line = mask[s, a]
            for r in range(columns):
                hit = line[r] != 0
                counts[r] += line[r]
                first[r] = a if hit and first[r] < 0 else first[r]
                last[r] = a if hit else last[r]
        for r in range(columns):
            if first[r] >= 0:
                f, e = first[r], last[r]
                outer = occupancy[s, f - 1, r] if f > 0 else np.uint8(255)
                front[s, r] = f - _edge(outer, occupancy[s, f, r])
                outer = occupancy[s, e + 1, r] if e + 1 < rows else np.uint8(255)
                back[s, r] = e + _edge(outer, occupancy[s, e, r])


@compiled
def rays_along_r(mask, occupancy, front, back, count, start, stop):  # type: ignore[no-untyped-def]
    """Like ``rays_along_a`` for every (S, A) ray along ascending r."""
    columns = mask.shape[2]
    for s in range(start, stop):
        for a in range(mask.shape[1]):
            line, soft = mask[s, a], occupancy[s, a]
            total = 0
            for r in range(columns):
                total += line[r]
            count[s, a] = total
            if total:
                f = 0
                while line[f] == 0:
                    f += 1
                e = columns - 1
                while line[e] == 0:
                    e -= 1
                front[s, a] = f - _edge(soft[f - 1] if f > 0 else np.uint8(255), soft[f])
                back[s, a] = e + _edge(soft[e + 1] if e + 1 < columns else np.uint8(255), soft[e])


@compiled
def bone_sums(bone, along_a, along_r, start, stop):  # type: ignore[no-untyped-def]
    """Sums and first moments of (S, A, R) along a and r, in ``along_a`` (2, S, R), ``along_r`` (2, S, A)."""
    rows, columns = bone.shape[1], bone.shape[2]
    total, moment = np.empty(columns, np.int32), np.empty(columns, np.int32)
    for s in range(start, stop):
        total[:] = 0
        moment[:] = 0
        for a in range(rows):
            line = bone[s, a]
            own, own_moment = np.int32(0), np.int32(0)
            for r in range(columns):
                value = np.int32(line[r])
                total[r] += value
                moment[r] += np.int32(a) * value
                own += value
                own_moment += np.int32(r) * value
            along_r[0, s, a], along_r[1, s, a] = own, own_moment
        for r in range(columns):
            along_a[0, s, r], along_a[1, s, r] = total[r], moment[r]
