"""Runs inside Slicer: the samples are offered by the module Sample Data and load without a network."""

import unittest

import slicer
from LandmarkDetectionSlicer.scene import sample_data


class LandmarkDetectionSampleDataTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def test_sampleDataLoadsTheSample(self) -> None:
        import SampleData

        sample_data.registerSampleData()
        for sample in sample_data.SAMPLES:
            self.checkIsTheSample(SampleData.SampleDataLogic().downloadSample(sample.name), sample)

    def test_samplesAreLoadedFromTheirFiles(self) -> None:
        for sample in sample_data.SAMPLES:
            self.checkIsTheSample(sample_data.loadSample(sample), sample)

    def checkIsTheSample(self, volumeNode, sample) -> None:
        dimensions = {
            sample_data.BODY_CT: (129, 90, 342),
            sample_data.HAND: (480, 640, 1),
            sample_data.CEPHALOGRAM: (544, 640, 1),
            sample_data.SPINE: (288, 768, 1),
        }
        self.assertEqual(volumeNode.GetName(), sample.name)
        self.assertEqual(volumeNode.GetImageData().GetDimensions(), dimensions[sample])
