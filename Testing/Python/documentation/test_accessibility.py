"""Pages can be heard, reached by keys, and read by people who see little."""

import importlib.util
import re
from pathlib import Path

import pytest

from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.reporting.html import _STYLE as CASE_STYLE
from LandmarkDetectionLib.reporting.pages import STYLE, Section, html_page, page_head, sections_html
from Testing.examples.accessibility import LEAST_CONTRAST, contrast, faults, heading_faults, variables
from Testing.examples.pages import DOCS, REPOSITORY, pages, prose

COHORT_STYLE = resource_path("CohortReport", "report.css").read_text(encoding="utf-8")


def of_the_site() -> list[Path]:
    """The pages of the documentation site."""
    return [page for page in pages() if page.is_relative_to(DOCS) or page.parent == REPOSITORY]


@pytest.mark.parametrize("page", of_the_site(), ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_headings_of_a_page_go_down_in_order_and_every_picture_has_a_text(page: Path) -> None:
    text = prose(page.read_text(encoding="utf-8"))
    assert heading_faults([len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]) == []
    pictures = re.findall(r"!\[([^]]*)\]\(", text) + re.findall(r'<img[^>]*?(?:alt="([^"]*)")?[^>]*>', text)
    assert [said for said in pictures if not said.strip()] == []


def test_what_sphinx_leaves_out_is_added() -> None:
    spec = importlib.util.spec_from_file_location("site_of_pages", DOCS / "conf.py")
    assert spec is not None and spec.loader is not None
    site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site)
    caption = '<p class="caption" role="heading"><span class="caption-text">Start</span></p>'
    assert 'role="heading" aria-level="2"' in site.accessible(caption)
    assert site.accessible("<pre><span></span>make demo</pre>").startswith('<pre tabindex="0">')
    assert site.accessible('<tr><th class="head"><p></p></th></tr>') == "<tr><td></td></tr>"


def test_a_page_of_an_evaluation_misses_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "errors.png"
    picture.write_bytes(b"\x89PNG")
    sections = [
        Section("Errors", ["By landmark."], ("", "mean"), [("knee", "2 mm")], ("Error by landmark", picture)),
        Section("", (), ("landmark", "mean"), [("hip", "1 mm")], folded="All landmarks"),
    ]
    body = [page_head("An evaluation", "of a model", ["Six cases."]), *sections_html(sections)]
    assert faults(html_page("An evaluation", body)) == []


START = '<html lang="en"><title>t</title>'


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<html><title>t</title><main><h1>a</h1></main></html>", "the page names no language"),
        ('<html lang="en"><title> </title><main><h1>a</h1></main></html>', "a title is empty"),
        (START + "<main></main></html>", "headings of level 1: 0"),
        (
            START + "<main><h1>a</h1><h3>b</h3></main></html>",
            "level 3 follows level 1",
        ),
        (START + "<h1>a</h1></html>", "0 main"),
        (
            START + '<main><h1>a</h1><img src="x"></main></html>',
            "a picture has no text",
        ),
        (
            START + '<main><h1>a</h1><th scope="col"></th></main></html>',
            "a th is empty",
        ),
        (
            START + '<main><h1>a</h1><select id="s"></select></main></html>',
            "a field has no label: s",
        ),
    ],
)
def test_what_a_page_misses_is_found(page: str, fault: str) -> None:
    assert faults(page) == [fault]


# --- contrast ---------------------------------------------------------------------------------------------


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)  # known as just too little
    assert contrast("#888", "#fff") == pytest.approx(3.54, abs=0.01)


@pytest.mark.parametrize("style", [STYLE, COHORT_STYLE], ids=["evaluation", "cohort"])
@pytest.mark.parametrize("screen", [0, 1], ids=["light", "dark"])
def test_text_of_reports_stands_out_on_light_and_dark_screens(style: str, screen: int) -> None:
    colours = variables(style)[screen]
    texts = {"ink", "soft", "good", "bad", "warn", "accent"} & set(colours)
    assert {"ink", "soft", "good", "bad"} <= texts
    weak = {
        (text, behind): round(contrast(colours[text], colours[behind]), 2)
        for text in texts
        for behind in ("page", "box")
        if contrast(colours[text], colours[behind]) < LEAST_CONTRAST
    }
    assert not weak


def test_text_of_the_report_of_a_case_stands_out_on_white() -> None:
    colours = re.findall(r"[{; ]color: (#[0-9a-f]{3,6})", CASE_STYLE)
    assert len(colours) >= 5
    assert [colour for colour in colours if contrast(colour, "#fff") < LEAST_CONTRAST] == []
