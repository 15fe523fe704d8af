"""Runs: stretches of equal label in a row, of which label images are looked at rather than voxel by voxel.

Where a run ends is found by comparing 64 values at once: most of a stack is background. The compiler makes no vectors
of a loop that ends early, so the comparison is written in its intermediate code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled, inlined
from isoscale_ij.engines.cpu.registers import address_of, spread
from isoscale_ij.engines.cpu.threads import for_ranges

_WIDTH = 64  # values that are compared at once: a bit for each
_BITS = ir.IntType(_WIDTH)

NOTHING = np.uint8(0)
"""What a mask of bytes has where it is not."""


class Runs(NamedTuple):
    """The runs of a slice, row by row, without the background: a tuple of arrays, as kernels take it."""

    rows: NDArray[np.int64]  # the number of the first run of each row, and behind the last one how many there are
    begins: NDArray[np.int32]
    ends: NDArray[np.int32]
    labels: NDArray[np.int32]

    @classmethod
    def room_for(cls, height: int, width: int) -> Runs:
        """Room for the runs of any slice of that size; memory is taken only where there are some."""
        begins, ends, labels = (np.empty(height * width, np.int32) for _ in range(3))
        return cls(np.zeros(height + 1, np.int64), begins, ends, labels)


@inlined
def run_end(row, begin):
    """Where the run ends that begins at `begin` of a row."""
    return first_other(row, begin + 1, row.size, row[begin])


@compiled
def first_other(row, begin, end, value):
    """The first place from `begin` on that has not `value`, `end` if none has; of a C-contiguous row of integers."""
    x = begin
    while x < end:
        at = min(x, row.size - _WIDTH)
        if at < 0:
            while x < end and row[x] == value:
                x += 1
            return x
        x = at + _first_other(row, at, value, x - at)
        if x < at + _WIDTH:
            break
    return min(x, end)


@intrinsic  # type: ignore[untyped-decorator]
def _first_other(typing_context: Any, row: Any, at: Any, value: Any, skipped: Any) -> Any:
    """The first of the 64 values from `at` on, not counting the first `skipped`, that is not `value`; 64 if none is."""
    del typing_context
    if not (isinstance(row, types.Array) and row.layout == "C" and isinstance(row.dtype, types.Integer)):
        return None
    if value != row.dtype:
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, at, value, skipped = arguments
        vector = ir.VectorType(value.type, _WIDTH)
        place = address_of(context, builder, signature.args[0], row, at)
        values = builder.load(builder.bitcast(place, vector.as_pointer()), align=signature.args[0].dtype.bitwidth // 8)
        others = builder.bitcast(builder.icmp_unsigned("!=", values, spread(builder, value, _WIDTH)), _BITS)
        wanted = builder.shl(_BITS(-1), skipped)
        function = ir.FunctionType(_BITS, [_BITS, ir.IntType(1)])
        count = cgutils.get_or_insert_function(builder.module, function, f"llvm.cttz.i{_WIDTH}")
        return builder.call(count, [builder.and_(others, wanted), ir.IntType(1)(0)])

    return types.int64(row, types.int64, value, types.int64), generate


@compiled
def find_runs(plane, runs):
    """Write down the runs of a slice; the lowest and the highest label, 0 included."""
    lowest, highest = np.int32(0), np.int32(0)
    count = 0
    for y in range(plane.shape[0]):
        row = plane[y]
        runs.rows[y] = count
        end = 0
        while end < row.size:
            begin, end = end, run_end(row, end)
            label = row[begin]
            if label != 0:
                runs.begins[count], runs.ends[count], runs.labels[count] = begin, end, label
                lowest, highest = min(lowest, label), max(highest, label)
                count += 1
    runs.rows[plane.shape[0]] = count
    return lowest, highest


@compiled
def count_runs(row):
    """Runs in a row, background not counted."""
    count = np.int32(row[0] != 0)
    for x in range(1, row.size):
        count += np.int32((row[x] != row[x - 1]) & (row[x] != 0))
    return count


def count_runs_per_row(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Runs in each row (z, y)."""
    runs = np.empty(labels.shape[:2], np.int32)
    for_ranges(lambda first, last: _count_rows(labels[first:last], runs[first:last]), len(labels))
    return runs


@compiled
def _count_rows(labels, runs):
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            runs[z, y] = count_runs(labels[z, y])
