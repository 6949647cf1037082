"""Write the lists of files in the CMakeLists.txt files, or say what they lack.

::

    python Testing/update_cmake_lists.py           # write
    python Testing/update_cmake_lists.py --check   # exit code 1 and one line for every wrong or missing file

Slicer packages listed files only, so a file that nobody lists works in a checkout and is missing for users.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CODE = (".py",)
# Not for users: tests, and what tools leave behind.
LEFT_OUT = {"Testing", "__pycache__", ".DS_Store", "CMakeLists.txt"}


@dataclass(frozen=True)
class FileList:
    """One ``set(NAME ...)`` of a CMakeLists.txt file, and which files of its folder belong into it.

    ``code`` says whether Python files belong into it, or everything else.
    """

    folder: str
    variable: str
    code: bool

    def cmake_file(self, repository: Path) -> Path:
        return repository / self.folder / "CMakeLists.txt"

    def wanted(self, repository: Path) -> list[str]:
        """Files of the tree, relative to the folder."""
        root = repository / self.folder
        return sorted(
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.is_file()
            and (path.suffix in CODE) == self.code
            and not LEFT_OUT.intersection(path.relative_to(root).parts)
        )

    def listed(self, repository: Path) -> list[str]:
        """Files that the CMakeLists.txt file names."""
        return self._find(self.cmake_file(repository).read_text(encoding="utf-8"))[1].split()

    def problems(self, repository: Path) -> Iterator[str]:
        """One line for every file that is missing in the list, or listed and not there."""
        listed, wanted = self.listed(repository), self.wanted(repository)
        where = f"{self.folder}/CMakeLists.txt, {self.variable}"
        yield from (f"{where}: add the line  {name}" for name in wanted if name not in listed)
        yield from (f"{where}: remove the line  {name}" for name in listed if name not in wanted)
        if len(set(listed)) < len(listed):
            yield f"{where}: a file is listed twice"

    def write(self, repository: Path) -> None:
        """Write the list as it should be."""
        path = self.cmake_file(repository)
        text = path.read_text(encoding="utf-8")
        start, _, end = self._find(text)
        lines = "".join(f"\n  {name}" for name in self.wanted(repository))
        path.write_text(f"{start}{lines}\n  {end}", encoding="utf-8", newline="\n")

    def _find(self, text: str) -> tuple[str, str, str]:
        match = re.fullmatch(rf"(.*set\({self.variable}\b)([^)]*)(\).*)", text, re.DOTALL)
        if match is None:
            raise SystemExit(f"{self.folder}/CMakeLists.txt has no set({self.variable} ...)")
        return match[1], match[2], match[3]


LISTS = (
    FileList("LandmarkDetection", "MODULE_PYTHON_SCRIPTS", code=True),
    FileList("LandmarkDetection", "MODULE_PYTHON_RESOURCES", code=False),
    FileList("LandmarkDetectionLib", "MODULE_PYTHON_SCRIPTS", code=True),
    FileList("Resources", "LIBRARY_RESOURCES", code=False),
)


def problems(repository: Path = REPOSITORY) -> list[str]:
    """What is wrong with any list, one line each."""
    return [problem for one in LISTS for problem in one.problems(repository)]


def main(arguments: list[str]) -> int:
    """Write the lists, or with ``--check`` print what they lack."""
    if arguments == ["--check"]:
        found = problems()
        print("\n".join(found))
        return 1 if found else 0
    for one in LISTS:
        one.write(REPOSITORY)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
