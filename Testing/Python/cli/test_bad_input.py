"""Every wrong input gets one sentence and its exit code through the command line, and nothing is written.

Each row of the table makes its files in an empty folder and gives the words of the command; it states the
exit code and words that the sentence must hold. A ``{m}`` argument is replaced by a small model package.
"""

import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.volumes import write_dicom, write_volume

USAGE, INPUT, MODEL, OUTPUT, NO_BODY = 2, 3, 4, 5, 6
MODEL_PLACE = "{m}"

Arguments = list[object]
Make = Callable[[Path], Arguments]


@pytest.fixture(autouse=True)
def no_progress_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine a line of progress would stand before the sentence."""
    monkeypatch.setattr(console, "_LINE_EVERY", float("inf"))


@dataclass(frozen=True)
class Row:
    """One wrong input."""

    name: str
    make: Make
    code: int
    says: str


def egg(spacing_mm: float = 8.0, size: int = 40) -> Volume:
    """An egg of water in air, as int16 CT numbers."""
    k, j, i = np.mgrid[:size, :size, :size] - (size - 1) / 2
    inside = (i / 10) ** 2 + (j / 8) ** 2 + (k / 16) ** 2 < 1
    affine = np.diag([spacing_mm] * 3 + [1.0])
    return Volume(np.where(inside, 20, -1000).astype(np.int16), affine, modality="CT", name="egg")


def nifti(folder: Path, array: np.ndarray, affine: np.ndarray | None = None, name: str = "in.nii.gz") -> Path:
    image = nibabel.Nifti1Image(array, np.diag([5.0, 5, 5, 1]) if affine is None else affine)
    nibabel.save(image, folder / name)
    return folder / name


def file(folder: Path, name: str, content: bytes | str = b"") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def points_in_a_picture(folder: Path) -> Path:
    """A datalist of four pictures with two points each."""
    cases = []
    for n in range(4):
        picture = np.random.default_rng(n).integers(0, 255, (40, 40), dtype=np.uint8)
        Image.fromarray(picture).save(folder / f"{n}.png")
        file(folder, f"{n}.csv", f"label,x,y,z\na,{-9 - n},-9,0\nb,-20,-{20 + n},0\n")
        cases.append({"image": f"{n}.png", "landmarks": f"{n}.csv", "subject": str(n)})
    return file(folder, "datalist.json", json.dumps({"name": "Pictures", "cases": cases}))


def detect(path: object, *more: object) -> Arguments:
    return ["detect", path, "--model", MODEL_PLACE, *more]


def shortened(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def written_egg(folder: Path, name: str) -> Path:
    write_volume(egg(), folder / name)
    return folder / name


# --- files that cannot be read ------------------------------------------------------------------------


def edited_header(path: Path, start: bytes, line: bytes) -> Path:
    """The file with the header line that begins with ``start`` exchanged."""
    content = path.read_bytes()
    begin = content.index(b"\n" + start) + 1
    path.write_bytes(content[:begin] + line + content[content.index(b"\n", begin) :])
    return path


def zero_directions(folder: Path) -> Arguments:
    zeros = b"space directions: (0,0,0) (0,0,0) (0,0,0)"
    return detect(edited_header(written_egg(folder, "in.nrrd"), b"space directions", zeros))


def zero_matrix(folder: Path) -> Arguments:
    zeros = b"TransformMatrix = 0 0 0 0 0 0 0 0 0"
    return detect(edited_header(written_egg(folder, "in.mha"), b"TransformMatrix", zeros))


def set_rows(folder: Path, value: float) -> Path:
    """A NIfTI whose only position matrix (srow_x, srow_y, srow_z) holds one value everywhere."""
    path = nifti(folder, egg().voxels.T.copy(), name="in.nii")
    content = bytearray(path.read_bytes())
    content[280:328] = np.full(12, value, "<f4").tobytes()
    path.write_bytes(bytes(content))
    return path


def nan_voxels(folder: Path) -> Arguments:
    array = egg().voxels.astype(np.float32).T.copy()
    array[3, 4, 5] = np.nan
    return detect(nifti(folder, array))


def coloured_nifti(folder: Path) -> Arguments:
    colour = np.zeros((8, 8, 8), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return detect(nifti(folder, colour))


def coloured_picture(folder: Path) -> Arguments:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[..., 0], pixels[:32, :, 2] = 200, 90
    Image.fromarray(pixels).save(folder / "in.png")
    return detect(folder / "in.png")


def radiograph(folder: Path) -> Arguments:
    pixels = np.tile(np.arange(240, dtype=np.uint8), (320, 1))
    Image.fromarray(pixels).save(folder / "in.png", dpi=(25.4, 25.4))
    return detect(folder / "in.png")


def vectors(folder: Path) -> Arguments:
    sitk.WriteImage(sitk.Image([8, 8, 8], sitk.sitkVectorFloat32, 3), str(folder / "in.mha"))
    return detect(folder / "in.mha")


def header_alone(folder: Path) -> Arguments:
    path = written_egg(folder, "in.nhdr")
    for other in folder.iterdir():
        if other != path:
            other.unlink()
    return detect(path)


def dicom_folder(folder: Path) -> Path:
    write_dicom(egg(), folder / "scan")
    return folder / "scan"


def mixed_series(folder: Path) -> Arguments:
    both = folder / "both"
    both.mkdir()
    write_dicom(egg(), both / "one")
    write_dicom(egg(spacing_mm=6.0), both / "two")
    return detect(both)


def truncated_dicom(folder: Path) -> Arguments:
    for path in dicom_folder(folder).iterdir():
        shortened(path, 0.6)
    return detect(folder / "scan")


def missing_slices(folder: Path) -> Arguments:
    import pydicom

    files = sorted(
        dicom_folder(folder).iterdir(),
        key=lambda path: pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2],
    )
    for path in files[10:14]:
        path.unlink()
    return detect(folder / "scan")


def folder_of_text(folder: Path) -> Arguments:
    (folder / "notes").mkdir()
    file(folder / "notes", "read me.txt", "no image here")
    return detect(folder / "notes")


UNREADABLE = [
    Row("missing file", lambda f: detect(f / "none.nii.gz"), INPUT, "does not exist"),
    Row("missing folder", lambda f: detect(f / "none"), INPUT, "does not exist"),
    Row("empty file", lambda f: detect(file(f, "in.nii.gz")), INPUT, "is empty"),
    Row("text renamed", lambda f: detect(file(f, "in.nii.gz", "hello\n" * 99)), INPUT, "in.nii.gz"),
    Row("text renamed to NRRD", lambda f: detect(file(f, "in.nrrd", "hello\n" * 99)), INPUT, "in.nrrd"),
    Row("text renamed to MetaImage", lambda f: detect(file(f, "in.mha", "hello\n" * 9)), INPUT, "in.mha"),
    Row("text renamed to DICOM", lambda f: detect(file(f, "in.dcm", "hello\n" * 99)), INPUT, "in.dcm"),
    Row("text renamed to PNG", lambda f: detect(file(f, "in.png", "hello\n" * 99)), INPUT, "in.png"),
    Row(
        "gzip of text", lambda f: detect(file(f, "in.nii.gz", gzip.compress(b"hi" * 999))), INPUT, "no NIfTI"
    ),
    Row("truncated NIfTI", lambda f: detect(shortened(written_egg(f, "in.nii.gz"), 0.5)), INPUT, "truncated"),
    Row(
        "truncated flat NIfTI", lambda f: detect(shortened(written_egg(f, "in.nii"), 0.7)), INPUT, "truncated"
    ),
    Row("truncated NRRD", lambda f: detect(shortened(written_egg(f, "in.nrrd"), 0.5)), INPUT, "truncated"),
    Row(
        "truncated MetaImage", lambda f: detect(shortened(written_egg(f, "in.mha"), 0.5)), INPUT, "truncated"
    ),
    Row("NRRD header alone", header_alone, INPUT, "missing"),
    Row("unknown kind of file", lambda f: detect(file(f, "in.xyz", "1 2 3")), INPUT, "unknown kind"),
    Row("device", lambda f: detect(os.devnull), INPUT, "device"),
    Row(
        "four dimensions", lambda f: detect(nifti(f, np.zeros((8, 8, 8, 5), np.int16))), INPUT, "four or more"
    ),
    Row("one voxel", lambda f: detect(nifti(f, np.ones((1, 1, 1), np.int16))), INPUT, "holds no image"),
    Row("colour volume", coloured_nifti, INPUT, "colour"),
    Row("colour picture", coloured_picture, INPUT, "colour"),
    Row("vectors", vectors, INPUT, "values per voxel"),
    Row("complex numbers", lambda f: detect(nifti(f, np.ones((8, 8, 8), np.complex64))), INPUT, "complex"),
    Row("NaN voxels", nan_voxels, INPUT, "NaN"),
    Row("NaN position", lambda f: detect(set_rows(f, np.nan)), INPUT, "finite"),
    Row("zero position matrix", lambda f: detect(set_rows(f, 0.0)), INPUT, "zero"),
    Row("zero directions in NRRD", zero_directions, INPUT, "spacing of zero"),
    Row("zero direction matrix", zero_matrix, INPUT, "direction"),
    Row("folder without images", folder_of_text, INPUT, "no DICOM images"),
    Row("mixed series", mixed_series, INPUT, "choose one"),
    Row("unknown series", lambda f: [*mixed_series(f), "--series", "77"], INPUT, "no series"),
    Row("unknown UID", lambda f: [*mixed_series(f), "--series", "1.2.3.4"], INPUT, "no series"),
    Row("truncated DICOM", truncated_dicom, INPUT, "truncated"),
    Row("missing DICOM slices", missing_slices, INPUT, "missing or uneven slices"),
    Row("series of a file", lambda f: detect(written_egg(f, "in.mha"), "--series", 1), INPUT, "single file"),
    Row("series in a missing folder", lambda f: ["series", f / "none"], INPUT, "does not exist"),
    Row("series in a file", lambda f: ["series", written_egg(f, "in.nii")], INPUT, "is a file"),
]

# --- images that were read, but cannot work ------------------------------------------------------------


def noise(folder: Path) -> Arguments:
    values = np.random.default_rng(0).integers(-1024, 2000, (60, 50, 90))
    return detect(nifti(folder, values.astype(np.int16)))


def metres(folder: Path) -> Arguments:
    write_volume(egg(spacing_mm=0.008), folder / "in.nrrd")
    return detect(folder / "in.nrrd")


def kilometres(folder: Path) -> Arguments:
    write_volume(egg(spacing_mm=8000.0), folder / "in.nrrd")
    return detect(folder / "in.nrrd")


HOPELESS = [
    Row("all air", lambda f: detect(nifti(f, np.full((60, 50, 90), -1000, np.int16))), NO_BODY, "in"),
    Row("all zero", lambda f: detect(nifti(f, np.zeros((60, 50, 90), np.int16))), NO_BODY, "in"),
    Row("all noise", noise, NO_BODY, "noise"),
    Row("metres for millimetres", metres, INPUT, "spacing"),
    Row("micrometres for millimetres", kilometres, INPUT, "spacing"),
    Row("a radiograph for a CT model", radiograph, INPUT, "single image"),
    Row(
        "threshold above everything",
        lambda f: detect(written_egg(f, "in.nii.gz"), "--threshold", 30000),
        NO_BODY,
        "threshold",
    ),
]

# --- outputs and words --------------------------------------------------------------------------------


def wrong_output(name: str) -> Make:
    return lambda f: detect(written_egg(f, "in.nii.gz"), "--output", f / name)


def output_on_folder(folder: Path) -> Arguments:
    (folder / "x.csv").mkdir()
    return detect(written_egg(folder, "in.nii.gz"), "--output", folder / "x.csv")


def output_below_file(folder: Path) -> Arguments:
    path = written_egg(folder, "in.nii.gz")
    return detect(path, "--output", path / "x.csv")


OUTPUTS = [
    Row("unknown output suffix", wrong_output("x.xlsx"), OUTPUT, "must end in"),
    Row("no output suffix", wrong_output("x"), OUTPUT, "must end in"),
    Row("output in a missing folder", wrong_output("none/x.csv"), OUTPUT, "no folder"),
    Row("output is a folder", output_on_folder, OUTPUT, "is a folder"),
    Row("output below a file", output_below_file, OUTPUT, "no folder"),
    Row("second output wrong", lambda f: [*wrong_output("a.csv")(f), "-o", f / "b.txt"], OUTPUT, "b.txt"),
    Row("output named twice", lambda f: [*wrong_output("a.csv")(f), "-o", f / "a.csv"], OUTPUT, "twice"),
    Row("overlay no picture", lambda f: detect(f / "in", "--overlay", f / "x.csv"), OUTPUT, ".png"),
    Row("sheet in a missing folder", lambda f: ["synthesize", "--out", f / "a/b.png"], OUTPUT, "no folder"),
    Row("phantom of unknown kind", lambda f: ["synthesize", "--phantom", f / "a.stl"], OUTPUT, "must end in"),
    Row("demo of no model", lambda f: ["demo", "--out", f / "a" / "b", "-m", "nose"], MODEL, "nose"),
    Row("train from no model", lambda f: ["train", "--out", f / "r", "--from", "nose"], MODEL, "nose"),
    Row(
        "train on images from no model",
        lambda f: ["train", "--data", points_in_a_picture(f), "--out", f / "r", "--from", "nose", "-q"],
        MODEL,
        "nose",
    ),
    Row("versions of no model", lambda f: ["models", "versions", "nose"], MODEL, "those that ship: ceph"),
    Row("remove a model that ships", lambda f: ["models", "remove", "hand"], MODEL, "ships and stays"),
    Row("demo folder below a file", lambda f: ["demo", "--out", file(f, "a") / "b"], OUTPUT, "folder"),
]
if sys.platform == "linux":
    OUTPUTS.append(
        Row("unwritable folder", lambda f: detect(f / "in", "-o", "/proc/x.csv"), OUTPUT, "/proc/x.csv")
    )

WORDS = [
    Row("no input", lambda f: ["detect"], USAGE, "INPUT"),
    Row("unknown command", lambda f: ["detekt"], USAGE, "detekt"),
    Row("unknown option", lambda f: detect(f, "--treshold", 1), USAGE, "--treshold"),
    Row("threshold is text", lambda f: detect(f, "--threshold", "air"), USAGE, "--threshold"),
    Row("threshold is not finite", lambda f: detect(f, "--threshold", "nan"), USAGE, "--threshold"),
    Row("unknown depth", lambda f: detect(f, "--depth", "deep"), USAGE, "--depth"),
    Row("unknown device", lambda f: detect(f, "--device", "tpu"), USAGE, "--device"),
    Row("nothing to synthesize", lambda f: ["synthesize"], USAGE, "--phantom"),
    Row(
        "no bodies on the sheet",
        lambda f: ["synthesize", "--out", f / "a.png", "--count", 0],
        USAGE,
        "--count",
    ),
    Row("train without a folder", lambda f: ["train"], USAGE, "--out"),
    Row("unknown preset", lambda f: ["train", "--out", f / "r", "--preset", "fast"], USAGE, "whole-body-ct"),
    Row("unknown network", lambda f: ["train", "--out", f / "r", "--network", "gpt"], USAGE, "--network"),
    Row(
        "model name with blanks", lambda f: ["train", "--out", f / "r", "--name", "My model"], USAGE, "--name"
    ),
    Row("model version", lambda f: ["train", "--out", f / "r", "--model-version", "2"], USAGE, "1.2.3"),
    Row("no training steps", lambda f: ["train", "--out", f / "r", "--steps", 0], USAGE, "--steps"),
    Row("negative seed", lambda f: ["demo", "--out", f / "d", "--seed", -1], USAGE, "--seed"),
]

# --- models -------------------------------------------------------------------------------------------


class Poison:
    """Unpickling it makes a file, which no test may ever find."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo executed > {self.mark}",)


def package_copy(folder: Path, tiny_model: Path) -> Path:
    return Path(shutil.copytree(tiny_model, folder / "package"))


def edit_metadata(package: Path, change: Callable[[dict], None]) -> None:
    path = package / "configs" / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    change(metadata)
    path.write_text(json.dumps(metadata), encoding="utf-8")


def no_metadata(package: Path) -> None:
    (package / "configs" / "metadata.json").unlink()


def metadata_is_text(package: Path) -> None:
    (package / "configs" / "metadata.json").write_text("not { json")


def no_protocol(package: Path) -> None:
    (package / "configs" / "protocol.json").unlink()


def weights_of(package: Path) -> Path:
    return next((package / "models").glob("*.safetensors"))


def no_weights(package: Path) -> None:
    weights_of(package).unlink()


def truncated_weights(package: Path) -> None:
    shortened(weights_of(package), 0.5)


def changed_weights(package: Path) -> None:
    content = bytearray(weights_of(package).read_bytes())
    content[-1] ^= 0xFF
    weights_of(package).write_bytes(content)


def pickled_weights(package: Path) -> None:
    weights_of(package).write_bytes(pickle.dumps(Poison(package.parent / "executed")))


def set_network(package: Path, **values: object) -> None:
    def change(metadata: dict) -> None:
        for network in metadata["landmark_detection"]["networks"].values():
            network.update(values)

    edit_metadata(package, change)


def weights_elsewhere(package: Path) -> None:
    set_network(package, weights="../../../etc/passwd")


def absolute_weights(package: Path) -> None:
    set_network(package, weights="/etc/passwd")


def foreign_architecture(package: Path) -> None:
    set_network(package, architecture="os.system")


def target_in_parameters(package: Path) -> None:
    mark = package.parent / "executed"
    set_network(package, parameters={"_target_": "os.system", "command": f"echo executed > {mark}"})


DAMAGES: list[Callable[[Path], None]] = [
    no_metadata,
    metadata_is_text,
    no_protocol,
    no_weights,
    truncated_weights,
    changed_weights,
    pickled_weights,
    weights_elsewhere,
    absolute_weights,
    foreign_architecture,
    target_in_parameters,
]

MODELS = [
    Row(
        "unknown model",
        lambda f: ["detect", f / "in", "--model", "whole-body-xray"],
        MODEL,
        "whole-body-xray",
    ),
    Row("model is a missing folder", lambda f: ["detect", f / "in", "--model", f / "none"], MODEL, "none"),
    Row("model is an empty folder", lambda f: ["detect", f / "in", "--model", f], MODEL, ""),
    Row("model is a file", lambda f: ["detect", f / "in", "--model", file(f, "a.pt", "a")], MODEL, "a.pt"),
    Row("info on an unknown model", lambda f: ["models", "info", "nothing"], MODEL, "nothing"),
    Row("validate a missing folder", lambda f: ["models", "validate", f / "none"], MODEL, "none"),
    Row("install a missing folder", lambda f: ["models", "install", f / "none"], MODEL, "none"),
    Row("remove an unknown model", lambda f: ["models", "remove", "nothing"], MODEL, "nothing"),
]


def listing(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("row", [*UNREADABLE, *HOPELESS, *OUTPUTS, *MODELS], ids=lambda row: row.name)
def test_what_cannot_work_is_refused_in_one_sentence(
    row: Row, cli: Callable, tiny_model: Path, tmp_path: Path
) -> None:
    words = [tiny_model if word == MODEL_PLACE else word for word in row.make(tmp_path)]
    before = listing(tmp_path)
    answer = cli(
        *words,
        *(
            ["-o", tmp_path / "never.mrk.json"]
            if row.code in (INPUT, NO_BODY) and words[0] == "detect"
            else []
        ),
    )
    assert answer.code == row.code, answer.err
    assert answer.err.startswith("Error: ")
    assert answer.err.count("\n") == 1
    assert "Traceback" not in answer.err
    assert row.says in answer.err
    assert answer.out == ""
    assert listing(tmp_path) == before


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row.name)
def test_wrong_words_are_explained(row: Row, cli: Callable, tmp_path: Path) -> None:
    answer = cli(*row.make(tmp_path))
    assert answer.code == USAGE
    assert row.says in answer.err
    assert "Usage: landmark-detection" in answer.err
    assert answer.out == ""
    assert listing(tmp_path) == set()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("command", ["detect", "validate", "install"])
def test_a_damaged_or_malicious_model_is_refused_and_never_executed(
    damage: Callable[[Path], None],
    command: str,
    cli: Callable,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "installed"))
    package = package_copy(tmp_path, tiny_model)
    damage(package)
    volume = written_egg(tmp_path, "in.nii.gz")
    before = listing(tmp_path)
    words = ["detect", volume, "--model", package] if command == "detect" else ["models", command, package]
    answer = cli(*words)
    assert answer.code == MODEL, answer.err
    assert answer.err.startswith("Error: ")
    assert answer.err.count("\n") == 1
    assert not (tmp_path / "executed").exists()
    assert {path for path in listing(tmp_path) - before if path.is_file()} == set()


def test_errors_are_json_when_json_is_asked_for(cli: Callable, tmp_path: Path) -> None:
    answer = cli("detect", tmp_path / "in", "--output", tmp_path / "x.xlsx", "--json")
    error = json.loads(answer.err)["error"]
    assert (error["kind"], error["exit_code"], answer.code) == ("OutputError", OUTPUT, OUTPUT)
    assert "x.xlsx" in error["message"]
    assert answer.out == ""


def test_an_installed_command_answers_the_same(tiny_model: Path, tmp_path: Path, repository: Path) -> None:
    source = file(tmp_path, "in.nii.gz", "no image")
    words = ["detect", str(source), "--model", str(tiny_model), "--output", str(tmp_path / "x.csv")]
    ended = subprocess.run(
        [sys.executable, "-m", "LandmarkDetectionLib", *words], cwd=repository, capture_output=True, text=True
    )
    assert ended.returncode == INPUT
    assert ended.stderr.startswith(f"Error: {source} ")
    assert ended.stdout == ""
    assert listing(tmp_path) == {source}
