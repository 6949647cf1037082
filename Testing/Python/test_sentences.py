"""Sentences are for people: no program reads them, but for those of old records in one place."""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing.draw_architecture import LIBRARY

#: What gives sentences: of types of the library, and of parameters and variables by what they are called.
FIELDS = {"warnings", "all_warnings", "text", "gap", "note", "notes", "otherwise"}
NAMES = {"warning", "warnings", "sentence", "sentences", "note", "notes"}
READING = {
    *("startswith", "endswith", "find", "rfind", "index", "rindex", "count"),
    *("partition", "rpartition", "split", "rsplit", "translate"),
}
MATCHING = {"search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split"}
#: Where old records are read.
READER = LIBRARY / "core" / "doubts.py"
MODULE = LIBRARY.parent / "LandmarkDetection"


def readings(code: str) -> list[str]:
    """Every expression of a module that looks for something in a sentence."""
    found: list[str] = []
    for scope in _scopes(ast.parse(code)):
        names = _sentences_in(scope)
        found += [ast.unparse(node) for node in _own(scope) if _reads(node, names)]
    return found


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions in it."""
    pending = list(ast.iter_child_nodes(scope))
    while pending:
        node = pending.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            pending.extend(ast.iter_child_nodes(node))


def _sentences_in(scope: ast.AST) -> set[str]:
    """Names of a scope that stand for sentences, followed through loops and assignments."""
    names = set(NAMES)
    pairs = [pair for node in _own(scope) for pair in _bindings(node)]
    for _ in range(len(pairs)):
        more = {
            one.id
            for target, value in pairs
            if _is_sentence(value, names)
            for one in ast.walk(target)
            if isinstance(one, ast.Name)
        }
        if more <= names:
            break
        names |= more
    return names


def _bindings(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.NamedExpr):
        yield node.target, node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.For | ast.comprehension):
        yield node.target, node.iter


def _is_sentence(node: ast.AST, names: set[str]) -> bool:
    """Whether an expression is a sentence or some of them, seen through what only passes them on."""
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="ui")):
            return False
        case ast.Attribute(attr=field):
            return field in FIELDS
        case ast.Call(func=ast.Attribute(value=inner, attr="replace" | "lower" | "strip" | "casefold")):
            return _is_sentence(inner, names)
        case ast.Call(func=ast.Name(id="str" | "list" | "tuple" | "set" | "sorted"), args=[inner]):
            return _is_sentence(inner, names)
        case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.NamedExpr(value=inner):
            return _is_sentence(inner, names)
        case ast.IfExp(body=one, orelse=other):
            return _is_sentence(one, names) or _is_sentence(other, names)
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            return any(_is_sentence(value, names) for value in values)
        case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.SetComp(elt=inner):
            return _is_sentence(inner, names)
    return False


def _reads(node: ast.AST, names: set[str]) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr=method), args=arguments):
            if method in READING and _is_sentence(inner, names):
                return True
            return method in MATCHING and any(_is_sentence(one, names) for one in arguments)
        case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()], comparators=[where]):
            return _is_sentence(where, names)
    return False


@pytest.mark.parametrize(
    "code",
    [
        "def f(volume): return [text for text in volume.warnings if not text.startswith(PIXEL_SIZE)]",
        "def f(warning, name): return re.search(name, warning.replace('_', ' '), re.IGNORECASE) is not None",
        "def f(warning): return re.sub(NUMBERS, '', warning)",
        "def f(detection):\n    for one in detection.warnings:\n        if 'mirrored' in one: return True",
        "def f(review, volume):\n    told = review.warnings if volume is None else volume.warnings\n"
        "    return [text for text in told if text.lower().startswith('pixel')]",
        "def f(measured): return measured.gap.partition('interval, ')[2]",
        "def f(found): return [one for one in found.doubts if PATTERN.match(one.text)]",
        "def f(done): return [note for note in done.notes if note.endswith(ASSUMED)]",
        "def f(found):\n    if (first := found.warnings[0]).endswith('?'): return first",
    ],
)
def test_the_check_sees_what_it_forbids(code: str) -> None:
    assert readings(code)


def test_the_check_lets_kinds_and_other_texts_be() -> None:
    code = """
        def f(found, path, name):
            told = [one.text for one in found.doubts if one.kind is KIND and name in one.landmarks]
            return "; ".join(told), path.name.startswith("."), re.sub("a", "b", name), name in told
    """
    assert readings(textwrap.dedent(code)) == []


@pytest.mark.parametrize("root", [LIBRARY, MODULE], ids=lambda root: root.name)
def test_sentences_are_read_nowhere(root: Path) -> None:
    found = {
        file.relative_to(root).as_posix(): read
        for file in sorted(root.rglob("*.py"))
        if file != READER and (read := readings(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_sentences_of_old_records_are_read_in_one_function() -> None:
    tree = ast.parse(READER.read_text(encoding="utf-8"))
    reading = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and readings(ast.unparse(node).replace("spoken", "sentence"))
    }
    assert reading == {"_of_before"}
