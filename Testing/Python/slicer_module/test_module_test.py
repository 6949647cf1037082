"""The test that runs inside Slicer also runs here."""

import sys

from Testing.Python.slicer_module.panel_cases import open_panel


def test_the_case_comes_back_as_it_was_reviewed(host):
    import unittest

    open_panel(host)
    case = sys.modules["LandmarkDetection"].LandmarkDetectionTest("test_caseComesBackAsItWasReviewed")
    result = unittest.TestResult()
    case.run(result)
    assert result.testsRun == 1 and not result.skipped
    assert result.wasSuccessful(), "\n".join(text for _, text in (*result.errors, *result.failures))
