"""Who wrote a TIFF, and so where its calibration stands: a table of dialects, asked in order.

OME-TIFF is a format of its own; the others share the ending ``.tif``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import tifffile

from isoscale_ij.files.tiff import imagej, micromanager, microscopes, plain, scanimage, scifio
from isoscale_ij.files.tiff.patching import Changes
from isoscale_ij.image.header import Header

if TYPE_CHECKING:
    import xarray as xr


class Dialect(Protocol):
    """How one program, or family of programs, describes an image in a TIFF."""

    def speaks(self, file: tifffile.TiffFile) -> bool:
        """Whether the file is in this dialect."""

    def header(self, file: tifffile.TiffFile, index: int) -> Header:
        """What the file says of one of its series."""

    def changes(self, file: tifffile.TiffFile, index: int, image: xr.DataArray) -> Changes:
        """The tags of the first page that give a series the calibration of `image`.

        Raises
        ------
        FormatError
            If the dialect cannot hold it, or something else would be lost.
        """


DIALECTS: list[Dialect] = [scifio, imagej, microscopes, micromanager, scanimage, plain]


def of(file: tifffile.TiffFile) -> Dialect:
    """The dialect of a file; `plain` knows every TIFF."""
    return next(dialect for dialect in DIALECTS if dialect.speaks(file))
