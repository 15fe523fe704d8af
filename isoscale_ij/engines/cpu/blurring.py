"""Gaussian blur: three passes of a finite filter, exact to float32 rounding.

A band of rows goes through all three passes at once, so that nothing leaves the cache between them::

    rows of a slice: the band, and those around it --y--> columns --x--> rows, the slice's place in a ring
    the last slices, which stand in the ring       --z--> four slices of the band, into out

Four outputs at a time are summed over the window of inputs that they share (the weights of the j-th are shifted
by j, and zero where its own window has not begun or has ended). What is summed are whole rows, so that the sums along
y are stored as columns, those along x as rows again (:mod:`.vectors`). Each output value is the sum of its products
in the order of the input, wherever it stands in such a group: results do not depend on where a band begins. At the
edges the nearest voxel is repeated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, inlined
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.cpu.vectors import COLUMNS, ROWS, sum_rows, sum_rows_turned
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
    reach_z, reach_y, reach_x = (len(weights) // 2 for weights in (along_z, along_y, along_x))
    shifted_z, shifted_y, shifted_x = _shifted(along_z), _shifted(along_y), _shifted(along_x)
    direct = not offset and source.dtype in _AS_THEY_ARE and source.dtype.isnative and source.flags.c_contiguous
    pieces = _pieces(out.shape, reach_z, reach_x)
    _, band, columns = (max(part.stop - part.start for part in parts) for parts in zip(*pieces, strict=True))

    def blur_pieces(first: int, last: int) -> None:
        tiles = -(-(columns + 2 * reach_x) // _TILE)
        tile = np.empty((tiles, band + len(shifted_y) + ROWS, _TILE + _PADDING), np.float32)
        lines = np.empty((tiles * _TILE + len(shifted_x) + COLUMNS, _whole(band) + _PADDING), np.float32)
        ring = np.empty((len(shifted_z), _whole(band), _whole(columns) + _PADDING), np.float32)
        rows_y, rows_x = (np.arange(len(w)) * a.shape[-1] for w, a in ((shifted_y, tile), (shifted_x, lines)))
        places, sums = np.empty(len(shifted_z), np.int64), np.empty((ROWS, COLUMNS), np.float32)
        for slices, rows, some in pieces[first:last]:
            row = begin_y + rows.start
            above, below = max(row - reach_y, 0), min(begin_y + rows.stop + reach_y, height)
            most = depth if direct else max(1, _PIECE_BYTES // (4 * (below - above) * width))
            done, end_z = slices.start, min(begin_z + slices.stop + reach_z, depth)
            for begin in range(max(begin_z + slices.start - reach_z, 0), end_z, most):
                end = min(begin + most, end_z)
                values, at = source[begin:end], row  # all rows: a part of them is not contiguous, and read more slowly
                if not direct:
                    values, at = _converted(source[begin:end, above:below], offset), row - above
                done = _blur_piece(
                    values, begin, depth, at, rows.stop - rows.start, begin_x + some.start, some.stop - some.start,
                    shifted_y, rows_y, shifted_x, rows_x, tile, lines, ring, shifted_z, reach_z, places, sums,
                    out[: slices.stop], begin_z, rows.start, some.start, done,
                )  # fmt: skip

    for_ranges(blur_pieces, len(pieces), on_part=on_part)


def _pieces(shape: tuple[int, ...], reach_z: int, reach_x: int) -> list[tuple[slice, slice, slice]]:
    """What is blurred in one go: bands of rows, in parts where the ring would be too large, or for the threads.

    Parts are wider than what the blur reaches to either side: that is blurred along y for each of two neighbours.
    """
    depth, height, width = shape
    parts = -(-width * _BAND * 4 * (2 * reach_z + ROWS) // _RING_BYTES)
    columns = -(-width // max(1, min(parts, width // max(1, 4 * reach_x))))
    across = [
        (slice(top, min(top + _BAND, height)), slice(left, min(left + columns, width)))
        for top in range(0, height, _BAND)
        for left in range(0, width, columns)
    ]
    threads = thread_count()
    wanted = 1 if threads == 1 else -(-4 * threads // len(across))
    slices = -(-depth // max(1, min(wanted, depth // (ROWS + 4 * reach_z))))
    return [(slice(begin, min(begin + slices, depth)), *rest) for begin in range(0, depth, slices) for rest in across]


def _whole(count: int) -> int:
    """So many that they are whole vectors."""
    return -(-count // COLUMNS) * COLUMNS


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
def _blur_piece(
    source, first, slices, begin, rows, column, columns, weights_y, rows_y, weights_x, rows_x, tile, lines, ring,
    weights_z, reach_z, places, sums, out, begin_z, top, left, done,
):  # fmt: skip
    """Go on with `rows` rows and `columns` columns of `out`, from `top` and `left` on, with the next slices.

    `source` (z, row, x), of `slices` in all, begins with the slice `first`; the piece begins at its row `begin` and its
    `column`, the output at its slice `begin_z`; `done` slices are there already. Returns how many there are now.
    (All that is scratch is made by who calls: numba takes longer to compile what makes arrays.)
    """
    depth, height, width = out.shape
    slot, ring_width = ring.shape[1] * ring.shape[2], ring.shape[2]
    for z in range(first, first + source.shape[0]):
        _blur_in_slice(
            source[z - first], begin, rows, column, columns, weights_y, rows_y, weights_x, rows_x, tile, lines,
            ring[z % len(ring)],
        )  # fmt: skip
        while done < depth and min(begin_z + min(done + ROWS, depth) - 1 + reach_z, slices - 1) <= z:
            for k in range(places.size):
                places[k] = min(max(begin_z + done - reach_z + k, 0), z) % len(ring) * slot
            count = min(ROWS, depth - done)
            for row in range(rows):
                for some in range(0, columns, COLUMNS):
                    at = row * ring_width + some
                    if some + COLUMNS <= columns and count == ROWS:
                        here = (done * height + top + row) * width + left + some
                        sum_rows(out, here, height * width, ring, at, places, weights_z, places.size)
                        continue
                    sum_rows(sums, 0, COLUMNS, ring, at, places, weights_z, places.size)
                    for j in range(count):
                        for x in range(min(COLUMNS, columns - some)):
                            out[done + j, top + row, left + some + x] = sums[j, x]
            done += count
    return done


@inlined
def _blur_in_slice(
    source, begin, rows, column, columns, weights_y, rows_y, weights_x, rows_x, tile, lines, out
):  # fmt: skip
    """Blur along y and x the rows of `source` (row, x) from `begin` on, and of them the columns from `column` on.

    The others are around them. `lines` has a row for each column, of those around them as well.
    """
    reach_y, reach_x = (weights_y.shape[0] - ROWS) // 2, (weights_x.shape[0] - ROWS) // 2
    first, last = max(column - reach_x, 0), min(column + columns + reach_x, source.shape[1])
    for row in range((rows + ROWS - 1) // ROWS * ROWS + weights_y.shape[0]):
        line = source[min(max(begin + row - reach_y, 0), source.shape[0] - 1)]
        for part in range(tile.shape[0]):
            into, some = tile[part, row], line[min(first + part * _TILE, last) : last]
            for x in range(min(_TILE, some.size)):
                into[x] = some[x]
    offset = first - column + reach_x
    for left in range(0, last - first, COLUMNS):  # by columns, so that the rows of a window stay in the nearest cache
        for row in range(0, rows, ROWS):
            at = (left // _TILE * tile.shape[1] + row) * tile.shape[2] + left % _TILE
            into = (offset + left) * lines.shape[1] + row
            sum_rows_turned(lines, into, lines.shape[1], tile, at, rows_y, weights_y, rows_y.size)
    for x in range(offset):
        for row in range(rows):
            lines[x, row] = lines[offset, row]
    for x in range(offset + last - first, columns + 2 * reach_x + ROWS):
        for row in range(rows):
            lines[x, row] = lines[offset + last - first - 1, row]
    for row in range(0, rows, COLUMNS):
        for left in range(0, columns, ROWS):
            at, into = left * lines.shape[1] + row, row * out.shape[1] + left
            sum_rows_turned(out, into, out.shape[1], lines, at, rows_x, weights_x, rows_x.size)
