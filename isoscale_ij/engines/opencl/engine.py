"""The engine for GPUs: the same steps, and the same bits, as OpenCL kernels.

Here are the steps on arrays of this machine: each goes to the device in as few slabs of slices as
its memory allows, with the slices around it that it needs. :mod:`.volumes` has the steps on arrays
that are there already, :mod:`.running` memory and kernels; which device that is,
:mod:`isoscale_ij.engines.opencl.devices` finds.

What a device cannot do, the processor's engine does: with a warning where that is a surprise.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import NDArray

from isoscale_ij.engines.cpu import maxima
from isoscale_ij.engines.cpu.engine import CpuEngine
from isoscale_ij.engines.cpu.statistics import float_limit
from isoscale_ij.engines.opencl import volumes
from isoscale_ij.engines.opencl.devices import CHOICE, choose
from isoscale_ij.engines.opencl.running import Device, OnDevice
from isoscale_ij.engines.protocol import OnPart, Seeds, Tally
from isoscale_ij.engines.slabs import slabs
from isoscale_ij.engines.taps import FineTaps, Taps, gaussian_radius

_DIRECT = ("bool", "uint8", "int8", "uint16", "int16", "float32")  # types that a blur reads as they are


class DeviceError(RuntimeError):
    """The device has no memory left, or is gone."""


class OpenClEngine:
    """The steps of :class:`isoscale_ij.engines.protocol.Engine` on an OpenCL device."""

    name = "opencl"

    def __init__(self, device: Device) -> None:
        self.device = device
        self._cpu = CpuEngine()

    def side_by_side(self, count: int, voxels: int) -> bool:
        del count, voxels
        return False  # one volume at a time is what a device does best

    def each(self, work: Callable[[int], None], count: int, on_part: OnPart | None = None) -> None:
        for index in range(count):
            if on_part:
                on_part(index / count)
            work(index)

    def holds(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        """Whether a volume finds room with all that segmenting it needs."""
        voxels = int(np.prod(shape))
        return self.device.found.has_double and self.device.fits(
            voxels * (dtype.itemsize + 9), voxels * max(4, dtype.itemsize)
        )

    def resampled(self, source: OnDevice, taps: tuple[Taps, Taps, Taps]) -> tuple[OnDevice, int]:
        """A volume that is on the device, resampled there, and how many of its values were NaN or infinite.

        Where it finds no room, it goes through this machine's memory and back.
        """
        shape = tuple(len(axis.first) for axis in taps)
        try:
            with self.guarded():
                made = replace(self.device.empty(shape, source.dtype), kind=source.kind)
                picks = all(axis.copies for axis in taps)
                if picks:
                    as_bits = f"u{source.dtype.itemsize}"
                    volumes.pick(self.device, source.viewed_as(as_bits), taps, made.viewed_as(as_bits))
                else:
                    volumes.resample(self.device, source, taps, made)
                return made, volumes.not_finite(self.device, source)
        except DeviceError as trouble:
            self.give_up("resampling a whole volume", trouble)
        values, out = source.get(), np.empty(shape, source.dtype)
        self.resample(values, taps, out)
        finite = np.isfinite(values) if values.dtype.kind == "f" else np.ones(1, np.bool_)
        return self.sent(out, source), int(np.count_nonzero(~finite))

    def sent(self, values: NDArray[Any], like: OnDevice) -> OnDevice:
        """`values` on the device, of the class that `like` came as."""
        with self.guarded():
            return replace(self.device.push(values), kind=like.kind)

    def not_finite(self, values: OnDevice) -> int:
        """How many values on the device are NaN or infinite."""
        with self.guarded():
            return volumes.not_finite(self.device, values)

    def for_blur(self, source: NDArray[np.generic], offset: float) -> NDArray[np.generic]:
        """The values that are sent to the device: as they are, or as floats less the offset."""
        if not offset and source.dtype.newbyteorder("=").name in _DIRECT:
            return source
        if not offset:
            return np.asarray(source, np.float32)
        return np.asarray(np.subtract(source, offset, dtype=np.float64), np.float32)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """One thread at a time; what OpenCL complains of becomes :class:`DeviceError`."""
        with self.device.lock:
            try:
                yield
            except (cl.Error, MemoryError) as error:
                raise DeviceError(str(error).strip().splitlines()[0]) from error

    def give_up(self, what: str, trouble: DeviceError) -> None:
        """Say that the processor goes on."""
        warnings.warn(
            f"The OpenCL device {self.device.found.name} failed at {what} ({trouble}); the processor goes on.",
            RuntimeWarning,
            stacklevel=4,
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
        if out.dtype.kind == "c" or out.dtype.itemsize > 8 or (wide and not self.device.found.has_double):
            self._cpu.resample(source, taps, out, on_part)
            return
        if source.dtype == np.float16 and not picks:
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
                part = values[slice(*slab.source)]
                made = self.device.empty((slab.target[1] - slab.target[0], *target.shape[1:]), target.dtype)
                step = volumes.pick if picks else volumes.resample
                step(self.device, self.device.push(part), (slab.of(taps[0]), taps[1], taps[2]), made)
                self.device.fetch(made, target[slice(*slab.target)])
                if on_part:
                    on_part(slab.target[1] / depth)

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
                pushed = self.device.push(self.for_blur(source[low:high], offset))
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
        across_slices: FineTaps,
        finer: tuple[int, int, int],
        rounding: float,
    ) -> Seeds:
        depth, height, width = values.shape
        fine_depth = (depth - 1) * finer[0] + 1
        reach = across_slices.weights.shape[1]
        found: list[NDArray[np.int64]] = []

        def run(budget: int) -> None:
            found.clear()
            around = reach + 1
            for begin, end in _parts(fine_depth, around, height * width * 9, budget):
                first, last = max(begin - 1, 0), min(end + 1, fine_depth) - 1
                low = min(max(first // finer[0] + across_slices.begin, 0), depth - 1)
                high = min(last // finer[0] + across_slices.begin + reach, depth)
                low, high = (low, max(high, low + 1)) if reach > 1 else (first, last + 1)
                masked = [(fine + finer[0] // 2) // finer[0] for fine in (begin, end - 1)]
                part = (self.device.push(values[low:high]), low, self.device.push(mask[masked[0] : masked[1] + 1]))
                found.append(
                    volumes.peaks(
                        self.device, *part, masked[0], across_slices, finer, rounding, (begin, end), depth, mask.shape
                    )
                )

        def instead() -> None:
            found[:] = [np.empty((0, 4), np.int64)]
            by_cpu.append(self._cpu.maxima(values, mask, across_slices, finer, rounding))

        by_cpu: list[Seeds] = []
        self._with_less("seeking seeds", run, instead)
        if by_cpu:
            return by_cpu[0]
        return self.settled(np.concatenate(found), lambda: values, mask, across_slices, finer, rounding)

    def settled(
        self,
        peaks: NDArray[np.int64],
        values: Callable[[], NDArray[np.float32]],
        mask: NDArray[np.bool_],
        across_slices: FineTaps,
        finer: tuple[int, int, int],
        rounding: float,
    ) -> Seeds:
        """The seeds among peaks: plateaus are few, and followed by the processor."""
        return Seeds(maxima.settled(peaks, values, mask, across_slices, finer, rounding), finer)

    def assign(
        self,
        mask: NDArray[np.bool_],
        seeds: Seeds,
        spacing: tuple[float, float, float],
        out: NDArray[np.int32],
        on_part: OnPart | None = None,
    ) -> NDArray[np.int32]:
        if not self.device.found.has_double:
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

    def join_pieces(self, labels: NDArray[np.int32], runs_per_row: NDArray[np.int32], homes: NDArray[np.int64]) -> int:
        return self._cpu.join_pieces(labels, runs_per_row, homes)  # a search along chains, no work for a device

    def tally(self, labels: NDArray[np.integer], intensities: list[NDArray[np.generic]], count: int) -> Tally:
        return self._cpu.tally(labels, intensities, count)

    @staticmethod
    def float_limit(threshold: float) -> np.float32:
        """The float32 that decides the same voxels as `threshold`."""
        return float_limit(threshold)

    def _with_less(self, what: str, run: Callable[[int], None], instead: Callable[[], object]) -> None:
        """Try with less memory at a time as long as the device has too little; in the end the processor does it."""
        budget = min(self.device.budget, self.device.found.largest)
        while True:
            try:
                with self.guarded():
                    run(budget)
            except DeviceError as trouble:
                if isinstance(trouble.__cause__, (cl.MemoryError, MemoryError)) and budget > 1 << 20:
                    budget //= 4
                    continue
                self.give_up(what, trouble)
                instead()
            return


def _parts(depth: int, halo: int, a_slice: int, budget: int) -> Iterator[tuple[int, int]]:
    """Ranges of slices that fit the budget together with `halo` slices on both sides; at least one slice each."""
    size = max(1, budget // max(1, a_slice) - 2 * halo)
    for begin in range(0, depth, size):
        yield begin, min(begin + size, depth)


def reads(values: object) -> bool:
    """Whether `values` are on a device, of a type that rescaling and segmenting read there."""
    return isinstance(values, OnDevice) and values.dtype.name in _DIRECT


def engine_of(values: OnDevice) -> OpenClEngine:
    """The engine on the device that holds `values`."""
    return OpenClEngine(values.device)


@cache
def _engine(wanted: str) -> OpenClEngine:
    return OpenClEngine(Device(choose(wanted or None)))


def opencl_engine() -> OpenClEngine:
    """The engine on the device that is meant now; made once for each."""
    return _engine(os.environ.get(CHOICE, "").strip())
