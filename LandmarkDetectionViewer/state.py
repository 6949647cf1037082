"""The state of the page, by name: what the server sets, the browser shows."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    "cases": [],
    "case": -1,
    "isOpening": False,
    "rows": [],
    "selected": "",
    "title": "",
    "picture": "",
    "remarks": [],
    "warnings": [],
    "done": 0,
    "total": 0,
    "measurements": [],
    "messageKind": "",
    "messageText": "",
    "models": [],
    "model": "",
    "canDetect": False,
    "isDetecting": False,
    "progress": 0,
    "progressText": "",
    "hasLandmarks": False,
    "hasStore": False,
    "hasChain": False,
    "isSaved": True,
    "isLocked": False,
    "isFinding": False,
    "canUndo": False,
    "canRedo": False,
    "canFindNear": False,
    "canFollow": False,
    "openOnly": False,
    "others": "follow",
    "conflict": [],
    "theme": "dark",
    "keys": [],
    "layout": "volume",
}
PREFIX = "review_"


class PageState:
    """The entries of :data:`DEFAULTS` as attributes; setting one sends it to the browser in the next turn.

    Parameters
    ----------
    state
        Of the server.
    flush
        Sends what has changed.
    """

    def __init__(self, state: Any) -> None:
        object.__setattr__(self, "_state", state)
        for name, value in DEFAULTS.items():
            state.setdefault(PREFIX + name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in DEFAULTS:
            raise AttributeError(name)
        return self._state[PREFIX + name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in DEFAULTS:
            raise AttributeError(name)
        if self._state[PREFIX + name] != value:
            with self._state:
                self._state[PREFIX + name] = value


class Message:
    """The one sentence that the page has to say.

    Parameters
    ----------
    state
        Of the page.
    """

    def __init__(self, state: PageState) -> None:
        self._state = state

    def information(self, sentence: str) -> None:
        """What happened, or what to do next."""
        self._show("information", sentence)

    def warning(self, sentence: str) -> None:
        """What a person should look at before going on."""
        self._show("warning", sentence)

    def error(self, sentence: str) -> None:
        """What did not work, and what to do."""
        self._show("error", sentence)

    def clear(self) -> None:
        """Say nothing."""
        self._show("", "")

    def _show(self, kind: str, sentence: str) -> None:
        self._state.messageKind, self._state.messageText = kind, sentence
