"""A resampling and how it is done: over the volumes of an image, or for one slab of a volume that lies elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.protocol import Engine, OnPart
from isoscale_ij.engines.slabs import Slab, slabs
from isoscale_ij.engines.taps import Taps, resampling_taps, sum_type, tap_bytes
from isoscale_ij.execution.stack import Stack
from isoscale_ij.progress import Progress

Triple = tuple[Taps, Taps, Taps]


@dataclass(frozen=True)
class AxisChange:
    """What becomes of an axis: voxels before and after, new voxel size / old voxel size."""

    count_in: int
    count_out: int
    ratio: float


@dataclass(frozen=True)
class Resampling:
    """A resampling of volumes; its tables of weights are made when they are first needed.

    Attributes
    ----------
    axes : (AxisChange, AxisChange, AxisChange)
        Of z, y and x.
    interpolation : {"linear", "nearest", "cubic"}
    antialias : bool
    dtype : dtype
        Of the values.
    """

    axes: tuple[AxisChange, AxisChange, AxisChange]
    interpolation: str
    antialias: bool
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of the result."""
        z, y, x = (axis.count_out for axis in self.axes)
        return z, y, x

    @property
    def table_bytes(self) -> int:
        """What the tables take while they are made."""
        return sum(
            tap_bytes(axis.count_out, axis.ratio, self.interpolation, antialias=self.antialias) for axis in self.axes
        )

    @cached_property
    def taps(self) -> Triple:
        """The weights along z, y and x."""
        z, y, x = (
            resampling_taps(
                axis.count_in, axis.count_out, axis.ratio, self.interpolation,
                antialias=self.antialias, dtype=sum_type(self.dtype),
            )
            for axis in self.axes
        )  # fmt: skip
        return z, y, x

    def slabs(self, bytes_in: int, bytes_out: int, most: int) -> list[Slab]:
        """Slabs along z that need at most `most` bytes; `bytes_in` and `bytes_out` are those of a slice."""
        return list(slabs(self.taps[0], bytes_in, bytes_out, most))


def resample_volumes(
    engine: Engine, stack: Stack, resampling: Resampling, out: NDArray[Any], progress: Progress
) -> int:
    """Every volume of `stack` into `out`; how many values are NaN or infinite."""
    blocks = list(stack.indices())
    bad = [0] * len(blocks)

    def resample(number: int, on_part: OnPart | None) -> None:
        index = blocks[number]
        target = stack.three_dimensional(out[index] if index else out)
        bad[number] = resample_block(engine, stack.volume(index), resampling.taps, target, on_part)

    voxels = max(stack.values.size, out.size) // max(1, len(blocks))
    if engine.at_a_time(len(blocks), voxels) > 1:
        engine.each(lambda number: resample(number, None), len(blocks), progress.whole("rescale"))
    else:
        for number in range(len(blocks)):
            resample(number, progress.step("rescale", number))
    return sum(bad)


def resample_block(
    engine: Engine, source: NDArray[Any], taps: Triple, out: NDArray[Any], on_part: OnPart | None = None
) -> int:
    """One block (z, y, x) into `out`, whole; how many of its values are NaN or infinite."""
    engine.resample(source, taps, out, on_part)
    return _not_finite(source, engine)


def resample_slab(
    engine: Engine,
    source: NDArray[Any],
    resampling: Resampling,
    slab: Slab,
    out: NDArray[Any],
    on_part: OnPart | None = None,
) -> int:
    """The slab of a volume, from its input slices alone, into its output slices."""
    return resample_block(engine, source, slab.of(resampling.taps), out, on_part)


def _not_finite(values: NDArray[Any], engine: Engine) -> int:
    """How many values are NaN or infinite; where there are none, no more than a look at the range."""
    if values.dtype.kind != "f" or np.isfinite(engine.extrema(values)).all():
        return 0
    return sum(int(np.count_nonzero(~np.isfinite(plane))) for plane in values)
