"""Stand-in for the module ``SampleData``: sources are kept, and those of this computer can be loaded."""

import types
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import slicer


def sampleDataModule(sources: Callable[[], dict[str, dict[str, Any]]]) -> types.ModuleType:
    """The module; ``sources`` gives the registered samples of the open host, by name."""

    class SampleDataLogic:
        """Registers and loads samples."""

        @staticmethod
        def registerCustomSampleDataSource(
            category: str = "Custom",
            sampleName: str | None = None,
            uris: Any = None,
            fileNames: Any = None,
            nodeNames: Any = None,
            customDownloader: Any = None,
            thumbnailFileName: str | None = None,
            loadFileType: str = "VolumeFile",
            loadFiles: Any = None,
            loadFileProperties: Any = None,
            checksums: Any = None,
        ) -> None:
            sources()[str(sampleName)] = dict(locals())

        def downloadSamples(self, sampleName: str) -> list[Any]:
            source = sources()[sampleName]
            address = urlsplit(source["uris"])
            if address.scheme != "file":
                raise RuntimeError(f"The host loads samples of this computer only, not {source['uris']}")
            path = url2pathname(address.path)
            return [slicer.util.loadVolume(path, {"name": source["nodeNames"]})]

        def downloadSample(self, sampleName: str) -> Any:
            return self.downloadSamples(sampleName)[0]

    module = types.ModuleType("SampleData", "Recorded samples.")
    module.SampleDataLogic = SampleDataLogic
    return module
