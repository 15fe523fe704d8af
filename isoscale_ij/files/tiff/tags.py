"""The resolution tags of a TIFF: numbers of several types, some of them impossible; and how a size becomes one."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import tifffile

from isoscale_ij.errors import FormatError
from isoscale_ij.files.tiff.ifds import DESCRIPTION
from isoscale_ij.files.tiff.patching import ASCII, RATIONAL, SHORT, Value

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
UNITS = {2: "inch", 3: "centimeter"}
_RATIONAL_LIMIT = 2**31 - 1
_SCREEN_DPI = 72


def pixel_size(page: Any, axis: str) -> float | None:
    """Size of a pixel along x or y in the unit of the resolution; infinite, 0 or NaN where it says what cannot be."""
    stated = page.tags.valueof({"x": X_RESOLUTION, "y": Y_RESOLUTION}[axis])
    if stated is None:
        return None
    values = [float(value) for value in np.ravel(stated)[:2]]
    if len(values) == 1:  # a tag of another type than the usual one
        values.append(1.0)
    numerator, denominator = values
    if numerator == 0:
        return math.inf if denominator else math.nan
    return denominator / numerator


def unit(page: Any) -> str | None:
    """The unit of the resolution: inch, centimeter or None."""
    stated = page.tags.valueof(RESOLUTION_UNIT, 1)
    return UNITS.get(int(np.ravel(stated)[0]))


def is_screen(page: Any) -> bool:
    """Whether the resolution is the 72 dpi of a program that knows none."""
    size = pixel_size(page, "x")
    return unit(page) == "inch" and size is not None and math.isclose(size, 1 / _SCREEN_DPI)


def resolution(size: float | None, axis: str) -> tuple[int, int]:
    """Pixels per unit, as the fraction that gives the voxel size back to the last bit."""
    if size is None:
        return (1, 1)
    exact = Fraction(size)
    scale = max(1, math.ceil(exact / _RATIONAL_LIMIT))
    near = exact.limit_denominator(_RATIONAL_LIMIT if exact <= 1 else max(1, int(_RATIONAL_LIMIT / exact)))
    if not near or scale > 1:
        raise FormatError(f"Got the voxel size {size} on {axis}; a TIFF file cannot hold it. Choose another unit.")
    return near.denominator, near.numerator


def of_resolution(order: str, x: tuple[int, int], y: tuple[int, int], unit: int) -> dict[int, Value]:
    """The tags of a resolution, in the order of bytes of a file; `unit` is 1 (none), 2 or 3."""
    return {
        X_RESOLUTION: (RATIONAL, 1, struct.pack(order + "II", *x)),
        Y_RESOLUTION: (RATIONAL, 1, struct.pack(order + "II", *y)),
        RESOLUTION_UNIT: (SHORT, 1, struct.pack(order + "H", unit)),
    }


def description(file: tifffile.TiffFile) -> str:
    """The description of the first page, every byte of it a letter, down to the last empty line."""
    tag = file.pages.first.tags[DESCRIPTION]
    file.filehandle.seek(tag.valueoffset)
    content: bytes = file.filehandle.read(tag.valuebytecount)
    return content.rstrip(b"\0").decode("latin-1")


def of_description(text: str) -> Value:
    """The tag of a description whose letters are bytes."""
    content = text.encode("latin-1") + b"\0"
    return ASCII, len(content), content


def refusal(path: Any, why: str) -> FormatError:
    """The error where a calibration cannot be changed in place."""
    return FormatError(
        f"The calibration of {path} cannot be changed in place: {why}. Write the image into another file: give an "
        "output."
    )
