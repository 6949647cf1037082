"""What the tests cannot run in PythonQt is at least spelt as PythonQt wants it."""

from pathlib import Path

from Testing.Python.slicer_host.spelling import foreign_spellings


def test_no_file_uses_a_spelling_that_only_pyside_takes(repository: Path) -> None:
    files = sorted((repository / "LandmarkDetection").rglob("*.py"))
    found = {
        str(path.relative_to(repository)): foreign_spellings(path.read_text(encoding="utf-8"))
        for path in files
    }
    assert files
    assert {path: spellings for path, spellings in found.items() if spellings} == {}
