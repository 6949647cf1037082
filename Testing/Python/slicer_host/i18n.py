"""Stand-in for ``slicer.i18n``: every text is its own translation."""


def tr(text: str) -> str:
    """The text itself; only a text can be translated."""
    if not isinstance(text, str):
        raise TypeError(f"only a text can be translated, not {text!r}")
    return text


def translate(context: str, text: str) -> str:
    """The text itself."""
    return tr(text)


def getContext(sourceFile: str) -> str:
    """The name under which a file's texts are translated."""
    from pathlib import Path

    return Path(sourceFile).stem
