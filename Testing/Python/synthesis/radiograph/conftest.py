"""Head and trunk of the real skeleton, which the tests of whole radiographs need."""

from __future__ import annotations

from pathlib import Path

import pytest

from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head, load_head
from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import Trunk, load_trunk


@pytest.fixture(scope="session")
def real_skeleton(real_data: Path) -> Path:
    """The bones of BodyParts3D; the test is skipped without them."""
    file = real_data / "skeleton" / "bodyparts3d_bones.npz"
    if not file.exists():
        pytest.skip(f"no skeleton at {file}")
    return file


@pytest.fixture(scope="session")
def head(real_skeleton: Path) -> Head:
    """Its head."""
    return load_head(real_skeleton)


@pytest.fixture(scope="session")
def trunk(real_skeleton: Path) -> Trunk:
    """Its trunk."""
    return load_trunk(real_skeleton)
