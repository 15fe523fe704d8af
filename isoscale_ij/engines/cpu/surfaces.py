"""Where labels end: for each run of a label in a row, how many of its voxels' 26 neighbours have not that label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import run_end


def exposure(labels: NDArray[np.integer], z: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of neighbours that have not a voxel's label, added up over runs; at the first voxel of its run."""
    wide = labels.dtype.itemsize > 4 or labels.dtype == np.uint32  # compared alone: wrapped round, they stay as many
    kind = np.int64 if wide else np.int32
    nothing = np.zeros(labels.shape[1:], kind)
    below, here, above = (
        np.ascontiguousarray(labels[k]).astype(kind, copy=False) if 0 <= k < len(labels) else nothing
        for k in (z - 1, z, z + 1)
    )
    out = np.zeros(labels.shape[1:])
    _expose(below, here, above, weights, out)
    return out


@compiled
def _expose(below, here, above, weights, out):
    height, width = here.shape
    for y in range(height):
        row = here[y]
        end = 0
        while end < width:
            begin, end = end, run_end(row, end)
            label = row[begin]
            if label == 0:
                continue
            count = end - begin
            total = 0.0
            for k in range(3):
                plane = below if k == 0 else here if k == 1 else above
                for j in range(3):
                    left, middle, right = 0, 0, 0
                    if 0 <= y + j - 1 < height:
                        left, middle, right = _same(plane[y + j - 1], label, begin, end)
                    total += weights[k, j, 0] * (count - left)
                    total += weights[k, j, 1] * (count - middle)
                    total += weights[k, j, 2] * (count - right)
            out[y, begin] = total


@compiled
def _same(row, label, begin, end):
    """How many voxels of `row` have the label, from `begin` to `end`, one to the left of that, one to the right."""
    middle = 0
    for x in range(begin, end):
        middle += row[x] == label
    before = 1 if begin > 0 and row[begin - 1] == label else 0
    after = 1 if end < row.size and row[end] == label else 0
    first = 1 if row[begin] == label else 0
    last = 1 if row[end - 1] == label else 0
    return middle + before - last, middle, middle + after - first
