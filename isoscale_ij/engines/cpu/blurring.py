"""Gaussian blur: three passes of a finite filter, exact to float32 rounding.

Along y and z, four output rows are summed together over the window of input rows that they
share, so that each value loaded serves four sums::

    input rows      k k+1 k+2 k+3 k+4 …          (weights of row j are shifted by j,
    output row 0    w0 w1  w2  w3 …                zero where its window has not begun
    output row 1       w0  w1  w2 …                or has ended)
    output row 2           w0  w1 …
    output row 3               w0 …

Along x, eight shifted copies of a row are summed at a time. Each output value is the sum of its
products in the order of the input, wherever it stands in such a group: results do not depend on
where a block begins. At the edges the nearest voxel is repeated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.taps import gaussian_weights

Floats = NDArray[np.float32]

_TILE = 256  # columns that are worked on together; a tile of rows stays in the second-level cache


def blur(
    source: NDArray[np.generic],
    sigmas: tuple[float, float, float],
    out: Floats,
    *,
    offset: float = 0.0,
    on_part: Callable[[float], None] | None = None,
) -> None:
    """Blur `source` less `offset` into `out`; sigmas in voxels, in the order z, y, x.

    `out` (float32, C-contiguous, the shape of `source`) is the only memory of that size used.
    """
    depth, height, width = source.shape
    along_z, along_y, along_x = (gaussian_weights(s, n) for s, n in zip(sigmas, source.shape, strict=True))
    share_xy = 0.7 if len(along_z) > 1 else 1.0

    halo = len(along_y) // 2
    bands = _bands(depth, height, halo)

    def blur_bands(first: int, last: int) -> None:
        most = -(-height // bands) + 2 * halo
        wide = np.empty((most, width), np.float32)
        between = np.empty((most, width), np.float32)
        scratch = _row_scratch(most, len(along_y))
        shifted = np.empty(width + len(along_x) + 8, np.float32)
        for z, band in (divmod(item, bands) for item in range(first, last)):
            top, bottom = height * band // bands, height * (band + 1) // bands
            above = min(halo, top)
            rows = slice(top - above, min(bottom + halo, height))
            plane = wide[: rows.stop - rows.start]
            if offset:
                np.subtract(source[z, rows], offset, out=plane, dtype=np.float64, casting="unsafe")
            else:
                np.copyto(plane, source[z, rows], casting="unsafe")
            blurred = plane
            if len(along_y) > 1:
                _blur_rows(plane, 0, 1, len(plane), _shifted_by_row(along_y), halo, *scratch, between)
                blurred = between
            blurred = blurred[above : above + bottom - top]
            if len(along_x) > 1:
                _blur_columns(blurred, _padded(along_x, 8), len(along_x) // 2, shifted, out[z, top:bottom])
            else:
                out[z, top:bottom] = blurred

    def blur_across_slices(first: int, last: int) -> None:
        scratch = _row_scratch(depth, len(along_z))
        weights, rows = _shifted_by_row(along_z), out.reshape(-1, width)
        for y in range(first, last):
            _blur_rows(rows, y, height, depth, weights, len(along_z) // 2, *scratch, rows)

    def part(begin: float, share: float) -> Callable[[float], None] | None:
        return None if on_part is None else lambda done: on_part(begin + share * done)

    for_ranges(blur_bands, depth * bands, on_part=part(0.0, share_xy))
    if len(along_z) > 1:
        for_ranges(blur_across_slices, height, on_part=part(share_xy, 1 - share_xy))


def _bands(depth: int, height: int, halo: int) -> int:
    """Bands of rows to cut each slice into, so that a few slices keep all threads busy.

    A band is blurred with the rows around it that it needs, so it should be much higher than those.
    """
    wanted = -(-2 * thread_count() // depth)
    return max(1, min(wanted, height // (4 * halo + 16)))


def _row_scratch(rows: int, taps: int) -> tuple[Floats, Floats]:
    """A tile of input rows with their repeated edges, and four rows of sums."""
    return np.empty((rows + taps + 8, _TILE), np.float32), np.empty((4, _TILE), np.float32)


def _padded(weights: Floats, multiple: int) -> Floats:
    return np.pad(weights, (0, -len(weights) % multiple))


def _shifted_by_row(weights: Floats) -> Floats:
    """Weights of four neighbouring outputs over the window that they share: (4, taps + 3, rounded up)."""
    taps = len(weights)
    table = np.zeros((4, -(-(taps + 3) // 4) * 4), np.float32)
    for row in range(4):
        table[row, row : row + taps] = weights
    return table


@compiled
def _blur_rows(source, first, step, count, weights, radius, tile, sums, out):
    """Blur across the rows first, first + step, … (`count` of them), tile by tile; `out` may be `source`."""
    columns = source.shape[1]
    window = weights.shape[1]
    for left in range(0, columns, _TILE):
        width = min(_TILE, columns - left)
        for row in range((count + 3) // 4 * 4 + window):
            line = source[first + step * min(max(row - radius, 0), count - 1)]
            for x in range(width):
                tile[row, x] = line[left + x]
        for row in range(0, count, 4):
            _sum_four_rows(tile, row, weights, sums, width)
            for j in range(min(4, count - row)):
                line = out[first + step * (row + j)]
                for x in range(width):
                    line[left + x] = sums[j, x]


@compiled
def _sum_four_rows(tile, first, weights, sums, width):
    """Sums of four neighbouring output rows over the input rows from `first` on."""
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    for x in range(width):
        s0[x] = 0
        s1[x] = 0
        s2[x] = 0
        s3[x] = 0
    for k in range(0, weights.shape[1], 4):
        r0, r1, r2, r3 = tile[first + k], tile[first + k + 1], tile[first + k + 2], tile[first + k + 3]
        a0, a1, a2, a3 = weights[0, k], weights[0, k + 1], weights[0, k + 2], weights[0, k + 3]
        b0, b1, b2, b3 = weights[1, k], weights[1, k + 1], weights[1, k + 2], weights[1, k + 3]
        c0, c1, c2, c3 = weights[2, k], weights[2, k + 1], weights[2, k + 2], weights[2, k + 3]
        d0, d1, d2, d3 = weights[3, k], weights[3, k + 1], weights[3, k + 2], weights[3, k + 3]
        for x in range(width):
            v0, v1, v2, v3 = r0[x], r1[x], r2[x], r3[x]
            s0[x] = multiply_add(a3, v3, multiply_add(a2, v2, multiply_add(a1, v1, multiply_add(a0, v0, s0[x]))))
            s1[x] = multiply_add(b3, v3, multiply_add(b2, v2, multiply_add(b1, v1, multiply_add(b0, v0, s1[x]))))
            s2[x] = multiply_add(c3, v3, multiply_add(c2, v2, multiply_add(c1, v1, multiply_add(c0, v0, s2[x]))))
            s3[x] = multiply_add(d3, v3, multiply_add(d2, v2, multiply_add(d1, v1, multiply_add(d0, v0, s3[x]))))


@compiled
def _blur_columns(source, weights, radius, line, out):
    """Blur along the second axis of `source` (rows, columns); `weights` padded to a multiple of 8."""
    rows, columns = source.shape
    length = columns + weights.size
    for y in range(rows):
        values = source[y]
        for x in range(length):
            line[x] = values[min(max(x - radius, 0), columns - 1)]
        sums = out[y]
        for x in range(columns):
            sums[x] = 0
        for k in range(0, weights.size, 8):
            v0, v1, v2, v3 = line[k:], line[k + 1 :], line[k + 2 :], line[k + 3 :]
            v4, v5, v6, v7 = line[k + 4 :], line[k + 5 :], line[k + 6 :], line[k + 7 :]
            w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            w4, w5, w6, w7 = weights[k + 4], weights[k + 5], weights[k + 6], weights[k + 7]
            for x in range(columns):
                s = multiply_add(
                    w3, v3[x], multiply_add(w2, v2[x], multiply_add(w1, v1[x], multiply_add(w0, v0[x], sums[x])))
                )
                sums[x] = multiply_add(
                    w7, v7[x], multiply_add(w6, v6[x], multiply_add(w5, v5[x], multiply_add(w4, v4[x], s)))
                )
