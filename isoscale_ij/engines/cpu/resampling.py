"""Resampling: one banded matrix an axis, applied to a band of output rows at a time.

::

    source (z, y, x)  --y taps-->  lines (row, x)  --x taps-->  planes (z, row, x')  --z taps-->  out

The `planes` of a band hold its output rows for every input slice. They fit the second-level
cache, so that beside the input and the output hardly any memory is used or moved. Where y and x
stay as they are, the slices themselves take the place of the planes. Along x, lines are turned by
blocks, so that they are summed side by side in vectors, as rows are along y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.cpu.vectors import COLUMNS, SIDE, fetch, sum_row, sum_turned, sum_two_rows, turn
from isoscale_ij.engines.taps import Taps

_BAND_BYTES = 1 << 20
_LINE_BYTES = 64  # of a cache
_FEW = 8  # weights, with which reading rows twice costs less than holding sums
_COLUMNS_AT_A_TIME = 64  # turned, summed and turned back
_VOXELS_AT_A_TIME = 1024  # summed along z, beside which those of some slices stay in the nearest cache
_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def resample(
    source: NDArray[np.generic],
    taps: tuple[Taps, Taps, Taps],
    out: NDArray[np.generic],
    *,
    on_part: Callable[[float], None] | None = None,
) -> None:
    """Weighted sums of `source` (z, y, x) into `out`, of the same type; integers are rounded and clipped.

    The taps are in the order z, y, x; the type of their weights is the type of the sums. Both arrays are C-contiguous.
    """
    along_z, along_y, along_x = taps
    lowest, highest = value_range(out.dtype, along_z.weights.dtype)
    rounded = out.dtype.kind in "iu"
    whole = np.empty(0, _whole_type(out.dtype))
    depth, height, width = source.shape[0], *out.shape[1:]
    sums_type = along_z.weights.dtype
    band = max(1, _BAND_BYTES // (depth * width * sums_type.itemsize))
    if not (source.flags.c_contiguous and out.flags.c_contiguous):
        raise ValueError("resample needs C-contiguous arrays")
    flat = out.reshape(out.shape[0], height * width)

    def blend_slices(first: int, last: int) -> None:
        part = slice(first, last)
        _weigh_planes(
            source.reshape(depth, -1), along_z.first[part], along_z.count[part], along_z.weights[part],
            lowest, highest, rounded, whole, np.empty(_VOXELS_AT_A_TIME, sums_type), flat[part], 0, height * width,
        )  # fmt: skip

    def resample_rows(first: int, last: int) -> None:
        columns = source.shape[2]
        memory = np.empty((depth * min(band, last - first) + SIDE, width), sums_type)
        held = np.empty((2, columns), sums_type)
        lines = np.zeros((SIDE, columns + SIDE), sums_type)  # wider: at 4096 bytes they fight for places in the cache
        turned = np.empty((columns + SIDE, SIDE), sums_type)
        sums = np.zeros((_COLUMNS_AT_A_TIME + SIDE, SIDE), sums_type)
        run = np.empty(_VOXELS_AT_A_TIME, sums_type)
        for begin in range(first, last, band):
            end = min(begin + band, last)
            _weigh_rows(
                source.reshape(-1, columns), depth, *_arrays(along_y), begin, end, *_arrays(along_x),
                along_x.unchanged, held, memory if along_x.unchanged else lines, turned, sums, memory,
            )  # fmt: skip
            planes = memory[: depth * (end - begin)].reshape(depth, -1)
            _weigh_planes(
                planes, *_arrays(along_z), lowest, highest, rounded, whole, run, flat, begin * width, end * width
            )

    if along_y.unchanged and along_x.unchanged:
        for_ranges(blend_slices, out.shape[0], on_part=on_part)
    else:
        for_ranges(resample_rows, height, size=_rows_of_a_part(height, band), on_part=on_part)


def pick(
    source: NDArray[np.generic],
    taps: tuple[Taps, Taps, Taps],
    out: NDArray[np.generic],
    *,
    on_part: Callable[[float], None] | None = None,
) -> None:
    """Nearest-voxel resampling of `source` (z, y, x) into `out`: values are copied, whatever their type."""
    as_bits = _UNSIGNED[source.dtype.itemsize]
    values, picked = source.view(as_bits), out.view(as_bits)
    rows, columns = taps[1].first, taps[2].first
    same_columns = taps[2].unchanged

    def pick_rows(first: int, last: int) -> None:
        _pick(values, taps[0].first, rows, columns, same_columns, first, last, picked)

    for_ranges(pick_rows, out.shape[0] * out.shape[1], on_part=on_part)


def _rows_of_a_part(height: int, band: int) -> int:
    """Rows that a thread takes at a time: a whole band, around which rows are read twice, if two are left for each."""
    quarter, half = (-(-height // (parts * thread_count())) for parts in (4, 2))
    return max(quarter, min(band, half))


def _arrays(taps: Taps) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]:
    return taps.first, taps.count, taps.weights


def value_range(dtype: np.dtype[Any], sums: np.dtype[np.floating]) -> tuple[np.floating, np.floating]:
    """Lowest and highest value of `dtype` that the type of the sums can hold."""
    if dtype.kind not in "iu":
        return sums.type(-np.inf), sums.type(np.inf)
    limits = np.iinfo(dtype)
    highest = sums.type(limits.max)
    if float(highest) > limits.max:
        highest = np.nextafter(highest, sums.type(0))
    return sums.type(limits.min), highest


def _whole_type(dtype: np.dtype[np.generic]) -> type[np.integer]:
    """The integer that a sum is cut to on its way to `dtype`: the one the processor converts to fastest."""
    if dtype.kind in "iu" and dtype.itemsize < 4:
        return np.int32
    return np.uint64 if dtype == np.uint64 else np.int64


@compiled
def _weigh_rows(
    source, depth, first_y, count_y, weights_y, first_row, last_row, first_x, count_x, weights_x, same_x,
    held, lines, turned, sums, planes,
):  # fmt: skip
    """Apply the taps of y and x: rows of `source`, of one slice after the other, to those of `planes`.

    Where x stays as it is, `lines` are the planes.
    """
    height, columns = source.shape[0] // depth, source.shape[1]
    taps = weights_y.shape[1]
    narrow, few = columns < COLUMNS, taps <= _FEW
    line = _LINE_BYTES // source.itemsize
    done = 0
    for z in range(depth):
        top = z * height
        summed = top + first_y[first_row]
        held[0] = -0.0
        for row in range(first_row, last_row):
            at = done % lines.shape[0]
            first, count = top + first_y[row], count_y[row]
            end = first + count
            following = row
            next_first = soon = until = end
            if row + 1 < last_row:
                following = row + 1
                next_first = top + first_y[following]
                soon, until = max(end, next_first), next_first + count_y[following]
            elif z + 1 < depth:
                soon = top + height + first_y[first_row]
                until = soon + count_y[first_row]
            if narrow:
                _weigh_narrow_row(source, first, weights_y[row], count, lines[at])
            elif few and until <= soon:
                for left in range(0, columns, COLUMNS):
                    x = min(left, columns - COLUMNS)  # what is summed twice comes out the same
                    sum_row(
                        lines, at * lines.shape[1] + x, source, first * columns + x, columns,
                        weights_y, row * taps, count,
                    )  # fmt: skip
            else:
                here = (row - first_row) % 2
                both = min(max(summed, next_first), end)
                for left in range(0, columns, COLUMNS):
                    for ahead in range(soon, until):  # no processor foresees in which order rows are read
                        for x in range(left + (-left & line - 1), min(left + COLUMNS, columns), line):
                            fetch(source, ahead * columns + x)
                    x = min(left, columns - COLUMNS)
                    if few:
                        sum_row(
                            lines, at * lines.shape[1] + x, source, first * columns + x, columns,
                            weights_y, row * taps, count,
                        )  # fmt: skip
                    else:
                        sum_two_rows(
                            lines, at * lines.shape[1] + x, held, here * columns + x, (1 - here) * columns + x,
                            source, x, columns, weights_y, row * taps - first, following * taps - next_first,
                            summed, next_first, both, end,
                        )  # fmt: skip
                summed = max(end, next_first)
            done += 1
            if not same_x and done % SIDE == 0:
                _weigh_columns(lines, first_x, count_x, weights_x, turned, sums, planes, done - SIDE)
    if not same_x and done % SIDE:
        _weigh_columns(lines, first_x, count_x, weights_x, turned, sums, planes, done - done % SIDE)


@compiled
def _weigh_narrow_row(source, first, weights, count, sums):
    """The weighted sum of rows of `source` from `first` on, where they are narrower than a block."""
    values = source[first]
    for x in range(values.size):
        sums[x] = weights[0] * sums.dtype.type(values[x])
    for k in range(1, count):
        values = source[first + k]
        for x in range(values.size):
            sums[x] = multiply_add(weights[k], sums.dtype.type(values[x]), sums[x])


@compiled
def _weigh_columns(lines, first, count, weights, turned, sums, out, at):
    """Weighted sums along each of SIDE lines, into the rows of `out` from `at` on."""
    columns, width = lines.shape[1], first.size
    for start in range(0, width, _COLUMNS_AT_A_TIME):
        left, right = max(0, min(start, width - SIDE)), min(start + _COLUMNS_AT_A_TIME, width)
        for x in range(first[left], first[right - 1] + count[right - 1], SIDE):
            turn(turned, x * SIDE, SIDE, lines, x, columns)
        for x in range(left, right):
            sum_turned(sums, (x - left) * SIDE, turned, first[x] * SIDE, SIDE, weights, x * weights.shape[1], count[x])
        if width < SIDE:
            for line in range(SIDE):
                for x in range(width):
                    out[at + line, x] = sums[x, line]
        else:
            for block in range(left, right, SIDE):
                x = min(block, right - SIDE)
                turn(out, at * width + x, width, sums, (x - left) * SIDE, SIDE)


@compiled
def _weigh_planes(planes, first, count, weights, lowest, highest, rounded, whole, sums, out, begin, end):
    """Apply the taps of z: `planes` (z, voxels) to the voxels from `begin` to `end` of `out`, rounded where integer."""
    half = sums.dtype.type(0.5)
    for z in range(out.shape[0]):
        n = count[z]
        w0 = weights[z, 0]
        step = end - begin if n <= 2 else sums.size
        for at in range(begin, end, step):
            until = min(at + step, end)
            result = out[z, at:until]
            v0 = planes[first[z], at - begin : until - begin]
            if n <= 2:
                v1 = v0
                w1 = sums.dtype.type(0)
                if n == 2:
                    v1 = planes[first[z] + 1, at - begin : until - begin]
                    w1 = weights[z, 1]
                if rounded and n == 2:
                    for x in range(result.size):
                        s = multiply_add(w1, sums.dtype.type(v1[x]), w0 * sums.dtype.type(v0[x]))
                        result[x] = whole.dtype.type(min(max(np.floor(s + half), lowest), highest))
                elif rounded:
                    for x in range(result.size):
                        value = np.floor(w0 * sums.dtype.type(v0[x]) + half)
                        result[x] = whole.dtype.type(min(max(value, lowest), highest))
                elif n == 2:
                    for x in range(result.size):
                        result[x] = multiply_add(w1, sums.dtype.type(v1[x]), w0 * sums.dtype.type(v0[x]))
                else:
                    for x in range(result.size):
                        result[x] = w0 * sums.dtype.type(v0[x])
                continue
            for x in range(result.size):
                sums[x] = w0 * sums.dtype.type(v0[x])
            for k in range(1, n):
                values = planes[first[z] + k, at - begin : until - begin]
                weight = weights[z, k]
                for x in range(result.size):
                    sums[x] = multiply_add(weight, sums.dtype.type(values[x]), sums[x])
            if rounded:
                for x in range(result.size):
                    result[x] = whole.dtype.type(min(max(np.floor(sums[x] + half), lowest), highest))
            else:
                for x in range(result.size):
                    result[x] = sums[x]


@compiled
def _pick(source, slices, rows, columns, same_columns, first, last, out):
    """Copy the rows `first` to `last`, counted through all slices: ``source[slices[z], rows[y], columns[x]]``."""
    for item in range(first, last):
        z, y = item // rows.size, item % rows.size
        values = source[slices[z], rows[y]]
        result = out[z, y]
        if same_columns:
            for x in range(result.size):
                result[x] = values[x]
        else:
            for x in range(result.size):
                result[x] = values[columns[x]]
