"""Where labels end: for each voxel, how many of its 26 neighbours have not its label, each with a weight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled


def exposure(labels: NDArray[np.integer], z: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each voxel of the slice `z`, the weights of its neighbours that have not its label, added up."""
    around = np.zeros((3, *labels.shape[1:]), np.int64)
    for k in (-1, 0, 1):
        if 0 <= z + k < len(labels):
            # numbers beyond int64 wrap round, and stay as many as they were
            around[1 + k] = np.asarray(labels[z + k]).astype(np.int64, copy=False)
    out = np.zeros(labels.shape[1:])
    _expose(around, weights, out)
    return out


@compiled
def _expose(around, weights, out):
    height, width = out.shape
    here = around[1]
    for y in range(height):
        for x in range(width):
            label = here[y, x]
            if label == 0:
                continue
            total = 0.0
            for k in range(3):
                for j in range(-1, 2):
                    for i in range(-1, 2):
                        inside = 0 <= y + j < height and 0 <= x + i < width
                        if not inside or around[k, y + j, x + i] != label:
                            total += weights[k, j + 1, i + 1]
            out[y, x] = total
