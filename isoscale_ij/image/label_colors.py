"""Colours that tell labels apart, in the order of the labels.

Each colour is the one farthest from all before it, in a space where distance is what the eye sees:
the way of Glasbey, van der Heijden, Toh and Gray, "Colour displays for categorical images" (2007).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_TABLE = 256  # colours of a lookup table of ImageJ, that of the background included
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # sRGB, D65
_LIGHTEST_BACKGROUND = 32.0  # colours darker than this (CIE L*) are lost on black


@cache
def glasbey(count: int = 255) -> NDArray[np.uint8]:
    """A lookup table: black for the background, then `count` colours; shape (count + 1, 3).

    Examples
    --------
    >>> glasbey(3).tolist()
    [[0, 0, 0], [0, 255, 0], [0, 0, 255], [255, 0, 0]]
    """
    steps = np.linspace(0, 255, 18).round()
    candidates = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    seen = _lab(candidates)
    visible = seen[:, 0] > _LIGHTEST_BACKGROUND
    candidates, seen = candidates[visible], seen[visible]
    chosen = np.zeros((count + 1, 3), np.uint8)
    nearest = ((seen - _lab(np.zeros((1, 3)))) ** 2).sum(axis=1)
    for index in range(1, count + 1):
        farthest = int(nearest.argmax())
        chosen[index] = candidates[farthest]
        nearest = np.minimum(nearest, ((seen - seen[farthest]) ** 2).sum(axis=1))
    return chosen


def shown(labels: NDArray[np.integer], highest: int) -> NDArray[np.uint8]:
    """The colours (red, green, blue) that labels have in ImageJ, where `highest` is the largest in the image.

    A lookup table of ImageJ has 256 entries: up to 255 labels have a colour each; of more, neighbours in number
    share one.

    Examples
    --------
    >>> shown(np.array([0, 1, 2]), 2).tolist()
    [[0, 0, 0], [0, 255, 0], [0, 0, 255]]
    """
    if highest >= _TABLE:
        labels = np.minimum((labels * (_TABLE / (highest + 1)) + 0.5).astype(np.int64), _TABLE - 1)
    return np.asarray(glasbey(_TABLE - 1)[labels])


def _lab(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* of sRGB colours from 0 to 255."""
    part = colors / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _TO_XYZ.sum(axis=1)
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * root[:, 1] - 16, 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], axis=1)
