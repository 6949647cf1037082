"""Installing, choosing, reading about and removing models in the panel."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.panel_cases import complaint, open_panel, picture, said

INSTALLING_MS = 60_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where models are installed."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("installed")
        patch.setenv("LANDMARK_DETECTION_MODELS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[tuple[SlicerHost, Any]]:
    """One panel for all tests, so that the background process loads its packages once."""
    host = SlicerHost()
    yield host, open_panel(host)
    host.close()
    assert not host.errors, "\n".join(host.errors)


@pytest.fixture
def host(opened: tuple[SlicerHost, Any]) -> SlicerHost:
    return opened[0]


@pytest.fixture
def panel(opened: tuple[SlicerHost, Any], folder: Path) -> Any:
    """The panel with no model installed beside those that ship."""
    panel = opened[1]
    for model in folder.iterdir():
        shutil.rmtree(model)
    panel.parameters.modelName = "whole-body-ct"
    panel.refreshModels()
    panel.clearMessages()
    panel.models.ui.sourceEdit.text = panel.models.ui.checksumEdit.text = ""
    panel.pages.show(panel.models)
    return panel


def install(host: SlicerHost, panel: Any, source: Path | str, checksum: str = "") -> None:
    """Give a source, click Install, and wait for the end."""
    panel.models.ui.sourceEdit.text = str(source)
    panel.models.ui.checksumEdit.text = checksum
    host.click(panel.models.ui.installModelButton)
    host.wait_until(lambda: not panel.models._isInstalling, INSTALLING_MS)


def select(panel: Any, name: str) -> None:
    """Select a model's row."""
    table = panel.models.ui.modelTable
    row = next(row for row in range(table.rowCount) if table.item(row, 0).text() == name)
    table.clearSelection()
    table.selectRow(row)


def names(panel: Any) -> list[str]:
    table = panel.models.ui.modelTable
    return [table.item(row, 0).text() for row in range(table.rowCount)]


def zipped(folder: Path, target: Path) -> Path:
    return Path(shutil.make_archive(str(target), "zip", folder))


def test_a_model_is_installed_from_a_folder_chosen_and_removed(host, panel, tiny_model):
    shipped = names(panel)
    host.dialogs.answer_file(tiny_model)
    host.click(panel.models.ui.browseFolderButton)
    assert panel.models.ui.sourceEdit.text == str(tiny_model)
    host.click(panel.models.ui.installModelButton)
    assert panel.models.ui.installModelButton.text == "Cancel"
    host.wait_until(lambda: not panel.models._isInstalling, INSTALLING_MS)
    assert said(panel)[-1].text == "tiny-model 1.0.0 is installed."
    assert names(panel) == [*shipped, "tiny-model"]
    assert panel.detect.model.name == "tiny-model"
    picture(host, panel, "models")

    select(panel, "tiny-model")
    host.dialogs.answer(False, True)
    host.click(panel.models.ui.removeButton)
    assert "tiny-model" in names(panel)
    host.click(panel.models.ui.removeButton)
    assert names(panel) == shipped
    assert panel.detect.ui.modelSelector.currentIndex == -1
    assert not panel.detect.ui.detectButton.enabled
    panel.detect.ui.modelSelector.currentIndex = 0
    assert panel.detect.model.name == shipped[0]


def test_a_zip_file_is_installed_when_its_checksum_fits(host, panel, tiny_model, tmp_path):
    archive = zipped(tiny_model, tmp_path / "tiny")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    install(host, panel, archive, "0" * 64)
    assert "checksum" in complaint(panel).lower() or "sha-256" in complaint(panel).lower()
    assert "tiny-model" not in names(panel)
    install(host, panel, archive, digest)
    assert "tiny-model" in names(panel)


def test_shipped_models_cannot_be_removed(host, panel):
    select(panel, "whole-body-ct")
    assert not panel.models.ui.removeButton.enabled
    assert panel.models.ui.showCardButton.enabled


def test_the_card_is_shown(host, panel):
    select(panel, "whole-body-ct")
    host.click(panel.models.ui.showCardButton)
    window = panel.models._cardWindow
    assert window.visible and "Research use only" in window.toPlainText()
    window.close()


def test_the_model_shows_which_landmarks_it_finds_and_where(host, panel):
    ui = panel.models.ui
    select(panel, panel.detect.model.name)
    protocol = panel.detect.model.protocol
    ui.landmarkList.setCurrentRow(protocol.index("knee_right"))
    assert ui.landmarkList.count == len(protocol.names)
    assert ui.landmarkList.currentItem().text() == "Right knee"
    assert ui.landmarkDefinition.text == protocol["knee_right"].definition
    assert not ui.modelPicture.pixmap.isNull()


def test_a_damaged_model_is_listed_with_the_reason(host, panel, tiny_model, folder):
    shutil.copytree(tiny_model, folder / "tiny-model")
    (folder / "tiny-model" / "configs" / "protocol.json").unlink()
    panel.refreshModels()
    select(panel, "tiny-model")
    assert "protocol.json is missing" in complaint(panel)
    assert "tiny-model" not in [model.name for model in panel.context.models.usable]
    host.dialogs.answer(True)
    host.click(panel.models.ui.removeButton)
    assert "tiny-model" not in names(panel)


def test_a_file_that_is_no_model_is_refused(host, panel, tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("no model")
    install(host, panel, wrong)
    assert "neither a model folder nor a .zip file" in complaint(panel)


def test_a_zip_file_that_leads_out_of_its_folder_is_refused(host, panel, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.writestr("../../evil.json", "{}")
    install(host, panel, tmp_path / "slip.zip")
    assert "not allowed in a model" in complaint(panel)
    assert not (tmp_path.parent / "evil.json").exists()


def test_weights_that_could_run_code_are_refused(host, panel, tiny_model, tmp_path):
    source = tmp_path / "pickled"
    shutil.copytree(tiny_model, source)
    (source / "models" / "coronal.pt").write_bytes(b"pickle")
    install(host, panel, source)
    assert "must be .safetensors files" in complaint(panel)


def test_an_address_without_a_checksum_is_refused(host, panel):
    install(host, panel, "https://example.org/model.zip")
    complaint(panel)
    assert panel.models.ui.sourceEdit.enabled


def test_installing_can_be_cancelled(host, panel, tiny_model):
    panel.models.ui.sourceEdit.text = str(tiny_model)
    host.click(panel.models.ui.installModelButton)
    host.click(panel.models.ui.installModelButton)
    host.wait_until(lambda: not panel.models._isInstalling, 2000)
    assert said(panel)[-1].text == "Cancelled; no model was installed."
    assert "tiny-model" not in names(panel)
    install(host, panel, tiny_model)
    assert "tiny-model" in names(panel)
