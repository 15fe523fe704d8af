"""How numbers are said to people: as many digits as mean something, and things counted."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence


def short(value: float | Sequence[float]) -> str:
    """A number with six digits, or several with commas.

    Examples
    --------
    >>> short(51.09328129), short(203.17100620269775), short(1500.0), short([0.5, 2.0])
    ('51.0933', '203.171', '1500', '0.5, 2')
    """
    return ", ".join(f"{each:.6g}" for each in value) if isinstance(value, Sequence) else f"{value:.6g}"


def counted(count: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "object"), counted(2, "object")
    ('1 object', '2 objects')
    """
    return f"{count} {what}" + ("" if count == 1 else "s")


def in_lines(text: str, most: int) -> str:
    """A sentence in lines of about the same length, of `most` letters or a few more: no word is alone in the last.

    Examples
    --------
    >>> print(in_lines("their number is steady from 1.38 to 5.57 µm.", 40))
    their number is steady
    from 1.38 to 5.57 µm.
    """
    lines = math.ceil(len(text) / most)
    widths = range(math.ceil(len(text) / lines), len(text) + 1) if lines > 1 else ()
    return next(
        (whole for width in widths if len((whole := textwrap.fill(text, width)).splitlines()) <= lines), text
    )  # fmt: skip
