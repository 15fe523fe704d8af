"""One row per label, in physical units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.carrying import takes_images
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.protocol import Tally
from isoscale_ij.errors import ParameterError
from isoscale_ij.image.axes import SPATIAL, channel_names
from isoscale_ij.image.calibration import as_image, axis_unit, length_unit, spacing

if TYPE_CHECKING:
    import pandas as pd


@takes_images("labels", "image")
def measure(labels: Any, image: Any | None = None, *, engine: str = "auto") -> pd.DataFrame:
    """Size, place and brightness of each label.

    Parameters
    ----------
    labels : DataArray or array_like of int
        A label image, 2D or 3D, with or without t; 0 is background.
    image : DataArray or array_like, optional
        Intensities on the same grid, with or without c, for the mean intensities.
    engine : {"auto", "cpu", "opencl"}
        What to compute with.

    Returns
    -------
    DataFrame
        One row per label and time point. Columns: ``label``, ``t`` (index of the time point),
        ``n_voxels``, ``volume`` (2D: ``area``), ``equivalent_diameter`` (of the ball
        or disk of that size), ``centroid_z``, ``centroid_y``, ``centroid_x``; ``min_z`` … ``max_x``
        (the box that the voxels fill, edge to edge), ``n_slices`` (3D), ``touches_border``,
        ``mean_intensity`` or, for several channels, ``mean_intensity_NAME``.
        Lengths are in the unit of the image, positions as in its coordinates; without calibration in
        voxels, counted from the centre of the first. ``attrs["units"]`` maps columns to units.

    Raises
    ------
    ParameterError
        If `labels` are no integers, are negative, or `image` has another grid.

    Notes
    -----
    An object counts as touching the border in z only where there is more than one slice.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.zeros((4, 10, 10), np.int32)
    >>> values[1:3, 2:6, 2:6] = 1
    >>> table = measure(as_image(values, voxel_size=(2, 1, 1), unit="um"))
    >>> float(table.volume[0]), float(table.centroid_z[0]), table.attrs["units"]["volume"]
    (64.0, 4.0, 'micrometer^3')
    """
    import pandas as pd

    labels = as_image(labels)
    if labels.dtype.kind not in "iu" or "c" in labels.dims:
        raise ParameterError(
            f"Got labels of type {labels.dtype} with the axes {' '.join(map(str, labels.dims))}; "
            "needed are integers without c."
        )
    channels = _channels(labels, image)
    tables = []
    for t in range(labels.sizes.get("t", 1)):
        values = _volume(labels, t)
        if values.min() < 0:
            raise ParameterError(f"Got the label {values.min()}; needed are labels of 0 or more.")
        intensities = [_volume(channel, t) for channel in channels.values()]
        tally = get_engine(engine).tally(values, intensities, int(values.max()))
        table = pd.DataFrame(_columns(labels, tally, list(channels)))
        table.insert(1, "t", t)
        tables.append(table)
    result = pd.concat(tables, ignore_index=True)
    result.attrs["units"] = _units(labels)
    return result


def _channels(labels: xr.DataArray, image: Any | None) -> dict[str, xr.DataArray]:
    """The intensities by the name of their column."""
    if image is None:
        return {}
    image = as_image(image)
    sizes = {axis: size for axis, size in image.sizes.items() if axis != "c"}
    if sizes != dict(labels.sizes):
        raise ParameterError(
            f"Got labels of {dict(labels.sizes)} and an image of {sizes}; needed is the same grid. "
            "Rescale the one like the other."
        )
    names = channel_names(image)
    if not names:
        return {"mean_intensity": image}
    if len(names) == 1:
        return {"mean_intensity": image.isel(c=0)}
    return {f"mean_intensity_{name}": image.isel(c=index) for index, name in enumerate(names)}


def _volume(image: xr.DataArray, t: int) -> NDArray[Any]:
    values = np.asarray(image.data[t] if "t" in image.dims else image.data)
    return values if "z" in image.dims else values[np.newaxis]


def _columns(labels: xr.DataArray, tally: Tally, channels: list[str]) -> dict[str, Any]:
    axes = [axis for axis in SPATIAL if axis in labels.dims]
    present = np.flatnonzero(tally.n_voxels)
    count = tally.n_voxels[present]
    size = {axis: spacing(labels, axis) or 1.0 for axis in axes}
    first = {axis: float(labels.coords[axis][0]) if spacing(labels, axis) else 0.0 for axis in axes}
    content = count * np.prod(list(size.values()))
    flat = "z" not in axes
    columns: dict[str, Any] = {"label": present, "n_voxels": count}
    columns["area" if flat else "volume"] = content
    columns["equivalent_diameter"] = 2 * np.sqrt(content / np.pi) if flat else 2 * np.cbrt(content * 3 / (4 * np.pi))
    border = np.zeros(len(present), bool)
    for axis in axes:
        column = SPATIAL.index(axis)
        columns[f"centroid_{axis}"] = first[axis] + tally.index_sums[present, column] / count * size[axis]
    for axis in axes:
        column = SPATIAL.index(axis)
        lowest, highest = tally.lowest[present, column], tally.highest[present, column]
        columns[f"min_{axis}"] = first[axis] + (lowest - 0.5) * size[axis]
        columns[f"max_{axis}"] = first[axis] + (highest + 0.5) * size[axis]
        if labels.sizes[axis] > 1:
            border |= (lowest == 0) | (highest == labels.sizes[axis] - 1)
    if not flat:
        columns["n_slices"] = tally.n_slices[present]
    columns["touches_border"] = border
    for channel, name in enumerate(channels):
        columns[name] = tally.intensity_sums[channel, present] / count
    return columns


def _units(labels: xr.DataArray) -> dict[str, str]:
    """The unit of each column that has one."""
    calibrated = all(spacing(labels, axis) for axis in SPATIAL if axis in labels.dims)
    unit = (length_unit(labels) or "unknown") if calibrated else "voxel"
    power = 3 if "z" in labels.dims else 2
    units = {"area" if power == 2 else "volume": f"{unit}^{power}", "equivalent_diameter": unit}
    for axis in SPATIAL:
        if axis in labels.dims:
            own = (axis_unit(labels, axis) or "unknown") if spacing(labels, axis) else "voxel"
            units |= {f"{what}_{axis}": own for what in ("centroid", "min", "max")}
    return units
