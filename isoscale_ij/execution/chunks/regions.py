"""Cuts a volume into blocks: regions, the voxels around them, which block a voxel lies in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Region = tuple[slice, ...]


@dataclass(frozen=True)
class Blocks:
    """A grid of blocks over an array, counted through in the order of its axes."""

    shape: Shape
    size: Shape

    @property
    def counts(self) -> Shape:
        """Blocks along each axis."""
        return tuple(-(-n // s) for n, s in zip(self.shape, self.size, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def region(self, number: int) -> Region:
        """The voxels of a block."""
        index = np.unravel_index(number, self.counts)
        return tuple(
            slice(int(i) * s, min((int(i) + 1) * s, n)) for i, s, n in zip(index, self.size, self.shape, strict=True)
        )

    def origin(self, number: int) -> tuple[int, int, int]:
        """The voxel at which a block of a volume begins."""
        z, y, x = (part.start for part in self.region(number))
        return z, y, x

    def holding(self, voxels: NDArray[np.integer]) -> NDArray[np.int64]:
        """The block that each voxel lies in."""
        if len(voxels) == 0:
            return np.empty(0, np.int64)
        return np.asarray(np.ravel_multi_index(tuple((voxels // np.array(self.size)).T), self.counts))

    def beside(self, number: int, axis: int, step: int) -> int | None:
        """The next block along an axis; None at the border."""
        index = list(np.unravel_index(number, self.counts))
        index[axis] += step
        if not 0 <= index[axis] < self.counts[axis]:
            return None
        return int(np.ravel_multi_index(index, self.counts))

    def meeting(self, region: Region) -> list[int]:
        """The blocks that share voxels with a region."""
        ranges = [range(part.start // s, -(-part.stop // s)) for part, s in zip(region, self.size, strict=True)]
        return [int(np.ravel_multi_index(index, self.counts)) for index in product(*ranges)]

    def put_together(self, region: Region, dtype: np.dtype[Any], block: Callable[[int], NDArray[Any]]) -> NDArray[Any]:
        """The values of a region, of the blocks that it meets."""
        numbers = self.meeting(region)
        if len(numbers) == 1 and self.region(numbers[0]) == region:
            return block(numbers[0])
        out = np.empty(lengths(region), dtype)
        for number in numbers:
            stored = self.region(number)
            both = shared(stored, region)
            out[within(both, region)] = block(number)[within(both, stored)]
        return out


def widened(region: Region, by: Shape, shape: Shape) -> Region:
    """A region with so many voxels around it, as far as there are some."""
    return tuple(
        slice(max(part.start - n, 0), min(part.stop + n, size)) for part, n, size in zip(region, by, shape, strict=True)
    )


def shared(one: Region, other: Region) -> Region:
    """What two regions have in common."""
    return tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))


def within(region: Region, outer: Region) -> Region:
    """Where a region lies in another that holds it."""
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(region, outer, strict=True))


def lengths(region: Region) -> Shape:
    """Voxels along each axis."""
    return tuple(part.stop - part.start for part in region)


def whole(shape: Shape) -> Region:
    """All of an array."""
    return tuple(slice(0, n) for n in shape)


def plain(key: object, shape: Shape) -> Region:
    """What an array is indexed with, slices of step 1 alone, as a region."""
    parts = key if isinstance(key, tuple) else (key,)
    region = []
    for part, n in zip((*parts, *(slice(None),) * (len(shape) - len(parts))), shape, strict=True):
        start, stop, step = part.indices(n)
        if step != 1:
            raise IndexError(f"got a step of {step}; needed is 1")
        region.append(slice(start, max(start, stop)))
    return tuple(region)


def block_size(shape: Shape, chunks: Shape, around: Shape, voxels: float) -> Shape:
    """Blocks of at most so many voxels: whole chunks, where they fit, and long on axes where `around` is wide.

    Examples
    --------
    >>> block_size((100, 1000, 1000), (50, 100, 100), (2, 20, 20), 1e7)
    (100, 200, 500)
    """
    size = list(shape)
    while math.prod(size) > max(1.0, voxels):
        ratios = [n / max(1, c, 4 * a) if n > 1 else 0.0 for n, c, a in zip(size, chunks, around, strict=True)]
        axis = int(np.argmax(ratios))
        half = -(-size[axis] // 2)
        if half > chunks[axis]:
            half = half // chunks[axis] * chunks[axis] if half % chunks[axis] else half
        size[axis] = half
    return tuple(size)
