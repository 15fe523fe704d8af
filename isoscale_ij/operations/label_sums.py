"""Sums per label, whatever the numbers of the labels: memory follows how many there are, never how high they go."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij import memory
from isoscale_ij.engines import get_engine
from isoscale_ij.engines.protocol import Engine, Tally
from isoscale_ij.image.labels import check_labels
from isoscale_ij.operations.shapes import whole_weights

_LABEL_BYTES = 128  # of the sums of one label, without intensities
_CHANNEL_BYTES = 32
_LEFT_BYTES = 48  # of them beside the finished table: most sums are given up while it is made
_AT_ONCE_BYTES = 64 << 20  # an engine sums parts of a volume at once, each for all numbers up to the highest,
_PART = 8  # in parts of so many slices; where that takes more, each slice is summed for the labels it has
_SLICES_AT_A_TIME = 8
_SCRATCH_BYTES = 160  # a voxel of a slice: some threads have one each in wider types
_FEWEST_OF_GREY, _SPREAD = 10, 0.3  # values, and what their boxes are of the volume: labels' are a hundredth
_MEND = "Measure a part of the image, or remove small labels first."


def label_sums(
    values: NDArray[np.integer], intensities: list[Any], origins: list[float], weights: NDArray[np.int64],
    engine: Engine, columns: int, memory_limit: float | str | None, beside: int = 0,
) -> tuple[NDArray[np.integer], Tally]:  # fmt: skip
    """The labels of a (z, y, x) volume in rising order, and the sums over each, in that order.

    Parameters
    ----------
    values : ndarray of int
        0 is background.
    intensities : list of ndarray
        Or of what gives an array for a slice.
    origins : list of float
        Of each, what is taken off before squares are summed.
    weights : ndarray of int
        Of the neighbours that expose a voxel, see :meth:`isoscale_ij.engines.protocol.Engine.tally`.
    engine : Engine
    columns : int
        Of the table that will be made of the sums; they are counted as memory, too.
    memory_limit : float or str, optional
    beside : int
        Bytes that the caller has taken for this.

    Raises
    ------
    ParameterError
        If a label is negative.
    MemoryLimitError
        If sums and table would need more than allowed.
    """
    of_label = _LABEL_BYTES + _CHANNEL_BYTES * len(intensities)
    scratch = beside + _SCRATCH_BYTES * values[0].size
    of_number = of_label * -(-len(values) // _PART)
    memory.require(scratch + of_number, memory_limit, "The table", _MEND)
    allowed = min(_AT_ONCE_BYTES, memory.limit_in_bytes(memory_limit) - scratch)
    tally = engine.tally(values, intensities, allowed // of_number - 1, origins, weights)
    if tally is not None:
        numbers = np.flatnonzero(tally.n_voxels)
        memory.require(
            len(tally.n_voxels) * of_number + len(numbers) * 8 * columns + scratch, memory_limit, "The table", _MEND
        )
        return numbers, tally.rows(numbers)
    check_labels(values)
    present = _labels(values[0])
    for first in range(1, len(values), _PART):
        present = _distinct(np.concatenate([present, *map(_labels, values[first : first + _PART])]))
    memory.require(
        len(present) * (_LEFT_BYTES + _CHANNEL_BYTES * len(intensities) + 8 * columns) + scratch,
        memory_limit,
        f"The table of {len(present)} labels",
        _MEND,
    )
    return present, _by_slice(values, intensities, origins, weights, engine, present)


def scattered(sums: Tally, shape: tuple[int, ...]) -> bool:
    """Whether values lie all over a volume, as grey values do and objects do not.

    The most frequent one does not count, which may be a background.
    """
    if len(sums.n_voxels) <= _FEWEST_OF_GREY:
        return False
    boxes = np.prod((sums.highest - sums.lowest + 1.0) / shape, axis=1)
    counts = sums.n_voxels.astype(np.float64)
    counts[counts.argmax()] = 0
    return float(np.average(boxes, weights=counts)) > _SPREAD


def values_are_scattered(values: NDArray[np.integer], memory_limit: float | str | None = None) -> bool:
    """The same of a volume or a plane, which is looked at for that."""
    volume = values.reshape((1,) * (3 - values.ndim) + values.shape)
    weights, _ = whole_weights((1.0,) * 3)
    return scattered(label_sums(volume, [], [], weights, get_engine(), 0, memory_limit)[1], volume.shape)


def _by_slice(
    values: NDArray[np.integer],
    intensities: list[Any],
    origins: list[float],
    weights: NDArray[np.int64],
    engine: Engine,
    present: NDArray[np.integer],
) -> Tally:
    """Sums over each slice for its own labels, added up in the order of the slices."""
    total = Tally.empty(len(present) - 1, len(intensities))
    for first in range(0, len(values), _SLICES_AT_A_TIME):
        last = min(first + _SLICES_AT_A_TIME, len(values))
        parts: list[tuple[NDArray[np.integer], Tally] | None] = [None] * (last - first)

        def add(number: int, first: int = first, parts: list[Any] = parts) -> None:
            z = first + number
            labels, plane = _renumbered(values[z])
            below = _numbered(values[z - 1], labels) if z and labels.size else None
            channels = [channel[z : z + 1] for channel in intensities]
            parts[number] = labels, engine.tally(plane[np.newaxis], channels, len(labels), origins, weights, below)

        engine.each(add, last - first)
        for z, part in zip(range(first, last), parts, strict=True):
            assert part is not None
            _add(total, np.searchsorted(present, part[0]), part[1].rows(slice(1, None)), z)
    return total


def _add(total: Tally, rows: NDArray[np.int64], part: Tally, z: int) -> None:
    """Add the sums over the slice `z`."""
    part.product_sums[:, 0] += z * z * part.n_voxels
    part.product_sums[:, 3:5] += z * part.index_sums[:, 1:]
    part.index_sums[:, 0] += z * part.n_voxels
    part.lowest[:, 0] = part.highest[:, 0] = z
    mine = total.rows(rows)
    mine.add(part)
    total.put(rows, mine)


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
    return labels, _filled(numbers, starts, plane.shape)


def _numbered(plane: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """A slice with the numbers 1 … n in the place of some labels, and 0 of all others."""
    flat = np.ravel(plane)
    starts = _run_starts(flat)
    places = np.minimum(np.searchsorted(labels, flat[starts]), len(labels) - 1)
    return _filled(np.where(labels[places] == flat[starts], places + 1, 0), starts, plane.shape)


def _filled(numbers: NDArray[np.integer], starts: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """A slice whose runs have these numbers."""
    lengths = np.diff(starts, append=np.prod(shape))
    return np.repeat(numbers.astype(np.int32), lengths).reshape(shape)
