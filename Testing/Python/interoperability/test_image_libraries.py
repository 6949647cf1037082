"""Where SimpleITK (ITK, GDCM), nibabel and pydicom surprise with volumes, and that ours is right."""

import struct
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from LandmarkDetectionLib.io.volumes import read_volume
from Testing.Python.interoperability.versions import seen_with

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)  # (k, j, i)
DIGITAL_XRAY = "1.2.840.10008.5.1.4.1.1.1.1"


def nrrd(path: Path, *fields: str, voxels: np.ndarray = VOXELS) -> Path:
    head = [
        "NRRD0005",
        "type: int16",
        f"dimension: {voxels.ndim}",
        *fields,
        "endian: little",
        "encoding: raw",
    ]
    sizes = " ".join(map(str, voxels.shape[::-1]))
    path.write_bytes("\n".join([*head, f"sizes: {sizes}", "", ""]).encode("ascii") + voxels.tobytes())
    return path


def mha(path: Path, *fields: str) -> Path:
    head = ["ObjectType = Image", "NDims = 3", "DimSize = 4 3 2", *fields, "ElementType = MET_SHORT"]
    content = "\n".join([*head, "ElementDataFile = LOCAL", ""]).encode("ascii")
    path.write_bytes(content + VOXELS.tobytes())
    return path


# --- NRRD ---


@seen_with(SimpleITK="2.5.7")
def test_itk_takes_a_trailing_axis_of_time_for_lps(tmp_path: Path) -> None:
    path = nrrd(
        tmp_path / "time.nrrd",
        "space: right-anterior-superior-time",
        "space directions: (1,0,0,0) (0,1,0,0) (0,0,1,0) (0,0,0,1)",
        "space origin: (5,6,7,0)",
        voxels=VOXELS[None],
    )
    # Right, anterior, superior (5, 6, 7) is left, posterior, superior (-5, -6, 7).
    assert SimpleITK.ReadImage(str(path)).GetOrigin()[:3] == (5.0, 6.0, 7.0)
    assert read_volume(path).ijk_to_ras[:3, 3].tolist() == [5.0, 6.0, 7.0]


@seen_with(SimpleITK="2.5.7")
def test_itk_ignores_the_unit_of_nrrd_space(tmp_path: Path) -> None:
    path = nrrd(
        tmp_path / "units.nrrd",
        "space: left-posterior-superior",
        "space directions: (0.1,0,0) (0,0.1,0) (0,0,0.1)",
        "space origin: (0,0,0)",
        'space units: "cm" "cm" "cm"',
    )
    assert SimpleITK.ReadImage(str(path)).GetSpacing() == pytest.approx((0.1, 0.1, 0.1))
    assert read_volume(path).spacing == pytest.approx([1.0, 1.0, 1.0])


# --- MetaImage ---


@seen_with(SimpleITK="2.5.7")
def test_itk_ignores_slope_offset_and_unit_of_metaimage(tmp_path: Path) -> None:
    path = mha(
        tmp_path / "x.mha",
        "ElementSpacing = 0.1 0.1 0.1",
        "DistanceUnits = cm",
        "ElementToIntensityFunctionSlope = 2",
        "ElementToIntensityFunctionOffset = -1000",
    )
    image = SimpleITK.ReadImage(str(path))
    assert image.GetSpacing() == pytest.approx((0.1, 0.1, 0.1))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), VOXELS)
    ours = read_volume(path)
    assert ours.spacing == pytest.approx([1.0, 1.0, 1.0])
    assert np.array_equal(ours.voxels, VOXELS * 2 - 1000)


# --- NIfTI ---


def nifti(path: Path, **changes: object) -> Path:
    image = nibabel.Nifti1Image(VOXELS.T.copy(), np.diag([2.0, 2.0, 2.0, 1.0]))
    header = image.header
    for name, value in changes.items():
        header[name] = value
    nibabel.save(image, path)
    return path


@seen_with(SimpleITK="2.5.7", nibabel="5.4.2")
def test_itk_applies_the_unit_of_nifti_and_nibabel_does_not(tmp_path: Path) -> None:
    path = nifti(tmp_path / "metres.nii")
    content = bytearray(path.read_bytes())
    content[123] = 1  # xyzt_units: metres
    path.write_bytes(content)
    assert nibabel.load(path).header.get_zooms()[0] == 2.0
    assert SimpleITK.ReadImage(str(path)).GetSpacing()[0] == pytest.approx(2000.0)
    assert read_volume(path).spacing == pytest.approx([2000.0] * 3)


@seen_with(SimpleITK="2.5.7", nibabel="5.4.2")
def test_itk_takes_the_size_of_voxels_from_pixdim_and_nibabel_from_the_sform(tmp_path: Path) -> None:
    path = nifti(tmp_path / "sizes.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into("<3f", content, 80, 3.0, 3.0, 3.0)  # pixdim
    struct.pack_into("<h", content, 252, 0)  # no qform
    struct.pack_into("<h", content, 254, 1)  # an sform of scanner coordinates
    path.write_bytes(content)
    assert np.linalg.norm(nibabel.load(path).affine[:3, 0]) == pytest.approx(2.0)
    assert SimpleITK.ReadImage(str(path)).GetSpacing()[0] == pytest.approx(3.0)
    ours = read_volume(path)
    assert ours.spacing == pytest.approx([2.0] * 3)
    assert any("Slicer" in warning for warning in ours.warnings)


# --- DICOM ---


def header(modality: str, sop_class: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("x.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.Modality = modality
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    return data


@seen_with(SimpleITK="2.5.7")
def test_gdcm_ignores_pixel_spacing_alone_of_a_digital_radiograph(tmp_path: Path) -> None:
    data = header("DX", DIGITAL_XRAY)
    data.Rows, data.Columns = 40, 30
    data.PixelSpacing = [0.2, 0.2]
    data.PixelData = np.arange(1200, dtype=np.uint16).tobytes()
    data.save_as(tmp_path / "dx.dcm")
    assert SimpleITK.ReadImage(str(tmp_path / "dx.dcm")).GetSpacing()[:2] == (1.0, 1.0)
    assert read_volume(tmp_path / "dx.dcm").spacing[:2] == pytest.approx([0.2, 0.2])


def enhanced_ct(path: Path) -> Path:
    """Three frames 2 mm apart, the middle one first; in Hounsfield units by their functional groups."""
    data = header("CT", "1.2.840.10008.5.1.4.1.1.2.1")
    data.Rows, data.Columns, data.NumberOfFrames = 2, 2, 3
    shared, plane, orientation, values = Dataset(), Dataset(), Dataset(), Dataset()
    plane.PixelSpacing, plane.SliceThickness = [1.5, 1.5], 2.0
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    values.RescaleIntercept, values.RescaleSlope, values.RescaleType = -1024, 1, "HU"
    shared.PixelMeasuresSequence = [plane]
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelValueTransformationSequence = [values]
    data.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for height in (2.0, 0.0, 4.0):
        frame, position = Dataset(), Dataset()
        position.ImagePositionPatient = [0.0, 0.0, height]
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = frames
    data.PixelData = np.repeat(np.array([20, 0, 40], np.uint16), 4).tobytes()
    data.save_as(path)
    return path


@seen_with(SimpleITK="2.5.7")
def test_gdcm_reads_frames_out_of_order_as_they_come(tmp_path: Path) -> None:
    path = enhanced_ct(tmp_path / "enhanced.dcm")
    theirs = SimpleITK.ReadImage(str(path))
    assert SimpleITK.GetArrayFromImage(theirs)[:, 0, 0].argsort().tolist() == [1, 0, 2]
    ours = read_volume(path)
    assert ours.spacing == pytest.approx([1.5, 1.5, 2.0])
    order = np.argsort(ours.ijk_to_ras_points([[0, 0, k] for k in range(3)])[:, 2])
    assert ours.voxels[order, 0, 0].tolist() == [-1024, -1004, -984]


@seen_with(pydicom="3.0.2")
def test_pydicom_does_not_rescale_by_functional_groups(tmp_path: Path) -> None:
    from pydicom.pixels import apply_rescale

    data = pydicom.dcmread(enhanced_ct(tmp_path / "enhanced.dcm"))
    assert apply_rescale(data.pixel_array, data).max() == 40


@seen_with(highdicom="0.2")
def test_highdicom_counts_slices_downwards(tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom", reason="needs highdicom")
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.io.volumes import write_dicom

    volume = Volume(VOXELS, np.diag([-1.5, -1.5, 2.0, 1.0]), "CT")
    write_dicom(volume, tmp_path / "ct")
    files = [pydicom.dcmread(file) for file in sorted((tmp_path / "ct").iterdir())]
    theirs = highdicom.get_volume_from_series(files)
    first, last = (theirs.map_indices_to_reference(np.array([[k, 0, 0]]))[0, 2] for k in (0, 1))
    assert first > last
    itk = SimpleITK.ReadImage(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "ct")))
    assert itk.TransformIndexToPhysicalPoint((0, 0, 1))[2] > itk.GetOrigin()[2]
