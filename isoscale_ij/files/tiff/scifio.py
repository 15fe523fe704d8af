"""SCIFIO's dialect of TIFF (pyimagej's ``ij.io().save``, Fiji's Export > Image, KNIME): an own list of axes and scales.

The file also has ImageJ's words; but its resolution is in pixels per centimeter, and its planes
lie in the order of its own axes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff import imagej_metadata, reading, tags
from isoscale_ij.files.tiff.ifds import DESCRIPTION
from isoscale_ij.files.tiff.patching import Value
from isoscale_ij.image.axes import CALIBRATED, our_axis
from isoscale_ij.image.calibration import axis_unit, lower_edge, spacing
from isoscale_ij.image.header import Axis, Header
from isoscale_ij.image.units import convert, is_length, symbol

if TYPE_CHECKING:
    import xarray as xr

MARK = "SCIFIO="


def speaks(file: tifffile.TiffFile) -> bool:
    """Whether SCIFIO wrote the file."""
    return (file.pages.first.description or "").startswith(MARK)


def header(file: tifffile.TiffFile, index: int) -> Header:
    """What a SCIFIO TIFF says of its image."""
    described = imagej_metadata.parse_description(file.pages.first.description)
    names = [our_axis(name.strip()) for name in described.get("axes", "").split(",")]
    lengths = [int(length) for length in described.get("lengths", "").split(",") if length.strip()]
    scales, units = described.get("scales", "").split(","), described.get("units", "").split(",")
    series = file.series[index]
    if len(lengths) != len(names) or math.prod(lengths) != math.prod(series.shape) or names[:2] != ["x", "y"]:
        raise FormatError(
            f"The description speaks of {dict(zip(names, lengths, strict=False))}; the image has {series.shape}."
        )
    dims, shape = tuple(reversed(names)), tuple(reversed(lengths))
    reading.check_dims(file, dims, shape)
    axes: dict[str, Axis] = {}
    for position, axis in enumerate(names):
        size: Any = scales[position].strip() if position < len(scales) else ""
        unit = units[position].strip() if position < len(units) else None
        if axis != "c" and size not in ("", "null"):
            axes[axis] = Axis(size, unit)
    if {axis.size for axis in axes.values()} <= {"1.0", "1"} and {axis.unit for axis in axes.values()} <= {"null", ""}:
        axes = {}  # what SCIFIO writes where it knows nothing
    load = reading.loader(file, index, dims, shape)
    return Header(dims, shape, np.dtype(series.dtype), load, axes)


def changes(file: tifffile.TiffFile, index: int, image: xr.DataArray) -> dict[int, Value]:
    """The scales and units of the description, and the resolution in pixels per centimeter."""
    path = file.filehandle.path
    described = header(file, index)
    off = [axis for axis in CALIBRATED if axis in image.coords and abs(lower_edge(image, axis)) > 0]
    if off:
        raise tags.refusal(path, f"SCIFIO's TIFF has no word for where an image begins, here on {', '.join(off)}")
    names = tuple(reversed(described.dims))
    sizes = {axis: spacing(image, axis) if axis in image.dims else None for axis in names}
    units = {axis: axis_unit(image, axis) if sizes[axis] is not None else None for axis in names}
    spelled = {axis: imagej_metadata.escaped(symbol(unit)) if unit else "null" for axis, unit in units.items()}
    new = {
        "scales": ",".join(repr(size) if size is not None else "1.0" for size in sizes.values()),
        "units": ",".join(spelled.values()),
    }
    if sizes.get("z") is not None:
        new["spacing"] = repr(sizes["z"])
    if units.get("x"):
        new["unit"] = spelled["x"]
    lines = tags.description(file).split("\n")
    for key, value in new.items():
        at = next((number for number, line in enumerate(lines) if line.startswith(f"{key}=")), None)
        if at is None:
            lines.insert(1, f"{key}={value}")
        else:
            lines[at] = f"{key}={value}"
    text = "\n".join(lines)
    per_cm: dict[str, tuple[int, int]] = {}
    for axis in ("x", "y"):
        size, unit = sizes[axis], units[axis]
        centimeters = convert(size, unit, "centimeter") if size is not None and is_length(unit) else size
        per_cm[axis] = tags.resolution(centimeters, axis)
    resolution = tags.of_resolution(file.byteorder, per_cm["x"], per_cm["y"], 3)
    return resolution | {DESCRIPTION: tags.of_description(text)}
