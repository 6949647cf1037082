"""A detection together with what it was read from, for pictures, clicks and corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from LandmarkDetectionLib.core.landmarks import LandmarkSet

if TYPE_CHECKING:
    import numpy.typing as npt

    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionLib.core.search_path import SearchPath
    from LandmarkDetectionLib.detectors.evidence import Evidence
    from LandmarkDetectionLib.imaging.body.projection import Projection
    from LandmarkDetectionLib.imaging.hand.views import HandPicture
    from LandmarkDetectionLib.imaging.previews import ImageViews

    Views = Projection | HandPicture | ImageViews


@dataclass(frozen=True)
class Analysis:
    """A detection, what was looked at, and what the networks saw there.

    It never changes: a correction gives a new one. Only its detection is written to files, so that
    corrections of a record begin with detecting again.

    Attributes
    ----------
    detection : Detection
        The landmarks, with what was refined.
    views
        What was looked at, for pictures: a body from two sides, a hand, or the image.
    state
        What the networks saw, for clicks and corrections.
    first
        The detection before any correction; None when there was none.
    paths
        Ways of search agents, one per landmark, where that is how the model finds them.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> analysis = ld.analyse(ld.read_volume("ct.nrrd"), ld.load_model("whole-body-ct"))
    >>> analysis = analysis.refine({"knee_left": [-48.0, 45.0, -331.0]})
    >>> knee = analysis.detection.landmarks["knee_left"]
    >>> knee.status.value, knee.position.tolist()
    ('corrected', [-48.0, 45.0, -331.0])
    >>> hint = analysis.detection.landmarks["knee_right"].position + [8.0, 0.0, 8.0]
    >>> analysis.locate_near("knee_right", hint).name
    'knee_right'
    """

    detection: Detection
    views: Views = field(repr=False)
    state: Evidence = field(repr=False)
    first: Detection | None = field(default=None, repr=False)
    paths: tuple[SearchPath, ...] = field(default=(), repr=False)

    def refine(self, corrections: LandmarkSet | Mapping[str, npt.ArrayLike | None]) -> Analysis:
        """Move the landmarks that nobody has settled to where a person's corrections make them likely.

        Networks with a spatial branch (SCN, DACN) look again with the corrected landmarks drawn into their
        local appearance. All models weigh what their networks say of every landmark against how landmarks lie
        to one another and how errors go together, as a joint Gaussian that training left in the model's
        package.

        The result depends on the first detection and on what is settled alone, not on the steps to it.

        Parameters
        ----------
        corrections : LandmarkSet or mapping of name to (3,) RAS mm
            Of a set those landmarks count that a person accepted, corrected or called missing, in place of
            what was settled before. A mapping adds to that; None says that a landmark is missing.

        Returns
        -------
        Analysis
            In its detection, settled landmarks are exactly as given. The others have new places, calibrated
            anew; what was absent may appear, and what was present may vanish.

        Raises
        ------
        InputError
            The model has no joint Gaussian, or there is no such landmark.
        """
        from LandmarkDetectionLib.detectors import refining

        first = self.first or self.detection
        settled = refining.settled(first, corrections)
        if not isinstance(corrections, LandmarkSet):
            before = {mark.name: mark for mark in self.detection.landmarks if mark.status.by_person}
            settled = before | settled
        refined = refining.refine(first, self.state.joint, settled)
        return self if refined is self.detection else replace(self, detection=refined, first=first)

    def locate_near(self, name: str, near: npt.ArrayLike) -> Landmark:
        """Find one landmark again near a place that a person points to, within milliseconds.

        The place is taken as a hint: the landmark goes where both the hint and what the networks saw make it
        likely, and stays at the hint where they saw nothing. Depth is weighed between the two.

        Parameters
        ----------
        name : str
            The landmark.
        near : (3,)
            RAS mm.

        Returns
        -------
        Landmark
            With a confidence that holds for places about 10 mm off, and a covariance.

        Raises
        ------
        InputError
            When the model's networks do not work so (regression, agents, volumes too large to keep), there
            is no such landmark, or the place lies outside the scan or far from the body.
        """
        from LandmarkDetectionLib.detectors import locate

        return locate.locate_near(self.detection, self.state.maps, name, near)
