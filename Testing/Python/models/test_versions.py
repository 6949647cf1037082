"""A better version stands beside the one it came from; whenever a process ends, a whole model is in use."""

import json
import shutil
from pathlib import Path

import pytest

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import (
    add_version,
    go_back,
    install_model,
    list_models,
    load_model,
    model_versions,
    next_version,
    parent_version,
    remove_model,
    ships_with_library,
    use_version,
    user_model_folder,
    version_folders,
)
from LandmarkDetectionLib.models.version_folders import order_of


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def installed(tiny_model: Path) -> str:
    return install_model(tiny_model).name


def version_of(tiny_model: Path, folder: Path, version: str, parent: str | None = None) -> Path:
    """A copy of the model with another number."""
    target = folder / version
    shutil.copytree(tiny_model, target)
    file = target / "configs" / "metadata.json"
    content = json.loads(file.read_text()) | {"version": version}
    if parent is not None:
        content["parent"] = {"name": "tiny-model", "version": parent}
    file.write_text(json.dumps(content))
    return target


def test_a_version_is_used_and_one_step_leads_back(installed, tiny_model, tmp_path, models):
    before = load_model(installed)
    better = add_version(version_of(tiny_model, tmp_path, "1.1.0", "1.0.0"))
    assert load_model(installed).version == "1.1.0" and parent_version(better) == "1.0.0"
    assert [one.version for one in model_versions(installed)] == ["1.0.0", "1.1.0"]
    assert [one.version for one in list_models() if one.name == installed] == ["1.1.0"]
    assert before.path.is_dir() and better.path != before.path
    assert go_back(installed).path == before.path == load_model(installed).path
    assert use_version(installed, "1.1.0").version == "1.1.0"
    with pytest.raises(ModelError, match="was not made from another"):
        use_version(installed, "1.0.0") and go_back(installed)


def test_a_version_is_named_beside_the_model(installed, tiny_model, tmp_path):
    add_version(version_of(tiny_model, tmp_path, "1.1.0"))
    assert [load_model(f"{installed}@{number}").version for number in ("1.0.0", "1.1.0")] == [
        "1.0.0",
        "1.1.0",
    ]
    shipped = load_model("whole-body-ct").version
    assert load_model(f"whole-body-ct@{shipped}").version == shipped
    for wrong in (f"{installed}@9.0.0", f"{installed}@", "../x@1.0.0", f"{installed}@../1.0.0"):
        with pytest.raises(ModelError, match="There is no model"):
            load_model(wrong)


def test_numbers_go_on_from_the_highest(installed, tiny_model, tmp_path):
    assert next_version(installed) == "1.1.0"
    for number in ("1.10.0", "1.9.0"):
        add_version(version_of(tiny_model, tmp_path, number))
    assert next_version(installed) == "1.11.0"
    assert [one.version for one in model_versions(installed)] == ["1.0.0", "1.9.0", "1.10.0"]
    assert order_of("1.9.0") < order_of("1.10.0") < order_of("2.0.0-rc.1")


def test_a_version_is_never_overwritten(installed, tiny_model, tmp_path):
    add_version(version_of(tiny_model, tmp_path, "1.1.0"))
    for number in ("1.1.0", "1.0.0"):
        with pytest.raises(ModelError, match=f"a version {number} of tiny-model already"):
            add_version(version_of(tiny_model, tmp_path / "again", number))


def test_a_broken_version_is_not_put_in_use(installed, tiny_model, tmp_path):
    broken = version_of(tiny_model, tmp_path, "1.1.0")
    (broken / "models" / "coronal.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="does not match its checksum"):
        add_version(broken)
    assert load_model(installed).version == "1.0.0"
    with pytest.raises(ModelError, match=r"no version 3.0.0 of tiny-model; there are 1.0.0"):
        use_version(installed, "3.0.0")


@pytest.mark.parametrize("step", ["copying", "using"])
def test_whenever_it_is_killed_a_whole_model_is_in_use(
    installed, tiny_model, tmp_path, models, monkeypatch, step
):
    better = version_of(tiny_model, tmp_path, "1.1.0")

    class Killed(BaseException):
        pass

    def kill(*arguments: object, **options: object) -> None:
        raise Killed

    target = shutil if step == "copying" else version_folders
    monkeypatch.setattr(target, "copytree" if step == "copying" else "write_text", kill)
    with pytest.raises(Killed):
        add_version(better)
    monkeypatch.undo()
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(models))
    assert load_model(installed).version == "1.0.0"
    load_model(installed).build_networks()


def test_a_version_whose_folder_is_gone_leaves_the_installed_one(installed, tiny_model, tmp_path):
    shutil.rmtree(add_version(version_of(tiny_model, tmp_path, "1.1.0")).path)
    assert load_model(installed).version == "1.0.0"


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"", b"../../etc", b"x" * 5000])
def test_a_damaged_note_of_the_version_in_use_is_that_models_matter_alone(
    installed, tiny_model, tmp_path, cli, damage
):
    add_version(version_of(tiny_model, tmp_path, "1.1.0", "1.0.0"))
    note = version_folders.folder_of_versions(user_model_folder() / installed) / version_folders.IN_USE
    note.write_bytes(damage)
    assert load_model("hand").name == "hand"
    assert cli("models", "list").code == cli("models", "info", "hand").code == 0
    with pytest.raises(ModelError, match=r"what version of tiny-model is in use, is damaged"):
        load_model(installed)
    assert "1.1.0" in cli("models", "versions", installed).out
    assert cli("models", "back", installed, "--to", "1.1.0").code == 0
    assert load_model(installed).version == "1.1.0"


def test_installing_anew_uses_what_was_installed(installed, tiny_model, tmp_path):
    add_version(version_of(tiny_model, tmp_path, "1.1.0"))
    assert install_model(version_of(tiny_model, tmp_path, "2.0.0")).version == "2.0.0"
    assert load_model(installed).version == "2.0.0"
    assert [one.version for one in model_versions(installed)] == ["2.0.0", "1.1.0"]


def test_removing_a_model_removes_its_versions(installed, tiny_model, tmp_path):
    add_version(version_of(tiny_model, tmp_path, "1.1.0"))
    remove_model(installed)
    assert [path.name for path in user_model_folder().rglob("*") if path.is_file()] == []
    install_model(tiny_model)
    assert [one.version for one in model_versions(installed)] == ["1.0.0"]


def test_models_that_ship_have_no_versions():
    assert ships_with_library(load_model("whole-body-ct"))
    with pytest.raises(ModelError, match="No model 'whole-body-ct' is installed"):
        model_versions("whole-body-ct")


def test_the_command_line_lists_versions_and_goes_back(cli, installed, tiny_model, tmp_path):
    add_version(version_of(tiny_model, tmp_path, "1.1.0", "1.0.0"))
    answer = json.loads(cli("models", "versions", installed, "--json").out)
    assert answer["in_use"] == "1.1.0"
    assert [(one["version"], one["parent"]) for one in answer["versions"]] == [
        ("1.0.0", None),
        ("1.1.0", "1.0.0"),
    ]
    assert "1.0.0 is in use" in cli("models", "back", installed).out
    assert "1.1.0 is in use" in cli("models", "back", installed, "--to", "1.1.0").out
    assert cli("models", "back", "whole-body-ct").code == 4
