"""Points of anybody's Structured Reports become landmarks; what is none, or elsewhere, is said."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.dicom_sr import is_sr, require_made_on
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.pixel_landmarks import counts_pixels, read_pixel_landmarks
from LandmarkDetectionLib.measurement.from_files import case_files, read_found
from Testing.examples.sr_cases import files_of, oblique_ct, radiograph

FRAME, IMAGE = "1.2.3.4", "1.2.3.5"


def coded(value: str, scheme: str = "DCM", meaning: str = "") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning or value
    return code


def item(
    kind: str, concept: str, children: Sequence[Dataset] = (), relation: str = "CONTAINS", **values: object
) -> Dataset:
    one = Dataset()
    one.RelationshipType, one.ValueType, one.ConceptNameCodeSequence = relation, kind, [coded(concept)]
    if children:
        one.ContentSequence = list(children)
    for keyword, value in values.items():
        setattr(one, keyword, value)
    return one


def in_space(*numbers: float, frame: str = FRAME, kind: str = "POINT") -> Dataset:
    return item(
        "SCOORD3D", "111030", GraphicType=kind, GraphicData=list(numbers), ReferencedFrameOfReferenceUID=frame
    )


def on_image(*numbers: float, image: str = IMAGE, kind: str = "POINT") -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = pydicom.uid.DigitalXRayImageStorageForPresentation
    reference.ReferencedSOPInstanceUID = image
    source = item("IMAGE", "121324", relation="SELECTED FROM", ReferencedSOPSequence=[reference])
    return item("SCOORD", "111030", [source], GraphicType=kind, GraphicData=list(numbers))


def group(name: str, *children: Dataset, finding: str = "", site: str = "") -> Dataset:
    inside = [item("TEXT", "112039", relation="HAS OBS CONTEXT", TextValue=name)] if name else []
    if finding:
        inside.append(item("CODE", "121071", ConceptCodeSequence=[coded("1", "99X", finding)]))
    if site:
        inside.append(item("CODE", "363698007", ConceptCodeSequence=[coded("1", "SCT", site)]))
    return item("CONTAINER", "125007", [*inside, *children])


def report(folder: Path, *groups: Dataset, name: str = "report.dcm", kind: str = "34") -> Path:
    data = item("CONTAINER", "126000", [item("CONTAINER", "126010", groups)])
    data.SOPClassUID, data.SOPInstanceUID = f"1.2.840.10008.5.1.4.1.1.88.{kind}", "1.2.3.9"
    data.Modality = "SR"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = (
        data.SOPClassUID,
        "1.2.3.9",
    )
    data.save_as(folder / name, enforce_file_format=True)
    return folder / name


def test_points_in_space_are_mirrored_into_ras(tmp_path):
    path = report(tmp_path, group("chin", in_space(1.0, 2.0, 3.0)), group("neck", in_space(-4.0, 5.0, -6.0)))
    landmarks = read_landmarks(path)
    assert landmarks.positions.tolist() == [[-1, -2, 3], [4, -5, -6]]
    assert {mark.status for mark in landmarks} == {Status.DETECTED}
    assert not counts_pixels(path)


@pytest.mark.parametrize("name", ["report.dcm", "report", "IM0001"])
@pytest.mark.parametrize("kind", ["22", "33", "34", "35"])
def test_the_kind_of_report_and_its_name_do_not_matter(tmp_path, name, kind):
    path = report(tmp_path, group("chin", in_space(1.0, 2.0, 3.0)), name=name, kind=kind)
    assert read_landmarks(path).names == ("chin",)


@settings(max_examples=25)
@given(
    index=st.tuples(st.floats(-0.5, 30.4), st.floats(-0.5, 23.4)),
    sides=st.tuples(st.floats(0.05, 3), st.floats(0.05, 3)),
)
def test_the_centre_of_the_first_pixel_is_half_a_pixel_from_its_corner(tmp_path_factory, index, sides):
    folder = tmp_path_factory.mktemp("sr")
    volume = Volume(np.zeros((1, 24, 31), np.int16), np.diag([-sides[0], -sides[1], 1.0, 1.0]))
    path = report(folder, group("chin", on_image(index[0] + 0.5, index[1] + 0.5)))
    found = read_pixel_landmarks(path, volume)["chin"].position
    assert found == pytest.approx([-index[0] * sides[0], -index[1] * sides[1], 0], abs=1e-4)
    assert counts_pixels(path)


def test_points_that_ohif_drew_are_called_by_their_labels(tmp_path):
    tool = "Cornerstone3DTools@^0.1.0:Probe"

    def drawn(label: str, *at: float) -> Dataset:
        return group(tool, item("NUM", "111010", [in_space(*at)]), finding=label)

    two = read_landmarks(report(tmp_path, drawn("chin", 1, 2, 3), drawn("neck", 4, 5, 6)))
    assert two.names == ("chin", "neck")
    assert read_landmarks(report(tmp_path, drawn("chin", 1, 2, 3), name="b.dcm")).names == ("chin",)


def test_the_site_names_points_that_nothing_else_tells_apart(tmp_path):
    path = report(
        tmp_path,
        group("point", in_space(1, 2, 3), finding="Anatomical point", site="Chin"),
        group("point", in_space(4, 5, 6), finding="Anatomical point", site="Neck"),
    )
    assert read_landmarks(path).names == ("Chin", "Neck")


def test_two_points_of_one_name_are_refused(tmp_path):
    path = report(tmp_path, group("chin", in_space(1, 2, 3)), group("chin", in_space(4, 5, 6)))
    with pytest.raises(InputError, match="two points are named 'chin'"):
        read_landmarks(path)


def test_lines_and_numbers_are_no_landmarks(tmp_path):
    line = group("length", item("NUM", "410668003", [in_space(1, 2, 3, 4, 5, 6, kind="POLYLINE")]))
    path = report(tmp_path, line, group("chin", in_space(1, 2, 3)), group("a number", item("NUM", "121206")))
    assert read_landmarks(path).names == ("chin",)
    with pytest.raises(InputError, match=r"holds no points .* only POLYLINE"):
        read_landmarks(report(tmp_path, line, name="line.dcm"))


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (
            [group("a", in_space(1, 2, 3)), group("b", in_space(1, 2, 3, frame="1.2"))],
            "several frames of reference",
        ),
        ([group("a", on_image(1, 2)), group("b", on_image(1, 2, image="1.2"))], "lie on several images"),
        ([group("a", on_image(1, 2)), group("b", in_space(1, 2, 3))], "some on an image"),
        ([group("a", in_space(1, 2))], "is not 3 numbers"),
        ([group("a", on_image(1, 2, 3))], "is not 2 numbers"),
        ([group("a", in_space(1, 2, float("nan")))], "is not finite"),
        ([group("a", in_space(1, 2, 1e9))], "km away"),
        ([], "holds no points"),
    ],
)
def test_what_cannot_be_landmarks_is_said_in_a_sentence(tmp_path, groups, words):
    path = report(tmp_path, *groups)
    with pytest.raises(InputError, match=words) as caught:
        read_landmarks(path)
    assert str(path) in str(caught.value) and str(caught.value).count(".dcm") == 1


def test_images_and_other_files_are_no_reports(tmp_path):
    image = radiograph(tmp_path)
    assert not is_sr(image)
    with pytest.raises(InputError, match="give the report, not an image"):
        read_landmarks(image)
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(InputError, match="no DICOM"):
        read_landmarks(tmp_path / "text.dcm")
    with pytest.raises(InputError, match="does not exist"):
        read_landmarks(tmp_path / "gone.dcm")


@pytest.mark.parametrize("undefined", [False, True])
def test_a_report_that_was_cut_short_is_refused(tmp_path, undefined):
    path = report(tmp_path, group("chin", in_space(1, 2, 3)), group("neck", in_space(4, 5, 6)))
    data = pydicom.dcmread(path)
    data["ContentSequence"].is_undefined_length = undefined
    data.save_as(path)
    assert len(read_landmarks(path)) == 2
    whole = path.read_bytes()
    for length in range(0, len(whole), 23):
        (tmp_path / "cut.dcm").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.dcm"):
            read_landmarks(tmp_path / "cut.dcm")


def test_a_report_is_of_one_image(tmp_path):
    image, series = radiograph(tmp_path), oblique_ct(tmp_path)
    uid = pydicom.dcmread(image).SOPInstanceUID
    frame = pydicom.dcmread(files_of(series)[0]).FrameOfReferenceUID
    ours = report(tmp_path, group("chin", on_image(1, 2, image=uid)))
    require_made_on(ours, image)
    require_made_on(report(tmp_path, group("chin", in_space(1, 2, 3, frame=frame)), name="space.dcm"), series)
    with pytest.raises(InputError, match="on another image"):
        require_made_on(report(tmp_path, group("chin", on_image(1, 2)), name="other.dcm"), image)
    with pytest.raises(InputError, match="in another frame of reference"):
        require_made_on(report(tmp_path, group("chin", in_space(1, 2, 3)), name="elsewhere.dcm"), series)
    (tmp_path / "image.png").write_bytes(b"of no DICOM, which cannot tell")
    require_made_on(ours, tmp_path / "image.png")


def test_reports_of_a_folder_are_landmark_files_and_images_are_not(tmp_path):
    radiograph(tmp_path).rename(tmp_path / "image.dcm")
    path = report(tmp_path, group("chin", in_space(1, 2, 3)), name="case.dcm")
    assert case_files([tmp_path]) == [path]
    assert read_found(path).name == "case"
