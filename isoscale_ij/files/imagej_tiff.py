"""ImageJ TIFF: hyperstacks with ImageJ's own description, read and written as ImageJ 1 does.

What the tags say is in :mod:`.imagej_metadata`; this module moves them and the values.

A file above 4 GiB is written as ImageJ does: a classic TIFF with one directory, the slices one
after the other behind it.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.calibration import is_labels, spacing
from isoscale_ij.errors import FormatError
from isoscale_ij.files import imagej_metadata
from isoscale_ij.files.header import Header, stored_values
from isoscale_ij.files.imagej_metadata import PROPERTY, SIGNED_16_BIT

DIMS = ("t", "z", "c", "y", "x")  # the order in which ImageJ stores

_METADATA_TAG = 50839
_CLASSIC_LIMIT = 2**32 - 2**16  # bytes; leaves room for tags
_MOST_16_BIT, _MOST_FLOAT = 2**16 - 1, 2**24
_RATIONAL_LIMIT = 2**31 - 1
_NATIVE = ("uint8", "uint16", "int16", "float32", "int32", "uint32")
_STORED_AS = {"int8": "int16", "float16": "float32", "float64": "float32", "int64": "int32", "uint64": "uint32"}


def header(file: tifffile.TiffFile) -> Header:
    """What an ImageJ TIFF says of its image."""
    series, page = file.series[0], file.pages.first
    described = imagej_metadata.parse_description(page.description)
    tags = dict(page.tags.valueof(_METADATA_TAG) or {}) if _METADATA_TAG in page.tags else {}
    properties = dict(tags.get("Properties") or {})
    kept = {k.removeprefix(PROPERTY): v for k, v in properties.items() if k.startswith(PROPERTY)}
    stored_type = np.dtype(series.dtype)
    if stored_type.kind not in "biuf":
        raise FormatError(f"Got values of type {stored_type}; needed are integers or real numbers.")
    planes = math.prod(size for size, axis in zip(series.shape, series.axes, strict=True) if axis not in "YXS")
    if described.get("images", "1").isdigit() and int(described.get("images", "1")) > planes:
        raise FormatError(
            f"The file is truncated: {planes} of {described['images']} images are in it. Copy or save it again."
        )
    signed = stored_type == np.uint16 and all(described.get(k) == v for k, v in SIGNED_16_BIT.items())

    pixel = {axis: _from_resolution(page, f"{axis.upper()}Resolution") for axis in ("x", "y")}
    axes = imagej_metadata.axes(pixel, _unit_of_resolution(page), described)
    dims = tuple({"S": "c", "I": "z"}.get(axis, axis.lower()) for axis in series.axes)
    shape = tuple(series.shape)
    for axis in kept.get("single_axes", ""):
        if axis not in dims:
            dims, shape = (axis, *dims), (1, *shape)
    imagej = imagej_metadata.imagej_attributes(described, tags, properties, is_rgb="S" in series.axes)
    single = {
        axis: [axes[axis].size, axes[axis].unit, axes[axis].lower]
        for axis in ("t", "z")
        if axis in axes and axis not in dims
    }
    if single:  # an axis of one voxel, which ImageJ calibrates but this image does not have
        imagej["single"] = single
    count = dict(zip(dims, shape, strict=True)).get("c", 1)
    channels = imagej_metadata.channels_from_labels(imagej, count)
    if channels is not None:  # the labels say nothing else
        imagej.pop("slice_labels")
    if "channels" in kept:
        channels = json.loads(kept["channels"])
    attrs: dict[str, Any] = json.loads(kept.get("attrs", "{}"))
    if "kind" in kept:
        attrs["kind"] = kept["kind"]
    if imagej:
        attrs["imagej"] = imagej
    path, dtype = str(file.filehandle.path), np.dtype(kept.get("dtype") or ("int16" if signed else stored_type))

    def load() -> NDArray[Any]:
        found = stored_values(path).reshape(shape)
        if signed and dtype == np.int16:
            return (found.astype(np.int32) - 2**15).astype(np.int16)
        return found != 0 if dtype.kind == "b" else found

    return Header(
        dims, shape, dtype, load, axes,
        channels=channels,
        name=kept.get("name") or described.get("name"),
        attrs=attrs,
    )  # fmt: skip


def write(path: Path, image: xr.DataArray) -> None:
    """Write an image as ImageJ would."""
    imagej = dict(image.attrs.get("imagej", {}))
    stored = [axis for axis in DIMS if axis in image.dims]
    is_rgb = bool(imagej.get("rgb")) and image.dtype == np.uint8 and image.sizes.get("c") == 3
    if is_rgb:
        stored = [axis for axis in stored if axis != "c"] + ["c"]
    values = _storable(image.transpose(*stored))
    sizes = {axis: int(image.sizes.get(axis, 1)) for axis in DIMS}
    channels = 1 if is_rgb else sizes["c"]
    count = sizes["t"] * sizes["z"] * channels
    description = imagej_metadata.description(image, imagej, count, channels)
    pages = values.reshape(count, sizes["y"], sizes["x"], *((3,) if is_rgb else ()))

    options: dict[str, Any] = {
        "photometric": "rgb" if is_rgb else "minisblack",
        "description": description.encode("latin-1"),
        "metadata": None,
        "software": False,
        "resolution": tuple(_resolution(image, axis) for axis in ("x", "y")),
        "resolutionunit": 1,
        "extratags": tifffile.tifffile.imagej_metadata_tag(
            imagej_metadata.metadata(image, imagej, values.dtype, count), "<"
        ),
    }
    if pages.nbytes < _CLASSIC_LIMIT:
        with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
            file.write(pages, **options)
        return
    with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
        file.write(pages[0], **options)
    with path.open("ab") as behind:
        pages[1:].astype("<" + pages.dtype.str[1:], copy=False).tofile(behind)


def _from_resolution(page: Any, tag: str) -> float | None:
    numerator, denominator = page.tags.valueof(tag, (0, 0)) or (0, 0)
    return denominator / numerator if numerator and denominator else None


def _unit_of_resolution(page: Any) -> str | None:
    """The unit of the resolution tags; 72 dpi is what programs write that know none."""
    unit = int(page.tags.valueof("ResolutionUnit", 1))
    size = _from_resolution(page, "XResolution")
    if unit == 2 and size is not None and not math.isclose(size, 1 / 72):
        return "inch"
    return "centimeter" if unit == 3 else None


def _storable(image: xr.DataArray) -> NDArray[Any]:
    """The values in a type that ImageJ opens; every value is kept, or an error says which is not."""
    values = np.asarray(image.data)
    if is_labels(image):
        low, high = int(values.min()), int(values.max())
        if low < 0 or high > _MOST_FLOAT:
            raise FormatError(
                f"Got labels from {low} to {high}; an ImageJ image holds labels from 0 to {_MOST_FLOAT}. "
                "Write them as OME-TIFF (.ome.tif)."
            )
        return np.ascontiguousarray(values, np.uint16 if high <= _MOST_16_BIT else np.float32)
    if values.dtype == bool:
        return np.ascontiguousarray(values, np.uint8) * np.uint8(255)
    name = values.dtype.name
    stored = np.dtype(name if name in _NATIVE else _STORED_AS[name])
    if stored.kind in "iu" and stored != values.dtype:
        limits = np.iinfo(stored)
        low, high = values.min(), values.max()
        if low < limits.min or high > limits.max:
            wrong = low if low < limits.min else high
            raise FormatError(
                f"Got the value {wrong} of type {name}; an ImageJ TIFF holds integers from {limits.min} to "
                f"{limits.max}. Write it as OME-TIFF (.ome.tif), or convert it to float64."
            )
    if name == "float64":
        with np.errstate(over="ignore"):
            lost = (values.astype(np.float32) != values) & ~np.isnan(values)
        if lost.any():
            raise FormatError(
                f"Got float64 values that float32 does not hold, {values[lost][0]!r} for one; ImageJ opens no others. "
                "Write them as OME-TIFF (.ome.tif), or give up digits with image.astype('float32')."
            )
    return np.ascontiguousarray(values, stored)


def _resolution(image: xr.DataArray, axis: str) -> tuple[int, int]:
    """Pixels per unit, as the fraction that gives the voxel size back to the last bit."""
    size = spacing(image, axis)
    if size is None:
        return (1, 1)
    exact = Fraction(size)
    scale = max(1, math.ceil(exact / _RATIONAL_LIMIT))
    near = exact.limit_denominator(_RATIONAL_LIMIT if exact <= 1 else max(1, int(_RATIONAL_LIMIT / exact)))
    if not near or scale > 1:
        raise FormatError(f"Got the voxel size {size} on {axis}; a TIFF file cannot hold it. Choose another unit.")
    return near.denominator, near.numerator
