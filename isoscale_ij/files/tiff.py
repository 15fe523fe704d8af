"""TIFF of any kind: opens it, asks the reader for its kind, and reads what is neither ImageJ's nor OME's."""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import FormatError, MissingDependencyError
from isoscale_ij.files import imagej_tiff, ome_tiff
from isoscale_ij.files.stored import stored_values
from isoscale_ij.image.header import Axis, Header

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_RESOLUTION_UNITS = {2: "inch", 3: "centimeter"}


def header(path: Path) -> Header:
    """What is known of the first image of a TIFF file.

    Raises
    ------
    FormatError
        If the file is damaged or its axes make no sense.
    """
    try:
        with tifffile.TiffFile(path) as file:
            return _checked(path, file)
    except (tifffile.TiffFileError, IndexError, ValueError, KeyError, EOFError, TypeError, struct.error) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path} is damaged or no TIFF file: {error}. Save or copy it again.") from error


def _checked(path: Path, file: tifffile.TiffFile) -> Header:
    if not file.pages or not file.series:
        raise FormatError(f"{path} holds no image.")
    page = file.pages.first
    found = ome_tiff.header(file) if file.is_ome else imagej_tiff.header(file) if file.is_imagej else _plain(file)
    if len(file.series) > 1:
        remarks.warn(f"{path} holds {len(file.series)} images; the first is read.")
    found.name = found.name or re.sub(r"(\.ome)?\.tiff?$", "", path.name, flags=re.IGNORECASE)
    stored = math.prod(found.stored_shape) * file.series[0].dtype.itemsize
    whole = not file.series[0].is_multifile and page.compression == 1
    if whole and page.dataoffsets[0] + stored > path.stat().st_size:
        raise FormatError(f"{path} ends too early: it is truncated. Copy or save it again.")
    load = found.load
    found.load = lambda: _loaded(path, load)
    return found


def _loaded(path: Path, load: Any) -> NDArray[Any]:
    try:
        return load()  # type: ignore[no-any-return]
    except ValueError as error:
        if "imagecodecs" in str(error):
            raise MissingDependencyError(
                f"{path} is compressed in a way that needs imagecodecs: pip install imagecodecs. ({error})"
            ) from error
        raise FormatError(f"{path} is damaged: {error}. Copy or save it again.") from error
    except (tifffile.TiffFileError, EOFError, IndexError) as error:
        raise FormatError(f"{path} is damaged: {error}. Copy or save it again.") from error


def _plain(file: tifffile.TiffFile) -> Header:
    """A TIFF without ImageJ's or OME's description: pages are slices; resolution in inch or cm."""
    series = file.series[0]
    dims = tuple(axis.lower() for axis in series.axes)
    dims = tuple({"s": "c", "i": "z", "q": "z"}.get(axis, axis) for axis in dims)
    page = file.pages.first
    unit = _RESOLUTION_UNITS.get(int(page.tags.valueof("ResolutionUnit", 1)))
    axes = {}
    if unit is not None:
        for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
            numerator, denominator = page.tags.valueof(tag, (0, 1))
            if numerator and denominator:
                axes[axis] = Axis(denominator / numerator, unit)
    path = str(file.filehandle.path)
    return Header(dims, series.shape, np.dtype(series.dtype), lambda: stored_values(path), axes)
