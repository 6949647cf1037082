"""A case's files under names that say nothing, for as long as something reads them.

What a reader says of a file names it in ways that nobody can list: quoted, shortened, with its folder, or as
the header of another file has it. So readers are given links with names that are made up, beside headers in
which the names of their data files are made up as well; what stands for them in a sentence is put in
afterwards. Libraries that end the process over a name that is not UTF-8 never see one either.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from LandmarkDetectionLib.cohort.sources.case_source import KINDS, CaseSource, data_files, text_of
from LandmarkDetectionLib.io.dti import DTIColourMap
from LandmarkDetectionLib.io.formats import DICOM

#: Endings that say how a file is read; any other part of a name may be a person's.
ENDINGS = (".nii.gz", *sorted({*KINDS, *DICOM} - {".nii.gz"}, key=len, reverse=True))


@dataclass(frozen=True)
class Nameless:
    """A case for readers.

    Attributes
    ----------
    case
        Its files under made-up names; under their own where the system makes no links.
    names
        What stands for each made-up name in sentences for people.
    """

    case: CaseSource
    names: Mapping[str, str] = field(default_factory=dict)

    def told(self, text: str) -> str:
        """A sentence with what stands for the made-up names."""
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, self.names[name])
        return text


@contextmanager
def nameless(case: CaseSource, key: str, identifiers: bool = False) -> Iterator[Nameless]:
    """Give a case under made-up names; they are gone after the block.

    Parameters
    ----------
    case
        As it was found.
    key
        What sentences call it.
    identifiers
        Whether sentences call every file by its own name instead.
    """
    with tempfile.TemporaryDirectory(prefix="case-", ignore_cleanup_errors=True) as folder:
        links = _Links(Path(folder).resolve(), key, identifiers)
        try:
            linked = links.case(case)
        except (OSError, ValueError):  # a system without links
            yield Nameless(case)
            return
        yield Nameless(linked, links.names)


class _Links:
    """Links of one case, and what stands for them."""

    def __init__(self, folder: Path, key: str, identifiers: bool) -> None:
        self._folder = folder
        self._token = secrets.token_hex(6)
        self._key = key
        self._identifiers = identifiers
        self._made: dict[Path, Path] = {}
        self.names: dict[str, str] = {}

    def case(self, case: CaseSource) -> CaseSource:
        """The case with all its files under made-up names."""
        self.names[str(self._folder)] = text_of(case.files[0].parent) if self._identifiers else self._key
        if case.listed is None:
            return replace(case, files=tuple(self.link(path) for path in case.files))
        images = tuple(
            replace(one, fa=self.link(one.fa), directions=tuple(map(self.link, one.directions)))
            if isinstance(one, DTIColourMap)
            else self.link(one)
            for one in case.listed.images
        )
        row = replace(case.listed, images=images)
        return replace(case, files=row.image_files, listed=row)

    def link(self, path: Path) -> Path:
        """The made-up path of a file; numbered, so that files sort as before."""
        if path not in self._made:
            number = len(self._made)
            stem, lower = f"{self._token}-{number:06d}", path.name.lower()
            ending = next((ending for ending in ENDINGS if lower.endswith(ending)), "")
            link = self._folder / f"{stem}{ending}"
            if (header := self._header(path, stem)) is not None:
                link.write_bytes(header)
            else:
                link.symlink_to(path.absolute())
            self._made[path] = link
            other = self._key if number == 0 else f"{self._key} (file {number + 1})"
            self._stand(link.name, stem, path, other)
        return self._made[path]

    def _header(self, path: Path, stem: str) -> bytes | None:
        """The text of a header that names other files, with made-up names; None for any other file."""
        found = data_files(path)
        if found is None:
            return None
        text, parts = found.text, []
        end = 0
        for number, entry in enumerate(found.entries):
            name = f"{stem}-data-{number:06d}"
            for at, file in entry.files.items():
                data = f"{name}{at}"
                if file.is_file():
                    (self._folder / data).symlink_to(file.absolute())
                self._stand(data, "", file, f"a data file of {self._key}")
            parts += [text[end : entry.start], f"{name}{entry.numbering}".encode()]
            end = entry.end
        return b"".join([*parts, text[end:]])

    def _stand(self, name: str, stem: str, path: Path, other: str) -> None:
        """Note what stands for a made-up name, alone and with its folder."""
        said = text_of(path) if self._identifiers else other
        short = text_of(path.name) if self._identifiers else other
        self.names |= {str(self._folder / name): said, name: short}
        if stem:
            self.names[stem] = short
