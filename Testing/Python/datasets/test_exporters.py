"""The same data train this library, MONAI and nnLandmark: what is written for one comes back from it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Datalist, write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.exporters.monai import export_monai
from LandmarkDetectionLib.datasets.exporters.nnlandmark import export_nnlandmark
from LandmarkDetectionLib.datasets.importers.monai import import_monai
from LandmarkDetectionLib.datasets.importers.nnlandmark import import_nnlandmark
from LandmarkDetectionLib.datasets.raters import case_annotations
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.markups import markups_record
from LandmarkDetectionLib.io.volumes import read_volume, write_volume

NAMES = ("apex", "base", "notch")
SPLITS = ("train", "val", "test")
#: Oblique, left-handed, of unequal voxels.
GRID = np.array([[0.0, -1.5, 0.0, 40.0], [1.2, 0.0, 0.2, -7.0], [0.0, 0.3, 2.0, 110.0], [0, 0, 0, 1]])


def write_marks(path: Path, places: np.ndarray) -> None:
    """RAS mm; NaN is declared missing by a person."""
    marks = LandmarkSet(
        tuple(
            Landmark(name, place, Status.DETECTED if np.isfinite(place).all() else Status.MISSING)
            for name, place in zip(NAMES, places, strict=True)
        )
    )
    record = {"annotation": {"landmarks": [one.to_record() for one in marks]}}
    path.write_text(json.dumps({**markups_record(marks), **record}))


@pytest.fixture
def data(tmp_path: Path) -> Datalist:
    """Three volumes of two channels, as NRRD and NIfTI, the second without a notch."""
    folder = tmp_path / "ours"
    folder.mkdir()
    rng = np.random.default_rng(2)
    rows = []
    for n, split in enumerate(SPLITS):
        files = []
        for channel in range(2):
            voxels = rng.integers(-500, 500, (14, 16, 18)).astype(np.int16)
            files.append(f"case {n}_{channel}{'.nii.gz' if n == 0 else '.nrrd'}")
            write_volume(Volume(voxels, GRID), folder / files[-1])
        places = np.array([[5.2, 6.0, 4.0], [12.4, 3.3, 9.1], [6.0, 7.0, 5.0]]) + n / 4
        ras = Affine(GRID).apply(places)
        if n == 1:
            ras[2] = np.nan
        write_marks(folder / f"case{n}.mrk.json", ras)
        rows.append(
            {"image": files, "landmarks": f"case{n}.mrk.json", "subject": f"person {n}", "split": split}
        )
    write_datalist(rows, folder / "data.json", "Threes")
    return read_datalist(folder / "data.json", "allow")


def placed(datalist: Datalist) -> list[np.ndarray]:
    return [case_annotations(case, NAMES)[0].positions for case in datalist]


def test_a_datalist_of_monai_comes_back_as_it_was(data: Datalist, tmp_path: Path) -> None:
    written = export_monai(data, tmp_path / "monai")
    assert written.cases == 3 and written.notes == ("4 images were written as NIfTI",)
    back = read_datalist(import_monai(written.file, tmp_path / "back").datalist, "allow")
    assert back.landmark_names == NAMES
    assert [case.split for case in back] == list(SPLITS)
    assert back.subjects == data.subjects
    for ours, theirs in zip(placed(data), placed(back), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-5)
    known = case_annotations(back.cases[1], NAMES)[0].known
    assert known.tolist() == [True, True, True], "a landmark declared missing stays declared missing"
    for ours, theirs in zip(data, back, strict=True):
        for one, other in zip(ours.read_channels(), theirs.read_channels(), strict=True):
            assert np.array_equal(one.voxels, other.voxels)


def test_monai_reads_the_datalist_and_puts_heatmaps_where_the_landmarks_are(
    data: Datalist, tmp_path: Path
) -> None:
    monai_data = pytest.importorskip("monai.data", reason="reading with MONAI needs the extra monai")
    transforms = pytest.importorskip("monai.transforms", reason="reading with MONAI needs the extra monai")
    if not hasattr(transforms, "GenerateHeatmapd"):
        pytest.skip("this MONAI has no GenerateHeatmapd (1.6 has)")
    written = export_monai(data, tmp_path / "monai")
    # Texts beside the image would be taken for these.
    for name in ("train", "person 0"):
        (tmp_path / "monai" / name).mkdir()
    for list_name, number in (("training", 0), ("validation", 1)):
        (item,) = monai_data.load_decathlon_datalist(str(written.file), True, list_name)
        assert item["case"]["subject"] == f"person {number}"
        item["landmarks"] = np.array(item["landmarks"], np.float32)
        load = transforms.Compose(
            [
                transforms.LoadImaged("image", ensure_channel_first=True),
                transforms.GenerateHeatmapd(
                    "landmarks", ref_image_keys="image", coordinate_space="world", sigma=1.5
                ),
            ]
        )
        loaded = load(item)
        volume = data.cases[number].read_channels()[0]
        assert loaded["image"].shape == (2, *volume.size)
        np.testing.assert_array_equal(np.asarray(loaded["image"][0]), volume.voxels.T)
        heatmaps = np.asarray(loaded["landmarks_heatmap"])
        for heatmap, place in zip(heatmaps, volume.ras_to_ijk_points(placed(data)[number]), strict=True):
            if np.isfinite(place).all():
                # MONAI rounds to whole voxels.
                peak = np.array(np.unravel_index(heatmap.argmax(), heatmap.shape))
                assert np.abs(peak - place).max() <= 0.501
            else:
                assert not heatmap.any()


def test_nnlandmark_comes_back_as_it_was(data: Datalist, tmp_path: Path) -> None:
    folder = tmp_path / "Dataset123_Threes"
    written = export_nnlandmark(data, folder)
    assert "1 landmark has no place and is left out" in written.notes[0]
    description = json.loads((folder / "dataset.json").read_text())
    assert description["labels"] == {"background": 0, "apex": 1, "base": 2, "notch": 3}
    assert description["numTraining"] == 2 and set(description["channel_names"]) == {"0", "1"}
    back = read_datalist(import_nnlandmark(folder, tmp_path / "back").datalist, "allow")
    assert sorted(case.split for case in back) == ["test", "train", "train"]
    for ours, theirs in zip(placed(data), placed(back), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-3)


def test_the_centre_of_a_label_is_the_voxel_of_its_landmark(data: Datalist, tmp_path: Path) -> None:
    export_nnlandmark(data, tmp_path / "out")
    table = json.loads((tmp_path / "out" / "all_landmarks_voxel.json").read_text())
    sizes = []
    for name in ("case-0-0", "case-1-0"):
        labels = read_volume(tmp_path / "out" / "labelsTr" / f"{name}.nii.gz").voxels
        for label, landmark in enumerate(NAMES, start=1):
            inside = np.argwhere(labels == label)
            if landmark not in table[name]:
                assert not len(inside)
                continue
            assert inside.mean(axis=0)[::-1].tolist() == np.rint(table[name][landmark]).tolist()
            sizes.append(len(inside))
    # apex and notch lie side by side in the first case.
    assert sorted(sizes) == [1, 1, 27, 27, 27]


def test_a_radiograph_keeps_its_points_through_monai(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 30)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "film.png")
    (tmp_path / "film.csv").write_text("name,x,y\napex,3,4\nbase,20,31\n")
    row = {"image": "film.png", "landmarks": "film.csv", "subject": "p", "unit": "pixel", "spacing": 0.5}
    write_datalist([row], tmp_path / "data.json", "films")
    data = read_datalist(tmp_path / "data.json")
    written = export_monai(data, tmp_path / "monai")
    back = read_datalist(import_monai(written.file, tmp_path / "back").datalist)
    image = back.cases[0].read_volume()
    assert image.spacing[:2].tolist() == [0.5, 0.5]
    (rating,) = case_annotations(back.cases[0], ("apex", "base"), "mean", image)
    np.testing.assert_allclose(
        image.ras_to_ijk_points(rating.positions)[:, :2], [[3, 4], [20, 31]], atol=1e-4
    )
    with pytest.raises(InputError, match=r"nnLandmark learns from volumes, and film\.png is a single image"):
        export_nnlandmark(data, tmp_path / "nn")


def test_two_landmarks_in_one_voxel_are_refused(data: Datalist, tmp_path: Path) -> None:
    path = data.cases[0].landmarks[0][1]
    write_marks(path, Affine(GRID).apply(np.array([[5.2, 6, 4], [5.4, 6.1, 4], [9, 9, 9]])))
    with pytest.raises(InputError, match=r"apex and base lie in one voxel of case 0_0\.nii\.gz"):
        export_nnlandmark(read_datalist(data.path, "allow"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("export", [export_monai, export_nnlandmark])
def test_a_folder_that_holds_something_and_an_unknown_rater_are_refused(
    export: Callable[..., Any], data: Datalist, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="it holds something already"):
        export(data, data.path.parent)
    with pytest.raises(InputError, match=r"no rater 'Zoe' .* choose one of mean, rater"):
        export(data, tmp_path / "out", "Zoe")


GOOD: dict[str, Any] = {
    "coordinate_space": "world",
    "landmarks": ["apex", "base"],
    "training": [{"image": "a.nrrd", "landmarks": [[1.0, 2.0, 3.0], None], "fold": 2}],
}


def test_points_in_voxels_and_folds_are_read(tmp_path: Path) -> None:
    voxels = np.random.default_rng(6).integers(0, 99, (2, 20, 20, 20)).astype(np.int16)
    for name, part in zip("ab", voxels, strict=True):
        write_volume(Volume(part, GRID), tmp_path / f"{name}.nrrd")
    other = {"image": "b.nrrd", "landmarks": [[1.5, 2.0, 3.0], [9.0, 8.0, 7.0]], "fold": 0}
    content = {**GOOD, "coordinate_space": "voxel", "training": [*GOOD["training"], other]}
    (tmp_path / "list.json").write_text(json.dumps(content))
    back = read_datalist(import_monai(tmp_path / "list.json", tmp_path / "out").datalist, "allow")
    assert [case.split for case in back] == ["fold 2", "fold 0"]
    (rating,) = case_annotations(back.cases[0], ("apex",), "mean", back.cases[0].read_volume())
    np.testing.assert_allclose(rating.positions, Affine(GRID).apply(np.array([[1.0, 2.0, 3.0]])), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"coordinate_space": None}, 'add "coordinate_space": "world" for RAS mm'),
        ({"training": []}, "no list training, validation or test"),
        ({"training": ["a.nrrd"]}, "training must be a list of items"),
        (
            {"training": [{"image": "a.nrrd", "label": "b.nrrd"}]},
            "item 1 of training has no usable landmarks",
        ),
        (
            {"training": [{"image": 3, "landmarks": [[1, 2, 3]] * 2}]},
            "item 1 of training has no usable image",
        ),
        ({"landmarks": "apex"}, "landmarks must be the list of their names"),
        ({"landmarks": ["apex"]}, "has 2 points, but 1 landmark is named"),
        ({"training": [{"image": "a.nrrd", "landmarks": [[1, 2], [1, 2, 3]]}]}, "two or three numbers"),
        ({"training": [{"image": "a.nrrd", "landmarks": [["1", 2, 3], None]}]}, "apex is not of numbers"),
    ],
)
def test_a_datalist_that_is_laid_out_otherwise_is_refused(
    change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "list.json").write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(InputError) as refused:
        import_monai(tmp_path / "list.json", tmp_path / "out")
    assert sentence in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_the_commands_export_and_import(data: Datalist, tmp_path: Path, cli: Callable[..., Any]) -> None:
    done = cli("data", "export", "monai", data.path, "--out", tmp_path / "monai")
    assert done.code == 0 and "with 3 cases" in done.out and "written as NIfTI" in done.err
    done = cli("data", "import", "monai", tmp_path / "monai" / "datalist.json", "--out", tmp_path / "back")
    assert done.code == 0 and "with 3 cases" in done.out
    done = cli("data", "export", "nnlandmark", data.path, "--out", tmp_path / "nn", "--json")
    assert json.loads(done.out)["cases"] == 3
