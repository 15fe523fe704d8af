"""What DataArrays are made of, in a form that xarray takes as it is.

Of an array that it is given as such, xarray asks whether dask made it; to ask, it loads all of dask, which takes
longer than most of what is done to a small image.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from xarray.indexes import PandasIndex


def variable(dims: Sequence[Hashable], values: Any, attrs: Mapping[Any, Any] | None = None) -> xr.Variable:
    """The values of an image, to be handed to ``xr.DataArray``."""
    taken = type(values) is np.ndarray and values.dtype.kind not in "OMm"  # these, and other arrays, it converts
    return xr.Variable(tuple(dims), values, attrs, fastpath=taken)


def coordinate(axis: str, positions: NDArray[Any], attrs: Mapping[Any, Any] | None = None) -> xr.Variable:
    """The coordinate of an axis: the positions along it, or the names of channels."""
    index = PandasIndex(pd.Index(positions), axis, coord_dtype=positions.dtype)
    made = index.create_variables()[axis]
    made.attrs = dict(attrs or {})
    return made
