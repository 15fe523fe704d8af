"""The nearest seed of every mask voxel, by true distance.

The mask is worked on in blocks of a slice, up to 16 × 64 voxels, smaller where seeds are dense. Seeds
lie in a grid of cells, about one to a cell. For a block, cells are looked at in growing windows::

    . . . . . . .      a seed outside a window that reaches r cells beyond the block
    . o . . . . o      is farther than r cells from each of its voxels; so once some
    . . +---+ . .      seed is nearer than that to the *farthest* voxel of the block,
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

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import NOTHING, count_runs, first_other
from isoscale_ij.engines.cpu.threads import for_ranges

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

    marked = np.ascontiguousarray(mask).view(np.uint8)

    def assign_blocks(first: int, last: int) -> None:
        candidates = np.empty(max(1, len(seeds)), np.int64)
        _assign(
            marked, first, last, first_place, seeds, steps, unit, grid.order, grid.start, grid.cells, grid.edge,
            rows, columns, candidates, np.empty(columns, np.float64), np.empty(columns, np.int32), out, runs,
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
    finer,
    unit,
    order,
    start,
    cells,
    edge,
    rows,
    columns,
    candidates,
    nearest,
    owner,
    out,
    runs,
):
    """Rows of blocks `first` to `last`, counted through all slices; `candidates`, `nearest`, `owner` are scratch."""
    height, width = mask.shape[1:]
    blocks = -(-height // rows)
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
                seeds, unit, order, start, cells, edge, candidates,
            )  # fmt: skip
            for line in range(y, bottom):
                row = mask[z, line]
                x = first_other(row, left, right, NOTHING)
                while x < right:
                    begin, x = x, first_other(row, x, right, row[x])
                    _nearest_in_run(
                        z, line, begin, x, origin, seeds, finer, unit, candidates, count, nearest, owner, out[z, line]
                    )
                    x = first_other(row, x, right, NOTHING)
        for y in range(top, bottom):
            if first_other(mask[z, y], 0, width, NOTHING) < width:
                runs[z, y] = count_runs(out[z, y])


@compiled
def _candidates(z, top, bottom, left, right, seeds, unit, order, start, cells, edge, candidates):
    """Seeds that may be nearest to a voxel of the block (fine indices), in any order."""
    box_z = int(z * unit[0] / edge)
    y0, y1 = int(top * unit[1] / edge), int(bottom * unit[1] / edge)
    x0, x1 = int(left * unit[2] / edge), int(right * unit[2] / edge)
    reach = 1
    while True:
        count = 0
        bound = np.inf  # the nearest seed of any voxel of the block is not farther (squared)
        z_first, z_last = max(box_z - reach, 0), min(box_z + reach, cells[0] - 1)
        y_first, y_last = max(y0 - reach, 0), min(y1 + reach, cells[1] - 1)
        x_first, x_last = max(x0 - reach, 0), min(x1 + reach, cells[2] - 1)
        for i in range(z_first, z_last + 1):
            for j in range(y_first, y_last + 1):
                row = (i * cells[1] + j) * cells[2]
                for k in range(start[row + x_first], start[row + x_last + 1]):
                    s = order[k]
                    dz = (seeds[s, 0] - z) * unit[0]
                    dy = max(abs(seeds[s, 1] - top), abs(seeds[s, 1] - bottom)) * unit[1]
                    dx = max(abs(seeds[s, 2] - left), abs(seeds[s, 2] - right)) * unit[2]
                    bound = min(bound, (dz * dz + dy * dy) + dx * dx)
                    candidates[count] = s
                    count += 1
        whole = (
            z_first == 0 and y_first == 0 and x_first == 0
            and z_last == cells[0] - 1 and y_last == cells[1] - 1 and x_last == cells[2] - 1
        )  # fmt: skip
        if whole or bound <= (reach * edge) ** 2 * (1 - 1e-9):
            break
        reach *= 2
    kept = 0
    for k in range(count):
        s = candidates[k]
        dz = (seeds[s, 0] - z) * unit[0]
        dy = max(top - seeds[s, 1], seeds[s, 1] - bottom, 0) * unit[1]
        dx = max(left - seeds[s, 2], seeds[s, 2] - right, 0) * unit[2]
        if (dz * dz + dy * dy) + dx * dx <= bound * (1 + 1e-9):
            candidates[kept] = s
            kept += 1
    return kept


@compiled
def _nearest_in_run(z, y, left, right, origin, seeds, finer, unit, candidates, count, nearest, owner, out):
    """Labels of the voxels from `left` to `right` of one row."""
    width = right - left
    for x in range(width):
        nearest[x] = np.inf
        owner[x] = 0
    for k in range(count):
        s = candidates[k]
        dz = (origin[0] + z * finer[0] - seeds[s, 0]) * unit[0]
        dy = (origin[1] + y * finer[1] - seeds[s, 1]) * unit[1]
        across = dz * dz + dy * dy
        begin = origin[2] + left * finer[2] - seeds[s, 2]
        label = np.int32(s + 1)
        for x in range(width):
            dx = (begin + x * finer[2]) * unit[2]
            distance = across + dx * dx
            closer = (distance < nearest[x]) | ((distance == nearest[x]) & (label < owner[x]))
            nearest[x] = distance if closer else nearest[x]
            owner[x] = label if closer else owner[x]
    for x in range(width):
        out[left + x] = owner[x]
