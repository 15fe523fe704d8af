"""The one place that lets operations take an ``ij.ImagePlus`` and give one back, and take arrays of a GPU."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import xarray as xr

_WITHOUT_PIXELS = ("info", "plan_rescale", "voxel_size")  # nothing is copied for them


def carried(operation: Callable[..., Any]) -> Callable[..., Any]:
    """`operation`, for images of ImageJ as well: they come in as calibrated images, and images go out as ImagePlus.

    Where no argument is an ImagePlus, nothing is different, and no Java is looked for.
    """

    @functools.wraps(operation)
    def carry(*arguments: Any, **options: Any) -> Any:
        if "pyopencl" in sys.modules:
            arguments = tuple(map(_held, arguments))
            options = {key: _held(value) for key, value in options.items()}
        if not any(map(_is_imageplus, (*arguments, *options.values()))):
            return operation(*arguments, **options)
        if operation.__name__ == "set_voxel_size":
            return _recalibrated(operation, *arguments, **options)
        from isoscale_ij.imagej.conversion import from_imageplus, header_of, to_imageplus

        read = header_of if operation.__name__ in _WITHOUT_PIXELS else from_imageplus

        def brought(value: Any) -> Any:
            return read(value) if _is_imageplus(value) else value

        result = operation(*map(brought, arguments), **{key: brought(value) for key, value in options.items()})
        return to_imageplus(result) if isinstance(result, xr.DataArray) and operation.__name__ != "as_image" else result

    return carry


def _recalibrated(operation: Callable[..., Any], imp: Any, **options: Any) -> Any:
    """The same ImagePlus: its pixels stay where they are."""
    from isoscale_ij.imagej.conversion import calibrate, header_of

    calibrate(imp, operation(header_of(imp), **options))
    return imp


def _held(value: Any) -> Any:
    """An array of pyopencl or pyclesperanto-prototype as one that an image can hold; all else as it is."""
    module = sys.modules.get("pyopencl.array")
    if module is None or not isinstance(value, module.Array):
        return value
    from isoscale_ij.engines.opencl.running import from_array

    return from_array(value)


def _is_imageplus(value: Any) -> bool:
    jpype = sys.modules.get("jpype")
    if jpype is None or not isinstance(value, jpype.JObject):
        return False
    return isinstance(value, jpype.JClass("ij.ImagePlus"))
