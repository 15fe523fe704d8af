"""Settles plateaus that reach into several blocks: the highest peak first, block by block, in bounded memory.

What was visited is kept as bits of the blocks that a plateau lies in, and of no others; of the values, those
of a few blocks at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.blocks import fine_core
from isoscale_ij.engines.cpu.plateaus import Field, by_height, inside, spread_over
from isoscale_ij.execution.chunks.regions import within
from isoscale_ij.execution.chunks.store import BlockArray
from isoscale_ij.execution.chunks.tasks import Peaks, Volume

Longs = NDArray[np.int64]
_BLOCKS_HELD = 4


class Tops:
    """Spreads over plateaus of a volume.

    Parameters
    ----------
    volume, peaks, mask
        As of the sweep that has tops the peaks.
    """

    def __init__(self, volume: Volume, peaks: Peaks, mask: BlockArray) -> None:
        self._volume, self._peaks, self._mask = volume, peaks, mask
        self._steps = np.array(peaks.finer)
        self._fields: OrderedDict[int, Field] = OrderedDict()
        self._visited: dict[int, NDArray[np.uint8]] = {}
        self._masks: OrderedDict[int, NDArray[np.bool_]] = OrderedDict()

    def of(self, starts: Longs, heights: NDArray[np.float32], poll: Callable[[], object]) -> Longs:
        """The tops in the mask among the plateaus of some peaks (fine places), each at its lowest place."""
        tops = []
        for index in by_height(starts, heights):
            poll()
            top = self._top(starts[index], heights[index])
            if top is not None and self._in_mask(top):
                tops.append(top)
        return np.array(tops, np.int64).reshape(-1, 3)

    def values_at(self, tops: Longs) -> NDArray[np.float32]:
        """The blurred value of the voxel that each top lies in."""
        voxels = self._voxels(tops)
        at = np.empty(len(tops), np.float32)
        numbers = self._volume.blocks.holding(voxels)
        for number in np.unique(numbers):
            region = self._peaks.region(self._volume, int(number))
            here = numbers == number
            values = self._field(int(number)).tables[0]
            at[here] = values[tuple((voxels[here] - [part.start for part in region]).T)]
        return at

    def _top(self, start: Longs, height: np.float32) -> tuple[int, ...] | None:
        """The lowest place of a plateau that nothing is higher beside, and that was not visited."""
        waiting: dict[int, list[Longs]] = {self._block_of(start): [start[None]]}
        lowest: tuple[int, ...] | None = None
        beside_higher = False
        while waiting:
            number, places = waiting.popitem()
            field, shift = self._field(number), self._shift(number)
            bits = self._visited.setdefault(number, field.bits())
            core = fine_core(
                within(self._volume.blocks.region(number), self._peaks.region(self._volume, number)), self._peaks.finer
            )
            counted = (np.concatenate(places) - shift) @ field.strides
            low, higher, beyond = spread_over(field, core, counted, height, self._peaks.rounding, bits)
            beside_higher = beside_higher or higher
            if low >= 0:
                place = tuple(int(i) for i in np.array(np.unravel_index(low, field.shape)) + shift)
                lowest = place if lowest is None else min(lowest, place)
            if len(beyond):
                outside = np.stack(np.unravel_index(np.unique(beyond), field.shape), axis=1) + shift
                owners = self._volume.blocks.holding(self._voxels(outside))
                for owner in np.unique(owners):
                    waiting.setdefault(int(owner), []).append(outside[owners == owner])
        return None if beside_higher else lowest

    def _voxels(self, places: Longs) -> Longs:
        return np.asarray((places + self._steps // 2) // self._steps, np.int64)

    def _block_of(self, place: Longs) -> int:
        return int(self._volume.blocks.holding(self._voxels(place[None]))[0])

    def _shift(self, number: int) -> Longs:
        region = self._peaks.region(self._volume, number)
        return np.asarray(np.array([part.start for part in region]) * self._steps, np.int64)

    def _field(self, number: int) -> Field:
        if number not in self._fields:
            values = self._peaks.blur.of(self._volume, self._peaks.region(self._volume, number))
            self._fields[number] = Field(values, self._peaks.taps)
            if len(self._fields) > _BLOCKS_HELD:
                self._fields.popitem(last=False)
        self._fields.move_to_end(number)
        return self._fields[number]

    def _in_mask(self, top: tuple[int, ...]) -> bool:
        place = np.array(top, np.int64)
        number = self._block_of(place)
        if number not in self._masks:
            self._masks[number] = self._mask.block(number)
            if len(self._masks) > _BLOCKS_HELD:
                self._masks.popitem(last=False)
        origin = np.array(self._volume.blocks.origin(number)) * self._steps
        return bool(inside((place - origin)[None], self._masks[number], self._peaks.finer)[0])
