"""What is counted over a whole volume: its range, its histogram, its voxels above a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, inlined
from isoscale_ij.engines.cpu.threads import for_ranges


def extrema(values: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest value, of any type."""
    rows = _rows(values)
    limits: list[tuple[float, float]] = []
    for_ranges(lambda a, b: limits.append((float(rows[a:b].min()), float(rows[a:b].max()))), len(rows))
    both = np.array(limits)
    return float(both[:, 0].min()), float(both[:, 1].max())


def histogram(values: NDArray[np.float32], lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
    """Voxels in each of `bins` equal bins from `lowest` to `highest`; the last bin holds its upper edge too."""
    rows = _rows(values)
    scale = bins / (highest - lowest)
    parts: list[NDArray[np.int64]] = []

    def count(first: int, last: int) -> None:
        counts = np.zeros((4, bins), np.int64)
        _count_bins(rows[first:last], lowest, scale, np.empty(256, np.int32), counts)
        parts.append(counts.sum(axis=0))

    for_ranges(count, len(rows))
    return np.asarray(np.sum(parts, axis=0), np.int64)


def nested_histogram(
    values: NDArray[np.float32], lowest: float, highest: float, bins: int, parts: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same histogram, and (parts, parts) that of each of its first bins, between its limits in `parts`."""
    counts, finer = np.zeros((4, bins), np.int64), np.zeros((len(parts), len(parts)), np.int64)
    scales = len(parts) / (parts[:, 1] - parts[:, 0])
    _count_nested(
        _rows(values), lowest, bins / (highest - lowest), parts[:, 0].copy(), scales, np.empty(256, np.int32), counts,
        finer,
    )  # fmt: skip
    return counts.sum(axis=0), finer


def above(values: NDArray[np.float32], threshold: float, out: NDArray[np.bool_]) -> int:
    """Mark the voxels strictly above `threshold` in `out`; return how many there are."""
    limit = float_limit(threshold)
    rows, marked = _rows(values), _rows(out)
    counts: list[int] = []

    def mark(first: int, last: int) -> None:
        np.greater(rows[first:last], limit, out=marked[first:last])
        counts.append(int(np.count_nonzero(marked[first:last])))

    for_ranges(mark, len(rows))
    return sum(counts)


def float_limit(threshold: float) -> np.float32:
    """The highest float32 that is not above `threshold`: it decides the same voxels."""
    limit = np.float32(threshold)
    return np.nextafter(limit, np.float32(-np.inf)) if float(limit) > threshold else limit


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    """The rows of all slices, so that a single slice is shared among threads too; never a copy."""
    return values.reshape(-1, values.shape[-1]) if values.flags.c_contiguous else values


@inlined
def _find_bins(row, lowest, scale, top, bins):
    for x in range(row.size):
        bins[x] = np.int32(min(max((row[x] - lowest) * scale, 0.0), top))


@compiled
def _count_bins(values, lowest, scale, bins, counts):
    """First the bins of a stretch of values, as vectors, then what is in them.

    In four histograms side by side, so that neighbours in one bin do not wait for each other.
    """
    top = np.float64(counts.shape[1] - 1)
    for y in range(values.shape[0]):
        for begin in range(0, values.shape[1], bins.size):
            row = values[y, begin : begin + bins.size]
            _find_bins(row, lowest, scale, top, bins)
            for x in range(row.size):
                counts[x & 3, bins[x]] += 1


@compiled
def _count_nested(values, lowest, scale, begins, scales, bins, counts, finer):
    """As `_count_bins`; of what is in the first bins, one for each of `begins`, also the bins within these."""
    top, last = np.float64(counts.shape[1] - 1), np.float64(finer.shape[1] - 1)
    for y in range(values.shape[0]):
        for begin in range(0, values.shape[1], bins.size):
            row = values[y, begin : begin + bins.size]
            _find_bins(row, lowest, scale, top, bins)
            for x in range(row.size):
                part = bins[x]
                counts[x & 3, part] += 1
                if part < begins.size:
                    finer[part, np.int32(min(max((row[x] - begins[part]) * scales[part], 0.0), last))] += 1
