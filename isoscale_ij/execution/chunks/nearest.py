"""Which seeds may be nearest to a block, and which seed loses its voxel to another: from the seeds alone."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from isoscale_ij.engines.protocol import Seeds
from isoscale_ij.execution.chunks.regions import Region

_ROOM = 1e-6  # relatively: what is left out is farther for certain


class SeedIndex:
    """Seeds by where they lie.

    Parameters
    ----------
    seeds : Seeds
    spacing : (float, float, float)
        Voxel size.
    """

    def __init__(self, seeds: Seeds, spacing: tuple[float, float, float]) -> None:
        self._seeds, self.spacing = seeds, spacing
        self._unit = np.array(spacing, np.float64) / np.array(seeds.finer)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._seeds.indices * self._unit)

    def candidates(self, region: Region) -> NDArray[np.int64]:
        """The seeds, in order, one of which is nearest to any voxel of a region."""
        if not len(self._seeds):
            return np.empty(0, np.int64)
        steps = np.array(self._seeds.finer)
        low = np.array([part.start for part in region]) * steps * self._unit
        high = np.array([part.stop - 1 for part in region]) * steps * self._unit
        centre, half = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
        nearest, _ = self._tree.query(centre)
        within = (nearest + 2 * half) * (1 + _ROOM) + float(self._unit.max()) * _ROOM
        return np.sort(np.asarray(self._tree.query_ball_point(centre, within), np.int64))

    def lost(self) -> NDArray[np.bool_]:
        """Which seeds have no voxel: the one each lies beside is nearer to another seed, or as near to an earlier."""
        count = len(self._seeds)
        lost = np.zeros(count, np.bool_)
        if self._seeds.finer == (1, 1, 1) or count == 0:
            return lost
        places = self._seeds.voxels * np.array(self._seeds.finer)
        own = self._distances(places, self._seeds.indices)
        reach = np.sqrt(own) * (1 + _ROOM) + float(self._unit.max()) * _ROOM
        near = self._tree.query_ball_point(places * self._unit, reach, return_sorted=False)
        for seed, others in enumerate(near):
            if len(others) > 1:
                number = np.sort(np.asarray(others))
                distances = self._distances(places[seed], self._seeds.indices[number])
                lost[seed] = number[int(np.argmin(distances))] != seed
        return lost

    def _distances(self, places: NDArray[np.int64], seeds: NDArray[np.int64]) -> NDArray[np.float64]:
        """Squared, by the very sums of the labels."""
        z, y, x = np.moveaxis((places - seeds) * self._unit, -1, 0)
        return np.asarray((z * z + y * y) + x * x)
