"""Decode the pixels of a DICOM file into the values they mean."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.errors import InputError, MissingPackageError
from LandmarkDetectionLib.volume import rescaled

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

PIXEL_TAGS = [
    "SOPClassUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "ModalityLUTSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
    "FloatPixelData",
    "DoubleFloatPixelData",
]
#: Modalities whose numbers mean something whatever shade a screen gives them.
CROSS_SECTIONAL = ("CT", "MR", "PT", "NM")
#: Air in CT, which replaces voxels outside the scanner's circle.
AIR_HU = -1024

#: Compressions that SimpleITK decodes: RLE, JPEG, JPEG-LS, JPEG 2000.
ITK_DECODES = tuple(
    f"1.2.840.10008.1.2.{end}"
    for end in ("5", "4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
)


class Pixels:
    """The pixels of one DICOM file, which may hold many frames.

    Parameters
    ----------
    path
        The file, read at once; its frames are decoded one by one.

    Raises
    ------
    InputError
        The file is damaged, in colour, or has no pixels.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = _read(path)
        self._decoded: np.ndarray | None = None

    def values(self, index: int, slope: float, intercept: float, modality: str) -> np.ndarray:
        """Decode one frame.

        Parameters
        ----------
        index
            Number of the frame within the file.
        slope, intercept
            Of this frame's rescaling.
        modality
            A radiograph is inverted when its file calls small values white. Padding, where the file names a
            value for it, becomes -1024 in CT, with all that is less, and the smallest other value elsewhere.

        Returns
        -------
        numpy.ndarray
            (J, I) values.

        Raises
        ------
        InputError
            The pixels are damaged.
        MissingPackageError
            No decoder for their compression is installed.
        """
        stored = np.array(self._stored(index))
        padding = self._padding(stored)
        if self._data.get("PhotometricInterpretation") == "MONOCHROME1" and modality not in CROSS_SECTIONAL:
            stored = self._inverted(stored)
        if self._data.get("ModalityLUTSequence"):
            from pydicom.pixels import apply_modality_lut

            stored = np.array(apply_modality_lut(stored, self._data))
        values = rescaled(stored, slope, intercept)
        if padding is not None and padding.any() and not padding.all():
            lowest = AIR_HU if modality == "CT" else values[~padding].min()
            values[padding] = lowest if values.dtype.kind == "f" else max(lowest, np.iinfo(values.dtype).min)
        if padding is not None and modality == "CT" and values.dtype.kind != "u":
            # A lossy compression moves padding values a little; nothing real is thinner than air.
            np.maximum(values, AIR_HU, out=values)
        return values

    def _padding(self, stored: np.ndarray) -> np.ndarray | None:
        """Where the scanner filled pixels in, by the value or range that the file names."""
        values = [
            int(self._data[keyword].value)
            for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
            if isinstance(self._data.get(keyword), int)
        ]
        if not values or stored.dtype.kind not in "iu":
            return None
        # Some scanners write the value with the wrong sign: 63536 is meant as -2000.
        bits = 8 * stored.dtype.itemsize
        values = [int(np.array(value % 2**bits, np.uint64).astype(stored.dtype)) for value in values]
        return (stored >= min(values)) & (stored <= max(values))

    def _inverted(self, stored: np.ndarray) -> np.ndarray:
        ends = [stored.min(), stored.max()]
        if stored.dtype.kind == "f":
            return ends[0] + ends[1] - stored
        bits = int(self._data.get("BitsStored") or 8 * stored.dtype.itemsize)
        full = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if stored.dtype.kind == "i" else [0, 2**bits - 1]
        low, high = full if full[0] <= ends[0] and ends[1] <= full[1] else map(int, ends)
        return (low + high - stored.astype(np.int64)).astype(stored.dtype)

    def _stored(self, index: int) -> np.ndarray:
        """(J, I) pixels before rescaling."""
        from pydicom.pixels import pixel_array

        shape = (self._data.Rows, self._data.Columns)
        try:
            if self._decoded is None:
                return pixel_array(self._data, index=index, raw=True).reshape(shape)
        except Exception as error:
            # Plugins raise all kinds of errors, for damage as for a missing decoder.
            self._decoded = self._decoded_otherwise(error)
        return self._decoded[index].reshape(shape)

    def _decoded_otherwise(self, error: Exception) -> np.ndarray:
        """(frames, J, I) pixels by SimpleITK, or the reason why there are none."""
        damaged = InputError(f"{self.path} is damaged or truncated; copy or export it again.")
        syntax = self._data.file_meta.TransferSyntaxUID
        if syntax.is_transfer_syntax and not syntax.is_compressed:
            raise damaged from error
        if syntax not in ITK_DECODES:
            raise MissingPackageError(
                f"{self.path} is compressed as {syntax.name}, which needs another package: "
                "pip install pylibjpeg pylibjpeg-openjpeg (or export it uncompressed)."
            ) from error
        try:
            return _decoded_by_itk(self._data)
        except Exception as second:
            raise damaged from second


def _read(path: Path) -> FileDataset:
    import pydicom

    try:
        data = pydicom.dcmread(path, specific_tags=PIXEL_TAGS, force=True)
        drop_damaged(data)
    except Exception as error:
        raise InputError(f"{path} is damaged or truncated; copy or export it again.") from error
    if not any(keyword in data for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError(f"{path} is a DICOM file without pixel data; export the images themselves.")
    if data.get("SamplesPerPixel", 1) != 1 or "PALETTE" in str(data.get("PhotometricInterpretation")):
        raise InputError(f"{path} is a colour (RGB) image; give the original grey one.")
    if not isinstance(data.file_meta.get("TransferSyntaxUID"), pydicom.uid.UID):
        data.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    return data


def _decoded_by_itk(data: Dataset) -> np.ndarray:
    """(frames, J, I) stored pixels through SimpleITK, which brings the decoders that pydicom lacks.

    ITK would rescale and reorder; so it gets a copy that says nothing but how the pixels are compressed.
    """
    import pydicom
    import SimpleITK as sitk  # noqa: N813

    from LandmarkDetectionLib.itk import quiet

    bare = pydicom.Dataset()
    for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        setattr(bare, keyword, data[keyword].value)
    bare.SamplesPerPixel, bare.PhotometricInterpretation = 1, "MONOCHROME2"
    bare.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    bare.SOPInstanceUID = pydicom.uid.generate_uid()
    if "NumberOfFrames" in data:
        bare.NumberOfFrames = data.NumberOfFrames
    bare.file_meta = pydicom.dataset.FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = data.file_meta.TransferSyntaxUID
    bare.PixelData = data.PixelData
    bare["PixelData"].VR = "OB"
    bare["PixelData"].is_undefined_length = True
    with tempfile.TemporaryDirectory() as folder, quiet(sitk):
        name = str(Path(folder) / "pixels.dcm")
        bare.save_as(name, enforce_file_format=True)
        pixels = sitk.GetArrayFromImage(sitk.ReadImage(name, imageIO="GDCMImageIO"))
    return pixels.reshape((-1, *pixels.shape[-2:]))


def drop_damaged(data: Dataset) -> None:
    """Delete the elements that cannot be decoded, so that whatever needs them says that it lacks them."""
    for tag in list(data.keys()):
        try:
            element = data[tag]
            for item in element.value if element.VR == "SQ" else ():
                list(item.iterall())
        except Exception:
            # pydicom decodes on first use, and raises whatever the bytes lead to.
            del data[tag]
