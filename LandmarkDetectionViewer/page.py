"""The page: what lies where, and what calls what."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from trame.widgets import html as elements
from trame_vuetify.ui.vuetify3 import VAppLayout

from LandmarkDetectionViewer.state import PREFIX

if TYPE_CHECKING:
    from LandmarkDetectionViewer.desk import PageDesk
    from LandmarkDetectionViewer.views import Views

STATIC = Path(__file__).resolve().parent / "static"
MODULE = {"serve": {"__landmark_review": str(STATIC)}}
TITLE = "Landmark review"

#: What the elements of trame pass over unless they are told to.
ACCESSIBLE = [
    *((f"aria_{word}", f"aria-{word}") for word in ("hidden", "label", "live", "pressed", "selected")),
    "role",
]
MORE = {"Select": ["value"], "Img": ["alt"]}
html: Any = SimpleNamespace(
    **{
        name: partial(getattr(elements, name), **{"__properties": [*ACCESSIBLE, *MORE.get(name, ())]})
        for name in (
            *("Aside", "Button", "Details", "Div", "Footer", "H1", "H2", "Header", "Img", "Input", "Kbd"),
            *("Label", "Main", "Option", "P", "Progress", "Section", "Select", "Small", "Span", "Summary"),
            *("Table", "Tbody", "Td", "Th", "Thead", "Tr"),
        )
    }
)


def _v(expression: str) -> str:
    """An expression of the page: words that begin with ``$`` are entries of the state."""
    return expression.replace("$", PREFIX)


def front() -> str:
    """What a browser loads first: trame's page, which also without a connection knows what to say and do."""
    from trame_client.module import vue3

    text = (Path(vue3.www) / "index.html").read_text(encoding="utf-8")
    text = re.sub("<title>.*?</title>", f"<title>{TITLE}</title>", text, flags=re.DOTALL)
    text = text.replace(",maximum-scale=1,minimum-scale=1", "")  # who needs larger letters may have them
    ours = (
        '<link rel="stylesheet" href="__landmark_review/page.css">'
        '<script defer src="__landmark_review/page.js"></script>'
    )
    return text.replace("</head>", f"{ours}</head>", 1)


def build(server: Any, desk: PageDesk, views: Views) -> VAppLayout:
    """Make the page of a server.

    Parameters
    ----------
    server
        Of trame.
    desk
        What the buttons do.
    views
        Where images are seen.
    """
    server.enable_module(MODULE)
    server.state.trame__title = TITLE
    server.state.trame__favicon = None
    server.trigger("review_key")(desk.press)
    with VAppLayout(server) as layout:
        layout.root.theme = (f"{PREFIX}theme",)
        with html.Div(classes=(_v("['review', 'review-' + $theme]"),)):
            with html.Aside(classes="side", aria_label="Review"):
                html.H1(TITLE, classes="unseen")
                _cases(desk)
                _detection(desk)
                _message()
                _conflict(desk)
                _landmarks(desk)
                _details(desk)
                _keys()
                _actions(desk)
            with html.Main(classes="views", aria_label="Views"):
                views.layouts.initialize_layout_grid(layout)
    return layout


def _cases(desk: PageDesk) -> None:
    with html.Header(classes="cases"):
        with html.Div(classes="bar"):
            html.Button(
                "\u2039",
                click=lambda: desk.opening.go(-1),
                title="Previous case (Shift+P)",
                aria_label="Previous case",
                disabled=(_v("$case < 1"),),
                type="button",
            )
            with html.Select(
                classes="grow",
                aria_label="Case",
                value=(_v("$case"),),
                disabled=(_v("$cases.length < 2"),),
                change=(desk.opening.open, "[Number($event.target.value)]"),
            ):
                html.Option(
                    _v(
                        "{{ one.key }}{{ one.model ? ' \u00b7 ' + one.model : '' }}"
                        "{{ one.total ? ' \u00b7 ' + one.done + '/' + one.total : '' }}"
                        "{{ one.reason ? ' \u00b7 no result' : '' }}"
                        "{{ one.open && row !== $case ? ' \u00b7 open' : '' }}"
                    ),
                    v_for=_v("(one, row) in $cases"),
                    key="row",
                    value=("row",),
                    disabled=("!!one.reason",),
                )
            html.Button(
                "\u203a",
                click=lambda: desk.opening.go(1),
                title="Next case (Shift+N)",
                aria_label="Next case",
                disabled=(_v("$case + 1 >= $cases.length"),),
                type="button",
            )
            html.Button(
                _v("{{ $theme === 'dark' ? '\u2600' : '\u263e' }}"),
                click=_v("$theme = $theme === 'dark' ? 'light' : 'dark'"),
                title="Dark or light",
                aria_label="Dark or light",
                type="button",
            )


def _detection(desk: PageDesk) -> None:
    with html.Section(classes="bar detection", v_if=(_v("!$isDetecting"),)):
        with html.Select(classes="grow", aria_label="Model", v_model=(f"{PREFIX}model",)):
            html.Option("{{ one }}", v_for=_v("one in $models"), key="one", value=("one",))
            html.Option(
                _v("{{ $model ? $model + ' (not installed)' : 'No model' }}"),
                v_if=_v("!$models.includes($model)"),
                value=(_v("$model"),),
                disabled=True,
            )
        html.Button(
            _v("{{ $hasLandmarks ? 'Detect again' : 'Detect landmarks' }}"),
            classes=(_v("$hasLandmarks ? 'detect' : 'detect first'"),),
            click=desk.detect,
            disabled=(_v("!$canDetect || !$models.includes($model)"),),
            type="button",
        )
    with html.Section(classes="bar detection", v_else=True):
        with html.Div(classes="grow"):
            html.Progress(max="100", value=(_v("$progress"),), aria_label="Detection")
            html.Small(_v("{{ $progressText }}"))
        html.Button("Cancel", click=desk.stopDetecting, classes="cancel", type="button")


def _message() -> None:
    with html.P(
        classes=(_v("'message ' + $messageKind"),),
        v_show=(_v("$messageText"),),
        aria_live="polite",
        role="status",
    ):
        html.Span(
            _v("{{ {warning: '\u26a0', error: '\u2716'}[$messageKind] || '\u2139' }}"), aria_hidden="true"
        )
        html.Span(_v("{{ $messageText }}"), classes="text")


def _conflict(desk: PageDesk) -> None:
    with html.Section(classes="conflict", v_if=(_v("$conflict.length"),), aria_label="What differs"):
        with html.Table(), html.Tbody():
            with html.Tr():
                for word in ("Landmark", "Here", "Theirs", "Apart"):
                    html.Th(word)
            with html.Tr(v_for=_v("one in $conflict"), key="one.title"):
                for word in ("title", "mine", "theirs", "distance"):
                    html.Td(f"{{{{ one.{word} }}}}")
        with html.Div(classes="bar"):
            html.Button(
                "Merge: what I said counts", click=desk.keeping.keepMine, classes="merge", type="button"
            )
            html.Button("Take theirs", click=desk.keeping.takeTheirs, classes="theirs", type="button")


def _landmarks(desk: PageDesk) -> None:
    with html.Div(classes="bar progress", v_if=(_v("$hasLandmarks"),)):
        html.Progress(max=(_v("$total || 1"),), value=(_v("$done"),), aria_label="Reviewed")
        html.Small(_v("{{ $done }} of {{ $total }} reviewed"), classes="done")
        with html.Label():
            html.Input(type="checkbox", v_model=(f"{PREFIX}openOnly",))
            html.Span("open only")
    with html.Div(
        classes="landmarks",
        tabindex="0",
        v_if=(_v("$hasLandmarks"),),
        aria_label="Landmarks, the worst first",
    ):
        with html.Table(role="grid"):
            with html.Thead(), html.Tr():
                html.Th("Landmark")
                html.Th("Confidence", classes="number")
                html.Th("Status")
            with (
                html.Tbody(),
                html.Tr(
                    v_for=_v("row in $rows"),
                    key="row.name",
                    id=("'row-' + row.name",),
                    classes=(_v("row.name === $selected ? 'is-selected' : ''"),),
                    aria_selected=(_v("row.name === $selected"),),
                    click=(desk.desk.select, "[row.name]"),
                ),
            ):
                with html.Td():
                    html.Span(
                        "{{ row.symbol }}",
                        style=("{color: row.color}",),
                        classes="symbol",
                        aria_hidden="true",
                    )
                    html.Span("{{ row.title }}")
                    html.Span(
                        " \u26a0",
                        v_if=("row.warnings.length",),
                        title=("row.warnings.join(' ')",),
                        classes="sign",
                    )
                html.Td("{{ row.confidence }}", classes="number")
                html.Td("{{ row.statusText }}")


def _details(desk: PageDesk) -> None:
    with html.Section(classes="details", v_if=(_v("$title"),), aria_label="Selected landmark"):
        html.Img(
            src=(_v("$picture"),),
            v_if=(_v("$picture"),),
            alt=(_v("'Where the ' + $title.toLowerCase() + ' is on an ordinary body'"),),
            classes="reference",
        )
        with html.Div(classes="grow"):
            html.H2(_v("{{ $title }}"))
            html.P("{{ line }}", v_for=_v("line in $remarks"), key="line")
    with html.Details(classes="measurements", v_if=(_v("$measurements.length"),)):
        html.Summary(_v("Measurements ({{ $measurements.length }})"))
        with html.Table(), html.Tbody(), html.Tr(v_for=_v("one in $measurements"), key="one.title"):
            html.Td("{{ one.title }}")
            html.Td("{{ one.value }}", classes="number")
            html.Td("{{ one.said || one.usual }}")
    with html.Details(classes="warnings", v_if=(_v("$warnings.length"),)):
        html.Summary(_v("\u26a0 Warnings ({{ $warnings.length }})"))
        html.P("{{ line }}", v_for=_v("line in $warnings"), key="line")


def _keys() -> None:
    """Those that no button names."""
    with html.Details(classes="keys"):
        html.Summary("Keys")
        for words, key in (
            ("Move by 1 mm (pixel): left, right, up, down", "Shift+arrows"),
            ("Move by 1 mm: forward, back", "Shift+Page Up, Page Down"),
            ("Previous and next landmark", "\u2191 \u2193"),
            ("Previous and next case", "Shift+P, Shift+N"),
            ("No click is waited for; out of a field", "Esc"),
        ):
            with html.P():
                html.Span(words)
                html.Kbd(key)


def _actions(desk: PageDesk) -> None:
    def button(words: str, key: str, action: Any, name: str, **more: Any) -> None:
        with html.Button(click=action, classes=name, title=f"{words} ({key})", type="button", **more):
            html.Span(words)
            html.Kbd(key)

    with html.Footer(classes="actions", v_if=(_v("$hasLandmarks"),)):
        with html.Div(classes="bar"):
            button("Accept", "A", desk.desk.accept, "accept", disabled=(_v("!$selected"),))
            button("Missing", "M", desk.desk.markMissing, "missing", disabled=(_v("!$selected"),))
            button("Restore", "R", desk.desk.restore, "restore", disabled=(_v("!$selected"),))
            button(
                "Find near",
                "F",
                desk.toggleFindNear,
                "find",
                disabled=(_v("!$canFindNear"),),
                aria_pressed=(_v("$isFinding"),),
            )
        with html.Div(classes="bar"):
            button("Previous", "P", desk.desk.goToPrevious, "previous")
            button("Next", "N", desk.desk.goToNext, "next")
            button("Undo", "Ctrl+Z", desk.desk.undo, "undo", disabled=(_v("!$canUndo"),))
            button("Redo", "Ctrl+Y", desk.desk.redo, "redo", disabled=(_v("!$canRedo"),))
        with html.Div(classes="bar", v_if=(_v("$hasChain"),)):
            button("All vertebrae down", "D", lambda: desk.desk.shiftLevels(1), "down")
            button("All vertebrae up", "U", lambda: desk.desk.shiftLevels(-1), "up")
        with html.Div(classes="bar last"):
            with html.Select(
                aria_label="Other landmarks", v_model=(f"{PREFIX}others",), disabled=(_v("!$canFollow"),)
            ):
                html.Option("Others stay", value="stay")
                html.Option("Others follow", value="follow")
                html.Option("Others follow while dragging", value="live")
            with html.Button(
                click=lambda: desk.press("L"),
                classes="lock",
                type="button",
                aria_pressed=(_v("$isLocked"),),
                title="Lock points against the mouse (L)",
            ):
                html.Span("Lock")
                html.Kbd("L")
            with html.Button(click=desk.keeping.save, classes="save", title="Save (Ctrl+S)", type="button"):
                html.Span(_v("{{ $isSaved ? ($hasStore ? 'Keep to learn' : 'Saved') : 'Save' }}"))
                html.Kbd("Ctrl+S")
