"""A rescaling in slabs along z, so that no more than a slab need be in memory; each is just what the whole would be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isoscale_ij.engines.taps import Taps


@dataclass(frozen=True)
class Slab:
    """Output slices, and the input slices that they are made of: each from the first up to the one after the last."""

    source: tuple[int, int]
    target: tuple[int, int]

    def of(self, taps: Taps) -> Taps:
        """The taps of these output slices, counted from the first of these input slices."""
        rows = slice(*self.target)
        return replace(
            taps, first=taps.first[rows] - self.source[0], count=taps.count[rows], weights=taps.weights[rows]
        )


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
        end = begin + 1
        while end < count:
            low, high = taps.first[begin : end + 1].min(), ends[begin : end + 1].max()
            if (high - low) * bytes_in + (end + 1 - begin) * bytes_out > most:
                break
            end += 1
        source = (int(taps.first[begin:end].min()), int(ends[begin:end].max()))
        yield Slab(source, (begin, end))
        begin = end
