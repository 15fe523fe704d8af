"""What :mod:`isoscale_ij.carrying` asks of an ``ij.ImagePlus``: whether it is one, and how to give one back."""

from __future__ import annotations

from typing import Any

import xarray as xr

from isoscale_ij.imagej.conversion import calibrate, to_imageplus


def is_imageplus(value: object) -> bool:
    """Whether a value is an ImagePlus; a Java without ImageJ has none."""
    import jpype

    if not isinstance(value, jpype.JObject):
        return False
    try:
        return isinstance(value, jpype.JClass("ij.ImagePlus"))
    except TypeError:  # there is no such class
        return False


def as_imageplus(image: xr.DataArray, _like: object) -> Any:
    """A new ImagePlus of a result."""
    return to_imageplus(image)


def recalibrated(imp: Any, image: xr.DataArray) -> Any:
    """The same ImagePlus with the calibration of an image: its pixels stay where they are."""
    calibrate(imp, image)
    return imp
