"""Puts together what blocks say of their pieces: which are one, to which label each goes, how large labels are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from isoscale_ij.engines.cpu.pieces import settle_loose
from isoscale_ij.execution.chunks.regions import Blocks
from isoscale_ij.execution.chunks.sweeps import Summary

Longs = NDArray[np.int64]
_SIDES = {f"{side}{axis}": (axis, step) for axis in range(3) for side, step in (("low", -1), ("high", 1))}


@dataclass
class PieceTable:
    """The pieces of all blocks, one behind the other.

    Attributes
    ----------
    blocks : Blocks
    start : array of int64
        Where the pieces of each block begin, and the end.
    labels, sizes, border : array
        Of each piece: its label, its voxels, whether it touches the border.
    homes : array of int64
        The piece in which each seed's voxel lies; -1 for background.
    """

    blocks: Blocks
    start: Longs
    labels: NDArray[np.int32]
    sizes: Longs
    border: NDArray[np.bool_]
    homes: Longs

    @classmethod
    def of(cls, blocks: Blocks, summaries: list[Summary], seeds: list[Longs], count: int) -> PieceTable:
        """From the summary of each block, and the numbers of the seeds that it has, of `count`."""
        start = np.zeros(len(summaries) + 1, np.int64)
        np.cumsum([len(each["labels"]) for each in summaries], out=start[1:])
        homes = np.full(count, -1, np.int64)
        for begin, each, here in zip(start, summaries, seeds, strict=False):
            homes[here] = np.where(each["homes"] < 0, -1, each["homes"] + begin)
        labels, sizes, border = (
            np.concatenate([each[name] for each in summaries]) for name in ("labels", "sizes", "border")
        )
        return cls(blocks, start, labels, sizes, border, homes)

    def __len__(self) -> int:
        return len(self.labels)

    def of_block(self, number: int) -> slice:
        """The pieces of a block."""
        return slice(int(self.start[number]), int(self.start[number + 1]))

    @property
    def labels_at_homes(self) -> NDArray[np.int32]:
        """The label at each seed's voxel."""
        return np.where(self.homes < 0, 0, self.labels[self.homes]) if len(self) else np.zeros(len(self.homes), "i4")

    def joined(self, summaries: list[tuple[int, Summary]]) -> NDArray[np.int32]:
        """What each piece is part of, from the pairs that touch across faces; parts are numbered from 0 on."""
        pairs = [np.empty((0, 2), np.int64)]
        for number, summary in summaries:
            for axis in range(3):
                rows = summary[f"axis{axis}"]
                neighbour = self.blocks.beside(number, axis, 1)
                if len(rows) and neighbour is not None:
                    pairs.append(rows + self.start[[number, neighbour]])
        one, other = np.concatenate(pairs).T
        links = coo_matrix((np.ones(len(one), np.int8), (one, other)), (len(self), len(self)))
        return np.asarray(connected_components(links, directed=False)[1], np.int32)

    def settled(self, parts: NDArray[np.int32]) -> NDArray[np.int32]:
        """The label of each part in which a seed lies; 0 for the others."""
        settled = np.zeros(int(parts.max(initial=-1)) + 1, np.int32)
        homes = self.homes[self.homes >= 0]
        settled[parts[homes]] = self.labels[homes]
        return settled

    def give_away(
        self, parts: NDArray[np.int32], settled: NDArray[np.int32], summaries: list[tuple[int, Summary]]
    ) -> None:
        """Settle the loose parts by the faces that they share with others; changes `settled`."""
        rows = [np.empty((0, 3), np.int64)]
        for number, summary in summaries:
            for name, shared in summary.items():
                other = number if name == "within" else self.blocks.beside(number, *_SIDES[name])
                assert other is not None
                rows.append(shared + np.array([self.start[number], self.start[other], 0]))
        shared = np.concatenate(rows)
        shared[:, :2] = parts[shared[:, :2]]
        settle_loose(shared[shared[:, 0] != shared[:, 1]], settled)

    def census(self, count: int) -> tuple[Longs, NDArray[np.bool_]]:
        """Voxels of each of the labels 0 … `count`, and which of them touch the border."""
        sizes, touches = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.bool_)
        np.add.at(sizes, self.labels, self.sizes)
        touches[self.labels[self.border]] = True
        sizes[0], touches[0] = 0, False
        return sizes, touches
