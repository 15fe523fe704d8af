"""What all comparisons work on: the synthetic volume, and the sigmas that its nuclei are sought with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xarray as xr

import isoscale_ij as iso

SPOT, OUTLINE = 1.8, 0.9  # µm
FULL, QUARTER = (66, 512, 1024), (66, 256, 512)

Run = Callable[[], Any]


def volume(*, quick: bool) -> xr.DataArray:
    """The synthetic volume that all tasks work on."""
    image, _ = iso.sample(shape=QUARTER if quick else FULL, seed=7, n_objects=105 if quick else 420)
    return image


WRONG = "DISAGREE:"
"""Begins what is said of results that are not the same thing; such a ratio does not count."""
