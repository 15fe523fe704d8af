"""Sums per label: how many voxels, where, from where to where, how far spread, how bright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import run_end
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.protocol import Tally

_AS_THEY_ARE = (np.uint8, np.uint16, np.float32, np.float64)
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
                plane = np.ascontiguousarray(labels[z], np.int32)  # no label is above `count`
                _tally_slice(
                    plane, z, mine.n_voxels, mine.index_sums, mine.product_sums, mine.lowest, mine.highest,
                    mine.n_slices, last_slice,
                )  # fmt: skip
                for channel, values in enumerate(intensities):
                    _sum_values(
                        plane, _summable(values[z]), origins[channel],
                        mine.intensity_sums[channel], mine.intensity_squares[channel], mine.intensity_lowest[channel],
                        mine.intensity_highest[channel],
                    )  # fmt: skip

    for_ranges(add, len(parts), size=1)
    total = parts[0]
    for part in parts[1:]:
        total.add(part)
    return total


def _summable(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """A slice in a type that a kernel is compiled for: as it is, if it is one of the usual ones."""
    usual = values.dtype in _AS_THEY_ARE and values.dtype.isnative
    return np.ascontiguousarray(values, values.dtype if usual else np.float64)


@compiled
def _tally_slice(labels, z, n_voxels, index_sums, product_sums, lowest, highest, n_slices, last_slice):
    """Runs of one label in a row, instead of voxels: their sums are known from where they begin and end."""
    width = labels.shape[1]
    for y in range(labels.shape[0]):
        row = labels[y]
        end = 0
        while end < width:
            begin, end = end, run_end(row, end)
            label = row[begin]
            if label == 0:
                continue
            count, last = end - begin, end - 1
            sum_x = count * (begin + last) // 2
            sum_xx = (last * end * (2 * last + 1) - (begin - 1) * begin * (2 * begin - 1)) // 6
            n_voxels[label] += count
            index_sums[label, 0] += z * count
            index_sums[label, 1] += y * count
            index_sums[label, 2] += sum_x
            product_sums[label, 0] += z * z * count
            product_sums[label, 1] += y * y * count
            product_sums[label, 2] += sum_xx
            product_sums[label, 3] += z * y * count
            product_sums[label, 4] += z * sum_x
            product_sums[label, 5] += y * sum_x
            lowest[label, 0] = min(lowest[label, 0], z)
            lowest[label, 1] = min(lowest[label, 1], y)
            lowest[label, 2] = min(lowest[label, 2], begin)
            highest[label, 0] = max(highest[label, 0], z)
            highest[label, 1] = max(highest[label, 1], y)
            highest[label, 2] = max(highest[label, 2], last)
            if last_slice[label] != z:
                last_slice[label] = z
                n_slices[label] += 1


@compiled
def _sum_values(labels, values, origin, sums, squares, lowest, highest):
    width = labels.shape[1]
    for y in range(labels.shape[0]):
        row, value_of = labels[y], values[y]
        end = 0
        while end < width:
            begin, end = end, run_end(row, end)
            label = row[begin]
            if label == 0:
                continue
            total, square, low, high = 0.0, 0.0, np.inf, -np.inf
            for x in range(begin, end):
                value = np.float64(value_of[x])
                total += value
                square += (value - origin) * (value - origin)
                low, high = min(low, value), max(high, value)
            sums[label] += total
            squares[label] += square
            lowest[label] = min(lowest[label], low)
            highest[label] = max(highest[label], high)
