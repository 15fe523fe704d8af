"""What DataArrays are made of, in a form that xarray takes as it is.

Of an array that it is given as such, xarray asks whether dask made it; to ask, it loads all of dask, which takes
longer than most of what is done to a small image. xarray itself is loaded with this module, when there is an image:
what is known of a file needs none.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from xarray.indexes import PandasIndex

from isoscale_ij.image.accessor import Iso  # noqa: F401  (with the first image, there is image.iso)


def data_array(
    dims: Sequence[Hashable],
    values: Any,
    attrs: Mapping[Any, Any] | None = None,
    *,
    coords: Mapping[Any, Any] | None = None,
    name: Hashable | None = None,
) -> xr.DataArray:
    """Values of any kind, with what belongs to them."""
    taken = type(values) is np.ndarray and values.dtype.kind not in "OMm"  # these, and other arrays, it converts
    return xr.DataArray(xr.Variable(tuple(dims), values, attrs, fastpath=taken), coords, name=name)


def coordinate(axis: str, positions: NDArray[Any], attrs: Mapping[Any, Any] | None = None) -> xr.Variable:
    """The coordinate of an axis: the positions along it, or the names of channels."""
    index = PandasIndex(pd.Index(positions), axis, coord_dtype=positions.dtype)
    made = index.create_variables()[axis]
    made.attrs = dict(attrs or {})
    return made
