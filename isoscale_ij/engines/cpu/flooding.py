"""Borders that follow the light: labels flood a mask from their seeds, the brightest voxels first.

Water would do the same from the deepest hole upwards (a watershed of the image turned upside down).
A voxel is reached from its neighbours by faces, at a *level* and with a *way*:

* The level is the lowest value on the way from the seed, so each voxel is reached at the highest level there is.
* A voxel darker than the level of the neighbour that is reached first belongs to that neighbour's label;
  its own value is the level from there on, and the way begins anew, at 0.
* One that is not darker lies in a hollow or on a plateau, which fills at the level of its rim: it takes the
  neighbour from which the way since the rim is shortest, in physical length; at a tie the lower label.

"Reached first" is an order of all voxels: by level from high to low, then way, label, and place in (z, y, x). Each
voxel is reached after the neighbour that it belongs to, so these sentences have one solution and no more,
whatever order a machine works in. Ways are sums of integers (steps between voxels, in 1/64 of the shortest), so that
they do not depend on the order of summing.

Parts of the mask that do not touch are worked on side by side, small ones in batches. Of a batch, the voxels are taken
out of the volume and put side by side, with a table of who is beside whom: in the volume, rows lie so far apart that
each step to the next one misses the cache. The voxels are sorted by value, and gone through once; only hollows and
plateaus need a queue.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu import gathering
from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.pieces import pieces
from isoscale_ij.engines.cpu.runs import count_runs
from isoscale_ij.engines.cpu.threads import for_ranges

_STEPS = 64  # parts of the shortest distance between voxels, in which ways are measured
_BATCH = 1 << 16  # voxels of small parts that are flooded together
_BAND = 1 << 20  # voxels to sort at a time; of larger parts, values are taken band by band
_LARGE = 1 << 22  # voxels of a part that stays where it is: taken out, it would need too much memory
_ROOM = 1 << 12  # places that a queue has room for at first
_BYTES_PER_PLACE = 20  # of a queue
_BYTES_PER_VOXEL = 24  # that is sorted
_BYTES_BESIDE = 32  # of a voxel that is taken out
_BYTES_PER_RUN = 48  # of what is listed of the runs, beside what pieces.py has told
_STAY = np.empty(0, np.int32)
_DIGITS = ((0, 11), (11, 11), (22, 10))  # of a value's rank, by which it is sorted: first bit, and how many

Queue = tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int64]]  # keys, labels, places


def flood(
    mask: NDArray[np.bool_],
    values: NDArray[np.float32],
    seeds: NDArray[np.int64],
    spacing: tuple[float, float, float],
    out: NDArray[np.int32],
    *,
    on_part: Callable[[float], None] | None = None,
    on_memory: Callable[[int], None] | None = None,
) -> None:
    """Give each mask voxel that hangs together with a seed the label (1, 2, …) that reaches it, the others 0.

    Parameters
    ----------
    mask : array of bool, (z, y, x)
    values : array of float32, (z, y, x)
        Finite; C-contiguous.
    seeds : array of int, (n, 3)
        Voxels (z, y, x) in the mask, no two the same, in the order of the labels.
    spacing : (float, float, float)
        Voxel size.
    out : array of int32, (z, y, x)
    on_part, on_memory : callable, optional
    """
    memory = _Memory(on_memory)
    first, length, batches = _batches(mask, seeds, out, memory)
    flat, bits = out.reshape(-1), values.reshape(-1).view(np.uint32)
    shape = np.array(out.shape, np.int64)
    ways = np.array([round(size / min(spacing) * _STEPS) for size in spacing], np.int64)
    flat[(seeds[:, 0] * shape[1] + seeds[:, 1]) * shape[2] + seeds[:, 2]] = np.arange(1, len(seeds) + 1, dtype=np.int32)

    def flood_batches(begin: int, end: int) -> None:
        for batch in range(begin, end):
            runs = slice(batches[batch], batches[batch + 1])
            _flood_batch(bits, flat, shape, ways, first[runs], length[runs], memory)

    for_ranges(flood_batches, len(batches) - 1, size=1, on_part=on_part)


def _batches(
    mask: NDArray[np.bool_], seeds: NDArray[np.int64], out: NDArray[np.int32], memory: _Memory
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """The runs of the parts that have a seed, part by part, and where batches of parts begin among them.

    Of a run, its first voxel (counted through) and its length. `out` is made ready: -1 is to be reached.
    """
    runs = np.empty(mask.shape[:2], np.int32)
    for_ranges(lambda a, b: _mark(mask[a:b], out[a:b], runs[a:b]), len(mask))
    _, begin, end, _, parent, seeded = pieces(out, runs, seeds, memory.take)
    memory.take(_BYTES_PER_RUN * len(begin))
    first = np.asarray(np.repeat(np.arange(runs.size) * mask.shape[2], runs.ravel()) + begin, np.int64)
    length = (end - begin).astype(np.int32, copy=False)
    with_seed = seeded[parent] != 0
    gathering.clear(out.reshape(-1), first[~with_seed], length[~with_seed])
    order = np.flatnonzero(with_seed)
    order = order[np.argsort(parent[order], kind="stable")]
    part: NDArray[np.int32] = parent[order]
    first, length = first[order], length[order]
    if len(order) == 0:
        return first, length, np.zeros(1, np.int64)
    ends = np.append(np.flatnonzero(np.diff(part)) + 1, len(part))  # of the parts, among the runs
    batch = np.cumsum(length, dtype=np.int64)[ends - 1] // _BATCH
    return first, length, np.concatenate([[0], ends[np.flatnonzero(np.diff(batch))], ends[-1:]])


def _flood_batch(
    bits: NDArray[np.uint32], labels: NDArray[np.int32], shape: NDArray[np.int64], ways: NDArray[np.int64],
    first: NDArray[np.int64], length: NDArray[np.int32], memory: _Memory,
) -> None:  # fmt: skip
    """Flood some parts, given by their runs; what no seed reaches is 0 in the end."""
    count = int(length.sum(dtype=np.int64))
    if count > _LARGE:
        _flood_voxels(bits, labels, _STAY, shape, ways, first, length, memory)
        gathering.clear(labels, first, length)
        return
    memory.take(_BYTES_BESIDE * count)
    order = np.argsort(first)
    first, length = first[order], length[order]
    own_bits, own_labels, beside = gathering.gathered(bits, labels, shape, first, length)
    everything = np.zeros(1, np.int64), np.array([count], np.int32)
    _flood_voxels(own_bits, own_labels, beside, shape, ways, *everything, memory)
    gathering.put_back(labels, first, length, own_labels)
    memory.take(-_BYTES_BESIDE * count)


def _flood_voxels(
    bits: NDArray[np.uint32], labels: NDArray[np.int32], beside: NDArray[np.int32], shape: NDArray[np.int64],
    ways: NDArray[np.int64], first: NDArray[np.int64], length: NDArray[np.int32], memory: _Memory,
) -> None:  # fmt: skip
    """Flood the voxels of some runs, from the highest values to the lowest.

    `beside` are the six neighbours of each, -1 where there is none; :data:`_STAY`, if places are those in the volume.
    """
    queue = memory.queue(None, _ROOM)
    for highest, lowest, count in _bands(bits, first, length):
        memory.take(_BYTES_PER_VOXEL * count)
        keys, places = (np.empty((2, count), dtype) for dtype in (np.uint32, np.int64))
        _collect(bits, first, length, np.uint32(highest), np.uint32(lowest), keys[0], places[0])
        for number, (bit, digits) in enumerate(_DIGITS):
            a, b = number % 2, 1 - number % 2
            counts = np.zeros(1 << digits, np.int64)
            _sort_by_digits(keys[a], places[a], keys[b], places[b], np.uint32(bit), counts)
        done = waiting = 0
        while done < count or waiting:
            done, waiting, needed = _flood(keys[1], places[1], bits, labels, beside, shape, ways, *queue, done, waiting)
            if needed > len(queue[0]):
                queue = memory.queue(queue, 2 * needed)
        memory.take(-_BYTES_PER_VOXEL * count)
    memory.take(-_BYTES_PER_PLACE * len(queue[0]))


def _bands(bits: NDArray[np.uint32], first: NDArray[np.int64], length: NDArray[np.int32]) -> list[tuple[int, int, int]]:
    """Ranges of ranks (both ends included) with not too many voxels in each, and how many those are."""
    total = int(length.sum(dtype=np.int64))
    if total <= _BAND:
        return [(0, 2**32 - 1, total)]
    counts = np.zeros(1 << 16, np.int64)
    _count_ranks(bits, first, length, counts)
    bands, begin, held = [], 0, 0
    for bin_, count in enumerate(counts.tolist()):
        if held and held + count > _BAND:
            bands.append((begin << 16, (bin_ << 16) - 1, held))
            begin, held = bin_, 0
        held += count
    return [*bands, (begin << 16, 2**32 - 1, held)]


class _Memory:
    """What all batches that are worked on have taken, told together."""

    def __init__(self, on_memory: Callable[[int], None] | None) -> None:
        self._on_memory, self._lock, self._taken = on_memory, Lock(), 0

    def take(self, nbytes: int) -> None:
        """So many bytes more are about to be taken; fewer where that is negative."""
        with self._lock:
            self._taken += nbytes
            if self._on_memory and nbytes > 0:
                self._on_memory(self._taken)

    def queue(self, old: Queue | None, size: int) -> Queue:
        """A queue with so much room, with what is in the old one."""
        self.take(_BYTES_PER_PLACE * size)
        new = np.empty(size, np.uint64), np.empty(size, np.int32), np.empty(size, np.int64)
        if old:
            held = len(old[0])
            new[0][:held], new[1][:held], new[2][:held] = old
            self.take(-_BYTES_PER_PLACE * held)
        return new


@compiled
def _mark(mask, out, runs):
    """Mark what is to be reached; count the runs in each row."""
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            row, inside = out[z, y], mask[z, y]
            for x in range(row.size):
                row[x] = -1 if inside[x] else 0
            runs[z, y] = count_runs(row)


@compiled
def _rank(bits):
    """A float's bits as a number that rises as the float falls; zeros of both signs are one."""
    if bits & np.uint32(0x80000000):
        return np.uint32(bits) if bits != np.uint32(0x80000000) else np.uint32(0x7FFFFFFF)
    return np.uint32(np.uint32(0x7FFFFFFF) - bits)


@compiled
def _count_ranks(bits, first, length, counts):
    for run in range(first.size):
        for place in range(first[run], first[run] + length[run]):
            counts[_rank(bits[place]) >> 16] += 1


@compiled
def _collect(bits, first, length, highest, lowest, keys, places):
    """The ranks between two, and the voxels that have them, in the order of the runs."""
    count = 0
    for run in range(first.size):
        for place in range(first[run], first[run] + length[run]):
            rank = _rank(bits[place])
            if highest <= rank <= lowest:
                keys[count] = rank
                places[count] = place
                count += 1


@compiled
def _sort_by_digits(keys, places, sorted_keys, sorted_places, bit, counts):
    """Sort by some bits of the keys; equal ones stay in their order."""
    mask = np.uint32(counts.size - 1)
    for n in range(keys.size):
        counts[(keys[n] >> bit) & mask] += 1
    total = 0
    for digit in range(counts.size):
        counts[digit], total = total, total + counts[digit]
    for n in range(keys.size):
        digit = (keys[n] >> bit) & mask
        to = counts[digit]
        sorted_keys[to] = keys[n]
        sorted_places[to] = places[n]
        counts[digit] = to + 1


@compiled
def _before(key, owner, place, other_key, other_owner, other_place):
    if key != other_key:
        return key < other_key
    if owner != other_owner:
        return owner < other_owner
    return place < other_place


@compiled
def _push(keys, owners, where, count, key, owner, place):
    """Add to the queue, a binary heap whose first entry comes before all others; returns how many it holds."""
    i = count
    while i > 0:
        above = (i - 1) >> 1
        if not _before(key, owner, place, keys[above], owners[above], where[above]):
            break
        keys[i], owners[i], where[i] = keys[above], owners[above], where[above]
        i = above
    keys[i], owners[i], where[i] = key, owner, place
    return count + 1


@compiled
def _drop_first(keys, owners, where, count):
    """Take the first entry off the queue; returns how many are left."""
    count -= 1
    key, owner, place = keys[count], owners[count], where[count]
    i = np.int64(0)
    while True:
        below = 2 * i + 1
        if below >= count:
            break
        if below + 1 < count and _before(
            keys[below + 1], owners[below + 1], where[below + 1], keys[below], owners[below], where[below]
        ):
            below += 1
        if not _before(keys[below], owners[below], where[below], key, owner, place):
            break
        keys[i], owners[i], where[i] = keys[below], owners[below], where[below]
        i = below
    keys[i], owners[i], where[i] = key, owner, place
    return count


@compiled
def _flood(ranks, places, bits, labels, beside, shape, ways, keys, owners, where, done, count):
    """Go on until all voxels are done and the queue is empty, or there is no room in it.

    Voxels come in the order of their ranks; those that have a label when their turn comes go on to what is beside
    them, those that have none lie in a hollow. A key in the queue is a level's rank and a way, which order voxels as
    numbers do. A voxel with a way of 0 has its label; one with another may be in the queue several times, and the first
    one counts. Returns how many voxels are done, how many entries the queue holds, and how much room is needed.
    """
    number = ranks.size
    while True:
        if count > 0:
            if count + 6 > keys.size:
                return done, count, count + 6
            key, owner, place = keys[0], owners[0], where[0]
            count = _drop_first(keys, owners, where, count)
            way = np.int64(key & np.uint64(0xFFFFFFFF))
            if way > 0:
                if labels[place] > 0:
                    continue
                labels[place] = owner
            count = _go_on(
                place, owner, key >> np.uint64(32), way, bits, labels, beside, shape, ways, keys, owners, where, count
            )  # fmt: skip
            continue
        if done == number:
            return done, count, np.int64(0)
        rank = ranks[done]
        last = done + 1
        while last < number and ranks[last] == rank:
            last += 1
        if last - done == 1:
            place = places[done]
            if labels[place] > 0:
                count = _go_on(
                    place, labels[place], np.uint64(rank), np.int64(0), bits, labels, beside, shape, ways, keys, owners,
                    where, count,
                )  # fmt: skip
        elif last - done > keys.size:
            return done, count, last - done
        else:
            for n in range(done, last):
                if labels[places[n]] > 0:
                    key = np.uint64(rank) << np.uint64(32)
                    count = _push(keys, owners, where, count, key, labels[places[n]], places[n])
        done = last


@compiled
def _go_on(place, owner, level, way, bits, labels, beside, shape, ways, keys, owners, where, count):
    """From a voxel that is reached to those beside it: darker ones get its label, others wait in the queue."""
    for side in range(6):
        other = np.int64(beside[place, side]) if beside.ndim == 2 else _neighbour(place, side, shape)
        if other < 0 or labels[other] >= 0:
            continue
        if np.uint64(_rank(bits[other])) > level:
            labels[other] = owner
        else:
            longer = np.uint64(min(way + ways[side >> 1], np.int64(0xFFFFFFFF)))
            count = _push(keys, owners, where, count, (level << np.uint64(32)) | longer, owner, other)
    return count


@compiled
def _neighbour(place, side, shape):
    """The voxel beside one along z, y or x, before (0, 2, 4) or after it (1, 3, 5); -1 where the volume ends."""
    width, plane = shape[2], shape[1] * shape[2]
    if side < 2:
        index, end, step = place // plane, shape[0], plane
    elif side < 4:
        index, end, step = place // width % shape[1], shape[1], width
    else:
        index, end, step = place % width, width, np.int64(1)
    if side % 2 == 0:
        return place - step if index > 0 else np.int64(-1)
    return place + step if index + 1 < end else np.int64(-1)
