"""Lazy images for tests, and whether what is made of them in chunks is what is made in memory."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

import isoscale_ij as iso
from isoscale_ij.execution.chunks.lazy import as_dask
from isoscale_ij.execution.chunks.settings import working_in


class Here:
    """Reads an array that is in memory, as if it were elsewhere; it can be sent."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim

    def __getitem__(self, region: Any) -> Any:
        return self.values[region]


def lazily(image: xr.DataArray, chunks: int = 32) -> xr.DataArray:
    return image.copy(data=as_dask(Here(image.values), tuple(min(chunks, n) for n in image.shape)))


def assert_same_labels(image: xr.DataArray, block: tuple[int, int, int], **options: Any) -> xr.DataArray:
    """Labels, attributes and warnings, in blocks and in memory."""
    with warnings.catch_warnings(record=True) as in_memory:
        warnings.simplefilter("always")
        whole = iso.vol(image, engine="cpu", **options)
    with warnings.catch_warnings(record=True) as in_blocks, working_in(block=block):
        warnings.simplefilter("always")
        lazy = iso.vol(lazily(image), **options)
    np.testing.assert_array_equal(lazy.values, whole.values)
    assert lazy.dtype == whole.dtype
    assert repr(lazy.attrs) == repr(whole.attrs)
    assert [str(each.message) for each in in_blocks] == [str(each.message) for each in in_memory]
    return whole
