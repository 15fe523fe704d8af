"""Which part of an image is seen in the viewer, and as few voxels of it as a preview needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from isoscale_ij.image.axes import our_axis

_ENOUGH = 2_000_000  # voxels of a preview: labelled in 0.1 to 0.2 s on two cores
_COARSEST = 4


def visible_part(viewer: Any, layer: Any, image: xr.DataArray, depth: int) -> xr.DataArray:
    """What of `image`, the image of `layer`, is in view: of axes with a slider the place, `depth` voxels around it.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : napari layer
    image : DataArray
        It may lack the layer's channels.
    depth : int
        Voxels in z on either side of the plane that is seen.
    """
    corners = np.asarray(layer.corner_pixels)
    place = np.asarray(layer.world_to_data(viewer.dims.point[-layer.ndim :]))
    beside = viewer.dims.ndim - layer.ndim
    displayed = {axis - beside for axis in viewer.dims.displayed}
    names = [our_axis(label) for label in layer.axis_labels]
    if not {"y", "x"} <= set(names):
        names = list(map(str, image.dims[-layer.ndim :]))
    part = {}
    for index, axis in enumerate(names):
        if axis not in image.dims:
            continue
        count = image.sizes[axis]
        if index in displayed:
            first, last = math.floor(corners[0, index]), math.ceil(corners[1, index]) + 1
        else:
            middle = min(max(round(float(place[index])), 0), count - 1)
            around = depth if axis == "z" else 0
            first, last = middle - around, middle + around + 1
        first = min(max(first, 0), count - 1)
        part[axis] = slice(first, max(first + 1, min(last, count)))
    return image.isel(part)


def thinned(image: xr.DataArray) -> xr.DataArray:
    """Every second, third or fourth voxel in y and x, where there are many."""
    step = min(max(1, math.ceil(math.sqrt(image.size / _ENOUGH))), _COARSEST)
    return image.isel(y=slice(None, None, step), x=slice(None, None, step)) if step > 1 else image
