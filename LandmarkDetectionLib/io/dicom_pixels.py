"""Decode the pixels of a DICOM file into the values they mean."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.errors import InputError, MissingPackageError
from LandmarkDetectionLib.io.formats import grey_of_colours, rescaled
from LandmarkDetectionLib.io.itk import quiet

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
    "PresentationLUTShape",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
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

#: Compressions that SimpleITK decodes: JPEG, JPEG-LS, JPEG 2000.
ITK_DECODES = tuple(
    f"1.2.840.10008.1.2.{end}" for end in ("4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
)
RLE, DEFLATED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.99"
#: Start of a JPEG 2000 stream, with the marker of its size.
J2K_START = b"\xff\x4f\xff\x51"
#: A file may unpack to this many times its own size, as blank pictures do, or to so many bytes in any case.
MOST_UNPACKED, FREELY_UNPACKED = 1000, 2**26
#: A packed frame takes at least the head of its item.
LEAST_PACKED = 8


class Pixels:
    """The pixels of one DICOM file, which may hold many frames.

    Parameters
    ----------
    path
        The file, read at once; its frames are decoded one by one.

    Raises
    ------
    InputError
        The file is damaged or has no pixels.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = _read(path)
        self._bits = _Bits.of(self._data)
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
            A modality lookup table takes the place of the rescaling. Colours that are all grey are grey.

        Returns
        -------
        numpy.ndarray
            (J, I) values.

        Raises
        ------
        InputError
            The pixels are damaged, or in colour.
        MissingPackageError
            No decoder for their compression is installed.
        """
        written = np.array(self._stored(index))
        stored = self._bits.meant(written)
        padding = self._padding(stored)
        if padding is not None and not self._bits.shift and written.dtype == stored.dtype:
            # Some write a padding value that the bits said to be stored do not hold.
            padding |= self._padding(written)
        if padding is not None and padding.any():
            # Padding must not stretch the type or the range of the values.
            stored[padding] = min(int(stored.min()), 0) if padding.all() else stored[~padding].min()
        inverted = modality not in CROSS_SECTIONAL and self._is_white_small()
        if self._data.get("ModalityLUTSequence"):
            values = self._looked_up(stored)
            if inverted:
                values = values.min() + values.max() - values
        else:
            values = rescaled(_inverted(stored, self._bits.used) if inverted else stored, slope, intercept)
        if padding is not None and modality == "CT":
            values = _holding(values, AIR_HU)
            values[padding] = AIR_HU
            # A lossy compression moves padding values a little; nothing real is thinner than air.
            np.maximum(values, AIR_HU, out=values)
        elif padding is not None and padding.any() and not padding.all():
            values[padding] = values[~padding].min()
        return values

    def _is_white_small(self) -> bool:
        return (
            self._data.get("PhotometricInterpretation") == "MONOCHROME1"
            or self._data.get("PresentationLUTShape") == "INVERSE"
        )

    def _looked_up(self, stored: np.ndarray) -> np.ndarray:
        """The values of the modality lookup table, in a type that holds their differences."""
        try:
            from pydicom.pixels import apply_modality_lut
        except ModuleNotFoundError:  # pydicom 2
            from pydicom.pixel_data_handlers.util import apply_modality_lut  # type: ignore[no-redef]

        try:
            return _holding(np.array(apply_modality_lut(stored, self._data)), -1)
        except Exception as error:
            # A damaged table raises whatever its bytes lead to.
            raise InputError(f"{self.path} has a damaged lookup table; export it again.") from error

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

    def _stored(self, index: int) -> np.ndarray:
        """(J, I) pixels as they are in the file."""
        shape = (self._data.Rows, self._data.Columns)
        self._require_bounded()
        try:
            if self._decoded is None:
                frame = _decoded(self._data, index)
                if frame.shape == (*shape, 3):
                    return self._grey(frame)
                frame = frame.reshape(shape)
                return self._grey(_coloured(frame, self._data)) if self._has_palette() else frame
        except InputError:
            raise
        except Exception as error:
            # Plugins raise all kinds of errors, for damage as for a missing decoder.
            self._decoded = self._decoded_otherwise(error)
        try:
            return self._decoded[index].reshape(shape)
        except (ValueError, IndexError) as error:
            raise InputError(f"{self.path} is damaged or truncated; copy or export it again.") from error

    def _has_palette(self) -> bool:
        return "PALETTE" in str(self._data.get("PhotometricInterpretation"))

    def _grey(self, colours: np.ndarray) -> np.ndarray:
        """(J, I) of (J, I, 3) whose channels are all but the same."""
        grey = grey_of_colours(colours)
        if grey is None:
            raise InputError(f"{self.path} is a colour (RGB) image; give the original grey one.")
        return grey

    def _require_bounded(self) -> None:
        """Refuse a packed file that is far larger than it can be; pydicom finds others short."""
        data = self._data
        pixels = int(data.Rows) * int(data.Columns) * int(data.get("SamplesPerPixel") or 1)
        size = pixels * int(data.get("BitsAllocated") or 8) // 8
        too_large = size > max(FREELY_UNPACKED, MOST_UNPACKED * self.path.stat().st_size)
        if too_large or _says_otherwise(data):
            raise InputError(f"{self.path} is damaged or truncated; copy or export it again.")

    def _decoded_otherwise(self, error: Exception) -> np.ndarray:
        """(frames, J, I) pixels by SimpleITK, or the reason why there are none."""
        damaged = InputError(f"{self.path} is damaged or truncated; copy or export it again.")
        syntax = self._data.file_meta.TransferSyntaxUID
        if syntax.is_transfer_syntax and (not syntax.is_compressed or syntax == RLE):
            raise damaged from error
        if isinstance(error, MemoryError):
            raise damaged from error
        if self._data.get("SamplesPerPixel", 1) != 1:
            raise InputError(
                f"{self.path} is in colour or damaged; give the original grey one, uncompressed."
            ) from error
        if syntax not in ITK_DECODES:
            raise MissingPackageError(
                f"{self.path} is compressed as {syntax.name}, which needs another package: "
                "pip install pylibjpeg pylibjpeg-openjpeg (or export it uncompressed)."
            ) from error
        try:
            return _decoded_by_itk(self._data)
        except Exception as second:
            raise damaged from second


def _is_packed(data: Dataset) -> bool:
    """Whether a kind of JPEG holds the pixels, and with it how many bits they have."""
    syntax = data.file_meta.TransferSyntaxUID
    return bool(syntax.is_transfer_syntax and syntax.is_compressed and syntax not in (RLE, DEFLATED))


def _says_otherwise(data: Dataset) -> bool:
    """Whether a JPEG 2000 stream is of another size than its header, which would decide the memory."""
    stream = data.get("PixelData") or b""
    start = stream.find(J2K_START)
    if data.file_meta.TransferSyntaxUID not in ITK_DECODES or start < 0 or len(stream) < start + 24:
        return False
    right, low, left, up = struct.unpack(">4I", stream[start + 8 : start + 24])
    return (right - left, low - up) != (data.Columns, data.Rows)


class _Bits:
    """Which bits of a stored number hold its value.

    Parameters
    ----------
    used
        Number of bits.
    shift
        Bits below them.
    masked
        Whether others are still to be taken off; decoders of JPEG give values without them.
    """

    def __init__(self, used: int, shift: int, masked: bool) -> None:
        self.used, self.shift, self.masked = used, shift, masked

    @classmethod
    def of(cls, data: Dataset) -> _Bits:
        """Read them off a header, which then says that every bit is used, so that pydicom keeps all."""
        allocated = int(data.get("BitsAllocated") or 8)
        used = int(data.get("BitsStored") or allocated)
        used = used if 0 < used <= allocated else allocated
        high = data.get("HighBit")
        high = int(high) if isinstance(high, int) and used <= high + 1 <= allocated else used - 1
        if _is_packed(data) or allocated not in (8, 16, 32) or "PixelData" not in data:
            return cls(used, 0, masked=False)
        data.BitsStored, data.HighBit = allocated, allocated - 1
        return cls(used, high + 1 - used, masked=True)

    def meant(self, stored: np.ndarray) -> np.ndarray:
        """The values that stored numbers hold; a copy where they are others."""
        width = 8 * stored.dtype.itemsize
        if not self.masked or stored.dtype.kind not in "iu" or self.used == width:
            return stored
        if stored.dtype.kind == "i" and not self.shift and self._is_extended(stored, width):
            return stored
        # Up, which drops the bits above, and down again, which repeats the sign.
        upper = np.left_shift(stored, width - self.used - self.shift)
        return np.asarray(np.right_shift(upper, width - self.used))

    def _is_extended(self, stored: np.ndarray, width: int) -> bool:
        """Whether all upper bits repeat the sign in numbers of the whole width: some need more than said."""
        upper = stored >> self.used
        return width - self.used > 1 and bool(((upper == 0) | (upper == -1)).all() and (upper == -1).any())


def _inverted(stored: np.ndarray, bits: int) -> np.ndarray:
    """Large values for small ones, over the range of the bits, or of the values where they exceed it."""
    ends = [stored.min(), stored.max()]
    if stored.dtype.kind == "f":
        return np.asarray(ends[0] + ends[1] - stored)
    full = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if stored.dtype.kind == "i" else [0, 2**bits - 1]
    low, high = full if full[0] <= ends[0] and ends[1] <= full[1] else map(int, ends)
    return (low + high - stored.astype(np.int64)).astype(stored.dtype)


def _holding(values: np.ndarray, number: int) -> np.ndarray:
    """The values in the narrowest signed type that also holds a negative number."""
    if values.dtype.kind != "u":
        return (
            values
            if values.dtype.kind == "f"
            else values.astype(np.result_type(values, np.int16), copy=False)
        )
    narrowest = np.min_scalar_type(-max(int(values.max()) + 1, -number, 2**15))
    return values.astype(narrowest)


def _read(path: Path) -> FileDataset:
    import pydicom

    try:
        require_bounded(path)
        data = pydicom.dcmread(path, specific_tags=PIXEL_TAGS, force=True)
        drop_damaged(data)
    except Exception as error:
        raise InputError(f"{path} is damaged or truncated; copy or export it again.") from error
    if not any(keyword in data for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError(f"{path} is a DICOM file without pixel data; export the images themselves.")
    if data.get("SamplesPerPixel", 1) not in (1, 3):
        raise InputError(f"{path} is a colour (RGB) image; give the original grey one.")
    if not isinstance(data.file_meta.get("TransferSyntaxUID"), pydicom.uid.UID):
        data.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    return data


def require_bounded(path: Path) -> None:
    """Refuse a deflated file that would fill the memory: pydicom inflates it whole.

    Raises
    ------
    ValueError
        It is far larger than its own size lets expect.
    """
    from pydicom.filereader import read_file_meta_info

    size = path.stat().st_size
    if size * MOST_UNPACKED <= FREELY_UNPACKED:
        return
    with path.open("rb") as stream:
        if stream.read(132)[128:] != b"DICM":
            return
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") != DEFLATED:
            return
        most = max(FREELY_UNPACKED, 100 * size)
        # The length of the meta information counts from behind the twelve bytes that hold it.
        stream.seek(132 + 12 + int(meta.FileMetaInformationGroupLength))
        if len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(), most)) >= most:
            raise ValueError("inflates without end")


def most_frames(header: Dataset, path: Path) -> int:
    """How many frames a file of its size can hold."""
    size = path.stat().st_size
    syntax = getattr(header, "file_meta", {}).get("TransferSyntaxUID", "")
    if getattr(syntax, "is_transfer_syntax", False) and syntax.is_compressed:
        return max(size // LEAST_PACKED, 1)
    unpacked = size * (MOST_UNPACKED if syntax == DEFLATED else 1)
    return max(8 * unpacked // max(int(header.Rows) * int(header.Columns), 1), 1)


def _decoded(data: Dataset, index: int) -> np.ndarray:
    """One frame, (J, I) or (J, I, 3) RGB, by pydicom 3 or 2.4 (which Slicer 5.10 ships)."""
    is_colour = data.get("SamplesPerPixel", 1) == 3
    try:
        from pydicom.pixels import pixel_array
    except ModuleNotFoundError:
        return _decoded_by_pydicom_2(data, index, is_colour)
    return pixel_array(data, index=index, raw=not is_colour)


def _decoded_by_pydicom_2(data: Any, index: int, is_colour: bool) -> np.ndarray:
    from pydicom.pixel_data_handlers.util import convert_color_space

    pixels = data.pixel_array
    frame = np.asarray(pixels[index] if pixels.ndim > 2 + is_colour else pixels)
    space = str(data.get("PhotometricInterpretation"))
    return np.asarray(convert_color_space(frame, space, "RGB")) if is_colour and space != "RGB" else frame


def _coloured(stored: np.ndarray, data: Dataset) -> np.ndarray:
    """(J, I, 3) colours of a palette."""
    try:
        from pydicom.pixels import apply_color_lut
    except ModuleNotFoundError:  # pydicom 2
        from pydicom.pixel_data_handlers.util import apply_color_lut  # type: ignore[no-redef]
    return np.asarray(apply_color_lut(stored, data))[..., :3]


def save(data: Any, path: str | Path) -> None:
    """Write a data set, which has file meta information, as a file of DICOM's format."""
    try:
        data.save_as(path, enforce_file_format=True)
    except TypeError:  # pydicom 2
        data.is_little_endian, data.is_implicit_VR = True, False
        data.save_as(path, write_like_original=False)


def _decoded_by_itk(data: Dataset) -> np.ndarray:
    """(frames, J, I) stored pixels through SimpleITK, which brings the decoders that pydicom lacks.

    ITK would rescale and reorder; so it gets a copy that says nothing but how the pixels are compressed.
    """
    import pydicom
    import SimpleITK as sitk  # noqa: N813

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
        save(bare, name)
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
