"""Which axes an image has: their names, their order, the channels along c."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import xarray as xr

from isoscale_ij.errors import FormatError, ParameterError

AXES = ("t", "c", "z", "y", "x")
SPATIAL = ("z", "y", "x")
CALIBRATED = ("t", "z", "y", "x")

_OTHER_NAMES = {
    "pln": "z", "plane": "z", "slice": "z", "row": "y", "col": "x", "column": "x",
    "ch": "c", "channel": "c", "channels": "c", "time": "t", "frame": "t", "frames": "t",
}  # fmt: skip
_DEFAULT_DIMS = {2: ("y", "x"), 3: ("z", "y", "x"), 5: AXES}


def axis_names(dims: str | Sequence[str]) -> tuple[str, ...]:
    """``"zyx"`` or a sequence of names, as a tuple."""
    return tuple(dims)


def default_dims(shape: tuple[int, ...]) -> tuple[str, ...]:
    """The axes of an array that comes without names."""
    if len(shape) not in _DEFAULT_DIMS:
        mend = 'say which axes it has, for example dims="czyx"' if len(shape) == 4 else "give a 2D to 5D array"
        raise FormatError(f"Got an array of {len(shape)} dimensions, {shape}; {mend}.")
    return _DEFAULT_DIMS[len(shape)]


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


def check_values(image: xr.DataArray) -> None:
    """Raise a FormatError for types that are no grey values, and for empty axes."""
    if image.dtype.kind not in "buif":
        raise FormatError(
            f"Got values of type {image.dtype}; needed are booleans, integers or real numbers. "
            "Convert them first, for example abs(array) or array.astype(float)."
        )
    if 0 in image.shape:
        raise FormatError(f"Got an image without voxels, {dict(image.sizes)}; needed is at least one on every axis.")


def channel_names(image: xr.DataArray) -> list[str]:
    """The names of the channels; their numbers where they have none."""
    if "c" not in image.dims:
        return []
    if "c" in image.coords:
        return [str(name) for name in image.coords["c"].values]
    return [str(index) for index in range(image.sizes["c"])]


def choose_channel(image: xr.DataArray, channel: str | int | None) -> xr.DataArray:
    """The image at one channel, given by name or index; where there are several, one has to be given."""
    names = channel_names(image)
    if not names:
        if channel not in (None, 0):
            raise ParameterError(f"Got the channel {channel!r}; the image has no channels. Leave it out.")
        return image
    listed = ", ".join(f"{index} ({name})" if name != str(index) else name for index, name in enumerate(names))
    if channel is None:
        if len(names) > 1:
            raise ParameterError(
                f"The image has {len(names)} channels: {listed}. Choose one with channel=… (command line: --channel)."
            )
        channel = 0
    if isinstance(channel, str) and channel in names:
        index = names.index(channel)
    else:
        try:
            index = int(channel)
        except ValueError:
            index = -1
        if not 0 <= index < len(names):
            raise ParameterError(f"Got the channel {channel!r}; the image has {listed}.")
    return image.isel(c=index, drop=True)
