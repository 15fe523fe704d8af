"""MRC, of electron microscopes: cells in ångström over sampling intervals, axes in the order that the header says."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError
from isoscale_ij.files import planes
from isoscale_ij.files.directions import of_single
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region, cut

name = "MRC"
endings = (".mrc", ".map", ".rec", ".mrcs", ".st")
write = None
recalibrate = None

_MAGIC, _MAGIC_AT = b"MAP", 208
_UNIT = "angstrom"
_IMOD = 1146047817  # the stamp of IMOD, with flags behind it (https://bio3d.colorado.edu/imod/doc/mrc_format.txt)
_IMOD_AT = 152
_NAMES = {1: "x", 2: "y", 3: "z"}


def can_read(first_bytes: bytes, path: Path) -> bool:
    """Whether it says so where the format has its mark, behind the first bytes."""
    if not first_bytes or path.is_dir():
        return False
    with path.open("rb") as file:
        file.seek(_MAGIC_AT)
        return file.read(len(_MAGIC)) == _MAGIC


def header(path: Path, scene: Scene) -> Header:
    """What an MRC says of its image."""
    chosen_scene(path, [""], scene)
    with _opened(path) as (file, said):
        for message in said:
            remarks.warn(f"{path}: the reader of MRC files says: {message}")
        known, data = file.header, _values(file)
        dims = _dims(path, known, data.ndim)
        if data.dtype.kind not in "uif":
            raise FormatError(f"{path} holds values of type {data.dtype}; needed are real ones. Save their magnitude.")
        sizes = dict(zip(dims, data.shape, strict=True))
        cell, intervals = known.cella, {"x": int(known.mx), "y": int(known.my), "z": int(known.mz)}
        axes = {}
        for axis in "zyx":
            length = float(cell[axis])
            pictures = axis == "z" and intervals["z"] == 1 < sizes.get("z", 1)  # side by side, at no distance
            if length > 0 and intervals[axis] > 0 and not pictures and axis in sizes:
                axes[axis] = Axis(of_single(length / intervals[axis]), _UNIT)
        kept = planes.kept_axes(sizes, axes)
        dtype = data.dtype.newbyteorder("=")
        shape = tuple(sizes[axis] for axis in kept)
        described = Header(kept, shape, dtype, lambda region: _load(path, dims, kept, region), axes)
    described.name = scene_title(path, endings, [""], 0)
    return described


def _dims(path: Path, known: Any, count: int) -> tuple[str, ...]:
    """The axes in the order in which they lie, slowest first; the volumes of a stack of them are time points."""
    order = [int(known[key]) for key in ("maps", "mapr", "mapc")]
    if sorted(order) != [1, 2, 3]:
        raise FormatError(f"{path} says that its axes are {order}; needed are 1, 2 and 3 in some order. Is it damaged?")
    dims = tuple(_NAMES[number] for number in order)
    return ("t", *dims) if count == 4 else dims[-count:]


def _values(file: Any) -> NDArray[Any]:
    """The voxels; bytes are without a sign where IMOD wrote them and says so."""
    data: NDArray[Any] = file.data
    if data.dtype != np.int8:
        return data
    stamp, flags = np.frombuffer(file.header.tobytes()[_IMOD_AT : _IMOD_AT + 8], file.header.nx.dtype.newbyteorder("<"))
    return data.view(np.uint8) if stamp == _IMOD and not flags & 1 else data


def _load(path: Path, dims: tuple[str, ...], kept: tuple[str, ...], region: Region) -> NDArray[Any]:
    with _opened(path) as (file, _):
        data = _values(file)
        planes.check_memory(path, planes.region_shape(dims, data.shape, region), data.dtype)
        part = cut(data, dims, region)
        values = np.array(part, part.dtype.newbyteorder("="))
    return values.reshape([size for axis, size in zip(dims, values.shape, strict=True) if axis in kept])


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """The file, and what its reader says of it."""
    mrcfile = library("mrcfile", "mrc", "MRC files")
    with of_reading(path):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            file = mrcfile.mmap(path, mode="r", permissive=False)
        with file:
            if file.data is None:
                raise FormatError(f"{path} has no voxels. Copy or save it again.")
            yield file, [str(warning.message) for warning in said]
