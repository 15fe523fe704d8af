"""Which values of parameters make sense, whatever the image: operations ask, and the command line before it begins."""

from __future__ import annotations

import math
from typing import Any, cast

from isoscale_ij.errors import ParameterError
from isoscale_ij.image.units import Length, refuse_decimal_comma
from isoscale_ij.operations.choices import BORDERS, THRESHOLDS, Borders, Threshold


def sensible_factor(factor: Any, axis: str) -> float:
    """By how much an axis is rescaled."""
    if type(factor) not in (int, float) or not (math.isfinite(factor) and factor > 0):
        raise ParameterError(f"Got the factor {factor!r} on {axis}; needed is a finite number above 0.")
    return float(factor)


def sensible_sigma(length: Length, what: str) -> Length:
    """The sigma of a blur; 0 is none."""
    if length.value < 0:
        raise ParameterError(f"Got {length} as {what}; needed is 0 or more.")
    return length


def sensible_threshold(threshold: object) -> float | Threshold:
    """A way to find the threshold, or the threshold as a number."""
    if isinstance(threshold, str):
        if threshold in THRESHOLDS:
            return cast("Threshold", threshold)
        refuse_decimal_comma(threshold, "the threshold")
        try:
            threshold = float(threshold)
        except ValueError:
            raise ParameterError(
                f"Got the threshold {threshold!r}; needed is {', '.join(map(repr, THRESHOLDS))} or a number."
            ) from None
    value = as_number(threshold)
    if not math.isfinite(value):
        raise ParameterError(
            f"Got the threshold {threshold}; needed is {', '.join(map(repr, THRESHOLDS))} or a finite number."
        )
    return value


def sensible_borders(borders: str) -> Borders:
    """How objects that touch are told apart."""
    if borders not in BORDERS:
        raise ParameterError(f"Got the borders {borders!r}; needed is one of {', '.join(map(repr, BORDERS))}.")
    return cast("Borders", borders)


def sensible_elongation(elongation: float) -> float:
    """How much longer than wide objects look along z."""
    if not 0 < as_number(elongation) < math.inf:
        raise ParameterError(f"Got the elongation {elongation!r}; needed is a number above 0, as 1.5.")
    return elongation


def as_number(value: Any) -> float:
    """A number as it is; NaN for what is none, text and truth values included.

    Examples
    --------
    >>> as_number(2), as_number(None), as_number([1, 2])
    (2.0, nan, nan)
    """
    if isinstance(value, (bool, str, bytes)):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
