"""What is counted over a whole volume: its range, its histogram, its voxels above a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.threads import for_ranges


def extrema(values: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest value, of any type."""
    limits = np.empty((len(values), 2), np.float64)

    def find(first: int, last: int) -> None:
        for z in range(first, last):
            limits[z] = values[z].min(), values[z].max()

    for_ranges(find, len(values))
    return float(limits[:, 0].min()), float(limits[:, 1].max())


def histogram(values: NDArray[np.float32], lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
    """Voxels in each of `bins` equal bins from `lowest` to `highest`; the last bin holds its upper edge too."""
    counts = np.zeros((len(values), bins), np.int64)
    scale = bins / (highest - lowest)

    def count(first: int, last: int) -> None:
        for z in range(first, last):
            _count_bins(values[z], lowest, scale, counts[z])

    for_ranges(count, len(values))
    return counts.sum(axis=0)


def above(values: NDArray[np.float32], threshold: float, out: NDArray[np.bool_]) -> int:
    """Mark the voxels strictly above `threshold` in `out`; return how many there are."""
    limit = np.float32(threshold)
    if float(limit) > threshold:  # the highest float32 that is not above it decides the same voxels
        limit = np.nextafter(limit, np.float32(-np.inf))
    counts = np.zeros(len(values), np.int64)

    def mark(first: int, last: int) -> None:
        for z in range(first, last):
            np.greater(values[z], limit, out=out[z])
            counts[z] = np.count_nonzero(out[z])

    for_ranges(mark, len(values))
    return int(counts.sum())


@compiled
def _count_bins(values, lowest, scale, counts):
    """Four histograms side by side, so that neighbours in one bin do not wait for each other."""
    top = counts.size - 1
    partial = np.zeros((4, counts.size), np.int64)
    for y in range(values.shape[0]):
        row = values[y]
        for x in range(row.size):
            index = min(max(int((row[x] - lowest) * scale), 0), top)
            partial[x & 3, index] += 1
    for index in range(counts.size):
        counts[index] += partial[0, index] + partial[1, index] + partial[2, index] + partial[3, index]
