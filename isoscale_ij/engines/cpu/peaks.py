"""What is known of each label in one look at the voxels: its highest value, what is above its limit, its size.

All are reductions over voxels in any order: maxima, counts, and comparisons of each voxel on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import count_runs, run_end
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count


def peaks(
    labels: NDArray[np.int32],
    values: NDArray[np.float32],
    count: int,
    *,
    on_memory: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """The highest value in each of the labels 0 … `count`; minus infinity where there is no voxel, and for 0."""
    highest = np.full(count + 1, -np.inf, np.float32)
    if on_memory:
        on_memory(highest.nbytes * (1 + thread_count()))
    lock = Lock()

    def seek(first: int, last: int) -> None:
        mine = np.full(count + 1, -np.inf, np.float32)
        _raise_peaks(labels[first:last], values[first:last], mine)
        with lock:
            np.maximum(highest, mine, out=highest)

    for_ranges(seek, len(labels), size=max(1, -(-len(labels) // (2 * thread_count()))))
    return highest


def cut(labels: NDArray[np.int32], values: NDArray[np.float32], limits: NDArray[np.float64]) -> NDArray[np.int32]:
    """Leave, in place, of each label what is strictly above its limit; return the runs of equal label in each row."""
    runs = np.empty(labels.shape[:2], np.int32)
    for_ranges(lambda a, b: _cut(labels[a:b], values[a:b], limits, runs[a:b]), len(labels))
    return runs


def census(
    labels: NDArray[np.int32], count: int, *, on_memory: Callable[[int], None] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Voxels of each of the labels 0 … `count` (0 for the background), and whether one of them is at the border."""
    sizes, touches = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.bool_)
    if on_memory:
        on_memory((sizes.nbytes + touches.nbytes) * (1 + thread_count()))
    lock = Lock()

    def tell(first: int, last: int) -> None:
        mine, at_border = np.zeros_like(sizes), np.zeros_like(touches)
        _count(labels, first, last, mine, at_border)
        with lock:
            np.add(sizes, mine, out=sizes)
            np.logical_or(touches, at_border, out=touches)

    for_ranges(tell, len(labels), size=max(1, -(-len(labels) // (2 * thread_count()))))
    sizes[0], touches[0] = 0, False
    return sizes, touches


@compiled
def _count(labels, first, last, sizes, touches):
    """Voxels of each label in the slices `first` to `last`; and which labels are at the border of the volume.

    An axis of one voxel has no border.
    """
    depth, height, width = labels.shape
    for z in range(first, last):
        for y in range(height):
            row = labels[z, y]
            at_border = (depth > 1 and (z == 0 or z == depth - 1)) or (height > 1 and (y == 0 or y == height - 1))
            end = 0
            while end < width:
                begin, end = end, run_end(row, end)
                sizes[row[begin]] += end - begin
                if at_border or (width > 1 and (begin == 0 or end == width)):
                    touches[row[begin]] = True


@compiled
def _raise_peaks(labels, values, highest):
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            row, heights = labels[z, y], values[z, y]
            end = 0
            while end < row.size:
                begin, end = end, run_end(row, end)
                if row[begin] != 0:
                    peak = highest[row[begin]]
                    for x in range(begin, end):
                        peak = max(peak, heights[x])
                    highest[row[begin]] = peak


@compiled
def _cut(labels, values, limits, runs):
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            row, heights = labels[z, y], values[z, y]
            end = 0
            while end < row.size:
                begin, end = end, run_end(row, end)
                if row[begin] != 0:
                    limit = limits[row[begin]]
                    for x in range(begin, end):
                        row[x] = row[x] if heights[x] > limit else 0
            runs[z, y] = count_runs(row)
