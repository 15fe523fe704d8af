"""What an operation can be asked for by name, said once: for type checkers, at run time, for the command line."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias, get_args

Interpolation: TypeAlias = Literal["auto", "linear", "nearest", "cubic"]
INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)

Extreme: TypeAlias = Literal["finest", "coarsest"]
LikeAxis: TypeAlias = Literal["z", "y", "x"]
EXTREMES: tuple[str, ...] = get_args(Extreme)
TARGETS: tuple[str, ...] = (*EXTREMES, *get_args(LikeAxis))
"""What a new voxel size can be besides a length: the smallest or largest there is, or that of an axis."""

Threshold: TypeAlias = Literal["otsu", "local"]
THRESHOLDS: tuple[str, ...] = get_args(Threshold)

Borders: TypeAlias = Literal["distance", "light"]
BORDERS: tuple[str, ...] = get_args(Borders)


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
