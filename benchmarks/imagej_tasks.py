"""Pixels to and from ImageJ, ours and by plain assignment, and the scaling of ImageJ itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from subjects import WRONG, Run

import isoscale_ij as iso

STACK_BYTES = 2 * 200 * 1024 * 1024


def _imagej() -> Any:
    return iso.imagej.start(max_heap="6 GB")


def _stack() -> xr.DataArray:
    """200 planes of 1024 x 1024, uint16."""
    values = np.random.default_rng(0).integers(0, 60_000, (200, 1024, 1024), np.uint16)
    return iso.as_image(values, "zyx", voxel_size=(1.5, 0.16, 0.16), unit="um")


def imageplus_ours(_: xr.DataArray) -> Run:
    _imagej()
    image = _stack()
    return lambda: iso.imagej.to_imageplus(image)


def imageplus_by_assignment(_: xr.DataArray) -> Run:
    """New Java arrays, and values assigned to them, as pyimagej's copies are made."""
    import jpype

    _imagej()
    values = _stack().values.view(np.int16)

    def run() -> Any:
        stack = jpype.JClass("ij.ImageStack")(1024, 1024)
        for plane in values:
            array = jpype.JArray(jpype.JShort)(plane.size)
            array[:] = plane.reshape(-1)
            stack.addSlice(None, array)
        return stack

    return run


def java_arrays_ours(_: xr.DataArray) -> Run:
    from isoscale_ij.imagej import pixels

    return _into_java_arrays(pixels.fill)


def java_arrays_by_assignment(_: xr.DataArray) -> Run:
    return _into_java_arrays(lambda array, plane: array.__setitem__(slice(None), plane.view(np.int16).reshape(-1)))


def _into_java_arrays(copy: Callable[[Any, np.ndarray], object]) -> Run:
    values, arrays = _java_arrays()

    def run() -> Any:
        for array, plane in zip(arrays, values, strict=True):
            copy(array, plane)
        return values

    return run


def _java_arrays() -> Any:
    import jpype

    _imagej()
    values = _stack().values
    return values, [jpype.JArray(jpype.JShort)(plane.size) for plane in values]


def image_ours(_: xr.DataArray) -> Run:
    _imagej()
    imp = iso.imagej.to_imageplus(_stack())
    return lambda: iso.imagej.from_imageplus(imp).values


def image_by_asarray(_: xr.DataArray) -> Run:
    """What JPype gives, gathered."""
    _imagej()
    stack = iso.imagej.to_imageplus(_stack()).getStack()
    return lambda: np.stack([np.asarray(stack.getPixels(index + 1)) for index in range(stack.size())])


def scale_of_imagej(image: xr.DataArray) -> Run:
    """ImageJ's Scale…, with averaging, on an image that is in ImageJ already."""
    import jpype

    _imagej()
    imp, shape = iso.imagej.to_imageplus(image), iso.plan_rescale(image, 1.0).shape
    scaler = jpype.JClass("ij.plugin.Scaler")

    def run() -> np.ndarray:
        scaled = scaler.resize(imp, shape[2], shape[1], shape[0], "bilinear average")
        return iso.imagej.from_imageplus(scaled).values

    return run


def same_pixels(mine: Any, theirs: Any) -> str:
    same = np.array_equal(_values(mine).ravel(), _values(theirs).ravel())
    return "the same pixels" if same else f"{WRONG} other pixels"


def _values(found: Any) -> np.ndarray:
    """The first plane of whatever holds pixels."""
    if isinstance(found, np.ndarray):
        return found.reshape(200, -1)[0].view(np.int16)
    stack = found.getStack() if hasattr(found, "getStack") else found
    return np.asarray(stack.getPixels(1))
