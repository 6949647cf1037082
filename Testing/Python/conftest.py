"""What every test shares: settings for hypothesis, one thread per worker, and the optional real data."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Two pytest workers run at once; numerical libraries that each start a thread per core only wait.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# A slow machine is no defect, so no example has a deadline.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real images that are never part of the repository; the test is skipped without it."""
    folder = Path(os.environ.get("LANDMARK_DETECTION_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder} (set LANDMARK_DETECTION_TEST_DATA to their folder)")
    return folder
