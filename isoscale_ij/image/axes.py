"""Which axes an image has: their names, their order, the channels along c."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isoscale_ij.errors import FormatError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

AXES = ("t", "c", "z", "y", "x")
SPATIAL = ("z", "y", "x")
CALIBRATED = ("t", "z", "y", "x")

_OTHER_NAMES = {
    "pln": "z", "plane": "z", "slice": "z", "row": "y", "col": "x", "column": "x",
    "ch": "c", "channel": "c", "channels": "c", "time": "t", "frame": "t", "frames": "t",
}  # fmt: skip


def axis_names(dims: str | Sequence[str], shape: tuple[int, ...]) -> tuple[str, ...]:
    """``"zyx"`` or a sequence of names, as a tuple: one for each axis of an array of that shape."""
    try:
        names = tuple(dims)
    except TypeError:
        raise FormatError(f'Got {dims!r} as dims; needed are names of axes, for example "zyx".') from None
    if len(names) != len(shape):
        raise FormatError(
            f"Got the axes {', '.join(map(str, names))} for an array of shape {tuple(shape)}; needed is one each."
        )
    return names


def our_axis(dim: Hashable) -> str:
    """Our name of an axis, for bioio's, pyimagej's and others."""
    name = str(dim).lower()
    return _OTHER_NAMES.get(name, name)


def check_axes(dims: Sequence[Hashable]) -> list[str]:
    """Our names of the axes, or a FormatError."""
    names = [our_axis(dim) for dim in dims]
    if "s" in names and "c" not in names:  # samples of RGB
        names[names.index("s")] = "c"
    unknown = [str(dim) for dim, name in zip(dims, names, strict=True) if name not in AXES]
    if unknown or len(set(names)) != len(names):
        what = f"unknown axes {', '.join(unknown)}" if unknown else f"the axes {', '.join(names)}, one of them twice"
        raise FormatError(f"Got {what}; needed are different ones out of t, c, z, y, x. Name them with dims=…")
    if not {"y", "x"} <= set(names):
        raise FormatError(f"Got an image with the axes {', '.join(names) or 'none'}; needed are at least y and x.")
    return names


def with_our_axes(image: xr.DataArray) -> xr.DataArray:
    """Dims by our names, in our order."""
    names = check_axes(image.dims)
    renamed = {dim: name for dim, name in zip(image.dims, names, strict=True) if dim != name}
    if renamed:
        image = image.rename(renamed)
    return image.transpose(*(axis for axis in AXES if axis in image.dims))


def per_axis(
    dims: Collection[Hashable], value: Any, what: str, *, allowed: Sequence[str] = SPATIAL, complete: bool = False
) -> dict[str, Any]:
    """One value an axis, from one for all, from a sequence in the order of z, y, x, or from a mapping.

    Parameters
    ----------
    dims : collection of str
        The axes of the image, by our names.
    value : any
        A mapping may use other names of axes (``Z``, ``pln``); arrays of no dimension are one value.
    what : str
        What the value is, as messages name it.
    allowed : sequence of str
        The axes that a mapping may name.
    complete : bool
        Whether a mapping has to name each spatial axis.

    Raises
    ------
    ParameterError
        If axes are named that do not fit, or the number of values does not.
    """
    axes = [axis for axis in SPATIAL if axis in dims]
    if isinstance(value, Mapping):
        named = {our_axis(axis): length for axis, length in value.items()}
        possible = [axis for axis in allowed if axis in dims]
        if len(named) < len(value) or not set(named) <= set(possible) or (complete and len(named) < len(axes)):
            raise ParameterError(
                f"Got {what} for {', '.join(map(str, value)) or 'no axis'}; the image has the axes "
                f"{', '.join(map(str, dims))}, and needed is one for {'each' if complete else 'any'} of "
                f"{', '.join(possible)}."
            )
        return {axis: _plain(named[axis]) for axis in possible if axis in named}
    values = _plain(value)
    if not isinstance(values, (list, tuple)):
        return dict.fromkeys(axes, values)
    if len(values) != len(axes):
        raise ParameterError(f"Got {len(values)} numbers as {what}; needed is one for each of {', '.join(axes)}.")
    return dict(zip(axes, map(_plain, values), strict=True))


def _plain(value: Any) -> Any:
    """A NumPy scalar, array or DataArray as a number or a list."""
    return np.asarray(value).tolist() if hasattr(value, "ndim") else value


def check_values(dtype: np.dtype[Any], sizes: Mapping[Any, int]) -> None:
    """Raise a FormatError for types that are no grey values, and for empty axes."""
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        raise FormatError(
            f"Got values of type {dtype}; needed are booleans, integers or real numbers of up to 64 bits. "
            "Convert them first, for example abs(array) or array.astype(float)."
        )
    if any(math.isnan(size) for size in sizes.values()):
        raise FormatError(
            f"Got a dask array whose size is not known, {dict(sizes)}; needed are numbers of voxels. "
            "Call its compute_chunk_sizes() first."
        )
    if 0 in sizes.values():
        raise FormatError(f"Got an image without voxels, {dict(sizes)}; needed is at least one on every axis.")


def channel_names(image: xr.DataArray) -> list[str]:
    """The names of the channels; their numbers where they have none."""
    if "c" not in image.dims:
        return []
    if "c" in image.coords:
        return [str(name) for name in image.coords["c"].values]
    return [str(index) for index in range(image.sizes["c"])]


def choose_channel(image: xr.DataArray, channel: str | int | None) -> xr.DataArray:
    """The image at one channel, given by name or index; where there are several, one has to be given."""
    index = channel_index(image, channel)
    return image if index is None else image.isel(c=index, drop=True)


def channel_index(image: xr.DataArray, channel: str | int | None) -> int | None:
    """The index of the channel that is meant; None where the image has no channels."""
    names = channel_names(image)
    if not names:
        if channel is not None and not (_is_index(channel) and channel == 0):
            raise ParameterError(f"Got the channel {channel!r}; the image has no channels. Leave it out.")
        return None
    listed = ", ".join(f"{index} ({name})" if name != str(index) else name for index, name in enumerate(names))
    if channel is None:
        if len(names) > 1:
            raise ParameterError(
                f"The image has {len(names)} channels: {listed}. Choose one with channel=… (command line: --channel)."
            )
        channel = 0
    if isinstance(channel, str):
        if names.count(channel) > 1:
            raise ParameterError(f"Got the channel {channel!r}, and several have that name: {listed}. Give its number.")
        index = names.index(channel) if channel in names else int(channel) if channel.isdecimal() else -1
    else:
        index = int(channel) if _is_index(channel) else -1
    if not 0 <= index < len(names):
        raise ParameterError(f"Got the channel {channel!r}; the image has {listed}.")
    return index


def _is_index(value: object) -> bool:
    """Whether a value counts; 1.9 and True do not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
