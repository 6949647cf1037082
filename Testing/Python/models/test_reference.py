"""A model's reference picture is read whole and fitting, or refused with a sentence."""

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import ReferencePicture, load_model, save_model, validate_model
from LandmarkDetectionLib.models.reference import MAX_SIDE, write_reference


def png(width: int, height: int) -> bytes:
    """A PNG file of one grey."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURE = ReferencePicture(png(40, 80), (40, 80), {"head_top": (20.0, 4.5), "knee_left": (28.0, 60.0)})


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A model with a reference picture."""
    copy = Path(shutil.copytree(tiny_model, tmp_path / "tiny-model"))
    write_reference(copy, PICTURE)
    return copy


def test_a_model_without_a_picture_has_none(tiny_model: Path) -> None:
    assert load_model(tiny_model).reference is None


def test_a_written_picture_is_read_as_it_was(folder: Path) -> None:
    assert load_model(folder).reference == PICTURE
    assert validate_model(folder) == []


def test_a_model_is_saved_with_its_picture(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(tiny_model)
    networks = {
        key: (entry.architecture, entry.parameters, model.build_networks()[key].state_dict())
        for key, entry in model.networks.items()
    }
    saved = save_model(
        tmp_path / "with-picture",
        name="with-picture",
        version="1.0.0",
        protocol=model.protocol,
        networks=networks,
        settings=model.settings,
        detector=model.detector,
        card="Untrained.",
        reference=PICTURE,
    )
    assert saved.reference == PICTURE


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "docs" / name).write_bytes(content)


def places(**changes: object) -> Callable[[Path], object]:
    content = {"size": [40, 80], "landmarks": {"head_top": [20, 4]}} | changes
    return write("reference.json", json.dumps(content).encode())


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no picture": (lambda folder: (folder / "docs/reference.png").unlink(), "reference.png is missing"),
    "no places": (lambda folder: (folder / "docs/reference.json").unlink(), "reference.json is missing"),
    "a web page": (write("reference.png", b"<html>"), "no PNG picture"),
    "half a picture": (write("reference.png", PICTURE.png[:50]), "damaged"),
    "a picture that unpacks to gigabytes": (
        write("reference.png", png(MAX_SIDE + 1, 1)),
        f"more than {MAX_SIDE} pixels",
    ),
    "a huge file": (write("reference.png", PICTURE.png + b" " * 5_000_000), "larger than 5 MB"),
    "places that are no JSON": (write("reference.json", b"{"), "no JSON object"),
    "places of another picture": (places(size=[80, 40]), "of another picture"),
    "no landmarks": (places(landmarks={}), "names no landmarks"),
    "a list of landmarks": (places(landmarks=["head_top"]), "names no landmarks"),
    "an unknown landmark": (places(landmarks={"tail": [1, 1]}), "'tail'"),
    "a landmark outside": (places(landmarks={"head_top": [41, 4]}), "outside the picture"),
    "one coordinate": (places(landmarks={"head_top": [4]}), "outside the picture"),
    "a word as coordinate": (places(landmarks={"head_top": ["4", 4]}), "outside the picture"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_picture_is_refused_with_a_sentence(folder: Path, case: str) -> None:
    damage, message = BROKEN[case]
    damage(folder)
    problems = validate_model(folder)
    assert len(problems) == 1
    assert message in problems[0]
    assert str(folder) not in problems[0]
    with pytest.raises(ModelError, match="tiny-model has a broken reference picture: docs/reference"):
        _ = load_model(folder).reference
