"""Stand-in for ``slicer.i18n``: the application translates, in the context of the file that asks."""

import re
import sys
from pathlib import Path

_PLACEHOLDER = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


def tr(text: str) -> str:
    """A text in the application's language; the text itself where its placeholders were not kept.

    Only a text can be translated, as in Slicer.
    """
    if not isinstance(text, str):
        raise TypeError(f"only a text can be translated, not {text!r}")
    translated = translate(getContext(sys._getframe(1).f_code.co_filename), text)
    kept = set(_PLACEHOLDER.findall(translated)) == set(_PLACEHOLDER.findall(text))
    return translated if kept else text


def translate(context: str, text: str) -> str:
    """A text in the application's language; the text itself where no application runs."""
    import slicer

    app = getattr(slicer, "app", None)
    return text if app is None else app.translate(context, text)


def getContext(sourceFile: str) -> str:
    """The name under which a file's texts are translated: its own, after that of the package it is in."""
    file = Path(sourceFile)
    isInPackage = (file.parent / "__init__.py").is_file()
    return f"{file.parent.name}.{file.stem}" if isInPackage else file.stem
