"""What a target means for an image: a size, "finest", another axis or a factor -> the new voxel size of each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from isoscale_ij.errors import CalibrationError, ParameterError
from isoscale_ij.image.axes import per_axis
from isoscale_ij.image.calibration import VoxelSizeLike
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.possible import possible_size
from isoscale_ij.image.units import VOXEL, convert, parse_length, symbol
from isoscale_ij.operations.choices import EXTREMES, TARGETS
from isoscale_ij.operations.sensible import sensible_factor

Factor: TypeAlias = float | Mapping[str, float]


def target_voxel_size(grid: Grid, voxel_size: VoxelSizeLike | None, factor: Factor | None) -> dict[str, float]:
    """The new voxel size of each spatial axis, in the image's unit; in voxels where it is uncalibrated."""
    axes, known = grid.spatial, grid.voxel_size
    old = {axis: grid.size(axis) for axis in axes}
    if (voxel_size is None) == (factor is None):
        got = "neither a voxel_size nor a factor" if factor is None else "both a voxel_size and a factor"
        raise ParameterError(f'Got {got}; needed is one of the two, for example voxel_size="finest".')
    if factor is not None:
        factors = per_axis(grid.sizes, factor, "factor")
        for axis, value in factors.items():
            factors[axis] = sensible_factor(value, axis)
        return old | {axis: old[axis] / value for axis, value in factors.items()}
    if isinstance(voxel_size, str) and voxel_size in (*TARGETS, "t", "c"):
        _require_sizes(grid, [axis for axis in axes if grid.sizes[axis] > 1] or axes)
        if voxel_size in EXTREMES:
            size = (min if voxel_size == "finest" else max)(known.values())
        elif voxel_size in known:
            size = known[voxel_size]
        else:
            raise ParameterError(f"Got {voxel_size!r} as voxel_size; the image has the axes {', '.join(axes)}.")
        return old | dict.fromkeys(known, size)
    _refuse_other_words(voxel_size)
    assert voxel_size is not None
    new = dict(old)
    for axis, value in per_axis(grid.sizes, voxel_size, "voxel_size").items():
        length = parse_length(value, f"the voxel size on {axis}")
        if length.unit == VOXEL:
            new[axis] = possible_size(length.value, axis) * old[axis]
            continue
        possible_size(length.value, axis)
        if axis not in known and grid.sizes[axis] == 1 and not isinstance(voxel_size, Mapping):
            continue
        _require_sizes(grid, [axis])
        unit = grid.units.get(axis)
        if unit is None:
            raise CalibrationError(
                f"Got {length} as the voxel size on {axis}, but the image's voxel size of {old[axis]:g} has no unit. "
                'Set it with set_voxel_size(…, unit=…), or give the size in voxels ("2 px"), as "finest", or a factor.'
            )
        new[axis] = convert(length.value, length.unit or unit, unit)
    return new


def _refuse_other_words(voxel_size: object) -> None:
    if isinstance(voxel_size, str) and not any(character.isdigit() for character in voxel_size):
        raise ParameterError(
            f'Got {voxel_size!r} as voxel_size; needed is a number, a length as "1 um", or one of '
            f"{', '.join(TARGETS)}. For an isotropic image: finest (the smallest voxel size there is), coarsest (the "
            "largest), or x (that of x)."
        )


def _require_sizes(grid: Grid, axes: Sequence[str]) -> None:
    known = grid.voxel_size
    missing = [axis for axis in axes if axis not in known]
    if missing:
        raise CalibrationError(
            f"The image has no voxel size on {', '.join(missing)} (it has "
            + (
                ", ".join(f"{axis}: {size:g} {symbol(grid.units.get(axis))}".rstrip() for axis, size in known.items())
                or "none"
            )
            + "). Set it with set_voxel_size (command line: isoscale-ij set-voxel-size), or rescale by a factor."
        )
