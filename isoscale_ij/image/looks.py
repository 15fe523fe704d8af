"""The colours and the range that a label image is given, and a note by which these are told from a person's choice."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from isoscale_ij.image.label_colors import glasbey


def label_lut() -> list[list[int]]:
    """The lookup table of a label image: red, green and blue, 256 values each."""
    return glasbey().T.tolist()  # type: ignore[no-any-return]


def label_range(highest: float) -> list[float]:
    """The display range of a label image: a label has the colour of its number, as long as there are colours."""
    return [0.0, max(255.0, float(highest))]


def noted(looks: dict[str, Any]) -> str:
    """A note of looks that nobody chose."""
    return json.dumps({key: _digest(value) for key, value in looks.items()})


def chosen(looks: dict[str, Any], note: str | None) -> dict[str, Any]:
    """Those looks that are not in the note: somebody chose them.

    Examples
    --------
    >>> note = noted({"ranges": [[0.0, 255.0]]})
    >>> chosen({"ranges": [[0.0, 255.0]], "mode": "color"}, note)
    {'mode': 'color'}
    """
    try:
        unchosen = dict(json.loads(note or "{}"))
    except (ValueError, TypeError):
        unchosen = {}
    return {key: value for key, value in looks.items() if unchosen.get(key) != _digest(value)}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]
