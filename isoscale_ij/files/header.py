"""What a reader finds out about an image before it loads a voxel."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tifffile
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.axes import AXES, CALIBRATED
from isoscale_ij.calibration import CalibrationWarning, as_image, grid, possible_size
from isoscale_ij.errors import CalibrationError
from isoscale_ij.units import VOXEL, canonical_unit


@dataclass
class Axis:
    """The stored calibration of an axis: in its own unit, not yet checked.

    `lower` is the lower edge, in the same unit.
    """

    size: float | None = None
    unit: str | None = None
    lower: float = 0.0


@dataclass
class Header:
    """A stored image, without its values.

    Attributes
    ----------
    stored_dims, stored_shape : tuple
        The axes as they lie in the file; axes of length 1 may be absent.
    dtype : dtype
        Of the image; `load` may have to convert.
    axes : dict of Axis
    load : callable
        Gives the values, in the stored order of axes.
    """

    stored_dims: tuple[str, ...]
    stored_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[], NDArray[Any]]
    axes: dict[str, Axis] = field(default_factory=dict)
    channels: list[str] | None = None
    name: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)

    def image(self, *, values: bool = True) -> xr.DataArray:
        """The calibrated image; without `values`, a stand-in of the same shape and type."""
        if values:
            data = self.load().astype(self.dtype, copy=False)
        else:
            data = np.broadcast_to(np.zeros((), self.dtype), self.stored_shape)
        image = xr.DataArray(data, dims=self.stored_dims, name=self.name, attrs=self.attrs)
        image = image.transpose(*(axis for axis in AXES if axis in self.stored_dims))
        coords: dict[str, Any] = {}
        for name in CALIBRATED:
            axis = self.axes.get(name)
            if name not in image.dims or axis is None or axis.size is None:
                continue
            try:
                size = possible_size(axis.size, name, "time step" if name == "t" else "voxel size")
            except CalibrationError as error:
                warnings.warn(
                    f"{error} The axis is treated as uncalibrated; mend it with set_voxel_size "
                    "(command line: isoscale-ij set-voxel-size).",
                    CalibrationWarning,
                    stacklevel=3,
                )
                continue
            unit = canonical_unit(axis.unit)
            coords[name] = grid(name, image.sizes[name], size, axis.lower, None if unit == VOXEL else unit)
        if self.channels and "c" in image.dims and len(self.channels) == image.sizes["c"]:
            coords["c"] = self.channels
        return as_image(image.assign_coords(coords))


def stored_values(path: str, series: int = 0) -> NDArray[Any]:
    """The values of one series of a TIFF file, in the order in which they are stored."""
    with tifffile.TiffFile(path) as file:
        return np.asarray(file.series[series].asarray())


def json_like(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Those attributes that JSON can hold."""
    kept = {}
    for key, value in attrs.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            continue
        kept[str(key)] = value
    return kept
