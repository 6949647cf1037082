"""What the tools answer. Agents read the descriptions of the fields: they say units, axes and doubt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Unit = Annotated[
    Literal["mm", "px"],
    Field(
        description="Unit of positions and lengths: mm, or px (pixels) for pictures whose pixels have no "
        "known size. Values in px are not millimetres and cannot be converted without a calibration."
    ),
]
ResearchOnly = Annotated[
    Literal[True], Field(description="For research use only; not a medical device, not for diagnosis.")
]
Files = Annotated[list[str], Field(description="Files that were written, in allowed folders.")]
Manifest = Annotated[
    str | None,
    Field(
        description="File beside the result that tells how it came about: options, versions, SHA-256 of "
        "model, inputs and outputs."
    ),
]


class Warned(BaseModel):
    """What a person should know before trusting a result. Tell it to the user."""

    text: str = Field(description="A sentence for people.")
    kind: str = Field(description="What it is about, as unusual_distance, mirrored, cut_off, pixels_not_mm.")
    landmarks: list[str] = Field(description="Those it is about; empty: the whole image or result.")


class ModelSummary(BaseModel):
    """A model that can be used by its name."""

    name: str
    version: str
    title: str
    images: list[Literal["volumes", "radiographs"]] = Field(
        description="volumes: CT or MR of several slices; radiographs: single pictures."
    )
    data_type: str = Field(description="What it learned from and works on, modalities included; in words.")
    intended_use: str
    of_one_hand: bool = Field(description="It looks for one hand, and can be told which side it is.")
    channels: int = Field(description="Images that one case consists of; detect takes models of one alone.")
    protocol: str = Field(description="Name of its protocol, for describe.")
    landmarks: list[str] = Field(description="Names of those it finds; describe defines them.")


class Models(BaseModel):
    """Models that are installed."""

    models: list[ModelSummary]
    broken: list[str] = Field(description="Names of models that are there but cannot be used.")


class LandmarkDescription(BaseModel):
    """One landmark as a rater is told."""

    name: str
    title: str
    definition: str = Field(description="Where exactly the point lies.")


class MeasurementDescription(BaseModel):
    """Something a protocol measures."""

    name: str
    title: str
    kind: str = Field(description="distance, angle, ratio, ...")
    landmarks: list[str] = Field(description="Those that it needs.")
    unit: str = Field(description="mm, deg, %, or 1 for a plain number.")
    usual_range: list[float] | None = Field(description="Lowest and highest usual value, in this unit.")


class ProtocolDescription(BaseModel):
    """The named set of landmarks of a model or of a person, and what is measured between them."""

    name: str
    version: str
    title: str
    region: str
    view: Literal["space", "picture"] = Field(
        description="space: measured in the patient's space; picture: in the plane of a radiograph."
    )
    description: str
    landmarks: list[LandmarkDescription]
    pairs: list[list[str]] = Field(description="Left and right landmarks that belong together.")
    measurements: list[MeasurementDescription]
    frames: list[str] = Field(description="Coordinate frames that the landmarks give, as AC-PC.")


class SeriesDescription(BaseModel):
    """A series of a DICOM folder."""

    number: int | None = Field(description="Give it as series to choose this one.")
    modality: str
    slices: int
    size: list[int] = Field(description="Columns and rows.")


class ImageDescription(BaseModel):
    """What an image is, without anything of the patient. Of a folder of several series these alone."""

    modality: str = Field(description="CT, MR, CR, ... as the file says it; empty where it does not.")
    size: list[int] | None = Field(description="Voxels along i, j and k; one along k: a single picture.")
    spacing_mm: list[float] | None = Field(
        description="mm between voxel centres along i, j and k; null where the size of a pixel is unknown."
    )
    extent_mm: list[float] | None = Field(description="mm from face to face along i, j and k.")
    axes: str | None = Field(
        description="Which way i, j and k grow, nearly: R or L, A or P, S or I of the patient (LPS: to the "
        "left, back and up); null for pictures."
    )
    is_2d: bool | None = Field(description="A single picture, as a radiograph.")
    warnings: list[Warned]
    series: list[SeriesDescription] = Field(description="Of a DICOM folder; empty for a file.")


class FoundLandmark(BaseModel):
    """A landmark as a model found it."""

    name: str
    status: str = Field(
        description="detected; uncertain: a person must look at it; absent: outside the image, without a "
        "position; accepted, corrected or missing: settled by a person."
    )
    position_ras: list[float] | None = Field(
        description="R, A, S in the answer's unit: R grows to the patient's right, A to the front, S to the "
        "head. Not LPS. null when absent."
    )
    confidence: float | None = Field(
        description="Calibrated probability (0 to 1) that it is there and where it is said to be. Below 0.5 "
        "treat it as not found."
    )
    expected_error: float | None = Field(
        description="How far from the truth it is expected to be, in the answer's unit."
    )


class Found(BaseModel):
    """A detection; the file has all of it."""

    research_use_only: ResearchOnly = True
    model: str
    model_version: str
    coordinate_system: Literal["RAS"] = "RAS"
    unit: Unit
    counts: dict[str, int] = Field(description="Landmarks by status.")
    landmarks: list[FoundLandmark]
    warnings: list[Warned]
    files: Files
    manifest: Manifest
    seconds: float


class MeasuredValue(BaseModel):
    """One measurement."""

    name: str
    title: str
    value: float | None = Field(description="null where there is a gap; never zero instead.")
    unit: str = Field(description="mm, px (pixels, not mm), deg, %, or 1 for a plain number.")
    interval_95: list[float] | None = Field(
        description="Lowest and highest value of the 95 % interval; null: spread unknown."
    )
    usual_range: list[float] | None
    position: str | None = Field(description="Against the usual range: below, within, above.")
    class_name: str | None
    class_meaning: str | None
    gap: str | None = Field(description="Why there is no value.")
    remarks: list[str] = Field(description="What to know of the value. Tell it with the value.")


class Measured(BaseModel):
    """What was measured of landmarks."""

    research_use_only: ResearchOnly = True
    protocol: str
    protocol_version: str
    unit_of_lengths: Unit
    calibration: str | None = Field(description="How the size of pixels is known, where it was given.")
    measurements: list[MeasuredValue]
    warnings: list[Warned]
    files: Files
    manifest: Manifest


class Reported(BaseModel):
    """A report that was written."""

    research_use_only: ResearchOnly = True
    files: Files
    manifest: Manifest
    warnings: list[Warned]
