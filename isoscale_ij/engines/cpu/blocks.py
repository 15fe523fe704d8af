"""What a block of a larger volume gives: peaks, labels, pieces, for others to put together.

The same kernels as for a whole volume; indices are those of the volume where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu import blurring, pieces, plateaus, voronoi
from isoscale_ij.engines.cpu.maxima import raw_peaks
from isoscale_ij.engines.cpu.plateaus import CLEAR, EQUAL, Field, Triple
from isoscale_ij.engines.cpu.runs import count_runs_per_row

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Steps = tuple[int, int, int]


def fine_core(core: tuple[slice, ...], finer: Steps) -> tuple[Longs, Longs]:
    """The fine indices at which the places of some voxels begin and end."""
    low, high = (np.array([getattr(part, end) for part in core], np.int64) for end in ("start", "stop"))
    steps = np.array(finer)
    return low * steps - steps // 2, high * steps - steps // 2


def blurred_block(
    values: NDArray[np.generic], within: tuple[slice, ...], sigmas: tuple[float, float, float], offset: float
) -> NDArray[np.float32]:
    """The blurred values of the core of a block, at `within` of `values`: of it and of all that the blur reaches."""
    z, y, x = within
    out = np.empty([part.stop - part.start for part in within], np.float32)
    blurring.blur(values, sigmas, out, offset=offset, within=(z, y, x))
    return out


def block_peaks(
    values: NDArray[np.float32], mask: NDArray[np.bool_], core: tuple[slice, ...], taps: Triple, finer: Steps,
    rounding: float,
) -> tuple[Longs, Longs, NDArray[np.float32]]:  # fmt: skip
    """Maxima in the core of a block, and those peaks of which other blocks decide.

    Parameters
    ----------
    values : array of float32, (z, y, x)
        Of the core and of voxels around it, at least one and what the taps reach.
    mask : array of bool, (z, y, x)
        Of the core.
    core : tuple of slices
        Where in `values`.
    taps, finer, rounding
        As of the engine's maxima.

    Returns
    -------
    maxima, open peaks : array of int64, (n, 3)
        Fine indices within `values`.
    heights : array of float32
        Of the open peaks.
    """
    wide = np.zeros(values.shape, np.bool_)
    wide[core] = mask
    peaks = raw_peaks(values, wide, taps, finer, rounding=rounding)
    clear, equal = peaks[peaks[:, 3] == CLEAR, :3], peaks[peaks[:, 3] == EQUAL, :3]
    if len(equal) == 0:
        return clear.astype(np.int64), equal.astype(np.int64), np.empty(0, np.float32)
    field = Field(values, taps)
    tops, left = plateaus.settled_within(field, fine_core(core, finer), equal, rounding)
    tops = tops[plateaus.inside(tops, wide, finer)]
    open_peaks = equal[left].astype(np.int64)
    return np.concatenate([clear, tops]).astype(np.int64), open_peaks, field.heights(open_peaks)


def block_labels(
    mask: NDArray[np.bool_], origin: Steps, seeds: Longs, numbers: Ints, finer: Steps,
    spacing: tuple[float, float, float],
) -> tuple[Ints, Ints]:  # fmt: skip
    """The nearest seed of each mask voxel of a block that begins at `origin`, and the runs in each row.

    `seeds` are those that may be nearest, in the order of their labels, `numbers` their labels.
    """
    labels = np.empty(mask.shape, np.int32)
    runs = voronoi.assign(mask, seeds, finer, spacing, labels, origin=origin)
    return np.concatenate([np.zeros(1, np.int32), numbers])[labels], runs


@dataclass(frozen=True)
class BlockPieces:
    """What hangs together in a block, numbered 0, 1, … in the order of their first runs."""

    shape: Steps
    start: Longs  # of each row's runs among all
    begin: Ints
    end: Ints
    parent: Ints  # of each run, the first run of its piece
    piece: Ints  # of each run
    labels: Ints  # of each piece

    @classmethod
    def of(cls, labels: Ints, runs: Ints | None = None) -> BlockPieces:
        """Find the pieces of a block of labels."""
        runs = count_runs_per_row(labels) if runs is None else runs
        start, begin, end, value, parent, _ = pieces.pieces(labels, runs, np.empty((0, 3), np.int64), None)
        roots, piece = np.unique(parent, return_inverse=True)
        depth, height, width = labels.shape
        return cls((depth, height, width), start, begin, end, parent, piece.astype(np.int32), value[roots])

    @property
    def sizes(self) -> Longs:
        """Voxels of each piece."""
        lengths = (self.end - self.begin).astype(np.float64)  # exact, up to 2**53
        return np.bincount(self.piece, lengths, len(self.labels)).astype(np.int64)

    def limits(self) -> Longs:
        """Where each piece begins along z, y and x, and where it ends: rows of six."""
        rows = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        z, y = np.divmod(rows, self.shape[1])
        order = np.argsort(self.piece, kind="stable")
        first = np.searchsorted(self.piece[order], np.arange(len(self.labels)))
        low = [np.minimum.reduceat(each[order], first) for each in (z, y, self.begin)] if len(first) else []
        high = [np.maximum.reduceat(each[order], first) for each in (z + 1, y + 1, self.end)] if len(first) else []
        return np.stack([*low, *high], axis=1).astype(np.int64) if len(first) else np.empty((0, 6), np.int64)

    def numbers(self) -> Ints:
        """A volume with the number of its piece + 1 in each voxel; 0 in the background."""
        return self.written(np.arange(1, len(self.labels) + 1, dtype=np.int32))

    def written(self, new: Ints) -> Ints:
        """A volume with a new label for each piece."""
        out = np.zeros(self.shape, np.int32)
        if len(self.piece):
            every = np.arange(len(self.piece), dtype=np.int32)
            pieces.write_runs(out, every, self.start, self.begin, self.end, new[self.piece])
        return out

    def contacts(self, loose: NDArray[np.bool_]) -> Longs:
        """Rows (loose piece, other piece, faces they share) within the block."""
        runs = np.flatnonzero(loose[self.piece]).astype(np.int32)
        depth, height, _ = self.shape
        rows = pieces.contacts(runs, self.start, self.begin, self.end, self.parent, depth, height, None)
        return summed(self.piece[rows[:, 0]], self.piece[rows[:, 1]], rows[:, 2])


def summed(one: NDArray[np.integer], other: NDArray[np.integer], faces: NDArray[np.integer] | None = None) -> Longs:
    """Rows (a, b, faces), once for each pair."""
    pairs, number = np.unique(np.stack([one, other], axis=1), axis=0, return_inverse=True)
    weights = None if faces is None else faces.astype(np.float64)
    counts = np.bincount(number.ravel(), weights, len(pairs)).astype(np.int64)
    return np.concatenate([pairs.astype(np.int64), counts[:, None]], axis=1)
