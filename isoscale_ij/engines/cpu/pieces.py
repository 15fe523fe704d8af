"""Every label in one piece, with its seed in it.

A *run* is a stretch of equal label in a row. Runs of one label that touch by faces are joined
into *pieces* (union-find over runs, never over voxels)::

    row y      ..1111..222222....      runs: (1, 2-6), (2, 8-14)
    row y + 1  ...111111..2222...      runs: (1, 3-9), (2, 11-15)      two pieces

The piece that holds a label's seed is settled. In rounds, every other piece that touches settled
pieces goes to the label it shares most voxel faces with, the lower where two share as many, and
is settled from the next round on. What touches nothing settled in the end is background.

Where a part is not to be given away (:func:`keep_pieces`), every piece without a seed is background.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import run_end
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

_BYTES_PER_RUN = 20  # its ends, label, piece, and what that is settled to
_BYTES_PER_CONTACT = 48  # with the sorting of those that are settled in a round


def join_pieces(
    labels: Ints, runs_per_row: Ints, homes: Longs, *, on_memory: Callable[[int], None] | None = None
) -> int:
    """Give away, in place, each part of a label that hangs not together with its seed.

    Parameters
    ----------
    labels : array of int32, (z, y, x)
    runs_per_row : array of int32, (z, y)
        Runs in each row of `labels`.
    homes : array of int, (n, 3)
        The voxel (z, y, x) of each label's seed; it must carry that label.
    on_memory : callable, optional
        Told the bytes that are about to be taken; may raise to stop it.

    Returns
    -------
    int
        Voxels that did not hang together with their seed.
    """
    depth, height, _ = labels.shape
    start, begin, end, _, parent, settled = pieces(labels, runs_per_row, homes, on_memory)
    number = _list_loose(parent, settled, np.empty(0, np.int32))
    if number == 0:
        return 0
    loose = np.empty(number, np.int32)
    _list_loose(parent, settled, loose)
    settle_loose(contacts(loose, start, begin, end, parent, depth, height, on_memory), settled)
    return int(write_runs(labels, loose, start, begin, end, settled[parent[loose]]))


def keep_pieces(
    labels: Ints, runs_per_row: Ints, homes: Longs, *, on_memory: Callable[[int], None] | None = None
) -> None:
    """Keep, in place, the parts of labels that hang together with one of `homes`; the rest becomes background.

    What stays is numbered anew, 1, 2, … in the order of `homes`.

    Parameters
    ----------
    labels : array of int32, (z, y, x)
    runs_per_row : array of int32, (z, y)
        Runs in each row of `labels`.
    homes : array of int, (n, 3)
        A voxel (z, y, x) of each label that stays; no two of the same label.
    on_memory : callable, optional
        Told the bytes that are about to be taken; may raise to stop it.
    """
    depth, height, _ = labels.shape
    start, begin, end, value, parent, settled = pieces(labels, runs_per_row, homes, on_memory)
    numbers = np.zeros(int(value.max(initial=0)) + 1, np.int32)
    numbers[labels[tuple(homes.T)]] = np.arange(1, len(homes) + 1)
    for_ranges(lambda a, b: _write_kept(labels, a, b, start, begin, end, parent, settled, numbers), depth * height)


def pieces(
    labels: Ints, runs_per_row: Ints, homes: Longs, on_memory: Callable[[int], None] | None
) -> tuple[Longs, Ints, Ints, Ints, Ints, Ints]:
    """The first run of each row; where each run begins and ends, its label, its piece; the label of each piece."""
    depth, height, _ = labels.shape
    start = np.zeros(depth * height + 1, np.int64)
    np.cumsum(runs_per_row, out=start[1:])
    count = int(start[-1])
    if on_memory:
        on_memory(count * _BYTES_PER_RUN + start.nbytes)
    begin, end, value, parent = (np.empty(count, np.int32) for _ in range(4))
    slab = max(1, -(-depth // (4 * thread_count())))

    for_ranges(lambda a, b: _find_runs(labels, a, b, start, begin, end, value), depth, size=slab)
    for_ranges(lambda a, b: _join_runs(start, begin, end, value, parent, height, a, b), depth, size=slab)
    for z in range(slab, depth, slab):
        _join_slices(start, begin, end, value, parent, height, z)
    _point_to_roots(parent)

    row = homes[:, 0] * height + homes[:, 1]
    settled = np.zeros(count, np.int32)  # by root: the label that a piece has come to
    _settle_seeds(start, begin, value, parent, row, homes[:, 2].copy(), settled)
    return start, begin, end, value, parent, settled


def contacts(
    loose: Ints, start: Longs, begin: Ints, end: Ints, parent: Ints, depth: int, height: int,
    on_memory: Callable[[int], None] | None,
) -> Ints:  # fmt: skip
    """Rows (loose piece, other piece, faces they share)."""
    rows = np.empty(len(loose), np.int32)
    _rows_of(loose, start, rows)
    arguments = (loose, rows, start, begin, end, parent, depth, height)
    number = _list_contacts(*arguments, np.empty((0, 3), np.int32))
    if on_memory:
        on_memory(len(parent) * _BYTES_PER_RUN + start.nbytes + 8 * len(loose) + number * _BYTES_PER_CONTACT)
    contacts = np.empty((number, 3), np.int32)
    _list_contacts(*arguments, contacts)
    return contacts


def settle_loose(contacts: NDArray[np.integer], settled: Ints) -> None:
    """Rounds of giving away, until nothing changes; `settled` has the label that each piece has come to, or 0."""
    while len(contacts):
        now = contacts[settled[contacts[:, 1]] != 0]
        if len(now) == 0:
            return
        piece, label, faces = now[:, 0], settled[now[:, 1]], now[:, 2]
        del now
        order = np.lexsort((label, piece))
        piece, label, faces = piece[order], label[order], faces[order]
        group = np.flatnonzero(np.r_[True, (piece[1:] != piece[:-1]) | (label[1:] != label[:-1])])
        piece, label, faces = piece[group], label[group], np.add.reduceat(faces, group)
        best = np.lexsort((label, -faces, piece))
        winners = best[np.r_[True, piece[best][1:] != piece[best][:-1]]]
        settled[piece[winners]] = label[winners]
        contacts = contacts[settled[contacts[:, 0]] == 0]


@compiled
def _find_runs(labels, first, last, start, begin, end, value):
    """The runs of the slices `first` to `last`."""
    height = labels.shape[1]
    for z in range(first, last):
        for y in range(height):
            run = start[z * height + y]
            if run == start[z * height + y + 1]:
                continue
            row = labels[z, y]
            x = 0
            while x < row.size:
                first, x = x, run_end(row, x)
                if row[first] != 0:
                    begin[run], end[run], value[run] = first, x, row[first]
                    run += 1


@compiled
def _root(parent, run):
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@compiled
def _join_rows(start, begin, end, value, parent, one, other):
    """Join the runs of one label that lie beside each other in two neighbouring rows."""
    i, last_i = start[one], start[one + 1]
    j, last_j = start[other], start[other + 1]
    while i < last_i and j < last_j:
        if value[i] == value[j] and begin[i] < end[j] and begin[j] < end[i]:
            a, b = _root(parent, i), _root(parent, j)
            if a < b:
                parent[b] = a
            elif b < a:
                parent[a] = b
        if end[i] < end[j]:
            i += 1
        else:
            j += 1


@compiled
def _join_runs(start, begin, end, value, parent, height, first, last):
    """Join runs within the slices `first` to `last`."""
    for z in range(first, last):
        for y in range(height):
            row = z * height + y
            for run in range(start[row], start[row + 1]):
                parent[run] = run
            if y > 0:
                _join_rows(start, begin, end, value, parent, row, row - 1)
            if z > first:
                _join_rows(start, begin, end, value, parent, row, row - height)


@compiled
def _join_slices(start, begin, end, value, parent, height, z):
    """Join the runs of slice `z` with those of the slice before it."""
    for row in range(z * height, (z + 1) * height):
        _join_rows(start, begin, end, value, parent, row, row - height)


@compiled
def _point_to_roots(parent):
    for run in range(parent.size):
        parent[run] = parent[parent[run]]  # a parent comes before its child, and points to the root by now


@compiled
def _settle_seeds(start, begin, value, parent, rows, columns, settled):
    """Settle the piece at each seed's voxel."""
    for s in range(rows.size):
        run, last = start[rows[s]], start[rows[s] + 1]
        while last - run > 1:  # the last run that begins at or before the seed
            middle = (run + last) // 2
            if begin[middle] <= columns[s]:
                run = middle
            else:
                last = middle
        settled[parent[run]] = value[run]


@compiled
def _list_loose(parent, settled, loose):
    """Count the runs whose piece is not settled; list them where `loose` has room."""
    count = 0
    for run in range(parent.size):
        if settled[parent[run]] == 0:
            if count < loose.size:
                loose[count] = run
            count += 1
    return count


@compiled
def _rows_of(runs, start, rows):
    """The row that each of some rising runs stands in."""
    row = 0
    for n in range(runs.size):
        while start[row + 1] <= runs[n]:
            row += 1
        rows[n] = row


@compiled
def _list_contacts(loose, rows, start, begin, end, parent, depth, height, contacts):
    """Count the contacts of the loose runs with other pieces; list them where `contacts` has room."""
    count = 0
    for n in range(loose.size):
        run, row = loose[n], rows[n]
        z, y = row // height, row % height
        for side in range(6):
            if side == 0:
                other, last = run - 1, run
            elif side == 1:
                other, last = run + 1, run + 2
            else:
                near = row + (-1 if side == 2 else 1 if side == 3 else -height if side == 4 else height)
                if (side == 2 and y == 0) or (side == 3 and y == height - 1):
                    continue
                if (side == 4 and z == 0) or (side == 5 and z == depth - 1):
                    continue
                other, last = start[near], start[near + 1]
                while last - other > 1:  # the last run that begins at or before this one
                    middle = (other + last) // 2
                    if begin[middle] <= begin[run]:
                        other = middle
                    else:
                        last = middle
                last = start[near + 1]
            for k in range(other, last):
                if side == 0 and (run == start[row] or end[k] != begin[run]):
                    continue
                if side == 1 and (k == start[row + 1] or begin[k] != end[run]):
                    continue
                faces = 1
                if side > 1:
                    if begin[k] >= end[run]:
                        break
                    faces = min(end[k], end[run]) - max(begin[k], begin[run])
                if faces > 0 and parent[k] != parent[run]:
                    if count < contacts.shape[0]:
                        contacts[count, 0] = parent[run]
                        contacts[count, 1] = parent[k]
                        contacts[count, 2] = faces
                    count += 1
    return count


@compiled
def write_runs(labels, loose, start, begin, end, new):
    """Write the new labels of the loose runs; return how many voxels that was."""
    height = labels.shape[1]
    changed = 0
    row = 0
    for n in range(loose.size):
        run = loose[n]
        while start[row + 1] <= run:
            row += 1
        place, label = labels[row // height, row % height], new[n]
        for x in range(begin[run], end[run]):
            place[x] = label
        changed += end[run] - begin[run]
    return changed


@compiled
def _write_kept(labels, first, last, start, begin, end, parent, settled, numbers):
    """Number the runs in the rows `first` to `last` anew: 0 for those whose piece is not settled."""
    height = labels.shape[1]
    for row in range(first, last):
        for run in range(start[row], start[row + 1]):
            new = numbers[settled[parent[run]]]
            place = labels[row // height, row % height]
            if place[begin[run]] != new:
                place[begin[run] : end[run]] = new
