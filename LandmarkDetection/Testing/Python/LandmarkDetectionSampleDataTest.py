"""Runs inside Slicer: the sample is offered by the module Sample Data and loads without a network."""

import unittest

import slicer
from LandmarkDetectionSlicer.scene import sample_data


class LandmarkDetectionSampleDataTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def test_sampleDataLoadsTheSample(self) -> None:
        import SampleData

        sample_data.registerSampleData()
        self.checkIsTheSample(SampleData.SampleDataLogic().downloadSample(sample_data.NAME))

    def test_theSampleIsLoadedFromItsFile(self) -> None:
        self.checkIsTheSample(sample_data.loadSample())

    def checkIsTheSample(self, volumeNode) -> None:
        self.assertEqual(volumeNode.GetName(), sample_data.NAME)
        self.assertEqual(volumeNode.GetImageData().GetDimensions(), (129, 90, 342))
        self.assertEqual(volumeNode.GetSpacing(), (5.0, 5.0, 5.0))
