"""The values of a file as an array that is read where it is looked at: what a conversion hands to a writer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.files.failures import of_reading
from isoscale_ij.image.header import Header
from isoscale_ij.progress import OnProgress, tell_nothing

_AT_A_TIME = 32 << 20  # bytes


class StreamedValues:
    """Values that are read region by region; NumPy's functions get all of them.

    Parameters
    ----------
    path : Path
    header : Header
        Of the image.
    on_progress : callable, optional
        Called with how many voxels were read; they may be read more than once.
    order : tuple of int, optional
        The axes, out of those of the image.
    """

    by_region = True

    def __init__(
        self, path: Path, header: Header, on_progress: OnProgress | None = None, order: tuple[int, ...] | None = None
    ) -> None:
        self._path, self._header = path, header
        self._on_progress = on_progress or tell_nothing
        self._order = tuple(range(len(header.ordered))) if order is None else order
        sizes = dict(zip(header.dims, header.shape, strict=True))
        self._dims = tuple(header.ordered[axis] for axis in self._order)
        self.shape = tuple(sizes[axis] for axis in self._dims)
        self.dtype = header.dtype
        self.ndim = len(self.shape)
        self.size = math.prod(self.shape)
        self.nbytes = self.size * self.dtype.itemsize
        self._done = 0

    def __getitem__(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        picked = [each for each in keys if each is not None and each is not Ellipsis]
        region, dropped = {}, []
        for position, (each, axis) in enumerate(zip(picked, self._dims, strict=False)):
            if isinstance(each, slice):
                region[axis] = each
            else:
                region[axis] = slice(int(each), int(each) + 1)
                dropped.append(position)
        with of_reading(self._path):
            values = self._header.part(region).transpose(self._order)
        self._tell(values.size)
        values = values.reshape([size for position, size in enumerate(values.shape) if position not in dropped])
        return values[np.newaxis] if keys[0] is None else values

    def transpose(self, *axes: Any) -> StreamedValues:
        """The same with its axes in another order."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return StreamedValues(
            self._path,
            self._header,
            self._on_progress,
            tuple(self._order[axis] for axis in order or range(self.ndim)[::-1]),
        )

    def min(self) -> Any:
        """The lowest value."""
        return min(part.min() for part in self.parts())

    def max(self) -> Any:
        """The highest value."""
        return max(part.max() for part in self.parts())

    def parts(self) -> Iterator[NDArray[Any]]:
        """All values, some planes at a time."""
        outer = self.shape[:-2]
        plane = math.prod(self.shape[-2:]) * self.dtype.itemsize
        along = outer[-1] if outer else 1
        step = max(1, min(along, _AT_A_TIME // max(1, plane)))
        for index in np.ndindex(outer[:-1]):
            for first in range(0, along, step):
                yield self[(*index, slice(first, first + step))] if outer else self[...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        values = self[...]
        return values if dtype is None else values.astype(dtype, copy=bool(copy))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        extremes = {np.max: self.max, np.min: self.min}
        if function in extremes and len(args) == 1 and kwargs.get("axis") is None:
            return np.asarray(extremes[function]())
        return function(*(np.asarray(each) if isinstance(each, StreamedValues) else each for each in args), **kwargs)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        values = (np.asarray(each) if isinstance(each, StreamedValues) else each for each in inputs)
        return getattr(function, method)(*values, **kwargs)

    def _tell(self, count: int) -> None:
        self._done = min(self.size, self._done + count)
        self._on_progress(self._done, self.size, "converting")
