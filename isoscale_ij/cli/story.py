"""The page that tells the pictures of ``isoscale-ij demo`` as a story: ``index.html``, which lies beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = (
    "body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; } "
    "img { max-width: 100%; } table { border-collapse: collapse; font-size: .9rem; } "
    "th, td { padding: .2rem .7rem; border-bottom: 1px solid #ccc; text-align: left; } "
    "code { background: #eee; padding: 0 .2rem; } figure { margin: 1rem 0; }"
)


@dataclass(frozen=True)
class Chapter:
    """A heading, what is told, and what is shown.

    Attributes
    ----------
    title, text : str
    picture : str, optional
        The file name of a picture beside the page.
    html : str, optional
        A table.
    command : str, optional
        What does the same with a file of the reader's.
    """

    title: str
    text: str
    picture: str | None = None
    html: str = ""
    command: str | None = None


def page(title: str, chapters: Sequence[Chapter]) -> str:
    """All of it as HTML."""
    body = "".join(_told(number, chapter) for number, chapter in enumerate(chapters, start=1))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )


def _told(number: int, chapter: Chapter) -> str:
    parts = [f"<h2>{number}. {escape(chapter.title)}</h2>", f"<p>{escape(chapter.text)}</p>", chapter.html]
    if chapter.picture:
        name = escape(chapter.picture)
        parts.append(f'<figure><img src="{name}" alt="{escape(chapter.title)}"/></figure>')
    if chapter.command:
        parts.append(f"<p>With a file of yours: <code>{escape(chapter.command)}</code></p>")
    return "\n".join(filter(None, parts)) + "\n"
