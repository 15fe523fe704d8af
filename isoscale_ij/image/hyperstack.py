"""What ImageJ says of an image beside its pixels, in ImageJ's own terms, and what that means.

An ImageJ TIFF, an ``ij.ImagePlus`` and what Fiji sends to a worker say the same things in different
clothes; here they become the header of a calibrated image, and a calibrated image becomes them. No
Java and no file is known here.

What ImageJ has no word for is in image properties: :mod:`.properties`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.errors import FormatError
from isoscale_ij.image import properties
from isoscale_ij.image.axes import CALIBRATED, SPATIAL, channel_names
from isoscale_ij.image.calibration import axis_unit, is_labels, lower_edge, spacing
from isoscale_ij.image.header import Axis, Header, Region, cut, json_like, out_of_json
from isoscale_ij.image.units import VOXEL, canonical_unit, convert, is_length

if TYPE_CHECKING:
    import xarray as xr

DIMS = ("t", "z", "c", "y", "x")  # the order in which ImageJ stores
PIXEL = "pixel"  # ImageJ's unit of an axis without one
SIGNED_16_BIT = {"cf": "0", "c0": "-32768.0", "c1": "1.0"}  # the value function that marks signed pixels

_UNIT_NAMES = {"micrometer": "micron", "nanometer": "nm", "millimeter": "mm", "centimeter": "cm", "meter": "m"}
_TIME_NAMES = {"second": "sec", "millisecond": "ms", "microsecond": "us", "minute": "min", "hour": "h"}
_FLOATS_TO_IMAGEJ = ("int32", "uint32")  # which files hold, and ImageJ opens as float32
_LOOKS = ("luts", "ranges")  # one for each channel
_MOST_16_BIT, _MOST_FLOAT = 2**16 - 1, 2**24


@dataclass
class Hyperstack:
    """An ImageJ image without its pixels; plain values, in ImageJ's terms.

    Attributes
    ----------
    width, height, channels, slices, frames : int
    dtype : str
        Of the pixels: uint8, uint16, float32; ImageJ TIFFs have int16, int32 and uint32 as well.
    rgb : bool
        Three bytes a pixel, which become three channels.
    sizes : dict of float
        Pixel width (x), height (y) and depth (z), and the frame interval (t). Absent: not known.
    units : dict of str
        As they are spelled.
    origins : dict of float
        Of x, y, z: in pixels, position = (pixel - origin) * size.
    title : str or None
    about : dict
        What only ImageJ knows, as in ``attrs["imagej"]``: mode, luts, ranges, info, slice_labels,
        roi, overlay, description (the value function and the rest of ImageJ's own keys).
    properties : dict of str
        Image properties, those of :mod:`.properties` among them.
    """

    width: int
    height: int
    channels: int = 1
    slices: int = 1
    frames: int = 1
    dtype: str = "uint8"
    rgb: bool = False
    sizes: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    origins: dict[str, float] = field(default_factory=dict)
    title: str | None = None
    about: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return self.channels * self.slices * self.frames

    @property
    def is_signed(self) -> bool:
        """Whether unsigned pixels stand for signed values."""
        described = self.about.get("description", {})
        return self.dtype == "uint16" and all(described.get(k) == v for k, v in SIGNED_16_BIT.items())

    @property
    def length_units(self) -> dict[str, str]:
        """As ImageJ has them: beside a calibrated axis, one of none is a pixel wide, in pixels; none if none is."""
        known = [axis for axis in SPATIAL if axis in self.sizes]
        there = [axis for axis in SPATIAL if axis != "z" or axis in known or self.slices > 1]
        return {axis: self.units.get(axis, PIXEL) if axis in known else PIXEL for axis in there if known}

    def header(
        self,
        load: Callable[[], NDArray[Any]],
        *,
        load_region: Callable[[Region], NDArray[Any]] | None = None,
        always_z: bool = False,
    ) -> Header:
        """The header of the image.

        Parameters
        ----------
        load : callable
            Gives the pixels, planes first, in any shape that holds t, z, c, y, x (and rgb) in that order.
        load_region : callable, optional
            Gives a part of them, for who need not load all; in the axes of the header.
        always_z : bool
            Whether a single plane has a z axis, where the image does not say that it has none.
        """
        own = self.properties
        sizes = {"t": self.frames, "z": self.slices, "c": self.channels, "y": self.height, "x": self.width}
        stated = own.get(properties.DIMS, "z" if always_z else "")
        dims = [axis for axis in DIMS if sizes[axis] > 1 or axis in "yx" or axis in stated]
        if self.rgb:
            dims = [axis for axis in dims if axis != "c"]
            sizes["c"] = 3
            dims.append("c")
        axes = self._axes()
        shape = tuple(sizes[axis] for axis in dims)
        signed = self.is_signed

        def values(region: Region) -> NDArray[Any]:
            pixels = cut(load().reshape(shape), tuple(dims), region) if load_region is None else load_region(region)
            return turn_sign_bit(pixels.astype(np.uint16, copy=False)) if signed else pixels

        dtype = np.dtype(own.get(properties.DTYPE) or ("int16" if signed else self.dtype))
        channels = json.loads(own[properties.CHANNELS]) if properties.CHANNELS in own else None
        unnamed = self.title is not None and own.get(properties.UNNAMED) == self.title
        name = None if unnamed else self.title or own.get(properties.NAME)
        return Header(tuple(dims), shape, dtype, values, axes, *self._attributes(dims, axes, channels, name))

    def _axes(self) -> dict[str, Axis]:
        """Sizes in the units of each axis; origins in pixels become lower edges."""
        own = self.properties
        units = {axis: canonical_unit(self.units.get(axis)) for axis in CALIBRATED}
        lengths = [self.sizes.get(axis) for axis in SPATIAL]
        origins = {axis: self.origins.get(axis) or 0.0 for axis in SPATIAL}
        with_units = any(is_length(units[axis]) for axis in SPATIAL)
        nothing = set(lengths) <= {1.0, None} and units["x"] in (None, VOXEL) and not any(origins.values())
        nothing &= not with_units
        calibrated = own.get(properties.CALIBRATED)
        axes = {}
        for axis in reversed(SPATIAL):
            size = self.sizes.get(axis)
            if calibrated is not None and axis not in calibrated and size in (1.0, None):
                continue
            if with_units and not is_length(units[axis]) and size in (1.0, None):  # a pixel beside a length is no size
                continue
            if (nothing and axis not in (calibrated or "")) or (size is None and axis == "z"):
                continue
            length = 1.0 if size is None else size  # x and y beside a calibrated axis, as ImageJ has it
            axes[axis] = Axis(length, self.units.get(axis), -origins[axis] * length)
        if self.sizes.get("t"):
            lower = float(own.get(properties.T_LOWER, 0.0))
            axes["t"] = Axis(self.sizes["t"], self.units.get("t") or "second", lower)
        return axes

    def _attributes(
        self, dims: list[str], axes: dict[str, Axis], channels: list[str] | None, name: str | None
    ) -> tuple[list[str] | None, str | None, dict[str, Any]]:
        """Channel names, name and attributes."""
        own, imagej = self.properties, {key: value for key, value in self.about.items() if value not in (None, {}, [])}
        if self.rgb:
            imagej["rgb"] = True
        described = {
            key: value
            for key, value in imagej.pop("description", {}).items()
            if not (self.is_signed and (key in SIGNED_16_BIT or key == "vunit"))
        }
        if described:
            imagej["description"] = described
        others = {key: value for key, value in own.items() if not key.startswith(properties.PREFIX)}
        if others:
            imagej["properties"] = others
        single = {
            axis: [axes[axis].size, axes[axis].unit, axes[axis].lower]
            for axis in ("t", "z")
            if axis in axes and axis not in dims
        }
        if single:  # an axis of one voxel, which ImageJ calibrates but this image does not have
            imagej["single"] = single
        spelled = {axis: self.units[axis] for axis in CALIBRATED if axis in axes and self.units.get(axis)}
        lengths = {unit for axis, unit in spelled.items() if axis != "t"}
        if len(lengths) > 1 or any(_spelled(canonical_unit(unit)) != unit for unit in spelled.values()):
            imagej["units"] = spelled
        labelled = _channels_from_labels(imagej.get("slice_labels", []), self.channels)
        if labelled is not None:  # the labels say nothing else
            imagej.pop("slice_labels")
        attrs: dict[str, Any] = out_of_json(json.loads(own.get(properties.ATTRS, "{}")))
        if properties.KIND in own:
            attrs["kind"] = own[properties.KIND]
        if imagej:
            attrs["imagej"] = imagej
        return channels if channels is not None else labelled, name, attrs


def hyperstack(image: xr.DataArray, dtype: np.dtype[Any]) -> Hyperstack:
    """What ImageJ is to say of an image whose pixels it holds as `dtype`."""
    rgb = is_rgb(image)
    sizes = {axis: int(image.sizes.get(axis, 1)) for axis in DIMS}
    channels = 1 if rgb else sizes["c"]
    imagej = of_channels(out_of_json(json_like(image.attrs.get("imagej", {}))), channels)
    single, spelled, kept = imagej.pop("single", {}), imagej.pop("units", {}), imagej.pop("properties", {})
    imagej.pop("rgb", None)
    count = channels * sizes["z"] * sizes["t"]
    if len(imagej.get("slice_labels", [])) != count:
        imagej.pop("slice_labels", None)
        if "c" in image.coords and channels > 1:
            imagej["slice_labels"] = channel_names(image) * (count // channels)
    stack = Hyperstack(
        sizes["x"], sizes["y"], channels, sizes["z"], sizes["t"], dtype.name, rgb, about=imagej,
        title=None if image.name is None else str(image.name),
        properties={str(key): str(value) for key, value in kept.items()},
    )  # fmt: skip
    calibration = _calibration(image, single, spelled)
    for axis, (size, unit, lower) in calibration.items():
        stack.sizes[axis] = size
        stack.units[axis] = unit
        if axis != "t" and lower:
            stack.origins[axis] = -lower / size
    stack.properties |= _own_properties(image, dtype, [axis for axis in calibration if axis != "t"])
    if "t" in calibration and calibration["t"][2]:
        stack.properties[properties.T_LOWER] = repr(calibration["t"][2])
    return stack


def of_channels(about: Mapping[str, Any], count: int) -> dict[str, Any]:
    """What ImageJ knows of an image, without tables and ranges of another number of channels; a single one is for all.

    Of channels that were cut out nothing tells which they were, and the first ones' looks are not theirs.

    Examples
    --------
    >>> of_channels({"ranges": [[0, 100], [5, 4000]], "mode": "color"}, 1)
    {'mode': 'color'}
    """
    return {
        key: value
        for key, value in about.items()
        if key not in _LOOKS or (value is not None and len(value) in (1, count))
    }


def is_rgb(image: xr.DataArray) -> bool:
    """Whether the channels are to be the red, green and blue of one RGB image."""
    return bool(image.attrs.get("imagej", {}).get("rgb")) and image.dtype == np.uint8 and image.sizes.get("c") == 3


def pixel_type(image: xr.DataArray, native: dict[str, str], mend: str) -> np.dtype[Any]:
    """The type in which ImageJ holds an image: its own, or what `native` names for it; labels as few bits as hold them.

    Raises
    ------
    FormatError
        For labels that no ImageJ image can hold, and types of which it holds nothing. Values are
        looked at by :func:`as_pixels`.
    """
    if not is_labels(image):
        name = image.dtype.newbyteorder("=").name
        if name not in native:
            raise FormatError(
                f"Got values of type {name}, which ImageJ does not hold; needed are {', '.join(native)}. "
                "Convert them, for example with image.astype('float64')."
            )
        return np.dtype(native[name])
    low, high = int(image.data.min()), int(image.data.max())
    if low < 0 or high > _MOST_FLOAT:
        raise FormatError(
            f"Got labels from {low} to {high}; an ImageJ image holds labels from 0 to {_MOST_FLOAT}. {mend}"
        )
    return np.dtype(np.uint16 if high <= _MOST_16_BIT else np.float32)


def turn_sign_bit(pixels: NDArray[Any]) -> NDArray[Any]:
    """Signed 16-bit values of the unsigned pixels by which ImageJ holds them, and back: 32768 less, or more.

    Examples
    --------
    >>> turn_sign_bit(np.array([0, 32769], np.uint16)).tolist()
    [-32768, 1]
    """
    other = np.int16 if pixels.dtype == np.uint16 else np.uint16
    return (pixels.view(np.uint16) ^ np.uint16(0x8000)).view(other)


def as_pixels(values: NDArray[Any], dtype: np.dtype[Any], mend: str) -> NDArray[Any]:
    """The values as `dtype`, C-contiguous.

    Raises
    ------
    FormatError
        Names a value that would not be the same in that type.
    """
    if values.dtype == bool:
        return np.ascontiguousarray(values, np.uint8) * np.uint8(255)
    with np.errstate(all="ignore"):
        pixels = np.ascontiguousarray(values, dtype)
        if np.can_cast(values.dtype, dtype):
            return pixels
        same = pixels.astype(values.dtype) == values
        if values.dtype.kind in "iu" and dtype.kind == "f":
            same &= pixels <= float(np.iinfo(values.dtype).max) * (1 - 2.0**-24)  # beyond, the way back is undefined
        if values.dtype.kind == "f":
            same |= np.isnan(values)
    if not same.all():
        wrong = values[~same].flat[0]
        raise FormatError(f"Got the value {wrong} of type {values.dtype}, which {dtype} does not hold. {mend}")
    return pixels


def _spelled(unit: str | None) -> str:
    return PIXEL if unit in (None, VOXEL) else _UNIT_NAMES.get(unit) or _TIME_NAMES.get(unit) or unit


def _calibration(
    image: xr.DataArray, single: dict[str, Any], spelled: dict[str, str]
) -> dict[str, tuple[float, str, float]]:
    """Size, unit as it is spelled and lower edge, an axis each; `single` is that of axes the image does not have.

    `spelled` are the units as ImageJ had them: they hold while the unit of x is the same.
    """
    known = {
        axis: (size, axis_unit(image, axis), lower_edge(image, axis))
        for axis in CALIBRATED
        if axis in image.dims and (size := spacing(image, axis)) is not None
    }
    known |= {
        axis: (size, canonical_unit(unit), lower)
        for axis, (size, unit, lower) in single.items()
        if axis not in image.dims and axis in CALIBRATED
    }
    unchanged = canonical_unit(spelled.get("x")) == known.get("x", (0, None, 0))[1]
    calibration = {}
    for axis, (size, unit, lower) in known.items():
        name = spelled.get(axis)
        other = canonical_unit(name)
        if name is None or not unchanged or (other != unit and not (is_length(unit) and is_length(other))):
            calibration[axis] = (size, _spelled(unit), lower)
        else:
            calibration[axis] = (convert(size, unit, other), name, convert(lower, unit, other))
    return calibration


def _own_properties(image: xr.DataArray, dtype: np.dtype[Any], calibrated: list[str]) -> dict[str, str]:
    """What ImageJ has no word for."""
    own = {}
    if is_labels(image):
        own[properties.KIND] = "labels"
    if image.dtype.newbyteorder("=") != dtype or dtype.name in _FLOATS_TO_IMAGEJ:
        own[properties.DTYPE] = image.dtype.newbyteorder("=").name
    if "c" in image.dims and "c" in image.coords:
        own[properties.CHANNELS] = json.dumps(channel_names(image))
    if "z" not in image.dims or any(image.sizes.get(axis) == 1 for axis in ("t", "c")) or image.sizes["z"] == 1:
        own[properties.DIMS] = "".join(map(str, image.dims))
    sizes = [spacing(image, axis) for axis in calibrated if axis in image.dims]
    unitless = bool(sizes) and set(sizes) == {1.0} and axis_unit(image, "x") is None
    if unitless or 0 < len(calibrated) < len(SPATIAL):
        own[properties.CALIBRATED] = "".join(calibrated)
    if image.name is not None:
        own[properties.NAME] = str(image.name)
    others = json_like({key: value for key, value in image.attrs.items() if key not in ("kind", "imagej")})
    if others:
        own[properties.ATTRS] = json.dumps(others)
    return own


def _channels_from_labels(labels: list[str], count: int) -> list[str] | None:
    """Slice labels that are the same in every slice of a channel name the channels."""
    if count == 1 or not labels or len(labels) % count:
        return None
    names = labels[:count]
    same = all(label == names[index % count] for index, label in enumerate(labels))
    return names if same and len(set(names)) == count and all(names) else None


def number(text: str | None) -> float | None:
    """A number as ImageJ writes it; NaN for what is none."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return math.nan
