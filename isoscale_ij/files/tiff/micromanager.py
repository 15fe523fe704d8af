"""Micro-Manager's TIFFs: each page says in JSON which channel, time and slice it is, and how large its pixels are.

NDTiff calls that its axes; older stacks (that have no OME-XML) have an index for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import reading, tags
from isoscale_ij.files.tiff.patching import Value
from isoscale_ij.image.axes import AXES, our_axis
from isoscale_ij.image.header import Axis, Header

if TYPE_CHECKING:
    import xarray as xr

_PAGE = 51123
_INDICES = {"time": "FrameIndex", "position": "PositionIndex", "channel": "ChannelIndex", "z": "SliceIndex"}
_HEIGHTS = ("ZPosition_um_Intended", "ZPosition_um_Actual", "ZPositionUm")
_EQUAL = 0.02  # of a step: where the stage was is measured


def speaks(file: tifffile.TiffFile) -> bool:
    """Whether Micro-Manager wrote the file, and says where each page belongs."""
    return bool(file.is_micromanager) and bool(_place(_of(file.pages.first)))


def header(file: tifffile.TiffFile, index: int) -> Header:
    """What Micro-Manager says of the image; of a data set in several files, with the others beside it."""
    series, first = file.series[index], _of(file.pages.first)
    planes = None
    if series.kind == "ndtiff":  # its index is there, and tifffile has put the planes in order
        dims, shape = reading.dims_of(series), tuple(series.shape)
    else:
        dims, shape, planes = _planes(file)
    reading.check_dims(file, dims, shape)
    summary = dict((file.micromanager_metadata or {}).get("Summary") or {})
    pixel, step = first.get("PixelSize_um") or first.get("PixelSizeUm"), summary.get("z-step_um")
    if not step and planes is not None and "z" in dims:
        step = _z_step(file, dims, shape, planes)
    sizes = {"x": pixel, "y": pixel, "z": step}
    axes = {axis: Axis(size, "micrometer") for axis, size in sizes.items() if size}
    interval = summary.get("Interval_ms")
    if interval:
        axes["t"] = Axis(float(interval) / 1000, "second")
    load = reading.loader(file, index, dims, shape, planes)
    return Header(dims, shape, np.dtype(series.dtype), load, axes, _channels(file, dims, shape, planes))


def changes(file: tifffile.TiffFile, index: int, image: xr.DataArray) -> dict[int, Value]:  # noqa: ARG001
    """Nothing of that can be changed."""
    raise tags.refusal(file.filehandle.path, "it is in the notes of Micro-Manager on each page, which are left alone")


def _of(page: Any) -> dict[str, Any]:
    noted = page.tags.valueof(_PAGE) if hasattr(page, "tags") else None
    return noted if isinstance(noted, dict) else {}


def _whole(file: tifffile.TiffFile, number: int) -> dict[str, Any]:
    """What page `number` says of itself; tifffile keeps the tags of the first page alone."""
    return _of(tifffile.TiffPage(file, number)) if file.filehandle.seek(file.pages[number].offset) else {}


def _place(noted: dict[str, Any]) -> dict[str, Any]:
    """Which plane a page is, along each axis."""
    if "Axes" in noted:
        return dict(noted["Axes"] or {})
    place = {axis: noted[key] for axis, key in _INDICES.items() if key in noted}
    return place if "z" in place else {}


def _z_step(file: tifffile.TiffFile, dims: tuple[str, ...], shape: tuple[int, ...], planes: list[int]) -> float | None:
    """The distance of slices, from where the stage was at each of the first stack."""
    outer = len([axis for axis in dims if axis not in "yx"])
    numbers = np.moveaxis(np.array(planes).reshape(shape[:outer]), dims.index("z"), -1)
    noted = [_whole(file, int(number)) for number in numbers.reshape(-1, numbers.shape[-1])[0]]
    heights = [next((each[key] for key in _HEIGHTS if key in each), None) for each in noted]
    if len(heights) < 2 or not all(isinstance(height, (int, float)) for height in heights):
        return None
    steps = np.abs(np.diff(np.array(heights, float)))
    return float(steps.mean()) if np.ptp(steps) <= _EQUAL * steps.mean() else None


def _planes(file: tifffile.TiffFile) -> tuple[tuple[str, ...], tuple[int, ...], list[int]]:
    """Axes and the page of each plane, from what every page says."""
    places: dict[tuple[int, ...], int] = {}
    names: list[str] = []
    for number in range(len(file.pages)):
        axes = _place(_whole(file, number))
        names = names or [name for name in ("time", "position", "channel", "z", *axes) if name in axes]
        names = list(dict.fromkeys(names))
        if sorted(axes) != sorted(names) or not all(isinstance(axes[name], int) for name in names):
            raise FormatError(f"Page {number} says that it is at {axes}; needed is a number for each of {names}.")
        places[tuple(axes[name] for name in names)] = number
    at = np.array(list(places))
    counts = at.max(axis=0) - at.min(axis=0) + 1
    lacking = int(np.prod(counts, dtype=object)) - len(places)
    if lacking:
        first = next(place for place in np.ndindex(*counts) if tuple(at.min(axis=0) + place) not in places)
        named = " ".join(f"{name}={number}" for name, number in zip(names, first, strict=True))
        raise FormatError(f"The file is not complete: {lacking} planes are not there, the first is {named}.")
    kept = [axis for axis in range(len(names)) if counts[axis] > 1 or our_axis(names[axis]) in AXES]
    dims = tuple(our_axis(names[axis]) for axis in kept)
    order = [places[tuple(at.min(axis=0) + place)] for place in np.ndindex(*counts)]
    page = file.pages.first
    return (*dims, *page.axes.lower()), (*(int(counts[axis]) for axis in kept), *page.shape), order


def _channels(
    file: tifffile.TiffFile, dims: tuple[str, ...], shape: tuple[int, ...], planes: list[int] | None
) -> list[str] | None:
    """The names of channels, from the first page of each."""
    if planes is None or "c" not in dims:
        return None
    inner = 2 if "c" in dims[:-2] else 3
    numbers = np.array(planes).reshape(shape[: len(shape) - inner])
    firsts = np.moveaxis(numbers, dims.index("c"), 0).reshape(shape[dims.index("c")], -1)[:, 0]
    names = [str(_whole(file, int(number)).get("Channel") or "") for number in firsts]
    return names if all(names) and len(set(names)) == len(names) else None
