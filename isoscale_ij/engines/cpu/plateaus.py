"""Which peaks stand for a plateau: neighbouring places of equal height, up to the rounding of the blur.

A peak with an equal neighbour spreads over its plateau, the highest peak first. Where something beside
the plateau is higher, it is no maximum; otherwise its place is the lowest in (z, y, x). What one peak
has spread over, no later one does.

Of a volume that is not there as a whole, a block settles what is its own (:func:`settled_within`): peaks
whose surroundings, in a wider band of heights than any plateau has, end within the block, so that no peak
of another block can meet them. The others spread block by block (:func:`spread_over`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.taps import FineTaps, spread

EQUAL, CLEAR = 1, 2  # kinds of peak: with a neighbour as high, and without
_WIDER = 4.0  # times the rounding: no two plateaus that meet lie farther apart
_SLOTS = 1 << 12  # of the table of places that a peak's surroundings are kept in
_SMALL = _SLOTS // 4  # places; larger surroundings are not settled within a block

_NEIGHBOURS = np.array(
    [(z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1) if (z, y, x) != (0, 0, 0)]
)

Triple = tuple[FineTaps, FineTaps, FineTaps]


class Field:
    """Values on a fine grid, worked out where they are looked at, with the very sums of the search.

    Parameters
    ----------
    values : array of float32, (z, y, x)
        Of the voxels.
    taps : (FineTaps, FineTaps, FineTaps)
        That make the fine values of them.
    """

    def __init__(self, values: NDArray[np.float32], taps: Triple) -> None:
        along_y, along_x = (spread(axis, count) for axis, count in zip(taps[1:], values.shape[1:], strict=True))
        self.shape = np.array(
            ((len(values) - 1) * len(taps[0].weights) + 1, len(along_y.first), len(along_x.first)), np.int64
        )
        self.tables = (
            values, taps[0].begin, taps[0].weights, along_y.first, along_y.count, along_y.weights,
            along_x.first, along_x.count, along_x.weights,
        )  # fmt: skip

    @property
    def strides(self) -> NDArray[np.int64]:
        """How far neighbours along z, y and x are apart where voxels are numbered in that order."""
        return np.array((self.shape[1] * self.shape[2], self.shape[2], 1))

    def heights(self, places: NDArray[np.integer]) -> NDArray[np.float32]:
        """The value at each of some places."""
        heights = np.empty(len(places), np.float32)
        _heights(*self.tables, places.astype(np.int32), heights)
        return heights

    def bits(self) -> NDArray[np.uint8]:
        """A bit for each place."""
        return np.zeros(-(-int(np.prod(self.shape)) // 8), np.uint8)


def settled(
    peaks: NDArray[np.int32],
    values: Callable[[], NDArray[np.float32]],
    mask: NDArray[np.bool_],
    taps: Triple,
    finer: tuple[int, int, int],
    rounding: float,
) -> NDArray[np.int64]:
    """The maxima among `peaks`, rows of (z, y, x, kind): those on a plateau stand for it at its lowest place.

    `values` is asked for only where a plateau must be looked at.
    """
    clear, unclear = peaks[peaks[:, 3] == CLEAR, :3], peaks[peaks[:, 3] == EQUAL, :3]
    if len(unclear):
        tops = _plateau_tops(Field(values(), taps), unclear, rounding)
        clear = np.concatenate([clear, tops[inside(tops, mask, finer)]])
    return in_order(clear)


def in_order(places: NDArray[np.integer]) -> NDArray[np.int64]:
    """Places sorted by (z, y, x)."""
    return places[np.lexsort(places.T[::-1])].astype(np.int64)


def by_height(peaks: NDArray[np.integer], heights: NDArray[np.float32]) -> NDArray[np.int64]:
    """The order in which peaks are gone through: the highest first, of equals the first in (z, y, x)."""
    return np.asarray(np.lexsort((*peaks.T[::-1], -heights.astype(np.float64))))


def inside(places: NDArray[np.integer], mask: NDArray[np.bool_], finer: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Which fine places lie in a voxel of the mask."""
    steps = np.array(finer)
    return np.asarray(mask[tuple(((places + steps // 2) // steps).T)])


def _plateau_tops(field: Field, peaks: NDArray[np.int32], rounding: float) -> NDArray[np.int32]:
    """The lowest place of each plateau that holds one of `peaks`, where nothing beside it is higher."""
    heights = field.heights(peaks)
    visited = field.bits()
    tops = []
    whole = (np.zeros(3, np.int64), field.shape)
    for index in by_height(peaks, heights):
        place = np.int64(peaks[index] @ field.strides)
        lowest, higher, _ = spread_over(field, whole, np.array([place]), heights[index], rounding, visited)
        if lowest >= 0 and not higher:
            tops.append(np.unravel_index(lowest, field.shape))
    return np.array(tops, np.int32).reshape(-1, 3)


def spread_over(
    field: Field, core: tuple[NDArray[np.int64], NDArray[np.int64]], places: NDArray[np.int64], height: np.float32,
    rounding: float, visited: NDArray[np.uint8],
) -> tuple[int, bool, NDArray[np.int64]]:  # fmt: skip
    """Spread from some places over the plateau of a height, within the core of a block.

    Parameters
    ----------
    field : Field
        Of the block, with at least a place around its core.
    core : (array, array)
        The fine indices at which the core begins and ends.
    places : array of int64
        Counted through; those that are visited already are left out.
    height, rounding
        What is equal.
    visited : array of uint8
        A bit for each place of the field; changed.

    Returns
    -------
    int, bool, array of int64
        The lowest place (-1 if all were visited), whether something beside it is higher, and the places
        of the plateau outside the core that it touches; some of them several times.
    """
    fresh = places if len(places) == 1 else np.unique(places)
    fresh = fresh[(visited[fresh >> 3] >> (fresh & 7).astype(np.uint8) & 1) == 0]
    if len(fresh) == 0:
        return -1, False, fresh
    np.bitwise_or.at(visited, fresh >> 3, (1 << (fresh & 7)).astype(np.uint8))
    queue = np.empty(max(1024, 2 * len(fresh)), np.int64)
    queue[: len(fresh)] = fresh
    begin, end, lowest, beside_higher = 0, len(fresh), int(fresh[0]), False
    beyond = np.empty(1024, np.int64)
    left_core = [fresh[:0]]
    while begin < end:
        begin, end, lowest, higher, out = _flood(
            *field.tables, _NEIGHBOURS, height, rounding, field.shape, *core, visited, queue, begin, end, lowest, beyond
        )
        beside_higher = beside_higher or higher
        if out:
            left_core.append(np.unique(beyond[:out]))
        if begin < end:  # no room: what was gone through is dropped, or the queue made longer
            left = queue[begin:end].copy()
            queue = queue if len(left) < len(queue) // 2 else np.empty(2 * len(queue), np.int64)
            queue[: len(left)] = left
            begin, end = 0, len(left)
    return int(lowest), bool(beside_higher), np.concatenate(left_core)


def settled_within(
    field: Field, core: tuple[NDArray[np.int64], NDArray[np.int64]], peaks: NDArray[np.integer], rounding: float
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The tops of those plateaus that no peak of another block can meet; which peaks are left for all blocks.

    Parameters
    ----------
    field, core
        As of :func:`spread_over`.
    peaks : array of int, (n, 3)
        Of kind EQUAL, in the core.
    rounding : float

    Returns
    -------
    array of int32, (m, 3); array of int64
        Tops; indices of peaks.
    """
    from scipy.sparse import coo_matrix  # here: of work in chunks alone, and slow to load
    from scipy.sparse.csgraph import connected_components

    heights = field.heights(peaks)
    order = by_height(peaks, heights)
    around: list[NDArray[np.int64]] = []
    table, room = np.empty(_SLOTS, np.int64), np.empty(_SMALL + len(_NEIGHBOURS), np.int64)
    is_open = np.zeros(len(peaks), np.bool_)
    for rank, index in enumerate(order):
        tolerance = _WIDER * rounding * abs(float(heights[index]))
        start = np.int64(peaks[index] @ field.strides)
        count = _surroundings(
            *field.tables, _NEIGHBOURS, start, heights[index], tolerance, field.shape, *core, table, room
        )
        is_open[rank] = count < 0
        around.append(np.sort(room[: abs(count)]))
    owner = np.repeat(np.arange(len(order)), [len(each) for each in around])
    known, number = np.unique(np.concatenate([np.empty(0, np.int64), *around]), return_inverse=True)
    links = coo_matrix((np.ones(len(owner)), (owner, len(order) + number)), (len(order) + len(known),) * 2)
    cluster = connected_components(links, directed=False)[1][: len(order)]
    is_open = np.isin(cluster, cluster[is_open])
    closed = order[~is_open]
    lowest = np.full(len(closed), -1, np.int64)
    starts = peaks[closed].astype(np.int64) @ field.strides
    _spread_known(
        *field.tables, _NEIGHBOURS, starts, heights[closed], rounding, field.shape, known,
        np.zeros(len(known), np.bool_), np.empty(len(known) + 1, np.int64), lowest,
    )  # fmt: skip
    tops = np.stack(np.unravel_index(lowest[lowest >= 0], field.shape), axis=1)
    return tops.astype(np.int32), order[is_open]


@compiled
def _value(values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, z, y, x):
    """The value at one fine place: the very sums, in the same order, that made it when it was searched."""
    finer = weights.shape[0]
    last = values.shape[0] - 1
    phase = z % finer
    result = values.dtype.type(0)
    for k in range(weights.shape[1]):
        plane = values[min(max(z // finer + begin + k, 0), last)]
        across = values.dtype.type(0)
        for i in range(count_x[x]):
            along = weights_y[y, 0] * plane[first_y[y], first_x[x] + i]
            for j in range(1, count_y[y]):
                along = multiply_add(weights_y[y, j], plane[first_y[y] + j, first_x[x] + i], along)
            across = weights_x[x, 0] * along if i == 0 else multiply_add(weights_x[x, i], along, across)
        result = multiply_add(weights[phase, k], across, result)
    return result


@compiled
def _heights(values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, places, heights):
    """The value at each of some places."""
    for n in range(heights.size):
        z, y, x = places[n]
        heights[n] = _value(values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, z, y, x)


@compiled
def _flood(
    values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, neighbours, height, rounding,
    shape, low, high, visited, queue, first, end, lowest, beyond,
):  # fmt: skip
    """Spread over the plateau of `height`, breadth first, within the core from `low` to `high`; keep its lowest place.

    Goes over all of it, also once it has met something higher: the other peaks of this plateau are not
    to be taken for tops of their own. Places are counted through in the order (z, y, x). Returns how far it
    has come, until there is no room in the queue or in `beyond` or no plateau left, the lowest place, whether
    something beside the plateau is higher, and how many places outside the core stand in `beyond`.
    """
    higher = False
    out = np.int64(0)
    equal = height - abs(height) * rounding
    while first < end and end + neighbours.shape[0] <= queue.size and out + neighbours.shape[0] <= beyond.size:
        place = queue[first]
        first += 1
        lowest = min(lowest, place)
        z, y, x = place // (shape[1] * shape[2]), place // shape[2] % shape[1], place % shape[2]
        for n in range(neighbours.shape[0]):
            k, j, i = z + neighbours[n, 0], y + neighbours[n, 1], x + neighbours[n, 2]
            if k < 0 or j < 0 or i < 0 or k >= shape[0] or j >= shape[1] or i >= shape[2]:
                continue
            other = _value(values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, k, j, i)
            if other > height:
                higher = True
                continue
            if other < equal:
                continue
            beside = (k * shape[1] + j) * shape[2] + i
            if k < low[0] or j < low[1] or i < low[2] or k >= high[0] or j >= high[1] or i >= high[2]:
                beyond[out] = beside
                out += 1
            elif not visited[beside >> 3] >> (beside & 7) & 1:
                visited[beside >> 3] |= np.uint8(1 << (beside & 7))
                queue[end] = beside
                end += 1
    return first, end, lowest, higher, out


@compiled
def _surroundings(
    values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, neighbours, start, height,
    tolerance, shape, low, high, table, places,
):  # fmt: skip
    """Places that hang together with `start` and differ from `height` by no more than `tolerance`, into `places`.

    Returns how many; less than 0 if they reach out of the core, or are too many. `table` is scratch: places
    that were reached, by their last bits.
    """
    table[:] = -1
    table[start & (table.size - 1)] = start
    places[0] = start
    first, end = 0, np.int64(1)
    while first < end:
        place = places[first]
        first += 1
        z, y, x = place // (shape[1] * shape[2]), place // shape[2] % shape[1], place % shape[2]
        for n in range(neighbours.shape[0]):
            k, j, i = z + neighbours[n, 0], y + neighbours[n, 1], x + neighbours[n, 2]
            if k < 0 or j < 0 or i < 0 or k >= shape[0] or j >= shape[1] or i >= shape[2]:
                continue
            other = _value(values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, k, j, i)
            if abs(np.float64(other) - np.float64(height)) > tolerance:
                continue
            if k < low[0] or j < low[1] or i < low[2] or k >= high[0] or j >= high[1] or i >= high[2]:
                return -end
            beside = (k * shape[1] + j) * shape[2] + i
            slot = beside & (table.size - 1)
            while table[slot] >= 0 and table[slot] != beside:
                slot = (slot + 1) & (table.size - 1)
            if table[slot] < 0:
                table[slot] = beside
                places[end] = beside
                end += 1
        if end + neighbours.shape[0] > places.size:
            return -end
    return end


@compiled
def _spread_known(
    values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, neighbours, starts, heights,
    rounding, shape, known, visited, queue, lowest,
):  # fmt: skip
    """Spread from each start in turn; `known` are all the places that any of them reaches, in order.

    Writes the lowest place of each plateau; what was visited, or lies beside something higher, keeps -1.
    """
    for s in range(starts.size):
        at = _position(known, starts[s])
        if visited[at]:
            continue
        height = heights[s]
        equal = height - abs(height) * rounding
        visited[at] = True
        queue[0] = at
        first, end, higher, lowest_here = 0, 1, False, at
        while first < end:
            lowest_here = min(lowest_here, queue[first])
            place = known[queue[first]]
            first += 1
            z, y, x = place // (shape[1] * shape[2]), place // shape[2] % shape[1], place % shape[2]
            for n in range(neighbours.shape[0]):
                k, j, i = z + neighbours[n, 0], y + neighbours[n, 1], x + neighbours[n, 2]
                if k < 0 or j < 0 or i < 0 or k >= shape[0] or j >= shape[1] or i >= shape[2]:
                    continue
                other = _value(
                    values, begin, weights, first_y, count_y, weights_y, first_x, count_x, weights_x, k, j, i
                )
                if other > height:
                    higher = True
                elif other >= equal:
                    at = _position(known, (k * shape[1] + j) * shape[2] + i)
                    if not visited[at]:
                        visited[at] = True
                        queue[end] = at
                        end += 1
        if not higher:
            lowest[s] = known[lowest_here]


@compiled
def _position(known, place):
    """Where a place stands among the known ones."""
    low, high = 0, known.size - 1
    while low < high:
        middle = (low + high) // 2
        if known[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low
