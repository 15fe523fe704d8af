"""Voxel sizes that another program says: those of them that can be believed, and what is wrong with the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from isoscale_ij.image.units import convert, is_length, symbol
from isoscale_ij.wording import short

_SMALLEST, _LARGEST = 1e-4, 1e4  # micrometers: what no light and no electron tells apart; a centimetre
_FLATTEST, _STEEPEST = 0.02, 200.0  # z over x or y. It is from 0.2 to 20 in all but a few; a slip of 1000 is outside
_OBLONG = 10.0  # y over x, or x over y


def positive(size: Any) -> float | None:
    """A size without its sign; None where it is none, 0 or not finite.

    A number that single precision holds is given the digits of that, and no more: 0.1, not 0.10000000149.
    """
    try:
        number = abs(float(size))
    except (TypeError, ValueError):
        return None
    if not 0 < number < math.inf:
        return None
    with np.errstate(over="ignore"):
        single = np.float32(number)
    return float(str(single)) if float(single) == number else number


def believable(sizes: Mapping[str, float], unit: str | None) -> tuple[dict[str, float], str]:
    """Those sizes that a microscope can have, and a sentence of what is wrong with the others.

    Parameters
    ----------
    sizes : mapping
        Of the axes that have a size.
    unit : str or None
        What they are said to be in, by its full name.

    Returns
    -------
    dict, str
        Of sizes that contradict each other none is believed, since it is not known which of them is wrong.

    Examples
    --------
    >>> believable({"z": 1.5, "y": 0.1, "x": 0.1}, "micrometer")
    ({'z': 1.5, 'y': 0.1, 'x': 0.1}, '')
    >>> believable({"z": 1500.0, "y": 0.1, "x": 0.1}, "micrometer")
    ({}, 'The size of z is 15000 times that of y; needed is from 0.02 to 200.')
    """
    if not is_length(unit):
        return {}, f"The unit {unit!r} is none of length." if sizes else ""
    lengths = {axis: convert(size, unit, "micrometer") for axis, size in sizes.items()}
    outside = [axis for axis, length in lengths.items() if not _SMALLEST <= length <= _LARGEST]
    if outside:
        said = ", ".join(f"{axis} {short(sizes[axis])} {symbol(unit)}" for axis in outside)
        left = {axis: size for axis, size in sizes.items() if axis not in outside}
        kept, others = believable(left, unit)
        return kept, f"Got {said}; needed is from {_SMALLEST * 1e3:g} nm to {_LARGEST / 1e3:g} mm. {others}".strip()
    for one, other, least, most in (
        ("z", "y", _FLATTEST, _STEEPEST), ("z", "x", _FLATTEST, _STEEPEST), ("y", "x", 1 / _OBLONG, _OBLONG),
    ):  # fmt: skip
        if one in sizes and other in sizes and not least <= sizes[one] / sizes[other] <= most:
            return {}, (
                f"The size of {one} is {short(sizes[one] / sizes[other])} times that of {other}; needed is from "
                f"{least:g} to {most:g}."
            )
    return dict(sizes), ""
