"""Changes between visits: tests keep their level, intervals hold the truth, gaps say why."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.alignment.compare import Comparison, compare
from LandmarkDetectionLib.alignment.displacement import Visit
from LandmarkDetectionLib.alignment.visits import follow, years_of
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import write_dicom
from LandmarkDetectionLib.measurement import Frame
from Testing.examples.measurement_cases import FACE, in_picture, in_space, protocol_of

# A base of seven points that does not move, and three that may.
BASE = {
    f"base_{n}": place
    for n, place in enumerate(
        [(60, 0, 0), (-60, 0, 0), (0, 80, 10), (0, -70, 0), (40, 30, 50), (-40, 35, 45), (0, 0, -40)]
    )
}
FREE = {"chin": (0.0, 90.0, -80.0), "jaw_right": (55.0, 10.0, -60.0), "jaw_left": (-55.0, 10.0, -60.0)}
POINTS = {**BASE, **FREE}
PROTOCOL = protocol_of(
    [
        {"kind": "distance", "name": "jaw", "landmarks": ["jaw_right", "jaw_left"]},
        {"kind": "angle", "name": "corner", "landmarks": ["jaw_right", "chin", "jaw_left"]},
        {"kind": "distance", "name": "depth", "landmarks": ["base_3", "chin"]},
        {"kind": "ratio", "name": "shape", "parts": ["jaw", "depth"]},
    ],
    list(POINTS),
)
MOVED = np.array([0.0, 4.0, -3.0])
SD = 1.2


def seen(rng: np.random.Generator, chin: np.ndarray | None = None, turned: bool = False) -> LandmarkSet:
    """The points as they are found at a visit, the patient lying anyhow."""
    points = {name: np.array(place, float) for name, place in POINTS.items()}
    if chin is not None:
        points["chin"] = points["chin"] + chin
    noisy = in_space({name: tuple(place + rng.normal(0, SD, 3)) for name, place in points.items()}, SD)
    if not turned:
        return noisy
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = (
        Rotation.from_rotvec(rng.normal(0, 0.2, 3)).as_matrix(),
        rng.normal(0, 50, 3),
    )
    return noisy.transformed(Affine(matrix))


def visit(landmarks: LandmarkSet, name: str = "first", **more: object) -> Visit:
    return Visit(name, landmarks, Frame.space(), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def simulated() -> list[Comparison]:
    """300 patients whose chin moved by 5 mm and nothing else."""
    rng = np.random.default_rng(8)
    return [
        compare(visit(seen(rng)), visit(seen(rng, MOVED, True), "later"), PROTOCOL, list(BASE))
        for _ in range(300)
    ]


def test_landmarks_that_did_not_move_are_called_moved_in_5_of_100_cases(simulated: list[Comparison]) -> None:
    free = [one for of in simulated for one in of.displacements if one.name in ("jaw_right", "jaw_left")]
    assert 0.03 <= np.mean([one.changed for one in free]) <= 0.07
    held = [one for of in simulated for one in of.displacements if one.held and one.p is not None]
    assert len(held) > 1000 and 0.03 <= np.mean([one.changed for one in held]) <= 0.07


def test_the_interval_of_a_displacement_holds_the_truth(simulated: list[Comparison]) -> None:
    held = []
    for of in simulated:
        for one in of.displacements:
            if one.name in FREE:
                truth = MOVED if one.name == "chin" else np.zeros(3)
                assert one.vector is not None and one.covariance is not None
                held.append(np.abs(one.vector - truth) <= 1.96 * np.sqrt(np.diag(one.covariance)))
    assert 0.93 <= np.mean(held) <= 0.97
    chins = [one for of in simulated for one in of.displacements if one.name == "chin"]
    assert np.mean([one.changed for one in chins]) > 0.5  # so small a change is seldom overlooked


def test_the_interval_of_a_change_holds_the_truth_and_no_change_is_called_one_in_5_of_100_cases(
    simulated: list[Comparison],
) -> None:
    exact = [
        in_space({**POINTS, "chin": tuple(np.add(POINTS["chin"], chin))}, 1e-6)
        for chin in (np.zeros(3), MOVED)
    ]
    truth = {
        one.definition.name: one.value
        for one in compare(visit(exact[0]), visit(exact[1], "later"), PROTOCOL, list(BASE)).changes
    }
    held = {name: [] for name in truth}
    for of in simulated:
        for one in of.changes:
            assert one.spread is not None and truth[one.definition.name] is not None
            held[one.definition.name].append(one.spread.low <= truth[one.definition.name] <= one.spread.high)
    assert 0.93 <= np.mean(list(held.values())) <= 0.97
    assert truth["jaw"] == pytest.approx(0.0, abs=1e-9)
    assert 0.03 <= 1 - np.mean(held["jaw"]) <= 0.07


def test_rates_hold_the_truth_and_a_bend_is_told() -> None:
    rng, held, bent = np.random.default_rng(4), [], []
    for curve in (0.0, 3.0):
        for _ in range(150):
            visits = []
            for number, year in enumerate((8.0, 9.0, 10.5, 12.0)):
                wide = POINTS["jaw_right"][0] + 2.0 * (year - 8) + curve * (year - 8) * (12 - year)
                points = {**POINTS, "jaw_right": (wide, 10.0, -60.0)}
                noisy = {name: tuple(np.add(place, rng.normal(0, SD, 3))) for name, place in points.items()}
                visits.append(visit(in_space(noisy, SD), f"v{number}", years=year))
            rate = {one.name: one for one in _rates(visits)}["jaw"]
            if curve:
                bent.append("the values do not lie on a straight line" in rate.remarks)
            else:
                assert rate.spread is not None
                held.append(rate.spread.low <= 2.0 <= rate.spread.high)
    assert 0.91 <= np.mean(held) <= 0.99 and np.mean(bent) > 0.9


def _rates(visits: list[Visit]) -> tuple:
    from LandmarkDetectionLib.alignment.visits import _rates as rates_of

    return rates_of(visits, [one.years for one in visits], PROTOCOL, None)  # type: ignore[misc]


def test_displacements_are_told_along_a_frame_of_the_patient() -> None:
    lying = Affine(np.diag([-1.0, -1.0, 1.0, 1.0]))
    frame = {
        "name": "head",
        "title": "Head",
        "origin": "base_3",
        "axes": [
            {"axis": "right", "line": ["base_1", "base_0"]},
            {"axis": "anterior", "line": ["base_3", "base_2"]},
        ],
    }
    protocol = protocol_of([], list(POINTS), frames=[frame])
    before = in_space(POINTS, 0.5).transformed(lying)
    after = in_space({**POINTS, "chin": (0.0, 96.0, -80.0)}, 0.5).transformed(lying)
    found = {
        name: {
            one.name: one
            for one in compare(
                visit(before), visit(after, "later"), protocol, list(BASE), axes=name
            ).displacements
        }
        for name in (None, "head")
    }
    assert found[None]["chin"].vector[1] == pytest.approx(-6.0, abs=1e-6)
    along = found["head"]["chin"].vector
    assert along[1] == pytest.approx(6.0, abs=0.1) and found["head"]["chin"].changed
    with pytest.raises(InputError, match="has no frame 'foot'; it has head"):
        compare(visit(before), visit(after, "later"), protocol, axes="foot")


def test_without_stable_landmarks_those_that_moved_are_left_out() -> None:
    rng = np.random.default_rng(0)
    moved = compare(visit(seen(rng)), visit(seen(rng, MOVED * 6, True), "later"), PROTOCOL)
    chin = next(one for one in moved.displacements if one.name == "chin")
    assert chin.changed and not chin.held and chin.distance == pytest.approx(30.0, abs=4.0)
    assert "Left out, because they do not fit the others: chin." in moved.remarks


# --- what cannot be told ---


def test_what_is_wrong_with_visits_is_one_sentence() -> None:
    here = in_space(POINTS, SD)
    first = visit(here)
    with pytest.raises(InputError, match="later has no landmark of the protocol test"):
        compare(first, visit(in_space({"nose": (0, 0, 0)}), "later"), PROTOCOL)
    mirrored = here.transformed(Affine(np.diag([-1.0, 1.0, 1.0, 1.0])))
    lopsided = protocol_of([], [*POINTS, "x"])
    odd = [
        LandmarkSet((*one, Landmark("x", place)))
        for one, place in ((here, [90.0, 20, 30]), (mirrored, [-90.0, 20, 30]))
    ]
    with pytest.raises(InputError, match="cannot be of one patient: one fits the mirror image"):
        compare(visit(odd[0]), visit(odd[1], "later"), lopsided)
    with pytest.raises(InputError, match="first cannot be laid by nose, which is not among the landmarks"):
        compare(first, visit(here, "later"), PROTOCOL, ["nose"])
    with pytest.raises(InputError, match="at least two visits"):
        follow([first], PROTOCOL)
    with pytest.raises(InputError, match="Two visits are called first"):
        follow([first, first], PROTOCOL)
    with pytest.raises(InputError, match="not in order of time"):
        follow([replace(first, years=3.0), visit(here, "later", years=2.0)], PROTOCOL)
    with pytest.raises(InputError, match="Say of all visits"):
        follow([replace(first, years=3.0), visit(here, "later")], PROTOCOL)
    with pytest.raises(InputError, match="neither a date"):
        years_of("yesterday")
    assert years_of("12.5") == (12.5, "age") and years_of("2024-05-31")[1] == "date"


def test_gaps_say_which_visit_lacks_what() -> None:
    here = in_space(POINTS, SD)
    gone = here.with_landmark(Landmark("chin", np.full(3, np.nan), Status.ABSENT))
    found = compare(visit(here), visit(gone, "later"), PROTOCOL, list(BASE))
    gaps = {one.definition.name: one.gap for one in found.changes}
    assert gaps["corner"] == "later: needs chin, which is absent" and gaps["jaw"] == ""
    chin = next(one for one in found.displacements if one.name == "chin")
    assert chin.gap == "needs it at later, which is absent" and chin.vector is None and chin.changed is None


def test_too_few_stable_landmarks_leave_displacements_untold_and_changes_told() -> None:
    here = in_space(POINTS, SD)
    found = compare(visit(here), visit(here, "later"), PROTOCOL, ["base_0", "base_1"])
    assert {one.gap for one in found.displacements} == {
        "cannot be told, as the landmarks to lay the visits by do not do it: they share 2, and 3 are needed"
    }
    assert found.superimposition is None and all(one.value == 0 for one in found.changes)


def test_an_unknown_spread_leaves_open_whether_by_chance() -> None:
    here = in_space(POINTS)
    found = compare(visit(here), visit(here, "later"), PROTOCOL)
    assert {one.changed for one in (*found.changes, *found.displacements)} == {None}
    assert "whether by chance cannot be told" in found.changes[0].remarks[0]
    assumed = compare(visit(here), visit(here, "later"), PROTOCOL, rater_sd=1.0)
    assert {one.changed for one in assumed.changes} == {False}


def test_pictures_without_a_pixel_size_give_angles_and_no_lengths() -> None:
    ceph = load_protocol("cephalometric-19")
    face, unknown = in_picture(FACE, 0.6), Frame.picture(spacing_known=False)
    later = face.transformed(Affine(np.diag([1.4, 1.4, 1.0, 1.0])))
    found = compare(Visit("a", face, unknown), Visit("b", later, unknown), ceph)
    gaps = {one.definition.name: one.gap for one in found.changes}
    assert gaps["MW"] == "needs the pixel size of both pictures"
    assert gaps["SNA"] == "" and {one.gap for one in found.displacements} == {gaps["MW"]}
    known = compare(
        Visit("a", face, Frame.picture()), Visit("b", face, Frame.picture()), ceph, ["sella", "nasion"]
    )
    assert known.axes == ("picture_right", "picture_down") and known.superimposition is not None
    with pytest.raises(InputError, match="One is a picture and the other a volume"):
        compare(Visit("a", face, Frame.picture()), Visit("b", face, Frame.space()), ceph)


# --- the command ---


def test_the_command_writes_tables_and_a_page(tmp_path: Path, cli: Callable) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "p.json").write_text(PROTOCOL.model_dump_json())
    files = [tmp_path / f"v{n}.csv" for n in range(3)]
    for number, file in enumerate(files):
        write_landmarks(seen(rng, MOVED * number, True), file)
    stable = [word for name in BASE for word in ("--stable", name)]
    asked = ("visits", *files, "--protocol", tmp_path / "p.json", *stable, "--rater-sd", SD)
    answer = cli(
        *asked, "--when", "2020-01-01", "--when", "2021-01-01", "--when", "2022-01-01", "-o", tmp_path / "out"
    )
    assert answer.code == 0, answer.err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {"changes.csv", "displacements.csv", "rates.csv"}
    assert names == {"report.html", "visits.md", *tables, "figures", "run.manifest.json"}
    assert {path.name for path in (tmp_path / "out" / "figures").iterdir()} == {"visit-2.png", "visit-3.png"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "For research use only" in page and "would say so by chance alone" in page and "per year" in page
    told = json.loads(cli(*asked, "--json").out)
    last = told["comparisons"][1]["landmarks"]
    assert next(one for one in last if one["name"] == "chin")["changed"] is True
    assert cli(*asked, "--when", "2020-01-01").code == 2
    mixed = cli(*asked, "--when", "2020-01-01", "--when", "5", "--when", "6")
    assert mixed.code == 3 and "dates, or ages" in mixed.err


def test_images_of_other_patients_and_coordinate_systems_are_refused(tmp_path: Path, cli: Callable) -> None:
    (tmp_path / "p.json").write_text(PROTOCOL.model_dump_json())
    images, files = tmp_path / "images", [tmp_path / f"{name}.csv" for name in "ab"]
    images.mkdir()
    for file in files:
        write_landmarks(in_space(POINTS), file)
        write_dicom(Volume(np.zeros((4, 6, 5), np.int16), np.diag([40.0, 40, 60, 1])), images / file.stem)

    def relabel(name: str, patient: str, frame: str) -> None:
        for file in (images / name).iterdir():
            header = pydicom.dcmread(file)
            header.PatientID, header.FrameOfReferenceUID = patient, frame
            header.save_as(file)

    asked = (
        "visits",
        *files,
        "--protocol",
        tmp_path / "p.json",
        "--rater-sd",
        1,
        "--image",
        images,
        "--quiet",
    )
    relabel("a", "secret-1", "1.2.3")
    relabel("b", "secret-2", "1.2.3")
    answer = cli(*asked)
    assert (
        answer.code == 3 and "a and b are of different patients" in answer.err and "secret" not in answer.err
    )
    relabel("b", "secret-1", "1.2.4")
    assert cli(*asked).code == 0
    assert "in different coordinate systems" in cli(*asked, "--as-placed").err
    relabel("b", "secret-1", "")
    assert "do not both say in which coordinate system" in cli(*asked, "--as-placed").err
    relabel("b", "secret-1", "1.2.3")
    assert cli(*asked, "--as-placed").code == 0
