"""ImageJ TIFF: hyperstacks with ImageJ's own description, read and written as ImageJ 1 does.

What the tags say is in :mod:`.imagej_metadata`; this module moves them and the values.

A file above 4 GiB is written as ImageJ does: a classic TIFF with one directory, the slices one
after the other behind it.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import xarray as xr

from isoscale_ij.errors import FormatError
from isoscale_ij.files import imagej_metadata
from isoscale_ij.files.stored import stored_values
from isoscale_ij.image.header import Header
from isoscale_ij.image.hyperstack import DIMS, Hyperstack, hyperstack, stored, stored_type

_METADATA_TAG, _COLOR_MAP = 50839, 320
_CLASSIC_LIMIT = 2**32 - 2**16  # bytes; leaves room for tags
_RATIONAL_LIMIT = 2**31 - 1
_STORED_AS = {name: name for name in ("uint8", "uint16", "int16", "float32", "int32", "uint32")} | {
    "bool": "uint8", "int8": "int16", "float16": "float32", "float64": "float32", "int64": "int32", "uint64": "uint32",
}  # fmt: skip
_MEND = "Write it as OME-TIFF (.ome.tif), or give up digits with image.astype('float32')."


def header(file: tifffile.TiffFile) -> Header:
    """What an ImageJ TIFF says of its image."""
    series, page = file.series[0], file.pages.first
    described = imagej_metadata.parse_description(page.description)
    tags = dict(page.tags.valueof(_METADATA_TAG) or {}) if _METADATA_TAG in page.tags else {}
    dtype = np.dtype(series.dtype)
    if dtype.kind not in "biuf":
        raise FormatError(f"Got values of type {dtype}; needed are integers or real numbers.")
    planes = math.prod(size for size, axis in zip(series.shape, series.axes, strict=True) if axis not in "YXS")
    if described.get("images", "1").isdigit() and int(described.get("images", "1")) > planes:
        raise FormatError(
            f"The file is truncated: {planes} of {described['images']} images are in it. Copy or save it again."
        )
    sizes = dict(zip(series.axes, series.shape, strict=True))
    stack = Hyperstack(
        sizes["X"], sizes["Y"], sizes.get("C", 1), sizes.get("Z", 1) * sizes.get("I", 1), sizes.get("T", 1),
        dtype.name, "S" in sizes, about=imagej_metadata.read_about(described, tags), title=described.get("name"),
        properties=dict(tags.get("Properties") or {}),
    )  # fmt: skip
    if "luts" not in stack.about and (lut := _color_map(page)) is not None:
        stack.about["luts"] = [lut]
    pixel = {axis: _from_resolution(page, f"{axis.upper()}Resolution") for axis in ("x", "y")}
    imagej_metadata.read_calibration(stack, described, pixel, _unit_of_resolution(page))
    order = [axis for axis in ("T", "I", "Z", "C", "Y", "X", "S") if axis in sizes]
    path, turned = str(file.filehandle.path), [series.axes.index(axis) for axis in order]
    return stack.header(lambda: stored_values(path).transpose(turned))


def write(path: Path, image: xr.DataArray) -> None:
    """Write an image as ImageJ would."""
    dtype = stored_type(image, _STORED_AS, _MEND)
    stack = hyperstack(image, dtype)
    order = [axis for axis in DIMS if axis in image.dims]
    if stack.rgb:
        order = [axis for axis in order if axis != "c"] + ["c"]
    values = stored(np.asarray(image.transpose(*order).data), dtype, _MEND)
    pages = values.reshape(stack.planes, stack.height, stack.width, *((3,) if stack.rgb else ()))

    color_map = []
    if len(stack.about.get("luts", [])) == 1:  # of a single channel ImageJ has it as the color map of the file
        table = np.array(stack.about.pop("luts")[0], np.uint16)
        color_map = [(_COLOR_MAP, 3, 768, tuple((table * 257).ravel().tolist()), True)]
    options: dict[str, Any] = {
        "photometric": "rgb" if stack.rgb else "minisblack",
        "description": imagej_metadata.description(stack).encode("latin-1"),
        "metadata": None,
        "software": False,
        "resolution": tuple(_resolution(stack.sizes.get(axis), axis) for axis in ("x", "y")),
        "resolutionunit": 1,
        "extratags": [*color_map, *tifffile.tifffile.imagej_metadata_tag(imagej_metadata.tags(stack), "<")],
    }
    if pages.nbytes < _CLASSIC_LIMIT:
        with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
            file.write(pages, **options)
        return
    with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
        file.write(pages[0], **options)
    with path.open("ab") as behind:
        pages[1:].astype("<" + pages.dtype.str[1:], copy=False).tofile(behind)


def _color_map(page: Any) -> list[list[int]] | None:
    """The lookup table of a single channel, 3 x 256; None where there is none or it is grey."""
    table = page.tags.valueof(_COLOR_MAP)
    if table is None or np.size(table) != 768:
        return None
    table = np.asarray(table).reshape(3, 256) >> 8
    return None if (table == np.arange(256)).all() else table.tolist()


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


def _resolution(size: float | None, axis: str) -> tuple[int, int]:
    """Pixels per unit, as the fraction that gives the voxel size back to the last bit."""
    if size is None:
        return (1, 1)
    exact = Fraction(size)
    scale = max(1, math.ceil(exact / _RATIONAL_LIMIT))
    near = exact.limit_denominator(_RATIONAL_LIMIT if exact <= 1 else max(1, int(_RATIONAL_LIMIT / exact)))
    if not near or scale > 1:
        raise FormatError(f"Got the voxel size {size} on {axis}; a TIFF file cannot hold it. Choose another unit.")
    return near.denominator, near.numerator
