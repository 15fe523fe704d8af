"""Which voxel sizes, positions and units there can be: the checks that an image and the header of a file share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isoscale_ij.errors import CalibrationError


def possible_size(size: Any, axis: str) -> float:
    """`size` as a float, or a CalibrationError if no voxel can have it."""
    what = "time step" if axis == "t" else "voxel size"
    try:
        value = float(size)
    except (TypeError, ValueError):
        raise CalibrationError(f"Got the {what} {size!r} on {axis}; needed is a finite number above 0.") from None
    if not math.isfinite(value) or value <= 0:
        raise CalibrationError(f"Got the {what} {size} on {axis}; needed is a finite number above 0.")
    return value


def mean_step(axis: str, first: float, last: float, count: int) -> float:
    """The step between several voxel centres, or a CalibrationError if the last one is not elsewhere than the first."""
    step = (last - first) / (count - 1)
    if not math.isfinite(step) or step == 0:
        raise CalibrationError(f"The coordinates of {axis} do not rise: they go from {first:g} to {last:g}.")
    return step


def one_unit(units: Mapping[str, str | None]) -> str | None:
    """The unit of all lengths, given that of each calibrated one of z, y, x: that of the last of them.

    Raises
    ------
    CalibrationError
        If there are units on some axes and none on others.
    """
    common = [*units.values()][-1] if units else None
    if any((unit is None) != (common is None) for unit in units.values()):
        raise CalibrationError(
            f"Got units on some axes and none on others ({dict(units)}); needed is one on each. "
            "Set it with set_voxel_size(…, unit=…) or as coords' attrs['units']."
        )
    return common
