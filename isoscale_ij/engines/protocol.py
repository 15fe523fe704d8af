"""What an engine is: the steps that rescaling, segmentation and measurement are made of.

An engine knows arrays, indices and spacings, all in the order (z, y, x). It knows nothing of
files, units or xarray, and nothing of how the steps follow each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from isoscale_ij.engines.taps import FineTaps, Taps

OnPart = Callable[[float], None]
"""Told the share of a step that is done, from 0 to 1; may raise to stop it."""


OnMemory = Callable[[int], None]
"""Told the bytes that a step is about to take beside its arguments, where the image decides; may raise to stop it."""


@dataclass(frozen=True)
class Seeds:
    """Seeds in the order of their labels (z, then y, then x), on a grid that may be finer than the voxels.

    Attributes
    ----------
    indices : array of int64, (n, 3)
        Fine indices; the voxel i has the fine index ``i * finer``.
    finer : (int, int, int)
        Fine steps in a voxel.
    """

    indices: NDArray[np.int64]
    finer: tuple[int, int, int]

    @property
    def voxels(self) -> NDArray[np.int64]:
        """The voxel nearest to each seed."""
        steps = np.array(self.finer)
        return np.asarray((self.indices + steps // 2) // steps, np.int64)

    def only(self, kept: NDArray[np.bool_]) -> Seeds:
        """Some of the seeds, in the same order."""
        return Seeds(self.indices[kept], self.finer)

    def distinct(self) -> Seeds:
        """Of several seeds beside one voxel only the first."""
        _, first = np.unique(self.voxels, axis=0, return_index=True)
        return Seeds(self.indices[np.sort(first)], self.finer)

    def __len__(self) -> int:
        return len(self.indices)


@dataclass
class Tally:
    """Sums per label, the background (label 0) included as an empty row."""

    n_voxels: NDArray[np.int64]
    index_sums: NDArray[np.int64]  # (label, zyx)
    product_sums: NDArray[np.int64]  # of indices: (label, zz yy xx zy zx yx)
    lowest: NDArray[np.int32]  # (label, zyx)
    highest: NDArray[np.int32]  # (label, zyx)
    n_slices: NDArray[np.int32]
    exposure: NDArray[np.int64]  # the weights of the neighbours that have not a voxel's label
    intensity_sums: NDArray[np.float64]  # (channel, label), as all that follow
    intensity_squares: NDArray[np.float64]  # of differences from the channel's origin
    intensity_lowest: NDArray[np.float64]
    intensity_highest: NDArray[np.float64]

    @classmethod
    def empty(cls, count: int, channels: int) -> Tally:
        """Nothing counted yet, for the labels 0 … `count`."""
        return cls(
            n_voxels=np.zeros(count + 1, np.int64),
            index_sums=np.zeros((count + 1, 3), np.int64),
            product_sums=np.zeros((count + 1, 6), np.int64),
            lowest=np.full((count + 1, 3), np.iinfo(np.int32).max, np.int32),
            highest=np.full((count + 1, 3), -1, np.int32),
            n_slices=np.zeros(count + 1, np.int32),
            exposure=np.zeros(count + 1, np.int64),
            intensity_sums=np.zeros((channels, count + 1)),
            intensity_squares=np.zeros((channels, count + 1)),
            intensity_lowest=np.full((channels, count + 1), np.inf),
            intensity_highest=np.full((channels, count + 1), -np.inf),
        )

    def rows(self, which: Any) -> Tally:
        """Some of the labels: copies of their sums, or of a slice the sums themselves."""
        return Tally(
            self.n_voxels[which], self.index_sums[which], self.product_sums[which], self.lowest[which],
            self.highest[which], self.n_slices[which], self.exposure[which], self.intensity_sums[:, which],
            self.intensity_squares[:, which], self.intensity_lowest[:, which], self.intensity_highest[:, which],
        )  # fmt: skip

    def put(self, which: NDArray[np.integer], sums: Tally) -> None:
        """Set the sums of some of the labels."""
        for name, values in vars(sums).items():
            mine = getattr(self, name)
            mine[(..., which) if name.startswith("intensity") else which] = values

    def resized(self, count: int) -> Tally:
        """The same for the labels 0 … `count`."""
        result = Tally.empty(count, len(self.intensity_sums))
        result.add(self.rows(slice(count + 1)))
        return result

    def add(self, other: Tally) -> None:
        """Add the sums over other slices, of as many labels or fewer."""
        mine = self.rows(slice(len(other.n_voxels)))
        mine.n_voxels += other.n_voxels
        mine.index_sums += other.index_sums
        mine.product_sums += other.product_sums
        np.minimum(mine.lowest, other.lowest, out=mine.lowest)
        np.maximum(mine.highest, other.highest, out=mine.highest)
        mine.n_slices += other.n_slices
        mine.exposure += other.exposure
        mine.intensity_sums += other.intensity_sums
        mine.intensity_squares += other.intensity_squares
        np.minimum(mine.intensity_lowest, other.intensity_lowest, out=mine.intensity_lowest)
        np.maximum(mine.intensity_highest, other.intensity_highest, out=mine.intensity_highest)


class DeviceError(RuntimeError):
    """A device has no memory left, or is gone."""


class DeviceSteps(Protocol):
    """The steps on volumes that stay in an engine's own memory. What the device cannot do is a DeviceError."""

    def holds(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        """Whether a volume finds room with all that segmenting it needs."""

    def pushed(self, values: NDArray[np.generic], offset: float) -> Any:
        """The values less `offset` there, in a type that a blur reads."""

    def sent(self, values: NDArray[Any], like: Any) -> Any:
        """The values there, of the class that `like` came as."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Any:
        """New memory there."""

    def fetch(self, values: Any, out: NDArray[Any]) -> None:
        """Copy what is there to here."""

    def not_finite(self, values: Any) -> int:
        """How many values are NaN or infinite."""

    def resample(self, source: Any, taps: tuple[Taps, Taps, Taps]) -> Any:
        """Weighted sums, as of :meth:`Engine.resample`."""

    def blur(self, source: Any, sigmas: tuple[float, float, float], out: Any) -> None:
        """Gaussian blur, as of :meth:`Engine.blur`."""

    def extrema(self, values: Any) -> tuple[float, float]:
        """Lowest and highest value."""

    def histogram(self, values: Any, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        """Voxels in each of `bins` equal bins."""

    def above(self, values: Any, threshold: float, out: Any) -> int:
        """Mark voxels strictly above `threshold`; return how many."""

    def maxima(
        self,
        values: Any,
        mask: Any,
        taps: tuple[FineTaps, FineTaps, FineTaps],
        finer: tuple[int, int, int],
        rounding: float,
    ) -> Seeds:
        """Local maxima in the mask, as of :meth:`Engine.maxima`."""

    def assign(self, mask: Any, seeds: Seeds, spacing: tuple[float, float, float], labels: Any) -> NDArray[np.int32]:
        """Label each mask voxel with its nearest seed; return the runs in each row."""


class Engine(Protocol):
    """The steps. Arrays are three-dimensional, (z, y, x); a 2D image is one slice."""

    @property
    def name(self) -> str:
        """What the engine is called."""

    @property
    def on_device(self) -> DeviceSteps | None:
        """The steps in a memory of the engine's own; None where it has none."""

    def gave_up(self, what: str, trouble: DeviceError) -> None:
        """Say that the processor goes on where the device failed."""

    def at_a_time(self, count: int, voxels: int) -> int:
        """How many of `count` volumes of so many voxels are best done at a time."""

    def each(self, work: Callable[[int], None], count: int, on_part: OnPart | None = None) -> None:
        """Call ``work(i)`` for the volumes ``0 <= i < count``, several at a time."""

    def resample(
        self,
        source: NDArray[np.generic],
        taps: tuple[Taps, Taps, Taps],
        out: NDArray[np.generic],
        on_part: OnPart | None = None,
    ) -> None:
        """Weighted sums of `source` into `out` of the same type, rounded and clipped where it is integer."""

    def blur(
        self,
        source: NDArray[np.generic],
        sigmas: tuple[float, float, float],
        out: NDArray[np.float32],
        offset: float = 0.0,
        on_part: OnPart | None = None,
    ) -> None:
        """Gaussian blur of ``source - offset``; sigmas in voxels, cut at 4 sigmas, edges repeated."""

    def extrema(self, values: NDArray[np.generic]) -> tuple[float, float]:
        """Lowest and highest value, of any type."""

    def histogram(self, values: NDArray[np.float32], lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        """Voxels in each of `bins` equal bins."""

    def above(self, values: NDArray[np.float32], threshold: float, out: NDArray[np.bool_]) -> int:
        """Mark voxels strictly above `threshold`; return how many."""

    def maxima(
        self,
        values: NDArray[np.float32],
        mask: NDArray[np.bool_],
        taps: tuple[FineTaps, FineTaps, FineTaps],
        finer: tuple[int, int, int],
        rounding: float,
        on_memory: OnMemory | None = None,
    ) -> Seeds:
        """Local maxima in the mask, a plateau counted once, sorted by (z, y, x).

        Sought on a grid `finer` than the voxels, which `taps` make of the values, blurring them on the way.
        """

    def assign(
        self,
        mask: NDArray[np.bool_],
        seeds: Seeds,
        spacing: tuple[float, float, float],
        out: NDArray[np.int32],
        on_part: OnPart | None = None,
    ) -> NDArray[np.int32]:
        """Label each mask voxel with its nearest seed; return the runs of equal label in each row (z, y)."""

    def flood(
        self,
        mask: NDArray[np.bool_],
        values: NDArray[np.float32],
        homes: NDArray[np.int64],
        spacing: tuple[float, float, float],
        out: NDArray[np.int32],
        on_part: OnPart | None = None,
        on_memory: OnMemory | None = None,
    ) -> None:
        """Flood the mask from the seeds' voxels, the brightest voxels first.

        What order that is, and who takes a voxel that several labels come to, is said in
        :mod:`isoscale_ij.engines.cpu.flooding`.
        """

    def join_pieces(
        self,
        labels: NDArray[np.int32],
        runs_per_row: NDArray[np.int32],
        homes: NDArray[np.int64],
        on_memory: OnMemory | None = None,
    ) -> int:
        """Give away, in place, the parts of a label that hang not together with its seed."""

    def peaks(
        self,
        labels: NDArray[np.int32],
        values: NDArray[np.float32],
        count: int,
        on_memory: OnMemory | None = None,
    ) -> NDArray[np.float32]:
        """The highest value in each of the labels 0 … `count`; minus infinity for 0 and where there is no voxel."""

    def cut(
        self, labels: NDArray[np.int32], values: NDArray[np.float32], limits: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        """Leave, in place, what is strictly above its label's limit; return the runs of equal label in each row."""

    def keep_pieces(
        self,
        labels: NDArray[np.int32],
        runs_per_row: NDArray[np.int32],
        homes: NDArray[np.int64],
        on_memory: OnMemory | None = None,
    ) -> None:
        """Keep, in place, only what hangs together with a home; number that 1, 2, … in the order of the homes."""

    def census(
        self, labels: NDArray[np.int32], count: int, on_memory: OnMemory | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Voxels of each of the labels 0 … `count`, and which of them touch the border; none for 0."""

    def tally(
        self,
        labels: NDArray[np.integer],
        intensities: list[NDArray[np.generic]],
        most: int,
        origins: Sequence[float] | None = None,
        weights: NDArray[np.int64] | None = None,
        below: NDArray[np.integer] | None = None,
    ) -> Tally | None:
        """The sums over each of the labels 0 … the highest; None where one of them is above `most`, or below 0.

        Squares are of the differences from the channel's origin (0 by default). `weights` (3, 3, 3), whole numbers, the
        same in opposite directions, are of the neighbours that expose a voxel if they have not its label; those outside
        have none. `below` are the labels of the slice before the first, which is not summed.
        """
