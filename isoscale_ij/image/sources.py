"""Which files an image comes from, so that no output replaces an input.

It is remembered in xarray's ``encoding``, which says where data came from and is never written. Arithmetic
drops that of an image, and keeps that of its coordinates: it is on both.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


_KEY = "source"


def remember(image: xr.DataArray, path: Path) -> xr.DataArray:
    """The image, with the file that it was read from."""
    for encoding in _encodings(image):
        encoding[_KEY] = str(path.resolve())
    return image


def inherit(result: xr.DataArray, image: xr.DataArray) -> xr.DataArray:
    """A result that was made of `image`, with the file that `image` comes from."""
    known = sources(image)
    if known:
        for encoding in _encodings(result):
            encoding.setdefault(_KEY, known[0])
    return result


def sources(image: xr.DataArray) -> list[str]:
    """The files that an image comes from, as far as is known.

    Examples
    --------
    >>> import xarray as xr
    >>> image = remember(xr.DataArray([1, 2], coords={"x": [0.5, 1.5]}), Path("cells.tif"))
    >>> [Path(source).name for source in sources(image * 2)]
    ['cells.tif']
    """
    known = [encoding[_KEY] for encoding in _encodings(image) if isinstance(encoding.get(_KEY), str | os.PathLike)]
    return list(dict.fromkeys(map(str, known)))


def _encodings(image: xr.DataArray) -> list[dict[object, object]]:
    return [image.encoding, *(variable.encoding for variable in image.coords.variables.values())]
