"""NIfTI (.nii, .nii.gz): x, y, z and time with their units; directions have to be those of space."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files import planes
from isoscale_ij.files.directions import of_single, sizes_along
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.libraries import library
from isoscale_ij.files.scenes import Scene, chosen_scene, scene_title
from isoscale_ij.image.header import Axis, Header, Region

name = "NIfTI"
endings = (".nii.gz", ".nii")
write = None
recalibrate = None

_GZIP = b"\x1f\x8b"
# By the first number of the header, which is its size: where its mark stands, and what that is.
_MAGIC: dict[bytes, tuple[int, bytes]] = {
    struct.pack(order + "i", size): mark
    for order in "<>"
    for size, mark in ((348, (344, b"n+1\0")), (540, (4, b"n+2\0")))
}
_NAMES = ("x", "y", "z", "t", "c")
_UNITS = {"mm": "millimeter", "micron": "micrometer", "meter": "meter"}
_TIMES = {"sec": "second", "msec": "millisecond", "usec": "microsecond"}


def can_read(first_bytes: bytes, path: Path) -> bool:
    """Whether the header of one begins the file, packed or not."""
    if not first_bytes or path.is_dir():
        return False
    packed = first_bytes.startswith(_GZIP) and path.name.lower().endswith(".nii.gz")
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            begin = file.read(352)
    except (OSError, EOFError, zlib.error):
        return packed  # the reader says what is wrong
    at, magic = _MAGIC.get(begin[:4], (0, b""))
    return begin[at : at + 4] == magic if magic else packed


def header(path: Path, scene: Scene) -> Header:
    """What a NIfTI says of its image."""
    chosen_scene(path, [""], scene)
    with of_reading(path):
        image = _opened(path)
        known = image.header
        counts = image.shape
        while len(counts) > 3 and counts[-1] == 1:
            counts = counts[:-1]
        if not 1 < len(counts) <= len(_NAMES):
            raise FormatError(f"{path} has {len(counts)} axes {counts}; needed are two to five: x, y, z, t, c.")
        stored = _NAMES[: len(counts)]
        dtype = _dtype(path, image)
        axes = _axes(path, image, known, stored)
        sizes = dict(zip(stored, counts, strict=True))
        dims = planes.kept_axes({axis: sizes[axis] for axis in stored[::-1]}, axes)
        shape = tuple(sizes[axis] for axis in dims)
    described = Header(dims, shape, dtype, lambda region: _load(path, stored, dims, dtype, region), axes)
    described.name = scene_title(path, endings, [""], 0)
    return described


def _opened(path: Path) -> Any:
    """The image, of which nibabel reads what is asked for."""
    nibabel = library("nibabel", "nifti", "NIfTI files")
    return nibabel.load(path)


def _dtype(path: Path, image: Any) -> np.dtype[Any]:
    """Of the values: as they are stored, or real numbers where the header scales them."""
    dtype = np.dtype(image.header.get_data_dtype())
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise FormatError(f"{path} holds values of type {dtype}; needed are real numbers of 64 bits or fewer.")
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    return dtype.newbyteorder("=") if (slope, intercept) == (1.0, 0.0) else np.dtype(np.float64)


def _axes(path: Path, image: Any, known: Any, stored: tuple[str, ...]) -> dict[str, Axis]:
    space, time = known.get_xyzt_units()
    affine = np.asarray(image.affine, np.float64)
    vectors = {axis: affine[:3, "xyz".index(axis)] for axis in stored if axis in "xyz"}
    sizes, lower = sizes_along(path, vectors, affine[:3, 3])
    axes = {
        axis: Axis(of_single(size), _UNITS.get(space), of_single(lower.get(axis, 0.0))) for axis, size in sizes.items()
    }
    zooms = known.get_zooms()
    if "t" in stored and len(zooms) > 3 and zooms[3] > 0 and time in _TIMES:
        axes["t"] = Axis(of_single(zooms[3]), _TIMES[time])
    return axes


def _load(
    path: Path, stored: tuple[str, ...], dims: tuple[str, ...], dtype: np.dtype[Any], region: Region
) -> NDArray[Any]:
    with of_reading(path):
        image = _opened(path)
        parts = tuple(region.get(axis, slice(None)) for axis in stored)
        counts = image.shape[: len(stored)]
        planes.check_memory(path, planes.region_shape(stored, counts, region), dtype)
        parts += (slice(None),) * (len(image.shape) - len(parts))
        values: NDArray[Any] = np.asarray(image.dataobj[parts])
        values = values.reshape(values.shape[: len(stored)]).T
        lengths: tuple[int, ...] = values.shape
        kept = [size for axis, size in zip(stored[::-1], lengths, strict=True) if axis in dims]
        return np.ascontiguousarray(values.reshape(kept), dtype)
