"""Sets of generated volumes as files: NRRD, landmarks beside it, and a datalist."""

from __future__ import annotations

import os
from collections.abc import Callable

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.errors import Cancelled
from LandmarkDetectionLib.files import atomic_folder
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

DATALIST = "datalist.json"
#: Every fifth volume is for testing.
TEST_EVERY = 5


def write_set(
    folder: str | os.PathLike[str],
    count: int,
    make: Callable[[int], tuple[Volume, LandmarkSet]],
    kind: str,
    title: str,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write volumes, ``KIND-NNNN.nrrd`` with ``.mrk.json``, and ``datalist.json``.

    Every fifth is of the split ``test``, the others ``train``. The folder appears when all is written; an
    existing one is exchanged as a whole.

    Parameters
    ----------
    make
        From a number, which begins at 0, to a volume and its true landmarks.
    title
        Of the data set.

    Raises
    ------
    Cancelled
        When ``cancelled`` says so; nothing was written.
    OutputError
        The folder cannot be written.
    """
    with atomic_folder(folder) as new:
        rows = []
        for number in range(count):
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled; nothing was written.")
            volume, landmarks = make(number)
            name = f"{kind}-{number:04d}"
            write_volume(volume, new / f"{name}.nrrd")
            write_landmarks(landmarks, new / f"{name}.mrk.json")
            split = "test" if number % TEST_EVERY == TEST_EVERY - 1 else "train"
            rows.append(
                {"image": f"{name}.nrrd", "landmarks": f"{name}.mrk.json", "subject": name, "split": split}
            )
            if progress is not None:
                progress((number + 1) / count, f"{kind} {number + 1} of {count}")
        write_datalist(rows, new / DATALIST, title)
