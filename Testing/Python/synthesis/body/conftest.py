"""A skeleton made by code, bound to the body model and found as a user's own would be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from LandmarkDetectionLib.synthesis.body.binding import Binding, load_binding
from LandmarkDetectionLib.synthesis.body.skeleton import VARIABLE
from Testing.examples.small_skeleton import small_skeleton, store


@pytest.fixture(scope="session")
def small_binding(tmp_path_factory: pytest.TempPathFactory) -> Binding:
    """The small skeleton, bound."""
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    return load_binding(str(store(small_skeleton(), tmp_path_factory.mktemp("skeleton") / "bones.npz")))


@pytest.fixture(scope="module")
def own_skeleton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The small skeleton as the user's own, which the library finds by itself."""
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    file = store(small_skeleton(), tmp_path_factory.mktemp("skeleton") / "bones.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(file))
        load_binding.cache_clear()
        yield file
    load_binding.cache_clear()


@pytest.fixture(scope="session")
def real_skeleton(real_data: Path) -> Path:
    """The bones of BodyParts3D; the test is skipped without them."""
    file = real_data / "skeleton" / "bodyparts3d_bones.npz"
    if not file.exists():
        pytest.skip(f"no skeleton at {file}")
    return file
