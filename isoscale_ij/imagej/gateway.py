"""pyimagej's conversions in both directions, replaced by those that lose nothing; and put back.

They are entries in scyjava's lists of converters, of a priority above pyimagej's, so that
``ij.py.from_java``, ``ij.py.to_java`` and all that rests on them (``run_script``, ``run_plugin``,
``jargs``) find them first. pyimagej's conversions that are called by name do not ask there: they are wrapped.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from isoscale_ij.errors import IsoscaleError, MissingDependencyError
from isoscale_ij.image.axes import CALIBRATED, check_axes
from isoscale_ij.image.calibration import as_image, grid, voxel_size
from isoscale_ij.image.units import VOXEL, canonical_unit
from isoscale_ij.imagej.conversion import from_imageplus, header_of, holds, to_imageplus
from isoscale_ij.imagej.jvm import INSTALL, classes

_registered: list[tuple[list[Any], Any]] = []
_wrapped: dict[str, Any] = {}
_AXES = {"X": "x", "Y": "y", "Z": "z", "Channel": "c", "Time": "t"}


def register_converters() -> None:
    """Let pyimagej (and all else that converts through scyjava) convert images without losing anything.

    From then on ``ij.py.from_java`` gives a calibrated DataArray for an ImagePlus and for a Dataset,
    and ``ij.py.to_java`` an ImagePlus for a calibrated DataArray. An ImagePlus is read anew each time: a
    calibration that was edited in ImageJ since is seen. ``ij.py.to_imageplus``, ``to_dataset`` and
    ``to_xarray`` keep the calibration as well.

    All else is left to pyimagej: arrays and DataArrays without a voxel size, and those with values that
    an ImagePlus does not hold (float64 with more digits than float32, large integers, complex numbers).
    ``to_img`` and Img, which have no calibration, are pyimagej's too.

    An ImagePlus always comes with z, and RGB with three channels in front: ``image.squeeze()`` has the
    shape of a 2D image, and ``image.squeeze("z").transpose("y", "x", "c")`` is what ``imshow`` takes of an
    RGB one. Where a method of Dataset is wanted (``dimension``, ``Views``, ``io().save``), ask for one:
    ``ij.py.to_dataset(image)``, or ``ij.py.to_java(image, type="Dataset")``.

    See Also
    --------
    unregister_converters : undoes it.

    Raises
    ------
    MissingDependencyError
        If scyjava is not installed, or no Java with ImageJ runs.

    Examples
    --------
    >>> import imagej, isoscale_ij  # doctest: +SKIP
    >>> ij = imagej.init("sc.fiji:fiji")  # doctest: +SKIP
    >>> isoscale_ij.imagej.register_converters()  # doctest: +SKIP
    >>> image = ij.py.from_java(ij.IJ.getImage())  # doctest: +SKIP
    """
    try:
        from scyjava import Converter, Priority, add_java_converter, add_py_converter
        from scyjava._convert import java_converters, py_converters  # scyjava itself only adds
    except ImportError as error:
        raise MissingDependencyError(f"scyjava is not installed, whose conversions these are: {INSTALL}") from error
    image_plus = classes().ImagePlus
    unregister_converters()
    to_python = [
        Converter(lambda value: isinstance(value, image_plus), from_imageplus, Priority.VERY_HIGH, "ImagePlus"),
        Converter(_is_dataset, from_dataset, Priority.VERY_HIGH, "Dataset"),
    ]
    to_java = Converter(_is_image, to_imageplus, Priority.VERY_HIGH, "calibrated image")
    for converter in to_python:
        add_py_converter(converter)
        _registered.append((py_converters, converter))
    add_java_converter(to_java)
    _registered.append((java_converters, to_java))
    pyimagej: Any = sys.modules.get("imagej")
    for name, wrap in _BY_NAME.items() if hasattr(pyimagej, "ImageJPython") else ():
        _wrapped[name] = getattr(pyimagej.ImageJPython, name)
        setattr(pyimagej.ImageJPython, name, wrap(_wrapped[name]))


def unregister_converters() -> None:
    """Undo :func:`register_converters`: pyimagej converts as before."""
    while _registered:
        converters, converter = _registered.pop()
        converters[:] = [other for other in converters if other is not converter]
    while _wrapped:
        name, method = _wrapped.popitem()
        setattr(sys.modules["imagej"].ImageJPython, name, method)


def from_dataset(dataset: Any) -> xr.DataArray:
    """A calibrated image of a ``net.imagej.Dataset``, its pixels copied.

    Sizes, units and positions are those of its axes, or of the ImagePlus that it mirrors: a
    calibration that was edited there does not reach the Dataset.
    """
    from imagej import images  # who has a Dataset has pyimagej

    axes = [dataset.axis(index) for index in range(dataset.numDimensions())]
    names = [_AXES.get(str(axis.type().getLabel()), str(axis.type().getLabel())) for axis in axes]
    counts = [int(dataset.dimension(index)) for index in range(len(axes))]
    values = np.empty(counts[::-1], images.dtype(dataset))
    images.copy_rai_into_ndarray(None, dataset, values)
    mirrored = _mirrored(dataset)
    coords: dict[Any, Any] = {}
    if mirrored is None:
        for name, axis, count in zip(names, axes, counts, strict=True):
            size = float(axis.averageScale(0, 1))
            unit = canonical_unit(None if axis.unit() is None else str(axis.unit()))
            known = None if unit == VOXEL else unit
            if name in CALIBRATED and np.isfinite(size) and size > 0 and (size != 1 or known):
                # As in ImageJ 1, the position of pixel 0 is where it begins.
                coords[name] = grid(name, count, size, float(axis.calibratedValue(0)), known)
    else:
        header = header_of(mirrored)
        coords = {axis: header.coords[axis] for axis in names if axis in header.coords}
    title = dataset.getName()
    image = xr.DataArray(values, dims=names[::-1], name=None if title is None else str(title))
    return as_image(image.assign_coords(coords))


def _mirrored(dataset: Any) -> Any:
    """The ImagePlus that a Dataset shows to ImageJ2, if there is one of the same size."""
    import jpype

    try:
        service = dataset.context().getService(jpype.JClass("net.imagej.legacy.LegacyService"))
        imp = None if service is None else service.getImageMap().lookupImagePlus(dataset)
    except (AttributeError, TypeError):  # an ImageJ2 without the legacy layer, or with another one
        return None
    if imp is None or int(imp.getWidth()) != int(dataset.dimension(0)):
        return None
    return imp


def _is_dataset(value: Any) -> bool:
    try:
        from scyjava import jimport

        return isinstance(value, jimport("net.imagej.Dataset"))
    except TypeError:  # a Java without ImageJ2
        return False


def _is_image(value: Any, **hints: Any) -> bool:
    """Whether an ImagePlus is the better form: calibrated, of values that it holds, and no Dataset asked for."""
    if not isinstance(value, xr.DataArray) or value.dtype.kind not in "buif":
        return False
    if str(hints.get("type", "ImagePlus")).rpartition(".")[2] != "ImagePlus":
        return False
    try:
        check_axes(value.dims)
        return bool(voxel_size(value)) and holds(value)
    except IsoscaleError:
        return False


def _to_imageplus(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def converted(self: Any, data: Any) -> Any:
        return to_imageplus(data) if _is_image(data) else theirs(self, data)

    return converted


def _to_dataset(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def converted(self: Any, data: Any, dim_order: Any = None) -> Any:
        if dim_order is None and _is_image(data):
            from scyjava import jimport

            made = self._ij.convert().convert(to_imageplus(data), jimport("net.imagej.Dataset"))
            if made is not None:  # an ImageJ2 without the legacy layer has no such conversion
                return made
        return theirs(self, data, dim_order)

    return converted


def _to_xarray(theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def converted(self: Any, data: Any, dim_order: Any = None) -> Any:
        if dim_order is None and not isinstance(data, (np.ndarray, xr.DataArray)):
            if isinstance(data, classes().ImagePlus):
                return from_imageplus(data)
            if _is_dataset(data):
                return from_dataset(data)
        return theirs(self, data, dim_order)

    return converted


_BY_NAME = {"to_imageplus": _to_imageplus, "to_dataset": _to_dataset, "to_xarray": _to_xarray}
