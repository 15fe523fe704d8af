"""What this machine can do: the least time that moving bytes, and multiplying and adding, takes here."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numba import njit

from isoscale_ij.engines.cpu.threads import thread_count
from isoscale_ij.engines.cpu.vectors import COLUMNS, ROWS, sum_rows

_BYTES = 1 << 28
_REPEATS = 7
_TIMES = 20_000


def machine() -> dict[str, Any]:
    """Rates of a copy (bytes read and written) and of the first touch of new memory, on one core and on all."""
    return {
        "cores": os.cpu_count(),
        "threads": thread_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "copy_gb_per_s": _copy_rate(1),
        "first_touch_gb_per_s": _touch_rate(1),
        "copy_gb_per_s_all": _copy_rate(thread_count()),
        "first_touch_gb_per_s_all": _touch_rate(thread_count()),
        "multiply_adds_g_per_s_all": _multiply_adds(thread_count()),
    }


def least_seconds(here: dict[str, Any], bytes_in: int, bytes_out: int, *, new: bool) -> float:
    """The time to read the input once and write the output once, into new memory or into memory that is there."""
    seconds = bytes_in / here["copy_gb_per_s_all"]
    seconds += bytes_out / here["first_touch_gb_per_s_all" if new else "copy_gb_per_s_all"]
    return seconds / 1e9


def _copy_rate(threads: int) -> float:
    source, target = np.ones(_BYTES, np.uint8), np.ones(_BYTES, np.uint8)
    return 2 * _rate(lambda part: np.copyto(target[part], source[part]), threads)


def _touch_rate(threads: int) -> float:
    rates = []
    for _ in range(_REPEATS):
        fresh = np.empty(_BYTES, np.uint8)
        rates.append(_rate(partial(_fill, fresh), threads, repeats=1))
    return statistics.median(rates)


def _fill(target: np.ndarray, part: slice) -> None:
    target[part].fill(1)


def _multiply_adds(threads: int) -> float:
    """Of float32, in 10^9/s, where all that is needed lies in the nearest cache: the innermost loop of our blur."""
    rows, taps = 64, 64
    values = [np.ones((rows + taps, COLUMNS), np.float32) for _ in range(threads)]
    weights, places = np.ones((taps, ROWS), np.float32), np.arange(taps) * COLUMNS
    sums = [np.zeros((ROWS, COLUMNS), np.float32) for _ in range(threads)]
    _sum_often(sums[0], values[0], places, weights, rows, 1)
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_REPEATS):
            begin = time.perf_counter()
            list(pool.map(lambda k: _sum_often(sums[k], values[k], places, weights, rows, _TIMES), range(threads)))
            seconds = time.perf_counter() - begin
            rates.append(threads * _TIMES * (rows // ROWS) * ROWS * COLUMNS * taps / seconds / 1e9)
    return statistics.median(rates)


@njit(nogil=True)
def _sum_often(sums, values, places, weights, rows, times):  # noqa: ANN001, ANN202  (numba infers them)
    for _ in range(times):
        for row in range(0, rows, ROWS):
            sum_rows(sums, 0, COLUMNS, values, row * COLUMNS, places, weights, places.size)


def _rate(work: Callable[[slice], object], threads: int, *, repeats: int = _REPEATS) -> float:
    """GB/s, the median of some runs over all bytes in equal parts."""
    step = _BYTES // threads
    parts = [slice(begin, begin + step) for begin in range(0, step * threads, step)]
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            begin = time.perf_counter()
            list(pool.map(work, parts))
            rates.append(step * threads / (time.perf_counter() - begin) / 1e9)
    return statistics.median(rates)
