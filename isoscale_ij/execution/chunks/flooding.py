"""Borders along the light over a volume in blocks: parts of the mask that do not touch are flooded one by one.

What hangs together is flooded as a whole, in the box that it lies in; small parts in the same blocks are in one box.
Of what else reaches into a box, no seed is there, so it stays without a label. The labels of each box are a file;
a block takes what is its own from the boxes that it meets.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.blocks import BlockPieces
from isoscale_ij.execution.chunks.joining import PieceTable
from isoscale_ij.execution.chunks.regions import Blocks, Region, lengths, shared, within
from isoscale_ij.execution.chunks.store import BlockArray
from isoscale_ij.execution.chunks.sweeps import Summary
from isoscale_ij.execution.chunks.tasks import Triple, Volume, cpu, described

Longs = NDArray[np.int64]

FLOOD_BYTES = 24  # a voxel of a box: labels, mask, what is held, and what the flood goes through in order


@dataclass(frozen=True)
class Box:
    """Some parts of the mask that are flooded together.

    Attributes
    ----------
    region : tuple of slices
    labels : array of int64
        Those of the seeds that lie in the parts.
    """

    region: Region
    labels: Longs

    @property
    def size(self) -> int:
        """Voxels."""
        return math.prod(lengths(self.region))

    def array(self, folder: str, number: int) -> BlockArray:
        """The file of its labels."""
        shape = lengths(self.region)
        return BlockArray(Blocks(shape, shape), "int32", (str(Path(folder) / "boxes" / str(number)),))


def boxes_of(table: PieceTable, parts: NDArray[np.int32], limits: Longs) -> list[Box]:
    """The boxes of all parts in which seeds lie.

    Parameters
    ----------
    table : PieceTable
        Of the mask.
    parts : array of int32
        What each piece is part of.
    limits : array of int64, (pieces, 6)
        Where each piece begins along z, y and x, and where it ends.
    """
    count = int(parts.max(initial=-1)) + 1
    begin, end = np.full((count, 3), np.iinfo(np.int64).max), np.zeros((count, 3), np.int64)
    np.minimum.at(begin, parts, limits[:, :3])
    np.maximum.at(end, parts, limits[:, 3:])
    owner = parts[table.homes]
    order = np.argsort(owner, kind="stable")
    own = np.split(order, np.flatnonzero(np.diff(owner[order])) + 1)
    beside: dict[tuple[int, ...], list[Longs]] = defaultdict(list)  # the seeds of each part, by the blocks it lies in
    for seeds in own if len(order) else ():
        part = owner[seeds[0]]
        beside[(*(begin[part] // table.blocks.size), *((end[part] - 1) // table.blocks.size))].append(seeds)
    boxes = []
    for several in beside.values():
        first = [owner[seeds[0]] for seeds in several]
        boxes += [
            Box(_region(begin[first[some]], end[first[some]]), np.sort(np.concatenate(several[some])) + 1)
            for some in _together(begin[first], end[first], math.prod(table.blocks.size))
        ]
    return boxes


def at_a_time(boxes: list[Box], most: int) -> list[list[int]]:
    """Which boxes are flooded at a time: those of at most so many voxels, then each larger one by itself."""
    small = [index for index, box in enumerate(boxes) if box.size <= most]
    return [some for some in (small, *([index] for index, box in enumerate(boxes) if box.size > most)) if some]


def _together(begin: Longs, end: Longs, most: int) -> list[slice]:
    """Which of some parts, one behind the other, go into a box of so many voxels at most, or by themselves."""
    found, first = [], 0
    for last in range(1, len(begin) + 1):
        if last < len(begin):
            wide = end[first : last + 1].max(axis=0) - begin[first : last + 1].min(axis=0)
            if math.prod(wide.tolist()) <= most:
                continue
        found.append(slice(first, last))
        first = last
    return found


def _region(begin: Longs, end: Longs) -> Region:
    low, high = begin.min(axis=0), end.max(axis=0)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def look_at_mask(number: int, volume: Volume, mask: BlockArray, homes: Longs) -> Summary:
    """What hangs together in a block of the mask, and where it begins and ends."""
    pieces = BlockPieces.of(mask.block(number).astype(np.int32))
    limits = pieces.limits() + np.tile(volume.blocks.origin(number), 2)
    return described(number, volume, pieces, homes) | {"limits": limits}


def flood(
    number: int, volume: Volume, box: Box, seeds: Longs, mask: BlockArray, held: BlockArray, spacing: Triple
) -> Summary:  # fmt: skip
    """Write the labels of a box, given the voxels of its seeds."""
    labels = np.empty(lengths(box.region), np.int32)
    origin = np.array([part.start for part in box.region])
    cpu(box.size).flood(mask[box.region], held[box.region], seeds - origin, spacing, labels, None, None)
    (Path(volume.folder) / "boxes").mkdir(exist_ok=True)
    box.array(volume.folder, number).write(0, np.concatenate([[0], box.labels]).astype(np.int32)[labels])
    return {}


def put_together(
    number: int, volume: Volume, boxes: list[tuple[int, Box]], labels: BlockArray, homes: Longs
) -> Summary:  # fmt: skip
    """Write the labels of a block, from the boxes that it meets; the pieces that it has."""
    region = volume.blocks.region(number)
    made = np.zeros(lengths(region), np.int32)
    for index, box in boxes:
        both = shared(region, box.region)
        part = box.array(volume.folder, index).block(0)[within(both, box.region)]
        np.copyto(made[within(both, region)], part, where=part > 0)
    labels.write(number, made)
    return described(number, volume, BlockPieces.of(made), homes)
