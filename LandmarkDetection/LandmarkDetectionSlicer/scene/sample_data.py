"""The sample that ships: a generated CT of no patient, loaded without a network."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import resource_path

NAME = "SyntheticBodyCT"
FILE = "synthetic-body-ct.nrrd"
SHA256 = "5314559ccef8de0a68a0916bbc0034bd225b8aa5dd32d074872424a42a1ad36f"
CATEGORY = "Landmark Detection"


def registerSampleData() -> None:
    """Offer the sample in the module Sample Data; called when Slicer has started."""
    import SampleData

    volume = resource_path("SampleData", FILE)
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        thumbnailFileName=str(volume.with_suffix(".png")),
        # An address of this computer: Sample Data then needs no network, and still checks the file.
        uris=volume.as_uri(),
        fileNames=FILE,
        nodeNames=NAME,
        checksums=f"SHA256:{SHA256}",
    )


def loadSample() -> slicer.vtkMRMLScalarVolumeNode:
    """Load the sample into the scene and show it.

    Raises
    ------
    InputError
        Its file is missing or damaged.
    """
    path = resource_path("SampleData", FILE)
    try:
        return slicer.util.loadVolume(str(path), {"name": NAME})
    except RuntimeError:
        raise InputError(
            _("The sample {path} cannot be loaded; install the extension again.").format(path=path)
        ) from None
