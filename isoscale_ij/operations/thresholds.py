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

Histogram = Callable[[float, float, int], NDArray[np.int64]]
"""Counts of values in equal bins between two limits; those outside are counted in the first and the last bin."""

BINS = 256
FOREGROUND_SHARE = 0.5
"""With a threshold for each object: how far from the background to Otsu's threshold the mask begins."""
OBJECT_SHARE = 0.3
"""With a threshold for each object: how far from the background to its peak an object begins."""


def otsu_threshold(counts: NDArray[np.int64], lowest: float, highest: float) -> float:
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


def background(histogram: Histogram, lowest: float, threshold: float) -> float:
    """The median of the blurred values below a threshold, to 1/65536 of their range.

    Sought in a histogram, and again in one of the bin that it lies in: counts in any order give the same.
    """
    counts = histogram(lowest, 2 * threshold - lowest, 2 * BINS)[:BINS]  # the upper half begins at the threshold
    rank = (int(counts.sum()) - 1) // 2
    width = (threshold - lowest) / BINS
    begin = lowest + width * _bin_of(counts, rank)
    return begin + width / BINS * (_bin_of(histogram(begin, begin + width, BINS), rank) + 0.5)


def coarse_background(counts: NDArray[np.int64], lowest: float, highest: float, threshold: float) -> float:
    """The same to a bin of the histogram that is there already."""
    width = (highest - lowest) / len(counts)
    below = counts[: max(1, math.ceil((threshold - lowest) / width))]
    return lowest + width * (_bin_of(below, (int(below.sum()) - 1) // 2) + 0.5)


def _bin_of(counts: NDArray[np.int64], rank: int) -> int:
    """The bin that holds the value of that rank, of values counted from the lowest on."""
    return int(np.searchsorted(np.cumsum(counts), rank, side="right"))


def limits_of_objects(peaks: NDArray[np.float32], ground: float, threshold: float) -> NDArray[np.float64]:
    """What each object begins above, by its peak; infinity where the peak is not above the threshold."""
    heights = peaks.astype(np.float64)
    return np.where(heights > threshold, ground + OBJECT_SHARE * (heights - ground), np.inf)
