"""The engine for GPUs: the same steps, and the same bits, as OpenCL kernels.

Here are the steps on arrays of this machine: each goes to the device in as few slabs of slices as
its memory allows, with the slices around it that it needs. :mod:`.resident` has the steps on volumes
that stay there.

What a device cannot do, the processor's engine does: with a warning where that is a surprise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import pyopencl as cl
from numpy.typing import NDArray

from isoscale_ij import remarks
from isoscale_ij.engines.cpu import plateaus
from isoscale_ij.engines.cpu.engine import CpuEngine
from isoscale_ij.engines.opencl import NAME, volumes
from isoscale_ij.engines.opencl.devices import CHOICE, choose
from isoscale_ij.engines.opencl.resident import READ_AS_THEY_ARE, DeviceVolumes, for_blur, guarded
from isoscale_ij.engines.opencl.running import Device, DeviceArray
from isoscale_ij.engines.protocol import DeviceError, OnMemory, OnPart, Seeds, Tally
from isoscale_ij.engines.slabs import slabs
from isoscale_ij.engines.taps import FineTaps, Taps, gaussian_radius


class OpenClEngine:
    """The steps of :class:`isoscale_ij.engines.protocol.Engine` on an OpenCL device."""

    name = NAME

    def __init__(self, device: Device) -> None:
        self.device = device
        self.on_device = DeviceVolumes(device)
        self._cpu = CpuEngine()

    def at_a_time(self, count: int, voxels: int) -> int:
        del count, voxels
        return 1  # a device does best with one volume at a time

    def each(self, work: Callable[[int], None], count: int, on_part: OnPart | None = None) -> None:
        for index in range(count):
            if on_part:
                on_part(index / count)
            work(index)

    def gave_up(self, what: str, trouble: DeviceError) -> None:
        remarks.warn(
            f"The OpenCL device {self.device.info.name} failed at {what} ({trouble}); the processor goes on.",
            RuntimeWarning,
        )

    def resample(
        self,
        source: NDArray[np.generic],
        taps: tuple[Taps, Taps, Taps],
        out: NDArray[np.generic],
        on_part: OnPart | None = None,
    ) -> None:
        picks = all(axis.copies for axis in taps)
        wide = taps[0].weights.dtype == np.float64
        if out.dtype.kind == "c" or out.dtype.itemsize > 8 or (wide and not self.device.info.has_double):
            self._cpu.resample(source, taps, out, on_part)
            return
        if source.dtype.newbyteorder("=") == np.float16 and not picks:
            wider = np.empty(out.shape, np.float32)
            self.resample(source.astype(np.float32), taps, wider, on_part)
            out[...] = wider
            return
        values = np.ascontiguousarray(source, source.dtype.newbyteorder("="))
        target = out
        if picks:
            values, target = (a.view(f"u{a.dtype.itemsize}") for a in (values, out))
        sums = taps[0].weights.dtype.itemsize * (len(taps[1].first) * max(len(taps[2].first), values.shape[2]))
        bytes_in = values[:1].nbytes + 2 * sums
        depth = len(taps[0].first)

        def run(budget: int) -> None:
            for slab in slabs(taps[0], bytes_in, target[:1].nbytes, budget):
                part, made_of = target[slab.target], self.device.push(values[slab.source])
                made = self.device.empty(part.shape, part.dtype)
                step = volumes.pick if picks else volumes.resample
                step(self.device, made_of, slab.of(taps), made)
                self.device.fetch(made, part)
                if on_part:
                    on_part(slab.target.stop / depth)

        self._with_less("resampling", run, lambda: self._cpu.resample(source, taps, out, on_part))

    def blur(
        self,
        source: NDArray[np.generic],
        sigmas: tuple[float, float, float],
        out: NDArray[np.float32],
        offset: float = 0.0,
        on_part: OnPart | None = None,
    ) -> None:
        depth = len(source)
        halo = gaussian_radius(sigmas[0]) if depth > 1 else 0
        a_slice = source[:1].size * (source.dtype.itemsize + 8)

        def run(budget: int) -> None:
            for begin, end in _parts(depth, halo, a_slice, budget):
                low, high = max(begin - halo, 0), min(end + halo, depth)
                pushed = self.device.push(for_blur(source[low:high], offset))
                blurred = self.device.empty(pushed.shape, np.float32)
                volumes.blur(self.device, pushed, sigmas, blurred)
                self.device.fetch(blurred, out[begin:end], begin - low)
                if on_part:
                    on_part(end / depth)

        self._with_less("blurring", run, lambda: self._cpu.blur(source, sigmas, out, offset, on_part))

    def extrema(self, values: NDArray[np.generic]) -> tuple[float, float]:
        return self._cpu.extrema(values)  # one look at memory: sooner done than sent

    def histogram(self, values: NDArray[np.float32], lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        return self._cpu.histogram(values, lowest, highest, bins)

    def above(self, values: NDArray[np.float32], threshold: float, out: NDArray[np.bool_]) -> int:
        return self._cpu.above(values, threshold, out)

    def maxima(
        self,
        values: NDArray[np.float32],
        mask: NDArray[np.bool_],
        taps: tuple[FineTaps, FineTaps, FineTaps],
        finer: tuple[int, int, int],
        rounding: float,
        on_memory: OnMemory | None = None,
    ) -> Seeds:
        depth, height, width = values.shape
        fine_depth = (depth - 1) * finer[0] + 1
        across_slices, reach = taps[0], taps[0].weights.shape[1]
        fine_slice = height * width * finer[1] * finer[2]
        parts: list[NDArray[np.int32]] = []

        def run(budget: int) -> None:
            parts.clear()
            around = reach + 1
            for begin, end in _parts(fine_depth, around, fine_slice * 9, budget):
                first, last = max(begin - 1, 0), min(end + 1, fine_depth) - 1
                low = min(max(first // finer[0] + across_slices.begin, 0), depth - 1)
                high = min(last // finer[0] + across_slices.begin + reach, depth)
                low, high = (low, max(high, low + 1)) if reach > 1 else (first, last + 1)
                masked = [(fine + finer[0] // 2) // finer[0] for fine in (begin, end - 1)]
                fine = volumes.spread_rows_and_columns(self.device, self.device.push(values[low:high]), taps)
                part = (fine, low, self.device.push(mask[masked[0] : masked[1] + 1]))
                parts.append(
                    volumes.peaks(
                        self.device, *part, masked[0], across_slices, finer, rounding, (begin, end), depth, mask.shape
                    )
                )

        def instead() -> None:
            parts[:] = [np.empty((0, 4), np.int32)]
            by_cpu.append(self._cpu.maxima(values, mask, taps, finer, rounding, on_memory))

        by_cpu: list[Seeds] = []
        self._with_less("seeking seeds", run, instead)
        if by_cpu:
            return by_cpu[0]
        peaks = np.concatenate(parts)  # plateaus are few, and followed by the processor
        return Seeds(plateaus.settled(peaks, lambda: values, mask, taps, finer, rounding), finer)

    def assign(
        self,
        mask: NDArray[np.bool_],
        seeds: Seeds,
        spacing: tuple[float, float, float],
        out: NDArray[np.int32],
        on_part: OnPart | None = None,
    ) -> NDArray[np.int32]:
        if not self.device.info.has_double:
            return self._cpu.assign(mask, seeds, spacing, out, on_part)
        runs = np.empty(mask.shape[:2], np.int32)

        def run(budget: int) -> None:
            for begin, end in _parts(len(mask), 0, mask[:1].size * 5, budget):
                made = self.device.empty((end - begin, *mask.shape[1:]), np.int32)
                pushed = self.device.push(mask[begin:end])
                runs[begin:end] = volumes.assign(self.device, pushed, begin, len(mask), seeds, spacing, made)
                self.device.fetch(made, out[begin:end])
                if on_part:
                    on_part(end / len(mask))

        def instead() -> None:
            runs[...] = self._cpu.assign(mask, seeds, spacing, out, on_part)

        self._with_less("labelling", run, instead)
        return runs

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
        self._cpu.flood(mask, values, homes, spacing, out, on_part, on_memory)  # one voxel after the other

    def join_pieces(
        self,
        labels: NDArray[np.int32],
        runs_per_row: NDArray[np.int32],
        homes: NDArray[np.int64],
        on_memory: OnMemory | None = None,
    ) -> int:
        return self._cpu.join_pieces(
            labels, runs_per_row, homes, on_memory
        )  # a search along chains, no work for a device

    def peaks(
        self,
        labels: NDArray[np.int32],
        values: NDArray[np.float32],
        count: int,
        on_memory: OnMemory | None = None,
    ) -> NDArray[np.float32]:
        return self._cpu.peaks(labels, values, count, on_memory)

    def cut(
        self, labels: NDArray[np.int32], values: NDArray[np.float32], limits: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        return self._cpu.cut(labels, values, limits)

    def keep_pieces(
        self,
        labels: NDArray[np.int32],
        runs_per_row: NDArray[np.int32],
        homes: NDArray[np.int64],
        on_memory: OnMemory | None = None,
    ) -> None:
        self._cpu.keep_pieces(labels, runs_per_row, homes, on_memory)

    def census(
        self, labels: NDArray[np.int32], count: int, on_memory: OnMemory | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        return self._cpu.census(labels, count, on_memory)

    def tally(
        self,
        labels: NDArray[np.integer],
        intensities: list[NDArray[np.generic]],
        most: int,
        origins: Sequence[float] | None = None,
        weights: NDArray[np.int64] | None = None,
        below: NDArray[np.integer] | None = None,
    ) -> Tally | None:
        return self._cpu.tally(labels, intensities, most, origins, weights, below)

    def _with_less(self, what: str, run: Callable[[int], None], instead: Callable[[], object]) -> None:
        """Try with less memory at a time as long as the device has too little; in the end the processor does it."""
        budget = min(self.device.budget, self.device.info.largest)
        while True:
            try:
                with guarded(self.device):
                    run(budget)
            except DeviceError as trouble:
                if isinstance(trouble.__cause__, (cl.MemoryError, MemoryError)) and budget > 1 << 20:
                    budget //= 4
                    continue
                self.gave_up(what, trouble)
                instead()
            return


def _parts(depth: int, halo: int, a_slice: int, budget: int) -> Iterator[tuple[int, int]]:
    """Ranges of slices that fit the budget together with `halo` slices on both sides; at least one slice each."""
    size = max(1, budget // max(1, a_slice) - 2 * halo)
    for begin in range(0, depth, size):
        yield begin, min(begin + size, depth)


def engine_of(values: object) -> OpenClEngine | None:
    """The engine on the device that holds `values`, if it reads their type there."""
    if isinstance(values, DeviceArray) and values.dtype.name in READ_AS_THEY_ARE:
        return OpenClEngine(values.device)
    return None


@cache
def _engine(wanted: str) -> OpenClEngine:
    return OpenClEngine(Device(choose(wanted or None)))


def opencl_engine() -> OpenClEngine:
    """The engine on the device that is meant now; made once for each."""
    return _engine(os.environ.get(CHOICE, "").strip())
