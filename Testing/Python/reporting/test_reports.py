"""Reports hold the numbers that were measured, say what they are for, and come back from DICOM unchanged."""

import csv
import io
import json
import re
import shutil
import subprocess
import warnings
from dataclasses import replace
from datetime import datetime
from html import escape

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from LandmarkDetectionLib.cli.app import app
from LandmarkDetectionLib.cli.options import Telling
from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.io.volumes import write_dicom
from LandmarkDetectionLib.measurement import Frame, measure, measure_in
from LandmarkDetectionLib.reporting import RESEARCH_ONLY, CaseReport, Reviewed, write_report
from LandmarkDetectionLib.reporting.case import cells, number
from LandmarkDetectionLib.reporting.html import html_text
from LandmarkDetectionLib.reporting.overlay import short_name
from LandmarkDetectionLib.reporting.table import csv_text
from Testing.examples.accessibility import faults
from Testing.examples.measurement_cases import FACE, in_picture, in_space

WHEN = datetime(2026, 3, 4, 15, 30)


def radiograph():
    """A blurred disc, 240 mm wide."""
    rows, columns = np.mgrid[0:240, 0:240]
    disc = 800 * np.exp(-((((columns - 110) / 70) ** 2 + ((rows - 120) / 80) ** 2) ** 2))
    return Volume(disc.astype(np.int16)[None], np.diag([-1.0, -1.0, 1.0, 1.0]), "DX", "a face")


def report(points=FACE, reviewed=None, name="case 1"):
    landmarks = in_picture(points, 0.8)
    volume = radiograph()
    protocol = load_protocol("cephalometric-19")
    found = measure(landmarks, protocol, Frame.of(volume, "picture"))
    return CaseReport(
        name, found, landmarks, WHEN, volume, "a-model", "1.2.3", (Doubt("Look at the chin."),), reviewed
    )


@pytest.fixture(scope="module")
def dicom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicom") / "face"
    write_dicom(radiograph(), folder)
    return tuple(folder.iterdir())


# --- DICOM ---


def numbers_of(item, tracking=""):
    """(name, (value, unit)) of the measurement groups of a content tree."""
    children = list(item.get("ContentSequence", ()))
    for child in children:
        if child.ValueType == "TEXT" and child.ConceptNameCodeSequence[0].CodeValue == "112039":
            tracking = child.TextValue
    for child in children:
        if child.ValueType == "NUM" and child.RelationshipType == "CONTAINS":
            measured = child.MeasuredValueSequence[0]
            value = measured.get("FloatingPointValue", measured.NumericValue)
            yield tracking, (float(value), measured.MeasurementUnitsCodeSequence[0].CodeValue)
        elif child.ValueType == "CONTAINER":
            yield from numbers_of(child, tracking)


def test_a_structured_report_gives_back_the_same_numbers(dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    import pydicom

    case = report(reviewed=Reviewed("A. Nurse", WHEN))
    write_report(case, tmp_path / "case.dcm", dicom)
    document = pydicom.dcmread(tmp_path / "case.dcm")
    found = dict(numbers_of(document))
    expected = {one.name: one for one in case.measurements if one.value is not None}
    assert found.keys() == expected.keys()
    for name, (value, unit) in found.items():
        assert value == expected[name].value
        assert unit == {"deg": "deg", "mm": "mm", "1": "1"}[expected[name].unit]
    source = pydicom.dcmread(dicom[0])
    assert document.StudyInstanceUID == source.StudyInstanceUID
    assert "research use only" in document.SeriesDescription
    text = str(document)
    assert source.SOPInstanceUID in text and "A. Nurse" in text and "skeletal class" in text


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="needs dcmtk's dsrdump")
def test_dcmtk_reads_the_structured_report(dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    case = report()
    write_report(case, tmp_path / "case.dcm", dicom)
    dump = subprocess.run(
        ["dsrdump", str(tmp_path / "case.dcm")], capture_output=True, text=True, check=True
    ).stdout
    assert 'CONTAINER:(,,"Imaging Measurement Report")' in dump
    shown = re.findall(r'NUM:\(,,"(?:Angle|Length|Distance|Ratio)"\)="([^"]+)"', dump)
    values = [one.value for one in case.measurements if one.value is not None]
    assert [float(text) for text in shown] == pytest.approx(values, rel=1e-12)


def test_a_structured_report_needs_its_images_and_something_to_say(dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    with pytest.raises(OutputError, match="give the image as DICOM"):
        write_report(report(), tmp_path / "case.dcm")
    nothing = report({})
    with pytest.raises(OutputError, match="nothing was found or measured"):
        write_report(nothing, tmp_path / "case.dcm", dicom)
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(InputError, match="no DICOM file"):
        write_report(report(), tmp_path / "case.dcm", [tmp_path / "text.dcm"])
    assert not (tmp_path / "case.dcm").exists()


def few(reviewed=None):
    """A report of few measurements, which is written fast."""
    return report({name: FACE[name] for name in ("sella", "nasion", "subspinale")}, reviewed)


def with_header(folder, source, drop=(), charset=None, **tags):
    """A copy of a DICOM file whose header lacks some tags and has others, as archives hold them."""
    import pydicom

    with warnings.catch_warnings():
        # pydicom warns of what real headers hold.
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(source)
        if charset:
            data.SpecificCharacterSet = charset
        for keyword, value in tags.items():
            setattr(data, keyword, value)
        for keyword in drop:
            delattr(data, keyword)
        folder.mkdir(parents=True, exist_ok=True)
        data.save_as(folder / "image.dcm")
    return folder / "image.dcm"


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (None, "Doe^Jane"),
        ("ISO_IR 100", "M\u00fcller^J\u00fcrgen"),
        ("ISO IR 100", "M\u00fcller^J\u00fcrgen"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"),
        (
            ["ISO 2022 IR 13", "ISO 2022 IR 87"],
            "\uff94\uff8f\uff80\uff9e^\uff80\uff9b\uff73=\u5c71\u7530^\u592a\u90ce",
        ),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9"),
        ("GB18030", "Wang^XiaoDong=\u738b^\u5c0f\u4e1c"),
        ("ISO_IR 144", "\u0418\u0432\u0430\u043d\u043e\u0432"),
        ("ISO_IR 192", "\u5c71\u7530^\u592a\u90ce"),
    ],
)
def test_a_structured_report_keeps_the_name_in_every_alphabet(dicom, tmp_path, capfd, charset, name):
    pytest.importorskip("highdicom", reason="needs highdicom")
    import pydicom

    source = with_header(tmp_path / "source", dicom[0], charset=charset, PatientName=name)
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(few(reviewed=Reviewed("\u0141ukasz", WHEN)), tmp_path / "case.dcm", [source])
    document = pydicom.dcmread(tmp_path / "case.dcm")
    assert str(document.PatientName) == name
    assert "\u0141ukasz" in str(document)
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("PatientSex", "U", ""),
        ("PatientSex", "male", "M"),
        ("PatientSex", "F", "F"),
        ("PatientBirthDate", "1970", None),
        ("PatientBirthDate", "00000000", None),
        ("PatientBirthDate", "19700230", None),
        ("PatientBirthDate", "19700228", "19700228"),
        ("StudyDate", "2020.01.02", "20200102"),
        ("StudyDate", "00000000", None),
        ("StudyTime", "12:30", "1230"),
        ("StudyTime", "9999", None),
        ("PatientAge", "old", None),
        ("PatientName", ["A^B", "C^D"], "A^B"),
        ("PatientName", "No parts", "No parts"),
        ("AccessionNumber", "A" * 20, "A" * 20),
        ("PatientID", "P" * 70, "P" * 70),
        ("StudyInstanceUID", "1.02.3", "1.02.3"),
        ("StudyID", None, ""),
    ],
)
def test_a_structured_report_takes_ordinary_headers(dicom, tmp_path, capfd, keyword, value, kept):
    pytest.importorskip("highdicom", reason="needs highdicom")
    import pydicom

    source = with_header(tmp_path / "source", dicom[0], **{keyword: value})
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_report(few(), tmp_path / "case.dcm", [source])
    assert "".join(capfd.readouterr()) == ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pydicom.dcmread(tmp_path / "case.dcm").get(keyword)
    assert (str(found) if found else found or None) == (kept or None)


@pytest.mark.parametrize("gone", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_an_image_without_a_uid_cannot_be_named_in_a_structured_report(dicom, tmp_path, gone):
    pytest.importorskip("highdicom", reason="needs highdicom")
    source = with_header(tmp_path / "source", dicom[0], drop=[gone])
    with pytest.raises(InputError, match=f"lacks its {gone}"):
        write_report(few(), tmp_path / "case.dcm", [source])


def test_the_uid_of_the_file_stands_in_for_that_of_the_image(dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    import pydicom

    source = with_header(tmp_path / "source", dicom[0], drop=["SOPInstanceUID", "SOPClassUID"])
    write_report(few(), tmp_path / "case.dcm", [source])
    uid = pydicom.dcmread(source).file_meta.MediaStorageSOPInstanceUID
    assert uid in str(pydicom.dcmread(tmp_path / "case.dcm"))


def test_a_private_kind_of_image_is_refused_without_its_values(dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    source = with_header(tmp_path / "source", dicom[0], SOPClassUID="1.2.3.4", PatientName="Doe^Jane")
    with pytest.raises(OutputError, match="allows no Structured Report") as caught:
        write_report(few(), tmp_path / "case.dcm", [source])
    assert "Doe" not in str(caught.value)


def test_one_image_that_allows_no_report_stops_no_other(dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    (tmp_path / "cases").mkdir()
    for name, drop in (("a", ()), ("b", ("StudyInstanceUID",)), ("c", ())):
        with_header(tmp_path / "images" / name, dicom[0], drop=drop)
        write_landmarks(few().landmarks, tmp_path / "cases" / f"{name}.mrk.json")
    result = CliRunner().invoke(
        app,
        f"report {tmp_path}/cases --protocol cephalometric-19 --image {tmp_path}/images "
        f"--out {tmp_path}/reports --format dcm --format csv",
    )
    assert isinstance(result.exception, InputError)
    assert "lacks its StudyInstanceUID" in str(result.exception)
    assert sorted(file.name for file in (tmp_path / "reports").iterdir()) == [
        "a.dcm",
        "c.dcm",
        "measurements.csv",
        "run.manifest.json",
    ]


# --- pages and tables ---


def test_the_page_is_one_pdf_page_with_every_measurement(tmp_path):
    write_report(report(reviewed=Reviewed("A. Nurse", WHEN)), tmp_path / "case.pdf")
    content = (tmp_path / "case.pdf").read_bytes()
    assert content.startswith(b"%PDF") and content.count(b"/Type /Page ") == 1


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs poppler's pdftotext")
def test_the_page_says_everything_and_names_every_landmark(tmp_path):
    write_report(report(reviewed=Reviewed("A. Nurse", WHEN)), tmp_path / "case.pdf")
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "case.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    for name in FACE:
        assert short_name(name) in text
    for one in report().measurements:
        title, value, *_ = cells(one)
        assert title[:40] in text and value in text
    for words in (RESEARCH_ONLY, "Look at the chin.", "a-model 1.2.3", "A. Nurse, 2026-03-04"):
        assert words in text


def test_the_html_says_everything_and_trusts_no_name():
    page = html_text(report(name="<script>alert(1)</script>"))
    assert "<script" not in page and "&lt;script&gt;" in page
    assert page.count(RESEARCH_ONLY) == 2 and "data:image/png;base64," in page
    assert "not reviewed by a person" in page and "Look at the chin." in page
    assert "http" not in page
    assert faults(page) == []
    for one in report().measurements:
        assert f"<td>{escape(one.definition.title)}</td>" in page


def test_the_table_holds_all_digits_and_the_gaps():
    case = report({name: point for name, point in FACE.items() if name != "gonion"}, name="=cmd()")
    rows = list(csv.DictReader(io.StringIO(csv_text([case, report()]))))
    assert len(rows) == 2 * len(case.measurements)
    assert {row["case"] for row in rows} == {"'=cmd()", "case 1"}
    for row, one in zip(rows, (*case.measurements, *report().measurements), strict=True):
        assert row["measurement"] == one.name and row["gap"] == one.gap
        assert (float(row["value"]) if row["value"] else None) == one.value
        assert row["use"] == RESEARCH_ONLY
    assert rows[3]["gap"] == "needs Gonion (Go), which is not among the landmarks"


def test_a_value_just_beyond_a_border_is_not_shown_as_the_border():
    one = report().measurements["ANB"]
    assert one.class_name == "3" and cells(one)[1] == "3.183°" and cells(one)[3] == "3.2 to 5.7"
    assert number(-0.001, "mm") == "0.0 mm"


def test_a_report_of_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"ends in \.pdf, \.html, \.csv, \.dcm"):
        write_report(report(), tmp_path / "case.docx")


def test_a_body_is_drawn_from_the_front_and_landmarks_alone_without_an_image():
    from LandmarkDetectionLib.reporting.picture import picture_png

    voxels = np.full((90, 30, 50), -1000, np.int16)
    voxels[5:85, 8:22, 12:38] = 40
    volume = Volume(
        voxels, np.array([[-20.0, 0, 0, 500], [0, -20, 0, 300], [0, 0, 20, 0], [0, 0, 0, 1]]), "CT"
    )
    landmarks = in_space({"shoulder_right": (200, 0, 1400), "shoulder_left": (-200, 0, 1400)})
    found = measure(landmarks, load_protocol("whole-body"))
    with_image = picture_png(CaseReport("a", found, landmarks, WHEN, volume))
    alone = picture_png(CaseReport("a", found, landmarks, WHEN))
    empty = picture_png(CaseReport("a", measure(LandmarkSet(()), found.protocol), LandmarkSet(()), WHEN))
    body, points, nothing = (
        np.asarray(Image.open(io.BytesIO(png)).convert("L")) for png in (with_image, alone, empty)
    )
    # Between the names: the body is bright, two points and a line are not much, nothing is black.
    inside = slice(20, -20)
    assert (_between_names(body)[inside] > 200).mean() > 0.2
    assert 0 < (_between_names(points)[inside] > 60).mean() < 0.1
    assert (nothing[inside, inside] < 20).all()


def _between_names(picture):
    """The columns that hold some black: names stand on white."""
    return picture[:, (picture < 20).mean(axis=0) > 0.05]


def test_a_long_table_goes_on_over_further_pages_with_letters_as_large(tmp_path):
    landmarks = in_space({"head_top": (0, 0, 1700), "heel_left": (-80, 0, 0), "heel_right": (80, 0, 0)})
    found = measure(landmarks, load_protocol("whole-body"))
    crowded = replace(found, values=found.values * 3)
    write_report(CaseReport("a", crowded, landmarks, WHEN), tmp_path / "case.pdf")
    assert (tmp_path / "case.pdf").read_bytes().count(b"/Type /Page ") >= 2


# --- commands ---


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "face.json"
    landmarks = LandmarkSet(in_picture(FACE, 0.8).landmarks, name="face")
    write_detection(Detection(landmarks, "a-model", "1.2.3", doubts=(Doubt("Look at the chin."),)), path)
    return path


def test_the_command_measures_and_says_what_it_found(cli, record, tmp_path):
    table = tmp_path / "all.csv"
    answer = cli("measure", record, "--output", table)
    assert answer.code == 0 and "class 2: mandible high angle tendency" in answer.out
    assert "needs the apex of the lower incisor" in answer.out
    assert len(table.read_text().splitlines()) == 1 + len(report().measurements)
    json_answer = cli("measure", record, "--json")
    assert '"research_use_only": true' in json_answer.out and '"interval_95"' in json_answer.out


def test_the_command_measures_in_pixels_until_it_is_calibrated(cli, record, tmp_path):
    answer = cli("measure", record, "--pixels")
    assert " px " in answer.out and " mm " not in answer.out and "pixel size is unknown" in answer.err
    calibrated = cli("measure", record, "--pixels", "--pixel-size", "0.5")
    assert " mm " in calibrated.out and "given pixel size of 0.5 mm" in calibrated.err
    by_distance = cli("measure", record, "--pixels", "--known-distance", "sella,nasion=70")
    assert " mm " in by_distance.out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--pixel-size", "0.1"), 3, "says how large its pixels are"),
        (("--ruler", "1,2,3,4=10"), 3, "give the image (--image)"),
        (("--ruler", "1,2=10"), 2, "X1,Y1,X2,Y2=MM"),
        (("--pixels", "--known-distance", "nose,sella=10"), 3, "there is no nose"),
        (("--pixels", "--pixel-size", "1", "--known-distance", "a,b=1"), 3, "one way only"),
        (("--protocol", "nose"), 3, "There is no protocol 'nose'"),
        (("--output", "table.txt"), 5, "must end in .csv"),
    ],
)
def test_what_cannot_be_measured_is_answered_in_one_sentence(cli, record, arguments, code, sentence):
    answer = cli("measure", record, *arguments)
    assert answer.code == code and sentence in " ".join(answer.err.replace("│", " ").split())


def test_landmarks_of_no_known_protocol_are_refused(cli, tmp_path):
    (tmp_path / "x.csv").write_text("name,x,y,z,confidence,status\nfoo,1,2,3,,\nbar,1,2,3,,\n")
    answer = cli("measure", tmp_path / "x.csv")
    assert answer.code == 3 and "belong to no protocol" in answer.err


def test_one_command_writes_all_reports_of_a_case_and_of_a_folder(cli, record, dicom, tmp_path):
    pytest.importorskip("highdicom", reason="needs highdicom")
    outputs = [tmp_path / f"out{suffix}" for suffix in (".pdf", ".html", ".csv", ".dcm")]
    words = [word for path in outputs for word in ("--out", path)]
    answer = cli("report", record, "--image", dicom[0].parent, "--reviewer", "A. Nurse", *words)
    assert answer.code == 0, answer.err
    assert all(path.stat().st_size > 1000 for path in outputs)
    assert "A. Nurse" in outputs[1].read_text()

    folder, many = tmp_path / "cases", tmp_path / "many"
    folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(record, folder / f"{name}.json")
    answer = cli("report", folder, "--out", many, "--format", "html", "--format", "csv")
    assert answer.code == 0, answer.err
    written = ["a.html", "b.html", "measurements.csv"]
    assert sorted(path.name for path in many.iterdir()) == [*written, "run.manifest.json"]
    answer = cli("report", folder, "--out", tmp_path / "two.pdf")
    assert answer.code == 5 and "give a folder" in answer.err


def test_a_ruler_in_the_image_brings_millimetres(cli, record, tmp_path):
    from PIL import Image as Pillow

    Pillow.fromarray(np.zeros((240, 240), np.uint8)).save(tmp_path / "face.png")
    pixels = cli("measure", record, "--image", tmp_path / "face.png")
    assert pixels.code == 0 and " px " in pixels.out
    # 100 pixels of the ruler are 50 mm, so the incisors stand half as far apart as in pixels.
    ruled = cli("measure", record, "--image", tmp_path / "face.png", "--ruler", "10,20,10,120=50", "--json")
    found = json.loads(ruled.out)["cases"][0]
    overjet = next(one for one in found["measurements"] if one["name"] == "MW")
    assert overjet["unit"] == "mm" and overjet["value"] == pytest.approx(np.hypot(3, 1) / 2)
    assert found["calibration"] == "calibrated by a known distance of 50 mm"


def test_detecting_prints_what_the_protocol_measures(capsys):
    from LandmarkDetectionLib.cli import detect

    landmarks, protocol = in_picture(FACE, 0.8), load_protocol("cephalometric-19")
    detection = Detection(landmarks, "a-model", "1.2.3")
    measured = measure_in(radiograph(), landmarks, protocol)
    detect._report(detection, Telling(), [], measured)
    assert "mandible high angle tendency" in capsys.readouterr().out
    detect._report(detection, Telling(as_json=True), [], measured)
    printed = json.loads(capsys.readouterr().out)
    assert printed["measurements"][0]["name"] == "SNA" and printed["model"]["name"] == "a-model"
    body = Volume(np.zeros((4, 5, 6)), np.eye(4))
    assert measure_in(body, landmarks, protocol) is None
