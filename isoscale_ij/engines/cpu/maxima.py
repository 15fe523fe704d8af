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

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.taps import FineTaps

ROUNDING = 2.0**-20  # relative; the blur is exact to about 2**-22

_NEIGHBOURS = np.array(
    [(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) != (0, 0, 0)]
)


def maxima(
    values: NDArray[np.float32],
    mask: NDArray[np.bool_],
    across_slices: FineTaps,
    finer: tuple[int, int, int],
    *,
    rounding: float = ROUNDING,
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
    steps = np.array(finer, np.int64)
    found: list[NDArray[np.int64]] = [np.empty((0, 4), np.int64)] * depth

    def search(first: int, last: int) -> None:
        slices = _FineSlices(values, across_slices, finer[0])
        height, width = values.shape[1:]
        places = np.empty(((height + 1) // 2 * ((width + 1) // 2), 3), np.int64)
        for z in range(first, last):
            in_mask = mask[(z + finer[0] // 2) // finer[0]]
            below, above = slices[max(z - 1, 0)], slices[min(z + 1, depth - 1)]
            count = _search_slice(below, slices[z], above, z > 0, z < depth - 1, in_mask, steps, rounding, places)
            found[z] = np.concatenate([np.full((count, 1), z), places[:count]], axis=1)

    # a range works out two slices beyond its own: not worth it for a few slices
    for_ranges(search, depth, size=max(4, -(-depth // (4 * thread_count()))))
    peaks = np.concatenate(found)
    clear, unclear = peaks[peaks[:, 3] == 1, :3], peaks[peaks[:, 3] == 2, :3]
    if len(unclear) == 0:
        return clear
    tops = _plateau_tops(values, across_slices, finer, unclear, rounding)
    inside = mask[tuple(((tops + steps // 2) // steps).T)]
    seeds = np.concatenate([clear, tops[inside]])
    return seeds[np.lexsort(seeds.T[::-1])]


class _FineSlices:
    """The fine slices of a volume; the last few that were worked out are kept."""

    def __init__(self, values: NDArray[np.float32], taps: FineTaps, finer: int) -> None:
        self._values, self._taps, self._finer = values, taps, finer
        self._kept: dict[int, NDArray[np.float32]] = {}

    def __getitem__(self, z: int) -> NDArray[np.float32]:
        if self._taps.identity:
            return self._values[z]
        if z not in self._kept:
            plane = np.empty(self._values.shape[1:], np.float32)
            _weigh_slices(self._values, z // self._finer, self._taps.begin, self._taps.weights[z % self._finer], plane)
            self._kept = {k: v for k, v in self._kept.items() if abs(k - z) < 3}
            self._kept[z] = plane
        return self._kept[z]


def _plateau_tops(
    values: NDArray[np.float32],
    taps: FineTaps,
    finer: tuple[int, int, int],
    peaks: NDArray[np.int64],
    rounding: float,
) -> NDArray[np.int64]:
    """The lowest place of each plateau that holds one of `peaks`, where nothing beside it is higher."""
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
            begin, length, state = _flood(
                values, taps.begin, taps.weights, _NEIGHBOURS, heights[index], rounding, visited, queue,
                begin, length, lowest,
            )  # fmt: skip
            if state == _FOUND_HIGHER:
                is_top = False
            if state != _QUEUE_FULL:
                break
            queue = np.concatenate([queue, np.empty_like(queue)])
        if is_top:
            tops.append(lowest)
    return np.array(tops, np.int64).reshape(-1, 3)


_FINISHED, _FOUND_HIGHER, _QUEUE_FULL = 0, 1, 2


@compiled
def _weigh_slices(values, z, begin, weights, out):
    """A fine slice: the weighted sum of the slices from ``z + begin`` on; the outermost ones are repeated."""
    last = values.shape[0] - 1
    for y in range(out.shape[0]):
        result = out[y]
        for x in range(result.size):
            result[x] = 0
        for k in range(weights.size):
            row = values[min(max(z + begin + k, 0), last), y]
            weight = weights[k]
            for x in range(result.size):
                result[x] = multiply_add(weight, row[x], result[x])


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
def _search_slice(below, here, above, has_below, has_above, mask, finer, rounding, places):
    """Peaks of one slice that lie in the mask, as (y, x, 1 = clear, 2 = has an equal neighbour)."""
    height, width = here.shape
    count = 0
    for y in range(height):
        row = here[y]
        in_mask = mask[(y + finer[1] // 2) // finer[1]]
        for x in range(width):
            if not in_mask[(x + finer[2] // 2) // finer[2]]:
                continue
            value = row[x]
            if (x > 0 and row[x - 1] >= value) or (x + 1 < width and row[x + 1] > value):
                continue
            equal = value - abs(value) * rounding
            kind = _compare(here, y, x, value, equal, 0)
            if kind and has_below:
                kind = min(kind, _compare(below, y, x, value, equal, -1))
            if kind and has_above:
                above_kind = _compare(above, y, x, value, equal, 1)
                kind = min(kind, above_kind)
            if kind:
                places[count, 0] = y
                places[count, 1] = x
                places[count, 2] = 3 - kind
                count += 1
    return count


@compiled
def _compare(plane, y, x, value, equal, side):
    """How `value` stands to the voxels around (y, x) in a slice below (-1), its own (0) or above (1).

    2: all are lower. 1: some are equal. 0: one is higher, or is equal and comes before it in
    (z, y, x), so that the first of two equals stands for both.
    """
    height, width = plane.shape
    kind = 2
    for j in range(max(y - 1, 0), min(y + 2, height)):
        for i in range(max(x - 1, 0), min(x + 2, width)):
            if side == 0 and j == y and i == x:
                continue
            other = plane[j, i]
            if other > value:
                return 0
            if other == value and (side < 0 or (side == 0 and (j < y or (j == y and i < x)))):
                return 0
            if other >= equal:
                kind = 1
    return kind


@compiled
def _flood(values, begin, weights, neighbours, height, rounding, visited, queue, first, length, lowest):
    """Spread over the plateau of `height`, breadth first; keep its lowest place; stop where it goes higher.

    A place visited before belongs to a plateau at least as high that was dealt with.
    """
    equal = height - abs(height) * rounding
    depth, rows, columns = visited.shape
    while first < length:
        if length + neighbours.shape[0] > queue.shape[0]:
            return first, length, _QUEUE_FULL
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
                return first, length, _FOUND_HIGHER
            if other < equal:
                continue
            if visited[k, j, i] == 0:
                visited[k, j, i] = 1
                queue[length, 0] = k
                queue[length, 1] = j
                queue[length, 2] = i
                length += 1
        first += 1
    return first, length, _FINISHED
