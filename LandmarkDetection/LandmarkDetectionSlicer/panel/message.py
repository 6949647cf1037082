"""The one sentence that a section of the panel has to say."""

import qt


class MessageLine:
    """An icon and a sentence below a section; nothing at all while there is nothing to say.

    Parameters
    ----------
    icon, text
        The two labels of the section.
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

    def refresh(self) -> None:
        """Show or hide the labels again: a collapsed section forgets that a child was to be hidden."""
        for label in (self._icon, self._text):
            label.visible = bool(self.kind)

    def _show(self, kind: str, sentence: str) -> None:
        self.kind = kind
        self._text.text = sentence
        if kind:
            symbol = {
                self.INFORMATION: qt.QStyle.SP_MessageBoxInformation,
                self.WARNING: qt.QStyle.SP_MessageBoxWarning,
                self.ERROR: qt.QStyle.SP_MessageBoxCritical,
            }[kind]
            self._icon.setPixmap(self._icon.style().standardIcon(symbol).pixmap(16, 16))
        self.refresh()
