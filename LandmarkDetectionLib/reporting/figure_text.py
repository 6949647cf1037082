"""Texts of figures as they are: no letter of a name is a formula, and none becomes a box without a word.

matplotlib takes what stands between two dollar signs for a formula, which changes a name or ends with a
traceback, and draws a box for a letter that its font lacks. Here dollar signs are dollar signs; a font of
this computer that has the letters is looked for; what none has is a question mark, and the figure says so.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_LACKING = "?"
_MOST_SHOWN = 12


def draw_as_written(*figures: Figure) -> str:
    """Have figures draw their texts as written; to be called when all is in them, before they are saved.

    Returns
    -------
    str
        A sentence on the letters that no font of this computer has, which is also logged and drawn at the
        bottom of the figures it is about; empty when there is none.
    """
    lacking: dict[str, None] = {}
    for figure in figures:
        here: dict[str, None] = {}
        for text in _texts(figure):
            text.set_parse_math(False)
            here |= dict.fromkeys(_find_letters(text))
        here |= dict.fromkeys(_letters_of_fixed_labels(figure))
        if here:
            figure.text(0.01, 0.003, _sentence(list(here)), fontsize=5, color="0.5", parse_math=False)
        lacking |= here
    sentence = _sentence(list(lacking)) if lacking else ""
    if sentence:
        _say_once(sentence)
    return sentence


@lru_cache(maxsize=64)
def _say_once(sentence: str) -> None:
    """A report of several pages and pictures needs one warning."""
    logging.getLogger(__name__).warning("Warning: %s", sentence)


def _texts(figure: Figure) -> Iterator[Text]:
    """All texts but numbers at the axes, whose powers of ten are formulas of matplotlib's own."""
    from matplotlib.text import Text

    ticks = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in (*axis.get_ticklabels(which="both"), axis.get_offset_text())
    }
    yield from (text for text in figure.findobj(Text) if id(text) not in ticks and text.get_text())


def _letters_of_fixed_labels(figure: Figure) -> list[str]:
    """The same for names that stand at an axis in the place of numbers."""
    from matplotlib.ticker import FixedFormatter, FuncFormatter

    lacking = []
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter):
                continue
            labels = axis.get_ticklabels()
            for label in labels:
                label.set_parse_math(False)
            if found := [letter for label in labels for letter in _find_letters(label)]:
                axis.set_ticks(axis.get_ticklocs(), [label.get_text() for label in labels])
                lacking += found
    return lacking


def _find_letters(text: Text) -> list[str]:
    """Give a text the fonts that have its letters; those that none has become question marks."""
    from matplotlib import font_manager

    words = text.get_text()
    if words.isascii():
        return []
    own = font_manager.findfont(text.get_fontproperties())
    missing = [letter for letter in dict.fromkeys(words) if letter != "\n" and not _has(own, letter)]
    families, lacking = [], []
    for letter in missing:
        if unicodedata.category(letter) == "Cf":  # joins or directs others, and is nothing by itself
            words = words.replace(letter, "")
            continue
        family = _family_with(letter)
        if family is None:
            lacking.append(letter)
        elif family not in families:
            families.append(family)
    if families:
        text.set_fontfamily([*text.get_fontfamily(), *families])
    for letter in lacking:
        words = words.replace(letter, _LACKING)
    text.set_text(words)
    return lacking


@lru_cache(maxsize=4096)
def _family_with(letter: str) -> str | None:
    """The first family of this computer's fonts that has a letter."""
    from matplotlib import font_manager

    regular = sorted(
        (font for font in font_manager.fontManager.ttflist if font.style == "normal"),
        key=lambda font: (abs(_weight(font.weight) - 400), "Noto" not in font.name, font.name),
    )
    return next((font.name for font in regular if _has(font.fname, letter)), None)


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else {"bold": 700, "light": 300}.get(weight, 400)


@lru_cache(maxsize=8192)
def _has(file: str, letter: str) -> bool:
    return ord(letter) in _letters_of(file)


@lru_cache(maxsize=256)
def _letters_of(file: str) -> frozenset[int]:
    """Letters of a font; none of one that cannot be read, or that says to have all, as Apple's LastResort."""
    from matplotlib.ft2font import FT2Font

    if "lastresort" in file.lower():
        return frozenset()
    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def _sentence(letters: list[str]) -> str:
    codes = ", ".join(f"U+{ord(letter):04X}" for letter in letters[:_MOST_SHOWN])
    more = f" and {len(letters) - _MOST_SHOWN} more" if len(letters) > _MOST_SHOWN else ""
    return (
        f"No font of this computer has the letters {codes}{more}; they are drawn as question marks. "
        "Install a font that has them, for example one of the Noto fonts."
    )
