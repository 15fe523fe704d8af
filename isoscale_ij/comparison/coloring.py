"""An object keeps its colour from picture to picture: label images on several grids, matched by what overlaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij.image.axes import SPATIAL
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.label_colors import glasbey
from isoscale_ij.operations.agreement import overlaps

_COLORS = 255  # that are told apart; of more objects, some share one


@dataclass(frozen=True)
class Colors:
    """The colours of the labels of one image.

    Attributes
    ----------
    labels : ndarray of int
        In rising order, with the background.
    numbers : ndarray of int
        The colour of each, 0 for background; equal numbers in two images mean the same object.
    """

    labels: NDArray[np.integer]
    numbers: NDArray[np.int64]

    def of(self, section: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Red, green and blue of a section."""
        numbers = self.numbers[np.searchsorted(self.labels, section)]
        return np.asarray(glasbey(_COLORS)[np.where(numbers > 0, (numbers - 1) % _COLORS + 1, 0)])


def at_points_of(labels: xr.DataArray, image: xr.DataArray) -> NDArray[np.integer]:
    """`labels` at the voxel centres of `image`."""
    if labels.shape == image.shape:
        return labels.to_numpy()
    grid, points = Grid.of(labels), Grid.of(image)
    index = []
    for axis in SPATIAL:
        centres = points.edges.get(axis, 0.0) + (np.arange(points.sizes[axis]) + 0.5) * points.size(axis)
        place = (centres - grid.edges.get(axis, 0.0)) / grid.size(axis)
        index.append(np.clip(np.floor(place), 0, grid.sizes[axis] - 1).astype(np.int64))
    return labels.to_numpy()[np.ix_(*index)]


def colors_by_object(images: Mapping[str, xr.DataArray], like: xr.DataArray, first: str) -> dict[str, Colors]:
    """Colours for several label images of one volume, in which an object has the same in all.

    Parameters
    ----------
    images : mapping of str to DataArray
        Label images, each on its own grid.
    like : DataArray
        On whose grid they are compared.
    first : str
        The one of `images` that numbers the colours; an object that only others have gets the next.
    """
    order = [first, *(name for name in images if name != first)]
    seen = np.zeros(like.shape, np.int64)  # the number of the object that was first seen at a voxel
    colors, following = {}, 1
    for name in order:
        labels = np.union1d(np.zeros(1, images[name].dtype), images[name].to_numpy())
        rows = np.searchsorted(labels, at_points_of(images[name], like))
        partners = _partners(rows, seen)
        numbers = np.zeros(len(labels), np.int64)
        for row in range(1, len(labels)):
            numbers[row] = partners.get(row, following)
            following += row not in partners
        colors[name] = Colors(labels, numbers)
        seen = np.where(seen == 0, numbers[rows], seen)
    return {name: colors[name] for name in images}


def _partners(rows: NDArray[np.integer], seen: NDArray[np.int64]) -> dict[int, int]:
    """The object of `seen` that each label is, one to one, those that share most first."""
    pairs, counts = overlaps(rows, seen)
    both = (pairs > 0).all(axis=1)
    pairs, counts = pairs[both], counts[both]
    partners: dict[int, int] = {}
    taken: set[int] = set()
    for row, number in pairs[np.argsort(-counts, kind="stable")].tolist():
        if row not in partners and number not in taken:
            partners[row] = number
            taken.add(number)
    return partners
