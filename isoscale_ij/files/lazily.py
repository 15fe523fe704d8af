"""The values of a file, read region by region when they are looked at, here or on another machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError, ParameterError
from isoscale_ij.execution.chunks.lazy import as_dask
from isoscale_ij.execution.chunks.regions import plain
from isoscale_ij.files import formats
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.scenes import Scene
from isoscale_ij.image.axes import our_axis
from isoscale_ij.image.header import Header

Chunks = Mapping[str, int] | str
_AUTO_BYTES = 32 << 20


class FileValues:
    """An array whose regions are read from a file. It is sent as a path, and opened where it is needed.

    The path is absolute, in its header too: what is read later must not depend on the working directory.
    """

    def __init__(self, path: Path, scene: Scene) -> None:
        self._path, self._scene = path.absolute(), scene
        self._known: Header | None = None
        header = self.header
        self._dims = header.ordered
        sizes = dict(zip(header.dims, header.shape, strict=True))
        self.shape = tuple(sizes[axis] for axis in self._dims)
        self.dtype = header.dtype
        self.ndim = len(self.shape)
        chunks = None if header.chunks is None else dict(zip(header.dims, header.chunks, strict=True))
        self.native = None if chunks is None else tuple(chunks[axis] for axis in self._dims)
        self._stamp = formats.stamp(self._path)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_known": None}

    @property
    def header(self) -> Header:
        """What the file says of the image."""
        if self._known is None:
            self._known = formats.of_file(self._path).header(self._path, self._scene)
        return self._known

    def __getitem__(self, key: Any) -> NDArray[Any]:
        region = plain(key, self.shape)
        if formats.stamp(self._path) != self._stamp:
            raise FormatError(f"{self._path} has changed since it was opened. Read it again.")
        whole = tuple(slice(0, n) for n in self.shape)
        wanted = {axis: part for axis, part, every in zip(self._dims, region, whole, strict=True) if part != every}
        with of_reading(self._path):
            with remarks.heard():  # of the header, where it is read again
                header = self.header
            return np.asarray(header.part(wanted))


def lazy_image(path: Path, scene: Scene, chunks: Chunks) -> xr.DataArray:
    """The image of a file, none of whose values are read yet."""
    values = FileValues(path, scene)
    return values.header.image(lazy=as_dask(values, _sizes(values.header, chunks)))


def _sizes(header: Header, chunks: Chunks) -> tuple[int, ...]:
    """The chunks along each axis."""
    sizes = dict(zip(header.dims, header.shape, strict=True))
    if isinstance(chunks, str):
        if chunks != "auto":
            raise ParameterError(f'Got the chunks {chunks!r}; needed is "auto", or sizes as {{"z": 64}}.')
        named: dict[str, int] = {}
    elif isinstance(chunks, Mapping):
        named = {our_axis(axis): int(size) for axis, size in chunks.items()}
    else:
        raise ParameterError(f'Got {chunks!r} as chunks; needed is "auto", or sizes as {{"z": 64}}.')
    unknown = [axis for axis in named if axis not in sizes]
    if unknown or any(size == 0 or size < -1 for size in named.values()):
        raise ParameterError(
            f"Got the chunks {named}; needed are sizes above 0 (-1: the whole axis) for axes out of "
            f"{', '.join(header.ordered)}."
        )
    usual = _usual(header)
    chosen = {axis: usual[axis] for axis in header.ordered} | named
    return tuple(sizes[axis] if chosen[axis] == -1 else min(chosen[axis], sizes[axis]) for axis in header.ordered)


def _usual(header: Header) -> dict[str, int]:
    """Chunks of a middling size: those of the file, or whole planes, as many as make that up."""
    sizes = dict(zip(header.dims, header.shape, strict=True))
    if header.chunks is not None:
        usual = dict(zip(header.dims, header.chunks, strict=True))
    else:
        usual = {axis: sizes[axis] if axis in "yx" else 1 for axis in header.dims}
    for axis in ("z", "y", "x"):
        room = _AUTO_BYTES // max(1, math.prod(usual.values()) * header.dtype.itemsize)
        if axis in usual and room > 1:
            usual[axis] = min(sizes[axis], usual[axis] * room)
    return usual
