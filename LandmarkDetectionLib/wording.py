"""How numbers are said in sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many there are.

    Parameters
    ----------
    number
        Of what is counted.
    one
        What a single one is called; more words may follow, as a verb must agree too.
    many
        What others are called; ``one`` with an s if not given.

    Returns
    -------
    str
        The number and the words that go with it: ``1 case``, ``0 cases``, ``2 images were left out``.
    """
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"
