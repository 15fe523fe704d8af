"""What an edge (a file format, ImageJ) finds out about an image before it loads a voxel."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import CalibrationError
from isoscale_ij.image.axes import AXES, CALIBRATED
from isoscale_ij.image.calibration import CalibrationWarning, as_image, grid, possible_size
from isoscale_ij.image.units import VOXEL, canonical_unit


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
        attrs = self.attrs
        if values:
            data = _as_declared(self.load(), self.dtype)
            if data.dtype != self.dtype and attrs.get("kind") == "labels":  # they were filtered
                attrs = {key: value for key, value in attrs.items() if key != "kind"}
        else:
            data = np.broadcast_to(np.zeros((), self.dtype), self.stored_shape)
        image = xr.DataArray(data, dims=self.stored_dims, name=self.name, attrs=attrs)
        image = image.transpose(*(axis for axis in AXES if axis in self.stored_dims))
        coords: dict[str, Any] = {}
        for name in CALIBRATED:
            axis = self.axes.get(name)
            if name not in image.dims or axis is None or axis.size is None:
                continue
            try:
                size = possible_size(axis.size, name, "time step" if name == "t" else "voxel size")
            except CalibrationError as error:
                remarks.warn(
                    f"{error} The axis is treated as uncalibrated; mend it with set_voxel_size "
                    "(command line: isoscale-ij set-voxel-size).",
                    CalibrationWarning,
                )
                continue
            unit = canonical_unit(axis.unit)
            coords[name] = grid(name, image.sizes[name], size, axis.lower, None if unit == VOXEL else unit)
        if self.channels and "c" in image.dims and len(self.channels) == image.sizes["c"]:
            coords["c"] = self.channels
        return as_image(image.assign_coords(coords))


def _as_declared(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values in the type they had before they were stored; as they are, if another program changed them since."""
    if values.dtype == dtype:
        return values
    if dtype.kind == "b":
        return values != 0 if set(np.unique(values).tolist()) <= {0, 1, 255} else values
    with np.errstate(all="ignore"):
        converted = values.astype(dtype)
        return converted if np.array_equal(converted, values, equal_nan=values.dtype.kind == "f") else values


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
