"""The panel fits a laptop, is legible in light and dark at every text size, and usable by keys and by ear."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6 import QtCore, QtGui, QtWidgets

from LandmarkDetectionLib.core.landmarks import Status
from Testing.Python.slicer_host import SlicerHost
from Testing.Python.slicer_module.looks_cases import INTERACTIVE, PAGES, cut, outside, shown
from Testing.Python.slicer_module.mrml_cases import DETECTION, add_volume
from Testing.Python.slicer_module.panel_cases import (
    PANEL_SIZE,
    dark_palette,
    open_panel,
    show_detection,
    use_palette,
)

TEXT, SYMBOL = 4.5, 3.0
"""Least contrast of text and of signs (WCAG 2.2, success criteria 1.4.3 and 1.4.11)."""


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[SlicerHost, Any]]:
    """One panel with landmarks under review for all tests of this file."""
    host = SlicerHost()
    panel = open_panel(host)
    show_detection(panel, add_volume("scan"), DETECTION)
    host.process_events()
    yield host, panel
    host.close()
    assert not host.errors, "\n".join(host.errors)


@pytest.fixture(params=PAGES)
def page(opened: tuple[SlicerHost, Any], request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each page in turn, in front."""
    host, panel = opened
    panel.pages.show(getattr(panel, request.param))
    host.process_events(20)
    yield panel.pages.current
    panel.pages.show(panel.review)


@pytest.fixture
def host(opened: tuple[SlicerHost, Any]) -> SlicerHost:
    return opened[0]


@pytest.fixture
def panel(opened: tuple[SlicerHost, Any]) -> Any:
    return opened[1]


@pytest.fixture(params=["light", "dark"])
def palette(host: SlicerHost, request: pytest.FixtureRequest) -> Iterator[str]:
    before = QtGui.QPalette(QtWidgets.QApplication.palette())
    if request.param == "dark":
        use_palette(dark_palette())
    host.process_events(20)
    yield request.param
    use_palette(before)


@pytest.fixture(params=[100, 150, 200], ids="{} %".format)
def enlarged(host: SlicerHost, request: pytest.FixtureRequest) -> Iterator[float]:
    """Text and window larger by the same factor, as a system does that scales what it shows."""
    factor = request.param / 100
    before = QtGui.QFont(QtWidgets.QApplication.font())
    larger = QtGui.QFont(before)
    larger.setPointSizeF(before.pointSizeF() * factor)
    QtWidgets.QApplication.setFont(larger)
    host.window.resize(*(round(side * factor) for side in PANEL_SIZE))
    host.process_events(20)
    yield factor
    QtWidgets.QApplication.setFont(before)
    host.window.resize(*PANEL_SIZE)


def contrast(one: QtGui.QColor, other: QtGui.QColor) -> float:
    """Ratio of luminances, from 1 to 21, as WCAG 2.2 defines it."""

    def luminance(color: QtGui.QColor) -> float:
        parts = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in color.getRgbF()[:3]
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def drawn_contrast(widget: Any, part: QtCore.QRect | None = None) -> float:
    """Of what is drawn in a part of a widget against the colour that most of it has."""
    image = widget.grab(part if part is not None else QtCore.QRect(0, 0, -1, -1)).toImage()
    colors = Counter(
        image.pixel(x, y) for x in range(1, image.width() - 1) for y in range(1, image.height() - 1)
    )
    ground = QtGui.QColor(colors.most_common(1)[0][0])
    return max(contrast(ground, QtGui.QColor(color)) for color in colors)


def test_every_page_fits_a_laptop_without_scrolling(host, panel, page):
    panel.review.ui.progressLabel.text = "141 of 141 reviewed"
    panel.detect.message.information(
        "141 of 141 landmarks found, 7 of them uncertain, in 35.3 s on the processor."
    )
    host.process_events(20)
    area = panel.parent.parentWidget().parentWidget()
    assert not area.verticalScrollBar().visible and not area.horizontalScrollBar().visible
    assert outside(host, page.widget) == []
    panel.review._show()
    panel.detect.message.clear()


def test_no_label_and_no_button_is_cut(enlarged, host, page):
    host.process_events(20)
    assert cut(page.widget) == []


def test_the_bar_and_the_table_stay_in_sight_at_every_text_size(enlarged, host, panel):
    panel.review._fillTable()
    host.process_events(20)
    ui = panel.review.ui
    row = ui.landmarkTable.rowHeight(0)
    assert row >= ui.landmarkTable.fontMetrics().height()
    assert ui.landmarkTable.viewport().height >= 4 * row
    bottom = ui.reviewBar.mapTo(host.window, QtCore.QPoint(0, ui.reviewBar.height))
    assert bottom.y() <= host.window.height


def test_text_is_legible(palette, host, page):
    host.process_events(20)
    for widget in shown(page.widget, (QtWidgets.QLabel, QtWidgets.QAbstractButton)):
        if widget.text and widget.isEnabled():
            assert drawn_contrast(widget) >= TEXT, (widget.name, widget.text)


def test_the_sign_of_every_status_is_seen_on_every_row_selected_or_not(palette, host, panel):
    table = panel.review.ui.landmarkTable
    names, icons = panel.review._table.names, panel.review._table._icons
    try:
        for status in Status:
            for row in range(len(names)):
                table.item(row, 0).setIcon(icons[status])
            for selected in (True, False):
                panel.review._table.select(names[0] if selected else names[1])
                host.process_events()
                place = table.visualItemRect(table.item(0, 0))
                sign = QtCore.QRect(place.left() + 2, place.top() + 1, 20, place.height() - 2)
                assert drawn_contrast(table.viewport(), sign) >= SYMBOL, (status, selected)
                middle = table.viewport().grab(sign).toImage()
                assert len({middle.pixel(x, middle.height() // 2) for x in range(middle.width())}) > 3
    finally:
        panel.review._fillTable()


def test_every_control_has_a_name_to_be_read_out(page):
    for widget in shown(page.widget, INTERACTIVE):
        if isinstance(widget, QtWidgets.QScrollBar) or widget.name.startswith("qt_"):
            continue
        owner = widget.parentWidget()
        label = next(
            (one for one in page.widget.findChildren(QtWidgets.QLabel) if one.buddy() in (widget, owner)),
            None,
        )
        said = (
            widget.accessibleName,
            owner.accessibleName,
            getattr(widget, "text", ""),
            label and label.text,
        )
        assert any(said), (type(widget).__name__, widget.name)


def test_every_control_can_be_reached_with_the_tab_key(page):
    for widget in shown(page.widget, INTERACTIVE):
        inner = widget.name.startswith("qt_") or isinstance(
            widget.parentWidget(), QtWidgets.QAbstractItemView
        )
        if inner or isinstance(widget, (QtWidgets.QProgressBar, QtWidgets.QScrollBar, QtWidgets.QHeaderView)):
            continue
        assert widget.focusPolicy & QtCore.Qt.TabFocus, widget.name


def test_every_column_is_explained(page):
    tables = shown(page.widget, QtWidgets.QTableWidget)
    for table in tables:
        for column in range(table.columnCount):
            assert table.horizontalHeaderItem(column).toolTip().endswith("."), (table.name, column)


def test_pages_open_with_the_keyboard_and_keep_what_was_typed(host, panel):
    panel.pages.show(panel.learn)
    panel.learn.ui.commentEdit.text = "half a sentence"
    button = panel.pages._buttons[0]
    button.setFocus()
    host.press_key(QtCore.Qt.Key_Space, widget=button)
    assert panel.pages.current is panel.review and panel.review.ui.landmarkTable.visible
    panel.pages._actions[2].trigger()
    assert panel.pages.current is panel.learn and panel.pages.moreButton.text == "Learn"
    assert panel.learn.ui.commentEdit.text == "half a sentence"
    panel.pages.show(panel.review)


def test_one_button_says_what_comes_next(host):
    """From detecting over accepting to saving; the others are out of the way."""
    panel = SlicerHost.current.widgets["LandmarkDetection"]._python
    ui = panel.review.ui
    following = (ui.detectButton, ui.acceptButton, ui.saveButton, ui.nextCaseButton)
    node = panel.parameters.landmarks
    panel.parameters.landmarks = None
    host.process_events()
    assert [button.visible for button in following] == [True, False, False, False]
    panel.parameters.landmarks = node
    host.process_events()
    assert [button.visible for button in following] == [False, True, False, False]
    for _ in DETECTION.landmarks:
        host.click(ui.acceptButton)
    assert [button.visible for button in following] == [False, False, True, False]
    host.process_events(20)
    area = panel.parent.parentWidget().parentWidget()
    assert not area.horizontalScrollBar().visible and outside(host, panel.review.widget) == []
    host.press_key(QtCore.Qt.Key_Z, QtCore.Qt.ControlModifier)
    assert [button.visible for button in following] == [False, True, False, False]
    panel.review.desk.restoreAll()
