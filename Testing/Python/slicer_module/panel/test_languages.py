"""The panel speaks the language that Slicer is set to, and fits the window in each."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from PySide6 import QtWidgets

from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.looks_cases import PAGES, cut, outside, shown
from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume
from Testing.Python.slicer_module.panel_cases import (
    open_panel,
    picture,
    rows,
    said,
    show_detection,
)
from Testing.update_translations import read, texts, ts_file


class Words(NamedTuple):
    """What a person reads in a language, written down by hand."""

    title: str
    pages: list[str]
    buttons: list[str]
    statuses: set[str]
    asked: str
    reviewed: str


WORDS = {
    "de": Words(
        "Landmarkenerkennung",
        ["Pr\u00fcfen", "Platzieren", "Messen", "Mehr"],
        ["Fehlt (M)", "Zur\u00fcck (Z)", "Weiter (N)", "Best\u00e4tigen (A)"],
        {"erkannt", "unsicher", "nicht im Scan"},
        "Laden Sie zum Beginnen einen CT-Scan oder das Beispiel.",
        "Alle 4 Landmarken sind gepr\u00fcft.",
    ),
    "fr": Words(
        "D\u00e9tection de rep\u00e8res",
        ["V\u00e9rifier", "Placer", "Mesurer", "Plus"],
        ["Manquant (M)", "Annuler (Z)", "Suivant (N)", "Accepter (A)"],
        {"d\u00e9tect\u00e9", "incertain", "hors de l'image"},
        "Chargez un scanner, ou l'exemple, pour commencer.",
        "Les 4 rep\u00e8res sont tous v\u00e9rifi\u00e9s.",
    ),
}


@pytest.mark.parametrize(
    ("language", "accept"),
    [("it_IT", "Accept (A)"), ("de_CH", "Best\u00e4tigen (A)"), ("en_US", "Accept (A)")],
)
def test_a_country_has_the_words_of_its_language_and_other_languages_are_english(language, accept):
    host = SlicerHost(language=language)
    try:
        assert open_panel(host).review.ui.acceptButton.text == accept
    finally:
        host.close()


@pytest.fixture(scope="module", params=WORDS)
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[SlicerHost, Any, str]]:
    """One panel of each language, as it opens; the tests go on with it one after the other."""
    host = SlicerHost(language=request.param)
    yield host, open_panel(host), request.param
    host.close()
    assert not host.errors, "\n".join(host.errors)


def english() -> set[str]:
    """Texts of the sources that differ from their translations in every language, as they are shown."""
    same = {
        text.source
        for language in WORDS
        for text, one in read(ts_file(language)).items()
        if one.text == text.source
    }
    return {text.source for text in texts()} - same


def spoken(widget: Any) -> Iterator[str]:
    """Everything in a widget that is read, also by pointing at it or by ear."""
    for one in (widget, *widget.findChildren(QtWidgets.QWidget)):
        for name in ("text", "toolTip", "accessibleName", "placeholderText", "specialValueText"):
            value = getattr(one, name, "")
            if isinstance(value, str):
                yield value
        if isinstance(one, QtWidgets.QTableWidget):
            heads = (one.horizontalHeaderItem(column) for column in range(one.columnCount))
            yield from (text for head in heads if head for text in (head.text(), head.toolTip()))
        if isinstance(one, QtWidgets.QComboBox):
            yield from (one.itemText(index) for index in range(one.count))


def misfits(host: SlicerHost, panel: Any) -> list[Any]:
    """What of the page in front is cut, or out of the window, or only seen by scrolling."""
    area = panel.parent.parentWidget().parentWidget()
    bars = {"vertical": area.verticalScrollBar(), "horizontal": area.horizontalScrollBar()}
    scrolled = [name for name, bar in bars.items() if bar.visible]
    return [*cut(panel.pages.widget), *outside(host, panel.pages.widget), *scrolled]


def test_the_module_and_a_fresh_panel_speak_the_language(opened):
    host, panel, language = opened
    words = WORDS[language]
    assert host.app.moduleManager().module("LandmarkDetection").title == words.title
    assert [button.text for button in panel.pages._buttons] + [panel.pages.moreButton.text] == words.pages
    assert [one.text for one in said(panel)] == [words.asked]
    assert misfits(host, panel) == []


def test_a_review_speaks_the_language(opened):
    host, panel, language = opened
    words = WORDS[language]
    show_detection(panel, add_volume("scan"), DETECTION)
    host.process_events(20)
    ui = panel.review.ui
    following = (ui.missingButton, ui.undoButton, ui.nextButton, ui.acceptButton)
    assert [button.text for button in following] == words.buttons
    assert {status for _, _, status in rows(panel)} == words.statuses
    if language == "de":  # for the documentation
        picture(host, panel, "review-de")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_speaks_the_language_and_fits(opened, name):
    host, panel, _ = opened
    page = getattr(panel, name)
    panel.pages.show(page)
    progress = panel.review.ui.progressLabel
    progress.text = re.sub(r"\d+", "141", progress.text)
    host.process_events(20)
    assert misfits(host, panel) == []
    assert english().intersection(spoken(page.widget)) == set()
    heads = [
        (table.name, column)
        for table in shown(page.widget, QtWidgets.QTableWidget)
        for column in range(table.columnCount)
        if table.horizontalHeader().sectionSizeHint(column) > table.columnWidth(column)
    ]
    assert heads == []


def test_what_is_said_is_a_sentence_of_the_language_with_its_numbers(opened):
    host, panel, language = opened
    panel.pages.show(panel.review)
    for _ in DETECTION.landmarks:
        host.click(panel.review.ui.acceptButton)
    assert WORDS[language].reviewed in [one.text for one in said(panel)]
    assert not re.search(r"[{}]", " ".join(one.text for one in said(panel)))
    for has_next in (False, True):  # the last button: Save, or the next case
        panel.review.hasNextCase = lambda has_next=has_next: has_next
        panel.review._show()
        host.process_events(20)
        assert panel.review.ui.nextCaseButton.visible == has_next
        assert misfits(host, panel) == []


def test_placing_and_clicking_speak_the_language_and_fit(opened):
    host, panel, _ = opened
    ui = panel.place.ui
    panel.pages.show(panel.place)
    for begin, end in ((ui.startButton, ui.stopButton), (ui.clickButton, ui.discardButton)):
        host.click(begin)
        host.process_events(20)
        assert misfits(host, panel) == []
        assert english().intersection(spoken(panel.place.widget)) == set()
        host.click(end)
    panel.pages.show(panel.review)
