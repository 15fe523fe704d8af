"""Small volumes to segment, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij import remarks

SIGMAS: dict[str, Any] = {"spot_sigma": "2 px", "outline_sigma": "1 px"}
RAW: dict[str, Any] = {"spot_sigma": 0, "outline_sigma": 0}


def blobs(seed: int, shape: tuple[int, ...] = (7, 20, 24), count: int = 5, blur: float = 1.5) -> np.ndarray:
    """Bright blobs of different height on a noisy ground."""
    rng = np.random.default_rng(seed)
    values = np.zeros(shape)
    for place in rng.integers(0, shape, (count, 3)):
        values[tuple(place)] += rng.uniform(0.5, 1)
    values = ndimage.gaussian_filter(values, (blur / 2, blur, blur))
    return (values / values.max() * 900 + rng.normal(100, 10, shape)).clip(0).astype(np.uint16)


def image(values: Any, dims: str = "zyx", size: Any = 1.0, unit: str | None = "um") -> xr.DataArray:
    return iso.as_image(values, dims, voxel_size=size, unit=unit)


def told(picture: xr.DataArray, **options: Any) -> tuple[xr.DataArray, list[str]]:
    """The labels, and what is said of them."""
    with remarks.heard() as heard:
        labels = iso.vol(picture, **options)
    assert all(remark.category is iso.SegmentationWarning for remark in heard)
    return labels, [remark.text for remark in heard]


def lone(share: tuple[int, int, int] = (10, 10, 10), height: float = 1000.0) -> np.ndarray:
    """One bright voxel on the slope towards a broad mass that a blur makes higher: above 500 no maximum of a blur."""
    values = np.zeros(share)
    values[:, :, share[2] // 2 :] = 400
    values[share[0] // 2, share[1] // 2, share[2] // 2 - 1] = height
    return values
