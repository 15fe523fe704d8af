"""Counts in the bins of a histogram and in finer ones within the first of them, put together from blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.execution.chunks.sweeps import Summary

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class NestedCounts:
    """A histogram, and one of each of its first bins.

    Attributes
    ----------
    counts : array of int64, (bins,)
    finer : array of int64, (parts, parts)
        Of each of the first bins, what lies in each of as many bins within it.
    """

    counts: Counts
    finer: Counts

    @classmethod
    def empty(cls, bins: int, parts: int) -> NestedCounts:
        """Nothing counted."""
        return cls(np.zeros(bins, np.int64), np.zeros((parts, parts), np.int64))

    @property
    def summary(self) -> Summary:
        """Of a block: most of the finer bins are empty."""
        where = np.flatnonzero(self.finer).astype(np.int32)
        return {"counts": self.counts, "where": where, "finer": self.finer.ravel()[where]}

    def add(self, summary: Summary) -> None:
        """Count what a block has counted."""
        self.counts[...] += summary["counts"]
        self.finer.ravel()[summary["where"]] += summary["finer"]

    def within(self, part: int) -> Counts:
        """The histogram of one of the first bins; what lies below or above is in its first or last."""
        counts: Counts = self.finer[part].copy()
        counts[0] += self.counts[:part].sum()
        counts[-1] += self.counts[part + 1 :].sum()
        return counts
