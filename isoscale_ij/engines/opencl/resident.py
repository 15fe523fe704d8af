"""The steps on volumes that stay in the device's memory from the first step to the last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import DTypeLike, NDArray

from isoscale_ij.engines.cpu import plateaus as flat
from isoscale_ij.engines.cpu.statistics import float_limit
from isoscale_ij.engines.opencl import volumes
from isoscale_ij.engines.opencl.running import Device, DeviceArray
from isoscale_ij.engines.protocol import DeviceError, Seeds
from isoscale_ij.engines.taps import FineTaps, Taps

READ_AS_THEY_ARE = ("bool", "uint8", "int8", "uint16", "int16", "float32")  # types that a blur reads
_BYTES_BESIDE_SOURCE = 9  # a voxel of blurred values, twice, and of the mask
_NO_MASK = np.ones((1, 1, 1), np.bool_)


class DeviceVolumes:
    """Implements :class:`isoscale_ij.engines.protocol.DeviceSteps` on one OpenCL device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def holds(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        voxels = int(np.prod(shape))
        return self._device.info.has_double and self._device.fits(
            voxels * (dtype.itemsize + _BYTES_BESIDE_SOURCE), voxels * max(4, dtype.itemsize)
        )

    def pushed(self, values: NDArray[np.generic], offset: float) -> DeviceArray:
        with guarded(self._device):
            return self._device.push(for_blur(values, offset))

    def sent(self, values: NDArray[Any], like: Any) -> DeviceArray:
        with guarded(self._device):
            return replace(self._device.push(values), kind=like.kind)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        with guarded(self._device):
            return self._device.empty(shape, dtype)

    def not_finite(self, values: DeviceArray) -> int:
        with guarded(self._device):
            return volumes.not_finite(self._device, values)

    def resample(self, source: DeviceArray, taps: tuple[Taps, Taps, Taps]) -> DeviceArray:
        shape = tuple(len(axis.first) for axis in taps)
        with guarded(self._device):
            made = replace(self._device.empty(shape, source.dtype), kind=source.kind)
            if all(axis.copies for axis in taps):
                as_bits = f"u{source.dtype.itemsize}"
                volumes.pick(self._device, source.viewed_as(as_bits), taps, made.viewed_as(as_bits))
            else:
                volumes.resample(self._device, source, taps, made)
            return made

    def blur(self, source: DeviceArray, sigmas: tuple[float, float, float], out: DeviceArray) -> None:
        with guarded(self._device):
            volumes.blur(self._device, source, sigmas, out)
            self._device.finish()

    def extrema(self, values: DeviceArray) -> tuple[float, float]:
        with guarded(self._device):
            return volumes.extrema(self._device, values)

    def histogram(self, values: DeviceArray, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        with guarded(self._device):
            return volumes.histogram(self._device, values, lowest, highest, bins)

    def above(self, values: DeviceArray, threshold: float, out: DeviceArray) -> int:
        with guarded(self._device):
            return volumes.above(self._device, values, float_limit(threshold), out)

    def maxima(
        self,
        values: DeviceArray,
        mask: DeviceArray,
        taps: tuple[FineTaps, FineTaps, FineTaps],
        finer: tuple[int, int, int],
        rounding: float,
    ) -> Seeds:
        device, depth = self._device, mask.shape[0]
        fine_depth = (depth - 1) * finer[0] + 1
        with guarded(device):
            fine = volumes.spread_rows_and_columns(device, values, taps)
            slices = max(1, device.info.largest // 4 // (4 * fine.shape[1] * fine.shape[2]))
            parts = [(begin, min(begin + slices, fine_depth)) for begin in range(0, fine_depth, slices)]
            peaks = [
                volumes.peaks(device, fine, 0, mask, 0, taps[0], finer, rounding, part, depth, mask.shape)
                for part in parts
            ]
            plateaus = any((some[:, 3] == flat.EQUAL).any() for some in peaks)
            host_mask = device.fetch(mask) if plateaus else _NO_MASK
            return Seeds(
                flat.settled(np.concatenate(peaks), lambda: device.fetch(values), host_mask, taps, finer, rounding),
                finer,
            )

    def assign(
        self, mask: DeviceArray, seeds: Seeds, spacing: tuple[float, float, float], labels: DeviceArray
    ) -> NDArray[np.int32]:
        with guarded(self._device):
            return volumes.assign(self._device, mask, 0, mask.shape[0], seeds, spacing, labels)

    def fetch(self, values: DeviceArray, out: NDArray[Any]) -> None:
        with guarded(self._device):
            self._device.fetch(values, out)


def for_blur(source: NDArray[np.generic], offset: float) -> NDArray[np.generic]:
    """The values that are sent to the device: as they are, or as floats less the offset."""
    if not offset and source.dtype.newbyteorder("=").name in READ_AS_THEY_ARE:
        return source
    if not offset:
        return np.asarray(source, np.float32)
    return np.asarray(np.subtract(source, offset, dtype=np.float64), np.float32)


@contextmanager
def guarded(device: Device) -> Iterator[None]:
    """One thread at a time; what OpenCL complains of becomes :class:`DeviceError`."""
    with device.lock:
        try:
            yield
        except (cl.Error, MemoryError) as error:
            raise DeviceError(str(error).strip().splitlines()[0]) from error
