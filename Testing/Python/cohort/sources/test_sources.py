"""Cases are found in folders, DICOM archives, BIDS data sets and datalists; what is left out has a reason."""

import json
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest

from LandmarkDetectionLib.cohort.sources.case_source import Found
from LandmarkDetectionLib.cohort.sources.filters import Filters
from LandmarkDetectionLib.cohort.sources.find import find_cases
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.volumes import list_series, read_volume, write_dicom, write_volume


def volume(slices: int = 4, value: int = 0, modality: str = "CT") -> Volume:
    voxels = np.arange(slices * 20, dtype=np.int16).reshape(slices, 4, 5) + np.int16(value)
    return Volume(voxels, np.diag([-1.0, -1.0, 2.0, 1.0]), modality, "scan")


def write_series(folder: Path, slices: int = 4, **tags: object) -> None:
    """A DICOM series with tags of its own; PatientName is somebody's."""
    write_dicom(volume(slices), folder)
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        for name, value in {"PatientName": "Doe^Jane", **tags}.items():
            setattr(data, name, value)
        data.save_as(path)


def reasons(found: Found) -> dict[str, str]:
    return {one.kind: one.reason for one in found.left_out}


def test_a_folder_holds_volumes_of_every_format_and_dicom_series(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("a.nii.gz", "b.nii", "c.nrrd", "deep/d.mha", "deep/er/e.mhd", "f.nhdr"):
        write_volume(volume(), tmp_path / name)
    write_series(tmp_path / "scan")
    (tmp_path / ".hidden.nii").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    found = find_cases(tmp_path)
    assert sorted(case.kind for case in found.cases) == sorted(
        ["NIfTI", "NIfTI", "NRRD", "NRRD", "MetaImage", "MetaImage", "DICOM series"]
    )
    # The voxels of .mhd and .nhdr lie in files of their own, which belong to the case.
    assert [len(case.files) for case in found.cases if case.files[0].suffix in (".mhd", ".nhdr")] == [2, 2]
    assert [one.identity for one in found.left_out] == ["notes.txt"]
    for case in found.cases:
        assert case.read()[0].size == (5, 4, 4)


def test_series_that_are_no_scans_are_left_out_each_for_its_reason(tmp_path: Path) -> None:
    write_series(tmp_path / "good", SeriesDescription="Thorax")
    write_series(tmp_path / "localizer", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(tmp_path / "scout", SeriesDescription="Topogram 0.6")
    write_series(tmp_path / "mip", ImageType=["DERIVED", "SECONDARY", "MIP"])
    write_series(tmp_path / "screen", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    write_series(tmp_path / "capture", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    write_series(tmp_path / "report", Modality="SR")
    (tmp_path / "broken.dcm").write_bytes(b"no DICOM at all")
    found = find_cases(tmp_path)
    assert [case.description for case in found.cases] == ["Thorax"]
    told = sorted((one.kind, one.reason) for one in found.left_out)
    assert told == [
        ("DICOM object", "not an image (SR)"),
        ("captured screen", "a captured screen or a page of text"),
        ("damaged file", "damaged, or not DICOM although its name says so"),
        ("derived", "derived from another series (MIP)"),
        ("localizer", "a localizer"),
        ("localizer", "a localizer"),
        ("secondary capture", "a secondary capture"),
    ]
    assert len(find_cases(tmp_path, Filters(every_series=True)).cases) == 6


def with_scouts(folder: Path, names: tuple[str, ...], **tags: object) -> None:
    """A series with scouts in it: pictures of another size, along the patient."""
    write_series(folder, slices=12, SeriesInstanceUID="1.2.3", **tags)
    for name in names:
        data = pydicom.dcmread(folder / "00001.dcm")
        data.SOPInstanceUID = pydicom.uid.generate_uid()
        data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        data.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        data.Rows, data.Columns, data.SeriesDescription = 10, 8, "Scout"
        data.PixelData = np.zeros((10, 8), np.int16).tobytes()
        data.save_as(folder / name)


@pytest.mark.parametrize(
    "names", [("0.dcm",), ("9.dcm",), ("0.dcm", "1.dcm"), ("0.dcm", "1.dcm", "2.dcm", "8.dcm")]
)
def test_a_scan_with_scouts_in_its_series_is_a_case(tmp_path: Path, names: tuple[str, ...]) -> None:
    with_scouts(tmp_path / "scan", names, SeriesDescription="Thorax")
    (case,) = find_cases(tmp_path).cases
    assert (case.slices, case.description, case.modality) == (12, "Thorax", "CT")
    (read,) = case.read()
    assert np.array_equal(read.voxels, volume(12).voxels)
    (listed,) = list_series(tmp_path)
    assert listed.size == (5, 4)


@pytest.mark.parametrize(
    "description",
    [
        "CT WHOLE BODY SKELETAL SURVEY 2.0",
        "Myeloma low dose bone survey",
        "Abdomen after scout",
        "Thorax without localizer",
        "Leg length scanogram",
    ],
)
def test_a_scan_may_be_called_after_surveys_and_scouts(tmp_path: Path, description: str) -> None:
    write_series(tmp_path / "scan", slices=5, SeriesDescription=description)
    assert [case.description for case in find_cases(tmp_path).cases] == [description]


def test_localizers_in_three_directions_are_known_by_their_name(tmp_path: Path) -> None:
    """Scanners of MR do not say LOCALIZER in the image type."""
    write_series(tmp_path / "good", SeriesDescription="T1")
    write_series(tmp_path / "scouts", slices=15, SeriesDescription="3-plane localizer")
    for k, path in enumerate(sorted((tmp_path / "scouts").iterdir())):
        data = pydicom.dcmread(path)
        data.ImageOrientationPatient = [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]][k % 3]
        data.save_as(path)
    found = find_cases(tmp_path)
    assert [case.description for case in found.cases] == ["T1"]
    assert reasons(found) == {"localizer": "a localizer"}


def test_a_scan_with_a_page_of_text_in_its_series_is_a_case(tmp_path: Path) -> None:
    write_series(tmp_path / "scan", slices=12, SeriesInstanceUID="1.2.3")
    data = pydicom.dcmread(tmp_path / "scan" / "00001.dcm")
    data.SOPInstanceUID, data.ImageType = pydicom.uid.generate_uid(), ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    data.Rows, data.PixelData = 2, np.zeros((2, 5), np.int16).tobytes()
    data.save_as(tmp_path / "scan" / "0.dcm")
    (case,) = find_cases(tmp_path).cases
    assert case.slices == 12
    assert np.array_equal(case.read()[0].voxels, volume(12).voxels)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipes_are_left_out_and_not_waited_for(tmp_path: Path) -> None:
    write_series(tmp_path / "scan")
    for name in ("a.nii.gz", "b.dcm", "c", "d.mhd", "e.png"):
        os.mkfifo(tmp_path / "scan" / name)
    found = find_cases(tmp_path, Filters(minimum_slices=2))
    assert len(found.cases) == 1
    assert {one.reason for one in found.left_out} == {"no regular file (a pipe, a device or a broken link)"}
    assert len(found.left_out) == 5
    assert [one.slices for one in list_series(tmp_path)] == [4]
    with pytest.raises(InputError, match="is a device"):
        read_volume(tmp_path / "scan" / "b.dcm")


def test_one_folder_with_two_series_gives_two_cases_with_their_own_voxels(tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()
    for number, value in enumerate((0, 500)):
        write_dicom(volume(value=value), tmp_path / f"s{number}")
        for path in (tmp_path / f"s{number}").iterdir():
            path.rename(tmp_path / "mixed" / f"{number}-{path.name}")
        (tmp_path / f"s{number}").rmdir()
    found = find_cases(tmp_path)
    assert sorted(int(case.read()[0].voxels.min()) for case in found.cases) == [0, 500]


def test_filters_leave_out_by_modality_name_and_slices(tmp_path: Path) -> None:
    write_volume(volume(3), tmp_path / "thin.nii.gz")
    write_volume(volume(9), tmp_path / "thick.nrrd")
    write_series(tmp_path / "series", slices=9)
    (tmp_path / "damaged.nii.gz").write_bytes(b"\x1f\x8b broken")

    def names(filters: Filters) -> list[str]:
        return sorted(
            case.kind if case.series else case.identity for case in find_cases(tmp_path, filters).cases
        )

    # A damaged file is no thin one: reading it will tell what it is.
    assert names(Filters(minimum_slices=5)) == ["DICOM series", "damaged.nii.gz", "thick.nrrd"]
    assert names(Filters(modalities=("ct",))) == ["DICOM series"]
    assert names(Filters(patterns=("THI*",))) == ["thick.nrrd", "thin.nii.gz"]
    assert names(Filters(excluded=("*.nii.gz", "scan"))) == ["thick.nrrd"]
    with pytest.raises(InputError, match=r"no case to process \(4 x its name does not match\)"):
        find_cases(tmp_path, Filters(patterns=("nothing",)))


def test_pictures_are_cases_only_for_models_that_look_at_them(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "hand.png")
    write_volume(volume(), tmp_path / "a.nii.gz")
    assert len(find_cases(tmp_path).cases) == 2
    assert reasons(find_cases(tmp_path, Filters(pictures=False))) == {
        "picture": "a picture, and the model looks at volumes"
    }


def test_a_bids_data_set_gives_its_anatomical_images(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    for name in (
        "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz",
        "sub-01/ses-1/func/sub-01_ses-1_bold.nii.gz",
        "sub-02/anat/sub-02_T1w.nii.gz",
        "sub-02/anat/sub-02_desc-brain_mask.nii.gz",
        "sub-02/ct/sub-02_ct.nii.gz",
        "derivatives/x/sub-01/anat/sub-01_T1w.nii.gz",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_volume(volume(), tmp_path / name)
    found = find_cases(tmp_path)
    assert [(Path(case.identity).name, case.modality) for case in found.cases] == [
        ("sub-01_ses-1_T1w.nii.gz", "MR"),
        ("sub-02_T1w.nii.gz", "MR"),
        ("sub-02_ct.nii.gz", "CT"),
    ]
    assert reasons(found) == {"func": "not an anatomical image (func)", "mask": "a mask or map (mask)"}
    assert len(find_cases(tmp_path, Filters(modalities=("MR",))).cases) == 2


def test_a_datalist_needs_no_landmarks_and_keeps_channels_sides_and_spacing(tmp_path: Path) -> None:
    for name in ("t1.nrrd", "t2.nrrd", "a.nrrd"):
        write_volume(volume(), tmp_path / name)
    rows = [
        {"image": ["t1.nrrd", "t2.nrrd"]},
        {"image": "a.nrrd", "side": "left", "spacing": [3.0, 3.0, 3.0]},
        {"image": "a.nrrd"},
    ]
    (tmp_path / "data.json").write_text(json.dumps({"cases": rows}))
    found = find_cases(tmp_path / "data.json")
    assert len({case.identity for case in found.cases}) == 3
    by_identity = {case.identity: case for case in found.cases}
    assert len(by_identity["t1.nrrd + t2.nrrd"].read()) == 2
    assert by_identity["a.nrrd"].side == "left"
    np.testing.assert_allclose(by_identity["a.nrrd"].read()[0].spacing, 3.0)
    assert by_identity["a.nrrd (2)"].side == "auto"


def test_a_single_file_is_a_cohort_of_one(tmp_path: Path) -> None:
    write_volume(volume(), tmp_path / "a.nii.gz")
    (case,) = find_cases(tmp_path / "a.nii.gz").cases
    assert case.read()[0].size == read_volume(tmp_path / "a.nii.gz").size


def test_results_inside_the_source_are_no_cases(tmp_path: Path) -> None:
    write_volume(volume(), tmp_path / "a.nii.gz")
    (tmp_path / "out").mkdir()
    write_volume(volume(), tmp_path / "out" / "b.nii.gz")
    assert [case.identity for case in find_cases(tmp_path, skip=tmp_path / "out").cases] == ["a.nii.gz"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no case"):
        find_cases(tmp_path)
