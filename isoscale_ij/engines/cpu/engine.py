"""The CPU engine: every step handed to the module that computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu import (
    NAME,
    blurring,
    flooding,
    maxima,
    peaks,
    pieces,
    resampling,
    statistics,
    tallying,
    voronoi,
)
from isoscale_ij.engines.cpu.threads import for_ranges, thread_count
from isoscale_ij.engines.protocol import DeviceError, OnMemory, OnPart, Seeds, Tally
from isoscale_ij.engines.taps import FineTaps, Taps

_SMALL = 1 << 21  # voxels; below, cutting a volume up for the threads costs more than it gains


class CpuEngine:
    """The steps of :class:`isoscale_ij.engines.protocol.Engine` as numba kernels."""

    name = NAME
    on_device = None

    def gave_up(self, what: str, trouble: DeviceError) -> None:
        raise RuntimeError(f"there is no device that could fail at {what}") from trouble

    def at_a_time(self, count: int, voxels: int) -> int:
        return min(count, thread_count()) if voxels <= _SMALL else 1

    def each(self, work: Callable[[int], None], count: int, on_part: OnPart | None = None) -> None:
        def run(first: int, last: int) -> None:
            for index in range(first, last):
                work(index)

        for_ranges(run, count, on_part=on_part)

    def resample(
        self,
        source: NDArray[np.generic],
        taps: tuple[Taps, Taps, Taps],
        out: NDArray[np.generic],
        on_part: OnPart | None = None,
    ) -> None:
        source = np.ascontiguousarray(source, source.dtype.newbyteorder("="))
        if all(axis.copies for axis in taps):
            resampling.pick(source, taps, out, on_part=on_part)
        elif source.dtype == np.float16:  # kernels have no type for it
            wide = np.empty(out.shape, np.float32)
            resampling.resample(source.astype(np.float32), taps, wide, on_part=on_part)
            out[...] = wide
        else:
            resampling.resample(source, taps, out, on_part=on_part)

    def blur(
        self,
        source: NDArray[np.generic],
        sigmas: tuple[float, float, float],
        out: NDArray[np.float32],
        offset: float = 0.0,
        on_part: OnPart | None = None,
    ) -> None:
        blurring.blur(source, sigmas, out, offset=offset, on_part=on_part)

    def extrema(self, values: NDArray[np.generic]) -> tuple[float, float]:
        return statistics.extrema(values)

    def histogram(self, values: NDArray[np.float32], lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        return statistics.histogram(values, lowest, highest, bins)

    def above(self, values: NDArray[np.float32], threshold: float, out: NDArray[np.bool_]) -> int:
        return statistics.above(values, threshold, out)

    def maxima(
        self,
        values: NDArray[np.float32],
        mask: NDArray[np.bool_],
        taps: tuple[FineTaps, FineTaps, FineTaps],
        finer: tuple[int, int, int],
        rounding: float,
        on_memory: OnMemory | None = None,
    ) -> Seeds:
        return Seeds(maxima.maxima(values, mask, taps, finer, rounding=rounding, on_memory=on_memory), finer)

    def assign(
        self,
        mask: NDArray[np.bool_],
        seeds: Seeds,
        spacing: tuple[float, float, float],
        out: NDArray[np.int32],
        on_part: OnPart | None = None,
    ) -> NDArray[np.int32]:
        return voronoi.assign(mask, seeds.indices, seeds.finer, spacing, out, on_part=on_part)

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
        flooding.flood(mask, values, homes, spacing, out, on_part=on_part, on_memory=on_memory)

    def join_pieces(
        self,
        labels: NDArray[np.int32],
        runs_per_row: NDArray[np.int32],
        homes: NDArray[np.int64],
        on_memory: OnMemory | None = None,
    ) -> int:
        return pieces.join_pieces(labels, runs_per_row, homes, on_memory=on_memory)

    def peaks(
        self,
        labels: NDArray[np.int32],
        values: NDArray[np.float32],
        count: int,
        on_memory: OnMemory | None = None,
    ) -> NDArray[np.float32]:
        return peaks.peaks(labels, values, count, on_memory=on_memory)

    def cut(
        self, labels: NDArray[np.int32], values: NDArray[np.float32], limits: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        return peaks.cut(labels, values, limits)

    def keep_pieces(
        self,
        labels: NDArray[np.int32],
        runs_per_row: NDArray[np.int32],
        homes: NDArray[np.int64],
        on_memory: OnMemory | None = None,
    ) -> None:
        pieces.keep_pieces(labels, runs_per_row, homes, on_memory=on_memory)

    def census(
        self, labels: NDArray[np.int32], count: int, on_memory: OnMemory | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        return peaks.census(labels, count, on_memory=on_memory)

    def tally(
        self,
        labels: NDArray[np.integer],
        intensities: list[NDArray[np.generic]],
        most: int,
        origins: Sequence[float] | None = None,
        weights: NDArray[np.int64] | None = None,
        below: NDArray[np.integer] | None = None,
    ) -> Tally | None:
        return tallying.tally(labels, intensities, most, origins, weights, below)
