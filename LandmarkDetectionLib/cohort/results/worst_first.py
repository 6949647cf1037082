"""How the score of a cohort's report is explained to people."""

SCORE_TEXT = (
    "The score estimates how many landmarks of a case are wrong. Each landmark adds one minus its calibrated "
    "confidence; one that the model calls absent adds its confidence, the chance that it is there after all. "
    "If a warning is about the landmark, or it is an outlier in the common frame, that number is moved half "
    "way to one. Each warning that is about no landmark adds one more, until all landmarks are settled. "
    "A landmark that a person has settled adds nothing."
)
