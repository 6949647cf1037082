"""Landmarks in DICOM Structured Reports: every reader finds them where they were written."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.dicom_sr import read_sr
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.reporting import Reviewed, write_report
from LandmarkDetectionLib.reporting.landmark_sites import LEFT, POINT, RIGHT, SOMEWHERE, site_of
from Testing.examples.sr_cases import (
    WHEN,
    enhanced_ct,
    files_of,
    oblique_ct,
    radiograph,
    report_of,
    somewhere_in,
)
from Testing.examples.sr_readers import in_ohif, in_slicer

pytest.importorskip("highdicom", reason="needs highdicom")

LPS = np.array([-1.0, -1.0, 1.0])
MICROMETRE = 1e-3
NAMES = ("knee_left", "knee_right", "chin", "eye_left", "hip_left", "ankle_right", "my own point", "neck")
KINDS = {
    "oblique": oblique_ct,
    "enhanced": enhanced_ct,
    "DX": radiograph,
    "CR": lambda folder: radiograph(folder, "CR", PixelSpacing=[0.3, 0.15], ImagerPixelSpacing=[0.3, 0.15]),
    "placed": lambda folder: radiograph(
        folder,
        ImagePositionPatient=[10.0, 20.0, 30.0],
        ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        FrameOfReferenceUID="1.2.3",
    ),
    "no size": lambda folder: radiograph(folder, PixelSpacing=None, PixelAspectRatio=[2, 1]),
}


@pytest.fixture(scope="module", params=KINDS)
def written(request, tmp_path_factory):
    """(report's file, image, volume, landmarks) for every kind of image."""
    folder = tmp_path_factory.mktemp("sr")
    image = KINDS[request.param](folder)
    volume = read_volume(image)
    landmarks = somewhere_in(volume, NAMES)
    write_report(report_of(volume, landmarks), folder / "report.dcm", files_of(image))
    return folder / "report.dcm", image, volume, landmarks


def places(landmarks: LandmarkSet) -> dict[str, np.ndarray]:
    return {mark.name: mark.position for mark in landmarks.present}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, place in found.items():
        assert np.abs(place - expected[name]).max() < MICROMETRE, name


def test_they_come_back_with_their_status_and_confidence(written):
    path, _, volume, landmarks = written
    report = read_sr(path)
    back = report.landmarks(volume)
    assert (report.model, report.model_version) == ("a-model", "1.2.3")
    assert back.names == landmarks.names
    assert_same(places(back), places(landmarks))
    for mark in back:
        assert mark.status is landmarks[mark.name].status
        assert mark.confidence == pytest.approx(landmarks[mark.name].confidence, abs=1e-12)
        assert mark.expected_error == pytest.approx(landmarks[mark.name].expected_error, abs=1e-12)


def test_slicer_makes_point_lists_of_those_in_space_and_none_of_radiographs(written):
    path, image, volume, landmarks = written
    seen = in_slicer(path, files_of(image))
    if volume.is_2d:
        assert not seen.points
        return
    assert_same(seen.points, places(landmarks))
    assert seen.series == {pydicom.dcmread(files_of(image)[0]).SeriesInstanceUID}
    knee = seen.table[list(seen.points).index("knee_left")]
    assert (knee["finding"], knee["site"]) == ("Anatomical point", "Knee joint")
    assert knee["Status of the landmark"] == "detected"


def pixels_of(volume: Volume, landmarks: LandmarkSet) -> dict[str, np.ndarray]:
    """Columns and rows as PS3.3 C.18.6 counts them: the centre of the first pixel is (0.5, 0.5)."""
    return {name: volume.ras_to_ijk_points([place])[0, :2] + 0.5 for name, place in places(landmarks).items()}


def test_ohif_draws_them(written):
    path, image, volume, landmarks = written
    seen = in_ohif(path)
    assert {kind for kind, _, _ in seen.values()} == {"POINT"}
    header = pydicom.dcmread(files_of(image)[0])
    if volume.is_2d:
        assert {within for _, _, within in seen.values()} == {header.SOPInstanceUID}
        assert_same({name: np.array(at) for name, (_, at, _) in seen.items()}, pixels_of(volume, landmarks))
    else:
        assert {within for _, _, within in seen.values()} == {header.FrameOfReferenceUID}
        assert_same({name: at * LPS for name, (_, at, _) in seen.items()}, places(landmarks))


def test_highdicom_finds_them(written):
    from highdicom import sr

    path, _, volume, landmarks = written
    groups = sr.srread(path).content.get_planar_roi_measurement_groups()
    found = {group.tracking_identifier: group.roi.value.ravel() for group in groups}
    if volume.is_2d:
        assert_same(found, pixels_of(volume, landmarks))
    else:
        assert_same({name: place * LPS for name, place in found.items()}, places(landmarks))
    others = sr.srread(path).content.get_image_measurement_groups()
    assert {"knee_right", "chin"} <= {group.tracking_identifier for group in others}


def test_highdicom_puts_the_pixels_of_a_placed_radiograph_where_we_do(tmp_path):
    from highdicom.spatial import ImageToReferenceTransformer

    image = KINDS["placed"](tmp_path)
    volume, header = read_volume(image), pydicom.dcmread(image)
    landmarks = somewhere_in(volume, NAMES)
    write_report(report_of(volume, landmarks), tmp_path / "report.dcm", [image])
    to_patient = ImageToReferenceTransformer(
        image_position=header.ImagePositionPatient,
        image_orientation=header.ImageOrientationPatient,
        pixel_spacing=header.PixelSpacing,
    )
    found = {
        name: to_patient(np.array([at]))[0] * LPS
        for name, (_, at, _) in in_ohif(tmp_path / "report.dcm").items()
    }
    assert_same(found, places(landmarks))


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="needs dcmtk's dsrdump")
def test_dcmtk_shows_them(written):
    path, _, volume, landmarks = written
    dump = subprocess.run(["dsrdump", "-Ee", str(path)], capture_output=True, text=True, check=True)
    assert "error" not in dump.stderr.lower() and "warning" not in dump.stderr.lower(), dump.stderr
    found, name = {}, ""
    for line in dump.stdout.splitlines():
        if match := re.search(r'"Tracking Identifier"\)="(.*)">', line):
            name = match[1]
        if match := re.search(r"<contains SCOORD(?:3D)?:.*\(POINT,(?:[^,]*,)?([-\d./e+]+)\)", line):
            found[name] = np.array([float(number) for number in match[1].split("/")])
    if volume.is_2d:
        assert_same(found, pixels_of(volume, landmarks))
    else:
        assert_same({name: place * LPS for name, place in found.items()}, places(landmarks))


def test_landmarks_that_are_nowhere_are_named_without_coordinates(written):
    path, *_ = written
    groups = {
        group.ContentSequence[0].TextValue: group
        for group in pydicom.dcmread(path).ContentSequence[-1].ContentSequence
    }
    for name, status in (("knee_right", "ABSENT"), ("chin", "MISSING")):
        kinds = {item.ValueType for item in groups[name].ContentSequence}
        assert not kinds & {"SCOORD", "SCOORD3D"}
        coded = [
            one.ConceptCodeSequence[0].CodeValue
            for one in groups[name].ContentSequence
            if one.ValueType == "CODE"
        ]
        assert status in coded


def test_the_same_landmark_of_the_same_series_keeps_its_uid(written, tmp_path):
    path, image, volume, landmarks = written
    moved = LandmarkSet(tuple(replace(one, confidence=None) for one in landmarks.landmarks[:1]))
    write_report(report_of(volume, moved), tmp_path / "again.dcm", files_of(image))

    def uid(file: Path) -> str:
        group = pydicom.dcmread(file).ContentSequence[-1].ContentSequence[0]
        return str(next(item.UID for item in group.ContentSequence if item.ValueType == "UIDREF"))

    assert uid(path) == uid(tmp_path / "again.dcm")


def test_the_report_says_what_made_it_and_takes_over_the_patient_alone(tmp_path):
    image = radiograph(
        tmp_path,
        PatientName="Doe^Jane",
        PatientID="4711",
        PatientComments="afraid of dogs",
        OperatorsName="Nobody^Else",
        InstitutionName="Some Hospital",
    )
    volume = read_volume(image)
    case = replace(report_of(volume, somewhere_in(volume, ("chin",))), reviewed=Reviewed("A. Nurse", WHEN))
    write_report(case, tmp_path / "report.dcm", [image])
    document = pydicom.dcmread(tmp_path / "report.dcm")
    assert (document.PatientName, document.PatientID) == ("Doe^Jane", "4711")
    text = document.to_json()
    for said in ("a-model", "1.2.3", "landmark-detection", "A. Nurse", "99LANDMARK"):
        assert said in text
    for private in ("dogs", "Nobody", "Hospital"):
        assert private not in text


def test_a_place_outside_a_radiograph_is_none_that_dicom_has(tmp_path):
    image = radiograph(tmp_path)
    volume = read_volume(image)
    outside = volume.ijk_to_ras_points([[-3.0, 4.0, 0.0], [3.0, 40.0, 0.0], [0.0, 0.0, 0.0]])
    statuses = (Status.UNCERTAIN, Status.CORRECTED, Status.DETECTED)
    marks = tuple(Landmark(n, at, status) for n, at, status in zip("abc", outside, statuses, strict=True))
    write_report(report_of(volume, LandmarkSet(marks)), tmp_path / "report.dcm", [image])
    back = read_sr(tmp_path / "report.dcm").landmarks(volume)
    assert [mark.status for mark in back] == [Status.ABSENT, Status.MISSING, Status.DETECTED]
    assert in_ohif(tmp_path / "report.dcm")["c"][1] == [0.5, 0.5]


# --- what cannot be placed ---


def refused(tmp_path: Path, image: Path, words: str, volume: Volume | None, kind: type = OutputError) -> None:
    landmarks = LandmarkSet((Landmark("chin", [0.0, 0.0, 0.0]),))
    case = replace(report_of(read_volume(image), landmarks), volume=volume)
    with pytest.raises(kind, match=words):
        write_report(case, tmp_path / "report.dcm", files_of(image))
    assert not (tmp_path / "report.dcm").exists()


def test_a_series_in_two_frames_of_reference_is_refused(tmp_path):
    image = oblique_ct(tmp_path)
    file = files_of(image)[3]
    data = pydicom.dcmread(file)
    data.FrameOfReferenceUID = "1.2.3"
    data.save_as(file)
    refused(tmp_path, image, "2 frames of reference", read_volume(image))


def test_images_without_a_frame_of_reference_are_refused(tmp_path):
    image = oblique_ct(tmp_path)
    for file in files_of(image):
        data = pydicom.dcmread(file)
        del data.FrameOfReferenceUID
        data.save_as(file)
    refused(tmp_path, image, "no frame of reference", read_volume(image))


def test_a_volume_that_was_moved_or_cut_is_refused(tmp_path):
    image = oblique_ct(tmp_path)
    volume = read_volume(image)
    moved = volume.ijk_to_ras.copy()
    moved[0, 3] += 12
    refused(tmp_path, image, "up to 12 mm from where", replace(volume, ijk_to_ras=moved))
    refused(tmp_path, image, "mm from where", replace(volume, voxels=volume.voxels[:, :20]))


def test_slices_in_the_other_order_are_no_move(tmp_path):
    image = oblique_ct(tmp_path)
    volume = read_volume(image)
    flip = np.diag([1.0, 1.0, -1.0, 1.0])
    flip[2, 3] = volume.size[2] - 1
    turned = Volume(volume.voxels[::-1], volume.ijk_to_ras @ flip, "CT")
    landmarks = somewhere_in(volume, NAMES)
    write_report(report_of(turned, landmarks), tmp_path / "report.dcm", files_of(image))
    assert_same(places(read_landmarks(tmp_path / "report.dcm")), places(landmarks))


def test_points_of_a_radiograph_need_the_radiograph_as_it_is(tmp_path):
    image = radiograph(tmp_path)
    volume = read_volume(image)
    refused(tmp_path, image, "give the image beside the landmarks", None)
    refused(tmp_path, image, "31 x 24; give the image", replace(volume, voxels=volume.voxels[:, 1:]))


def test_points_on_an_image_are_read_with_the_image_alone(tmp_path):
    image = radiograph(tmp_path)
    volume = read_volume(image)
    write_report(report_of(volume, somewhere_in(volume, NAMES)), tmp_path / "report.dcm", [image])
    with pytest.raises(InputError, match="pixels of an image; give this image"):
        read_landmarks(tmp_path / "report.dcm")
    with pytest.raises(InputError, match="a volume was given"):
        read_sr(tmp_path / "report.dcm").landmarks(Volume(np.zeros((2, 24, 31), np.int16), np.eye(4)))


# --- codes ---


def test_every_code_is_what_dicom_calls_so():
    """pydicom carries DICOM's copy of SNOMED CT: a slip in a digit has another meaning there, or none."""
    from pydicom.sr._concepts_dict import concepts

    known: dict[str, set[str]] = {}
    for entries in concepts["SCT"].values():
        for code, (meaning, _) in entries.items():
            known.setdefault(code, set()).add(meaning.lower())
    names = {name for protocol in list_protocols() for name in load_protocol(protocol).names}
    sites = {site_of(name).structure for name in names}
    assert SOMEWHERE not in sites, "every shipped landmark has a site"
    for code in (*sites, POINT, SOMEWHERE, LEFT, RIGHT):
        assert code.meaning.lower() in known[code.value], code
        assert len(code.value) <= 16


def test_sides_are_those_of_the_body():
    for protocol in map(load_protocol, list_protocols()):
        if protocol.view == "picture":
            assert not any(site_of(name).side for name in protocol.names)
            continue
        for left, right in protocol.pairs:
            assert (site_of(left).side, site_of(right).side) == (LEFT, RIGHT)
            assert site_of(left).structure == site_of(right).structure
    assert site_of("a point of my own").structure == SOMEWHERE
