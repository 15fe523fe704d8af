"""Opens a TIFF file, chooses the scene, sees that all of it is there, loads regions: for every dialect alike."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.scenes import Scene, chosen_scene
from isoscale_ij.files.tiff import completeness, messages
from isoscale_ij.files.tiff.completeness import LETTERS
from isoscale_ij.image.axes import AXES
from isoscale_ij.image.header import Header, Region, cut

Describe = Callable[[tifffile.TiffFile, int], Header]
"""Makes the header of a series of a file; its `load` is :func:`values` or goes through it."""


@contextmanager
def opened(path: Path, *, omexml: str | None = None) -> Iterator[tifffile.TiffFile]:
    """The file for tifffile, with an OME-XML from elsewhere if need be.

    Whatever goes wrong within is an error of ours, see :func:`~isoscale_ij.files.failures.of_reading`.
    """
    options = {} if omexml is None else {"omexml": omexml}
    with of_reading(path):
        with messages.heard() as log, tifffile.TiffFile(path, **options) as file:
            if file.pages and file.is_imagej and not _is_hyperstack(file):
                file.is_imagej = False  # then pages are what there is, and tifffile invents no planes
            yield file
        messages.pass_on(path, log)


def _is_hyperstack(file: tifffile.TiffFile) -> bool:
    """Whether the planes are as many as ImageJ's description says, in ImageJ's order."""
    metadata, page = file.imagej_metadata or {}, file.pages.first
    sizes = [metadata.get(axis, 1) for axis in ("images", "channels", "slices", "frames")]
    if "SCIFIO" in metadata or not all(isinstance(size, int) for size in sizes):
        return False
    count = len(file.pages)
    if count == 1:
        return True
    channels, others = sizes[1], sizes[2] * sizes[3]
    samples = page.samplesperpixel > 1 and channels == page.samplesperpixel  # which may be called channels
    return channels * others in (count, 1) or (samples and others == count)


def header(
    path: Path,
    scene: Scene,
    describe: Describe,
    names: Callable[[tifffile.TiffFile], list[str]],
    *,
    omexml: str | None = None,
    before: Callable[[tifffile.TiffFile, int], None] | None = None,
) -> Header:
    """What is known of one image of a TIFF file before its voxels are loaded.

    Parameters
    ----------
    path : Path
    scene : str, int or None
    describe : callable
        Of the dialect.
    names : callable
        Gives the names of the images, as far as they have some.
    omexml : str, optional
        The OME-XML of the file, where it is elsewhere.
    before : callable, optional
        Looks at the image before its planes are looked for.

    Raises
    ------
    FormatError
        If the file is damaged, or voxels of the image are not there.
    """
    with opened(path, omexml=omexml) as file:
        completeness.check_chain(path, file)
        if not file.pages or not file.series:
            raise FormatError(f"{path} holds no image.")
        scenes = names(file)
        index = chosen_scene(path, scenes, scene)
        if before is not None:
            before(file, index)
        completeness.check_planes(path, file.series[index])
        described = describe(file, index)
        described.scenes = scenes if len(scenes) > 1 else []
    described.name = described.name or re.sub(r"(\.ome)?\.tiff?$|\.lsm$|\.stk$", "", path.name, flags=re.IGNORECASE)
    return described


def images(file: tifffile.TiffFile) -> list[Any]:
    """The series that are images of their own: no thumbnails."""
    return [one for index, one in enumerate(file.series) if index == 0 or not one.keyframe.is_reduced]


def series_names(file: tifffile.TiffFile) -> list[str]:
    """The names that tifffile knows of the images."""
    return [str(one.name or "") for one in images(file)]


def dims_of(series: Any) -> tuple[str, ...]:
    """The axes of a series by our names, as far as we have some."""
    return tuple(LETTERS.get(axis.lower(), axis.lower()) for axis in series.axes)


def check_dims(file: tifffile.TiffFile, dims: tuple[str, ...], shape: tuple[int, ...]) -> None:
    """Raise a FormatError for axes that no image here has."""
    if len(set(dims)) < len(dims) or not {"y", "x"} <= set(dims) <= set(AXES):
        listed = ", ".join(f"{size} along {axis}" for axis, size in zip(dims, shape, strict=True))
        raise FormatError(
            f"The image in {file.filehandle.path} has {listed}; needed are different axes out of t, c, z, y, x. "
            "Choose a part of it with tifffile, and give that to as_image with its dims."
        )


def loader(
    file: tifffile.TiffFile,
    index: int,
    dims: tuple[str, ...],
    shape: tuple[int, ...],
    planes: list[int] | None = None,
    omexml: str | None = None,
) -> Callable[[Region], NDArray[Any]]:
    """Loads regions of a series.

    Parameters
    ----------
    file, index
        The series.
    dims, shape : tuple
        Its axes, in the order in which they lie in the file, and how long they are.
    planes : list of int, optional
        The page of each plane, where planes lie in another order.
    omexml : str, optional
        As in :func:`header`.
    """
    path = Path(str(file.filehandle.path))

    def load(region: Region) -> NDArray[Any]:
        with opened(path, omexml=omexml) as again:
            return _values(again, again.series[index], dims, shape, region, planes)

    return load


def _values(
    file: tifffile.TiffFile,
    series: Any,
    dims: tuple[str, ...],
    shape: tuple[int, ...],
    region: Region,
    planes: list[int] | None,
) -> NDArray[Any]:
    part = {axis: wanted for axis, wanted in region.items() if wanted != slice(None)}
    if not part and planes is None:
        return np.asarray(series.asarray()).reshape(shape)
    if series.dataoffset is not None and not series.is_multifile and planes is None:
        dtype = np.dtype(series.dtype).newbyteorder(file.byteorder)
        mapped = cut(np.memmap(file.filehandle.path, dtype, "r", series.dataoffset, shape), dims, part)
        return np.array(mapped, mapped.dtype.newbyteorder("="))
    inner = series.keyframe.shape
    outer = shape[: len(shape) - len(inner)]
    count = len(series) if planes is None else len(planes)
    if shape[len(outer) :] != inner or math.prod(outer) != count:
        return cut(np.asarray(series.asarray()).reshape(shape), dims, part)
    numbers = cut(np.arange(count).reshape(outer), dims[: len(outer)], part)
    wanted = [int(number) if planes is None else planes[number] for number in numbers.flat]
    values = np.asarray(file.asarray(key=wanted, series=series)) if wanted else np.empty((0, *inner), series.dtype)
    within = {axis: wanted for axis, wanted in part.items() if axis in dims[len(outer) :]}
    return cut(values.reshape(*numbers.shape, *inner), dims, within)


def arranged(values: NDArray[Any], dims: tuple[str, ...], described: Header, region: Region) -> NDArray[Any]:
    """Values whose axes are `dims`, in the order of a header, which may have more axes, of one voxel."""
    values = values.transpose([dims.index(axis) for axis in described.dims if axis in dims])
    for position, axis in enumerate(described.dims):
        if axis not in dims:
            values = np.expand_dims(values, position)
    return cut(values, described.dims, {axis: part for axis, part in region.items() if axis not in dims})
