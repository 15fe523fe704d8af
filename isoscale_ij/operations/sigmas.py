"""The sigmas of a Gaussian: from lengths, as a person gives them, to voxels on each axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from isoscale_ij.errors import CalibrationError, ParameterError
from isoscale_ij.image.axes import SPATIAL, per_axis
from isoscale_ij.image.calibration import VoxelSizeLike
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.units import VOXEL, Length, convert, parse_length, symbol
from isoscale_ij.operations.sensible import sensible_sigma

SigmaLike: TypeAlias = VoxelSizeLike
Triple: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Sigmas:
    """A Gaussian's sigmas in voxels (z, y, x), and whether they were given in voxels."""

    voxels: Triple
    in_voxels: bool


def resolve_sigmas(grid: Grid, sigma: SigmaLike, what: str) -> Sigmas:
    """A sigma as it was given, in voxels on each axis.

    Raises
    ------
    CalibrationError
        If it is physical and the image is not calibrated.
    ParameterError
        If it is negative, larger than the image, or an axis is missing from a mapping.
    """
    lengths = {
        axis: parse_length(value, f"{what} on {axis}")
        for axis, value in per_axis(grid.sizes, sigma, what, complete=True).items()
    }
    voxels = {axis: _in_voxels(grid, axis, length, what) for axis, length in lengths.items()}
    z, y, x = (voxels.get(axis, 0.0) for axis in SPATIAL)
    return Sigmas((z, y, x), all(length.unit == VOXEL for length in lengths.values()))


def _in_voxels(grid: Grid, axis: str, length: Length, what: str) -> float:
    count = grid.sizes[axis]
    sensible_sigma(length, what)
    size, unit = grid.spacings.get(axis), grid.units.get(axis)
    if length.unit == VOXEL:
        sigma = length.value
    elif size is None and count == 1 and axis == "z":
        return 0.0
    elif size is None or unit is None:
        lacking = "no voxel size" if size is None else "a voxel size without a unit"
        raise CalibrationError(
            f"Got {length} as {what}, a physical length, but the image has {lacking} on {axis}. Set it with "
            'set_voxel_size (command line: isoscale-ij set-voxel-size), or give the sigma in voxels, as "10 px".'
        )
    else:
        sigma = convert(length.value, length.unit or unit, unit) / size
    if count == 1:
        return 0.0
    if sigma > count:
        have = f"{count} voxels" + (f", {count * size:g} {symbol(unit)}," if size is not None else "")
        raise ParameterError(
            f"Got {length} as {what}, which is {sigma:.4g} voxels on {axis}; the image has {have} there. "
            "Choose a sigma smaller than the image, or one for each axis."
        )
    return sigma


def plain(sigma: SigmaLike) -> Any:
    """A sigma as it was given, in types that JSON knows."""
    if isinstance(sigma, Mapping):
        return {str(axis): plain(value) for axis, value in sigma.items()}
    if hasattr(sigma, "ndim"):
        sigma = np.asarray(sigma).tolist()
    if isinstance(sigma, (list, tuple)):
        return [plain(value) for value in sigma]
    return sigma if isinstance(sigma, str) else float(sigma)  # type: ignore[arg-type]
