"""Figures draw names as they are written, or say which letters they cannot draw."""

import io
import logging
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from LandmarkDetectionLib.evaluation.agreement import agreement
from LandmarkDetectionLib.evaluation.agreement_plots import write_bland_altman
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import Frame
from LandmarkDetectionLib.reporting.figure_text import _say_once, draw_as_written
from Testing.examples.measurement_cases import in_picture
from Testing.Python.evaluation.test_agreement import moved

NAMES = ["dollar $a$ $", "$x_1$ & <b>", "$\\frac{$", "a$b", "x^2_1", "\\alpha"]
NOWHERE = "\U0010fffd"  # for private use: no font has it


def figure_of(name):
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    axes.plot([1, 1000], [1, 2], label=name)
    axes.set(title=name, xlabel=name, ylabel=name, xscale="log")
    axes.set_yticks([1.0, 2.0], [name, "plain"])
    axes.text(1, 1, name)
    axes.legend()
    figure.suptitle(name)
    figure.legend()
    return figure


def drawn(figure, kind="svg"):
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(stream, format=kind)
    return stream.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_dollar_signs_is_drawn_as_it_is_everywhere(name, monkeypatch):
    import matplotlib

    figure = figure_of(name)
    assert draw_as_written(figure) == ""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = drawn(figure).decode()
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert text.count(f">{escaped}<") == 8, "title, two labels, tick, text, two legends, heading"
    assert ">$\\mathdefault" not in text, "powers of ten stay formulas of matplotlib's own"


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_letters_that_no_font_has_become_question_marks_with_one_sentence(kind, caplog):
    _say_once.cache_clear()
    figure = figure_of(f"ab{NOWHERE}")
    with caplog.at_level(logging.WARNING):
        sentence = draw_as_written(figure)
    assert sentence.startswith("No font of this computer has the letters U+10FFFD; they are drawn as")
    assert [record.getMessage() for record in caplog.records] == [f"Warning: {sentence}"]
    assert drawn(figure, kind)  # without matplotlib's own warnings, which are errors here
    texts = [text.get_text() for text in (figure.axes[0].title, *figure.axes[0].get_yticklabels())]
    assert texts == ["ab?", "ab?", "plain"]
    assert any(text.get_text() == sentence for text in figure.texts)


@pytest.mark.parametrize("name", ["\u0141\u00f3d\u017a", "\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03af\u03b1"])
def test_letters_of_the_fonts_that_matplotlib_brings_are_just_drawn(name):
    figure = figure_of(name)
    assert draw_as_written(figure) == ""
    assert drawn(figure) and figure.axes[0].get_title() == name


def test_raters_may_be_called_as_they_like(tmp_path):
    protocol = load_protocol("cephalometric-19")
    first, other = (
        np.stack([in_picture(moved(seed)).positions for seed in seeds]) for seeds in ((1, 2, 3), (4, 5, 6))
    )
    values = agreement(first, other, protocol, Frame.picture())
    write_bland_altman(values, "$a$", "b$ \\frac{", tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000
