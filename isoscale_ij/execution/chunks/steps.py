"""The steps of labelling over a volume in blocks.

Nothing of the size of the volume is in memory. What is blurred is worked out when it is looked at, sweep by
sweep; in the folder there are the mask, the labels, and the faces of blocks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import OnMemory, OnPart, Seeds
from isoscale_ij.engines.taps import FineTaps
from isoscale_ij.errors import MemoryLimitError
from isoscale_ij.execution.chunks import flooding, tasks
from isoscale_ij.execution.chunks.counts import NestedCounts
from isoscale_ij.execution.chunks.joining import PieceTable
from isoscale_ij.execution.chunks.kept import forget
from isoscale_ij.execution.chunks.nearest import SeedIndex
from isoscale_ij.execution.chunks.store import BlockArray
from isoscale_ij.execution.chunks.sweeps import Summary, Sweeps, Task
from isoscale_ij.execution.chunks.tasks import Blur, Peaks, Triple, Volume
from isoscale_ij.execution.chunks.tops import Tops
from isoscale_ij.memory import format_bytes

_PIECE_BYTES = 72  # its label, size, part, and what is sorted to find that
_LIMITS_BYTES = 48  # of a piece, where they are asked for
_SEED_BYTES = 160  # its place, its neighbours in the tree, its piece


class ChunkedSteps:
    """Implements :class:`isoscale_ij.execution.protocol.VolumeSteps`.

    Parameters
    ----------
    volume : Volume
    sweeps : Sweeps
    on_memory : callable
        Told the bytes that a step is about to take beside what blocks take.
    """

    def __init__(self, volume: Volume, sweeps: Sweeps, on_memory: OnMemory) -> None:
        self._volume, self._sweeps, self._on_memory = volume, sweeps, on_memory
        self._blur = Blur((0.0, 0.0, 0.0))
        self._on_part: OnPart | None = None
        self._looked: tuple[int, float, float] | None = None
        self._mask, self._held = volume.array("mask", "bool"), volume.array("held", "float32")
        self.labels: BlockArray = volume.array("labels", "int32")
        self._generation = 0
        self._at = np.empty(0, np.float32)
        self._assigned: tuple[Seeds, Triple, OnPart | None] | None = None
        self._table: PieceTable | None = None
        self._seeds = Seeds(np.empty((0, 3), np.int64), (1, 1, 1))

    @property
    def shape(self) -> tuple[int, int, int]:
        z, y, x = self._volume.source.shape
        return z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._volume.source.dtype

    def not_finite(self) -> int:
        return self._look()[0] if self.dtype.kind == "f" else 0

    def source_range(self) -> tuple[float, float]:
        return self._look()[1:]

    def source_above(self, value: float) -> int:
        return sum(int(each["count"]) for each in self._sweep(tasks.count_above, value))

    def take_off(self, offset: float) -> None:
        self._blur = Blur((0.0, 0.0, 0.0), offset)

    def blur(self, sigmas: Triple, on_part: OnPart | None) -> None:
        self._blur = replace(self._blur, sigmas=sigmas)
        forget()
        self._on_part = on_part  # the work is that of the next step

    def extrema(self) -> tuple[float, float]:
        summaries = list(self._sweep(tasks.limits, self._blur))
        return min(float(each["lowest"]) for each in summaries), max(float(each["highest"]) for each in summaries)

    def histogram(self, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        counts = np.zeros(bins, np.int64)
        for each in self._sweep(tasks.histogram, self._blur, lowest, highest, bins):
            counts += each["counts"]
        return counts

    def histograms(
        self, lowest: float, highest: float, bins: int, parts: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Callable[[int], NDArray[np.int64]]]:
        nested = NestedCounts.empty(bins, len(parts))
        for each in self._sweep(tasks.histograms, self._blur, lowest, highest, bins, parts):
            nested.add(each)
        return nested.counts, nested.within

    def keep_mask(self, threshold: float, *, hold: bool = False) -> int:
        held = self._held if hold else None
        return sum(int(each["count"]) for each in self._sweep(tasks.keep_mask, self._blur, threshold, self._mask, held))

    def find_seeds(
        self, finer: tuple[int, int, int], taps: tuple[FineTaps, FineTaps, FineTaps], rounding: float
    ) -> Seeds:
        peaks = Peaks(self._blur, finer, taps, rounding)
        summaries = list(self._sweep(tasks.find_peaks, peaks, self._mask))
        places, at, left, heights = (
            np.concatenate([each[name] for each in summaries]) for name in ("maxima", "at", "open", "heights")
        )
        if len(left):
            tops = Tops(self._volume, peaks, self._mask)
            more = tops.of(left, heights, lambda: self._on_part(1.0) if self._on_part else None)
            places, at = np.concatenate([places, more]), np.concatenate([at, tops.values_at(more)])
        order = np.lexsort(places.T[::-1])
        self._at = at[order]
        return Seeds(places[order], finer)

    def heights(self, seeds: Seeds) -> NDArray[np.float32]:
        assert len(seeds) == len(self._at), "heights are known of the seeds that were sought last"
        return self._at

    def assign(self, seeds: Seeds, spacing: Triple, on_part: OnPart | None) -> None:
        self._assigned, self._table = (seeds, spacing, on_part), None  # labels are written when no seed is lost

    def flood(self, seeds: Seeds, spacing: Triple, on_part: OnPart | None) -> None:
        self._on_part = on_part
        limits: list[NDArray[np.int64]] = []
        table = self._described(flooding.look_at_mask, seeds, lambda _: (self._mask,), limits)
        boxes = flooding.boxes_of(table, table.joined(self._joins()), np.concatenate(limits))
        self._check_boxes(boxes)
        most = math.prod(self._volume.blocks.size)
        for some in flooding.at_a_time(boxes, most):
            self._run(
                flooding.flood, some,
                lambda index: (boxes[index], seeds.voxels[boxes[index].labels - 1], self._mask, self._held, spacing),
            )  # fmt: skip
        meeting: dict[int, list[tuple[int, flooding.Box]]] = defaultdict(list)
        for index, box in enumerate(boxes):
            for number in self._volume.blocks.meeting(box.region):
                meeting[number].append((index, box))
        self._table = self._described(flooding.put_together, seeds, lambda number: (meeting[number], self.labels))

    def _check_boxes(self, boxes: list[flooding.Box]) -> None:
        """Raise a MemoryLimitError if what hangs together is too large."""
        largest = flooding.FLOOD_BYTES * max((box.size for box in boxes), default=0)
        try:
            self._on_memory(largest)
        except MemoryLimitError as error:
            raise MemoryLimitError(
                f"{error} Borders that follow the light need all of the mask that hangs together in memory, which here "
                f'is {format_bytes(largest)}; borders="distance" do not.'
            ) from error

    def lost(self, seeds: Seeds) -> NDArray[np.bool_]:
        if self._table is not None:
            return np.asarray(self._table.labels_at_homes != np.arange(1, len(seeds) + 1))
        assert self._assigned is not None
        return SeedIndex(seeds, self._assigned[1]).lost()

    def join_pieces(self, seeds: Seeds) -> None:
        table = self._written(seeds)
        parts = table.joined(self._joins())
        settled = table.settled(parts)
        loose = settled[parts] == 0
        if not loose.any():
            return
        where = {n: np.flatnonzero(loose[table.of_block(n)]) for n in range(len(self._volume.blocks))}
        where = {number: pieces for number, pieces in where.items() if len(pieces)}
        shared = self._run(tasks.contacts, list(where), lambda number: (self.labels, where[number]))
        table.give_away(parts, settled, shared)
        table.labels = settled[parts]
        self._rewrite(table, list(where))

    def peaks(self, count: int) -> NDArray[np.float32]:
        peaks = np.full(count + 1, -np.inf, np.float32)
        for each in self._sweep(tasks.label_peaks, self.labels, self._held):
            np.maximum.at(peaks, each["labels"], each["peaks"])
        peaks[0] = -np.inf
        return peaks

    def cut(self, limits: NDArray[np.float64]) -> None:
        table = self._known
        before, after, seeds = self.labels, self._next(), self._seeds

        def arguments(number: int) -> tuple[Any, ...]:
            present = np.unique(table.labels[table.of_block(number)])
            return before, after, self._held, present, limits[present]

        self._table = self._described(tasks.cut, seeds, arguments)
        self.labels = after

    def keep_pieces(self, seeds: Seeds) -> None:
        table = self._known
        homes = table.homes[table.labels_at_homes == np.arange(1, len(table.homes) + 1)]
        assert len(homes) == len(seeds), "what is kept are the labels that hold their seed"
        parts = table.joined(self._joins())
        new = np.zeros(int(parts.max(initial=-1)) + 1, np.int32)
        new[parts[homes]] = np.arange(1, len(homes) + 1)
        table.labels = new[parts]
        self._rewrite(table, list(range(len(self._volume.blocks))))

    def census(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        return self._known.census(count)

    def clear(self) -> None:
        for _ in self._sweep(tasks.write_background, self.labels):
            pass

    @property
    def _known(self) -> PieceTable:
        assert self._table is not None, "labels are written first"
        return self._table

    def _look(self) -> tuple[int, float, float]:
        if self._looked is None:
            summaries = list(self._sweep(tasks.look))
            self._looked = (
                sum(int(each["bad"]) for each in summaries),
                min(float(each["lowest"]) for each in summaries), max(float(each["highest"]) for each in summaries),
            )  # fmt: skip
        return self._looked

    def _written(self, seeds: Seeds) -> PieceTable:
        """Write the labels of the nearest seeds."""
        assert self._assigned is not None
        index = SeedIndex(seeds, self._assigned[1])
        self._on_part = self._assigned[2]

        def arguments(number: int) -> tuple[Any, ...]:
            near = index.candidates(self._volume.blocks.region(number))
            numbers = (near + 1).astype(np.int32)
            return self._mask, self.labels, seeds.indices[near], numbers, seeds.finer, index.spacing

        self._table = self._described(tasks.assign, seeds, arguments)
        return self._table

    def _described(
        self, task: Task, seeds: Seeds, arguments: Callable[[int], tuple[Any, ...]],
        limits: list[NDArray[np.int64]] | None = None,
    ) -> PieceTable:  # fmt: skip
        """Run a task that finds pieces, given the seeds' voxels in each block; the table of them, and their limits."""
        blocks, voxels = self._volume.blocks, seeds.voxels
        owners = blocks.holding(voxels)
        order = np.argsort(owners, kind="stable")
        ends = np.searchsorted(owners[order], np.arange(len(blocks) + 1))
        here = [order[ends[number] : ends[number + 1]] for number in range(len(blocks))]
        summaries = self._run(task, range(len(blocks)), lambda number: (*arguments(number), voxels[here[number]]))
        self._seeds = seeds
        if limits is not None:
            limits += [summary["limits"] for _, summary in summaries]
        pieces = sum(len(summary["labels"]) for _, summary in summaries)
        of_a_piece = _PIECE_BYTES + (0 if limits is None else _LIMITS_BYTES)
        self._on_memory(of_a_piece * pieces + _SEED_BYTES * len(seeds))
        return PieceTable.of(blocks, [summary for _, summary in summaries], here, len(seeds))

    def _joins(self) -> list[tuple[int, Summary]]:
        return self._run(tasks.joins, range(len(self._volume.blocks)), lambda _: ())

    def _rewrite(self, table: PieceTable, numbers: list[int]) -> None:
        """Write some blocks with the labels that their pieces have by now."""
        before = self.labels
        self.labels = self._next()
        self._run(tasks.rewrite, numbers, lambda number: (before, self.labels, table.labels[table.of_block(number)]))

    def _next(self) -> BlockArray:
        """The labels, to be written anew: what a task reads, none writes, or it could not be done twice."""
        self._generation += 1
        return self.labels.anew(str(Path(self._volume.folder) / f"labels-{self._generation}"))

    def _sweep(self, task: Task, *arguments: Any) -> Iterator[Summary]:
        """Run a task on every block; its summaries in any order."""
        count = len(self._volume.blocks)
        jobs = ((number, (self._volume, *arguments)) for number in range(count))
        return (summary for _, summary in self._sweeps.run(task, jobs, count, self._on_part))

    def _run(
        self, task: Task, numbers: Sequence[int], arguments: Callable[[int], tuple[Any, ...]]
    ) -> list[tuple[int, Summary]]:
        """Run a task on some blocks, each with arguments of its own; the summaries by block."""
        jobs = ((number, (self._volume, *arguments(number))) for number in numbers)
        return sorted(self._sweeps.run(task, jobs, len(numbers), self._on_part), key=lambda pair: pair[0])
