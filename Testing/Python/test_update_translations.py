"""Translations are complete, keep what they must keep, and the script that gathers them forgets nothing."""

import ast
import re
from pathlib import Path

import pytest

from Testing import update_translations as script
from Testing.update_translations import LANGUAGES, Text, Translation

PLACEHOLDER = re.compile(r"\{[^{}]*\}")
#: What a translation must hold as often as the text: keys in brackets, links, endings of files, shares.
KEPT = re.compile(r"<[^>]+>|\*\.[\w.]+|https?://|&\w|\t|\n|\d+ %")
KEY = re.compile(r"\([A-Z]\)$")
FORM = """<ui><class>Page</class><widget class="QLabel" name="label">
<property name="text"><string>Volume:</string></property>
<property name="parameter" stdset="0"><string notr="true">inputVolume</string></property>
<property name="kinds"><stringlist notr="true"><string>vtkMRMLVolumeNode</string></stringlist></property>
<property name="toolTip"><string/></property>
</widget></ui>"""


@pytest.fixture(params=LANGUAGES)
def translations(request: pytest.FixtureRequest) -> script.Translations:
    """Those of each language in turn."""
    return script.read(script.ts_file(request.param))


# --- the translations ---------------------------------------------------------------------------------------


def test_every_text_is_translated(translations: script.Translations) -> None:
    lacking = [
        text for text in script.texts() if not (translations.get(text) and translations[text].state == "")
    ]
    assert lacking == [] and all(one.text for one in translations.values())


def test_the_files_are_up_to_date() -> None:
    pytest.importorskip("PySide6.QtCore", reason="needs Qt, which reads .qm files", exc_type=ImportError)
    assert script.problems() == []


def test_placeholders_are_those_of_the_text(translations: script.Translations) -> None:
    """Slicer shows the English text where a translation has others."""
    for text, one in translations.items():
        assert sorted(PLACEHOLDER.findall(one.text)) == sorted(PLACEHOLDER.findall(text.source)), one.text


def test_links_endings_and_keys_are_those_of_the_text(translations: script.Translations) -> None:
    for text, one in translations.items():
        plain = one.text.replace("\u00a0", " ").replace("95 %-", "95 % ")
        assert sorted(KEPT.findall(plain)) == sorted(KEPT.findall(text.source)), one.text
        assert KEY.findall(one.text) == KEY.findall(text.source), one.text


def test_a_translation_ends_as_its_text_does(translations: script.Translations) -> None:
    """A label keeps its colon, a button its dots, a sentence its stop: of them panels are made."""
    for text, one in translations.items():
        if text.source[-1] in ".:?!":
            assert one.text[-1] == text.source[-1], one.text
        assert text.source.endswith("...") == one.text.endswith("..."), one.text


def test_one_text_is_one_translation_in_all_contexts(translations: script.Translations) -> None:
    """The same button is called the same everywhere."""
    found: dict[str, set[str]] = {}
    for text, one in translations.items():
        found.setdefault(text.source, set()).add(one.text)
    assert {source: each for source, each in found.items() if len(each) > 1} == {}


def test_french_signs_are_not_parted_from_their_words() -> None:
    for one in script.read(script.ts_file("fr")).values():
        assert not re.search(r" [:;?!\u00bb]|\u00ab ", one.text), one.text


def sentences(code: str) -> list[str]:
    """Texts of a Python file that end as sentences do and are not translated, docstrings left out."""
    tree = ast.parse(code)
    passed: set[int] = set()
    found = []
    for node in ast.walk(tree):  # what holds others comes before them
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Call(func=ast.Name(id="_")):
                passed.update(map(id, ast.walk(node)))
            case ast.JoinedStr() | ast.Constant(value=str()) if id(node) not in passed:
                passed.update(map(id, ast.walk(node)))
                found.append(ast.unparse(node))
    return [text for text in found if " " in text and re.search(r"\w\)?[.?!]['\"]$", text)]


def test_the_check_sees_sentences_that_are_not_translated() -> None:
    code = (
        '"""Doc string."""\nsay("It is so.")\nsay(f"{name} is so.")\nsay(_("Well so."))\nsay("a b", "x.")\n'
    )
    assert sentences(code) == ["'It is so.'", "f'{name} is so.'"]


def test_every_sentence_of_the_module_is_translated() -> None:
    """But for those that their files say are English, and why."""
    found = {
        file.name
        for file in script.MODULE.rglob("*.py")
        if not script.LEFT_OUT.intersection(file.relative_to(script.MODULE).parts)
        and sentences(file.read_text(encoding="utf-8"))
    }
    assert found <= {"child_process.py", "pixel_size.py"}


# --- the script ---------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module with a Python file in a package, one beside it, a form and a test."""
    for name, content in {
        "Module.py": 'title = _("Title")\ncategory = translate("qSlicerAbstractCoreModule", "Analysis")\n',
        "Package/__init__.py": "",
        "Package/page.py": 'if x:\n    say(_("{count} of "\n      "many").format(count=1))\nsay(_("One"))\n',
        "Resources/page.ui": FORM,
        "Testing/test.py": '_("Not for people")\n',
    }.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    return tmp_path


def test_texts_have_the_contexts_that_slicer_gives_them(module: Path) -> None:
    assert script.texts(module) == [
        Text("Module", "Title"),
        Text("Package.page", "{count} of many"),
        Text("Package.page", "One"),
        Text("Page", "Volume:"),
    ]


@pytest.mark.parametrize("code", ['_(f"{n} done")', '_("Read " + name)', "_(sentence)", '_("")', "_()"])
def test_what_no_translator_can_see_is_refused(tmp_path: Path, code: str) -> None:
    (tmp_path / "page.py").write_text(f"\n{code}\n")
    with pytest.raises(SystemExit, match=r"page\.py, line 2: only a plain text can be translated"):
        script.texts(tmp_path)


def test_what_was_translated_stays_what_is_new_is_marked_and_what_is_gone_can_come_back() -> None:
    old, gone, new, never = (Text("a", name) for name in ("old", "gone", "new", "never"))
    known = {gone: Translation("weg", ""), old: Translation("alt", ""), never: Translation()}
    first = script.updated(known, [old, new])
    assert first == {old: Translation("alt", ""), new: Translation(), gone: Translation("weg", "vanished")}
    assert list(first) == [old, new, gone]
    assert script.updated(first, [gone, old]) == {gone: Translation("weg", ""), old: Translation("alt", "")}
    draft = {old: Translation("alt?", "unfinished")}
    assert script.updated(draft, [old]) == draft


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    translations = {
        Text("a", "A \"<b>\" & 'c'\nd"): Translation("\u00c4 <\u00e9> & \u201ex\u201c\n\u00a0", ""),
        Text("b", "new"): Translation(),
        Text("b", "gone"): Translation("weg", "vanished"),
    }
    file = tmp_path / "Module_de.ts"
    file.write_text(script.written("de", translations), encoding="utf-8")
    assert script.read(file) == translations
    assert script.read(tmp_path / "Module_fr.ts") == {}


def test_a_compiled_file_says_what_is_finished_and_nothing_that_is_gone(tmp_path: Path) -> None:
    pytest.importorskip("PySide6.QtCore", reason="needs Qt, which reads .qm files", exc_type=ImportError)
    translations = {
        Text("a", "one"): Translation("eins", ""),
        Text("a", "two"): Translation(),
        Text("a", "three"): Translation("drei", "vanished"),
    }
    source, target = tmp_path / "Module_de.ts", tmp_path / "Module_de.qm"
    source.write_text(script.written("de", translations), encoding="utf-8")
    assert not script.compiles_to(target, translations)
    script.compile_ts(source, target)
    assert script.compiles_to(target, translations)
    assert not script.compiles_to(target, translations | {Text("a", "one"): Translation("ein", "")})
    assert not script.compiles_to(target, translations | {Text("a", "two"): Translation("zwei", "")})
    source.write_text("no translations")
    with pytest.raises(SystemExit, match=r"Module_de\.ts cannot be compiled"):
        script.compile_ts(source, target)
    assert script.compiles_to(target, translations)
