"""The report of a cohort as one page that opens anywhere."""
