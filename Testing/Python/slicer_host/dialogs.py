"""Dialogs without a person: what they said is recorded, what they ask is answered beforehand."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets


class UnansweredQuestionError(RuntimeError):
    """A question that no one answered: in Slicer the test would wait forever."""


@dataclass(frozen=True)
class Dialog:
    """One dialog that was shown: ``kind`` is error, warning, info, question, file or url."""

    kind: str
    text: str
    options: dict[str, Any] = field(default_factory=dict)


class Dialogs:
    """Everything shown since the host was made, and the answers that wait."""

    def __init__(self) -> None:
        self.shown: list[Dialog] = []
        self.testing = False
        self._answers: deque[bool] = deque()
        self._files: deque[Any] = deque()
        self._handlers: deque[Callable[[QtWidgets.QDialog], None]] = deque()

    def answer(self, *answers: bool) -> None:
        """Answer the next yes/no, OK/cancel or retry/close questions."""
        self._answers.extend(answers)

    def answer_file(self, *paths: object) -> None:
        """Answer the next file dialogs; "" is Cancel, a list answers one for several files."""
        self._files.extend(paths)

    def on_exec(self, handler: Callable[[QtWidgets.QDialog], None]) -> None:
        """Let ``handler`` operate the next modal dialog that the module opens itself."""
        self._handlers.append(handler)

    def texts(self, kind: str | None = None) -> list[str]:
        """The texts shown, of one kind or of all."""
        return [dialog.text for dialog in self.shown if kind in (None, dialog.kind)]

    def clear(self) -> None:
        self.shown.clear()

    def tell(self, kind: str, text: str, options: dict[str, Any]) -> None:
        self.shown.append(Dialog(kind, text, options))

    def ask(self, text: str, options: dict[str, Any]) -> bool:
        self.tell("question", text, options)
        if self._answers:
            return self._answers.popleft()
        if self.testing:
            return True  # as Slicer does in testing mode
        raise UnansweredQuestionError(f"No answer was given beforehand (host.dialogs.answer) to: {text}")

    def ask_file(self, caption: str) -> Any:
        self.tell("file", caption, {})
        if not self._files:
            raise UnansweredQuestionError(
                f"No path was given beforehand (host.dialogs.answer_file) to: {caption}"
            )
        path = self._files.popleft()
        return [str(one) for one in path] if isinstance(path, list | tuple) else str(path)

    def execute(self, dialog: QtWidgets.QDialog) -> int:
        """Open a modal dialog and let the handler that waits for it operate it."""
        if not self._handlers:
            raise UnansweredQuestionError(
                f"No handler was given (host.dialogs.on_exec) for the dialog '{dialog.windowTitle}'"
            )
        handler = self._handlers.popleft()
        QtCore.QTimer.singleShot(0, lambda: handler(dialog))
        return dialog.exec()


def replacements(current: Callable[[], Dialogs]) -> dict[str, Callable[..., Any]]:
    """The functions of ``slicer.util`` that show dialogs.

    ``current`` gives the dialogs of the host that is open: a module may keep the functions it has imported.
    """

    def teller(kind: str) -> Callable[..., None]:
        return lambda text, windowTitle=None, parent=None, standardButtons=None, **options: current().tell(
            kind, text, {"windowTitle": windowTitle, **options}
        )

    def ask(text: str, windowTitle: str | None = None, parent: Any = None, **options: Any) -> bool:
        return current().ask(text, {"windowTitle": windowTitle, **options})

    def messageBox(text: str, parent: Any = None, **options: Any) -> Any:
        current().tell("info", text, options)
        return QtWidgets.QMessageBox.Ok

    def delayDisplay(text: str, autoCloseMsec: int = 1000, parent: Any = None, **options: Any) -> None:
        current().tell("info", text, options)

    return {
        "errorDisplay": teller("error"),
        "warningDisplay": teller("warning"),
        "infoDisplay": teller("info"),
        "confirmOkCancelDisplay": ask,
        "confirmYesNoDisplay": ask,
        "confirmRetryCloseDisplay": ask,
        "messageBox": messageBox,
        "delayDisplay": delayDisplay,
    }


def qtClasses(current: Callable[[], Dialogs]) -> dict[str, type]:
    """The dialog classes of ``qt``: static functions answered, and PythonQt's return values."""

    class FileDialog(QtWidgets.QFileDialog):
        """PythonQt returns the path alone, PySide6 a pair."""

        @staticmethod
        def getOpenFileName(parent: Any = None, caption: str = "", *rest: Any) -> str:
            return current().ask_file(caption)

        @staticmethod
        def getSaveFileName(parent: Any = None, caption: str = "", *rest: Any) -> str:
            return current().ask_file(caption)

        @staticmethod
        def getExistingDirectory(parent: Any = None, caption: str = "", *rest: Any) -> str:
            return current().ask_file(caption)

        @staticmethod
        def getOpenFileNames(parent: Any = None, caption: str = "", *rest: Any) -> list[str]:
            answer = current().ask_file(caption)
            return answer if isinstance(answer, list) else [answer] if answer else []

    class MessageBox(QtWidgets.QMessageBox):
        """The static functions return the pressed button."""

        @staticmethod
        def question(parent: Any, title: str, text: str, *buttons: Any) -> Any:
            yes, no = QtWidgets.QMessageBox.Yes, QtWidgets.QMessageBox.No
            return yes if current().ask(text, {"windowTitle": title}) else no

    def told(kind: str) -> staticmethod:
        def show(parent: Any, title: str, text: str, *buttons: Any) -> Any:
            current().tell(kind, text, {"windowTitle": title})
            return QtWidgets.QMessageBox.Ok

        return staticmethod(show)

    for name, kind in (("information", "info"), ("warning", "warning"), ("critical", "error")):
        setattr(MessageBox, name, told(kind))

    class DesktopServices(QtGui.QDesktopServices):
        """Opens nothing; the address is recorded."""

        @staticmethod
        def openUrl(url: QtCore.QUrl) -> bool:
            current().tell("url", url.toString(), {})
            return True

    return {"QDesktopServices": DesktopServices, "QFileDialog": FileDialog, "QMessageBox": MessageBox}
