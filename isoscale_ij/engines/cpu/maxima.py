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

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.taps import FineTaps

_ROWS, _COLUMNS = 16, 64  # of a tile
_MOST = 1 << 15  # peaks to hold at a time
EQUAL, CLEAR = 1, 2  # kinds of peak: with a neighbour as high, and without

_NEIGHBOURS = np.array(
    [(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) != (0, 0, 0)]
)


def maxima(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    across_slices: FineTaps,
    finer: tuple[int, int, int],
    *,
    rounding: float,
) -> NDArray[np.int64]:
    """Fine indices (z, y, x) of the local maxima that lie in `mask`, sorted; shape (n, 3).

    Parameters
    ----------
    values : array of float32, (z, fine y, fine x)
        The blurred image; along z not yet blurred where `across_slices` does that.
    mask : array of bool, (z, y, x)
    across_slices : FineTaps
        Weights that make a fine slice from the slices of `values`.
    finer : (int, int, int)
        Fine steps in a voxel, in the order z, y, x.
    rounding : float
        Values that differ by less than this, relatively, are equal.
    """
    depth = (len(values) - 1) * finer[0] + 1
    height, width = values.shape[1:]
    voxel = [(np.arange(n) + f // 2) // f for n, f in zip((depth, height, width), finer, strict=True)]
    found: list[NDArray[np.int64]] = []  # in any order: sorted at the end

    def search(first: int, last: int) -> None:
        planes = np.empty((3, _ROWS + 2, _COLUMNS + 2), np.float32)
        places = np.empty((_MOST, 4), np.int32)
        for top in range(first * _ROWS, min(last * _ROWS, height), _ROWS):
            left, z = 0, 0
            while left < width:  # until all tiles of the row are done; each time `places` is full, it is emptied
                count, left, z = _search(
                    values,
                    across_slices.begin,
                    across_slices.weights,
                    mask,
                    *voxel,
                    rounding,
                    top,
                    left,
                    z,
                    planes,
                    places,
                )
                found.append(places[:count].astype(np.int64))

    for_ranges(search, -(-height // _ROWS))
    return settled(np.concatenate(found), lambda: values, mask, across_slices, finer, rounding)


def settled(
    peaks: NDArray[np.int64],
    values: Callable[[], NDArray[np.float32]],
    mask: NDArray[np.bool_],
    across_slices: FineTaps,
    finer: tuple[int, int, int],
    rounding: float,
) -> NDArray[np.int64]:
    """The maxima among `peaks`, rows of (z, y, x, kind): those on a plateau stand for it at its lowest place.

    `values` is asked for only where a plateau must be looked at.
    """
    clear, unclear = peaks[peaks[:, 3] == CLEAR, :3], peaks[peaks[:, 3] == EQUAL, :3]
    if len(unclear):
        tops = _plateau_tops(values(), across_slices, finer, unclear, rounding)
        inside = mask[tuple(((tops + np.array(finer) // 2) // np.array(finer)).T)]
        clear = np.concatenate([clear, tops[inside]])
    return clear[np.lexsort(clear.T[::-1])]


def _plateau_tops(
    values: NDArray[np.float32],
    taps: FineTaps,
    finer: tuple[int, int, int],
    peaks: NDArray[np.int64],
    rounding: float,
) -> NDArray[np.int64]:
    """The lowest place of each plateau that holds one of `peaks`, where nothing beside it is higher."""
    if len(peaks) == 0:
        return peaks
    depth = (len(values) - 1) * finer[0] + 1
    heights = np.array([_value(values, taps.begin, taps.weights, *peak) for peak in peaks], np.float32)
    order = np.lexsort((*peaks.T[::-1], -heights.astype(np.float64)))
    visited = np.zeros((depth, *values.shape[1:]), np.uint8)
    capacity = 1024
    queue = np.empty((capacity, 3), np.int64)
    tops = []
    for index in order:
        peak = peaks[index]
        if visited[tuple(peak)]:
            continue
        queue[0], length, lowest, is_top = peak, 1, peak.copy(), True
        visited[tuple(peak)] = 1
        begin = 0
        while True:  # the queue is made longer here, where memory can be had
            begin, length, higher = _flood(
                values, taps.begin, taps.weights, _NEIGHBOURS, heights[index], rounding, visited, queue,
                begin, length, lowest,
            )  # fmt: skip
            is_top = is_top and not higher
            if begin == length:
                break
            queue = np.concatenate([queue, np.empty_like(queue)])
        if is_top:
            tops.append(lowest)
    return np.array(tops, np.int64).reshape(-1, 3)


@compiled
def _value(values, begin, weights, z, y, x):
    """The same sum, in the same order, for one place (z is a fine index)."""
    finer = weights.shape[0]
    last = values.shape[0] - 1
    phase = z % finer
    result = values.dtype.type(0)
    for k in range(weights.shape[1]):
        result = multiply_add(weights[phase, k], values[min(max(z // finer + begin + k, 0), last), y, x], result)
    return result


@compiled
def _search(values, begin, weights, mask, voxel_z, voxel_y, voxel_x, rounding, top, left, z, planes, places):
    """Peaks of a row of tiles that lie in the mask, as (z, y, x, kind), from the tile at `left` and slice `z` on.

    Returns their number, and the tile and slice to go on from where there was no room for more.

    Goes down the slices tile by tile. Of a tile, the slices above, here and below are worked out
    with a margin of one voxel, and only where there is mask: fine slice z stands in
    ``planes[z % 3]``, the voxel (y, x) at ``[y - top + 1, x - left + 1]``. `voxel_z`, `voxel_y` and
    `voxel_x` are the voxels that fine indices lie in.
    """
    depth = voxel_z.size
    bottom = min(top + _ROWS, values.shape[1])
    count = np.int64(0)  # not a literal, for which numba would compile what is called once more
    while left < values.shape[2]:
        right = min(left + _COLUMNS, values.shape[2])
        done = z - 2  # the last slice that was worked out
        looked_at, found = -1, False
        while z < depth:
            if looked_at != voxel_z[z]:
                looked_at = voxel_z[z]
                found = _any(mask[looked_at], voxel_y[top], voxel_y[bottom - 1], voxel_x[left], voxel_x[right - 1])
            if found:
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
        found = False
        for x in range(left, right + 1):
            found |= row[x]
        if found:
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


@compiled
def _flood(values, begin, weights, neighbours, height, rounding, visited, queue, first, length, lowest):
    """Spread over the plateau of `height`, breadth first; keep its lowest place.

    Goes over all of it, also once it has met something higher: the other peaks of this plateau are not
    to be taken for tops of their own. Returns how far it has come, until there is no room in the queue
    or no plateau left, and whether something beside it is higher.
    """
    higher = False
    equal = height - abs(height) * rounding
    depth, rows, columns = visited.shape
    while first < length:
        if length + neighbours.shape[0] > queue.shape[0]:
            break
        z, y, x = queue[first]
        before = z < lowest[0] or (z == lowest[0] and (y < lowest[1] or (y == lowest[1] and x < lowest[2])))
        if before:
            lowest[0] = z
            lowest[1] = y
            lowest[2] = x
        for n in range(neighbours.shape[0]):
            k, j, i = z + neighbours[n, 0], y + neighbours[n, 1], x + neighbours[n, 2]
            if k < 0 or j < 0 or i < 0 or k >= depth or j >= rows or i >= columns:
                continue
            other = _value(values, begin, weights, k, j, i)
            if other > height:
                higher = True
            elif other >= equal and visited[k, j, i] == 0:
                visited[k, j, i] = 1
                queue[length, 0] = k
                queue[length, 1] = j
                queue[length, 2] = i
                length += 1
        first += 1
    return first, length, higher
