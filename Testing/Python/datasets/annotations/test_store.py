"""Annotations are kept: each in a file of its own, nothing lost, nobody named, held-out cases set aside."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.protocol import protocol_of_names
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.annotations import (
    HELD_OUT,
    TRAIN,
    AnnotationStore,
    read_store,
    summarise_store,
)
from LandmarkDetectionLib.datasets.annotations.foreign import review_of_landmarks
from LandmarkDetectionLib.datasets.annotations.image_content import content_hash
from LandmarkDetectionLib.datasets.annotations.store import _current, _split
from LandmarkDetectionLib.datasets.cases import Case, DatalistError
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.predictions import read_predictions
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.io.volumes import write_volume
from Testing.examples.blob_data import NAMES
from Testing.examples.store_cases import PROTOCOL, blob_cases, corrected, predicted, save_case


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, ...]:
    return blob_cases(tmp_path_factory.mktemp("images"))


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return AnnotationStore(tmp_path / "store")


def test_what_is_learned_from_is_the_record_and_no_text(store, cases):
    """Texts that a person has edited in Slicer's table, or that other programs drop, change no status."""
    case = cases[0]
    review = corrected(case).accept("round").mark_missing("wide")
    saved = store.save(review, case.read_volume(), case.image_files[0], protocol=PROTOCOL)
    file = store.file_of(saved)
    content = json.loads(file.read_text())
    for point, text in zip(
        content["markups"][0]["controlPoints"], ("", "seen | detected", "top"), strict=False
    ):
        point["description"] = text
    file.write_text(json.dumps(content))
    told = {one.name: one.status for one in review.landmarks}
    for landmarks in (read_store(store.path).cases[0].read_landmarks(), read_landmarks(file)):
        assert {one.name: one.status for one in landmarks} == told


def test_a_point_that_was_moved_since_is_what_the_point_says(store, cases):
    """The file alone, opened and moved by another program that keeps what it does not know."""
    case = cases[0]
    saved = store.save(corrected(case), case.read_volume(), case.image_files[0], protocol=PROTOCOL)
    content = json.loads(store.file_of(saved).read_text())
    point = content["markups"][0]["controlPoints"][0]
    point["position"][0] += 5.0
    file = store.path / "moved.mrk.json"
    file.write_text(json.dumps(content))
    before, after = saved.settled, read_landmarks(file)
    assert after[point["label"]].position[0] == pytest.approx(before[point["label"]].position[0] - 5)
    assert all(after[name] == before[name] for name in before.names if name != point["label"])


def test_an_annotation_comes_back_as_it_was_saved(store, cases):
    case = cases[0]
    review = corrected(case).accept("round").mark_missing("wide")
    saved = store.save(
        review,
        case.read_volume(),
        case.image_files[0],
        protocol=PROTOCOL,
        reviewer=" Dr. A ",
        seconds=83.24,
        comment="blurred",
    )
    (read,) = store.current()
    assert read == saved
    assert (read.reviewer, read.seconds, read.comment) == ("Dr. A", 83.2, "blurred")
    assert (read.review.prediction.model, read.review.prediction.model_version) == ("spots", "1.0.0")
    assert read.review.landmarks["tall"].status is Status.CORRECTED
    assert read.review.prediction.landmarks["tall"].covariance is not None
    assert store.image_of(read.image) == case.image_files[0].absolute()


def test_only_what_a_person_settled_is_a_landmark_of_the_data_set(store, cases):
    case = cases[0]
    review = predicted(case).accept("round").mark_missing("wide")
    saved = store.save(review, case.read_volume(), case.image_files[0], protocol=PROTOCOL)
    landmarks = read_landmarks(store.file_of(saved))
    assert landmarks.names == ("round", "wide"), "nobody looked at the third"
    assert landmarks["round"].status is Status.ACCEPTED and landmarks["wide"].status is Status.MISSING


def test_slicer_opens_an_annotation(store, cases):
    slicer = pytest.importorskip("slicer", reason="needs Slicer's classes: pip install slicer-core")
    saved = save_case(store, cases[0])
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    storage = slicer.vtkMRMLMarkupsJsonStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(store.file_of(saved)))
    assert storage.ReadData(node) == 1
    assert [node.GetNthControlPointLabel(n) for n in range(3)] == list(NAMES)


def test_a_store_is_a_data_set_with_a_row_per_image_and_a_rater_per_person(store, cases):
    for case in cases[:3]:
        save_case(store, case, reviewer="A")
    save_case(store, cases[0], reviewer="B")
    save_case(store, cases[1], reviewer="mean")
    data = read_datalist(store.path)
    assert len(data) == 3 and data.landmark_names == NAMES and data.protocol == PROTOCOL
    assert sorted(Counter(rater for case in data for rater in case.raters).items()) == [
        ("A", 3),
        ("B", 1),
        ("mean (reviewer)", 1),
    ]
    assert {case.name for case in data} == {case.name for case in cases[:3]}
    written = read_datalist(store.path / "datalist.json", missing="allow")
    assert [case.image_files for case in written] == [case.image_files for case in data]


def test_a_later_word_of_the_same_person_takes_the_place_of_the_earlier_one(store, cases):
    first = save_case(store, cases[0], reviewer="A")
    other = save_case(store, cases[0], reviewer="B")
    second = save_case(store, cases[0], reviewer="A", comment="again")
    assert second.replaces == (first.id,)
    assert {one.id for one in store.current()} == {second.id, other.id}
    assert len(store.history()) == 3, "nothing is deleted"
    assert second.split == first.split


def test_nothing_in_what_is_passed_on_names_a_patient_a_file_or_a_date(store, cases, tmp_path):
    named = tmp_path / "Mueller^Hans_19500101.nrrd"
    shutil.copy(cases[0].image_files[0], named)
    volume = replace(cases[0].read_volume(), name="Mueller^Hans")
    save = {"protocol": PROTOCOL, "subject": "PID-4711"}
    store.save(corrected(cases[0]), volume, named, **save)
    store.save(corrected(cases[0]), volume, named, copy_image=True, **save, reviewer="B")
    passed_on = [
        file
        for file in store.path.rglob("*")
        if file.is_file() and file.parent.name in ("annotations", "images")
    ]
    assert len(passed_on) == 3
    text = " ".join(file.name + file.read_bytes().decode("latin-1") for file in passed_on)
    # Not any four digits: digests hold all kinds of them.
    assert not re.search(r"Hans|Mueller|PID|-4711|19500101|1950-01-01|20\d\d-\d\d-\d\d", text)
    first, second = store.current()
    assert first.subject == second.subject != "PID-4711", "one pseudonym for one person"


def test_the_pseudonym_of_another_store_is_another(tmp_path, cases):
    words = {
        save_case(AnnotationStore(tmp_path / name), cases[0], subject="PID-4711").subject for name in "ab"
    }
    assert len(words) == 2


def test_the_image_is_copied_only_when_asked_for_and_is_then_enough(store, cases, tmp_path):
    moved = tmp_path / "moved.nrrd"
    shutil.copy(cases[0].image_files[0], moved)
    review = corrected(cases[0])
    store.save(review, cases[0].read_volume(), moved, protocol=PROTOCOL)
    assert not (store.path / "images").exists()
    moved.unlink()
    with pytest.raises(DatalistError, match="there is no file"):
        read_store(store.path)
    store.save(review, cases[0].read_volume(), None, protocol=PROTOCOL, copy_image=True)
    (case,) = read_store(store.path)
    assert np.array_equal(case.read_volume().voxels, cases[0].read_volume().voxels)


def test_an_image_whose_file_is_not_what_is_shown_needs_a_copy(store, cases, tmp_path):
    volume = cases[0].read_volume()
    shifted = replace(volume, ijk_to_ras=volume.ijk_to_ras + np.pad([[5.0]], ((0, 3), (3, 0))))
    for shown, file in ((volume, cases[1].image_files[0]), (shifted, cases[0].image_files[0])):
        with pytest.raises(InputError, match=r"does not hold it as it is shown.*keep a copy"):
            store.save(corrected(cases[0]), shown, file, protocol=PROTOCOL)
    with pytest.raises(InputError, match="in no file that can be read again"):
        store.save(corrected(cases[0]), volume, None, protocol=PROTOCOL)
    assert not store.path.exists(), "nothing was written"


def test_an_image_that_was_changed_since_is_refused(store, cases, tmp_path):
    file = tmp_path / "image.nrrd"
    shutil.copy(cases[0].image_files[0], file)
    store.save(corrected(cases[0]), cases[0].read_volume(), file, protocol=PROTOCOL)
    read_store(store.path)
    shutil.copy(cases[1].image_files[0], file)
    with pytest.raises(DatalistError, match="not the one that was annotated"):
        read_store(store.path)


def test_the_content_of_an_image_is_the_same_in_every_type_and_place():
    voxels = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 5
    same = [Volume(voxels, np.eye(4)), Volume(voxels.astype(float), np.diag([-2.0, 3.0, 1.0, 1.0]))]
    assert len({content_hash(one) for one in same}) == 1
    assert content_hash(Volume(voxels.reshape(1, 6, 4), np.eye(4))) != content_hash(same[0])
    assert content_hash(Volume(voxels[::-1], np.eye(4))) != content_hash(same[0])


def test_landmarks_of_another_protocol_go_into_another_folder(store, cases):
    save_case(store, cases[0])
    other = protocol_of_names(("ear",), "Ears")
    review = review_of_landmarks(LandmarkSet((Landmark("ear", [-5, -5, 0]),)))
    with pytest.raises(InputError, match=r"is of the landmarks 'Spots', which lack ear; .* for 'Ears'"):
        store.save(review, cases[1].read_volume(), cases[1].image_files[0], protocol=other)
    save_case(store, cases[1], protocol=other)  # the landmarks are those of the store all the same
    with pytest.raises(InputError, match="does not define round, tall, wide"):
        save_case(AnnotationStore(store.path.parent / "new"), cases[1], protocol=other)


def test_a_review_in_which_nothing_is_settled_is_refused(store, cases):
    with pytest.raises(InputError, match="nothing to learn from"):
        store.save(predicted(cases[0]), cases[0].read_volume(), cases[0].image_files[0], protocol=PROTOCOL)


def test_a_broken_annotation_is_named(store, cases):
    file = store.file_of(save_case(store, cases[0]))
    record = json.loads(file.read_text())
    record["annotation"]["image"] = "../../../etc/passwd"
    file.write_text(json.dumps(record))
    with pytest.raises(InputError, match=rf"{file.name}.*'image' is broken"):
        store.rows()


def test_a_folder_without_annotations_is_told(tmp_path):
    with pytest.raises(InputError, match="no annotation store"):
        AnnotationStore(tmp_path / "nothing").current()


# --- held out ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 40), max_size=80))
def test_held_back_subjects_stay_so_and_are_about_as_many_as_they_should_be(order):
    class Kept:
        def __init__(self, subject: str, split: str) -> None:
            self.subject, self.split = subject, split

    standing: list[Kept] = []
    first: dict[str, str] = {}
    for number in order:
        subject = f"s{number}"
        split = _split(subject, standing)
        assert first.setdefault(subject, split) == split
        standing.append(Kept(subject, split))
    count, held = len(first), sum(split == HELD_OUT for split in first.values())
    assert held == max(min(5, count // 3), count // 5)


def test_a_store_of_fifteen_has_five_held_back(store, tmp_path):
    for case in blob_cases(tmp_path / "many", count=15, shape=(12, 12)):
        save_case(store, case)
    splits = Counter(case.split for case in read_store(store.path))
    assert splits == {TRAIN: 10, HELD_OUT: 5}


# --- many at once ---------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.datasets.datalist import read_datalist
from Testing.examples.store_cases import save_case
store, data, who = AnnotationStore(sys.argv[1]), read_datalist(sys.argv[2], missing="allow"), sys.argv[3]
print("ready", flush=True)
sys.stdin.readline()
for case in data:
    print(save_case(store, case, reviewer=who, subject=case.subject).id, flush=True)
"""


def start_writer(repository: Path, store: Path, data: Path, who: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store), str(data), who],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_writers_at_the_same_time_lose_nothing(store, cases, repository):
    data = cases[0].image_files[0].parent / "data.json"
    # The last two are the same person, at work in two windows.
    writers = [start_writer(repository, store.path, data, who) for who in ("A", "B", "C", "C")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    ids = [line for writer in writers for line in writer.communicate()[0].split()]
    assert all(writer.returncode == 0 for writer in writers)
    assert len(ids) == 4 * len(cases)
    assert {one.id for one in store.history()} == set(ids), "every annotation that was acknowledged is there"
    standing = Counter((one.reviewer, one.image) for one in store.current())
    assert len(standing) == 3 * len(cases) and set(standing.values()) == {1}
    assert len({one.subject for one in store.history()}) == len(cases), "all used one key"
    written = json.loads((store.path / "datalist.json").read_text())
    assert written["cases"] == store.rows(), "the list that was written last is the whole list"
    assert len(read_store(store.path)) == len(cases)


def test_of_two_that_replace_the_same_annotation_one_stands(store, cases):
    first = save_case(store, cases[0])
    second = save_case(store, cases[0])
    third = replace(second, id="f" * 16)
    for order in ([first, second, third], [third, first, second]):
        assert [one.id for one in _current(order)] == ["f" * 16]


def test_a_writer_killed_at_any_moment_leaves_whole_annotations(store, cases, repository):
    rng = np.random.default_rng(5)
    data = cases[0].image_files[0].parent / "data.json"
    acknowledged: list[str] = []
    for _ in range(4):
        writer = start_writer(repository, store.path, data, "A")
        assert writer.stdout.readline() == "ready\n"
        writer.stdin.write("\n")
        writer.stdin.flush()
        for _ in range(rng.integers(0, 4)):
            acknowledged += writer.stdout.readline().split()
        writer.kill()
        acknowledged += writer.communicate()[0].split()
    assert set(acknowledged) <= {one.id for one in store.history()}, "and each of them can be read"
    if store.path.exists() and acknowledged:
        assert len(read_store(store.path)) >= 1
    save_case(store, cases[0])
    assert json.loads((store.path / "datalist.json").read_text())["cases"] == store.rows()


# --- summary --------------------------------------------------------------------------------------------


def test_the_summary_counts_people_time_and_how_far_landmarks_were_moved(store, cases):
    options = {"protocol": PROTOCOL, "reviewer": "A", "seconds": 30.0}
    for case in cases[:3]:
        review = corrected(case, shift=2.0).restore("round").accept("round")
        store.save(review, case.read_volume(), case.image_files[0], comment="fine", **options)
    save_case(store, cases[3], reviewer="B")
    found = summarise_store(store.path)
    assert (found.annotations, found.images, found.subjects, found.held_out) == (4, 4, 4, 1)
    assert found.reviewers == {"A": 3, "B": 1} and found.models == {"spots 1.0.0": 3, "": 1}
    assert found.seconds == 90.0 and found.comments == (("A", "fine"),) * 3
    by_name = {one.landmark: one for one in found.landmarks}
    assert (by_name["round"].accepted, by_name["round"].corrected) == (3, 1)
    assert by_name["tall"].moved == pytest.approx(2.0)


def test_the_command_line_adds_and_counts(cli, cases, tmp_path):
    folder = tmp_path / "store"
    for case, who in zip(cases[:2], "AB", strict=True):
        answer = cli(
            "annotations", "add", folder, case.image_files[0], case.landmarks[0][1], "--reviewer", who
        )
        assert answer.code == 0, answer.err
    answer = cli("annotations", "summary", folder, "--check")
    assert answer.code == 0, answer.err
    assert "2 annotations of 2 images of 2 subjects; 0 images are held back" in answer.out
    assert "by A: 1" in answer.out and "placed by hand" in answer.out
    record = json.loads(cli("annotations", "summary", folder, "--json").out)
    assert [one["corrected"] for one in record["landmarks"]] == [2, 2, 2]
    assert cli("data", "summary", folder).code == 0
    assert cli("annotations", "summary", tmp_path / "none").code == 3


@pytest.fixture
def sized_picture(tmp_path):
    """A picture without a pixel size, and the record of a point that was placed where a pixel is 0.2 mm."""
    Image.fromarray(np.arange(3000, dtype=np.uint16).reshape(50, 60)).save(tmp_path / "film.png")
    point = Landmark("sella", [-4.0, -6.0, 0.0], status=Status.CORRECTED)
    made = Detection(LandmarkSet((point,)), "spots", "1.0.0", parameters={"pixel_size_mm": 0.2})
    write_detection(made, tmp_path / "film.json")
    write_detection(made, tmp_path / "film.mrk.json")
    return tmp_path / "film.png"


@pytest.mark.parametrize("name", ["film.json", "film.mrk.json"])
def test_mm_of_a_given_pixel_size_are_never_kept_as_pixels(cli, tmp_path, sized_picture, name):
    asked = ("annotations", "add", tmp_path / "store", sized_picture, tmp_path / name)
    answer = cli(*asked, "--protocol", "cephalometric-19")
    assert answer.code == 3, answer.err
    assert (
        "mm of pixels of 0.2 mm, which film.png does not say" in answer.err and "--copy-image" in answer.err
    )
    assert not (tmp_path / "store").exists()
    assert cli(*asked, "--protocol", "cephalometric-19", "--copy-image").code == 0
    (case,) = read_store(tmp_path / "store")
    np.testing.assert_allclose(
        case.read_volume().ras_to_ijk_points(case.read_landmarks().positions), [[20.0, 30.0, 0.0]]
    )


def test_a_row_of_such_a_record_needs_its_spacing(tmp_path, sized_picture):
    row = {"image": "film.png", "landmarks": "film.json", "subject": "p1"}
    (tmp_path / "list.json").write_text(json.dumps({"name": "films", "cases": [row]}))
    with pytest.raises(InputError, match=r'add "spacing": 0.2 to row 1'):
        read_datalist(tmp_path / "list.json")
    (tmp_path / "list.json").write_text(json.dumps({"name": "films", "cases": [{**row, "spacing": 0.2}]}))
    (case,) = read_datalist(tmp_path / "list.json")
    assert len(read_predictions("spots", tmp_path, [case], tmp_path).landmarks) == 1
    with pytest.raises(InputError, match=r'add "spacing": 0.2 to row 1'):
        read_predictions("spots", tmp_path, [replace(case, spacing=())], tmp_path)


def test_a_volume_of_several_slices_is_kept_too(store, tmp_path):
    (case,) = blob_cases(tmp_path / "solid", count=1, shape=(10, 12, 14))
    save_case(store, case)
    (read,) = read_store(store.path)
    assert read.read_volume().shape == (10, 12, 14)
    write_volume(replace(case.read_volume(), name=""), tmp_path / "again.nii.gz")
    again = replace(case, images=(tmp_path / "again.nii.gz",))
    assert save_case(store, again).image == store.current()[0].image, "known in another format"
