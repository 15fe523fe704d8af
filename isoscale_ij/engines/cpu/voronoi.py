"""The nearest seed of every mask voxel, by true distance.

The mask is worked on in blocks of up to 4 × 16 × 64 voxels, smaller where seeds are dense. Seeds lie in a grid of
cells, about one to a cell. For a block, cells are looked at in growing windows until there is a seed::

    . . . . . . .      a seed outside a window that reaches r beyond the block
    . o . . . . o      is farther than r from each of its voxels; so with r how
    . . +---+ . .      far some seed is from the *farthest* voxel of the block,
    . . | b | o .      no seed outside can be the nearest of any
    . . +---+ . .
    . . . o . . .

Of the few seeds that may be nearest to some voxel of the block, those that may be to one of a slice of it are
compared voxel by voxel. What lies beside has most of them, too: with those of the block before, the window of the next
is small at once. A distance is ``(dz² + dy²) + dx²`` in float64, from differences of integer indices: seeds at the same
distance give the very same number, and the lower label wins.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, inlined
from isoscale_ij.engines.cpu.runs import NOTHING, count_runs, first_other
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.cpu.vectors import AT_ONCE, nearest_of

_LARGEST, _SMALLEST = (4, 16, 64), (1, 2, 8)  # voxels of a block along z, y, x


def assign(
    mask: NDArray[np.bool_],
    seeds: NDArray[np.int64],
    finer: tuple[int, int, int],
    spacing: tuple[float, float, float],
    out: NDArray[np.int32],
    *,
    origin: tuple[int, int, int] | None = None,
    on_part: Callable[[float], None] | None = None,
) -> NDArray[np.int32]:
    """Give each mask voxel the label (1, 2, …) of its nearest seed, the others 0.

    Parameters
    ----------
    mask : array of bool, (z, y, x)
    seeds : array of int, (n, 3)
        Fine indices (z, y, x) in the order of the labels.
    finer : (int, int, int)
        Fine steps in a voxel.
    spacing : (float, float, float)
        Voxel size.
    out : array of int32, (z, y, x)
    origin : (int, int, int), optional
        The voxel at which the mask begins, where it is a block of a larger volume; seeds may lie outside of it.

    Returns
    -------
    array of int32, (z, y)
        Runs of equal label in each row.
    """
    runs = np.zeros(mask.shape[:2], np.int32)
    steps = np.array(finer, np.int64)
    unit = np.array(spacing, np.float64) / steps
    extent = np.array(mask.shape) * spacing
    first_place = np.array(origin or (0, 0, 0), np.int64) * steps
    if len(seeds) and origin is not None:
        low = np.minimum(first_place, seeds.min(axis=0))
        extent = np.maximum((first_place - low) * unit + extent, (seeds.max(axis=0) - low + steps) * unit)
        seeds, first_place = seeds - low, first_place - low
    grid = SeedGrid(seeds, unit, extent)

    deep, rows, columns = (
        int(np.clip(grid.edge / size, smallest, largest))
        for size, smallest, largest in zip(spacing, _SMALLEST, _LARGEST, strict=True)
    )
    blocks = -(-mask.shape[0] // deep) * -(-mask.shape[1] // rows)  # rows of blocks

    by_cell, numbers = np.ascontiguousarray(seeds[grid.order].T, np.float64), (grid.order + 1).astype(np.int32)
    marked = np.ascontiguousarray(mask).view(np.uint8)

    def assign_blocks(first: int, last: int) -> None:
        some, few, across, begins, names = (
            np.empty(len(seeds), dtype) for dtype in (np.int64, np.int64, np.float64, np.float64, np.int32)
        )
        _assign(
            marked, first, last, first_place, *by_cell, numbers, steps, unit, grid.start, grid.cells, grid.edge,
            deep, rows, columns, some, few, across, begins, names, np.empty(AT_ONCE, np.int32), out, runs,
        )  # fmt: skip

    if len(seeds) == 0:
        out[...] = 0
    else:
        for_ranges(assign_blocks, blocks, on_part=on_part)
    return runs


class SeedGrid:
    """Seeds sorted into cubic cells: those of cell c are ``order[start[c] : start[c + 1]]``."""

    def __init__(self, seeds: NDArray[np.int64], unit: NDArray[np.float64], extent: NDArray[np.float64]) -> None:
        present = extent[extent > extent.max() * 1e-3]
        self.edge = float((np.prod(present) / max(1, len(seeds))) ** (1 / len(present)))
        self.cells = np.maximum(1, np.ceil(extent / self.edge)).astype(np.int64)
        cell = np.minimum((seeds * unit / self.edge).astype(np.int64), self.cells - 1)
        key = (cell[:, 0] * self.cells[1] + cell[:, 1]) * self.cells[2] + cell[:, 2]
        self.order = np.argsort(key, kind="stable")
        self.start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=int(np.prod(self.cells))))])


@compiled
def _assign(
    mask,
    first,
    last,
    origin,
    at_z,
    at_y,
    at_x,
    numbers,
    finer,
    unit,
    start,
    cells,
    edge,
    deep,
    rows,
    columns,
    some,
    few,
    across,
    begins,
    names,
    owners,
    out,
    runs,
):
    """Rows of blocks `first` to `last`, counted through the volume.

    Seeds at `at_z`, `at_y`, `at_x` are in the order of their cells, with their `numbers`; `some` … `owners` are
    scratch.
    """
    depth, height, width = mask.shape
    across_y = -(-height // rows)
    leftmost = np.int64(0)  # not a literal, for which numba would compile what is called once more
    for item in range(first, last):
        front, top = item // across_y * deep, item % across_y * rows
        back, bottom = min(front + deep, depth), min(top + rows, height)
        for z in range(front, back):
            for y in range(top, bottom):
                for x in range(width):
                    out[z, y, x] = 0
        low_z, high_z = _place(front, origin, finer, 0), _place(back - 1, origin, finer, 0)
        low_y, high_y = _place(top, origin, finer, 1), _place(bottom - 1, origin, finer, 1)
        known = 0
        for left in range(0, width, columns):
            right = min(left + columns, width)
            low_x, high_x = _place(left, origin, finer, 2), _place(right - 1, origin, finer, 2)
            sought = False
            for z in range(front, back):
                y = top
                while y < bottom and first_other(mask[z, y], left, right, NOTHING) == right:
                    y += 1
                if y == bottom:
                    continue
                if not sought:
                    sought = True
                    known = _of_block(
                        low_z, high_z, low_y, high_y, low_x, high_x, at_z, at_y, at_x, unit, start, cells, edge, some,
                        known,
                    )  # fmt: skip
                place_z = _place(z, origin, finer, 0)
                count = _kept(
                    place_z, place_z, low_y, high_y, low_x, high_x, at_z, at_y, at_x, unit, some, known, few
                )  # fmt: skip
                for k in range(count):
                    begins[k], names[k] = origin[2] - at_x[few[k]], numbers[few[k]]
                for line in range(y, bottom):
                    row = mask[z, line]
                    x = first_other(row, left, right, NOTHING)
                    if x == right:
                        continue
                    place_y = _place(line, origin, finer, 1)
                    for k in range(count):
                        s = few[k]
                        dz, dy = (place_z - at_z[s]) * unit[0], (place_y - at_y[s]) * unit[1]
                        across[k] = dz * dz + dy * dy
                    while x < right:
                        begin, x = x, first_other(row, x, right, row[x])
                        for at in range(begin, x, AT_ONCE):
                            nearest_of(owners, across, begins, names, count, np.float64(at * finer[2]),
                                       np.float64(finer[2]), unit[2])  # fmt: skip
                            for k in range(min(AT_ONCE, x - at)):
                                out[z, line, at + k] = owners[k]
                        x = first_other(row, x, right, NOTHING)
            if not sought:
                known = 0  # the next block is not beside one of which seeds are known
        for z in range(front, back):
            for y in range(top, bottom):
                if first_other(mask[z, y], leftmost, width, NOTHING) < width:
                    runs[z, y] = count_runs(out[z, y])


@compiled
def _place(index, origin, finer, axis):
    """The fine index of a voxel, as a real number."""
    return np.float64(origin[axis] + index * finer[axis])


@inlined
def _of_block(
    front, back, top, bottom, left, right, at_z, at_y, at_x, unit, start, cells, edge, some, known
):  # fmt: skip
    """Seeds that may be nearest to a voxel of the block (fine indices), in any order.

    Of those of the block before, the first `known` of `some`, one may be near.
    """
    bound, reach = np.inf, 0.0  # no voxel of the block is farther from its nearest seed (squared)
    for k in range(known):
        s = some[k]
        bound = min(bound, _farthest(at_z[s], at_y[s], at_x[s], front, back, top, bottom, left, right, unit))
    low_z, low_y, low_x = front * unit[0], top * unit[1], left * unit[2]
    high_z, high_y, high_x = back * unit[0], bottom * unit[1], right * unit[2]
    count = 0
    found = bound < np.inf
    while True:
        if found:
            reach = np.sqrt(bound) * (1 + 1e-9)
        for i in range(_cell(low_z - reach, edge, cells[0]), _cell(high_z + reach, edge, cells[0]) + 1):
            for j in range(_cell(low_y - reach, edge, cells[1]), _cell(high_y + reach, edge, cells[1]) + 1):
                row = (i * cells[1] + j) * cells[2]
                first, last = _cell(low_x - reach, edge, cells[2]), _cell(high_x + reach, edge, cells[2])
                for s in range(start[row + first], start[row + last + 1]):
                    z, y, x = at_z[s], at_y[s], at_x[s]
                    some[count] = s
                    count += _nearest(z, y, x, front, back, top, bottom, left, right, unit) <= bound * (1 + 1e-9)
                    bound = min(bound, _farthest(z, y, x, front, back, top, bottom, left, right, unit))
        if found:
            return _kept(front, back, top, bottom, left, right, at_z, at_y, at_x, unit, some, count, some)
        count, found = 0, bound < np.inf
        reach = max(edge, 2 * reach)


@inlined
def _kept(front, back, top, bottom, left, right, at_z, at_y, at_x, unit, some, count, few):
    """Those of `some` seeds that may be nearest to a voxel of the block, into `few`."""
    bound = np.inf
    for k in range(count):
        s = some[k]
        bound = min(bound, _farthest(at_z[s], at_y[s], at_x[s], front, back, top, bottom, left, right, unit))
    kept = 0
    for k in range(count):
        s = some[k]
        few[kept] = s
        kept += _nearest(at_z[s], at_y[s], at_x[s], front, back, top, bottom, left, right, unit) <= bound * (1 + 1e-9)
    return kept


@compiled
def _cell(place, edge, cells):
    """The cell that a place lies in, along an axis."""
    return min(max(np.int64(place / edge), 0), cells - 1)


@compiled
def _farthest(at_z, at_y, at_x, front, back, top, bottom, left, right, unit):
    """How far a seed is from the farthest voxel of the block, squared."""
    dz = max(abs(at_z - front), abs(at_z - back)) * unit[0]
    dy = max(abs(at_y - top), abs(at_y - bottom)) * unit[1]
    dx = max(abs(at_x - left), abs(at_x - right)) * unit[2]
    return (dz * dz + dy * dy) + dx * dx


@compiled
def _nearest(at_z, at_y, at_x, front, back, top, bottom, left, right, unit):
    """How far a seed is from the block, squared."""
    dz = max(front - at_z, at_z - back, 0.0) * unit[0]
    dy = max(top - at_y, at_y - bottom, 0.0) * unit[1]
    dx = max(left - at_x, at_x - right, 0.0) * unit[2]
    return (dz * dz + dy * dy) + dx * dx
