"""Reads regions of a volume, wherever its voxels lie: what a task is given, and can be sent to another machine."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.execution.chunks.regions import Region, Shape, plain


class Reader(Protocol):
    """An array of which regions can be read, one at a time or several at once; small to send."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Along each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    def __getitem__(self, region: Region) -> NDArray[Any]:
        """The values of a region: slices, of step 1."""


readers: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
"""By the name of a dask array, the reader that it was made of: regions are read without going through dask."""


@dataclass(frozen=True)
class OfDask:
    """Reads a dask array of any origin, in the thread that asks."""

    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.array.dtype
        return dtype

    def __getitem__(self, region: Region) -> NDArray[Any]:
        return np.asarray(self.array[region].compute(scheduler="synchronous"))


@dataclass(frozen=True, eq=False)
class Taken:
    """What another reader has at one index along an axis."""

    reader: Reader
    axis: int
    index: int

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.reader.shape
        return (*shape[: self.axis], *shape[self.axis + 1 :])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.reader.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        region = plain(key, self.shape)
        at = slice(self.index, self.index + 1)
        return np.asarray(np.take(self.reader[(*region[: self.axis], at, *region[self.axis :])], 0, self.axis))


@dataclass(frozen=True)
class VolumeReader:
    """One volume (z, y, x) of an image's values, in this machine's byte order.

    Attributes
    ----------
    reader : Reader
    index : tuple of int
        Where the volume is along the leading axes.
    has_z : bool
    """

    reader: Reader
    index: tuple[int, ...]
    has_z: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels in z, y and x."""
        z, y, x = self.reader.shape[-3:] if self.has_z else (1, *self.reader.shape[-2:])
        return z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.reader.dtype.newbyteorder("=")

    def __getitem__(self, region: Region) -> NDArray[Any]:
        leading = tuple(slice(i, i + 1) for i in self.index)
        values = np.asarray(self.reader[leading + (region if self.has_z else region[1:])])
        shape = tuple(part.stop - part.start for part in region)
        return np.ascontiguousarray(values.reshape(shape), self.dtype)


def is_lazy(values: object) -> bool:
    """Whether values are a dask array."""
    return hasattr(values, "dask") and hasattr(values, "chunks")


def reads_by_region(values: object) -> bool:
    """Whether regions of values can be had without having all of them: a dask array, or one that says so."""
    return is_lazy(values) or getattr(values, "by_region", False)


def reader_of(values: Any) -> Reader:
    """What reads an array: a dask array, or one that is here."""
    if not is_lazy(values):
        reader: Reader = values
        return reader
    return readers.get(values.name) or OfDask(values)


def chunks_of(values: Any) -> Shape:
    """What is read at a time along each axis: of a file that says so, else the largest chunk; of an array here, 1."""
    native = getattr(readers.get(values.name), "native", None) if is_lazy(values) else None
    if native is not None:
        return tuple(native)
    return tuple(max(sizes) for sizes in values.chunks) if is_lazy(values) else (1,) * values.ndim
