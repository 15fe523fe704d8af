"""The steps over a volume that stays on a device: it goes there once or is there, its labels come back once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import OnPart, Seeds
from isoscale_ij.engines.taps import FineTaps, spread, unchanged_taps

if TYPE_CHECKING:
    from isoscale_ij.engines.opencl.engine import OpenClEngine
    from isoscale_ij.engines.opencl.running import OnDevice


class OnDeviceSteps:
    """Implements :class:`isoscale_ij.execution.VolumeSteps`; the arguments are those of the steps in memory."""

    def __init__(
        self, engine: OpenClEngine, source: NDArray[np.generic] | OnDevice, offset: float, out: NDArray[np.int32]
    ) -> None:
        from isoscale_ij.engines.opencl import volumes
        from isoscale_ij.engines.opencl.running import OnDevice

        self._engine, self._device, self._volumes = engine, engine.device, volumes
        self._given, self._labels = source, out
        with engine.guarded():
            if isinstance(source, OnDevice):
                self._source = source
            else:
                self._source = self._device.push(engine.for_blur(source, offset))
            self._values = self._device.empty(source.shape, np.float32)
            self._mask = self._device.empty(source.shape, np.bool_)
        self._runs = np.empty(0, np.int32)

    def source_range(self) -> tuple[float, float]:
        return self._engine.extrema(np.asarray(self._given))

    def source_above(self, value: float) -> int:
        return sum(int(np.count_nonzero(plane > value)) for plane in np.asarray(self._given))

    def blur(self, sigmas: tuple[float, float, float], on_part: OnPart | None) -> None:
        with self._engine.guarded():
            self._volumes.blur(self._device, self._source, sigmas, self._values)
            self._device.finish()
        if on_part:
            on_part(1.0)

    def extrema(self) -> tuple[float, float]:
        with self._engine.guarded():
            return self._volumes.extrema(self._device, self._values)

    def histogram(self, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
        with self._engine.guarded():
            return self._volumes.histogram(self._device, self._values, lowest, highest, bins)

    def keep_mask(self, threshold: float) -> int:
        with self._engine.guarded():
            return self._volumes.above(self._device, self._values, self._engine.float_limit(threshold), self._mask)

    def find_seeds(
        self, finer: tuple[int, int, int], taps: tuple[FineTaps, FineTaps, FineTaps], rounding: float
    ) -> Seeds:
        device, values, shape = self._device, self._values, self._values.shape
        with self._engine.guarded():
            if finer[1] > 1 or finer[2] > 1:
                depth, height, width = shape
                fine = (unchanged_taps(depth), spread(taps[1], height), spread(taps[2], width))
                values = device.empty((depth, len(fine[1].first), len(fine[2].first)), np.float32)
                self._volumes.resample(device, self._values, fine, values)
            depth = (shape[0] - 1) * finer[0] + 1
            slices = max(1, device.found.largest // 4 // (4 * values.shape[1] * values.shape[2]))
            parts = [(begin, min(begin + slices, depth)) for begin in range(0, depth, slices)]
            peaks = [
                self._volumes.peaks(
                    device, values, 0, self._mask, 0, taps[0], finer, rounding, part, shape[0], self._mask.shape
                )
                for part in parts
            ]
            host_mask = device.fetch(self._mask) if any((found[:, 3] == 1).any() for found in peaks) else _NO_MASK
            return self._engine.settled(
                np.concatenate(peaks), lambda: device.fetch(values), host_mask, taps[0], finer, rounding
            )

    def assign(self, seeds: Seeds, spacing: tuple[float, float, float], on_part: OnPart | None) -> None:
        labels = self._values.viewed_as(np.int32)  # the blurred values are not needed any more
        with self._engine.guarded():
            depth = labels.shape[0]
            self._runs = self._volumes.assign(self._device, self._mask, 0, depth, seeds, spacing, labels)
            self._device.fetch(labels, self._labels)
        if on_part:
            on_part(1.0)

    def lost(self, seeds: Seeds) -> NDArray[np.bool_]:
        return np.asarray(self._labels[tuple(seeds.voxels.T)] != np.arange(1, len(seeds) + 1))

    def join_pieces(self, seeds: Seeds) -> None:
        self._engine.join_pieces(self._labels, self._runs, seeds.voxels)


_NO_MASK = np.ones((1, 1, 1), np.bool_)
