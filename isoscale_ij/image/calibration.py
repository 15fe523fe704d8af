"""What a calibrated image is; the only place that reads or writes calibration on a DataArray.

A calibrated image is an :class:`xarray.DataArray` with dims out of ``t c z y x``, in that order.
On t, z, y and x it has coordinates: the float64 positions of the voxel **centres**, with the
voxel size in ``attrs["spacing"]`` and the unit in ``attrs["units"]``. An axis without
coordinates is uncalibrated. ``attrs["kind"] == "labels"`` marks a label image.

A voxel covers an extent; the image begins at the *lower edge* of its first voxel. Without a
stated position that is 0, and the first centre is at half a voxel.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from isoscale_ij.carrying import is_data_array, takes_images
from isoscale_ij.errors import PUBLIC, CalibrationError, ParameterError
from isoscale_ij.image.arrays import as_values, with_numbers
from isoscale_ij.image.axes import (
    CALIBRATED,
    SPATIAL,
    axis_names,
    check_axes,
    check_values,
    per_axis,
    with_our_axes,
)
from isoscale_ij.image.possible import mean_step, one_unit, possible_size
from isoscale_ij.image.units import (
    VOXEL,
    LengthLike,
    canonical_unit,
    convert,
    is_time,
    known_unit,
    parse_length,
    symbol,
)

if TYPE_CHECKING:
    import xarray as xr

VoxelSizeLike: TypeAlias = LengthLike | Mapping[str, LengthLike] | Sequence[LengthLike]

_SAME_SPACING = 1e-6  # a stated spacing counts while it agrees with the coordinates so far
_UNEQUAL_STEP = 1e-3  # of a step


class Attributed(Protocol):
    """What has attributes: an image, or what is known of it before it is one."""

    @property
    def attrs(self) -> Mapping[Any, Any]:
        """As those of a DataArray."""


class CalibrationWarning(UserWarning):
    """A calibration is missing, impossible or looks wrong."""

    __module__ = PUBLIC


@takes_images("array", back=False)
def as_image(
    array: Any,
    dims: str | Sequence[str] | None = None,
    voxel_size: VoxelSizeLike | None = None,
    unit: str | None = None,
    origin: VoxelSizeLike | None = None,
) -> xr.DataArray:
    """Make a calibrated image of any array; its memory is shared where the order of axes allows.

    Parameters
    ----------
    array : array_like or DataArray
        2 to 5 dimensions, boolean, integer or real. A DataArray keeps its coordinates, taken as
        voxel centres, its name and its attributes.
    dims : str or sequence of str, optional
        The axes, for example ``"zyx"`` or ``("t", "z", "y", "x")``. Upper case (bioio) and
        ``pln row col ch`` (pyimagej) are understood. By default ``yx``, ``zyx`` or ``tczyx``.
    voxel_size : length, sequence or mapping, optional
        One length for z, y and x; a sequence in the order of the spatial axes; or a mapping from
        axes (t as well) to lengths. By default what a DataArray brings, otherwise uncalibrated.
    unit : str, optional
        The unit of plain numbers in `voxel_size` and `origin`.
    origin : length, sequence or mapping, optional
        The lower edge of the image on each axis; by default 0.

    Returns
    -------
    DataArray
        With dims out of ``t c z y x``, in that order.

    Raises
    ------
    FormatError
        For other types or numbers of dimensions, empty axes, unknown or repeated axes.
    CalibrationError
        For impossible voxel sizes, coordinates in unequal steps, units that do not go together.

    Examples
    --------
    >>> import numpy as np
    >>> stack = np.zeros((66, 512, 1024), np.uint16)
    >>> image = as_image(stack, "zyx", voxel_size=(1.5, 0.16, 0.16), unit="um")
    >>> voxel_size(image)
    {'z': 1.5, 'y': 0.16, 'x': 0.16}
    >>> float(image.z[0]), image.z.attrs["units"]
    (0.75, 'micrometer')
    """
    image = _named(array, dims)
    check_values(image.dtype, image.sizes)
    image = with_numbers(image)
    if voxel_size is not None or unit is not None:
        sizes = {} if voxel_size is None else per_axis(image.dims, voxel_size, "voxel_size", allowed=CALIBRATED)
        image = _with_voxel_size(image, sizes, known_unit(unit, "unit"), {})
    if origin is not None:
        image = _with_origin(image, per_axis(image.dims, origin, "origin", allowed=CALIBRATED))
    return _normalized(image)


def _named(array: Any, dims: str | Sequence[str] | None) -> xr.DataArray:
    """A DataArray with our names of axes, in our order."""
    from isoscale_ij.image.variables import data_array

    if not is_data_array(array):
        values, names = as_values(array, dims)
        check_axes(names)
        return with_our_axes(data_array(names, values))
    if dims is None:
        return with_our_axes(array)
    names = axis_names(dims, array.shape)
    check_axes(names)
    return with_our_axes(array.rename(dict(zip(array.dims, names, strict=True))))


@takes_images("image", values=False)
def voxel_size(image: Any) -> dict[str, float]:
    """Voxel size of the calibrated ones of z, y, x, in one unit (that of x).

    Examples
    --------
    >>> import numpy as np
    >>> voxel_size(as_image(np.zeros((4, 8, 8)), voxel_size={"z": "900 nm", "y": 0.2, "x": 0.2}, unit="um"))
    {'z': 0.9, 'y': 0.2, 'x': 0.2}
    """
    image = as_image(image)
    common = length_unit(image)
    sizes = {}
    for axis in SPATIAL:
        size = spacing(image, axis)
        if size is not None:
            sizes[axis] = convert(size, axis_unit(image, axis), common)
    return sizes


@takes_images("image", in_place=True)
def set_voxel_size(
    image: Any,
    *,
    z: LengthLike | None = None,
    y: LengthLike | None = None,
    x: LengthLike | None = None,
    t: LengthLike | None = None,
    unit: str | None = None,
    time_unit: str | None = None,
    origin: VoxelSizeLike | None = None,
) -> xr.DataArray:
    """The same image with another calibration: same shape, same memory; its lower edge stays.

    Parameters
    ----------
    image : DataArray
    z, y, x : length, optional
        New voxel sizes: numbers in `unit`, or in the image's unit, or strings as ``"1.5 um"``.
        Axes that are not named keep their size.
    t : length, optional
        The new time step: a number in `time_unit`, or a string as ``"30 s"``.
    unit, time_unit : str, optional
        New units. Sizes that are kept are converted from a known unit.
    origin : length, sequence or mapping, optional
        A new lower edge.

    Returns
    -------
    DataArray
        Sharing its values with `image`.

    Raises
    ------
    CalibrationError
        If a size is zero, negative or not finite, or a unit cannot be converted.
    ParameterError
        If an axis is named that the image does not have.

    Examples
    --------
    >>> import numpy as np
    >>> image = set_voxel_size(as_image(np.zeros((4, 8, 8))), z=1.5, y=0.16, x=0.16, unit="um")
    >>> voxel_size(image)
    {'z': 1.5, 'y': 0.16, 'x': 0.16}
    """
    image = as_image(image)
    sizes = {axis: size for axis, size in (("t", t), ("z", z), ("y", y), ("x", x)) if size is not None}
    for axis in sizes:
        if axis not in image.dims:
            raise ParameterError(f"Got a size for {axis}; the image has the axes {', '.join(map(str, image.dims))}.")
    units = {"t": known_unit(time_unit, "time_unit")}
    lengths_in = known_unit(unit, "unit")
    if unit is not None and lengths_in is None:
        raise CalibrationError("Got an empty unit; needed is one, as um. Leave it out to keep that of the image.")
    if lengths_in == VOXEL and (known := length_unit(image)) is not None:
        raise CalibrationError(
            f"Got {unit} as unit of an image in {symbol(known)}; needed is a unit of length. To take the calibration "
            'away, drop its coordinates: image.drop_vars(["z", "y", "x"]).'
        )
    image = _with_voxel_size(image, sizes, lengths_in, units)
    if origin is not None:
        image = _with_origin(image, per_axis(image.dims, origin, "origin", allowed=CALIBRATED))
    return _normalized(image)


def spacing(image: xr.DataArray, axis: str) -> float | None:
    """Voxel size or time step on one axis, in the axis's own unit; None where it is uncalibrated."""
    coord = _coordinates(image).get(axis)
    if coord is None or axis not in image.dims:
        return None
    stated = _number(coord.attrs.get("spacing"))
    if coord.size == 1:
        return possible_size(stated, axis) if stated is not None else None
    centres = np.asarray(coord.values, np.float64)
    steps = np.diff(centres)
    step = mean_step(axis, float(centres[0]), float(centres[-1]), coord.size)
    kind = coord.dtype if coord.dtype.kind == "f" else np.dtype(np.float64)
    rounding = 2 * float(np.spacing(np.abs(centres).max().astype(kind)))  # far from 0, few digits are left
    worst = int(np.argmax(np.abs(steps - step)))
    if not abs(steps[worst] - step) <= _UNEQUAL_STEP * abs(step) + rounding:
        raise CalibrationError(
            f"Got unequal steps on {axis}: {steps[worst]:g} between voxel {worst} and {worst + 1}, {step:g} on "
            f"average; needed are equal steps. Resample the image onto equal steps, or drop the coordinates of {axis}."
        )
    if step < 0:
        raise CalibrationError(
            f"Got coordinates of {axis} that fall (steps of {step:g}); needed are rising ones. "
            f"Turn the axis around with image.isel({axis}=slice(None, None, -1))."
        )
    if stated is not None and abs(stated - step) <= _SAME_SPACING * step + rounding / (coord.size - 1):
        return stated
    return step


def _coordinates(image: xr.DataArray) -> Mapping[Hashable, xr.Variable]:
    """The coordinates as plain variables: to make a DataArray of each takes longer than all that is done here."""
    variables: Mapping[Hashable, xr.Variable] = image.coords.variables
    return variables


def axis_unit(image: xr.DataArray, axis: str) -> str | None:
    """The canonical unit of one axis, or None."""
    coord = _coordinates(image).get(axis)
    unit = None if coord is None else coord.attrs.get("units")
    return None if unit is None or canonical_unit(str(unit)) == VOXEL else canonical_unit(str(unit))


def length_unit(image: xr.DataArray) -> str | None:
    """The unit in which lengths of the image are given: that of x, else of y, else of z."""
    for axis in reversed(SPATIAL):
        if spacing(image, axis) is not None:
            return axis_unit(image, axis)
    return None


def lower_edge(image: xr.DataArray, axis: str) -> float:
    """Where the image begins on a calibrated axis: half a voxel before its first centre."""
    size = spacing(image, axis)
    if size is None:
        raise CalibrationError(f"The image has no calibration on {axis}; set it with set_voxel_size.")
    return float(_coordinates(image)[axis].values[0]) - size / 2


def grid(axis: str, count: int, size: float, lower: float, unit: str | None) -> xr.Variable:
    """The coordinates of an axis of `count` voxels of `size`, that begins at `lower`."""
    from isoscale_ij.image.variables import coordinate

    attributes: dict[str, Any] = {"spacing": float(size)}
    if unit is not None:
        attributes["units"] = unit
    return coordinate(axis, lower + size / 2 + np.arange(count) * size, attributes)


def is_labels(image: Attributed) -> bool:
    """Whether the image is a label image."""
    return image.attrs.get("kind") == "labels"


def mark_as_labels(image: xr.DataArray) -> xr.DataArray:
    """The same image, marked as a label image."""
    return image.assign_attrs(kind="labels")


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _with_voxel_size(
    image: xr.DataArray, sizes: Mapping[str, LengthLike], unit: str | None, other_units: Mapping[str, str | None]
) -> xr.DataArray:
    """New sizes on the axes that have one in `sizes`, new units on all; the lower edge stays."""
    lengths = {axis: parse_length(value, f"the size of {axis}") for axis, value in sizes.items()}
    coords = {}
    for axis in CALIBRATED:
        if axis not in image.dims:
            continue
        old, old_unit = spacing(image, axis), axis_unit(image, axis)
        new_unit = other_units.get(axis) if axis == "t" else unit
        if axis in lengths:
            length = lengths[axis]
            if length.unit == VOXEL:
                raise CalibrationError(f"Got {length} as the size of {axis}; needed is a physical length.")
            if new_unit is None:
                known = old_unit if axis == "t" else old_unit or length_unit(image)
                new_unit = known or length.unit or _unit_beside(lengths, axis)
            if length.unit is None and axis == "t" and new_unit is None:
                new_unit = "second"
            size = convert(length.value, length.unit or new_unit, new_unit)
        elif old is None or new_unit is None or new_unit == old_unit:
            continue
        else:
            size = convert(old, old_unit or new_unit, new_unit)
        if new_unit is not None and (not is_time(new_unit) if axis == "t" else is_time(new_unit)):
            needed = "time, for example s" if axis == "t" else "length, for example um"
            raise CalibrationError(f"Got the unit {new_unit} for {axis}; needed is a unit of {needed}.")
        possible_size(size, axis)
        lower = 0.0
        if old is not None:
            lower = convert(lower_edge(image, axis), old_unit or new_unit, new_unit)
        elif axis in image.coords:  # one slice of which the position is known
            centre = float(_coordinates(image)[axis].values[0])
            lower = convert(centre, old_unit or new_unit, new_unit) - size / 2
        coords[axis] = grid(axis, image.sizes[axis], size, lower, new_unit)
    return image.assign_coords(coords)


def _unit_beside(lengths: Mapping[str, Any], axis: str) -> str | None:
    """The unit stated for another spatial axis, for a plain number beside it."""
    if axis == "t":
        return None
    return next((length.unit for other, length in lengths.items() if other != "t" and length.unit), None)


def _with_origin(image: xr.DataArray, edges: Mapping[str, LengthLike]) -> xr.DataArray:
    coords = {}
    for axis, value in edges.items():
        size, unit = spacing(image, axis), axis_unit(image, axis)
        if size is None:
            raise CalibrationError(f"Got an origin for {axis}, which has no voxel size; give that as well.")
        length = parse_length(value, f"the origin on {axis}")
        lower = length.value * size if length.unit == VOXEL else convert(length.value, length.unit or unit, unit)
        coords[axis] = grid(axis, image.sizes[axis], size, lower, unit)
    return image.assign_coords(coords)


def _normalized(image: xr.DataArray) -> xr.DataArray:
    """The calibration as it is defined: one unit for lengths, its full name, the spacing stated."""
    from isoscale_ij.image.variables import coordinate

    known = _coordinates(image)
    # a single voxel may have a position, and no size
    sizes = {axis: size for axis in CALIBRATED if (size := spacing(image, axis)) is not None}
    common = one_unit({axis: axis_unit(image, axis) for axis in sizes if axis in SPATIAL})
    coords: dict[str, xr.Variable] = {}
    for axis, size in sizes.items():
        coord, unit = known[axis], axis_unit(image, axis)
        target = unit if axis == "t" else common
        if unit == target and coord.dtype == np.float64 and _attributes_agree(coord, size, unit):
            continue
        centres = np.asarray(coord.values, np.float64)
        if coord.dtype != np.float64 and coord.size > 1:  # with all digits, the steps are equal
            centres = centres[0] + np.arange(coord.size) * size
        if unit != target:
            centres = np.array([convert(float(centre), unit, target) for centre in centres])
        attributes = {**coord.attrs, "spacing": convert(size, unit, target)} | ({"units": target} if target else {})
        if target is None:
            attributes.pop("units", None)
        coords[axis] = coordinate(axis, centres, attributes)
    return image.assign_coords(coords) if coords else image


def _attributes_agree(coord: xr.Variable, size: float, unit: str | None) -> bool:
    return coord.attrs.get("spacing") == size and coord.attrs.get("units") == unit
