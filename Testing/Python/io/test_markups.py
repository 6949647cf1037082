"""Landmarks keep their place, name and status through every file; foreign files are read, broken refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.markups import describe, parse_description, read_landmarks, write_landmarks

NAN = np.full(3, np.nan)
SAMPLE = LandmarkSet(
    (
        Landmark("knee_left", [-10.5, 20.25, 1e-7], Status.DETECTED, 0.93, description="centre, of the knee"),
        Landmark("chin", NAN, Status.ABSENT, 0.02, description='the "lowest" point'),
        Landmark("head_top", [1.0, -2.0, 3.0], Status.CORRECTED, description="vertex"),
        Landmark("wrist_right", [1234.5678901234, 0.0, -1.0], Status.UNCERTAIN, 0.4),
    ),
    name="whole body",
)


# --- the objects ---


def test_a_set_finds_landmarks_by_name_and_keeps_their_order():
    assert SAMPLE["head_top"].position.tolist() == [1, -2, 3]
    assert SAMPLE.names == ("knee_left", "chin", "head_top", "wrist_right")
    assert "chin" in SAMPLE
    assert "nose" not in SAMPLE
    assert [landmark.name for landmark in SAMPLE] == list(SAMPLE.names)
    assert len(SAMPLE) == 4
    with pytest.raises(KeyError):
        SAMPLE["nose"]


def test_positions_have_a_row_per_landmark_and_nan_for_absent_ones():
    assert SAMPLE.positions.shape == (4, 3)
    assert np.isnan(SAMPLE.positions[1]).all()
    assert SAMPLE.present.names == ("knee_left", "head_top", "wrist_right")
    assert LandmarkSet(()).positions.shape == (0, 3)


def test_exchanging_a_landmark_keeps_its_place_in_the_order():
    moved = SAMPLE.with_landmark(Landmark("chin", [0, 0, 0], Status.CORRECTED))
    assert moved.names == SAMPLE.names
    assert moved["chin"].status is Status.CORRECTED
    assert SAMPLE["chin"].status is Status.ABSENT
    with pytest.raises(KeyError):
        SAMPLE.with_landmark(Landmark("nose", [0, 0, 0]))


def test_a_landmark_cannot_be_changed_in_place():
    position = np.zeros(3)
    landmark = Landmark("chin", position)
    position[0] = 5
    assert landmark.position[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        landmark.position[0] = 5


def test_an_absent_landmark_has_no_position():
    assert np.isnan(Landmark("chin", [1, 2, 3], Status.ABSENT).position).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "x", "position": [1, 2]}, "shape"),
        ({"name": "x", "position": [1, 2, np.inf]}, "not finite"),
        ({"name": "x", "position": NAN}, "not finite"),
        ({"name": "", "position": [1, 2, 3]}, "needs a name"),
        ({"name": "x", "position": [1, 2, 3], "confidence": 1.5}, "expected 0 to 1"),
        ({"name": "x", "position": [1, 2, 3], "confidence": np.nan}, "expected 0 to 1"),
        ({"name": "x", "position": [1, 2, 3], "covariance": np.eye(2)}, "covariance"),
        ({"name": "x", "position": [1, 2, 3], "status": "lost"}, "lost"),
    ],
)
def test_an_impossible_landmark_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Landmark(**arguments)


def test_a_name_occurs_once_in_a_set():
    with pytest.raises(ValueError, match="two landmarks are named 'chin'"):
        LandmarkSet((Landmark("chin", [0, 0, 0]), Landmark("chin", [1, 0, 0])))


# --- round trips ---

_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=20
)
_numbers = st.floats(-1e5, 1e5, allow_nan=False)


@st.composite
def _landmarks(draw):
    status = draw(st.sampled_from(Status))
    return Landmark(
        name=draw(_texts),
        position=NAN if status is Status.ABSENT else draw(st.tuples(_numbers, _numbers, _numbers)),
        status=status,
        confidence=draw(st.none() | st.integers(0, 100).map(lambda percent: percent / 100)),
        description=draw(st.just("") | _texts),
    )


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv"])
@given(landmarks=st.lists(_landmarks(), max_size=6, unique_by=lambda landmark: landmark.name))
def test_every_landmark_comes_back_from_every_kind_of_file(tmp_path_factory, suffix, landmarks):
    path = tmp_path_factory.mktemp("round") / f"x{suffix}"
    write_landmarks(LandmarkSet(tuple(landmarks)), path)
    back = read_landmarks(path)
    assert back.names == tuple(landmark.name for landmark in landmarks)
    for landmark, other in zip(landmarks, back, strict=True):
        np.testing.assert_array_equal(landmark.position, other.position)
        assert other.status is landmark.status
        assert other.confidence == landmark.confidence
        if suffix != ".csv":  # the table is for numbers
            assert other.description == landmark.description


def test_upper_case_suffixes_are_understood(tmp_path):
    write_landmarks(SAMPLE, tmp_path / "X.MRK.JSON")
    assert read_landmarks(tmp_path / "X.MRK.JSON").name == "whole body"


@pytest.mark.parametrize(
    ("landmark", "text"),
    [
        (SAMPLE["knee_left"], "centre, of the knee | confidence 0.93 | detected"),
        (SAMPLE["head_top"], "vertex | corrected"),
        (SAMPLE["wrist_right"], "confidence 0.40 | uncertain"),
    ],
)
def test_the_description_reads_as_definition_confidence_and_status(landmark, text):
    assert describe(landmark) == text
    assert parse_description(text) == (landmark.description, landmark.confidence, landmark.status)


@pytest.mark.parametrize("text", ["", "AC", "a | b", "seen | confidence 0.9", "detected by me"])
def test_a_foreign_description_stays_as_it_is(text):
    assert parse_description(text) == (text, None, None)


# --- what is in the files ---


def test_markups_are_lps_and_absent_points_have_no_position(tmp_path):
    write_landmarks(SAMPLE, tmp_path / "x.mrk.json")
    markup = json.loads((tmp_path / "x.mrk.json").read_text())["markups"][0]
    knee, chin = markup["controlPoints"][:2]
    assert markup["coordinateSystem"] == "LPS"
    assert knee["position"] == [10.5, -20.25, 1e-7]
    assert knee["positionStatus"] == "defined"
    assert "position" not in chin
    assert chin["positionStatus"] == "undefined"


def test_markups_have_the_types_that_the_slicer_schema_demands(tmp_path):
    write_landmarks(SAMPLE, tmp_path / "x.mrk.json")
    document = json.loads((tmp_path / "x.mrk.json").read_text())
    assert re.fullmatch(r"https://.+/markups-schema-v1\.0\.3\.json#", document["@schema"])
    for markup in document["markups"]:
        assert markup["type"] == "Fiducial"
        assert markup["coordinateUnits"] == "mm"
        assert isinstance(markup["name"], str)
        for point in markup["controlPoints"]:
            assert all(isinstance(point[key], str) for key in ("id", "label", "description"))
            assert all(isinstance(point[key], bool) for key in ("selected", "locked", "visibility"))
            assert point["positionStatus"] in ("undefined", "preview", "defined")
            if "position" in point:
                assert len(point["position"]) == 3
                assert all(isinstance(value, float) for value in point["position"])


def test_the_table_has_one_plain_line_per_landmark_in_ras(tmp_path):
    write_landmarks(SAMPLE, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines()[:3] == [
        "name,x,y,z,confidence,status",
        "knee_left,-10.5,20.25,1e-07,0.93,detected",
        "chin,,,,0.02,absent",
    ]


def test_line_ends_in_a_text_do_not_break_the_fcsv_file(tmp_path):
    landmarks = LandmarkSet((Landmark("a\nb", [1, 2, 3], description="two\nlines"), Landmark("c", [4, 5, 6])))
    write_landmarks(landmarks, tmp_path / "x.fcsv")
    back = read_landmarks(tmp_path / "x.fcsv")
    assert back.names == ("a b", "c")
    assert back["a b"].description == "two lines"


def test_an_unknown_suffix_is_not_written(tmp_path):
    with pytest.raises(OutputError, match=r"use \.mrk\.json, \.fcsv, \.csv\."):
        write_landmarks(SAMPLE, tmp_path / "x.txt")
    assert not list(tmp_path.iterdir())


# --- real files ---


def test_the_real_whole_body_markups_are_read_in_ras(real_data):
    landmarks = read_landmarks(real_data / "whole_body" / "female_landmarks.mrk.json")
    assert len(landmarks) == 9
    np.testing.assert_allclose(landmarks["head_top"].position, [-1.74, 40.96, 781.9])
    # In RAS the first coordinate grows to the patient's right.
    assert landmarks["shoulder_right"].position[0] > 0 > landmarks["shoulder_left"].position[0]


@pytest.mark.parametrize("name", ["MNI152NLin2009cAsym_afids.fcsv", "MNI152NLin2009cAsym_afids_rater01.fcsv"])
def test_the_real_afids_of_slicer_4_are_read_in_ras(real_data, name):
    landmarks = read_landmarks(real_data / "head" / name)
    assert len(landmarks) == 32
    assert landmarks["1"].description == "AC"
    np.testing.assert_allclose(landmarks["1"].position, [0, 3, -4.5], atol=1)


# --- foreign files ---


def _markups(tmp_path, *points, **markup):
    path = tmp_path / "x.mrk.json"
    path.write_text(json.dumps({"markups": [{"type": "Fiducial", "controlPoints": list(points), **markup}]}))
    return path


def test_markups_without_optional_fields_are_lps_mm(tmp_path):
    landmarks = read_landmarks(
        _markups(tmp_path, {"label": "a", "position": [1, 2, 3]}, {"position": [0, 0, 0]})
    )
    assert landmarks["a"].position.tolist() == [-1, -2, 3]
    assert landmarks["a"].status is Status.DETECTED
    assert landmarks["a"].confidence is None
    assert landmarks.names == ("a", "point_2")


def test_markups_may_be_ras_or_micrometres(tmp_path):
    point = {"label": "a", "position": [1, 2, 3]}
    assert read_landmarks(_markups(tmp_path, point, coordinateSystem="RAS"))["a"].position.tolist() == [
        1,
        2,
        3,
    ]
    path = _markups(tmp_path, point, coordinateUnits=["um", "UCUM", "micrometer"])
    np.testing.assert_allclose(read_landmarks(path)["a"].position, [-0.001, -0.002, 0.003])


@pytest.mark.parametrize(
    "point",
    [
        {"position": "", "positionStatus": "undefined"},
        {"positionStatus": "undefined"},
        {"position": [0, 0, 0], "positionStatus": "undefined"},  # a template of points to be placed
        {"position": [0.0, 0.0, 0.0], "positionStatus": "preview"},
        {"position": None},
        {"position": [float("nan")] * 3},
    ],
)
@pytest.mark.parametrize(
    ("description", "status"),
    [("d", Status.ABSENT), ("d | absent", Status.ABSENT), ("d | detected", Status.MISSING)],
)
def test_points_without_a_position_are_absent_or_were_unset_by_a_person(tmp_path, point, description, status):
    landmarks = read_landmarks(_markups(tmp_path, {"label": "a", "description": description, **point}))
    assert landmarks["a"].status is status
    assert landmarks["a"].description == "d"


@pytest.mark.parametrize("word", ["preview", "undefined", "edit", "Defined", "", None, 1])
@pytest.mark.parametrize(
    ("description", "status"),
    [
        ("", Status.DETECTED),
        ("d | confidence 0.90 | detected", Status.DETECTED),
        ("absent", Status.CORRECTED),
    ],
)
def test_a_position_is_a_position_whatever_word_stands_beside_it(tmp_path, word, description, status):
    point = {"label": "knee", "position": [1, 2, 3], "positionStatus": word, "description": description}
    knee = read_landmarks(_markups(tmp_path, point))["knee"]
    assert knee.position.tolist() == [-1, -2, 3]
    assert knee.status is status


@pytest.mark.parametrize("position", ["", None, [], [0, 0, 0], [float("nan")] * 3])
@pytest.mark.parametrize(
    ("description", "status"),
    [
        ("", Status.MISSING),
        ("outer table", Status.MISSING),
        ("d | absent", Status.ABSENT),
        ("d | missing", Status.MISSING),
    ],
)
def test_missing_is_a_persons_word_unless_our_own_description_says_that_a_model_said_it(
    tmp_path, position, description, status
):
    point = {"label": "a", "position": position, "positionStatus": "missing", "description": description}
    assert read_landmarks(_markups(tmp_path, point))["a"].status is status


def test_a_point_that_a_person_placed_on_an_absent_landmark_counts_as_corrected(tmp_path):
    point = {"label": "a", "description": "chin | confidence 0.10 | absent", "position": [1, 2, 3]}
    landmark = read_landmarks(_markups(tmp_path, point))["a"]
    assert landmark.status is Status.CORRECTED
    assert landmark.confidence is None
    assert landmark.description == "chin"


def test_several_point_lists_are_joined_and_lines_left_out(tmp_path):
    markups = [
        {"type": "Line", "controlPoints": [{"label": "L-1", "position": [0, 0, 0]}]},
        {"type": "Fiducial", "name": "first", "controlPoints": [{"label": "a", "position": [0, 0, 0]}]},
        {
            "type": "Fiducial",
            "coordinateSystem": "RAS",
            "controlPoints": [{"label": "b", "position": [1, 1, 1]}],
        },
    ]
    (tmp_path / "x.mrk.json").write_text(json.dumps({"markups": markups}))
    landmarks = read_landmarks(tmp_path / "x.mrk.json")
    assert landmarks.names == ("a", "b")
    assert landmarks.name == "first"
    assert landmarks["b"].position.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("system", "expected"), [("0", [1, 2, 3]), ("RAS", [1, 2, 3]), ("1", [-1, -2, 3]), ("LPS", [-1, -2, 3])]
)
def test_fcsv_names_its_coordinate_system_by_word_or_number(tmp_path, system, expected):
    (tmp_path / "x.fcsv").write_text(
        f"# Markups fiducial file version = 4.11\r\n# CoordinateSystem = {system}\r\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\r\n"
        '1,1,2,3,0,0,0,1,1,1,0,"a, ""b""",c,\r\n\r\n'
    )
    landmarks = read_landmarks(tmp_path / "x.fcsv")
    assert landmarks['a, "b"'].position.tolist() == expected


def test_the_position_status_that_slicer_5_appends_to_fcsv_rows_is_understood(tmp_path):
    (tmp_path / "x.fcsv").write_text(
        "# Markups fiducial file version = 5.6\n# CoordinateSystem = LPS\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "1,1,2,3,0,0,0,1,1,1,0,here,,,2,0\n2,1,2,3,0,0,0,1,1,1,0,missing,,,3,0\n"
    )
    landmarks = read_landmarks(tmp_path / "x.fcsv")
    assert landmarks["here"].status is Status.DETECTED
    assert landmarks["missing"].status is Status.MISSING


_HEAD = "# Markups fiducial file version = 5.6\n# CoordinateSystem = LPS\n"
_COLUMNS = "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"


def _fcsv(tmp_path, text):
    (tmp_path / "x.fcsv").write_text(text)
    return read_landmarks(tmp_path / "x.fcsv")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", Status.DETECTED),
        ("2", Status.DETECTED),
        ("1", Status.DETECTED),  # preview
        ("preview", Status.DETECTED),
        ("edit", Status.DETECTED),
        ("3", Status.MISSING),
        ("0", Status.ABSENT),  # Slicer writes where the point was
    ],
)
def test_of_fcsv_rows_only_those_that_slicer_has_unset_have_no_position(tmp_path, code, status):
    point = _fcsv(tmp_path, f"{_HEAD}{_COLUMNS}1,1,2,3,0,0,0,1,1,1,0,a,text,,{code},0\n")["a"]
    assert point.status is status
    assert not point.is_present or point.position.tolist() == [-1, -2, 3]


def test_a_previewed_template_of_zeros_in_fcsv_has_no_positions(tmp_path):
    assert not _fcsv(tmp_path, f"{_HEAD}{_COLUMNS}1,0,0,0,0,0,0,1,1,1,0,a,,,1,0\n")["a"].is_present


@pytest.mark.parametrize("frame", ["0,0,0,1", "0,0,0,0", "0.0,0.6,0.8,0.0"])
@pytest.mark.parametrize("tail", ["", ",vtkMRMLScalarVolumeNode1", ",,2,0", ",vtk,2,0", ",,2", ",vtk,1,0"])
def test_commas_without_quotation_marks_stay_in_an_fcsv_description(tmp_path, frame, tail):
    text = f"{_HEAD}{_COLUMNS}1,1,2,3,{frame},1,1,0,AC,anterior, commissure, left{tail or ','}\n"
    point = _fcsv(tmp_path, text)["AC"]
    assert point.description == "anterior, commissure, left"
    assert point.position.tolist() == [-1, -2, 3]


def test_our_own_description_with_unquoted_commas_keeps_its_status(tmp_path):
    row = "1,1,2,3,0,0,0,1,1,1,0,knee,centre, of the knee | confidence 0.93 | uncertain,,2,0\n"
    knee = _fcsv(tmp_path, _HEAD + _COLUMNS + row)["knee"]
    assert (knee.description, knee.confidence, knee.status) == ("centre, of the knee", 0.93, Status.UNCERTAIN)


def test_a_description_that_a_line_end_broke_is_one_again(tmp_path):
    rows = "1,1,2,3,0,0,0,1,1,1,0,a,two\nlines,,2,0\n2,4,5,6,0,0,0,1,1,1,0,b\n3,7,8,9,0,0,0,1,1,1,0,c\n"
    points = _fcsv(tmp_path, _HEAD + _COLUMNS + rows)
    assert points.names == ("a", "b", "c")
    assert points["a"].description == "two lines"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("# Markups fiducial file version = 4.11\n", [-1, -2, 3]),
        ("# Markups fiducial file version = slicer-core-5.13\n# CoordinateSystem = RAS\n", [1, 2, 3]),
        ("# Markups fiducial file version = 4.6\n# CoordinateSystem = 0\n", [1, 2, 3]),
        ('"# Markups fiducial file version = 4.11",,,\n"# CoordinateSystem = LPS",,,\n', [-1, -2, 3]),
        ("", [1, 2, 3]),
    ],
)
def test_a_markups_file_is_lps_unless_it_says_otherwise(tmp_path, head, expected):
    points = _fcsv(tmp_path, f"{head}{_COLUMNS}1,1,2,3,0,0,0,1,1,1,0,a,,\n")
    assert points["a"].position.tolist() == expected


def test_a_list_of_slicer_3_names_its_points_first_and_is_ras(tmp_path):
    assert _fcsv(tmp_path, "F,10,20,30,1,1\n")["F"].position.tolist() == [10, 20, 30]
    head = "# Fiducial List file x.fcsv\n# version = 3\n# name = F\n# columns = label,x,y,z,sel,vis\n"
    assert _fcsv(tmp_path, head + "F-1,1,2,3,1,1\n")["F-1"].position.tolist() == [1, 2, 3]


def test_a_table_that_slicer_exported_is_read(tmp_path):
    (tmp_path / "x.csv").write_text(
        "label,l,p,s,defined,selected,visible,locked,description\na,1,2,3,1,1,1,0,text\nb,0,0,0,0,1,1,0,\n"
    )
    landmarks = read_landmarks(tmp_path / "x.csv")
    assert landmarks["a"].position.tolist() == [-1, -2, 3]
    assert landmarks["a"].description == "text"
    assert landmarks["b"].status is Status.ABSENT


def test_a_table_from_a_spreadsheet_may_have_a_byte_order_mark_semicolons_and_few_columns(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfName;X;Y;Z\r\na;1;2;3\r\n;4;5;6\r\n;;;\r\n")
    assert read_landmarks(tmp_path / "x.csv").names == ("a", "point_2")


@pytest.mark.parametrize("word", ["1", "1.0", "TRUE", "True", "yes", "Y", "WAHR", "", "defined"])
def test_any_word_for_yes_says_that_a_row_is_defined(tmp_path, word):
    (tmp_path / "x.csv").write_text(f"label,l,p,s,defined\nknee,1,2,3,{word}\n")
    assert read_landmarks(tmp_path / "x.csv")["knee"].position.tolist() == [-1, -2, 3]


@pytest.mark.parametrize("word", ["0", "0.0", "FALSE", "no", "n", "FALSCH"])
def test_any_word_for_no_says_that_a_row_is_not_defined(tmp_path, word):
    (tmp_path / "x.csv").write_text(f"label,l,p,s,defined\nknee,1,2,3,{word}\n")
    assert read_landmarks(tmp_path / "x.csv")["knee"].status is Status.ABSENT


def test_empty_cells_at_the_end_of_rows_and_a_line_for_excel_are_no_trouble(tmp_path):
    (tmp_path / "x.csv").write_text("sep=;\nname;x;y;z\nknee;1.5;2.5;3.5;;\n;;;;\n")
    assert read_landmarks(tmp_path / "x.csv")["knee"].position.tolist() == [1.5, 2.5, 3.5]


@pytest.mark.parametrize("name", ["=1+1", "+49 30 1", "-x", "@SUM(A1)", "'=1", "''@", "\uff1dx"])
def test_a_name_that_looks_like_a_formula_is_guarded_in_the_table_and_comes_back(tmp_path, name):
    write_landmarks(LandmarkSet((Landmark(name, [1, 2, 3]),)), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines()[1].lstrip('"').startswith("'")
    assert read_landmarks(tmp_path / "x.csv").names == (name,)


# --- broken files ---

_FCSV = "# Markups fiducial file version = 4.6\n"
BROKEN = {
    "missing.csv": (None, "no such file"),
    "x.txt": ("a", "unknown kind of file"),
    "empty.mrk.json": ("", "not valid JSON"),
    "cut.mrk.json": ('{"markups": [{"type": "Fiducial", "controlPo', "not valid JSON"),
    "list.mrk.json": ("[]", "no object"),
    "deep.mrk.json": ("[" * 100_000, "JSON"),
    "other.mrk.json": ('{"a": 1}', "no entry 'markups'"),
    "kind.mrk.json": ('{"markups": 5}', "not a list of markups"),
    "none.mrk.json": ('{"markups": []}', "no point list"),
    "curve.mrk.json": ('{"markups": [{"type": "Curve", "controlPoints": []}]}', "no point list, only Curve"),
    "points.mrk.json": ('{"markups": [{"type": "Fiducial", "controlPoints": [5]}]}', "not a list of points"),
    "short.mrk.json": (
        '{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "a", "position": [1, 2]}]}]}',
        "position of point 'a' is not three numbers",
    ),
    "words.mrk.json": (
        '{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "a", "position": ["x", 2, 3]}]}]}',
        "position of point 'a' is not three numbers",
    ),
    "infinite.mrk.json": (
        '{"markups": [{"type": "Fiducial", "controlPoints": [{"position": [1, 2, Infinity]}]}]}',
        "not finite",
    ),
    "twice.mrk.json": (
        '{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "a"}, {"label": "a"}]}]}',
        "two points are named 'a'",
    ),
    "ijk.mrk.json": (
        '{"markups": [{"type": "Fiducial", "coordinateSystem": "IJK"}]}',
        "coordinate system is 'IJK'",
    ),
    "inch.mrk.json": ('{"markups": [{"type": "Fiducial", "coordinateUnits": "in"}]}', "units are 'in'"),
    "picture.fcsv": (b"\x89PNG\r\n\x1a\n\xff\xfe", "not UTF-8 text"),
    "empty.fcsv": ("", "it is empty"),
    "prose.fcsv": ("Dear colleague,\nhere are the points.\n", "point 1 has no position"),
    "ijk.fcsv": (_FCSV + "# CoordinateSystem = IJK\n", "coordinate system"),
    "columns.fcsv": (_FCSV + "# columns = a,b\n1,2\n", "columns lack 'x'"),
    "word.fcsv": (_FCSV + "1,one,2,3,0,0,0,1,1,1,0,a,,\n", "position of point 'a' is not three numbers"),
    "short.fcsv": (_FCSV + "1\n", "point 1 has no position"),
    "empty.csv": ("\n\n", "it is empty"),
    "header.csv": ("a,1,2,3\n", "does not name the columns name,x,y,z"),
    "word.csv": ("name,x,y,z\na,1,2,three\n", "position of point 'a' is not three numbers"),
    "half.csv": ("name,x,y,z\na,1,2,\n", "position of point 'a' is not three numbers"),
    "status.csv": ("name,x,y,z,confidence,status\na,1,2,3,,lost\n", "confidence or status of 'a'"),
    "missing.mrk.json": (
        '{"markups": [{"type": "Fiducial", "controlPoints": '
        '[{"label": "a", "position": [1, 2, 3], "positionStatus": "missing"}]}]}',
        "'a' is called missing and has a position",
    ),
    "far.mrk.json": (
        '{"markups": [{"type": "Fiducial", "controlPoints": [{"label": "a", "position": [1, 2, 1e15]}]}]}',
        "more than 1 km away",
    ),
    "far.csv": ("name,x,y,z\na,1,2,-1e15\n", "more than 1 km away"),
    "record.json": (
        '{"landmarks": [{"name": "a", "position": [1, 2, 3], "covariance": [[NaN, 0], [0, 1]]}]}',
        "covariance is not finite",
    ),
    "predicted.json": (
        '{"landmarks": [{"name": "a", "position": [1, 2, 3], "predicted": [1, 2, 1e99]}]}',
        "predicted is more than 1 km away",
    ),
    "decimal.fcsv": (
        _FCSV + "1,1,5,2,5,3,5,0,0,0,1,1,1,0,a,b,vtk\n",
        "point 1 has 17 cells for 14 columns; write decimal points",
    ),
    "slicer3.fcsv": ("# columns = label,x,y,z,sel,vis\nF,1,5,2,5,3,5,1,1\n", "write decimal points"),
    "comma.csv": (
        "name,x,y,z\nknee,1,5,2,5,3,5\n",
        "row 2 (knee) has 7 cells, and the first row 4; a number with a decimal comma",
    ),
    "semicolons.csv": ("name;x;y;z\nknee;1,5;2,5;3,5\n", "'1,5' has a decimal comma"),
    "tabs.csv": ("name\tx\ty\tz\nknee\t1\t2\t1.203,5\n", "'1.203,5' has a decimal comma"),
    "quoted.csv": ('name,x,y,z\nknee,"1,5",2,3\n', "'1,5' has a decimal comma"),
    "open.csv": ('name,x,y,z\n"knee,1,2,3\nhip,4,5,6\n', "a quotation mark in it is opened and never closed"),
    "twice.csv": ("name,x,y,z,x\nknee,1,2,3,4\n", "names the column 'x' twice"),
    "defined.csv": (
        "name,x,y,z,defined\nknee,1,2,3,perhaps\n",
        "whether 'knee' is defined is told by 'perhaps'",
    ),
    "confidence.csv": ("name,x,y,z,confidence,status\na,1,2,3,7,\n", "confidence or status of 'a'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_one_sentence_that_names_it(tmp_path, name):
    content, message = BROKEN[name]
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as refusal:
        read_landmarks(tmp_path / name)
    sentence = str(refusal.value)
    assert message in sentence
    assert str(tmp_path / name) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_folder_is_no_landmark_file(tmp_path):
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        read_landmarks(tmp_path / "x.csv")


def test_a_huge_file_is_refused_before_it_fills_the_memory(tmp_path):
    with (tmp_path / "x.csv").open("wb") as stream:
        stream.truncate(10**9)  # sparse
    with pytest.raises(InputError, match="more than 20 MB"):
        read_landmarks(Path(tmp_path / "x.csv"))
