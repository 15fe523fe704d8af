"""The planes of an image for tifffile: all of them where they are in memory, else some at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_A_TIME = 64 << 20  # bytes


def of(
    values: Any, inner: int, convert: Callable[[NDArray[Any]], NDArray[Any]], dtype: np.dtype[Any]
) -> dict[str, Any]:
    """What `TiffWriter.write` is given: the planes, their number and shape, their type.

    Parameters
    ----------
    values : array
        In memory or not, in the order of the file.
    inner : int
        Axes of a plane, the last ones.
    convert : callable
        Makes pixels of type `dtype` of values.
    """
    plane = tuple(values.shape[-inner:])
    if isinstance(values, np.ndarray):
        return {"data": convert(values).reshape(-1, *plane)}
    count = math.prod(values.shape[:-inner])
    return {"data": _some(values, inner, convert), "shape": (count, *plane), "dtype": dtype}


def _some(values: Any, inner: int, convert: Callable[[NDArray[Any]], NDArray[Any]]) -> Iterator[NDArray[Any]]:
    outer = values.shape[:-inner]
    plane = math.prod(values.shape[-inner:]) * values.dtype.itemsize
    along = outer[-1] if outer else 1
    step = max(1, min(along, _AT_A_TIME // max(1, plane)))
    for index in np.ndindex(outer[:-1]):
        for first in range(0, along, step):
            part = values[(*index, slice(first, min(first + step, along)))] if outer else values[np.newaxis]
            yield from convert(np.asarray(part))
