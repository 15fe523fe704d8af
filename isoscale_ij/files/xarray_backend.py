"""``xarray.open_dataarray(path, engine="isoscale")``: every format of the list, read region by region."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from isoscale_ij.files.failures import of_reading
from isoscale_ij.files.lazily import FileValues
from isoscale_ij.image.sources import remember

_DEFAULT_NAME = "image"


class _Values(BackendArray):
    """What xarray reads regions from, of whatever shape, without dask."""

    def __init__(self, values: FileValues) -> None:
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        values = indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._region)
        return np.asarray(values)

    def _region(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """By slices of any step, and single indices."""
        parts = [range(n)[k] if isinstance(k, slice) else range(k, k + 1) for k, n in zip(key, self.shape, strict=True)]
        if not all(len(part) for part in parts):
            empty = np.empty(tuple(map(len, parts)), self.dtype)
            return empty[tuple(slice(None) if isinstance(k, slice) else 0 for k in key)]
        whole = self.values[tuple(slice(min(part), max(part) + 1) for part in parts)]
        steps = tuple(slice(None, None, k.step) if isinstance(k, slice) else 0 for k in key)
        return np.asarray(whole[steps])


class IsoscaleBackend(BackendEntrypoint):
    """Opens image files as xarray opens others."""

    description = "Calibrated images: ImageJ TIFF, OME-TIFF, OME-Zarr"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "scene")

    def open_dataset(  # type: ignore[override]  # xarray's own engines add parameters as well
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        scene: str | int | None = None,
    ) -> xr.Dataset:
        """A dataset with one variable, the image."""
        path = Path(filename_or_obj)
        with of_reading(path):
            values = FileValues(path, scene)
            lazy = xr.Variable(values.header.ordered, indexing.LazilyIndexedArray(_Values(values)))
            image = values.header.image(lazy=lazy)
        dataset = remember(image, path).to_dataset(name=image.name or _DEFAULT_NAME)
        return dataset.drop_vars([drop_variables] if isinstance(drop_variables, str) else drop_variables or [])

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a name ends as those of TIFF do; of zarr there are other readers."""
        is_path = isinstance(filename_or_obj, (str, os.PathLike))
        return is_path and str(filename_or_obj).lower().endswith((".tif", ".tiff"))
