"""What comes in as an image without being one of ours: its values, its axes, coordinates that are no numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import CalibrationError, FormatError, ParameterError
from isoscale_ij.image.axes import AXES, CALIBRATED, axis_names

if TYPE_CHECKING:
    import xarray as xr

_DEFAULT_DIMS = {2: ("y", "x"), 3: ("z", "y", "x"), 5: AXES}
_RGB = (3, 4)  # samples of a colour, without and with opacity
_SECOND = np.timedelta64(1, "s")


def as_values(array: Any, dims: str | Sequence[str] | None) -> tuple[Any, tuple[str, ...]]:
    """An array of any library, or what NumPy can make one of; and the names of its axes.

    Raises
    ------
    ParameterError
        If it is no image at all.
    FormatError
        If its axes are not known, or are not as many as `dims`.
    """
    values = array if hasattr(array, "dtype") and hasattr(array, "shape") else _as_ndarray(array)
    if dims is not None:
        return values, axis_names(dims, values.shape)
    names = _default_dims(values.shape)
    _say_where_it_may_be_rgb(values)
    return values, names


def with_numbers(image: xr.DataArray) -> xr.DataArray:
    """The image with dates and durations on t in seconds.

    A duration is counted from 0, a date from that of the first time point, which is kept as
    ``attrs["start"]``.

    Raises
    ------
    CalibrationError
        If coordinates are text, dates on another axis than t, or anything else that is no number.
    """
    variables = image.coords.variables
    for axis in CALIBRATED:
        coord = variables.get(axis)
        if coord is None or axis not in image.dims or coord.dtype.kind in "iuf":
            continue
        if axis != "t" or coord.dtype.kind not in "mM" or np.isnat(coord.values).any():
            shown = ", ".join(str(value) for value in coord.values[:3])
            more, dates = ", …" if coord.size > 3 else "", ", dates or durations" if axis == "t" else ""
            raise CalibrationError(
                f"Got coordinates of {axis} that are no positions ({shown}{more}); needed are numbers{dates}. Drop "
                f"them with image.drop_vars({axis!r}), or give numbers with image.assign_coords({axis}=…)."
            )
        from isoscale_ij.image.variables import coordinate

        attrs = {key: value for key, value in coord.attrs.items() if key != "spacing"} | {"units": "second"}
        times = coord.values
        if coord.dtype.kind == "M":
            image = image.assign_attrs(start=str(times[0]))
            times = times - times[0]
        image = image.assign_coords(t=coordinate("t", times / _SECOND, attrs))
    return image


def _as_ndarray(array: Any) -> NDArray[Any]:
    if isinstance(array, (str, os.PathLike)):
        raise ParameterError(
            f"Got the path {os.fspath(array)!r} where an image is needed. Read it first: "
            f"isoscale_ij.read({os.fspath(array)!r})."
        )
    what = "None" if array is None else f"a {type(array).__name__}"
    needed = (
        f"Got {what} where an image is needed: an array, for example of NumPy, or a DataArray. "
        "isoscale_ij.read(path) gives that of a file."
    )
    if array is None or isinstance(array, (Mapping, bytes, set)):
        raise ParameterError(needed)
    try:
        values = np.asarray(array)
    except (TypeError, ValueError) as error:  # rows of different lengths, and what NumPy does not know
        raise FormatError(f"{needed} (NumPy says: {error}.)") from error
    if values.dtype.kind in "OSU":
        raise ParameterError(needed)
    return values


def _default_dims(shape: tuple[int, ...]) -> tuple[str, ...]:
    """The axes of an array that comes without names."""
    if len(shape) not in _DEFAULT_DIMS:
        mend = 'say which axes it has, for example dims="czyx"' if len(shape) == 4 else "give a 2D to 5D array"
        raise FormatError(f"Got an array of {len(shape)} dimensions, {tuple(shape)}; {mend}.")
    return _DEFAULT_DIMS[len(shape)]


def _say_where_it_may_be_rgb(values: Any) -> None:
    *others, last = values.shape
    if len(others) == 2 and last in _RGB and min(others) > last and values.dtype == np.uint8:
        remarks.warn(
            f"Got an array of shape {tuple(values.shape)}, which is taken as {others[0]} slices of {others[1]} x "
            f'{last} voxels. If it is a picture in RGB, say so with as_image(array, dims="yxc").'
        )
