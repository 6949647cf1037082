"""Public data sets, rebuilt in small as they are downloaded, become datalists that are read."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.importers import slicer_scenes
from LandmarkDetectionLib.datasets.importers.aasce import import_aasce
from LandmarkDetectionLib.datasets.importers.afids import import_afids
from LandmarkDetectionLib.datasets.importers.hand_atlas import import_hand_atlas
from LandmarkDetectionLib.datasets.importers.isbi2015 import import_isbi2015
from LandmarkDetectionLib.datasets.importers.nnlandmark import import_nnlandmark
from LandmarkDetectionLib.datasets.importers.slicer_scenes import import_slicer
from LandmarkDetectionLib.datasets.raters import case_landmarks
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import read_landmarks, write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.io.volumes import write_volume


def picture(path: Path, seed: int, size: tuple[int, int] = (80, 60), colour: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, size).astype(np.uint8)
    Image.fromarray(np.stack([pixels] * 3, -1) if colour else pixels).save(path)


def volume(path: Path, seed: int, matrix: Any = None) -> Volume:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(seed).integers(0, 255, (20, 24, 28)).astype(np.int16)
    image = Volume(voxels, np.diag([-1.5, -1.5, 2.0, 1.0]) if matrix is None else matrix)
    write_volume(image, path)
    return image


def pixels_of(datalist: Datalist, row: int, rater: str = "mean") -> np.ndarray:
    """(N, 3) voxels of the landmarks of a case."""
    case = datalist.cases[row]
    image = case.read_volume()
    (found,) = case_landmarks(case, datalist.landmark_names, rater, image)
    return image.ras_to_ijk_points(found)


def test_isbi_2015(tmp_path: Path) -> None:
    points = np.random.default_rng(0).integers(5, 55, (3, 2, 19, 2))
    for n, (number, place) in enumerate(((1, "TrainingData"), (151, "Test1Data"), (301, "Test2Data"))):
        picture(tmp_path / "RawImage" / place / f"{number:03d}.bmp", n, colour=True)
        for r, rater in enumerate(("400_senior", "400_junior")):
            folder = tmp_path / "AnnotationsByMD" / rater
            folder.mkdir(parents=True, exist_ok=True)
            lines = [f"{x},{y}" for x, y in points[n, r]] + ["1"] * 8
            (folder / f"{number:03d}.txt").write_text("\n".join(lines) + "\n")
    datalist = read_datalist(import_isbi2015(tmp_path, tmp_path / "out").datalist)
    assert [case.split for case in datalist] == ["train", "test1", "test2"]
    assert datalist.landmark_names == load_protocol("cephalometric-19").names
    assert datalist.raters == ("senior", "junior")
    assert datalist.cases[0].read_volume().spacing[:2].tolist() == pytest.approx([0.1, 0.1])
    np.testing.assert_allclose(pixels_of(datalist, 1, "junior")[:, :2], points[1, 1], atol=1e-6)


def test_aasce(tmp_path: Path) -> None:
    rows = {"training": ("a 1.jpg", "b.jpg"), "test": ("c.jpg",)}
    shares = []
    for part, names in rows.items():
        labels = tmp_path / "labels" / part
        labels.mkdir(parents=True)
        lines = []
        for name in names:
            picture(tmp_path / "data" / part / name, len(shares), (200, 100))
            level = np.repeat(np.arange(17), 4) / 20 + np.tile([0.0, 0, 0.03, 0.03], 17)
            x = np.tile([0.4, 0.6, 0.4, 0.6], 17) + 0.01 * len(shares)
            shares.append(np.stack([x, level + 0.05], -1))
            lines.append(",".join(f"{value:.6f}" for value in [*shares[-1][:, 0], *shares[-1][:, 1]]))
        (labels / "filenames.csv").write_text("\n".join(names) + "\n")
        (labels / "landmarks.csv").write_text("\n".join(lines) + "\n")
    done = import_aasce(tmp_path, tmp_path / "out")
    datalist = read_datalist(done.datalist)
    assert [case.split for case in datalist] == ["train", "train", "test"]
    assert datalist.landmark_names == load_protocol("spine-68").names
    np.testing.assert_allclose(pixels_of(datalist, 2)[:, :2], shares[2] * [100, 200], atol=1e-3)
    assert not any(word in note for note in done.notes for word in ("put in order", "left as it is"))


def test_aasce_puts_corners_in_order_where_it_is_clear_and_says_so(tmp_path: Path) -> None:
    labels = tmp_path / "labels" / "training"
    labels.mkdir(parents=True)
    level = np.repeat(np.arange(17), 4) / 20 + np.tile([0.05, 0.05, 0.08, 0.08], 17)
    sound = np.stack([np.tile([0.4, 0.6, 0.4, 0.6], 17), level], -1)
    twice = sound.copy()
    twice[-4:] = twice[-8:-4]
    listed = {"a": sound, "b": np.roll(sound, -4, axis=0), "c": twice}
    for n, name in enumerate(listed):
        picture(tmp_path / "data" / "training" / f"{name}.jpg", n, (200, 100))
    (labels / "filenames.csv").write_text("".join(f"{name}.jpg\n" for name in listed))
    lines = (",".join(f"{value:.6f}" for value in shares.T.ravel()) for shares in listed.values())
    (labels / "landmarks.csv").write_text("\n".join(lines) + "\n")
    done = import_aasce(tmp_path, tmp_path / "out")
    assert done.notes[-2:] == (
        "b: the first vertebra listed last; put in order",
        "c: 16 and 17 of the file lie at one place; left as it is",
    )
    datalist = read_datalist(done.datalist)
    for row, wanted in enumerate((sound, sound, twice)):
        np.testing.assert_allclose(pixels_of(datalist, row)[:, :2], wanted * [100, 200], atol=1e-3)


def test_hand_atlas_takes_the_wrist_for_50_mm_where_nothing_else_is_known(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(5, 55, (2, 37, 2)).round(2)
    points[:, 1], points[:, 5] = (10, 40), (35, 40)
    lines = [f"{n},{','.join(map(str, one.ravel()))}" for n, one in zip((3142, 99), points, strict=True)]
    (tmp_path / "all.csv").write_text("\n".join([*lines, "7," + ",".join(["1"] * 74)]) + "\n")
    picture(tmp_path / "3142.png", 0)
    known = Volume(
        np.random.default_rng(1).integers(0, 9, (1, 80, 60)).astype(np.int16), np.diag([-0.2, -0.2, 1.0, 1.0])
    )
    write_volume(known, tmp_path / "99.nrrd")
    done = import_hand_atlas(tmp_path, tmp_path / "out")
    assert "1 row of the table has no image here and was left out" in done.notes
    datalist = read_datalist(done.datalist)
    assert [case.read_volume().spacing[0] for case in datalist] == pytest.approx([2.0, 0.2])
    wrist = [datalist.cases[0].read_landmarks()[name].position for name in ("wrist_01", "wrist_05")]
    assert np.linalg.norm(wrist[0] - wrist[1]) == pytest.approx(50)
    assert datalist.landmark_names == load_protocol("hand-xray-37").names


def write_afids(path: Path, shift: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    marks = tuple(Landmark(str(n), np.array([-1.0 * n, -20 - shift, 18.0])) for n in range(32, 0, -1))
    write_landmarks(LandmarkSet(marks), path)


def test_afids_take_the_ground_truth_or_each_rater(tmp_path: Path) -> None:
    root = tmp_path / "AFIDs-Test"
    stem = "sub-01_acq-MP2RAGE_run-01"
    volume(root / "sub-01" / "anat" / f"{stem}_T1w.nii.gz", 0)
    volume(root / "sub-01" / "anat" / "sub-01_acq-other_run-01_T1w.nii.gz", 1)
    derived = root / "derivatives"
    write_afids(
        derived / "afids_groundtruth" / "sub-01" / "anat" / f"{stem}_space-T1w_desc-groundtruth_afids.fcsv", 0
    )
    for n in (1, 2):
        name = f"{stem}_space-T1w_desc-rater0{n}_afids.fcsv"
        write_afids(derived / "afids_rater" / "sub-01" / "anat" / name, n)
    truth = read_datalist(import_afids(tmp_path, tmp_path / "truth").datalist)
    assert truth.landmark_names == load_protocol("afids-32").names
    (case,) = truth
    assert case.name == f"{stem}_T1w.nii.gz"
    np.testing.assert_allclose(case.read_landmarks()["posterior_commissure"].position, [-2, -20, 18])
    raters = read_datalist(import_afids(tmp_path, tmp_path / "raters", raters=True).datalist)
    assert raters.raters == ("rater01", "rater02")


def test_the_real_afids_files_fit_the_protocol(real_data: Path) -> None:
    from LandmarkDetectionLib.datasets.importers.afids import named_afids

    names = load_protocol("afids-32").names
    marks = named_afids(real_data / "head" / "MNI152NLin2009cAsym_afids.fcsv", names)
    assert marks.names == names
    # Right is positive R, and a pair lies at one height.
    for name in names:
        if name.endswith("_right"):
            right, left = marks[name].position, marks[name.replace("_right", "_left")].position
            assert right[0] > 0 > left[0]
            assert abs(right[2] - left[2]) < 5
    assert marks["genu"].position[1] > marks["splenium"].position[1]


def test_the_real_hands_are_read(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "hand_xray"
    done = import_hand_atlas(folder, tmp_path / "out", folder / "landmarks_px.csv", wrist=True)
    datalist = read_datalist(done.datalist)
    assert done.cases == len(datalist) == 5
    for case in datalist:
        marks = case.read_landmarks()
        assert np.linalg.norm(marks["wrist_01"].position - marks["wrist_05"].position) == pytest.approx(50)
        # Fingers point up: away from posterior, to which j runs.
        assert marks["middle_tip"].position[1] > marks["middle_1"].position[1]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """nnLandmark's layout: two training cases of two channels, one test case."""
    table: dict[str, dict[str, list[float]]] = {}
    for n, (case, place) in enumerate((("c1", "imagesTr"), ("c2", "imagesTr"), ("c3", "imagesTs"))):
        for channel in range(2):
            volume(tmp_path / place / f"{case}_{channel:04d}.nii.gz", 10 * n + channel)
        table[case] = {"lm_1": [3 + n, 4, 5], "lm_2": [20, 9, 8]}
    del table["c2"]["lm_2"]
    labels = np.zeros((20, 24, 28), np.uint8)
    for value, (i, j, k) in enumerate(table["c1"].values(), start=1):
        labels[int(k), int(j), int(i)] = value
    (tmp_path / "labelsTr").mkdir()
    write_volume(Volume(labels, np.diag([-1.5, -1.5, 2.0, 1.0])), tmp_path / "labelsTr" / "c1.nii.gz")
    (tmp_path / "all_landmarks_voxel.json").write_text(json.dumps(table))
    (tmp_path / "name_to_label.json").write_text(json.dumps({"lm_1": 1, "lm_2": 2}))
    return tmp_path


def test_nnlandmark(raw: Path) -> None:
    datalist = read_datalist(import_nnlandmark(raw, raw / "out").datalist, missing="allow")
    assert [case.split for case in datalist] == ["train", "train", "test"]
    assert len(datalist.cases[0].read_channels()) == 2
    np.testing.assert_allclose(pixels_of(datalist, 2), [[5, 4, 5], [20, 9, 8]])
    assert np.isnan(pixels_of(datalist, 1)[1]).all()


def test_nnlandmark_voxels_in_the_wrong_order_are_refused(raw: Path) -> None:
    table = json.loads((raw / "all_landmarks_voxel.json").read_text())
    table["c1"] = {name: voxel[::-1] for name, voxel in table["c1"].items()}
    (raw / "all_landmarks_voxel.json").write_text(json.dumps(table))
    with pytest.raises(InputError, match="its voxels seem to be in the order k, j, i"):
        import_nnlandmark(raw, raw / "out")


SCENE = """<MRML version="Slicer5">
 <Volume id="vtkMRMLScalarVolumeNode1" name="head" references="storage:store1;" {transform}></Volume>
 <Volume id="vtkMRMLScalarVolumeNode2" name="hand" references="storage:store2;"></Volume>
 <VolumeArchetypeStorage id="store1" fileName="Data/head%201.nrrd"></VolumeArchetypeStorage>
 <VolumeArchetypeStorage id="store2" fileName="Data/hand.nrrd"></VolumeArchetypeStorage>
 <MarkupsFiducial id="m1" name="F"
  references="storage:store3;LandmarkDetection.volume:vtkMRMLScalarVolumeNode1;"></MarkupsFiducial>
 <MarkupsFiducial id="m2" name="hand points" references="storage:store4;"></MarkupsFiducial>
 <MarkupsJsonStorage id="store3" fileName="Data/F.mrk.json"></MarkupsJsonStorage>
 <MarkupsJsonStorage id="store4" fileName="Data/hand%20points.mrk.json"></MarkupsJsonStorage>
</MRML>
"""


def scene(folder: Path, transform: str = "") -> Path:
    for name, seed in (("head 1", 0), ("hand", 1)):
        volume(folder / "Data" / f"{name}.nrrd", seed)
    for name, mark in (("F", "chin"), ("hand points", "chin")):
        marks = LandmarkSet((Landmark(mark, np.array([-6.0, -6.0, 6.0])),))
        write_landmarks(marks, folder / "Data" / f"{name}.mrk.json")
    (folder / "scene.mrml").write_text(SCENE.format(transform=transform))
    return folder / "scene.mrml"


def test_a_slicer_scene_ties_points_to_volumes_by_reference_and_by_name(tmp_path: Path) -> None:
    done = import_slicer(scene(tmp_path / "s"), tmp_path / "out")
    datalist = read_datalist(done.datalist)
    assert [case.name for case in datalist] == ["head 1.nrrd", "hand.nrrd"]
    assert [case.read_landmarks()["chin"].position.tolist() for case in datalist] == [[-6, -6, 6]] * 2
    assert len(set(datalist.subjects)) == 1


#: By what its text says, and by its place alone.
SAID = (
    Landmark("chin", np.array([-6.0, -6.0, 6.0]), Status.ACCEPTED, 0.9),
    Landmark("nose", np.array([-3.0, -6.0, 6.0]), Status.CORRECTED),
    Landmark("ear", np.full(3, np.nan), Status.MISSING),
)


def beside(folder: Path, said: Sequence[Landmark]) -> Path:
    """An image with the points of a review in a file beside it, whose descriptions tell their status."""
    volume(folder / "p1.nrrd", 0)
    write_landmarks(LandmarkSet(tuple(said)), folder / "p1.mrk.json")
    return folder


def statuses(folder: Path, out: Path) -> list[Status]:
    (row,) = json.loads(import_slicer(folder, out).datalist.read_text())["cases"]
    return [mark.status for mark in read_landmarks(out / row["landmarks"])]


def test_what_a_description_says_of_a_landmark_is_not_learned(tmp_path: Path) -> None:
    found = statuses(beside(tmp_path / "d", SAID), tmp_path / "out")
    assert found == [Status.DETECTED, Status.DETECTED, Status.ABSENT]


def test_the_record_beside_a_landmark_file_is_learned_but_for_what_was_moved_since(tmp_path: Path) -> None:
    moved = replace(SAID[0], position=np.array([-6.0, -9.0, 6.0]))
    folder = beside(tmp_path / "d", (moved, *SAID[1:]))
    write_detection(Detection(LandmarkSet(SAID), "m", "1"), folder / "p1.json")
    assert statuses(folder, tmp_path / "out") == [Status.CORRECTED, Status.CORRECTED, Status.MISSING]
    beside(folder, SAID)
    assert statuses(folder, tmp_path / "again") == [mark.status for mark in SAID]


def test_a_json_file_of_something_else_beside_a_landmark_file_is_no_record(tmp_path: Path) -> None:
    folder = beside(tmp_path / "d", SAID)
    (folder / "p1.json").write_text('{"EchoTime": 0.03}')
    assert statuses(folder, tmp_path / "out")[0] is Status.DETECTED


def test_scenes_of_one_name_keep_their_landmarks_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        scene(tmp_path / "s" / folder)
    datalist = read_datalist(import_slicer(tmp_path / "s", tmp_path / "out").datalist)
    assert len({case.landmarks[0][1] for case in datalist}) == len(datalist) == 4


def test_a_bundle_is_unpacked_into_the_data_set(tmp_path: Path) -> None:
    scene(tmp_path / "s")
    with zipfile.ZipFile(tmp_path / "p1.mrb", "w") as archive:
        for file in (tmp_path / "s").rglob("*.*"):
            archive.write(file, Path("p1") / file.relative_to(tmp_path / "s"))
    done = import_slicer(tmp_path / "p1.mrb", tmp_path / "out")
    datalist = read_datalist(done.datalist)
    assert set(datalist.subjects) == {"p1"}
    assert all(
        file.resolve().is_relative_to(tmp_path / "out") for case in datalist for file in case.image_files
    )


def test_a_bundle_that_would_fill_the_disk_is_refused_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slicer_scenes, "MOST_BESIDES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "p1.mrb", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p1/p1.mrml", "<MRML/>")
        archive.writestr("p1/Data/zeros.raw", bytes(8_000_000))
    unpacked: list[str] = []
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *_: unpacked.append("everything"))
    with pytest.raises(InputError, match=r"would unpack to 2 files of 0\.0 GB, which no saved scene"):
        import_slicer(tmp_path / "p1.mrb", tmp_path / "out")
    assert not unpacked and not (tmp_path / "out").exists()


def test_what_is_under_a_transform_is_refused(tmp_path: Path) -> None:
    path = scene(tmp_path / "s", transform='transformNodeRef="t1"')
    with pytest.raises(InputError, match=r"head in .* is under a transform; harden it"):
        import_slicer(path, tmp_path / "out")


def test_landmark_files_beside_images_are_matched_by_their_names(tmp_path: Path) -> None:
    for seed, name in enumerate(("p1", "p1_t2", "p2")):
        volume(tmp_path / "d" / f"{name}.nii.gz", seed)
    for file in ("p1_ann.mrk.json", "p1_bob.mrk.json", "p1_t2_ann.mrk.json", "p2.mrk.json"):
        marks = LandmarkSet((Landmark("chin", np.array([-6.0, -6.0, 6.0])),))
        write_landmarks(marks, tmp_path / "d" / file)
    datalist = read_datalist(import_slicer(tmp_path / "d", tmp_path / "out").datalist)
    found = {case.name: case.raters for case in datalist}
    assert found == {"p1.nii.gz": ("ann", "bob"), "p1_t2.nii.gz": ("rater",), "p2.nii.gz": ("rater",)}
