"""The nearest seed of every mask voxel, by true distance.

The mask is worked on in blocks of a slice, up to 16 × 64 voxels, smaller where seeds are dense. Seeds
lie in a grid of cells, about one to a cell. For a block, cells are looked at in growing windows until there is a seed::

    . . . . . . .      a seed outside a window that reaches r beyond the block
    . o . . . . o      is farther than r from each of its voxels; so with r how
    . . +---+ . .      far some seed is from the *farthest* voxel of the block,
    . . | b | o .      no seed outside can be the nearest of any
    . . +---+ . .
    . . . o . . .

The few seeds that may be nearest to some voxel of the block are compared voxel by voxel. A
distance is ``(dz² + dy²) + dx²`` in float64, from differences of integer indices: seeds at the
same distance give the very same number, and the lower label wins.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, inlined
from isoscale_ij.engines.cpu.runs import NOTHING, count_runs, first_other
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.cpu.vectors import AT_ONCE, nearest_of

_LARGEST, _SMALLEST = (16, 64), (2, 8)  # rows and columns of a block


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

    rows, columns = (
        int(np.clip(grid.edge / size, smallest, largest))
        for size, smallest, largest in zip(spacing[1:], _SMALLEST, _LARGEST, strict=True)
    )

    blocks = -(-mask.shape[1] // rows)  # rows of blocks in a slice

    by_cell, numbers = seeds[grid.order], (grid.order + 1).astype(np.int32)
    marked = np.ascontiguousarray(mask).view(np.uint8)

    def assign_blocks(first: int, last: int) -> None:
        candidates, across, begins, names = (
            np.empty(len(seeds), dtype) for dtype in (np.int64, np.float64, np.float64, np.int32)
        )
        _assign(
            marked, first, last, first_place, by_cell, numbers, steps, unit, grid.start, grid.cells, grid.edge,
            rows, columns, candidates, across, begins, names, np.empty(AT_ONCE, np.int32), out, runs,
        )  # fmt: skip

    if len(seeds) == 0:
        out[...] = 0
    else:
        for_ranges(assign_blocks, mask.shape[0] * blocks, on_part=on_part)
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
    seeds,
    numbers,
    finer,
    unit,
    start,
    cells,
    edge,
    rows,
    columns,
    candidates,
    across,
    begins,
    names,
    owners,
    out,
    runs,
):
    """Rows of blocks `first` to `last`, counted through all slices.

    `seeds` are in the order of their cells, with their `numbers`; `candidates` … `owners` are scratch.
    """
    height, width = mask.shape[1:]
    blocks = -(-height // rows)
    leftmost = np.int64(0)  # not a literal, for which numba would compile what is called once more
    for item in range(first, last):
        z, top = item // blocks, item % blocks * rows
        bottom = min(top + rows, height)
        for y in range(top, bottom):
            for x in range(width):
                out[z, y, x] = 0
        for left in range(0, width, columns):
            right = min(left + columns, width)
            y = top
            while y < bottom and first_other(mask[z, y], left, right, NOTHING) == right:
                y += 1
            if y == bottom:
                continue
            count = _candidates(
                origin[0] + z * finer[0], origin[1] + top * finer[1], origin[1] + (bottom - 1) * finer[1],
                origin[2] + left * finer[2], origin[2] + (right - 1) * finer[2],
                seeds, unit, start, cells, edge, candidates,
            )  # fmt: skip
            for k in range(count):
                begins[k], names[k] = origin[2] - seeds[candidates[k], 2], numbers[candidates[k]]
            for line in range(y, bottom):
                row = mask[z, line]
                x = first_other(row, left, right, NOTHING)
                if x == right:
                    continue
                for k in range(count):
                    s = candidates[k]
                    dz = (origin[0] + z * finer[0] - seeds[s, 0]) * unit[0]
                    dy = (origin[1] + line * finer[1] - seeds[s, 1]) * unit[1]
                    across[k] = dz * dz + dy * dy
                while x < right:
                    begin, x = x, first_other(row, x, right, row[x])
                    for some in range(begin, x, AT_ONCE):
                        nearest_of(owners, across, begins, names, count, np.float64(some * finer[2]),
                                   np.float64(finer[2]), unit[2])  # fmt: skip
                        for k in range(min(AT_ONCE, x - some)):
                            out[z, line, some + k] = owners[k]
                    x = first_other(row, x, right, NOTHING)
        for y in range(top, bottom):
            if first_other(mask[z, y], leftmost, width, NOTHING) < width:
                runs[z, y] = count_runs(out[z, y])


@inlined
def _candidates(z, top, bottom, left, right, seeds, unit, start, cells, edge, candidates):
    """Seeds that may be nearest to a voxel of the block (fine indices), in any order."""
    low_z, low_y, low_x = z * unit[0], top * unit[1], left * unit[2]
    high_y, high_x = bottom * unit[1], right * unit[2]
    bound, reach = np.inf, 0.0  # no voxel of the block is farther from its nearest seed (squared)
    while bound == np.inf:  # some seed that is near
        for i in range(_cell(low_z - reach, edge, cells[0]), _cell(low_z + reach, edge, cells[0]) + 1):
            for j in range(_cell(low_y - reach, edge, cells[1]), _cell(high_y + reach, edge, cells[1]) + 1):
                row = (i * cells[1] + j) * cells[2]
                first, last = _cell(low_x - reach, edge, cells[2]), _cell(high_x + reach, edge, cells[2])
                for s in range(start[row + first], start[row + last + 1]):
                    bound = min(bound, _farthest(seeds, s, z, top, bottom, left, right, unit))
        reach = max(edge, 2 * reach)
    count = 0
    reach = np.sqrt(bound) * (1 + 1e-9)
    for i in range(_cell(low_z - reach, edge, cells[0]), _cell(low_z + reach, edge, cells[0]) + 1):
        for j in range(_cell(low_y - reach, edge, cells[1]), _cell(high_y + reach, edge, cells[1]) + 1):
            row = (i * cells[1] + j) * cells[2]
            first, last = _cell(low_x - reach, edge, cells[2]), _cell(high_x + reach, edge, cells[2])
            for s in range(start[row + first], start[row + last + 1]):
                if _nearest(seeds, s, z, top, bottom, left, right, unit) <= bound * (1 + 1e-9):
                    bound = min(bound, _farthest(seeds, s, z, top, bottom, left, right, unit))
                    candidates[count] = s
                    count += 1
    kept = 0
    for k in range(count):
        s = candidates[k]
        if _nearest(seeds, s, z, top, bottom, left, right, unit) <= bound * (1 + 1e-9):
            candidates[kept] = s
            kept += 1
    return kept


@compiled
def _cell(place, edge, cells):
    """The cell that a place lies in, along an axis."""
    return min(max(np.int64(place / edge), 0), cells - 1)


@compiled
def _farthest(seeds, s, z, top, bottom, left, right, unit):
    """How far a seed is from the farthest voxel of the block, squared."""
    dz = (seeds[s, 0] - z) * unit[0]
    dy = max(abs(seeds[s, 1] - top), abs(seeds[s, 1] - bottom)) * unit[1]
    dx = max(abs(seeds[s, 2] - left), abs(seeds[s, 2] - right)) * unit[2]
    return (dz * dz + dy * dy) + dx * dx


@compiled
def _nearest(seeds, s, z, top, bottom, left, right, unit):
    """How far a seed is from the block, squared."""
    dz = (seeds[s, 0] - z) * unit[0]
    dy = max(top - seeds[s, 1], seeds[s, 1] - bottom, 0) * unit[1]
    dx = max(left - seeds[s, 2], seeds[s, 2] - right, 0) * unit[2]
    return (dz * dz + dy * dy) + dx * dx
