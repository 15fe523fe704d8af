"""A volume that is not in memory, for what goes through it slice by slice: some slices at a time are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from isoscale_ij.engines.cpu.threads import thread_count
from isoscale_ij.execution.chunks.readers import VolumeReader, reader_of

_SLAB_BYTES = 32 << 20
_MOST = 16  # slices of a slab


class Slices:
    """Slices of a volume (z, y, x), as if they were in an array. Several threads may ask at once."""

    def __init__(self, source: VolumeReader, dtype: DTypeLike | None = None) -> None:
        self._source = source
        self.dtype = np.dtype(source.dtype if dtype is None else dtype)
        self.shape = source.shape
        z, y, x = self.shape
        self.ndim, self.size, self.nbytes = 3, z * y * x, 0
        self._depth = max(1, min(_MOST, z, _SLAB_BYTES // max(1, y * x * source.dtype.itemsize)))
        self._slabs: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def of(cls, values: Any, index: tuple[int, ...], *, has_z: bool) -> Slices:
        """One volume of lazy values."""
        return cls(VolumeReader(reader_of(values), index, has_z))

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[z] for z in range(len(self)))

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        if isinstance(index, slice):
            return np.stack([self[z] for z in range(*index.indices(len(self)))])
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        number, z = divmod(index % len(self), self._depth)
        plane = self._slab(number)[z]
        return np.asarray(plane.astype(self.dtype, copy=False))

    def astype(self, dtype: DTypeLike) -> Slices:
        """The same slices in another type."""
        return Slices(self._source, dtype)

    def min(self) -> Any:
        """The lowest value."""
        return self._limits[0]

    def max(self) -> Any:
        """The highest value."""
        return self._limits[1]

    @cached_property
    def _limits(self) -> tuple[Any, Any]:
        limits = [(plane.min(), plane.max()) for plane in self]
        return min(low for low, _ in limits), max(high for _, high in limits)

    def _slab(self, number: int) -> NDArray[Any]:
        with self._lock:
            if number in self._slabs:
                self._slabs.move_to_end(number)
                return self._slabs[number]
        _, y, x = self.shape
        last = min((number + 1) * self._depth, len(self))
        slab = self._source[(slice(number * self._depth, last), slice(0, y), slice(0, x))]
        with self._lock:
            self._slabs[number] = slab
            while len(self._slabs) > 2 * thread_count() + 1:
                self._slabs.popitem(last=False)
        return slab
