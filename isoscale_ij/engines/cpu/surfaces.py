"""Where labels end: how many neighbours of their voxels, in which of the 26 directions, have not their label.

Pairs of neighbours with the same label are counted, each pair once; all other neighbours of a label's voxels have not
its label. Pairs are found between two rows at a time, by how far runs of equal label lie side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.compiling import compiled
from isoscale_ij.engines.cpu.runs import Runs


def expose(here: Runs, below: Runs | None, weights: NDArray[np.int64], exposure: NDArray[np.int64]) -> None:
    """Add up the exposure of the labels in a slice, as far as that slice and the one `below` it decide.

    Parameters
    ----------
    here, below : Runs
        Of two slices; nothing below the first.
    weights : array (3, 3, 3)
        Of a voxel's neighbours, the same in opposite directions; that of the voxel itself is 0.
    exposure : array (label,)
        The weights of the neighbours that have not the label: is added to, and taken from.
    """
    of_pairs = weights + weights[::-1, ::-1, ::-1]  # a pair is a neighbour to either of its voxels
    _expose_all(here, weights.sum(), of_pairs[1, 1, 0], exposure)
    _take_pairs(here, here, of_pairs[1, :1], exposure)
    if below is not None:
        _take_pairs(here, below, of_pairs[0], exposure)


@compiled
def _expose_all(runs, whole, along, exposure):
    """All neighbours of each voxel, less the pairs within its run."""
    for n in range(runs.rows[-1]):
        count = runs.ends[n] - runs.begins[n]
        exposure[runs.labels[n]] += whole * count - along * (count - 1)


@compiled
def _take_pairs(here, there, weights, exposure):
    """Take off the pairs between each row `here` and those `there`, from the row before it on, one for each weight."""
    height = here.rows.size - 1
    for y in range(height):
        for row in range(max(y - 1, 0), min(y - 1 + weights.shape[0], height)):
            weight = weights[row - y + 1]
            n, mine = here.rows[y], here.rows[y + 1]
            m, others = there.rows[row], there.rows[row + 1]
            while n < mine and m < others:
                _take_pair(here, n, there, m, weight, exposure)
                if here.ends[n] < there.ends[m]:
                    n += 1
                elif here.ends[n] > there.ends[m]:
                    m += 1
                else:  # the next run there may begin where this one ends
                    if m + 1 < others:
                        _take_pair(here, n, there, m + 1, weight, exposure)
                    n += 1


@compiled
def _take_pair(here, n, there, m, weight, exposure):
    label = here.labels[n]
    if there.labels[m] == label:
        for k in range(3):
            begin = max(here.begins[n], there.begins[m] + 1 - k)
            end = min(here.ends[n], there.ends[m] + 1 - k)
            exposure[label] -= weight[k] * max(end - begin, 0)
