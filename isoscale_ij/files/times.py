"""The time step of a series whose time points were measured, each by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isoscale_ij import remarks
from isoscale_ij.image.calibration import CalibrationWarning
from isoscale_ij.wording import short

_EVEN = 0.1  # of a step; clocks of microscopes are no better than some hundredths


def regular_step(seconds: Sequence[float]) -> float | None:
    """The mean time between time points; None where they tell none.

    Warns
    -----
    CalibrationWarning
        If they are far from evenly spaced.

    Examples
    --------
    >>> regular_step([0, 60.075, 120.15])
    60.075
    """
    times = np.asarray(seconds, np.float64)
    if times.size < 2 or not np.isfinite(times).all() or times[-1] <= times[0]:
        return None
    step = float(times[-1] - times[0]) / (times.size - 1)
    off = np.abs(times - times[0] - np.arange(times.size) * step).max()
    if off > _EVEN * step:
        apart = np.diff(times)
        remarks.warn(
            f"The time points are from {short(float(apart.min()))} to {short(float(apart.max()))} s apart; needed are "
            f"even steps, and the mean of {short(step)} s is taken. Set another with set_voxel_size(…, t=…).",
            CalibrationWarning,
        )
    return step
