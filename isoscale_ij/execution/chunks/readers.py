"""Reads regions of a volume, wherever its voxels lie: what a task is given, and can be sent to another machine."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.execution.chunks.kept import keeps_tiles, tile
from isoscale_ij.execution.chunks.regions import Blocks, Region, Shape, plain

_SLICES = 16  # of a tile at least, where not all of them are in one
_LEAST_BYTES = 1 << 16  # of a tile: smaller ones, and values that are in memory, are not worth while
_FEW_TILES = 8  # what there is room for where keeping any is worth while


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


@dataclass(frozen=True)
class TiledReader:
    """Reads a volume tile by tile, and keeps tiles for a while: what is packed is not unpacked for every block.

    Attributes
    ----------
    source : VolumeReader
    tiles : Blocks
        Whole chunks of the file.
    name : str
        Under which tiles are kept: of this volume, and of no other.
    """

    source: VolumeReader
    tiles: Blocks
    name: str

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def nbytes(self) -> int:
        """Of a tile."""
        return math.prod(self.tiles.size) * self.dtype.itemsize

    def __getitem__(self, region: Region) -> NDArray[Any]:
        if not keeps_tiles(self.nbytes * _FEW_TILES):
            return self.source[region]
        return self.tiles.put_together(region, self.dtype, self._tile)

    def _tile(self, number: int) -> NDArray[Any]:
        return tile((self.name, number), lambda: self.source[self.tiles.region(number)])


def in_tiles(source: VolumeReader, chunks: Shape, block: Shape, name: str) -> VolumeReader | TiledReader:
    """The same volume read in tiles, if it is stored in chunks that are less than planes and fit into blocks."""
    shape = source.shape
    deep = shape[0] if block[0] >= shape[0] else -(-min(_SLICES, block[0]) // chunks[0]) * chunks[0]
    tiled = TiledReader(source, Blocks(shape, (deep, *chunks[1:])), name)
    planes = all(c >= n for c, n in zip(chunks[1:], shape[1:], strict=True))
    fits = all(c <= b for c, b in zip(chunks, block, strict=True))
    return tiled if fits and not planes and tiled.nbytes >= _LEAST_BYTES else source


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
