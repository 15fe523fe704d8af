"""Resampling: one banded matrix an axis, applied to a band of output rows at a time.

::

    source (z, y, x)  --y taps-->  one row  --x taps-->  planes (z, row, x')  --z taps-->  out

The `planes` of a band hold its output rows for every input slice. They fit the second-level
cache, so that beside the input and the output hardly any memory is used or moved. Where y and x
stay as they are, the slices themselves take the place of the planes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, multiply_add
from isoscale_ij.engines.cpu.threads import for_ranges
from isoscale_ij.engines.cpu.vectors import COLUMNS, ROWS, fetch, sum_row
from isoscale_ij.engines.taps import Taps

_BAND_BYTES = 1 << 20
_LINE_BYTES = 64  # of a cache
_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def resample(
    source: NDArray[np.generic],
    taps: tuple[Taps, Taps, Taps],
    out: NDArray[np.generic],
    *,
    on_part: Callable[[float], None] | None = None,
) -> None:
    """Weighted sums of `source` (z, y, x) into `out`, of the same type; integers are rounded and clipped.

    The taps are in the order z, y, x; the type of their weights is the type of the sums.
    """
    along_z, along_y, along_x = taps
    lowest, highest = value_range(out.dtype, along_z.weights.dtype)
    rounded = out.dtype.kind in "iu"
    whole = np.empty(0, _whole_type(out.dtype))
    depth, height, width = source.shape[0], *out.shape[1:]
    sums_type = along_z.weights.dtype
    band = max(1, _BAND_BYTES // (depth * width * sums_type.itemsize))

    def blend_slices(first: int, last: int) -> None:
        part = slice(first, last)
        _weigh_planes(
            source, 0, along_z.first[part], along_z.count[part], along_z.weights[part],
            lowest, highest, rounded, whole, np.empty(width, sums_type), out[part], 0, height,
        )  # fmt: skip

    def resample_rows(first: int, last: int) -> None:
        planes = np.empty((depth, min(band, last - first), width), sums_type)
        lines = np.zeros((ROWS, source.shape[2]), sums_type)
        sums = np.empty(width, sums_type)
        for begin in range(first, last, band):
            end = min(begin + band, last)
            _weigh_rows(source, *_arrays(along_y), begin, end, *_arrays(along_x), along_x.unchanged, lines, planes)
            _weigh_planes(planes, begin, *_arrays(along_z), lowest, highest, rounded, whole, sums, out, begin, end)

    if along_y.unchanged and along_x.unchanged:
        for_ranges(blend_slices, out.shape[0], on_part=on_part)
    else:
        for_ranges(resample_rows, height, on_part=on_part)


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
    source, first_y, count_y, weights_y, first_row, last_row, first_x, count_x, weights_x, same_x, lines, planes
):
    """Apply the taps of y and x: `source` (z, y, x) to `planes` (z, rows of the band, x')."""
    for z in range(source.shape[0]):
        for row in range(first_row, last_row, ROWS):
            rows = min(ROWS, last_row - row)
            for j in range(rows):
                after = row + j + 1
                if after < last_row:
                    _fetch_rows(source[z], first_y[after - 1] + count_y[after - 1], first_y[after] + count_y[after])
                elif z + 1 < source.shape[0]:
                    _fetch_rows(source[z + 1], first_y[first_row], first_y[first_row] + count_y[first_row])
                into = lines if not same_x else planes[z]
                at = j if not same_x else row - first_row + j
                _weigh_row(source[z], first_y[row + j], weights_y[row + j], count_y[row + j], into, at)
            if not same_x:
                _weigh_columns(lines, first_x, count_x, weights_x, planes[z, row - first_row :], rows)


@compiled
def _fetch_rows(source, first, last):
    """Ask for rows of `source` (y, x), whose pieces are not read in the order in which processors foresee it."""
    columns = source.shape[1]
    for at in range(first * columns, last * columns, _LINE_BYTES // source.itemsize):
        fetch(source, at)


@compiled
def _weigh_row(source, first, weights, count, out, at):
    """The weighted sum of rows of `source` (y, x) from `first` on, into the row `at` of `out`."""
    columns = source.shape[1]
    if columns < COLUMNS:
        values, sums = source[first], out[at]
        for x in range(columns):
            sums[x] = weights[0] * sums.dtype.type(values[x])
        for k in range(1, count):
            values = source[first + k]
            for x in range(columns):
                sums[x] = multiply_add(weights[k], sums.dtype.type(values[x]), sums[x])
        return
    for left in range(0, columns, COLUMNS):
        x = min(left, columns - COLUMNS)  # what is summed twice comes out the same
        sum_row(out, at * out.shape[1] + x, source, first * columns + x, columns, weights, 0, count)


@compiled
def _weigh_columns(lines, first, count, weights, out, rows):
    """Weighted sums along each of ROWS lines, at a time, so that they do not wait for each other."""
    l0, l1, l2, l3 = lines[0], lines[1], lines[2], lines[3]
    for x in range(first.size):
        begin, weight = first[x], weights[x, 0]
        s0, s1, s2, s3 = weight * l0[begin], weight * l1[begin], weight * l2[begin], weight * l3[begin]
        for k in range(1, count[x]):
            place, weight = begin + k, weights[x, k]
            s0 = multiply_add(weight, l0[place], s0)
            s1 = multiply_add(weight, l1[place], s1)
            s2 = multiply_add(weight, l2[place], s2)
            s3 = multiply_add(weight, l3[place], s3)
        out[0, x] = s0
        if rows > 1:
            out[1, x] = s1
        if rows > 2:
            out[2, x] = s2
        if rows > 3:
            out[3, x] = s3


@compiled
def _weigh_planes(
    planes, plane_row, first, count, weights, lowest, highest, rounded, whole, sums, out, first_row, last_row
):
    """Apply the taps of z: `planes` (z, row - plane_row, x) to `out` (z', row, x), rounded where it is integer."""
    columns = out.shape[2]
    half = sums.dtype.type(0.5)
    for z in range(out.shape[0]):
        begin = first[z]
        n = count[z]
        w0 = weights[z, 0]
        for row in range(first_row, last_row):
            result = out[z, row]
            v0 = planes[begin, row - plane_row]
            if n <= 2:
                v1 = v0
                w1 = sums.dtype.type(0)
                if n == 2:
                    v1 = planes[begin + 1, row - plane_row]
                    w1 = weights[z, 1]
                if rounded and n == 2:
                    for x in range(columns):
                        s = multiply_add(w1, sums.dtype.type(v1[x]), w0 * sums.dtype.type(v0[x]))
                        result[x] = whole.dtype.type(min(max(np.floor(s + half), lowest), highest))
                elif rounded:
                    for x in range(columns):
                        value = np.floor(w0 * sums.dtype.type(v0[x]) + half)
                        result[x] = whole.dtype.type(min(max(value, lowest), highest))
                elif n == 2:
                    for x in range(columns):
                        result[x] = multiply_add(w1, sums.dtype.type(v1[x]), w0 * sums.dtype.type(v0[x]))
                else:
                    for x in range(columns):
                        result[x] = w0 * sums.dtype.type(v0[x])
                continue
            for x in range(columns):
                sums[x] = w0 * sums.dtype.type(v0[x])
            for k in range(1, n):
                values = planes[begin + k, row - plane_row]
                weight = weights[z, k]
                for x in range(columns):
                    sums[x] = multiply_add(weight, sums.dtype.type(values[x]), sums[x])
            if rounded:
                for x in range(columns):
                    result[x] = whole.dtype.type(min(max(np.floor(sums[x] + half), lowest), highest))
            else:
                for x in range(columns):
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
