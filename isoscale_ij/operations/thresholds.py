"""Which grey values are objects: one threshold for all (Otsu's), or one for each object.

References
----------
N. Otsu (1979), "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9(1), 62-66.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Histograms = Callable[[float, float, int, NDArray[np.float64]], tuple[Counts, Callable[[int], Counts]]]
"""Counts of values in equal bins between two limits; and, of each of the first bins, those in finer ones within it, as
of :meth:`isoscale_ij.execution.protocol.VolumeSteps.histograms`."""

BINS = 256
FOREGROUND_SHARE = 0.5
"""With a threshold for each object: how far from the background to Otsu's threshold the mask begins."""
OBJECT_SHARE = 0.3
"""With a threshold for each object: how far from the background to its peak an object begins."""


def otsu_threshold(counts: Counts, lowest: float, highest: float) -> float:
    """Otsu's threshold from a histogram: the centre of the first bin that separates best."""
    bins = len(counts)
    edges = np.linspace(lowest, highest, bins + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    weights = counts.astype(np.float64)
    below, above = np.cumsum(weights)[:-1], np.cumsum(weights[::-1])[::-1][1:]
    sum_below = np.cumsum(weights * centres)[:-1]
    sum_above = np.cumsum((weights * centres)[::-1])[::-1][1:]
    apart = sum_below / below - sum_above / above  # the first and the last bin are never empty
    return float(centres[np.argmax(below * above * apart**2)])


def background(histograms: Histograms, lowest: float, threshold: float) -> tuple[float, int]:
    """The median of the blurred values below a threshold, to 1/65536 of their range; and how many are not below it.

    Sought in a histogram, and again in one of the bin that it lies in: counts in any order give the same.
    """
    width = (threshold - lowest) / BINS
    begins = lowest + width * np.arange(BINS)
    parts = np.stack([begins, begins + width], axis=1)
    counts, within = histograms(lowest, 2 * threshold - lowest, 2 * BINS, parts)
    below = counts[:BINS]  # the upper half begins at the threshold
    rank = (int(below.sum()) - 1) // 2
    part = _bin_of(below, rank)
    median = float(begins[part]) + width / BINS * (_bin_of(within(part), rank) + 0.5)
    return median, int(counts[BINS:].sum())


def coarse_background(counts: Counts, lowest: float, highest: float, threshold: float) -> float:
    """The same to a bin of the histogram that is there already."""
    width = (highest - lowest) / len(counts)
    below = counts[: max(1, math.ceil((threshold - lowest) / width))]
    return lowest + width * (_bin_of(below, (int(below.sum()) - 1) // 2) + 0.5)


def _bin_of(counts: Counts, rank: int) -> int:
    """The bin that holds the value of that rank, of values counted from the lowest on."""
    return int(np.searchsorted(np.cumsum(counts), rank, side="right"))


def limits_of_objects(peaks: NDArray[np.float32], ground: float, threshold: float) -> NDArray[np.float64]:
    """What each object begins above, by its peak; infinity where the peak is not above the threshold."""
    heights = peaks.astype(np.float64)
    return np.where(heights > threshold, ground + OBJECT_SHARE * (heights - ground), np.inf)
