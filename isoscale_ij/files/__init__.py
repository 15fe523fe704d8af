"""Reading and writing calibrated images: one module per format, behind :func:`read` and :func:`write`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from isoscale_ij.carrying import takes_images
from isoscale_ij.errors import FormatError, ParameterError
from isoscale_ij.files import imagej_tiff, ome_tiff, tiff
from isoscale_ij.files.atomic import check_replaceable as check_replaceable
from isoscale_ij.files.atomic import replacing as replacing
from isoscale_ij.image.calibration import CalibrationWarning, as_image
from isoscale_ij.image.header import Header
from isoscale_ij.image.inspection import remarks
from isoscale_ij.remarks import warn

_WRITERS = {
    (".ome.tif", ".ome.tiff"): ome_tiff.write,
    (".tif", ".tiff"): imagej_tiff.write,
}


def read(path: str | os.PathLike[str]) -> xr.DataArray:
    """Read an image with its calibration.

    Parameters
    ----------
    path : path
        An ImageJ TIFF, an OME-TIFF or another TIFF.

    Returns
    -------
    DataArray
        2D to 5D, see :func:`as_image`. ``attrs["imagej"]`` holds what only ImageJ knows.

    Raises
    ------
    FormatError
        If the file is no image or is damaged.
    OSError
        If it cannot be opened.

    Warns
    -----
    CalibrationWarning
        If the stored calibration is impossible, or looks wrong.
    UserWarning
        If the file holds several images: the first is read.

    Examples
    --------
    >>> image = read("cells.tif")  # doctest: +SKIP
    """
    image = _header(Path(path)).image()
    image.encoding["source"] = str(Path(path).resolve())
    for remark in remarks(image):
        warn(remark, CalibrationWarning)
    return image


def read_header(path: str | os.PathLike[str]) -> xr.DataArray:
    """The same image with zeros for values; nothing but its header is read."""
    return _header(Path(path)).image(values=False)


@takes_images("image")
def write(path: str | os.PathLike[str], image: Any, *, overwrite: bool = False) -> None:
    """Write an image with its calibration.

    The file is written under another name beside `path` and renamed when it is complete.

    Parameters
    ----------
    path : path
        Its ending tells the format: ``.ome.tif`` for OME-TIFF, ``.tif`` for ImageJ TIFF.
    image : DataArray or array_like
        See :func:`as_image`.
    overwrite : bool
        Whether an existing file may be replaced. The file that `image` was read from never is.

    Raises
    ------
    ParameterError
        If the file exists, or is the one that the image was read from.
    FormatError
        For an unknown ending, or values that the format cannot hold.
    OSError
        If the folder does not exist or cannot be written, or the disk is full.

    Examples
    --------
    >>> write("isotropic.tif", image, overwrite=True)  # doctest: +SKIP
    """
    path = Path(path)
    image = as_image(image)
    source = image.encoding.get("source")
    if source is not None and path.exists() and Path(source).exists() and Path(source).samefile(path):
        raise ParameterError(f"{path} is the file that the image was read from. Choose another name for the output.")
    writer = _writer(path)
    with replacing(path, overwrite=overwrite) as temporary:
        writer(temporary, image)


def recalibrate(path: str | os.PathLike[str], change: Callable[[xr.DataArray], xr.DataArray]) -> None:
    """Change the calibration of a file in place: its voxels, and what else stands in it, stay.

    The file is replaced as a whole, or not at all.

    Parameters
    ----------
    path : path
        An image file.
    change : callable
        Takes the image and returns it with another calibration.
    """
    path = Path(path)
    if ome_tiff.is_ome(path):
        changed = change(read_header(path))
        with replacing(path, overwrite=True) as temporary:
            shutil.copyfile(path, temporary)
            ome_tiff.recalibrate(temporary, changed)
        return
    changed = change(read(path))
    with replacing(path, overwrite=True) as temporary:
        imagej_tiff.write(temporary, changed)


def check_output(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise what :func:`write` would raise before it writes: to be asked before a long computation."""
    _writer(Path(path))
    check_replaceable(Path(path), overwrite=overwrite)


def _writer(path: Path) -> Any:
    for endings, writer in _WRITERS.items():
        if path.name.lower().endswith(endings):
            return writer
    known = ", ".join(ending for endings in _WRITERS for ending in endings)
    raise FormatError(f"Got the output {path.name}; needed is a name that ends in one of {known}.")


def _header(path: Path) -> Header:
    if path.is_dir():
        raise FormatError(f"Got the folder {path}; needed is an image file.")
    if not path.exists():
        raise FileNotFoundError(2, "There is no such file", str(path))
    with path.open("rb") as file:
        magic = file.read(4)
    if not magic:
        raise FormatError(f"{path} is empty; needed is an image file.")
    if magic not in tiff.MAGIC:
        raise FormatError(
            f"{path} is no TIFF file (it begins with {magic!r}); needed is an ImageJ TIFF or an OME-TIFF."
        )
    return tiff.header(path)
