"""Filter weights: which input voxels an output voxel is made of, and how much of each.

Shared by the engines. Everything here is separable: one table an axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

TRUNCATE = 4.0  # a Gaussian is cut off at so many sigmas, as scipy.ndimage does by default


def gaussian_radius(sigma: float) -> int:
    """Voxels on each side of the centre that a Gaussian of `sigma` voxels reaches."""
    return int(TRUNCATE * sigma + 0.5)


def gaussian_weights(sigma: float, count: int) -> NDArray[np.float32]:
    """Weights of a Gaussian of `sigma` voxels along an axis of `count` voxels (sum 1, odd length).

    An axis of one voxel repeats that voxel, so a blur along it changes nothing.
    """
    radius = gaussian_radius(sigma) if count > 1 else 0
    if radius == 0:
        return np.ones(1, np.float32)
    distance = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (distance / sigma) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


@dataclass(frozen=True)
class Taps:
    """One axis of a resampling.

    Output voxel i is the sum of ``weights[i, k] * input[first[i] + k]`` over ``k < count[i]``.
    Weights beyond the count are zero and are not to be used, so that a NaN reaches just the voxels
    whose kernel touches it.
    """

    first: NDArray[np.int64]
    count: NDArray[np.int64]
    weights: NDArray[np.floating]

    @property
    def copies(self) -> bool:
        """Whether each output voxel is one input voxel."""
        return self.weights.shape[1] == 1 and bool((self.weights == 1).all())

    @property
    def unchanged(self) -> bool:
        """Whether the axis stays as it is."""
        return self.copies and bool((self.first == np.arange(len(self.first))).all())


def resampling_taps(
    count_in: int,
    count_out: int,
    ratio: float,
    interpolation: str,
    *,
    antialias: bool,
    dtype: DTypeLike = np.float32,
) -> Taps:
    """Taps that resample an axis of `count_in` voxels onto `count_out` voxels, `ratio` times as long.

    Both grids begin at the same lower edge, so output voxel k has its centre at the input index
    ``(k + 1/2) * ratio - 1/2``. Beyond the first and the last voxel the image goes on with their
    values. With `antialias`, a kernel is widened by the ratio where that is above 1, as Pillow's
    and torch's are.

    Parameters
    ----------
    count_in, count_out : int
        Voxels on the axis, before and after.
    ratio : float
        New voxel size / old voxel size.
    interpolation : {"linear", "nearest", "cubic"}
        `cubic` is the kernel of Keys (1981), "Cubic convolution interpolation for digital image
        processing", with a = -1/2.
    antialias : bool
        Whether to widen the kernel; without a meaning for `nearest`.
    dtype : dtype
        float32 or float64: the precision of the sums.
    """
    centres = (np.arange(count_out) + 0.5) * ratio - 0.5
    if interpolation == "nearest":
        first = np.clip(np.floor(centres + 0.5), 0, count_in - 1).astype(np.int64)
        return Taps(first, np.ones(count_out, np.int64), np.ones((count_out, 1), dtype))
    reach, stretch = _reach(ratio, interpolation, antialias=antialias)
    begin = np.floor(centres - reach).astype(np.int64) + 1
    index = begin[:, None] + np.arange(math.ceil(2 * reach))
    weights = _KERNELS[interpolation](np.abs(index - centres[:, None]) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    return _gathered_at_the_edges(index, weights, count_in, dtype)


def tap_bytes(count_out: int, ratio: float, interpolation: str, *, antialias: bool) -> int:
    """About the memory that it takes to make such taps."""
    reach, _ = _reach(ratio, interpolation, antialias=antialias)
    return int(count_out * math.ceil(2 * reach) * _BYTES_PER_WEIGHT)


def _reach(ratio: float, interpolation: str, *, antialias: bool) -> tuple[float, float]:
    """How far the kernel reaches on each side, in input voxels, and how much it is widened."""
    stretch = max(1.0, ratio) if antialias and interpolation != "nearest" else 1.0
    return stretch * _KERNEL_REACH[interpolation], stretch


def _gathered_at_the_edges(
    index: NDArray[np.int64], weights: NDArray[np.float64], count_in: int, dtype: DTypeLike
) -> Taps:
    """Clamp indices to the axis, add up the weights that fall together, drop zeros at both ends."""
    inside = np.clip(index, 0, count_in - 1)
    used = np.abs(weights) > _NEGLIGIBLE
    first = np.where(used, inside, count_in).min(axis=1)
    last = np.where(used, inside, -1).max(axis=1)
    count = last - first + 1
    table = np.zeros((len(index), int(count.max())), np.float64)
    rows = np.broadcast_to(np.arange(len(index))[:, None], index.shape)
    np.add.at(table, (rows[used], (inside - first[:, None])[used]), weights[used])
    return Taps(first, count, table.astype(dtype))


def _triangle(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(1 - distance, 0, None)


def _keys(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    d = distance
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))


_NEGLIGIBLE = 1e-9
_BYTES_PER_WEIGHT = 80  # while they are made: its index, its weight, what was clamped and summed
_KERNEL_REACH = {"nearest": 0.5, "linear": 1.0, "cubic": 2.0}
_KERNELS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": _triangle,
    "cubic": _keys,
}


@dataclass(frozen=True)
class FineTaps:
    """Weights that blur an axis and read it between its voxels.

    The value at fine index ``i * n + p`` (n = number of phases) is the sum over k of
    ``weights[p, k] * input[i + begin + k]``; beyond the ends the outermost values go on.
    """

    begin: int
    weights: NDArray[np.float32]


NO_TAPS = FineTaps(0, np.ones((1, 1), np.float32))


def fine_gaussian_taps(sigma: float, finer: int) -> FineTaps:
    """A Gaussian of `sigma` voxels over the linearly interpolated axis, at `finer` places to a voxel."""
    kernel = gaussian_weights(sigma * finer, 2).astype(np.float64)
    radius = len(kernel) // 2
    begin = math.floor(-radius / finer)
    end = (finer - 1 + radius) // finer + 1
    weights = np.zeros((finer, -(-(end - begin + 1) // 4) * 4))  # engines take four at a time
    for phase in range(finer):
        places = phase + np.arange(-radius, radius + 1)
        voxel, rest = places // finer - begin, places % finer / finer
        np.add.at(weights[phase], voxel, kernel * (1 - rest))
        np.add.at(weights[phase], voxel + 1, kernel * rest)
    return FineTaps(begin, weights.astype(np.float32))


def spread(taps: FineTaps, count_in: int) -> Taps:
    """The same weights as a table over the whole axis: ``(count_in - 1) * finer + 1`` output values."""
    finer, width = taps.weights.shape
    fine = np.arange((count_in - 1) * finer + 1)
    index = (fine // finer + taps.begin)[:, None] + np.arange(width)
    return _gathered_at_the_edges(index, taps.weights[fine % finer].astype(np.float64), count_in, np.float32)


def sum_type(dtype: np.dtype[Any]) -> type[np.floating]:
    """The type in which weighted sums of values of `dtype` are taken, in whatever byte order they lie."""
    native = dtype.newbyteorder("=")
    wide = native == np.float64 or (native.kind in "iu" and native.itemsize >= 4)
    return np.float64 if wide else np.float32


def holds_exactly(dtype: np.dtype[Any]) -> bool:
    """Whether float32, in which blurs are taken, holds every value of `dtype`."""
    return dtype.kind == "b" or dtype.itemsize < 4 or dtype.newbyteorder("=") == np.float32


def unchanged_taps(count: int, dtype: DTypeLike = np.float32) -> Taps:
    """Taps of an axis that stays as it is."""
    return Taps(np.arange(count), np.ones(count, np.int64), np.ones((count, 1), dtype))
