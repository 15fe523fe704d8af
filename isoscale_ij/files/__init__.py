"""Reading and writing calibrated images: one module per format, behind :func:`read` and :func:`write`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoscale_ij import remarks
from isoscale_ij.carrying import is_data_array, takes_images
from isoscale_ij.errors import FormatError, ParameterError
from isoscale_ij.files import formats
from isoscale_ij.files.atomic import check_replaceable as check_replaceable
from isoscale_ij.files.atomic import check_room
from isoscale_ij.files.atomic import replacing as replacing
from isoscale_ij.files.failures import of_reading, of_writing
from isoscale_ij.files.formats import endings as endings
from isoscale_ij.files.formats import stem as stem
from isoscale_ij.image.axes import AXES
from isoscale_ij.image.calibration import CalibrationWarning, as_image
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.inspection import ImageInfo, info_of_header
from isoscale_ij.image.inspection import remarks as calibration_remarks
from isoscale_ij.image.sources import remember, sources

if TYPE_CHECKING:
    import xarray as xr

_PATHS = (str, bytes, os.PathLike)
_PACKED = 50  # times smaller than in memory is what OME-Zarr packs, at the very best


def read(
    path: str | os.PathLike[str], *, scene: str | int | None = None, chunks: Mapping[str, int] | str | None = None
) -> xr.DataArray:
    """Read an image with its calibration.

    Parameters
    ----------
    path : path
        A TIFF of any kind (or the ``.companion.ome`` of a set of OME-TIFFs), an OME-Zarr, a CZI, ND2, LIF or IMS. Those
        of microscopes need a library each: ``pip install "isoscale-ij[czi,nd2,lif,ims]"``. What is none of these is
        opened by bioio, where that is installed with a plugin for it.
    scene : str or int, optional
        Which image of a file that holds several: its name or its index; ``"labels/NAME"`` of an OME-Zarr. By default
        the first.
    chunks : mapping or "auto", optional
        Read lazily, in chunks of so many voxels (``{"z": 64, "y": 512}``; axes that are not named as in the file):
        the values are a dask array, read when they are looked at. For images that are larger than the memory.

    Returns
    -------
    DataArray
        2D to 5D, see :func:`as_image`. ``attrs["imagej"]`` holds what only ImageJ knows,
        ``encoding["source"]`` the file; what is computed of the image remembers it as well.

    Raises
    ------
    FormatError
        If the file is no image, is damaged or incomplete.
    MissingDependencyError
        If the library that reads such files is not installed; the message has the line that installs it.
    ParameterError
        If the file holds no such scene; the message lists those that it holds.
    OSError
        If it cannot be opened.

    Warns
    -----
    CalibrationWarning
        If the stored calibration is impossible, or looks wrong.
    UserWarning
        If the file holds several images and none was chosen: the first is read.

    Examples
    --------
    >>> image = read("cells.tif")  # doctest: +SKIP
    """
    path = _as_path(path)
    with of_reading(path):
        if chunks is None:
            image = formats.of_file(path).header(path, scene).image()
        else:
            from isoscale_ij.files.lazily import lazy_image

            image = lazy_image(path, scene, chunks)
        image = remember(image, path)
    remarks.warn_of(remarks.Remark(text, CalibrationWarning) for text in calibration_remarks(Grid.of(image)))
    return image


def described(path: str | os.PathLike[str], *, scene: str | int | None = None) -> ImageInfo:
    """What :func:`isoscale_ij.info` says of the image in a file, from its header."""
    path = _as_path(path)
    with of_reading(path):
        return info_of_header(formats.of_file(path).header(path, scene))


def read_header(path: str | os.PathLike[str], *, scene: str | int | None = None) -> xr.DataArray:
    """The same image with zeros for values; nothing but its header is read."""
    path = _as_path(path)
    with of_reading(path):
        return remember(formats.of_file(path).header(path, scene).image(values=False), path)


def smaller_levels(path: str | os.PathLike[str], *, scene: str | int | None = None) -> list[xr.DataArray]:
    """The smaller sizes that a file has of its image, largest first: lazy, with their axes, for looking at alone."""
    path = _as_path(path)
    with of_reading(path):
        levels = formats.optional(formats.of_file(path), "smaller_levels", None)
        if levels is None:
            return []
        dims, arrays = levels(path, scene)
    import dask.array as da
    import xarray as xr

    ordered = [axis for axis in AXES if axis in dims]
    values = [da.from_zarr(array) for array in arrays]  # type: ignore[no-untyped-call]
    return [xr.DataArray(each, dims=dims).transpose(*ordered) for each in values]


def scene_names(path: str | os.PathLike[str]) -> list[str]:
    """The names of the images in a file, in the order of their numbers; one, where there is a single one."""
    path = _as_path(path)
    with of_reading(path), remarks.heard():
        return formats.of_file(path).header(path, 0).scenes or [""]


@takes_images("image")
def write(path: str | os.PathLike[str], image: Any, *, overwrite: bool = False, version: str | None = None) -> None:
    """Write an image with its calibration.

    The file is written under another name beside `path` and renamed when it is complete.

    Parameters
    ----------
    path : path
        Its ending tells the format: ``.ome.tif`` for OME-TIFF, ``.tif`` for ImageJ TIFF, ``.ome.zarr`` (or ``.zarr``)
        for OME-Zarr. ``image.ome.zarr/labels/NAME`` puts labels into the OME-Zarr of their image.
    image : DataArray or array_like
        See :func:`as_image`. A lazy one is written block by block.
    overwrite : bool
        Whether an existing file may be replaced. The file that `image` was read from, or was made of,
        never is.
    version : {"0.5", "0.4"}, optional
        Of OME-Zarr; by default 0.5. Some viewers read 0.4 alone.

    Raises
    ------
    ParameterError
        If the file exists, or is the one that the image was read from or made of; if what is put among the labels of an
        OME-Zarr is no label image on its grid.
    FormatError
        For an unknown ending, or values that the format cannot hold.
    OSError
        If the folder does not exist or cannot be written, or the disk is full.

    Warns
    -----
    UserWarning
        If attributes are left out, which are no texts, numbers, or lists and dicts of them.

    Examples
    --------
    >>> write("isotropic.tif", image, overwrite=True)  # doctest: +SKIP
    """
    from isoscale_ij.execution.chunks.journal import kept_output

    path = _as_path(path, image)
    known = sources(image) if is_data_array(image) and path.exists() else []
    image = as_image(image)
    inputs = [Path(source) for source in known]
    if any(source.exists() and path.samefile(source) for source in inputs):
        raise ParameterError(
            f"{path} is the file that the image was read from, or was made of. Choose another name for the output."
        )
    form = formats.of_output(path)
    assert form.write is not None
    options = {} if version is None else {"version": _checked_version(form, version)}
    folder = formats.prepare(path)
    check_room(path, image.size * image.dtype.itemsize / (_PACKED if folder else 1))
    kept = kept_output(path, image.shape, image.dtype.str) if folder else None
    with of_writing(path), replacing(path, overwrite=overwrite, folder=folder, kept=kept) as temporary:
        form.write(temporary, image, **options)
    formats.announce(path)


def _as_path(path: Any, image: Any = None) -> Path:
    """The path that a caller gave; `image` is what came with it, in whose place it may be."""
    if not isinstance(path, _PATHS):
        if isinstance(image, _PATHS):
            raise ParameterError(
                f"Got the image first and {image!r} second; needed is the path first: write(path, image)."
            )
        what = "None" if path is None else f"a {type(path).__name__}"
        raise ParameterError(f"Got {what} as path; needed is the name of a file, a text or a Path.")
    return Path(os.fsdecode(path))


def _checked_version(form: formats.Format, version: str) -> str:
    versions = formats.optional(form, "VERSIONS", ())
    if version not in versions:
        needed = f"is one of {', '.join(versions)}" if versions else "is none: it is written in one way"
        raise ParameterError(f"Got the version {version!r} for {form.name}; needed {needed}. Leave it out.")
    return version


def recalibrate(
    path: str | os.PathLike[str],
    change: Callable[[xr.DataArray], xr.DataArray],
    *,
    scene: str | int | None = None,
) -> None:
    """Change the calibration of a file in place: its voxels, and all else that stands in it, are not touched.

    The change is there as a whole, or not at all. Of a symbolic link, the file that it points to changes.

    Parameters
    ----------
    path : path
        An image file.
    change : callable
        Takes a stand-in of the image and returns it with another calibration.
    scene : str or int, optional
        Which image of a file that holds several.

    Raises
    ------
    FormatError
        If the format cannot hold the calibration, or not without touching something else.
    """
    path = _as_path(path).resolve()
    with of_reading(path):
        of_file = formats.of_file(path)
        if of_file.recalibrate is None:
            raise FormatError(
                f"{path} is a file of the format {of_file.name}, whose calibration cannot be changed in place. Convert "
                f"it first, isoscale-ij convert {path.name} {formats.stem(path)}{formats.written()[0]} (there are "
                f"{', '.join(formats.written())}), or give an output."
            )
        with remarks.heard():  # what cannot be read is not changed; its remarks are made when it is
            of_file.header(path, scene).image(values=False)
        of_file.recalibrate(path, scene, change)


def check_output(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise what :func:`write` would raise before it writes: to be asked before a long computation."""
    path = _as_path(path)
    check_replaceable(path, overwrite=overwrite, folder=formats.prepare(path))
