"""What notebooks show of our values: small tables, and pictures in them, as HTML."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

_LEFT = ' style="text-align: left"'


def pairs(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and what they are.

    Examples
    --------
    >>> pairs("Image", [("kind", "<labels>")])
    '<table><caption>Image</caption><tr><th style="text-align: left">kind</th>\
<td style="text-align: left">&lt;labels&gt;</td></tr></table>'
    """
    body = "".join(f"<tr><th{_LEFT}>{escape(name)}</th><td{_LEFT}>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table><caption>{escape(title)}</caption>{body}</table>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a heading; the first column and what is no number stand at the left."""
    head = "".join(f"<th{_LEFT}>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td{_LEFT}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(png: bytes, what: str) -> str:
    """A picture that is in the text itself, as wide as there is room; `what` for who cannot see it."""
    data = base64.b64encode(png).decode("ascii")
    return f'<img alt="{escape(what)}" style="max-width: 100%" src="data:image/png;base64,{data}"/>'
