"""Runs: stretches of equal label in a row, of which label images are looked at rather than voxel by voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.threads import for_ranges

_STRETCH = 32  # labels that are compared at once


@compiled
def run_end(row, begin):
    """Where the run ends that begins at `begin`."""
    label = row[begin]
    x = begin + 1
    while x + _STRETCH <= row.size:
        differences = row[x] ^ label
        for k in range(1, _STRETCH):
            differences |= row[x + k] ^ label
        if differences != 0:
            break
        x += _STRETCH
    while x < row.size and row[x] == label:
        x += 1
    return x


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
