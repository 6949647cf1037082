"""Measurements of a case as a page (PDF, HTML), a table (CSV) or a DICOM Structured Report."""

from LandmarkDetectionLib.reporting.case import RESEARCH_ONLY, CaseReport, Reviewed
from LandmarkDetectionLib.reporting.write import REPORT_SUFFIXES, report_of, write_report

__all__ = ["REPORT_SUFFIXES", "RESEARCH_ONLY", "CaseReport", "Reviewed", "report_of", "write_report"]
