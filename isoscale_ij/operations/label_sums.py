"""Sums per label, whatever the numbers of the labels: memory follows how many there are, never how high they go."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import memory
from isoscale_ij.engines.protocol import Engine, Tally

_LABEL_BYTES = 120  # of the sums of one label, without intensities
_LEFT_BYTES = 40  # of them beside the finished table: most sums are given up while it is made
_AT_ONCE_BYTES = 64 << 20  # an engine sums parts of a volume at once, each for all numbers up to the highest,
_PART = 16  # in parts of so many slices; where that takes more, each slice is summed for the labels it has
_SLICES_AT_A_TIME = 8
_SCRATCH_BYTES = 160  # a voxel of a slice: some threads have one each in wider types
_MEND = "Measure a part of the image, or remove small labels first."


def label_sums(
    values: NDArray[np.integer], intensities: list[Any], origins: list[float], engine: Engine, columns: int,
    memory_limit: float | str | None, beside: int = 0, only_sums: int = 0,
) -> tuple[NDArray[np.integer], Tally]:  # fmt: skip
    """The labels of a (z, y, x) volume in rising order, and the sums over each, in that order.

    Parameters
    ----------
    values : ndarray of int
        0 or more; 0 is background.
    intensities : list of ndarray
        Or of what gives an array for a slice.
    origins : list of float
        Of each, what is taken off before squares are summed.
    engine : Engine
    columns : int
        Of the table that will be made of the sums; they are counted as memory, too.
    memory_limit : float or str, optional
    beside : int
        Bytes that the caller has taken for this.
    only_sums : int
        Of how many of the last intensities nothing but sums is needed.

    Raises
    ------
    MemoryLimitError
        If sums and table would need more than allowed.
    """
    highest, channels = int(values.max()), len(intensities)
    brightness = 32 * channels - 24 * only_sums
    scratch = beside + _SCRATCH_BYTES * values[0].size
    at_once = (highest + 1) * (_LABEL_BYTES + 32 * channels) * -(-len(values) // _PART)
    if at_once <= _AT_ONCE_BYTES:
        memory.require(at_once + (highest + 1) * 8 * columns + scratch, memory_limit, "The table", _MEND)
        tally = engine.tally(values, intensities, highest, origins)
        numbers = np.flatnonzero(tally.n_voxels)
        return numbers, _rows(tally, numbers)
    present = _labels(values[0])
    for first in range(1, len(values), _PART):
        present = _distinct(np.concatenate([present, *map(_labels, values[first : first + _PART])]))
    memory.require(
        len(present) * (_LEFT_BYTES + brightness + 8 * columns) + scratch,
        memory_limit,
        f"The table of {len(present)} labels",
        _MEND,
    )
    return present, _by_slice(values, intensities, origins, engine, present, only_sums)


def _by_slice(
    values: NDArray[np.integer],
    intensities: list[Any],
    origins: list[float],
    engine: Engine,
    present: NDArray[np.integer],
    only_sums: int,
) -> Tally:
    """Sums over each slice for its own labels, added up in the order of the slices."""
    total = Tally.empty(len(present) - 1, len(intensities), only_sums)
    for first in range(0, len(values), _SLICES_AT_A_TIME):
        last = min(first + _SLICES_AT_A_TIME, len(values))
        parts: list[tuple[NDArray[np.integer], Tally] | None] = [None] * (last - first)

        def add(number: int, first: int = first, parts: list[Any] = parts) -> None:
            z = first + number
            labels, plane = _renumbered(values[z])
            channels = [channel[z : z + 1] for channel in intensities]
            parts[number] = labels, engine.tally(plane[np.newaxis], channels, len(labels), origins)

        engine.each(add, last - first)
        for z, part in zip(range(first, last), parts, strict=True):
            assert part is not None
            _add(total, np.searchsorted(present, part[0]), part[1], z)
    return total


def _add(total: Tally, rows: NDArray[np.int64], part: Tally, z: int) -> None:
    """Add the sums over the slice `z`; the first row of `part` is background."""
    count = part.n_voxels[1:]
    part.product_sums[1:, 0] += z * z * count
    part.product_sums[1:, 3:5] += z * part.index_sums[1:, 1:]
    part.index_sums[1:, 0] += z * count
    part.lowest[1:, 0] = part.highest[1:, 0] = z
    total.n_voxels[rows] += count
    total.index_sums[rows] += part.index_sums[1:]
    total.product_sums[rows] += part.product_sums[1:]
    total.lowest[rows] = np.minimum(total.lowest[rows], part.lowest[1:])
    total.highest[rows] = np.maximum(total.highest[rows], part.highest[1:])
    total.n_slices[rows] += 1
    total.intensity_sums[:, rows] += part.intensity_sums[:, 1:]
    full = len(total.intensity_squares)
    total.intensity_squares[:, rows] += part.intensity_squares[:full, 1:]
    total.intensity_lowest[:, rows] = np.minimum(total.intensity_lowest[:, rows], part.intensity_lowest[:full, 1:])
    total.intensity_highest[:, rows] = np.maximum(total.intensity_highest[:, rows], part.intensity_highest[:full, 1:])


def _rows(tally: Tally, rows: NDArray[np.int64]) -> Tally:
    return Tally(
        tally.n_voxels[rows], tally.index_sums[rows], tally.product_sums[rows], tally.lowest[rows],
        tally.highest[rows], tally.n_slices[rows], tally.intensity_sums[:, rows], tally.intensity_squares[:, rows],
        tally.intensity_lowest[:, rows], tally.intensity_highest[:, rows],
    )  # fmt: skip


def _run_starts(flat: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where a value differs from the one before it."""
    differs = np.empty(flat.size, np.bool_)
    differs[:1] = True
    np.not_equal(flat[1:], flat[:-1], out=differs[1:])
    return np.flatnonzero(differs)


def _distinct(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """The values, once each, in rising order; of a million np.unique takes a second, whatever their order."""
    values = np.sort(values, kind="stable")  # fast where parts are in order already
    return np.asarray(values[_run_starts(values)])


def _labels(plane: NDArray[np.integer]) -> NDArray[np.integer]:
    """The labels in a slice, in rising order, without the background."""
    flat = np.ravel(plane)
    labels = _distinct(flat[_run_starts(flat)])
    return np.asarray(labels[labels != 0])


def _renumbered(plane: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.int32]]:
    """The labels in a slice, in rising order, and the slice with the numbers 1 … n in their place."""
    flat = np.ravel(plane)
    starts = _run_starts(flat)
    labels, numbers = np.unique(flat[starts], return_inverse=True)
    if labels[0] == 0:
        labels = labels[1:]
    else:
        numbers = numbers + 1
    lengths = np.diff(starts, append=flat.size)
    return labels, np.repeat(numbers.astype(np.int32), lengths).reshape(plane.shape)
