"""Sums per label: how many voxels, where, from where to where, how far spread, how exposed, how bright."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import Runs, find_runs
from isoscale_ij.engines.cpu.surfaces import expose
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.cpu.vectors import fetch_near
from isoscale_ij.engines.protocol import Tally

_AS_THEY_ARE = (np.uint8, np.uint16, np.float32, np.float64)
_SLICES = 8  # to a partial sum, whatever the number of threads: sums of floats keep their order
_FEW = 255  # labels that there is room for at first
_WHOLE = np.iinfo(np.int64)


def tally(
    labels: NDArray[np.integer],
    intensities: list[NDArray[np.generic]],
    most: int,
    origins: Sequence[float] | None = None,
    weights: NDArray[np.int64] | None = None,
    below: NDArray[np.integer] | None = None,
) -> Tally | None:
    """The sums over each label up to the highest; see :meth:`isoscale_ij.engines.protocol.Engine.tally`."""
    origins = origins or [0.0] * len(intensities)
    parts: list[Tally | None] = [None] * -(-len(labels) // _SLICES)
    refused: list[int] = []

    def add(first: int, last: int) -> None:
        for part in range(first, last):
            if refused:
                return
            slices = range(part * _SLICES, min((part + 1) * _SLICES, len(labels)))
            parts[part] = _slab(labels, slices, intensities, most, origins, weights, below)
            if parts[part] is None:
                refused.append(part)

    for_ranges(add, len(parts), size=1)
    found = [part for part in parts if part is not None]
    if refused:
        return None
    total = Tally.empty(max(len(part.n_voxels) for part in found) - 1, len(intensities))
    for part in found:
        total.add(part)
    return total


def _slab(
    labels: NDArray[np.integer], slices: range, intensities: list[NDArray[np.generic]], most: int,
    origins: Sequence[float], weights: NDArray[np.int64] | None, below: NDArray[np.integer] | None,
) -> Tally | None:  # fmt: skip
    """The sums over some slices: in one pass over them, for which of the numbers they have is found out on the way."""
    here, there = (Runs.room_for(*labels.shape[1:]) for _ in range(2))
    sums, highest = Tally.empty(min(most, _FEW), len(intensities)), 0
    before = labels[slices[0] - 1] if slices[0] else below
    known = weights is not None and before is not None and _found(before, there, most) is not None
    for z in slices:
        found = _found(labels[z], here, most)
        if found is None:
            return None
        highest = max(highest, found)
        if highest >= len(sums.n_voxels):
            sums = sums.resized(min(most, 2 * highest))
        _add_runs(here, z, sums.n_voxels, sums.index_sums, sums.product_sums, sums.lowest, sums.highest, sums.n_slices)
        for channel, values in enumerate(intensities):
            plane = _summable(values[z])
            _add_values(
                here, plane, *_numbers(plane.dtype, origins[channel]), sums.intensity_sums[channel],
                sums.intensity_squares[channel], sums.intensity_lowest[channel], sums.intensity_highest[channel],
            )  # fmt: skip
        if weights is not None:
            expose(here, there if known else None, weights, sums.exposure)
        here, there, known = there, here, True
    return sums.resized(highest)


def _found(plane: NDArray[np.integer], runs: Runs, most: int) -> int | None:
    """The highest label of a slice, whose runs are written down; None where one is above `most` or below 0."""
    if plane.dtype.itemsize > np.dtype(np.int32).itemsize and (plane.min() < 0 or plane.max() > most):
        return None  # it would be another one in 32 bits
    lowest, highest = find_runs(np.ascontiguousarray(plane, np.int32), runs)
    return int(highest) if lowest == 0 and highest <= most else None


def _summable(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """A slice in a type that a kernel is compiled for: as it is, if it is one of the usual ones."""
    usual = values.dtype in _AS_THEY_ARE and values.dtype.isnative
    return np.ascontiguousarray(values, values.dtype if usual else np.float64)


def _numbers(dtype: np.dtype[np.generic], origin: float) -> tuple[object, object, object, object]:
    """Nothing, the origin, and what no value is below or above: in integers, where sums of them are exact and quick."""
    if dtype.kind == "u" and float(origin).is_integer():
        return np.int64(0), np.int64(origin), np.int64(_WHOLE.max), np.int64(_WHOLE.min)
    return 0.0, float(origin), np.inf, -np.inf


@compiled
def _add_runs(runs, z, n_voxels, index_sums, product_sums, lowest, highest, n_slices):
    """Of runs, instead of voxels: their sums are known from where they begin and end."""
    for y in range(runs.rows.size - 1):
        for n in range(runs.rows[y], runs.rows[y + 1]):
            begin, end, label = np.int64(runs.begins[n]), np.int64(runs.ends[n]), runs.labels[n]
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
            n_slices[label] += highest[label, 0] != z
            lowest[label, 0] = min(lowest[label, 0], z)
            lowest[label, 1] = min(lowest[label, 1], y)
            lowest[label, 2] = min(lowest[label, 2], begin)
            highest[label, 0] = z
            highest[label, 1] = max(highest[label, 1], y)
            highest[label, 2] = max(highest[label, 2], last)


@compiled
def _add_values(runs, values, nothing, origin, above_all, below_all, sums, squares, lowest, highest):
    height, width = values.shape
    for y in range(height):
        if y + 1 < height:  # what stands far apart in memory is asked for early
            for n in range(runs.rows[y + 1], runs.rows[y + 2]):
                fetch_near(values, (y + 1) * width + runs.begins[n])
                fetch_near(values, (y + 1) * width + runs.ends[n] - 1)
        for n in range(runs.rows[y], runs.rows[y + 1]):
            total, square, low, high = nothing, nothing, above_all, below_all
            for x in range(runs.begins[n], runs.ends[n]):
                value = nothing + values[y, x]
                total += value
                square += (value - origin) * (value - origin)
                low, high = min(low, value), max(high, value)
            label = runs.labels[n]
            sums[label] += total
            squares[label] += square
            lowest[label] = min(lowest[label], np.float64(low))
            highest[label] = max(highest[label], np.float64(high))
