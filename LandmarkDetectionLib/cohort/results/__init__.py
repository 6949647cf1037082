"""What lies in the output folder of a cohort: records, tables, reviews, the common frame."""
