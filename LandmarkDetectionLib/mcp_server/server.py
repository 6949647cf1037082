"""The tools over the Model Context Protocol, with the official SDK; what they do is in :mod:`.tasks`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.errors import Cancelled, LandmarkDetectionError
from LandmarkDetectionLib.mcp_server import answers
from LandmarkDetectionLib.mcp_server.tasks import Landmarks, Tasks
from LandmarkDetectionLib.typing import Progress

Answer = TypeVar("Answer")

INSTRUCTIONS = """\
Anatomical landmarks in CT, MR and radiographs, for research use only: never a diagnosis, never a basis for \
treatment.
Positions are RAS: R grows to the patient's right, A to the front, S to the head; in the answer's `unit`, \
mm, or px for pictures without a known pixel size. px are not mm.
Every landmark has a status and a calibrated confidence. Say which are uncertain or absent, and pass \
warnings on to the user: do not present doubtful positions as found.
Files are read and written in the allowed folders alone; a path is absolute or begins in the first of them.
Usual order: list_models, describe_image, detect, measure, report."""

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)

ImagePath = Annotated[
    str, Field(description="NIfTI, NRRD, MetaImage, radiograph (PNG, TIFF, JPEG, BMP), DICOM file or folder.")
]
SeriesNumber = Annotated[
    int | None, Field(description="Number of the series, for a DICOM folder that holds several.")
]
LandmarkFile = Annotated[
    str,
    Field(
        description="File of landmarks: the .json that detect wrote (best: it knows how sure each is), "
        ".mrk.json, .fcsv, .csv, or a DICOM Structured Report."
    ),
]
TheirImage = Annotated[
    str | None,
    Field(
        description="The image of the landmarks. Radiographs need it: it tells what a pixel measures and how "
        "high the picture is."
    ),
]
ProtocolName = Annotated[
    str | None, Field(description="Name of a protocol; found by the model or the landmarks when not given.")
]
InPixels = Annotated[
    bool, Field(description="Without an image: the positions are pixels of unknown size, not mm.")
]
PixelSize = Annotated[
    float | None,
    Field(
        gt=0,
        allow_inf_nan=False,
        description="mm from one pixel to the next, for images that do not say it. Only what the user knows; "
        "never a guess, and never from a printing resolution (dpi).",
    ),
]
Overwrite = Annotated[
    bool, Field(description="Replace a file of this name. Ask the user before: it may hold corrections.")
]


def make_server(tasks: Tasks) -> MCPServer[Any]:
    """The server with its tools; ``run()`` speaks over standard input and output."""
    server: MCPServer[Any] = MCPServer(
        "landmark-detection",
        title="Landmark Detection",
        version=__version__,
        instructions=INSTRUCTIONS,
        log_level="WARNING",
    )
    # One line for each refusal would tell standard error which files were asked for.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    at_work = threading.Lock()

    @server.tool(title="List models", annotations=READS)
    async def list_models() -> answers.Models:
        """Which models there are: what each looks at (CT, MR, radiographs), and the landmarks it finds."""
        return await _in_thread(lambda stop: tasks.list_models())

    @server.tool(title="Describe a model or protocol", annotations=READS)
    async def describe(
        name: Annotated[str, Field(description="Name of a model or protocol, as list_models gives them.")],
    ) -> answers.ProtocolDescription:
        """The landmarks of a model or protocol: where exactly each lies, and what is measured by them."""
        return await _in_thread(lambda stop: tasks.describe(name))

    @server.tool(title="Describe an image", annotations=READS)
    async def describe_image(image: ImagePath, series: SeriesNumber = None) -> answers.ImageDescription:
        """Modality, size and spacing of an image, or the series of a DICOM folder; nothing of the patient."""
        return await _in_thread(lambda stop: tasks.describe_image(image, series))

    @server.tool(title="Detect landmarks", annotations=WRITES)
    async def detect(
        ctx: Context[Any, Any],
        image: ImagePath,
        output: Annotated[
            str,
            Field(
                description="File to write: .json is the full record, which measure and report read; "
                ".mrk.json and .fcsv are for 3D Slicer, .csv is a table."
            ),
        ],
        model: Annotated[str, Field(description="Name of a model, see list_models.")] = "whole-body-ct",
        series: SeriesNumber = None,
        side: Annotated[
            Literal["auto", "left", "right"],
            Field(description="Which hand it is, for models of one hand; auto: the thumb tells."),
        ] = "auto",
        threshold: Annotated[
            float | None,
            Field(
                allow_inf_nan=False,
                description="Voxels above this are body, in the image's values (HU in CT); estimated when "
                "not given. For when no body is found.",
            ),
        ] = None,
        depth: Annotated[
            Literal["mean", "network", "lateral"] | None,
            Field(description="How depth is found; the model's best when not given."),
        ] = None,
        pixel_size: PixelSize = None,
        landmarks: Annotated[
            list[str] | None,
            Field(description="Answer with these alone; the file holds all. All when not given."),
        ] = None,
        overwrite: Overwrite = False,
    ) -> answers.Found:
        """Find the landmarks of an image and write them to a file. Takes seconds to minutes."""
        return await _in_thread(
            lambda stop: tasks.detect(
                image,
                output,
                model,
                DetectOptions(threshold, depth, side=side),
                series=series,
                pixel_size=pixel_size,
                only=landmarks or (),
                overwrite=overwrite,
                progress=_progress_to(ctx, stop),
                cancelled=stop.is_set,
            ),
            at_work,
        )

    @server.tool(title="Measure landmarks", annotations=WRITES)
    async def measure(
        landmarks: LandmarkFile,
        image: TheirImage = None,
        series: SeriesNumber = None,
        protocol: ProtocolName = None,
        in_pixels: InPixels = False,
        pixel_size: PixelSize = None,
        output: Annotated[str | None, Field(description="Table to write (.csv), if one is wanted.")] = None,
        overwrite: Overwrite = False,
    ) -> answers.Measured:
        """Distances, angles and classes, each with its 95 % interval, or why there is no value."""
        which = Landmarks(landmarks, image, series, protocol, in_pixels, pixel_size)
        return await _in_thread(lambda stop: tasks.measure(which, output, overwrite), at_work)

    @server.tool(title="Write a report", annotations=WRITES)
    async def report(
        landmarks: LandmarkFile,
        output: Annotated[
            str,
            Field(
                description="File to write: .pdf or .html (a page with picture, measures and warnings), "
                ".csv, or .dcm (a DICOM Structured Report of a DICOM image, which needs the image)."
            ),
        ],
        image: TheirImage = None,
        series: SeriesNumber = None,
        protocol: ProtocolName = None,
        in_pixels: InPixels = False,
        pixel_size: PixelSize = None,
        overwrite: Overwrite = False,
    ) -> answers.Reported:
        """Write a report of a case for people: a page, a table, or a DICOM Structured Report."""
        which = Landmarks(landmarks, image, series, protocol, in_pixels, pixel_size)
        return await _in_thread(lambda stop: tasks.report(which, output, overwrite), at_work)

    return server


async def _in_thread(
    work: Callable[[threading.Event], Answer], alone: threading.Lock | None = None
) -> Answer:
    """Do the work in a thread; when the request is cancelled, it is told so and left to end by itself.

    Parameters
    ----------
    alone
        Held meanwhile: two images at once would fill the memory.

    Raises
    ------
    ToolError
        One sentence, for whatever went wrong.
    """
    stop = threading.Event()

    def run() -> Answer:
        while alone is not None and not alone.acquire(timeout=0.1):
            if stop.is_set():
                raise Cancelled("Cancelled; nothing was written.")
        try:
            return work(stop)
        finally:
            if alone is not None:
                alone.release()

    try:
        return await anyio.to_thread.run_sync(run, abandon_on_cancel=True)
    except LandmarkDetectionError as problem:
        raise ToolError(str(problem)) from None
    except MemoryError:
        raise ToolError("This computer has too little memory for the image; close other programs.") from None
    except Exception as problem:
        # Its text may hold anything, names of files and patients included.
        sentence = (
            f"Unexpected {type(problem).__name__}: this is a defect of landmark-detection {__version__}."
        )
        raise ToolError(sentence) from None
    finally:
        stop.set()


def _progress_to(ctx: Context[Any, Any], stop: threading.Event) -> Progress:
    def tell(fraction: float, text: str) -> None:
        if not stop.is_set():
            anyio.from_thread.run(ctx.report_progress, fraction, 1.0, text)

    return tell
