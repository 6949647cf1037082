"""Importers keep one person, and one image under two names, on one side of what is learned and measured."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.importers.aasce import import_aasce
from LandmarkDetectionLib.datasets.importers.afids import import_afids
from LandmarkDetectionLib.datasets.importers.isbi2015 import import_isbi2015
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.training.supervised.plan import divide
from Testing.Python.datasets.importers.test_public_formats import picture, volume, write_afids


def aasce(folder: Path, parts: dict[str, list[str]]) -> Path:
    for part, names in parts.items():
        (folder / "labels" / part).mkdir(parents=True)
        level = np.repeat(np.arange(17), 4) / 20 + np.tile([0.0, 0, 0.03, 0.03], 17)
        lines = []
        for n, name in enumerate(names):
            picture(folder / "data" / part / name, 10 * n + len(part), (200, 100))
            x = np.tile([0.4, 0.6, 0.4, 0.6], 17) + 0.01 * n
            lines.append(",".join(f"{value:.6f}" for value in [*x, *(level + 0.05)]))
        (folder / "labels" / part / "filenames.csv").write_text("\n".join(names) + "\n")
        (folder / "labels" / part / "landmarks.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_aasce_images_of_one_person_are_told_by_the_number_behind_the_date(tmp_path: Path) -> None:
    names = [
        "sunhl-1th-02-Jan-2017-162 A AP.jpg",
        "sunhl-1th-04-Jan-2017-162 B AP.jpg",
        "sunhl-1th-20-Jul-2016-coronal17.jpg",
        "sunhl-1th-21-Jul-2016-17 A AP.jpg",
        "sunhl-1th-30-Dec-2016-16 A AP2.jpg",
        "someone.jpg",
    ]
    done = import_aasce(aasce(tmp_path / "in", {"training": names}), tmp_path / "out")
    subjects = read_datalist(done.datalist).subjects
    assert subjects[0] == subjects[1] and subjects[2] == subjects[3]
    assert len(set(subjects)) == 4
    assert "5 images count as those of the persons" in done.notes[0] and "4 subjects" in done.notes[0]


def test_aasce_training_images_of_persons_in_the_test_set_are_left_out(tmp_path: Path) -> None:
    parts = {
        "training": ["a-1th-02-Jan-2017-7 A AP.jpg", "a-1th-02-Jan-2017-8 A AP.jpg"],
        "test": ["a-1th-09-Mar-2017-7 C AP.jpg"],
    }
    done = import_aasce(aasce(tmp_path / "in", parts), tmp_path / "out")
    assert [case.split for case in read_datalist(done.datalist)] == ["train", "test"]
    said = "1 training image shows a person of the test set and was left out"
    assert any(said in note for note in done.notes)


def isbi(folder: Path, numbers: list[int], same: dict[int, int], size: tuple[int, int] = (80, 60)) -> Path:
    """Images of the challenge; ``same`` stores an image of another number in colours."""
    rng = np.random.default_rng(0)
    for number in numbers:
        file = folder / "RawImage" / f"{number:03d}.bmp"
        picture(file, same.get(number, number), size, colour=number in same)
        for rater in ("400_senior", "400_junior"):
            (folder / rater).mkdir(exist_ok=True)
            points = rng.integers(5, 55, (19, 2))
            (folder / rater / f"{number:03d}.txt").write_text("\n".join(f"{x},{y}" for x, y in points))
    return folder


def rows_of(datalist: Datalist, cases: object) -> set[str]:
    return {case.name for case in cases}  # type: ignore[attr-defined]


def test_an_image_of_the_challenge_that_is_in_two_splits_passes_the_check_and_is_not_learned_from(
    tmp_path: Path,
) -> None:
    done = import_isbi2015(isbi(tmp_path, [*range(1, 9), 283, 284], {283: 3}), tmp_path / "out")
    datalist = read_datalist(done.datalist)
    assert any("with the same image" in str(warning) for warning in datalist.warnings)
    split = divide(datalist)
    learned, held = rows_of(datalist, split.training), rows_of(datalist, split.held_out)
    assert learned | held == {f"{n:03d}.bmp" for n in range(1, 9) if n != 3}
    assert "left out, because another split shows the same subject: 1 case" in split.text
    assert "not touched: test1 (2)" in split.text


def test_copies_of_the_challenges_images_have_larger_pixels_and_annotations_of_their_own(
    tmp_path: Path,
) -> None:
    for rater in ("400_senior", "400_junior"):
        (tmp_path / rater).mkdir()
        (tmp_path / rater / "001.txt").write_text("1934,2399\n" + "100,200\n" * 18)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (1200, 968)).astype(np.uint8)).save(
        tmp_path / "001.png"
    )
    done = import_isbi2015(tmp_path, tmp_path / "out")
    case = read_datalist(done.datalist).cases[0]
    image = case.read_volume()
    assert image.spacing[0] == pytest.approx(0.2, rel=1e-3)
    (i, j, _), *_ = image.ras_to_ijk_points([mark.position for mark in case.read_landmarks("senior")])
    assert (i, j) == pytest.approx((967, 1199), abs=1)
    assert any("copies of 968 x 1200" in note and "brought to them" in note for note in done.notes)


def test_afids_of_a_template_are_not_put_onto_the_images_of_people(tmp_path: Path) -> None:
    volume(tmp_path / "sub-01" / "anat" / "sub-01_T1w.nii.gz", 1)
    folder = tmp_path / "derivatives" / "afids_groundtruth" / "sub-01" / "anat"
    mni = folder / "sub-01_space-MNI152NLin2009cAsym_desc-groundtruth_afids.fcsv"
    write_afids(mni, 0.0)
    with pytest.raises(InputError, match="MNI152NLin2009cAsym in sub-01"):
        import_afids(tmp_path, tmp_path / "refused")
    write_afids(folder / "sub-01_space-T1w_desc-groundtruth_afids.fcsv", 2.0)
    done = import_afids(tmp_path, tmp_path / "out")
    assert done.cases == 1 and any("space of a template" in note and mni.name in note for note in done.notes)
    found = read_datalist(done.datalist).cases[0].read_landmarks()
    assert found["anterior_commissure"].position[1] == pytest.approx(-22.0)


def test_afids_of_a_template_belong_to_the_image_in_that_space(tmp_path: Path) -> None:
    for seed, name in enumerate(("sub-01_T1w", "sub-01_space-MNI_T1w")):
        volume(tmp_path / "sub-01" / "anat" / f"{name}.nii.gz", seed)
    folder = tmp_path / "derivatives" / "afids_groundtruth" / "sub-01" / "anat"
    write_afids(folder / "sub-01_space-MNI_desc-groundtruth_afids.fcsv", 0.0)
    (case,) = read_datalist(import_afids(tmp_path, tmp_path / "out").datalist)
    assert case.name == "sub-01_space-MNI_T1w.nii.gz"


def test_afids_of_one_session_are_not_put_onto_the_image_of_another(tmp_path: Path) -> None:
    volume(tmp_path / "sub-01" / "ses-pre" / "anat" / "sub-01_ses-pre_T1w.nii.gz", 1)
    folder = tmp_path / "derivatives" / "afids_groundtruth" / "sub-01" / "ses-post" / "anat"
    write_afids(folder / "sub-01_ses-post_space-T1w_desc-groundtruth_afids.fcsv", 0.0)
    with pytest.raises(InputError, match="nothing to import"):
        import_afids(tmp_path, tmp_path / "out")


def test_the_challenges_images_are_imported_and_pass_the_check(real_data: Path, tmp_path: Path) -> None:
    for rater in ("senior", "junior"):
        (tmp_path / f"400_{rater}").mkdir()
        table = real_data / "cephalometry_isbi2015_annotations" / f"{rater}.csv"
        for line in table.read_text().splitlines():
            name, *numbers = line.split(",")
            pixels = [f"{10 * float(number):.0f}" for number in numbers]
            points = "\n".join(f"{x},{y}" for x, y in zip(pixels[::2], pixels[1::2], strict=True))
            (tmp_path / f"400_{rater}" / f"{name}.txt").write_text(points)
    wanted = [1, 2, 3, 4, 5, 6, 7, 38, 144, 151, 173, 283]
    for number in wanted:
        (tmp_path / f"{number:03d}.jpg").symlink_to(real_data / "isbi2015" / "images" / f"{number:03d}.jpg")
    datalist = read_datalist(import_isbi2015(tmp_path, tmp_path / "out").datalist)
    assert len(datalist) == len(wanted) and datalist.warnings
    split = divide(datalist)
    assert {case.split for case in (*split.training, *split.held_out)} == {"train"}
    assert len(split.training) + len(split.held_out) == 7
