"""The steps over a volume in memory: one block, one array.

The labels' own memory serves for the blurred values as well, one after the other; beside it
there is only the mask, and the blurred values that are held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import Engine, OnMemory, OnPart, Seeds
from isoscale_ij.engines.taps import FineTaps

_BANDS = 16 << 20  # bands of fine rows: the allocator keeps some of that memory after they are gone
_BYTES_PER_SEED = 96  # its place, its cell, and what is sorted to find the seeds near to a block of voxels


class InMemorySteps:
    """Implements :class:`isoscale_ij.execution.protocol.VolumeSteps`.

    Parameters
    ----------
    engine : Engine
    source : ndarray, (z, y, x)
    out : ndarray of int32, (z, y, x)
        For the labels.
    on_memory : callable
        Told the bytes that a step is about to take beside the labels, the mask and what is held.
    """

    def __init__(
        self, engine: Engine, source: NDArray[np.generic], out: NDArray[np.int32], on_memory: OnMemory
    ) -> None:
        self._engine, self._source, self._offset, self._labels = engine, source, 0.0, out
        self._on_memory, self._beside = on_memory, 0
        self._values = out.view(np.float32)
        self._held = np.empty(0, np.float32)
        self._mask = np.empty(0, np.bool_)
        self._runs = np.empty(0, np.int32)

    @property
    def shape(self) -> tuple[int, int, int]:
        z, y, x = self._source.shape
        return z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._source.dtype

    def not_finite(self) -> int:
        if self._source.dtype.kind != "f":
            return 0
        return sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in self._source)

    def source_range(self) -> tuple[float, float]:
        return self._engine.extrema(self._source)

    def source_above(self, value: float) -> int:
        return sum(int(np.count_nonzero(plane > value)) for plane in self._source)

    def take_off(self, offset: float) -> None:
        self._offset = offset

    def blur(self, sigmas: tuple[float, float, float], on_part: OnPart | None) -> None:
        self._engine.blur(self._source, sigmas, self._values, self._offset, on_part)

    def extrema(self) -> tuple[float, float]:
        return self._engine.extrema(self._values)

    def histogram(self, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        return self._engine.histogram(self._values, lowest, highest, bins)

    def histograms(
        self, lowest: float, highest: float, bins: int, parts: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Callable[[int], NDArray[np.int64]]]:
        return self.histogram(lowest, highest, bins), one_at_a_time(self.histogram, parts)

    def keep_mask(self, threshold: float, *, hold: bool = False) -> int:
        self._mask = np.empty(self._values.shape, np.bool_)
        if hold:
            self._held = np.empty_like(self._values)
            self._engine.each(lambda z: np.copyto(self._held[z], self._values[z]), len(self._values))
        return self._engine.above(self._values, threshold, self._mask)

    def find_seeds(
        self, finer: tuple[int, int, int], taps: tuple[FineTaps, FineTaps, FineTaps], rounding: float
    ) -> Seeds:
        if finer[1:] != (1, 1):
            self._beside = _BANDS
        return self._engine.maxima(self._values, self._mask, taps, finer, rounding, self._take)

    def heights(self, seeds: Seeds) -> NDArray[np.float32]:
        return np.asarray(self._values[tuple(seeds.voxels.T)])

    def assign(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        self._take(_BYTES_PER_SEED * len(seeds))
        self._runs = self._engine.assign(self._mask, seeds, spacing, self._labels, on_part)

    def flood(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        self._engine.flood(self._mask, self._held, seeds.voxels, spacing, self._labels, on_part, self._take)

    def lost(self, seeds: Seeds) -> NDArray[np.bool_]:
        return np.asarray(self._labels[tuple(seeds.voxels.T)] != np.arange(1, len(seeds) + 1))

    def join_pieces(self, seeds: Seeds) -> None:
        self._beside += _BYTES_PER_SEED * len(seeds)
        self._engine.join_pieces(self._labels, self._runs, seeds.voxels, self._take)

    def peaks(self, count: int) -> NDArray[np.float32]:
        return self._engine.peaks(self._labels, self._held, count, self._take)

    def cut(self, limits: NDArray[np.float64]) -> None:
        self._runs = self._engine.cut(self._labels, self._held, limits)

    def keep_pieces(self, seeds: Seeds) -> None:
        self._engine.keep_pieces(self._labels, self._runs, seeds.voxels, self._take)

    def census(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        return self._engine.census(self._labels, count, self._take)

    def clear(self) -> None:
        self._labels[...] = 0

    def _take(self, nbytes: int) -> None:
        self._on_memory(self._beside + nbytes)


def one_at_a_time(
    histogram: Callable[[float, float, int], NDArray[np.int64]], parts: NDArray[np.float64]
) -> Callable[[int], NDArray[np.int64]]:
    """The histogram within one of some parts, rows of (lowest, highest), worked out when it is asked for."""

    def within(part: int) -> NDArray[np.int64]:
        lowest, highest = parts[part].tolist()
        return histogram(lowest, highest, len(parts))

    return within
