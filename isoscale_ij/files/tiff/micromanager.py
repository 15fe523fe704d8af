"""Micro-Manager's NDTiff: each page says in JSON which channel, time and slice it is, and how large its pixels are."""

from __future__ import annotations

from typing import Any

import numpy as np
import tifffile
import xarray as xr

from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import reading, tags
from isoscale_ij.files.tiff.patching import Value
from isoscale_ij.image.axes import AXES, our_axis
from isoscale_ij.image.header import Axis, Header

_PAGE = 51123


def speaks(file: tifffile.TiffFile) -> bool:
    """Whether Micro-Manager wrote the file as NDTiff."""
    return bool(file.is_micromanager) and "Axes" in _of(file.pages.first)


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


def _planes(file: tifffile.TiffFile) -> tuple[tuple[str, ...], tuple[int, ...], list[int]]:
    """Axes and the page of each plane, from what every page says."""
    places: dict[tuple[int, ...], int] = {}
    names: list[str] = []
    for number in range(len(file.pages)):
        axes = _whole(file, number).get("Axes") or {}
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
