"""Agents speak with the real server: a process of its own, over standard input and output."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.files import resource_path, sha256_of
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.records import read_detection
from LandmarkDetectionLib.io.volumes import read_volume, write_dicom, write_volume
from LandmarkDetectionLib.provenance import volume_digest
from Testing.examples.hand_radiograph import as_volume, drawn_radiograph
from Testing.examples.measurement_cases import FACE, in_picture
from Testing.examples.shipped_models import SKIN

anyio = pytest.importorskip("anyio", reason="needs the extra mcp")
mcp = pytest.importorskip("mcp", reason="needs the extra mcp")

SAMPLE = resource_path("SampleData", "synthetic-body-ct.nrrd")
#: A patient's, in names of files and in headers; no answer may hold it.
SURNAME = "Mustermann"

Client = Any
Talk = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An allowed folder with a scan, a DICOM series, a radiograph and points, and a secret beside it."""
    place = tmp_path_factory.mktemp("agents")
    folder = place / "allowed"
    (folder / SURNAME).mkdir(parents=True)
    (place / "secret").mkdir()
    for name in (folder / SURNAME / f"{SURNAME}_ct.nrrd", folder / "ct.nrrd", place / "secret" / "ct.nrrd"):
        shutil.copy(SAMPLE, name)
    (folder / "link.nrrd").symlink_to(place / "secret" / "ct.nrrd")
    small = as_volume(drawn_radiograph().astype(np.int16), 0.4)
    write_dicom(small, folder / "xray")
    for file in (folder / "xray").iterdir():
        file.rename(file.with_name(f"{SURNAME}.dcm"))
    write_landmarks(in_picture(FACE, 0.8), folder / "face.mrk.json")
    return folder


def command(box: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "LandmarkDetectionLib", "mcp", "--allow", str(box), *more]


def speak(talk: Talk, box: Path, repository: Path, *more: str) -> Any:
    """Start a server, let a client of the SDK talk with it, and end it."""
    from mcp.client.stdio import StdioServerParameters, stdio_client

    words = command(box, *more)
    server = StdioServerParameters(
        command=words[0], args=words[1:], env={"OMP_NUM_THREADS": "1", "PYTHONPATH": str(repository)}
    )

    async def run() -> Any:
        async with mcp.Client(stdio_client(server)) as client:
            return await talk(client)

    return anyio.run(run)


@pytest.fixture(scope="module")
def day(box: Path, repository: Path) -> dict[str, Any]:
    """What one server answers in a usual order of calls: tools by "tools", answers by what was called."""
    told: dict[str, Any] = {"progress": []}

    async def note(fraction: float, total: float | None, text: str | None) -> None:
        told["progress"].append((fraction, total, text))

    async def talk(client: Client) -> None:
        told["instructions"] = client.instructions
        told["tools"] = {one.name: one for one in (await client.list_tools()).tools}
        scan, some = f"{SURNAME}/{SURNAME}_ct.nrrd", {"image": "ct.nrrd", "model": SKIN}
        for key, tool, words in (
            ("list_models", "list_models", {}),
            ("describe", "describe", {"name": SKIN}),
            ("describe protocol", "describe", {"name": "cephalometric-19"}),
            ("describe_image", "describe_image", {"image": scan}),
            ("describe xray", "describe_image", {"image": "xray"}),
            ("detect", "detect", {"image": scan, "output": "found.json", "model": SKIN}),
            (
                "some",
                "detect",
                {**some, "output": "b.csv", "landmarks": ["knee_left"]},
            ),
            ("measure", "measure", {"landmarks": "found.json", "image": scan, "output": "found.csv"}),
            ("pixels", "measure", {"landmarks": "face.mrk.json", "in_pixels": True}),
            ("report", "report", {"landmarks": "found.json", "image": scan, "output": "found.html"}),
        ):
            told[key] = await client.call_tool(tool, words, progress_callback=note)

    speak(talk, box, repository)
    return told


def content(answer: Any) -> dict[str, Any]:
    assert not answer.is_error, answer.content
    found: dict[str, Any] = answer.structured_content
    return found


def test_the_tools_say_units_and_doubt_in_their_schemas(day: dict[str, Any]) -> None:
    tools = day["tools"]
    assert set(tools) == {"list_models", "describe", "describe_image", "detect", "measure", "report"}
    for tool in tools.values():
        assert len(tool.description) > 20 and tool.output_schema
        named = tool.input_schema["properties"].values()
        assert all("description" in one for one in named), f"every option of {tool.name} is explained"
    found = tools["detect"].output_schema
    text = json.dumps(found)
    for word in (
        "not millimetres",
        "patient's right",
        "Not LPS",
        "Calibrated probability",
        "research use only",
    ):
        assert word in text, word
    assert found["properties"]["unit"]["enum"] == ["mm", "px"]
    assert "px are not mm" in day["instructions"] and "RAS" in day["instructions"]
    assert tools["describe_image"].annotations.read_only_hint
    assert not tools["detect"].annotations.read_only_hint


def test_models_and_protocols_are_described(day: dict[str, Any]) -> None:
    models = {one["name"]: one for one in content(day["list_models"])["models"]}
    assert models[SKIN]["images"] == ["volumes"] and "knee_left" in models[SKIN]["landmarks"]
    assert models["hand"]["of_one_hand"] and "radiographs" in models["hand"]["images"]
    described = content(day["describe"])
    assert [one["name"] for one in described["landmarks"]] == models[SKIN]["landmarks"]
    assert all(one["definition"] for one in described["landmarks"])
    angles = {one["name"]: one for one in content(day["describe protocol"])["measurements"]}
    assert angles["SNA"]["unit"] == "deg" and "sella" in angles["SNA"]["landmarks"]


def test_an_image_is_described(day: dict[str, Any]) -> None:
    image, volume = content(day["describe_image"]), read_volume(SAMPLE)
    assert (image["size"], image["spacing_mm"]) == (list(volume.size), volume.spacing.tolist())
    assert (image["axes"], image["is_2d"]) == ("LPS", False)
    xray = content(day["describe xray"])
    assert xray["is_2d"] and xray["axes"] is None
    assert xray["series"][0]["slices"] == 1


def test_a_detection_is_answered_and_written(day: dict[str, Any], box: Path) -> None:
    answer = content(day["detect"])
    record = read_detection(box / "found.json")
    assert (answer["model"], answer["unit"], answer["coordinate_system"]) == (SKIN, "mm", "RAS")
    assert answer["research_use_only"] is True
    assert answer["files"] == [str(box / "found.json")]
    for one in answer["landmarks"]:
        mark = record.landmarks[one["name"]]
        assert one["status"] == mark.status.value
        assert one["confidence"] == pytest.approx(mark.confidence, abs=1e-3)
        if mark.is_present:
            np.testing.assert_allclose(one["position_ras"], mark.position, atol=0.006)
        else:
            assert one["position_ras"] is None
    assert sum(answer["counts"].values()) == len(answer["landmarks"]) == len(record.landmarks)
    fractions = [fraction for fraction, total, _ in day["progress"] if total == 1.0]
    assert len(fractions) > 3 and max(fractions) == 1.0
    assert [one["name"] for one in content(day["some"])["landmarks"]] == ["knee_left"]


def test_a_manifest_lies_beside_every_result(day: dict[str, Any], box: Path) -> None:
    for key, name in (("detect", "found.json"), ("measure", "found.csv"), ("report", "found.html")):
        told = json.loads(Path(content(day[key])["manifest"]).read_text())
        assert told["command"] == f"mcp {key}"
        assert [one["sha256"] for one in told["outputs"]] == [sha256_of(box / name)]
        assert volume_digest(read_volume(SAMPLE)) in {one["sha256"] for one in told["inputs"]}
    assert content(day["pixels"])["manifest"] is None


def test_landmarks_are_measured_in_their_unit(day: dict[str, Any], box: Path) -> None:
    measured = content(day["measure"])
    values = {one["name"]: one for one in measured["measurements"]}
    height = values["height"]
    assert height["unit"] == measured["unit_of_lengths"] == "mm"
    assert height["interval_95"][0] < height["value"] < height["interval_95"][1]
    assert all((one["value"] is None) == bool(one["gap"]) for one in values.values())
    pixels = content(day["pixels"])
    assert pixels["unit_of_lengths"] == "px"
    assert {one["unit"] for one in pixels["measurements"]} <= {"px", "deg", "%", "1", ""}


def test_a_report_is_written(day: dict[str, Any], box: Path) -> None:
    assert content(day["report"])["files"] == [str(box / "found.html")]
    assert "research" in (box / "found.html").read_text(encoding="utf-8").lower()


def test_no_answer_names_a_patient(day: dict[str, Any]) -> None:
    answers = {name: one for name, one in day.items() if name not in ("tools", "instructions")}
    assert SURNAME not in repr(answers)


def test_what_is_refused_is_one_sentence_and_touches_nothing(box: Path, repository: Path) -> None:
    outside = box.parent / "secret"
    header = f"NRRD0004\ntype: short\ndimension: 3\nsizes: 1 1 1\nencoding: raw\ndata file: {SURNAME}.raw\n\n"
    (box / "detached.nhdr").write_text(header)
    (outside / "data.raw").write_bytes(b"\0\0")
    (box / f"{SURNAME}.raw").symlink_to(outside / "data.raw")
    (box / "linked").mkdir()
    (box / "linked" / "1.dcm").symlink_to(outside / "ct.nrrd")
    (box / "out.json").symlink_to(outside / "out.json")
    (box / "new.json.manifest.json").symlink_to(outside / "manifest.json")
    (box / "broken.nrrd").write_bytes(SAMPLE.read_bytes()[:2000])
    (box / "taken.json").write_text("{}")
    before = {path: path.lstat().st_mtime_ns for path in sorted(box.parent.rglob("*"))}
    ct, record = {"image": "ct.nrrd", "model": SKIN}, {"landmarks": "face.mrk.json"}
    calls = [
        ("describe_image", {"image": "../secret/ct.nrrd"}, "outside the allowed folders"),
        ("describe_image", {"image": str(outside / "ct.nrrd")}, "outside the allowed folders"),
        ("describe_image", {"image": "link.nrrd"}, "outside the allowed folders"),
        ("describe_image", {"image": "linked"}, "leads out of the allowed folders"),
        ("describe_image", {"image": "detached.nhdr"}, "leads out of the allowed folders"),
        ("describe_image", {"image": "broken.nrrd"}, "the image"),
        ("describe_image", {"image": "ct.nrrd", "series": 1}, "single file"),
        ("describe_image", {"image": "xray", "series": 99}, "no series 99"),
        ("describe_image", {"image": f"{SURNAME}.nothing"}, "does not exist"),
        ("describe", {"name": "../../etc/passwd"}, "There is no protocol"),
        ("detect", {"image": "link.nrrd", "output": "new-2.json"}, "outside the allowed folders"),
        ("detect", {**ct, "output": "../new.json"}, "outside the allowed folders"),
        ("detect", {**ct, "output": str(outside / "new.json")}, "outside the allowed folders"),
        ("detect", {**ct, "output": "out.json", "overwrite": True}, "outside the allowed folders"),
        ("detect", {**ct, "output": "new.json"}, "outside the allowed folders"),
        ("detect", {**ct, "output": "taken.json"}, "there is such a file"),
        ("detect", {**ct, "output": "new.nrrd"}, "must end in"),
        ("detect", {**ct, "output": "x.manifest.json"}, "must end in"),
        ("detect", {**ct, "output": "y.json", "landmarks": ["nose"]}, "no landmark nose"),
        ("detect", {"image": "ct.nrrd", "output": "y.json", "model": str(outside)}, "There is no model"),
        ("detect", {"image": "xray", "output": "y.json", "model": SKIN}, ""),
        ("measure", {"landmarks": "../secret/x.json"}, "outside the allowed folders"),
        ("measure", {"landmarks": "xray"}, "is a folder"),
        ("measure", {**record, "image": "link.nrrd"}, "outside the allowed folders"),
        ("measure", {**record, "protocol": str(outside / "p.json")}, "There is no protocol"),
        ("report", {**record, "output": "../page.html"}, "outside the allowed folders"),
        ("report", {**record, "output": "page.dcm"}, ""),
    ]

    async def talk(client: Client) -> list[Any]:
        return [await client.call_tool(tool, words) for tool, words, _ in calls]

    for (tool, words, sentence), answer in zip(calls, speak(talk, box, repository), strict=True):
        assert answer.is_error, (tool, words)
        text = answer.content[0].text
        assert sentence in text and "\n" not in text and "Unexpected" not in text, (tool, words, text)
        if SURNAME not in str(words):
            assert SURNAME not in text
    assert {path: path.lstat().st_mtime_ns for path in sorted(box.parent.rglob("*"))} == before


def test_a_detection_can_be_cancelled_and_leaves_nothing(box: Path, repository: Path) -> None:
    async def talk(client: Client) -> Any:
        words = {"image": "ct.nrrd", "model": SKIN}
        with anyio.CancelScope() as scope:

            async def stop(fraction: float, total: float | None, text: str | None) -> None:
                scope.cancel()

            await client.call_tool("detect", {**words, "output": "cancelled.json"}, progress_callback=stop)
        assert scope.cancelled_caught
        return await client.call_tool("detect", {**words, "output": "after.json", "landmarks": ["knee_left"]})

    # The second waits for the end of the first.
    assert content(speak(talk, box, repository, "--no-manifest"))["manifest"] is None
    assert (box / "after.json").is_file() and not (box / "after.json.manifest.json").exists()
    assert not list(box.glob("*cancelled*"))


def test_the_process_ends_when_nobody_speaks_with_it_any_more(box: Path, repository: Path) -> None:
    ended = subprocess.run(command(box), input=b"", capture_output=True, cwd=repository, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, b"")


def test_a_folder_that_is_not_there_is_refused_before_anybody_speaks(tmp_path: Path, cli: Callable) -> None:
    answer = cli("mcp", "--allow", tmp_path / "nothing")
    assert answer.code == 3 and "is no folder" in answer.err and answer.out == ""


@pytest.mark.parametrize("missing", ["mcp", "mcp_types", "anyio"])
def test_a_missing_package_is_a_sentence_with_what_to_install(
    box: Path, repository: Path, missing: str
) -> None:
    without = (
        f"import sys; sys.modules[{missing!r}] = None; from LandmarkDetectionLib.cli.app import main; "
        f"main(['mcp', '--allow', {str(box)!r}])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", without], capture_output=True, text=True, cwd=repository, timeout=120
    )
    assert (ended.returncode, ended.stdout) == (7, "")
    assert re.search(r'pip install "\.\[mcp\]"', ended.stderr) and ended.stderr.count("\n") == 1


def test_points_of_a_volume_are_refused_for_a_radiograph(box: Path, repository: Path) -> None:
    write_volume(read_volume(SAMPLE), box / "volume.nii.gz")

    async def talk(client: Client) -> Any:
        return await client.call_tool("measure", {"landmarks": "face.mrk.json", "image": "volume.nii.gz"})

    answer = speak(talk, box, repository)
    assert answer.is_error and "Unexpected" not in answer.content[0].text
