"""TIFF of every kind but OME: read in the dialect it is in, written as ImageJ 1 does.

A file above 4 GiB is written as ImageJ does: a classic TIFF with one directory, the slices one
after the other behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from isoscale_ij.files.scenes import Scene, chosen_scene
from isoscale_ij.files.tiff import dialects, ifds, imagej, imagej_metadata, patching, planes, reading, tags
from isoscale_ij.image import looks, properties
from isoscale_ij.image.header import Header
from isoscale_ij.image.hyperstack import DIMS, Hyperstack, as_pixels, hyperstack, pixel_type

if TYPE_CHECKING:
    import xarray as xr

_CLASSIC_LIMIT = 2**32 - 2**16  # bytes; leaves room for tags
_SPARE = 512  # letters in the description of a file to which none can be added later
_STORED_AS = {name: name for name in ("uint8", "uint16", "int16", "float32", "int32", "uint32")} | {
    "bool": "uint8", "int8": "int16", "float16": "float32", "float64": "float32", "int64": "int32", "uint64": "uint32",
}  # fmt: skip
_MEND = "Write it as OME-TIFF (.ome.tif), or give up digits with image.astype('float32')."

name = "ImageJ TIFF"
endings = (".tif", ".tiff")
other_endings = (".lsm", ".stk")


def can_read(first_bytes: bytes, path: Path) -> bool:  # noqa: ARG001  (as every format)
    """Whether a file is a TIFF."""
    return ifds.layout(first_bytes) is not None


def header(path: Path, scene: Scene) -> Header:
    """What a TIFF says of one of its images."""
    return reading.header(path, scene, lambda file, index: dialects.of(file).header(file, index), reading.series_names)


def write(path: Path, image: xr.DataArray) -> None:
    """Write an image as ImageJ would."""
    dtype = pixel_type(image, _STORED_AS, _MEND)
    stack = hyperstack(image, dtype)
    _dress(stack, image)
    order = [axis for axis in DIMS if axis in image.dims]
    if stack.rgb:
        order = [axis for axis in order if axis != "c"] + ["c"]
    pages = planes.of(
        image.transpose(*order).data, 3 if stack.rgb else 2, lambda values: as_pixels(values, dtype, _MEND), dtype
    )

    color_map = []
    if len(stack.about.get("luts", [])) == 1:  # of a single channel ImageJ has it as the color map of the file
        table = np.array(stack.about.pop("luts")[0], np.uint16)
        color_map = [(imagej.COLOR_MAP, 3, 768, tuple((table * 257).ravel().tolist()), True)]
    options: dict[str, Any] = {
        "photometric": "rgb" if stack.rgb else "minisblack",
        "description": imagej_metadata.description(stack).encode("latin-1"),
        "metadata": None,
        "software": False,
        "resolution": tuple(tags.resolution(stack.sizes.get(axis), axis) for axis in ("x", "y")),
        "resolutionunit": 1,
        "extratags": [*color_map, *tifffile.tifffile.imagej_metadata_tag(imagej_metadata.tags(stack), "<")],
    }
    if image.size * dtype.itemsize < _CLASSIC_LIMIT:
        with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
            file.write(**pages, **options)
        return
    each = iter(pages["data"])
    options["description"] += b"\n" * _SPARE
    with tifffile.TiffWriter(path, byteorder="<", bigtiff=False) as file:
        file.write(next(each), **options)
    with path.open("ab") as behind:
        for page in each:
            page.astype(dtype.newbyteorder("<"), copy=False).tofile(behind)


def recalibrate(path: Path, scene: Scene, change: Callable[[xr.DataArray], xr.DataArray]) -> None:
    """Change the tags, and the lines of the description, that hold the calibration."""
    described = header(path, scene)
    image = change(described.image(values=False))
    with reading.opened(path) as file:
        index = chosen_scene(path, reading.series_names(file), 0 if scene is None else scene)
        changes = dialects.of(file).changes(file, index, image)
    patching.patch(path, changes, check=lambda: header(path, scene).image(values=False))


def _dress(stack: Hyperstack, image: xr.DataArray) -> None:
    """Give labels the colours and the display range that tell them apart, with a note that nobody chose them."""
    if stack.properties.get(properties.KIND) != "labels" or stack.channels > 1:
        return
    highest = np.nanmax if image.dtype.kind == "f" else np.max  # which what is read part by part can tell
    usual = {"luts": [looks.label_lut()], "ranges": [looks.label_range(float(highest(image.data)))]}
    usual = {key: value for key, value in usual.items() if key not in stack.about}
    if usual:
        stack.about |= usual
        stack.properties[properties.LOOKS] = looks.noted(usual)
