"""The steps over a volume that stays on a device: it goes there once or is there, its labels come back once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import DeviceSteps, Engine, OnMemory, OnPart, Seeds
from isoscale_ij.engines.taps import FineTaps
from isoscale_ij.execution.in_memory import one_at_a_time


class OnDeviceSteps:
    """Implements :class:`isoscale_ij.execution.protocol.VolumeSteps`.

    Parameters
    ----------
    engine : Engine
        For what a device is no help with.
    device : DeviceSteps
        Of that engine.
    source : array, (z, y, x)
        On the device, or here.
    out : ndarray of int32, (z, y, x)
        For the labels.
    on_memory : callable
        Told the bytes that a step is about to take here, beside the labels.
    """

    def __init__(
        self, engine: Engine, device: DeviceSteps, source: Any, out: NDArray[np.int32], on_memory: OnMemory
    ) -> None:
        self._on_memory = on_memory
        self._engine, self._device, self._original, self._labels = engine, device, source, out
        self._offset = 0.0
        self._source = None if isinstance(source, np.ndarray) else source  # on the device; sent when first needed
        self._values = device.empty(source.shape, np.float32)
        self._held = np.empty(0, np.float32)
        self._mask = device.empty(source.shape, np.bool_)
        self._runs = np.empty(0, np.int32)

    @property
    def shape(self) -> tuple[int, int, int]:
        z, y, x = self._original.shape
        return z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self._original.dtype
        return dtype

    def not_finite(self) -> int:
        if self.dtype.kind != "f":
            return 0
        if self._source is not None:
            return self._device.not_finite(self._source)
        return sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in self._original)

    def source_range(self) -> tuple[float, float]:
        return self._engine.extrema(np.asarray(self._original))

    def source_above(self, value: float) -> int:
        return sum(int(np.count_nonzero(plane > value)) for plane in np.asarray(self._original))

    def take_off(self, offset: float) -> None:
        if offset != self._offset:
            self._offset, self._source = offset, None

    def blur(self, sigmas: tuple[float, float, float], on_part: OnPart | None) -> None:
        if self._source is None:
            self._source = self._device.pushed(np.asarray(self._original), self._offset)
        self._device.blur(self._source, sigmas, self._values)
        if on_part:
            on_part(1.0)

    def extrema(self) -> tuple[float, float]:
        return self._device.extrema(self._values)

    def histogram(self, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        return self._device.histogram(self._values, lowest, highest, bins)

    def histograms(
        self, lowest: float, highest: float, bins: int, parts: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], Callable[[int], NDArray[np.int64]]]:
        return self.histogram(lowest, highest, bins), one_at_a_time(self.histogram, parts)

    def keep_mask(self, threshold: float, *, hold: bool = False) -> int:
        if hold:
            self._held = np.empty(self.shape, np.float32)
            self._device.fetch(self._values, self._held)
        return self._device.above(self._values, threshold, self._mask)

    def find_seeds(
        self, finer: tuple[int, int, int], taps: tuple[FineTaps, FineTaps, FineTaps], rounding: float
    ) -> Seeds:
        return self._device.maxima(self._values, self._mask, taps, finer, rounding)

    def heights(self, seeds: Seeds) -> NDArray[np.float32]:
        values = self._labels.view(np.float32)  # there is no label yet
        self._device.fetch(self._values, values)
        return np.asarray(values[tuple(seeds.voxels.T)])

    def assign(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        labels = self._values.viewed_as(np.int32)  # the blurred values are not needed any more
        self._runs = self._device.assign(self._mask, seeds, spacing, labels)
        self._device.fetch(labels, self._labels)
        if on_part:
            on_part(1.0)

    def flood(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        mask = np.empty(self.shape, np.bool_)
        self._device.fetch(self._mask, mask)
        self._engine.flood(mask, self._held, seeds.voxels, spacing, self._labels, on_part, self._on_memory)

    def lost(self, seeds: Seeds) -> NDArray[np.bool_]:
        return np.asarray(self._labels[tuple(seeds.voxels.T)] != np.arange(1, len(seeds) + 1))

    def join_pieces(self, seeds: Seeds) -> None:
        self._engine.join_pieces(self._labels, self._runs, seeds.voxels, self._on_memory)

    def peaks(self, count: int) -> NDArray[np.float32]:
        return self._engine.peaks(self._labels, self._held, count, self._on_memory)

    def cut(self, limits: NDArray[np.float64]) -> None:
        self._runs = self._engine.cut(self._labels, self._held, limits)

    def keep_pieces(self, seeds: Seeds) -> None:
        self._engine.keep_pieces(self._labels, self._runs, seeds.voxels, self._on_memory)

    def census(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        return self._engine.census(self._labels, count, self._on_memory)

    def clear(self) -> None:
        self._labels[...] = 0
