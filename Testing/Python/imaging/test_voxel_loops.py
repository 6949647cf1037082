"""Compiled loops work where nothing can be cached, and share their work completely between threads."""

import threading

import numba
import numpy as np
import pytest

from LandmarkDetectionLib.imaging import voxel_loops


def test_a_kernel_compiles_where_no_cache_folder_can_be_written(monkeypatch: pytest.MonkeyPatch):
    original = numba.njit

    def without_locator(*arguments: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available for file 'kernels.py'")
        return original(*arguments, **options)

    monkeypatch.setattr(voxel_loops.numba, "njit", without_locator)

    def double(value):  # type: ignore[no-untyped-def]
        return 2 * value

    assert voxel_loops.compiled(double)(21) == 42


@pytest.mark.parametrize("length", [1, 2, 7, 100])
def test_slabs_cover_everything_once_and_in_order(length: int):
    slabs = voxel_loops.in_slabs(lambda start, stop: list(range(start, stop)), length)
    assert [n for slab in slabs for n in slab] == list(range(length))


def test_an_error_in_a_slab_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        voxel_loops.in_slabs(lambda start, stop: 1 / start, 50)


def test_kernels_may_run_from_several_threads_at_once():
    voxels = np.random.default_rng(0).integers(0, 100, (40, 50, 60)).astype(np.int16)
    expected = np.uint8(voxels.reshape(20, 2, 25, 2, 30, 2).mean((1, 3, 5), dtype=np.float32))
    results: list[np.ndarray] = []

    def averaged() -> None:
        out = np.empty((20, 25, 30), np.uint8)
        voxel_loops.in_slabs(
            lambda start, stop: voxel_loops.occupancy_blocks(
                voxels, np.float32(0), np.float32(1), (2, 2, 2), out, start, stop
            ),
            len(out),
        )
        results.append(out)

    threads = [threading.Thread(target=averaged) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(np.array_equal(result, expected) for result in results)
