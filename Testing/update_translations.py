"""Bring the translations of the module up to date with its sources, or say which are not.

::

    python Testing/update_translations.py           # write the .ts files, and the .qm files that differ
    python Testing/update_translations.py --check   # exit code 1 and a line for each file that is out of date

Texts are taken from calls of ``_()`` (``slicer.i18n.tr``) in Python files, and from the forms. A text's
context is the one under which Slicer looks for it: of a Python file ``package.file``, of a form the class
that it names. What other modules share, as the names of categories, is asked for by ``translate(context,
text)`` and left to Slicer: a translation of ours would rename it for them as well.

Translations that are there stay. A text that has gone is kept as ``vanished``, so that its translation is
found again when it comes back; a new one is ``unfinished`` and shown in English. ``.qm`` files are what
Slicer reads; they are compiled by Qt's ``lrelease``, which comes with PySide6.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

REPOSITORY = Path(__file__).resolve().parents[1]
MODULE = REPOSITORY / "LandmarkDetection"
FOLDER = MODULE / "Resources" / "Translations"
LANGUAGES = ("de", "fr")
#: Not for people: tests, and scripts that speak to a terminal.
LEFT_OUT = {"Testing", "Scripts", "__pycache__"}
NO_QT = "install Qt for Python (pip install PySide6-Essentials) and try again"


class Text(NamedTuple):
    """A text of the sources, and the context in which Slicer looks for its translation."""

    context: str
    source: str


@dataclass(frozen=True)
class Translation:
    """What a text is in a language, and how far that is: "" (finished), "unfinished" or "vanished"."""

    text: str = ""
    state: str = "unfinished"

    @property
    def is_shown(self) -> bool:
        """Whether people see it."""
        return bool(self.text) and self.state != "vanished"


Translations = dict[Text, Translation]


# --- texts of the sources -----------------------------------------------------------------------------------


def texts(module: Path = MODULE) -> list[Text]:
    """Every text that the module translates: contexts by name, the texts of each in the order of its file."""
    files = [
        file
        for pattern in ("*.py", "*.ui")
        for file in sorted(module.rglob(pattern))
        if not LEFT_OUT.intersection(file.relative_to(module).parts)
    ]
    found = [one for file in files for one in (of_python if file.suffix == ".py" else of_form)(file)]
    return sorted(dict.fromkeys(found), key=lambda one: one.context)


def of_python(file: Path) -> list[Text]:
    """What a Python file gives to ``_()``.

    Raises
    ------
    SystemExit
        One is no plain text: a translator cannot see what it will be.
    """
    in_package = (file.parent / "__init__.py").is_file()
    context = f"{file.parent.name}.{file.stem}" if in_package else file.stem
    calls = [
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"
    ]
    found = []
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        match call.args:
            case [ast.Constant(value=str(source))] if source and not call.keywords:
                found.append(Text(context, source))
            case _:
                raise SystemExit(
                    f"{file.name}, line {call.lineno}: only a plain text can be translated; "
                    "put what changes into it with .format()"
                )
    return found


def of_form(file: Path) -> list[Text]:
    """The texts of a form, but for those that are names and marked so (``notr``)."""
    root = ElementTree.parse(file).getroot()
    context = root.findtext("class", "")
    names = {id(one) for parent in root.iter("stringlist") if parent.get("notr") == "true" for one in parent}
    return [
        Text(context, one.text)
        for one in root.iter("string")
        if one.text and one.get("notr") != "true" and id(one) not in names
    ]


# --- .ts files ----------------------------------------------------------------------------------------------


def read(file: Path) -> Translations:
    """The translations of a .ts file; none when it is not there."""
    if not file.is_file():
        return {}
    found: Translations = {}
    for context in ElementTree.parse(file).getroot().iter("context"):
        for message in context.iter("message"):
            text = Text(context.findtext("name", ""), message.findtext("source", ""))
            element = message.find("translation")
            if element is not None:
                state = element.get("type", "")
                found[text] = Translation(element.text or "", "vanished" if state == "obsolete" else state)
    return found


def updated(known: Translations, wanted: list[Text]) -> Translations:
    """Translations of the texts that are wanted, and after them, vanished, those of texts that have gone."""
    new: Translations = {}
    for text in wanted:
        before = known.get(text, Translation())
        is_back = before.state == "vanished"
        new[text] = Translation(before.text, "" if is_back and before.text else before.state)
    gone = sorted(text for text, one in known.items() if text not in new and one.text)
    return new | {text: Translation(known[text].text, "vanished") for text in gone}


def written(language: str, translations: Translations) -> str:
    """The .ts file as Qt Linguist writes it, without line numbers: they change with every edit."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        f'<TS version="2.1" language="{language}" sourcelanguage="en">',
    ]
    for context in sorted({text.context for text in translations}):
        lines += ["<context>", f"    <name>{_quoted(context)}</name>"]
        for text, one in translations.items():
            if text.context != context:
                continue
            state = f' type="{one.state}"' if one.state else ""
            lines += [
                "    <message>",
                f"        <source>{_quoted(text.source)}</source>",
                f"        <translation{state}>{_quoted(one.text)}</translation>",
                "    </message>",
            ]
        lines.append("</context>")
    return "\n".join([*lines, "</TS>", ""])


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&apos;"})


# --- .qm files ----------------------------------------------------------------------------------------------


def compiles_to(file: Path, translations: Translations) -> bool:
    """Whether a .qm file says what the translations say. Not by its bytes, which depend on Qt's version."""
    try:
        from PySide6.QtCore import QTranslator
    except ImportError as problem:
        raise SystemExit(f"{file.name} cannot be read ({problem}); {NO_QT}") from None
    translator = QTranslator()
    if not file.is_file() or not translator.load(str(file)):
        return False
    return all(
        (translator.translate(text.context, text.source) or "") == (one.text if one.is_shown else "")
        for text, one in translations.items()
    )


def compile_ts(source: Path, target: Path) -> None:
    """Write a .qm file from a .ts file.

    Raises
    ------
    SystemExit
        There is no ``lrelease``, or it does not take the file.
    """
    beside = Path(sys.executable).parent
    names = ("pyside6-lrelease", "lrelease")
    program = next((path for name in names for path in (shutil.which(name, path=str(beside)),) if path), None)
    program = program or next((path for path in map(shutil.which, names) if path), None)
    if program is None:
        raise SystemExit(f"{source.name} cannot be compiled, lrelease is missing; {NO_QT}")
    with TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        done = subprocess.run([program, str(source), "-qm", str(made)], capture_output=True, text=True)
        if done.returncode or not made.is_file():
            raise SystemExit(
                f"{source.name} cannot be compiled: {done.stderr.strip() or done.stdout.strip()}"
            )
        made.replace(target)  # a program that runs has the old file mapped into its memory


# --- all of it ----------------------------------------------------------------------------------------------


def ts_file(language: str) -> Path:
    """Where a language's translations lie; Slicer tells the language by the end of the name."""
    return FOLDER / f"LandmarkDetection_{language}.ts"


def problems() -> list[str]:
    """One line for every file that is not up to date."""
    found = []
    wanted = texts()
    for language in LANGUAGES:
        file = ts_file(language)
        translations = updated(read(file), wanted)
        if not file.is_file() or file.read_text(encoding="utf-8") != written(language, translations):
            found.append(f"{file.name} is not up to date; run: python Testing/update_translations.py")
        elif not compiles_to(file.with_suffix(".qm"), translations):
            found.append(f"{file.stem}.qm is not up to date; run: python Testing/update_translations.py")
    return found


def main(arguments: list[str]) -> int:
    """Write the files and print what has no translation, or with ``--check`` print what is not up to date."""
    if arguments == ["--check"]:
        found = problems()
        print("\n".join(found))
        return 1 if found else 0
    wanted = texts()
    FOLDER.mkdir(exist_ok=True)
    for language in LANGUAGES:
        file = ts_file(language)
        translations = updated(read(file), wanted)
        file.write_text(written(language, translations), encoding="utf-8", newline="\n")
        if not compiles_to(file.with_suffix(".qm"), translations):
            compile_ts(file, file.with_suffix(".qm"))
        for text in (text for text, one in translations.items() if one.state == "unfinished"):
            print(f"{language}: no finished translation in {text.context} of: {text.source}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
