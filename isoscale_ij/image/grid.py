"""Where the voxels of an image lie: taken from the image once, and handed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isoscale_ij.errors import CalibrationError
from isoscale_ij.image.axes import CALIBRATED, SPATIAL
from isoscale_ij.image.calibration import axis_unit, grid, spacing
from isoscale_ij.image.possible import mean_step, one_unit, possible_size
from isoscale_ij.image.units import convert

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Grid:
    """The grid of an image, without its values.

    Attributes
    ----------
    sizes : mapping of str to int
        Voxels on each axis of the image, in the order of its dims.
    spacings : mapping of str to float
        Voxel size and time step of the calibrated axes.
    units : mapping of str to (str or None)
        Their units.
    edges : mapping of str to float
        Their lower edges: where the image begins.
    """

    sizes: Mapping[str, int]
    spacings: Mapping[str, float]
    units: Mapping[str, str | None]
    edges: Mapping[str, float]

    @classmethod
    def of(cls, image: xr.DataArray) -> Grid:
        """The grid of a calibrated image (see :func:`isoscale_ij.as_image`)."""
        spacings = {
            axis: size for axis in CALIBRATED if axis in image.dims and (size := spacing(image, axis)) is not None
        }
        known = image.coords.variables
        return cls(
            sizes={str(axis): int(count) for axis, count in image.sizes.items()},
            spacings=spacings,
            units={axis: axis_unit(image, axis) for axis in spacings},
            edges={axis: float(known[axis].values[0]) - size / 2 for axis, size in spacings.items()},
        )

    @property
    def spatial(self) -> tuple[str, ...]:
        """Those of z, y, x that the image has."""
        return tuple(axis for axis in SPATIAL if axis in self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels on each axis."""
        return tuple(self.sizes.values())

    @property
    def voxel_size(self) -> dict[str, float]:
        """Voxel size of the calibrated ones of z, y, x."""
        return {axis: self.spacings[axis] for axis in self.spatial if axis in self.spacings}

    @property
    def unit(self) -> str | None:
        """The unit of lengths: that of x, else of y, else of z."""
        return next((self.units[axis] for axis in reversed(SPATIAL) if axis in self.units), None)

    def size(self, axis: str) -> float:
        """Voxel size on an axis; 1 where it is not calibrated."""
        return self.spacings.get(axis, 1.0)

    def rescaled(self, sizes: Mapping[str, int], spacings: Mapping[str, float]) -> Grid:
        """The grid with other numbers of voxels of other sizes on some axes, in the same place."""
        known = {axis: size for axis, size in spacings.items() if axis in self.spacings}
        return Grid({**self.sizes, **sizes}, {**self.spacings, **known}, self.units, self.edges)

    def in_one_unit(self) -> Grid:
        """The same with all lengths in the unit of x, as far as there can be such an image.

        Numbers are those that the coordinates of the image give, to the last bit: an edge is half a voxel before the
        first centre.

        Raises
        ------
        CalibrationError
            If units are missing or cannot be converted, or the coordinates would not rise.
        """
        common = one_unit({axis: unit for axis, unit in self.units.items() if axis in SPATIAL})
        units = {axis: unit if axis == "t" else common for axis, unit in self.units.items()}
        spacings, edges = {}, {}
        for axis, old in self.spacings.items():
            count, first = self.sizes[axis], self.edges[axis] + old / 2
            centres = first, first + (count - 1) * old
            converted = [convert(centre, self.units[axis], units[axis]) for centre in centres]
            for begin, end in (centres, converted):
                if count > 1:
                    mean_step(axis, begin, end, count)
            spacings[axis] = possible_size(convert(old, self.units[axis], units[axis]), axis)
            edges[axis] = converted[0] - spacings[axis] / 2
        return Grid(self.sizes, spacings, units, edges)

    def differences(self, other: Grid, *, size: float, place: float) -> Iterator[tuple[str, str, float, float]]:
        """Where `other` has voxels of another size, or begins elsewhere, as far as both are known.

        Parameters
        ----------
        other : Grid
            Of the same number of voxels. Axes of which one has a unit and the other has none are not compared.
        size, place : float
            By how much of a voxel they may differ.

        Yields
        ------
        (axis, "size" or "place", ours, the other's), both in our unit of the axis
        """
        for axis in (axis for axis in self.spacings if axis in other.spacings):
            ours, unit = self.spacings[axis], self.units[axis]
            try:
                theirs, begin = (convert(each[axis], other.units[axis], unit) for each in (other.spacings, other.edges))
            except CalibrationError:
                continue
            if abs(theirs - ours) > size * ours:
                yield axis, "size", ours, theirs
            elif abs(begin - self.edges[axis]) > place * ours:
                yield axis, "place", self.edges[axis], begin

    def coordinates(self) -> dict[str, xr.Variable]:
        """The coordinates of the calibrated axes."""
        return {
            axis: grid(axis, self.sizes[axis], size, self.edges[axis], self.units[axis])
            for axis, size in self.spacings.items()
        }
