"""A TIFF in no dialect: pages are slices, the resolution is in inch or cm; tifffile may have noted the axes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import imagej, reading, tags
from isoscale_ij.files.tiff.completeness import LETTERS
from isoscale_ij.files.tiff.patching import Changes
from isoscale_ij.image.axes import AXES
from isoscale_ij.image.header import Axis, Header
from isoscale_ij.image.hyperstack import DIMS, hyperstack

if TYPE_CHECKING:
    import xarray as xr

_HELD = ("uint8", "uint16", "float32", "int32", "uint32")


def speaks(file: tifffile.TiffFile) -> bool:  # noqa: ARG001  (as every dialect)
    """Every TIFF speaks plainly, if nothing else."""
    return True


def header(file: tifffile.TiffFile, index: int) -> Header:
    """What any TIFF says of one of its images."""
    series = file.series[index]
    dims = _dims(file, series.axes.lower(), series.shape)
    page, axes = series.keyframe, {}
    unit = tags.unit(page)
    if unit is not None:
        for axis in ("x", "y"):
            size = tags.pixel_size(page, axis)
            if size is not None:
                axes[axis] = Axis(size, unit)
    load = reading.loader(file, index, dims, series.shape)
    return Header(dims, series.shape, np.dtype(series.dtype), load, axes)


def _dims(file: tifffile.TiffFile, letters: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Our axes for tifffile's letters; q and i are those of which it knows nothing."""
    unknown = sum(letter in "qi" for letter in letters)
    if unknown == 3 and len(letters) == 5 and set(letters) <= set("qiyx"):
        return AXES  # as of any array of five dimensions
    dims = tuple(LETTERS.get(letter, letter) for letter in letters)
    if unknown > 1 or len(set(dims)) < len(dims) or not {"y", "x"} <= set(dims) <= set(AXES):
        listed = ", ".join(
            f"{size} along {'?' if letter in 'qi' else letter}" for letter, size in zip(letters, shape, strict=True)
        )
        raise FormatError(
            f"{file.filehandle.path} does not say which axes its image has, or others than t, c, z, y, x: {listed}. "
            "Save it with its axes, for example tifffile.imwrite(path, array, metadata={'axes': 'CZYX'}), or name them "
            'here: as_image(tifffile.imread(path), dims="czyx").'
        )
    return dims


def changes(file: tifffile.TiffFile, index: int, image: xr.DataArray) -> Changes:
    """A description as ImageJ writes it: plain tags have no place for z, t, most units, or where an image begins.

    Only where nothing is lost by it: tifffile's own description, which tells the shape, may go.
    """
    path, page, series = file.filehandle.path, file.pages.first, file.series[index]
    if len(file.series) > 1 or page.subifds:
        raise tags.refusal(path, f"plain tags cannot hold it, and the file has {len(file.series)} images or levels")
    if page.description and not _is_only_shape(page.description):
        start = page.description[:40]
        raise tags.refusal(path, f"plain tags cannot hold it, and in place of a description is {start!r}")
    in_file = [
        axis
        for axis, size in zip(_dims(file, series.axes.lower(), series.shape), series.shape, strict=True)
        if size > 1 or axis in "yx"
    ]
    rgb = "S" in series.axes
    order = [*(axis for axis in DIMS if axis in in_file and not (rgb and axis == "c")), *(["c"] if rgb else [])]
    if in_file != order or np.dtype(series.dtype).name not in _HELD or (rgb and series.dtype != np.uint8):
        raise tags.refusal(path, f"plain tags cannot hold it, nor ImageJ's the axes {series.axes} of {series.dtype}")
    return imagej.description_of(hyperstack(image, np.dtype(series.dtype)), file.byteorder, rgb=rgb)


def _is_only_shape(text: str) -> bool:
    try:
        described = json.loads(text)
    except ValueError:
        return False
    return isinstance(described, dict) and set(described) <= {"shape", "axes"}
