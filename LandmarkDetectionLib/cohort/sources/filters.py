"""Which of the cases found are taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch

from LandmarkDetectionLib.cohort.run.nameless import nameless
from LandmarkDetectionLib.cohort.sources.case_source import CaseSource, Found, LeftOut
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io import metaimage, nifti, nrrd


@dataclass(frozen=True)
class Filters:
    """Rules that every case must pass.

    Attributes
    ----------
    modalities
        DICOM's words; empty takes every modality. What does not say its modality is left out then.
    patterns
        At least one of these matches the path below the source, the file's name, or the description of a
        DICOM series; empty takes every name. ``*`` and ``?`` as in a shell, upper and lower case alike.
    excluded
        None of these does.
    minimum_slices
        Of volumes: 0 takes every number.
    pictures
        Whether pictures (PNG, TIFF, JPEG, BMP) are cases.
    every_series
        Whether localizers, derived series and captured screens of a DICOM archive are cases.
    """

    modalities: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    minimum_slices: int = 0
    pictures: bool = True
    every_series: bool = False

    def apply(self, found: Found) -> Found:
        """What passes, and what does not with its reason; both in the order of their identities."""
        kept, left_out = [], list(found.left_out)
        for case in found.cases:
            reason = next(self._reasons(case), "")
            if reason:
                left_out.append(LeftOut(case.identity, case.kind, reason))
            else:
                kept.append(case)
        return Found(
            tuple(sorted(kept, key=lambda case: case.identity)),
            tuple(sorted(left_out, key=lambda one: one.identity)),
        )

    def _reasons(self, case: CaseSource) -> Iterator[str]:
        if case.kind == "picture" and not self.pictures:
            yield "a picture, and the model looks at volumes"
        names = [name.lower() for name in (case.identity, case.files[0].name, case.description)]

        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatch(name, pattern.lower()) for pattern in patterns for name in names)

        if self.patterns and not matches(self.patterns):
            yield "its name does not match"
        if self.excluded and matches(self.excluded):
            yield "its name is excluded"
        if self.modalities and case.modality.upper() not in {one.upper() for one in self.modalities}:
            yield f"its modality is {case.modality or 'not known'}"
        if self.minimum_slices:
            slices = case.slices or _slices_of(case)
            if slices and slices < self.minimum_slices:
                yield f"too few slices (fewer than {self.minimum_slices})"


def _slices_of(case: CaseSource) -> int:
    """Slices as the header says; 0 when it says nothing, so that reading it says what is wrong."""
    if case.kind == "picture":
        return 1
    module = {"NIfTI": nifti, "NRRD": nrrd, "MetaImage": metaimage}.get(case.kind)
    if module is None:
        return 0
    with nameless(case, "") as plain, suppress(InputError, OSError):
        return module.slices(plain.case.files[0])
    return 0
