"""What an edge (a file format, ImageJ) finds out about an image before it loads a voxel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.errors import CalibrationError, FormatError
from isoscale_ij.image.axes import AXES, CALIBRATED, check_axes, check_values
from isoscale_ij.image.calibration import CalibrationWarning, as_image
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.possible import possible_size
from isoscale_ij.image.units import VOXEL, canonical_unit

if TYPE_CHECKING:
    import xarray as xr

Region: TypeAlias = Mapping[str, slice]
"""A part of an image: which voxels of each axis; all of them on axes that are not named."""

_LONGEST = 1 << 24  # voxels of an axis; no image has more, damaged files say so, and each takes a coordinate
_MOST_NUMBERS = 1 << 16  # of an attribute; an array of more is an image of its own
_LISTED = 6
_NUMBER, _NO_JSON = "isoscale.number", ("nan", "inf", "-inf")  # {"isoscale.number": "nan"}
_DIGITS = 1e-12  # of a position are left for the size of a voxel, at the least


@dataclass
class Axis:
    """The calibration of an axis as an edge has it: in its own unit, not yet checked.

    `lower` is the lower edge, in the same unit. A size that is text is what stands in the file.
    """

    size: float | str | None = None
    unit: str | None = None
    lower: float = 0.0


@dataclass
class Header:
    """An image that lies somewhere, without its values.

    Attributes
    ----------
    dims, shape : tuple
        The axes in the order in which they lie there; axes of length 1 may be absent.
    dtype : dtype
        Of the image; what `load` gives is converted where another type holds it.
    load : callable
        Gives the values of a :data:`Region`, in that order of axes; of all for an empty one.
    axes : dict of Axis
    place : optional
        Where in the file the image is described, for who has to find that again.
    chunks : tuple of int, optional
        What is best loaded at a time, along each axis.
    scenes : list of str
        The names of all images in the file, in the order of their numbers; none where it is the only one.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    load: Callable[[Region], NDArray[Any]]
    axes: dict[str, Axis] = field(default_factory=dict)
    channels: list[str] | None = None
    name: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    place: int | None = None
    chunks: tuple[int, ...] | None = None
    scenes: list[str] = field(default_factory=list)

    @property
    def ordered(self) -> tuple[str, ...]:
        """The axes in the order of an image."""
        return tuple(axis for axis in AXES if axis in self.dims)

    def part(self, region: Region) -> NDArray[Any]:
        """The values of a region as the image has them: in its order of axes, in its type.

        Raises
        ------
        FormatError
            If another program has written values that are not of that type.
        """
        values = _as_declared(self.load(region), self.dtype)
        if values.dtype != self.dtype:
            raise FormatError(
                f"Got values of type {values.dtype} where {self.dtype} was said: another program has changed them. "
                "Read the image as a whole, without chunks."
            )
        return values.transpose([self.dims.index(axis) for axis in self.ordered])

    def image(self, *, values: bool = True, lazy: Any = None) -> xr.DataArray:
        """The calibrated image; without `values`, a stand-in of the same shape and type.

        `lazy` are the values, in the order of an image, where they are there already or will be.

        Raises
        ------
        FormatError
            If an axis is longer than that of any image.
        """
        from isoscale_ij.image.variables import coordinate, data_array

        attrs = self.attrs
        dims = self.dims
        sizes = self._sizes()
        if lazy is not None:
            data, dims = lazy, self.ordered
        elif values:
            data = _as_declared(self.load({}), self.dtype)
            if data.dtype != self.dtype and attrs.get("kind") == "labels":  # they were filtered
                attrs = {key: value for key, value in attrs.items() if key != "kind"}
        else:
            data = np.broadcast_to(np.zeros((), self.dtype), self.shape)
        image = data_array(dims, data, attrs, name=self.name).transpose(*sizes)
        coords = self._stored_grid(dict(zip(sizes, image.shape, strict=True))).coordinates()
        if self.channels and "c" in image.dims and len(self.channels) == image.sizes["c"]:
            coords["c"] = coordinate("c", np.array(self.channels))
        return as_image(image.assign_coords(coords))

    def grid(self) -> Grid:
        """What ``Grid.of(image(values=False))`` is, with the same warnings and errors; no image is made."""
        sizes = self._sizes()
        stored = self._stored_grid(sizes)
        check_axes(tuple(sizes))
        check_values(self.dtype, sizes)
        return stored.in_one_unit()

    @property
    def channel_names(self) -> list[str]:
        """The names of the channels; their numbers where they have none."""
        if "c" not in self.dims:
            return []
        count = self.shape[self.dims.index("c")]
        return self.channels if self.channels and len(self.channels) == count else list(map(str, range(count)))

    def _sizes(self) -> dict[str, int]:
        """Voxels on each axis, in the order of an image."""
        sizes = dict(zip(self.dims, self.shape, strict=True))
        for axis, count in sizes.items():
            if count > _LONGEST:
                raise FormatError(
                    f"Got {count} voxels on the axis {axis}; needed are {_LONGEST} or fewer. Is the file damaged?"
                )
        return {axis: int(sizes[axis]) for axis in self.ordered}

    def _stored_grid(self, sizes: dict[str, int]) -> Grid:
        """The calibration as it is stored, each axis in its own unit; what cannot be is left out, and said."""
        spacings: dict[str, float] = {}
        units: dict[str, str | None] = {}
        edges: dict[str, float] = {}
        wrong: dict[str, str] = {}
        for name in CALIBRATED:
            axis = self.axes.get(name)
            if name not in sizes or axis is None or axis.size is None:
                continue
            try:
                size = possible_size(axis.size, name)
            except CalibrationError as error:
                wrong[name] = str(error)
                continue
            lower = axis.lower
            if not abs(lower) * _DIGITS < size:
                wrong[f"where {name} begins"] = (
                    f"Got an origin on {name} that puts the image at {lower:g}, where voxels of {size:g} cannot be "
                    "told apart."
                )
                lower = 0.0
            unit = canonical_unit(axis.unit)
            spacings[name], units[name], edges[name] = size, None if unit == VOXEL else unit, float(lower)
        if wrong:
            remarks.warn(
                f"{' '.join(wrong.values())} Treated as uncalibrated: {', '.join(wrong)}; mend it with set_voxel_size "
                "(command line: isoscale-ij set-voxel-size).",
                CalibrationWarning,
            )
        return Grid(sizes, spacings, units, edges)


def cut(values: NDArray[Any], dims: tuple[str, ...], region: Region) -> NDArray[Any]:
    """The region of an array that is there as a whole."""
    return values[tuple(region.get(axis, slice(None)) for axis in dims)]


def _as_declared(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values in the type they had before they were stored; as they are, if another program changed them since."""
    if values.dtype == dtype:
        return values
    if dtype.kind == "b":
        return values != 0 if set(np.unique(values).tolist()) <= {0, 1, 255} else values
    with np.errstate(all="ignore"):
        converted = values.astype(dtype)
        return converted if np.array_equal(converted, values, equal_nan=values.dtype.kind == "f") else values


def json_like(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as strict JSON holds them; :func:`out_of_json` gives them back.

    NumPy's numbers become plain ones, tuples and arrays lists, and numbers that JSON has no word for marked texts. What
    cannot be held is left out, and that is said.
    """
    left_out: list[str] = []
    kept: dict[str, Any] = _json_dict(attrs, "", left_out)
    if left_out:
        remarks.warn(
            f"Got attributes that no file or ImagePlus holds, which are left out: {', '.join(left_out[:_LISTED])}"
            f"{', …' if len(left_out) > _LISTED else ''}. Needed are texts, numbers, and lists and dicts of them."
        )
    return kept


def out_of_json(value: Any) -> Any:
    """What :func:`json_like` was given.

    Examples
    --------
    >>> out_of_json(json_like({"threshold": (np.float64(171.0), float("nan"))}))
    {'threshold': [171.0, nan]}
    """
    if isinstance(value, list):
        return [out_of_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_NUMBER} and value[_NUMBER] in _NO_JSON:
        return float(value[_NUMBER])
    return {key: out_of_json(each) for key, each in value.items()}


def _json_dict(entries: Mapping[Any, Any], within: str, left_out: list[str]) -> dict[str, Any]:
    kept = {}
    for key, value in entries.items():
        name = f"{within}[{key!r}]" if within else str(key)
        try:
            kept[_json_key(key)] = _json_value(value, name, left_out)
        except (TypeError, RecursionError) as error:
            if within and isinstance(error, RecursionError):  # all of what holds itself is left out
                raise
            left_out.append(f"{name} ({type(value).__name__})")
    return kept


def _json_key(key: Any) -> str:
    if not isinstance(key, str | bool | int | float | np.generic | None):
        raise TypeError
    return str(key)


def _json_value(value: Any, name: str, left_out: list[str]) -> Any:
    """A value in JSON's types; a TypeError for what has none there."""
    if isinstance(value, np.ndarray) and value.size <= _MOST_NUMBERS:
        value = value.tolist()
    elif isinstance(value, np.floating):
        value = float(value)
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return _json_dict(value, name, left_out)
    if isinstance(value, list | tuple):
        return [_json_value(each, name, left_out) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: str(float(value))}
    if not isinstance(value, str | bool | int | float | None):
        raise TypeError
    return value
