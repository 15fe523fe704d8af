"""Which file an image began in: remembered, so that no result is written over it.

xarray drops the encoding of a result, and keeps that of its coordinates: both remember.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

_KEY = "source"  # what xarray itself calls the file that something was read from


def remember(image: xr.DataArray, path: str | Path | None) -> xr.DataArray:
    """Note, in place, that the image began in the file `path`; None changes nothing."""
    if path is not None:
        image.encoding[_KEY] = str(path)
        for coordinate in image.coords.variables.values():
            coordinate.encoding[_KEY] = str(path)
    return image


def source_of(image: xr.DataArray) -> str | None:
    """The file in which the image began, where that is known."""
    for encoding in (image.encoding, *(coordinate.encoding for coordinate in image.coords.variables.values())):
        if isinstance(encoding.get(_KEY), str):
            return str(encoding[_KEY])
    return None
