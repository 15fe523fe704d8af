"""Gaussian blur: three passes of a finite filter, exact to float32 rounding.

A band of rows goes through all three passes at once, so that nothing leaves the cache between them::

    rows of a slice: the band, and those around it --y--> its rows --x--> the slice's place in a ring
    the last slices, which stand in the ring       --z--> four slices of the band, into out

Along y and z, four outputs are summed over the window of inputs that they share (the weights of the
j-th are shifted by j, and zero where its own window has not begun or has ended); along x, four rows at
a time (:mod:`.vectors`). Each output value is the sum of its products in the order of the input, wherever it
stands in such a group: results do not depend on where a band begins. At the edges the nearest voxel
is repeated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.cpu.vectors import COLUMNS, COLUMNS_ALONG, ROWS, sum_along, sum_rows
from isoscale_ij.engines.taps import gaussian_weights

Floats = NDArray[np.float32]

_BAND = 64  # rows; the fewer, the more often those around a band are read, the more, the less of it stays in a cache
_RING_BYTES = 16 << 20  # the most memory of a thread for slices that are blurred along z next
_TILE = 256  # columns of rows that are read at a time
_PADDING = 16  # floats, so that rows begin in different parts of a cache
_PIECE_BYTES = 1 << 20  # of slices that are converted at a time
_AS_THEY_ARE = (np.uint8, np.uint16, np.float32)  # the types that kernels are compiled for; others are converted


def blur(
    source: NDArray[np.generic],
    sigmas: tuple[float, float, float],
    out: Floats,
    *,
    offset: float = 0.0,
    within: tuple[slice, slice, slice] | None = None,
    on_part: Callable[[float], None] | None = None,
) -> None:
    """Blur `source` less `offset` into `out`; sigmas in voxels, in the order z, y, x.

    `out` (float32, C-contiguous, the shape of `source`) is the only memory of that size used. It may be a part of it,
    that at `within`: what lies around is only read.
    """
    depth, height, width = source.shape
    begin_z, begin_y, begin_x = (0, 0, 0) if within is None else (part.start for part in within)
    along_z, along_y, along_x = (gaussian_weights(s, n) for s, n in zip(sigmas, source.shape, strict=True))
    reach_z, reach_y = len(along_z) // 2, len(along_y) // 2
    shifted_z, shifted_y = _shifted(along_z), _shifted(along_y)
    direct = not offset and source.dtype in _AS_THEY_ARE and source.dtype.isnative and source.flags.c_contiguous
    band = _rows_of_a_band(out.shape[1], 4 * len(shifted_z) * width)
    tiles, rows = -(-width // _TILE), out.shape[1]

    def blur_bands(first: int, last: int) -> None:
        tile = np.empty((tiles, band + len(shifted_y) + ROWS, _TILE + _PADDING), np.float32)
        lines = np.empty((band, tiles * _TILE + len(along_x) + COLUMNS_ALONG + _PADDING), np.float32)
        ring = np.empty((len(shifted_z), band, tiles * _TILE + _PADDING), np.float32)
        rows_y = np.arange(len(shifted_y)) * tile.shape[2]
        places, sums = np.empty(len(shifted_z), np.int64), np.empty((ROWS, COLUMNS), np.float32)
        for top in range(first * band, min(last * band, rows), band):
            bottom = min(top + band, rows)
            row = begin_y + top
            above, below = max(row - reach_y, 0), min(begin_y + bottom + reach_y, height)
            most = depth if direct else max(1, _PIECE_BYTES // (4 * (below - above) * width))
            done = 0  # slices of the output
            for begin in range(0, depth, most):
                end = min(begin + most, depth)
                values, at = source, row  # the whole, as a part of its rows is not contiguous, and read more slowly
                if not direct:
                    values, at = _converted(source[begin:end, above:below], offset), row - above
                done = _blur_band(
                    values, begin, depth, at, bottom - top, begin_x, shifted_y, rows_y, along_x, tile, lines, ring,
                    shifted_z, reach_z, places, sums, out, begin_z, top, done,
                )  # fmt: skip

    for_ranges(blur_bands, -(-rows // band), on_part=on_part)


def _rows_of_a_band(height: int, row_bytes: int) -> int:
    """So many that there are several bands for each thread, and that what is blurred of them is not too much."""
    rows = min(_BAND, -(-height // (4 * thread_count())), _RING_BYTES // row_bytes)
    return max(ROWS, rows // ROWS * ROWS)


def _converted(values: NDArray[np.generic], offset: float) -> Floats:
    if not offset:
        return values.astype(np.float32, order="C")
    return np.subtract(values, offset, dtype=np.float64).astype(np.float32, order="C")


def _shifted(weights: Floats) -> Floats:
    """Weights of neighbouring outputs over the window that they share: (taps + ROWS - 1, ROWS)."""
    table = np.zeros((len(weights) + ROWS - 1, ROWS), np.float32)
    for row in range(ROWS):
        table[row : row + len(weights), row] = weights
    return table


@compiled
def _blur_band(
    source, first, slices, begin, rows, column, weights_y, rows_y, weights_x, tile, lines, ring, weights_z, reach_z,
    places, sums, out, begin_z, top, done,
):  # fmt: skip
    """Go on with a band of `rows` rows of `out`, from `top` on, with the next slices of the source.

    `source` (z, row, x), of `slices` in all, begins with the slice `first`; the band begins at its row `begin`. The
    output begins at its slice `begin_z` and `column`; `done` slices of it are there already. Returns how many there
    are now. (All that is scratch is made by who calls: numba takes longer to compile what makes arrays.)
    """
    depth, columns = out.shape[0], out.shape[2]
    slot = ring.shape[1] * ring.shape[2]
    slice_out = out.shape[1] * columns
    for z in range(first, first + source.shape[0]):
        _blur_in_slice(
            source[z - first], begin, rows, column, columns, weights_y, rows_y, weights_x, tile, lines,
            ring[z % len(ring)],
        )  # fmt: skip
        while done < depth and min(begin_z + done + ROWS - 1 + reach_z, slices - 1) <= z:
            for k in range(places.size):
                places[k] = min(max(begin_z + done - reach_z + k, 0), z) % len(ring) * slot
            count = min(ROWS, depth - done)
            for row in range(rows):
                for left in range(0, columns, COLUMNS):
                    at = row * ring.shape[2] + left
                    if left + COLUMNS <= columns and count == ROWS:
                        here = (done * out.shape[1] + top + row) * columns + left
                        sum_rows(out, here, slice_out, ring, at, places, weights_z, places.size)
                        continue
                    sum_rows(sums, 0, COLUMNS, ring, at, places, weights_z, places.size)
                    for j in range(count):
                        for x in range(min(COLUMNS, columns - left)):
                            out[done + j, top + row, left + x] = sums[j, x]
            done += count
    return done


@compiled
def _blur_in_slice(source, begin, rows, column, wanted, weights_y, rows_y, weights_x, tile, lines, out):
    """Blur along y and x the rows of `source` (row, x) from `begin` on, and of them the columns `wanted` from `column`.

    The others are around them.
    """
    last, columns = source.shape[0] - 1, source.shape[1]
    reach_x, reach_y = weights_x.size // 2, (weights_y.shape[0] - ROWS) // 2
    for row in range((rows + ROWS - 1) // ROWS * ROWS + weights_y.shape[0]):
        line = source[min(max(begin + row - reach_y, 0), last)]
        for part in range(tile.shape[0]):
            into, some = tile[part, row], line[part * _TILE :]
            for x in range(min(_TILE, some.size)):
                into[x] = some[x]
    for left in range(0, columns, COLUMNS):  # column by column, so that the rows of a window stay in the nearest cache
        for row in range(0, rows, ROWS):
            at = (left // _TILE * tile.shape[1] + row) * tile.shape[2] + left % _TILE
            into = row * lines.shape[1] + reach_x + left
            sum_rows(lines, into, lines.shape[1], tile, at, rows_y, weights_y, rows_y.size)
    for row in range(rows):
        line = lines[row]
        line[:reach_x] = line[reach_x]
        line[reach_x + columns : 2 * reach_x + columns] = line[reach_x + columns - 1]
    for row in range(0, rows, ROWS):
        for left in range(0, wanted, COLUMNS_ALONG):
            into, at = row * out.shape[1] + left, row * lines.shape[1] + column + left
            sum_along(out, into, out.shape[1], lines, at, lines.shape[1], weights_x, weights_x.size)
