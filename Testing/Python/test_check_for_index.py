"""The index's checks are run on this repository, and what one says is passed on."""

import json
from pathlib import Path

import pytest

from Testing import check_for_index

#: As the index's script is laid out: every check raises its error or passes.
CHECKS = """
class ExtensionCheckError(RuntimeError):
    def __init__(self, name, check, details): super().__init__(details)
def check_json_schema(name, entry): assert requests.get(entry["$schema"].split("#")[0]).json()["of"]
def check_json_file_format(name, entry, path): assert path.endswith(name + ".json")
def check_category(name, entry): raise ExtensionCheckError(name, "", f"no category {entry['category']}")
def check_cmakelists_content(name, entry, clone):
    validate_image_url(RAW + "icon.png", "ICON", name, "pictures")
    validate_image_url(RAW + "gone.png", "ICON", name, "pictures")
def passes(*arguments): print("noise")
check_extension_name = check_git_repository_name = check_scm_url_syntax = passes
check_repository_size = check_license_file = passes
"""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A stand-in for the index, without the extension that ours needs."""
    (tmp_path / "scripts").mkdir()
    script = f"RAW = {check_for_index.RAW!r}\n{CHECKS}"
    (tmp_path / "scripts" / "check_description_files.py").write_text(script, encoding="utf-8")
    (tmp_path / "schemas").mkdir()
    schema = json.loads(check_for_index.ENTRY.read_text(encoding="utf-8"))["$schema"].split("#")[0]
    (tmp_path / "schemas" / schema.rsplit("/", 1)[1]).write_text('{"of": "1.0.2"}')
    return tmp_path


def test_what_fails_is_told_and_the_rest_passes(
    index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "icon.png").write_bytes(b"\x89PNG...")
    answers = check_for_index.run(index, tmp_path)
    assert {step: problem for step, problem in answers.items() if problem} == {
        "category": "no category Analysis",
        "CMakeLists.txt": f"ICON {check_for_index.RAW}gone.png is no picture of this tree",
        "dependencies": "the index has no PyTorch",
    }
    assert capsys.readouterr().out == ""


def test_a_folder_that_is_not_the_index_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_for_index.main([str(tmp_path)]) == 2
    assert "checkout" in capsys.readouterr().err
