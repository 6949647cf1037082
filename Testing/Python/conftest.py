"""What every test shares: settings for hypothesis, one thread per worker, and the optional real data."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.models import Model

# Two pytest workers run at once; numerical libraries that each start a thread per core only wait.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# A slow machine is no defect, so no example has a deadline.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

REPOSITORY = Path(__file__).resolve().parents[2]

#: Where tests train networks, start processes or open windows. They come first: what takes long must not be
#: left for the end, where one worker would be busy with it alone.
LONG = (
    *("training", "cohort/run", "viewer", "study", "remote", "slicer_module/panel", "slicer_module/process"),
    *("documentation", "test_worker.py", "test_distribution.py", "test_extension.py", "evaluation"),
    *("synthesis", "detectors", "slicer_module", "mcp_server", "test_stored_before_the_move.py", "cohort"),
    *("cli", "models", "imaging"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files into the order in which workers take them (--no-loadscope-reorder); a file stays together."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: rank(item.path.relative_to(tests).as_posix()))


def rank(path: str) -> int:
    """Place in ``LONG`` of the first folder or file that a test belongs to; behind all of them if none."""
    found = (n for n, one in enumerate(LONG) if path == one or path.startswith(f"{one}/"))
    return next(found, len(LONG))


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


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Fill a folder of this name once for all processes of a run; who comes later takes it as it is."""
    from filelock import FileLock

    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    shared.mkdir(exist_ok=True)

    def fill(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return fill


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A valid model package with very small untrained networks: its answers mean nothing."""
    from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
    from LandmarkDetectionLib.models import save_model
    from LandmarkDetectionLib.networks.architectures import build_network

    names = ("head_top", "knee_left", "knee_right")
    protocol = Protocol(
        name="tiny",
        title="Three landmarks",
        version="1.0.0",
        region="whole-body",
        landmarks=tuple(LandmarkDefinition(name=name, title=name, definition=name) for name in names),
        pairs=(("knee_left", "knee_right"),),
    )
    parameters = {"landmarks": len(names), "channels": [4, 8]}
    state = build_network("silhouette_unet", **parameters).state_dict()
    settings = {
        "pixel_mm": 6.0,
        "coronal_shape": [128, 64],
        "lateral_shape": [128, 64],
        "depth_method": "network",
        "calibration": {
            method: {"scores": [0.0, 1.0], "shares": [0.0, 1.0]} for method in ("mean", "network", "lateral")
        },
        "mean_depth_mm": dict.fromkeys(names, 0.0),
        "mean_depth_error_mm": dict.fromkeys(names, 30.0),
        "length_range_mm": {},
    }
    folder = tmp_path_factory.mktemp("models") / "tiny-model"
    save_model(
        folder,
        name="tiny-model",
        version="1.0.0",
        protocol=protocol,
        networks={view: ("silhouette_unet", parameters, state) for view in ("coronal", "lateral")},
        settings=settings,
        detector="silhouette",
        card="Untrained networks for tests.",
    )
    return folder


@pytest.fixture(scope="session")
def spot_agents(once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A folder with small annotated volumes (``data``) and agents that learned them (``run/spots``)."""
    from Testing.examples.agent_cases import blob_volumes, trained_model

    return once("agents", lambda folder: trained_model(blob_volumes(folder / "data"), folder / "run"))


@pytest.fixture(scope="session")
def body_model() -> "Model":
    """The model of bodies that ships; its landmarks are what its protocol says."""
    from LandmarkDetectionLib.models import load_model
    from Testing.examples.shipped_models import BODY

    return load_model(BODY)


@pytest.fixture(scope="session")
def skin_model() -> "Model":
    """A model of bodies with the detector of silhouettes."""
    from LandmarkDetectionLib.models import load_model
    from Testing.examples.shipped_models import SKIN

    model = load_model(SKIN)
    assert model.detector == "silhouette"
    return model


@pytest.fixture(scope="session")
def whole_body() -> "Protocol":
    """The landmarks of a body that its skin alone shows."""
    from LandmarkDetectionLib.io.protocols import load_protocol

    return load_protocol("whole-body")


@pytest.fixture(scope="session")
def phantom(once: Callable[[str, Callable[[Path], object]], Path]) -> "tuple[Volume, LandmarkSet]":
    """A synthetic adult on a table as a coarse CT, and the true landmarks."""
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    from LandmarkDetectionLib.synthesis.body.phantom import make_phantom

    def make(folder: Path) -> None:
        (folder / "phantom.pickle").write_bytes(pickle.dumps(make_phantom(3, spacing_mm=8.0)))

    made: tuple[Volume, LandmarkSet] = pickle.loads((once("phantom", make) / "phantom.pickle").read_bytes())
    return made


class Answer(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run the command line in this process, errors and exit code as a shell would see them."""
    from LandmarkDetectionLib.cli.app import main

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        code = end.value.code
        assert isinstance(code, int)
        return Answer(code, *capsys.readouterr())

    return run
