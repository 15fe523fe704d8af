"""Arrays that are worked out region by region when they are looked at, as dask arrays."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines import get_engine
from isoscale_ij.engines.cpu import NAME
from isoscale_ij.engines.taps import Taps
from isoscale_ij.errors import MissingDependencyError
from isoscale_ij.execution.chunks.readers import Reader, Taken, VolumeReader, readers
from isoscale_ij.execution.chunks.regions import Region, Shape, lengths, plain
from isoscale_ij.execution.chunks.store import BlockArray
from isoscale_ij.execution.resampling import Resampling

NEEDS_DASK = "Images that are larger than the memory need dask and zarr: pip install 'isoscale-ij[dask]'."


def as_dask(reader: Reader, chunks: Any) -> Any:
    """A dask array whose blocks are read when they are needed."""
    try:
        import dask.array as da
    except ImportError as error:
        raise MissingDependencyError(NEEDS_DASK) from error
    array = da.from_array(  # type: ignore[no-untyped-call]
        reader, chunks=chunks, name=False, asarray=False, fancy=False, inline_array=True,
        meta=np.empty((0,) * len(reader.shape), reader.dtype),
    )  # fmt: skip
    readers[array.name] = reader
    return array


def taken_of(values: Any, axis: int, index: int) -> Any:
    """A dask array at one index along an axis, with the same reader where the array has one."""
    reader = readers.get(values.name)
    if reader is None:
        return values[(slice(None),) * axis + (index,)]
    return as_dask(Taken(reader, axis, index), (*values.chunks[:axis], *values.chunks[axis + 1 :]))


@dataclass(frozen=True, eq=False)
class Resampled:
    """An image on another grid: each region is made of what of the image it needs."""

    reader: Reader
    leading: Shape
    has_z: bool
    resampling: Resampling

    @property
    def shape(self) -> Shape:
        """Along each axis."""
        volume = self.resampling.shape
        return (*self.leading, *(volume if self.has_z else volume[1:]))

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As the image's."""
        return self.reader.dtype.newbyteorder("=")

    def __getitem__(self, key: Any) -> NDArray[Any]:
        region = plain(key, self.shape)
        out = np.empty(lengths(region), self.dtype)
        within = region[len(self.leading) :]
        wanted = within if self.has_z else (slice(0, 1), *within)
        source, taps = _needed(self.resampling.taps, wanted)
        for index in np.ndindex(out.shape[: len(self.leading)]):
            place = tuple(part.start + i for part, i in zip(region, index, strict=False))
            values = VolumeReader(self.reader, place, self.has_z)[source]
            made = out[index] if index else out
            target = made if self.has_z else made[np.newaxis]
            get_engine(NAME, values.size).resample(values, taps, target)
        return out


def _needed(taps: Sequence[Taps], wanted: Region) -> tuple[Region, tuple[Taps, Taps, Taps]]:
    """The region that some output voxels are made of, and their taps, counted from it."""
    source, parts = [], []
    for axis, part in zip(taps, wanted, strict=True):
        first, count = axis.first[part], axis.count[part]
        low, high = int(first.min()), int((first + count).max())
        source.append(slice(low, high))
        parts.append(replace(axis, first=first - low, count=count, weights=axis.weights[part]))
    z, y, x = parts
    return tuple(source), (z, y, x)


@dataclass(frozen=True, eq=False)
class Stored:
    """Labels of the volumes of an image, in files; those go with the last array that is made of them."""

    volumes: tuple[BlockArray, ...]
    leading: Shape
    has_z: bool

    @property
    def shape(self) -> Shape:
        """Along each axis."""
        volume = self.volumes[0].shape
        return (*self.leading, *(volume if self.has_z else volume[1:]))

    @property
    def ndim(self) -> int:
        """How many axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the labels."""
        return self.volumes[0].dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        region = plain(key, self.shape)
        out = np.empty(lengths(region), self.dtype)
        within = region[len(self.leading) :]
        wanted = within if self.has_z else (slice(0, 1), *within)
        for index in np.ndindex(out.shape[: len(self.leading)]):
            place = tuple(part.start + i for part, i in zip(region, index, strict=False))
            number = int(np.ravel_multi_index(place, self.leading)) if place else 0
            made = self.volumes[number][wanted]
            out[index] = made if self.has_z else made[0]
        return out

    def owning(self, folder: Path) -> Stored:
        """The same, whose folder is removed when nothing refers to it any more."""
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return self
