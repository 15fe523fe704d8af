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

from isoscale_ij.engines.cpu.compiling import compiled, inlined
from isoscale_ij.engines.cpu.plateaus import CLEAR, EQUAL, settled
from isoscale_ij.engines.cpu.resampling import resample
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.cpu.vectors import COLUMNS, ROWS, sum_rows
from isoscale_ij.engines.taps import FineTaps, spread, unchanged_taps

_ROWS, _COLUMNS = 16, 126  # of a tile; with a margin of one on each side, whole blocks of columns
_PLANES = 2 * ROWS  # of fine slices at a time: a slice, and those below and above it
_WIDE = _COLUMNS + 2 + 16  # columns of rows in memory, so that they begin in different parts of a cache
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
    values, marked = np.ascontiguousarray(values), mask.view(np.uint8)  # of bytes, the compiler makes vectors
    if finer[1:] == (1, 1):
        height = values.shape[1]

        def search(first: int, last: int) -> None:
            _search_rows(values, marked, taps[0], finer, rounding, (first * _ROWS, min(last * _ROWS, height)), 0, peaks)

        for_ranges(search, -(-height // _ROWS))
    else:
        _search_spread(values, marked, taps, finer, rounding, peaks, on_memory)
    return np.concatenate(peaks)


def _search_spread(
    values: NDArray[np.float32], mask: NDArray[np.uint8], taps: tuple[FineTaps, FineTaps, FineTaps],
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
    values: NDArray[np.float32], mask: NDArray[np.uint8], across_slices: FineTaps, finer: tuple[int, int, int],
    rounding: float, rows: tuple[int, int], first_row: int, peaks: list[NDArray[np.int32]],
) -> None:  # fmt: skip
    """The peaks in some rows of `values`, which hold the fine rows from `first_row` on."""
    fine = ((len(values) - 1) * finer[0] + 1, *values.shape[1:])
    begins = (0, first_row, 0)
    voxel = [(np.arange(b, b + n) + f // 2) // f for b, n, f in zip(begins, fine, finer, strict=True)]
    tables = _shared_windows(across_slices.weights)
    places = np.empty((_MOST, 4), np.int32)
    planes = np.full((_PLANES, _ROWS + 2, _WIDE), -np.inf, np.float32)
    ring = np.empty((tables.shape[1], _ROWS + 2, _WIDE), np.float32)
    found, where = np.empty(_COLUMNS, np.uint8), np.empty(len(ring), np.int64)
    for top in range(*rows, _ROWS):
        left, z = 0, 0
        while left < fine[2]:  # until all tiles of the row are done; each time `places` is full, it is emptied
            count, left, z = _search(
                values, across_slices.begin, tables, mask, *voxel, rounding,
                top, min(top + _ROWS, rows[1]), left, z, planes, ring, found, where, places,
            )  # fmt: skip
            some = places[:count].copy()
            some[:, 1] += first_row
            peaks.append(some)


def _shared_windows(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights of ROWS fine slices that follow each other over the window of slices that they share.

    Shape (phases, slices of the window, ROWS), by the phase of the first of them.
    """
    phases, taps = weights.shape
    tables = np.zeros((phases, taps + (ROWS + phases - 2) // phases, ROWS), np.float32)
    for phase in range(phases):
        for j in range(ROWS):
            begin = (phase + j) // phases
            tables[phase, begin : begin + taps, j] = weights[(phase + j) % phases]
    return tables


@compiled
def _search(
    values, begin, tables, mask, voxel_z, voxel_y, voxel_x, rounding, top, bottom, left, z, planes, ring, found, where,
    places,
):  # fmt: skip
    """Peaks in the mask, as (z, y, x, kind), in the tiles from `top` to `bottom`: those from `left` and slice `z` on.

    Returns their number, and the tile and slice to go on from where there was no room for more.

    Goes down the slices tile by tile. Of a tile, the slices above, here and below are worked out
    with a margin of one voxel, and only where there is mask, ROWS of them at a time: fine slice z stands in
    ``planes[z % _PLANES]``, the voxel (y, x) at ``[y - top + 1, x - left + 1]``; beyond the image
    there is minus infinity. `voxel_z`, `voxel_y` and `voxel_x` are the voxels that fine indices lie in; `ring`, `found`
    and `where` are scratch.
    """
    depth = voxel_z.size
    count = np.int64(0)  # not a literal, for which numba would compile what is called once more
    while left < values.shape[2]:
        right = min(left + _COLUMNS, values.shape[2])
        planes[...] = -np.inf
        rows = (max(top - 1, 0) - top + 1, min(bottom + 1, values.shape[1]) - top + 1)
        columns = (max(left - 1, 0) - left + 1, min(right + 1, values.shape[2]) - left + 1)
        group, read = z // ROWS - 2, 0  # the last group of slices that was worked out; slices that have been read
        looked_at, in_mask = -1, False
        while z < depth:
            if looked_at != voxel_z[z]:
                looked_at = voxel_z[z]
                in_mask = _any(mask[looked_at], voxel_y[top], voxel_y[bottom - 1], voxel_x[left], voxel_x[right - 1])
            if in_mask:
                if count + _ROWS * _COLUMNS > places.shape[0]:
                    return count, left, z
                for new in range(max(z - 1, 0, (group + 1) * ROWS) // ROWS, (z + 1) // ROWS + 1):
                    phase, first = new * ROWS % len(tables), new * ROWS // len(tables) + begin
                    read = _read(values, max(first, read), first + len(ring), top, bottom, left, right, ring)
                    _work_out(
                        ring, len(values), first, tables[phase], new * ROWS, depth, rows, columns, where, planes
                    )  # fmt: skip
                    group = new
                count = _search_tile(
                    planes, z, mask[looked_at], voxel_y, voxel_x, rounding, top, bottom, left, right, found, places,
                    count,
                )  # fmt: skip
            z += 1
        left, z = right, 0
    return count, left, z


@inlined
def _any(mask, top, bottom, left, right):
    """Whether there is mask in the rows `top` to `bottom`, columns `left` to `right`."""
    for y in range(top, bottom + 1):
        row = mask[y, left : right + 1]
        in_mask = np.uint8(0)
        for x in range(row.size):
            in_mask |= row[x]
        if in_mask:
            return True
    return False


@inlined
def _read(values, first, end, top, bottom, left, right, ring):
    """Read the slices `first` to `end` of a tile, with its margin, into their places in the ring; how many are read."""
    depth, height, width = values.shape
    before, after = max(left - 1, 0), min(right + 1, width)
    end = min(max(end, 1), depth)
    for z in range(min(max(first, 0), end), end):
        for y in range(max(top - 1, 0), min(bottom + 1, height)):
            line, into = values[z, y, before:after], ring[z % len(ring), y - top + 1, before - left + 1 :]
            for x in range(line.size):
                into[x] = line[x]
    return end


@inlined
def _work_out(ring, slices, first, table, z, fine, rows, columns, where, planes):
    """A tile of the fine slices from `z` on, ROWS of them, with its margin: weighted sums of slices from `first` on.

    `rows` and `columns` are those that there are. Before the first and after the last slice these go on; what lies
    outside of the image becomes minus infinity.
    """
    for k in range(where.size):
        where[k] = min(max(first + k, 0), slices - 1) % len(ring) * (ring.shape[1] * ring.shape[2])
    plane, step, stride = z % len(planes), planes.shape[1] * planes.shape[2], planes.shape[2]
    for y in range(*rows):
        for x in range(0, columns[1], COLUMNS):
            at = (plane * planes.shape[1] + y) * stride + x
            sum_rows(planes, at, step, ring, y * ring.shape[2] + x, where, table, where.size)
        for j in range(ROWS):
            row = planes[plane + j, y]
            row[: columns[0]] = -np.inf
            row[columns[1] if z + j < fine else 0 :] = -np.inf


@inlined
def _search_tile(planes, z, mask, voxel_y, voxel_x, rounding, top, bottom, left, right, found, places, count):
    """Add the peaks of one tile to `places`."""
    below, here, above = planes[(z - 1) % len(planes)], planes[z % len(planes)], planes[(z + 1) % len(planes)]
    for y in range(top, bottom):
        row = y - top + 1
        before, after = here[row - 1], here[row + 1]
        if _higher_than_beside(below[row], before, here[row], after, above[row], right - left, found) == 0:
            continue
        in_mask = mask[voxel_y[y]]
        for x in range(left, right):
            if not (found[x - left] and in_mask[voxel_x[x]]):
                continue
            column = x - left + 1
            value = here[row, column]
            equal = value - abs(value) * rounding
            kind = _compare(here, row, column, value, equal, np.int64(0))
            if kind and z > 0:
                kind = min(kind, _compare(below, row, column, value, equal, np.int64(-1)))
            if kind:
                kind = min(kind, _compare(above, row, column, value, equal, np.int64(1)))
            if kind:
                places[count, 0] = z
                places[count, 1] = y
                places[count, 2] = x
                places[count, 3] = kind
                count += 1
    return count


@inlined
def _higher_than_beside(below, before, here, after, above, width, found):
    """Mark what is higher than the three voxels by faces that come before it, and not lower than the three after it.

    Returns how many there are.
    """
    count = np.int32(0)
    for x in range(width):  # with maxima instead of six comparisons, so that the compiler makes vectors of it
        value = here[x + 1]
        first = max(here[x], before[x + 1], below[x + 1])
        last = max(here[x + 2], after[x + 1], above[x + 1])
        peak = np.int32((value > first) & (value >= last))
        found[x] = peak
        count += peak
    return count


@compiled
def _compare(plane, y, x, value, equal, side):
    """How `value` stands to the voxels around (y, x) in a slice below (-1), its own (0) or above (1).

    0: one is higher, or is equal and comes before it in (z, y, x), so that the first of two equals
    stands for both. Otherwise CLEAR where all are lower, EQUAL where some are equal.
    """
    kind = CLEAR
    for j in range(y - 1, y + 2):
        for i in range(x - 1, x + 2):
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
