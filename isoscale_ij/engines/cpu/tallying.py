"""Sums per label: how many voxels, where, from where to where, how far spread, how bright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.protocol import Tally

_SLICES = 16  # to a partial sum, whatever the number of threads: sums of floats keep their order


def tally(
    labels: NDArray[np.integer],
    intensities: list[NDArray[np.generic]],
    count: int,
    origins: Sequence[float] | None = None,
) -> Tally:
    """Voxel counts, sums of indices and of their products, bounds, slices and intensities of the labels 0 … `count`."""
    origins = origins or [0.0] * len(intensities)
    parts: list[Tally] = [Tally.empty(count, len(intensities)) for _ in range(0, len(labels), _SLICES)]

    def add(first: int, last: int) -> None:
        for part in range(first, last):
            mine = parts[part]
            last_slice = np.full(count + 1, -1, np.int64)
            for z in range(part * _SLICES, min((part + 1) * _SLICES, len(labels))):
                plane = np.ascontiguousarray(labels[z], np.int64)
                _tally_slice(
                    plane,
                    z,
                    mine.n_voxels,
                    mine.index_sums,
                    mine.product_sums,
                    mine.lowest,
                    mine.highest,
                    mine.n_slices,
                    last_slice,
                )
                for channel, values in enumerate(intensities):
                    _sum_values(
                        plane, np.ascontiguousarray(values[z], np.float64), origins[channel],
                        mine.intensity_sums[channel], mine.intensity_squares[channel], mine.intensity_lowest[channel],
                        mine.intensity_highest[channel],
                    )  # fmt: skip

    for_ranges(add, len(parts), size=1)
    total = parts[0]
    for part in parts[1:]:
        total.add(part)
    return total


@compiled
def _tally_slice(labels, z, n_voxels, index_sums, product_sums, lowest, highest, n_slices, last_slice):
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label == 0:
                continue
            n_voxels[label] += 1
            index_sums[label, 0] += z
            index_sums[label, 1] += y
            index_sums[label, 2] += x
            product_sums[label, 0] += z * z
            product_sums[label, 1] += y * y
            product_sums[label, 2] += x * x
            product_sums[label, 3] += z * y
            product_sums[label, 4] += z * x
            product_sums[label, 5] += y * x
            lowest[label, 0] = min(lowest[label, 0], z)
            lowest[label, 1] = min(lowest[label, 1], y)
            lowest[label, 2] = min(lowest[label, 2], x)
            highest[label, 0] = max(highest[label, 0], z)
            highest[label, 1] = max(highest[label, 1], y)
            highest[label, 2] = max(highest[label, 2], x)
            if last_slice[label] != z:
                last_slice[label] = z
                n_slices[label] += 1


@compiled
def _sum_values(labels, values, origin, sums, squares, lowest, highest):
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label:
                value = values[y, x]
                sums[label] += value
                squares[label] += (value - origin) * (value - origin)
                lowest[label] = min(lowest[label], value)
                highest[label] = max(highest[label], value)
