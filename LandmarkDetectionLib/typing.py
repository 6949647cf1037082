"""The types that nearly every module speaks of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = np.ndarray
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
#: Told of the fraction done, from 0 to 1, and of what is being done.
Progress = Callable[[float, str], None]
