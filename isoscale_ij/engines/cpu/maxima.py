"""Local maxima in the mask: where the seeds are.

A voxel is a maximum if none of its 26 neighbours is higher. Voxels of equal height that touch
form a plateau; it is one maximum, and its place is its voxel lowest in (z, y, x). Equal means
equal up to the rounding of the blur: the top of a saturated ball is flat, and in float32 its
voxels differ in the last bits.

On an axis that is coarse beside the sigma, maxima are sought on a finer grid, between the
voxels::

    voxel        0           1           2
    fine index   0   1   2   3   4   5   6      three to a voxel

The image is taken as linearly interpolated; since blurring and interpolating are both weighted
sums, a fine slice is one weighted sum of the slices of the volume, worked out when it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.cpu.plateaus import CLEAR, EQUAL, settled
from isoscale_ij.engines.cpu.resampling import resample
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.taps import FineTaps, spread, unchanged_taps

_ROWS, _COLUMNS = 16, 64  # of a tile
_MOST = 1 << 15  # peaks to hold at a time
_BAND_BYTES = 4 << 20  # of fine rows in memory at a time, a thread
_BYTES_PER_PEAK = 80  # while it is sorted


def maxima(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    taps: tuple[FineTaps, FineTaps, FineTaps],
    finer: tuple[int, int, int],
    *,
    rounding: float,
    on_memory: Callable[[int], None] | None = None,
) -> NDArray[np.int64]:
    """Fine indices (z, y, x) of the local maxima that lie in `mask`, sorted; shape (n, 3).

    Parameters
    ----------
    values : array of float32, (z, y, x)
        The blurred image; not yet blurred along the axes where `taps` do that.
    mask : array of bool, (z, y, x)
    taps : (FineTaps, FineTaps, FineTaps)
        Weights that make fine slices, rows and columns from those of `values`.
    finer : (int, int, int)
        Fine steps in a voxel, in the order z, y, x.
    rounding : float
        Values that differ by less than this, relatively, are equal.
    on_memory : callable, optional
        Told the bytes that are about to be taken; may raise to stop it.
    """
    peaks = raw_peaks(values, mask, taps, finer, rounding=rounding, on_memory=on_memory)
    if on_memory:
        fine = math.prod((n - 1) * f + 1 for n, f in zip(values.shape, finer, strict=True))
        on_memory(_BYTES_PER_PEAK * len(peaks) + bool((peaks[:, 3] == EQUAL).any()) * fine // 8)
    return settled(peaks, lambda: values, mask, taps, finer, rounding)


def raw_peaks(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    taps: tuple[FineTaps, FineTaps, FineTaps],
    finer: tuple[int, int, int],
    *,
    rounding: float,
    on_memory: Callable[[int], None] | None = None,
) -> NDArray[np.int32]:
    """Fine places with nothing higher beside them, in any order: rows of (z, y, x, kind)."""
    peaks: list[NDArray[np.int32]] = []
    if finer[1:] == (1, 1):
        height = values.shape[1]

        def search(first: int, last: int) -> None:
            _search_rows(values, mask, taps[0], finer, rounding, (first * _ROWS, min(last * _ROWS, height)), 0, peaks)

        for_ranges(search, -(-height // _ROWS))
    else:
        _search_spread(values, mask, taps, finer, rounding, peaks, on_memory)
    return np.concatenate(peaks)


def _search_spread(
    values: NDArray[np.float32], mask: NDArray[np.bool_], taps: tuple[FineTaps, FineTaps, FineTaps],
    finer: tuple[int, int, int], rounding: float, peaks: list[NDArray[np.int32]],
    on_memory: Callable[[int], None] | None,
) -> None:  # fmt: skip
    """Where rows and columns are made finer: band by band of fine rows, so that never all of them are in memory."""
    depth = len(values)
    rows, columns = spread(taps[1], values.shape[1]), spread(taps[2], values.shape[2])
    height, width = len(rows.first), len(columns.first)
    band = _ROWS * max(1, _BAND_BYTES // (4 * depth * width * _ROWS))
    if on_memory:
        on_memory(thread_count() * 4 * depth * width * (min(band, height) + 2))

    def search(first: int, last: int) -> None:
        memory = np.empty(depth * (min(band, height) + 2) * width, np.float32)
        for begin in range(first * band, min(last * band, height), band):
            end = min(begin + band, height)
            low, high = max(begin - 1, 0), min(end + 1, height)  # with the rows beside it, to compare with
            some = replace(rows, first=rows.first[low:high], count=rows.count[low:high], weights=rows.weights[low:high])
            fine = memory[: depth * (high - low) * width].reshape(depth, high - low, width)
            resample(values, (unchanged_taps(depth), some, columns), fine)
            _search_rows(fine, mask, taps[0], finer, rounding, (begin - low, end - low), low, peaks)

    for_ranges(search, -(-height // band))


def _search_rows(
    values: NDArray[np.float32], mask: NDArray[np.bool_], across_slices: FineTaps, finer: tuple[int, int, int],
    rounding: float, rows: tuple[int, int], first_row: int, peaks: list[NDArray[np.int32]],
) -> None:  # fmt: skip
    """The peaks in some rows of `values`, which hold the fine rows from `first_row` on."""
    fine = ((len(values) - 1) * finer[0] + 1, *values.shape[1:])
    begins = (0, first_row, 0)
    voxel = [(np.arange(b, b + n) + f // 2) // f for b, n, f in zip(begins, fine, finer, strict=True)]
    planes = np.empty((3, _ROWS + 2, _COLUMNS + 2), np.float32)
    places = np.empty((_MOST, 4), np.int32)
    for top in range(*rows, _ROWS):
        left, z = 0, 0
        while left < fine[2]:  # until all tiles of the row are done; each time `places` is full, it is emptied
            count, left, z = _search(
                values, across_slices.begin, across_slices.weights, mask, *voxel, rounding,
                top, min(top + _ROWS, rows[1]), left, z, planes, places,
            )  # fmt: skip
            some = places[:count].copy()
            some[:, 1] += first_row
            peaks.append(some)


@compiled
def _search(values, begin, weights, mask, voxel_z, voxel_y, voxel_x, rounding, top, bottom, left, z, planes, places):
    """Peaks in the mask, as (z, y, x, kind), in the tiles from `top` to `bottom`: those from `left` and slice `z` on.

    Returns their number, and the tile and slice to go on from where there was no room for more.

    Goes down the slices tile by tile. Of a tile, the slices above, here and below are worked out
    with a margin of one voxel, and only where there is mask: fine slice z stands in
    ``planes[z % 3]``, the voxel (y, x) at ``[y - top + 1, x - left + 1]``. `voxel_z`, `voxel_y` and
    `voxel_x` are the voxels that fine indices lie in.
    """
    depth = voxel_z.size
    count = np.int64(0)  # not a literal, for which numba would compile what is called once more
    while left < values.shape[2]:
        right = min(left + _COLUMNS, values.shape[2])
        done = z - 2  # the last slice that was worked out
        looked_at, in_mask = -1, False
        while z < depth:
            if looked_at != voxel_z[z]:
                looked_at = voxel_z[z]
                in_mask = _any(mask[looked_at], voxel_y[top], voxel_y[bottom - 1], voxel_x[left], voxel_x[right - 1])
            if in_mask:
                if count + _ROWS * _COLUMNS > places.shape[0]:
                    return count, left, z
                for k in range(max(z - 1, 0, done + 1), min(z + 2, depth)):
                    _work_out(values, begin, weights, k, top, bottom, left, right, planes[k % 3])
                    done = k
                count = _search_tile(
                    planes,
                    z,
                    depth,
                    mask[looked_at],
                    voxel_y,
                    voxel_x,
                    rounding,
                    top,
                    bottom,
                    left,
                    right,
                    places,
                    count,
                )
            z += 1
        left, z = right, 0
    return count, left, z


@compiled
def _any(mask, top, bottom, left, right):
    """Whether there is mask in the rows `top` to `bottom`, columns `left` to `right`."""
    for y in range(top, bottom + 1):
        row = mask[y]
        in_mask = False
        for x in range(left, right + 1):
            in_mask |= row[x]
        if in_mask:
            return True
    return False


@compiled
def _work_out(values, begin, weights, z, top, bottom, left, right, plane):
    """A tile of the fine slice `z`, with its margin: the weighted sum of slices, the outermost ones repeated."""
    last = values.shape[0] - 1
    first = z // weights.shape[0] + begin
    phase = weights[z % weights.shape[0]]
    x0, width = max(left - 1, 0), min(right + 1, values.shape[2]) - max(left - 1, 0)
    for y in range(max(top - 1, 0), min(bottom + 1, values.shape[1])):
        sums = plane[y - top + 1, x0 - left + 1 :]
        if phase.size == 1:
            values_0 = values[min(max(first, 0), last), y, x0:]
            for x in range(width):
                sums[x] = phase[0] * values_0[x]
            continue
        for x in range(width):
            sums[x] = 0
        for k in range(0, phase.size, 4):
            values_0, values_1 = (
                values[min(max(first + k, 0), last), y, x0:],
                values[min(max(first + k + 1, 0), last), y, x0:],
            )
            values_2, values_3 = (
                values[min(max(first + k + 2, 0), last), y, x0:],
                values[min(max(first + k + 3, 0), last), y, x0:],
            )
            w0, w1, w2, w3 = phase[k], phase[k + 1], phase[k + 2], phase[k + 3]
            for x in range(width):
                s = multiply_add(w1, values_1[x], multiply_add(w0, values_0[x], sums[x]))
                sums[x] = multiply_add(w3, values_3[x], multiply_add(w2, values_2[x], s))


@compiled
def _search_tile(planes, z, depth, mask, voxel_y, voxel_x, rounding, top, bottom, left, right, places, count):
    """Add the peaks of one tile to `places`."""
    height, width = voxel_y.size, voxel_x.size
    here = planes[z % 3]
    for y in range(top, bottom):
        row = here[y - top + 1]
        in_mask = mask[voxel_y[y]]
        rows = (max(y - 1, 0) - top + 1, min(y + 2, height) - top + 1)
        for x in range(left, right):
            if not in_mask[voxel_x[x]]:
                continue
            i = x - left + 1
            value = row[i]
            if (x > 0 and row[i - 1] >= value) or (x + 1 < width and row[i + 1] > value):
                continue
            columns = (max(x - 1, 0) - left + 1, min(x + 2, width) - left + 1)
            equal = value - abs(value) * rounding
            kind = _compare(here, rows, columns, y - top + 1, i, value, equal, np.int64(0))
            if kind and z > 0:
                kind = min(
                    kind, _compare(planes[(z - 1) % 3], rows, columns, y - top + 1, i, value, equal, np.int64(-1))
                )
            if kind and z + 1 < depth:
                kind = min(
                    kind, _compare(planes[(z + 1) % 3], rows, columns, y - top + 1, i, value, equal, np.int64(1))
                )
            if kind:
                places[count, 0] = z
                places[count, 1] = y
                places[count, 2] = x
                places[count, 3] = kind
                count += 1
    return count


@compiled
def _compare(plane, rows, columns, y, x, value, equal, side):
    """How `value` stands to the voxels around (y, x) in a slice below (-1), its own (0) or above (1).

    0: one is higher, or is equal and comes before it in (z, y, x), so that the first of two equals
    stands for both. Otherwise CLEAR where all are lower, EQUAL where some are equal.
    """
    kind = CLEAR
    for j in range(rows[0], rows[1]):
        for i in range(columns[0], columns[1]):
            if side == 0 and j == y and i == x:
                continue
            other = plane[j, i]
            if other > value:
                return 0
            if other == value and (side < 0 or (side == 0 and (j < y or (j == y and i < x)))):
                return 0
            if other >= equal:
                kind = EQUAL
    return kind
