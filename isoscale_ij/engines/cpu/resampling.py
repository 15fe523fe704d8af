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
from isoscale_ij.engines.taps import Taps

_BAND_BYTES = 1 << 20
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
        line = np.empty(source.shape[2], sums_type)
        sums = np.empty(width, sums_type)
        for begin in range(first, last, band):
            end = min(begin + band, last)
            _weigh_rows(source, *_arrays(along_y), begin, end, *_arrays(along_x), along_x.unchanged, line, planes)
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
    source, first_y, count_y, weights_y, first_row, last_row, first_x, count_x, weights_x, same_x, line, planes
):
    """Apply the taps of y and x: `source` (z, y, x) to `planes` (z, rows of the band, x')."""
    columns = source.shape[2]
    for z in range(source.shape[0]):
        for row in range(first_row, last_row):
            y = first_y[row]
            n = count_y[row]
            values = source[z, y]
            weight = weights_y[row, 0]
            for x in range(columns):
                line[x] = weight * line.dtype.type(values[x])
            k = 1
            while k + 4 <= n:
                v0, v1, v2, v3 = source[z, y + k], source[z, y + k + 1], source[z, y + k + 2], source[z, y + k + 3]
                w0, w1, w2, w3 = weights_y[row, k], weights_y[row, k + 1], weights_y[row, k + 2], weights_y[row, k + 3]
                for x in range(columns):
                    s = multiply_add(w0, line.dtype.type(v0[x]), line[x])
                    s = multiply_add(w1, line.dtype.type(v1[x]), s)
                    s = multiply_add(w2, line.dtype.type(v2[x]), s)
                    line[x] = multiply_add(w3, line.dtype.type(v3[x]), s)
                k += 4
            while k < n:
                values = source[z, y + k]
                weight = weights_y[row, k]
                for x in range(columns):
                    line[x] = multiply_add(weight, line.dtype.type(values[x]), line[x])
                k += 1
            result = planes[z, row - first_row]
            if same_x:
                for x in range(columns):
                    result[x] = line[x]
            else:
                for x in range(first_x.size):
                    begin = first_x[x]
                    s = weights_x[x, 0] * line[begin]
                    for k in range(1, count_x[x]):
                        s = multiply_add(weights_x[x, k], line[begin + k], s)
                    result[x] = s


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
