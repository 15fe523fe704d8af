"""A resampling in slabs along z, so that no more than a slab need be in memory; each is what the whole would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isoscale_ij.engines.taps import Taps


@dataclass(frozen=True)
class Slab:
    """Output slices, and the input slices that they are made of."""

    source: slice
    target: slice

    def of(self, taps: tuple[Taps, Taps, Taps]) -> tuple[Taps, Taps, Taps]:
        """The taps of these output slices, counted from the first of these input slices."""
        along_z, rows = taps[0], self.target
        part = replace(
            along_z, first=along_z.first[rows] - self.source.start, count=along_z.count[rows],
            weights=along_z.weights[rows],
        )  # fmt: skip
        return part, taps[1], taps[2]


def slabs(taps: Taps, bytes_in: int, bytes_out: int, most: int) -> Iterator[Slab]:
    """Cut the output slices of an axis into slabs that need at most `most` bytes, or a single output slice each.

    Parameters
    ----------
    taps : Taps
        Of z.
    bytes_in, bytes_out : int
        Of an input and an output slice.
    most : int
        Bytes of the input and the output of a slab together.
    """
    ends = taps.first + taps.count
    count = len(taps.first)
    begin = 0
    while begin < count:
        end, low, high = begin, int(taps.first[begin]), int(ends[begin])
        while end < count:
            lower, upper = min(low, int(taps.first[end])), max(high, int(ends[end]))
            if end > begin and (upper - lower) * bytes_in + (end + 1 - begin) * bytes_out > most:
                break
            end, low, high = end + 1, lower, upper
        yield Slab(slice(low, high), slice(begin, end))
        begin = end
