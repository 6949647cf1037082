"""The samples that ship: generated images of no patient, loaded without a network."""

from __future__ import annotations

from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import resource_path

CATEGORY = "Landmark Detection"


@dataclass(frozen=True)
class Sample:
    """An image in ``Resources/SampleData`` with its thumbnail of the same name."""

    name: str
    file: str
    sha256: str


BODY_CT = Sample(
    "SyntheticBodyCT",
    "synthetic-body-ct.nrrd",
    "5314559ccef8de0a68a0916bbc0034bd225b8aa5dd32d074872424a42a1ad36f",
)
CEPHALOGRAM = Sample(
    "SyntheticCephalogram",
    "synthetic-cephalogram.nrrd",
    "51f9fc015f75f2af65d8223726e4d6886b4e07baeee54277f4157844476015d5",
)
HAND = Sample(
    "SyntheticHand",
    "synthetic-hand.nrrd",
    "84e219b49f419a289c2844a56ea05e5d721d6e42fb89e10ceaa89f255446f272",
)
SPINE = Sample(
    "SyntheticSpine",
    "synthetic-spine.nrrd",
    "53a37b39884145650263ce358e12a9938dcda8a7801d6c78eac10f79bb50408a",
)
SAMPLES = (BODY_CT, HAND, CEPHALOGRAM, SPINE)


def registerSampleData() -> None:
    """Offer the samples in the module Sample Data; called when Slicer has started."""
    import SampleData

    for sample in SAMPLES:
        path = resource_path("SampleData", sample.file)
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            thumbnailFileName=str(path.with_suffix(".png")),
            # An address of this computer: Sample Data then needs no network, and still checks the file.
            uris=path.as_uri(),
            fileNames=sample.file,
            nodeNames=sample.name,
            checksums=f"SHA256:{sample.sha256}",
        )


def loadSample(sample: Sample = BODY_CT) -> slicer.vtkMRMLScalarVolumeNode:
    """Load a sample into the scene and show it.

    Raises
    ------
    InputError
        Its file is missing or damaged.
    """
    path = resource_path("SampleData", sample.file)
    try:
        return slicer.util.loadVolume(str(path), {"name": sample.name})
    except RuntimeError:
        raise InputError(
            _("The sample {path} cannot be loaded; install the extension again.").format(path=path)
        ) from None
