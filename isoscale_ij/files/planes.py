"""Images that lie in a file as planes, one for each time point, channel or slice: which are there, a region of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.image.axes import AXES
from isoscale_ij.image.header import Axis, Region
from isoscale_ij.memory import require

MOST = 2**22
"""Planes of an image; what says that it has more is damaged."""
_LISTED = 6


def check_all_there(path: Path, sizes: Mapping[str, int], present: Collection[tuple[int, ...]]) -> None:
    """Raise a FormatError that names the planes of an image that are not in its file.

    Parameters
    ----------
    path : Path
    sizes : mapping
        Of the axes along which there are planes.
    present : collection of tuple of int
        The places of the planes that are there.
    """
    needed = math.prod(sizes.values())
    if needed > MOST:
        raise FormatError(f"{path} says that it holds {needed} planes; it is damaged. Copy or save it again.")
    missing = [place for place in itertools.product(*map(range, sizes.values())) if place not in present]
    if missing:
        shown = ", ".join(place_name(sizes, place) for place in missing[:_LISTED])
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise FormatError(
            f"{path} is not complete: {len(missing)} of {needed} planes are not there ({shown}{more}; counted from 0). "
            "Without them the image would be black there. Copy or save it again."
        )


def place_name(axes: Iterable[str], place: Sequence[int]) -> str:
    """Which plane it is: ``t=0 z=5``."""
    return " ".join(f"{axis}={number}" for axis, number in zip(axes, place, strict=True)) or "the only one"


def check_axes(path: Path, dims: Sequence[str], shape: Sequence[int], program: str) -> None:
    """Raise a FormatError for axes that no image here has."""
    if len(set(dims)) < len(dims) or not {"y", "x"} <= set(dims) <= set(AXES):
        listed = ", ".join(f"{size} along {axis}" for axis, size in zip(dims, shape, strict=True))
        raise FormatError(
            f"The image in {path} has {listed}; needed are different axes out of t, c, z, y, x. Choose a part of it "
            f"with {program}, and give that to as_image with its dims."
        )


def kept_axes(sizes: Mapping[str, int], axes: Mapping[str, Axis]) -> tuple[str, ...]:
    """The axes that an image has: y, x, those of several voxels, and z of one slice whose thickness is known."""
    return tuple(axis for axis, size in sizes.items() if size > 1 or axis in "yx" or (axis == "z" and "z" in axes))


def check_memory(path: Path, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raise a MemoryLimitError before more is asked of the system than it has: a damaged header says anything."""
    needed = math.prod(shape) * dtype.itemsize
    require(needed, None, f"The image in {path}", "Close other programs, or read a part of it; or the file is damaged.")


def region_shape(dims: Sequence[str], shape: Sequence[int], region: Region) -> tuple[int, ...]:
    """How large a region of an image is."""
    return tuple(
        len(range(*region.get(axis, slice(None)).indices(size))) for axis, size in zip(dims, shape, strict=True)
    )


def gathered(
    dims: Sequence[str],
    shape: Sequence[int],
    dtype: np.dtype[Any],
    region: Region,
    plane: Callable[[tuple[int, ...]], NDArray[Any]],
    outer: int,
    path: Path,
) -> NDArray[Any]:
    """A region of an image, put together of planes.

    Parameters
    ----------
    dims, shape, dtype
        Of the whole image.
    region : Region
    plane : callable
        Gives the plane at a place along the first axes.
    outer : int
        How many axes those are; the others are the plane's.
    path : Path
        The file, as messages name it.
    """
    size = region_shape(dims, shape, region)
    check_memory(path, size, dtype)
    values = np.empty(size, dtype)
    ranges = [range(*region.get(axis, slice(None)).indices(count)) for axis, count in zip(dims, shape, strict=True)]
    within = tuple(region.get(axis, slice(None)) for axis in dims[outer:])
    for target, place in zip(np.ndindex(*size[:outer]), itertools.product(*ranges[:outer]), strict=True):
        values[target] = plane(place)[within]
    return values
