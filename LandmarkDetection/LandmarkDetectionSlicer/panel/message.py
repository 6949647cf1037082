"""The one sentence that a page of the panel has to say."""

from typing import Any

import qt


class MessageLine:
    """An icon and a sentence on a page; nothing at all while there is nothing to say.

    Parameters
    ----------
    icon, text
        The two labels.
    """

    INFORMATION, WARNING, ERROR = "information", "warning", "error"

    def __init__(self, icon: qt.QLabel, text: qt.QLabel) -> None:
        self._icon, self._text = icon, text
        self.kind = ""
        self.clear()

    @property
    def text(self) -> str:
        """What is shown, empty for nothing."""
        return self._text.text

    def information(self, sentence: str) -> None:
        """What happened, or what to do next."""
        self._show(self.INFORMATION, sentence)

    def warning(self, sentence: str) -> None:
        """What a person should look at before going on."""
        self._show(self.WARNING, sentence)

    def error(self, sentence: str) -> None:
        """What did not work, and what to do."""
        self._show(self.ERROR, sentence)

    def clear(self) -> None:
        """Say nothing."""
        self._show("", "")

    def _show(self, kind: str, sentence: str) -> None:
        if kind and kind != self.kind:
            symbol = {
                self.INFORMATION: qt.QStyle.SP_MessageBoxInformation,
                self.WARNING: qt.QStyle.SP_MessageBoxWarning,
                self.ERROR: qt.QStyle.SP_MessageBoxCritical,
            }[kind]
            self._icon.setPixmap(self._icon.style().standardIcon(symbol).pixmap(16, 16))
        self.kind = kind
        self._text.text = sentence
        for label in (self._icon, self._text):
            label.visible = bool(kind)


def emptyPage() -> tuple[Any, MessageLine]:
    """A page that holds nothing but its message yet; its contents come first in its layout."""
    icon, text = qt.QLabel(), qt.QLabel()
    icon.setAlignment(qt.Qt.AlignTop)
    text.setTextFormat(qt.Qt.PlainText)
    text.wordWrap = True
    text.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    widget = qt.QWidget()
    layout = qt.QVBoxLayout(widget)
    layout.setContentsMargins(6, 6, 6, 6)
    row = qt.QHBoxLayout()
    row.addWidget(icon)
    row.addWidget(text, 1)
    layout.addLayout(row)
    return widget, MessageLine(icon, text)
