"""NRRD: one file of text and voxels; spacings along the axes, of which the directions have to be the image's."""

from __future__ import annotations

import bz2
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files import planes
from isoscale_ij.files.directions import sizes_along
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region, cut
from isoscale_ij.image.units import canonical_unit

name = "NRRD"
endings = (".nrrd",)
write = None
recalibrate = None

_MAGIC = b"NRRD000"
_IN_SPACE = ("domain", "space")
_TYPES = {
    "signed char": "i1", "int8": "i1", "int8_t": "i1", "uchar": "u1", "unsigned char": "u1", "uint8": "u1",
    "uint8_t": "u1", "short": "i2", "short int": "i2", "signed short": "i2", "signed short int": "i2", "int16": "i2",
    "int16_t": "i2", "ushort": "u2", "unsigned short": "u2", "unsigned short int": "u2", "uint16": "u2",
    "uint16_t": "u2", "int": "i4", "signed int": "i4", "int32": "i4", "int32_t": "i4", "uint": "u4",
    "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4", "longlong": "i8", "long long": "i8", "int64": "i8",
    "int64_t": "i8", "ulonglong": "u8", "unsigned long long": "u8", "uint64": "u8", "uint64_t": "u8", "float": "f4",
    "double": "f8",
}  # fmt: skip


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether the file begins as one of them."""
    return first_bytes.startswith(_MAGIC)


def header(path: Path, scene: Scene) -> Header:
    """What an NRRD says of its image."""
    chosen_scene(path, [""], scene)
    with of_reading(path):
        known, begin = _read_header(path)
        shape = tuple(int(size) for size in known["sizes"])[::-1]
        dims = _dims(path, known, len(shape))
        planes.check_axes(path, dims, shape, "pynrrd")
        dtype = _dtype(path, known)
        axes = _axes(path, known, dims)
    described = Header(
        dims, shape, dtype.newbyteorder("="), lambda region: _load(path, known, begin, dims, shape, dtype, region), axes
    )
    described.name = scene_title(path, endings, [""], 0)
    return described


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The fields, and where the voxels begin."""
    nrrd = library("nrrd", "nrrd", "NRRD files")
    with path.open("rb") as file:
        known: dict[str, Any] = dict(nrrd.read_header(file))
        begin = file.tell()
    if "data file" in known or "datafile" in known:
        raise FormatError(f"{path} has its voxels in another file, which is not read. Save both as one .nrrd.")
    return known, begin


def _dims(path: Path, known: dict[str, Any], count: int) -> tuple[str, ...]:
    """Axes in space are x, y, z in their order; of the others, the kind or the label tells what they are."""
    kinds = [str(kind).lower() for kind in known.get("kinds", ())] or ["domain"] * min(count, 3)
    labels = [str(label).lower() for label in known.get("labels", ())] or [""] * count
    kinds += ["???"] * (count - len(kinds))
    space = iter("xyz")
    found = []
    for kind, label in zip(kinds, labels, strict=False):
        if label in ("x", "y", "z", "c", "t"):
            axis = label
        elif kind in _IN_SPACE:
            axis = next(space, "")
        else:
            axis = "t" if kind == "time" else "c" if "color" in kind or kind in ("list", "vector") else ""
        if not axis:
            raise FormatError(
                f"{path} has an axis of the kind {kind!r}, of which it is not known what it is; needed are x, y and z, "
                "time, and a list or a colour. Say it in its kinds, or give the values to as_image with their dims."
            )
        found.append(axis)
    return tuple(found[::-1])


def _axes(path: Path, known: dict[str, Any], dims: tuple[str, ...]) -> dict[str, Axis]:
    """The spacings; and where the image begins, as the origin is the centre of the first voxel."""
    stored = dims[::-1]
    units = [str(unit) for unit in known.get("units", ())] or [""] * len(stored)
    in_space = [axis for axis in stored if axis in "xyz"]
    for axis, unit in zip(in_space, known.get("space units", ()), strict=False):
        units[stored.index(axis)] = str(unit)
    sizes, lower = _spacings(path, known, stored)
    axes = {}
    for axis, unit in zip(stored, units, strict=True):
        if sizes.get(axis) and axis != "c":
            axes[axis] = Axis(sizes[axis], canonical_unit(unit) if unit else None, lower.get(axis, 0.0))
    return axes


def _spacings(path: Path, known: dict[str, Any], stored: tuple[str, ...]) -> tuple[dict[str, float], dict[str, float]]:
    directions = known.get("space directions")
    if directions is None:
        spacings = zip(stored, known.get("spacings", ()), strict=False)
        return {axis: float(size) for axis, size in spacings if math.isfinite(size) and size > 0}, {}
    vectors = {
        axis: np.asarray(vector, np.float64)
        for axis, vector in zip(stored, directions, strict=True)
        if vector is not None and np.isfinite(np.asarray(vector, np.float64)).all()
    }
    origin = known.get("space origin")
    return sizes_along(path, vectors, None if origin is None else np.asarray(origin, np.float64))


def _dtype(path: Path, known: dict[str, Any]) -> np.dtype[Any]:
    code = _TYPES.get(str(known.get("type", "")).lower())
    if code is None:
        raise FormatError(f"{path} holds values of type {known.get('type')!r}; needed are numbers.")
    return np.dtype(code).newbyteorder(">" if str(known.get("endian", "little")).lower() == "big" else "<")


def _load(
    path: Path, known: dict[str, Any], begin: int, dims: tuple[str, ...], shape: tuple[int, ...],
    dtype: np.dtype[Any], region: Region,
) -> NDArray[Any]:  # fmt: skip
    """A region, of which only that is read if the voxels are not packed."""
    encoding = str(known.get("encoding", "raw")).lower()
    wanted = planes.region_shape(dims, shape, region)
    with of_reading(path):
        skipped = int(known.get("byte skip", known.get("byteskip", 0)))
        if known.get("line skip", known.get("lineskip", 0)) or skipped < 0:
            raise FormatError(f"{path} skips lines or counts from its end, which is not read. Save it again as raw.")
        if encoding == "raw":
            planes.check_memory(path, wanted, dtype)
            stored: NDArray[Any] = np.memmap(path, dtype, "r", begin + skipped, shape)
        else:
            planes.check_memory(path, shape, dtype)
            content = _unpacked(path, encoding, begin, skipped + math.prod(shape) * dtype.itemsize)
            stored = np.frombuffer(content, dtype, math.prod(shape), skipped).reshape(shape)
        part = cut(stored, dims, region)
        return np.array(part, part.dtype.newbyteorder("="))


def _unpacked(path: Path, encoding: str, begin: int, size: int) -> bytes:
    """So many bytes and not one more, whatever else is packed there."""
    packed = path.read_bytes()[begin:]
    if encoding in ("gzip", "gz"):
        content = zlib.decompressobj(wbits=31).decompress(packed, size)
    elif encoding in ("bzip2", "bz2"):
        content = bz2.BZ2Decompressor().decompress(packed, size)
    else:
        raise FormatError(f"{path} has its voxels as {encoding!r}; needed is raw, gzip or bzip2. Save it again as one.")
    if len(content) < size:
        raise FormatError(f"{path} is not complete: it holds {len(content)} of {size} bytes. Copy or save it again.")
    return content
