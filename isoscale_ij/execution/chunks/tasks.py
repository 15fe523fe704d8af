"""The tasks of the sweeps: one block each, from and to stores that are opened by path.

Each is given a :class:`Volume`, which is small to send, and returns a summary: a few arrays by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines import get_engine
from isoscale_ij.engines.cpu import NAME
from isoscale_ij.engines.cpu.blocks import BlockPieces, block_labels, block_peaks, blurred_block, summed
from isoscale_ij.engines.cpu.statistics import nested_histogram
from isoscale_ij.engines.protocol import Engine
from isoscale_ij.engines.taps import FineTaps, gaussian_radius
from isoscale_ij.execution.chunks.counts import NestedCounts
from isoscale_ij.execution.chunks.kept import kept
from isoscale_ij.execution.chunks.readers import Reader
from isoscale_ij.execution.chunks.regions import Blocks, Region, lengths, widened, within
from isoscale_ij.execution.chunks.store import BlockArray, load_arrays, save_arrays
from isoscale_ij.execution.chunks.sweeps import Summary, scalar

Triple = tuple[float, float, float]
Steps = tuple[int, int, int]


@dataclass(frozen=True)
class Volume:
    """What every task is given.

    Attributes
    ----------
    source : Reader
        Of the image (z, y, x).
    blocks : Blocks
    folder : str
        Where what the tasks make is kept.
    """

    source: Reader
    blocks: Blocks
    folder: str

    def array(self, name: str, dtype: str) -> BlockArray:
        """An array of the shape of the image, kept in the folder."""
        return BlockArray(self.blocks, dtype, (str(Path(self.folder) / name),))

    def faces(self, number: int) -> Path:
        """The file with the faces of a block."""
        return Path(self.folder) / "faces" / f"{number}.arrays"


@dataclass(frozen=True)
class Blur:
    """A blur of the image less an offset."""

    sigmas: Triple
    offset: float = 0.0

    def block(self, volume: Volume, number: int) -> NDArray[np.float32]:
        """The blurred values of a block; not to be changed."""
        return kept((self, volume.folder, number), lambda: self.of(volume, volume.blocks.region(number)))

    def of(self, volume: Volume, region: Region) -> NDArray[np.float32]:
        """The blurred values of a region, worked out from it and what the blur reaches around it."""
        shape = volume.source.shape
        reach = tuple(gaussian_radius(s) if n > 1 else 0 for s, n in zip(self.sigmas, shape, strict=True))
        wide = widened(region, reach, shape)
        return blurred_block(np.ascontiguousarray(volume.source[wide]), within(region, wide), self.sigmas, self.offset)


@dataclass(frozen=True)
class Peaks:
    """How peaks are sought: between voxels by so many fine steps, what is blurred on the way, what is equal."""

    blur: Blur
    finer: Steps
    taps: tuple[FineTaps, FineTaps, FineTaps]
    rounding: float

    def region(self, volume: Volume, number: int) -> Region:
        """The voxels that are looked at to find the peaks of a block."""
        margin = tuple(
            1 if steps == 1 else 2 + max(-taps.begin, taps.begin + taps.weights.shape[1])
            for steps, taps in zip(self.finer, self.taps, strict=True)
        )
        return widened(volume.blocks.region(number), margin, volume.source.shape)


def cpu(voxels: int = 1) -> Engine:
    """The engine of the tasks; others give the same labels, bit for bit."""
    return get_engine(NAME, voxels)


def stage(number: int, volume: Volume, out: BlockArray) -> Summary:
    """Write the source, so that what it is the result of is computed once."""
    out.write(number, volume.source[volume.blocks.region(number)])
    return {}


def look(number: int, volume: Volume) -> Summary:
    """Lowest and highest value, and how many are no numbers."""
    values = volume.source[volume.blocks.region(number)]
    bad = int(np.count_nonzero(~np.isfinite(values))) if values.dtype.kind == "f" else 0
    lowest, highest = cpu().extrema(np.ascontiguousarray(values))
    return {"bad": scalar(bad), "lowest": scalar(lowest), "highest": scalar(highest)}


def count_above(number: int, volume: Volume, value: float) -> Summary:
    """How many values of the source are above `value`."""
    return {"count": scalar(int(np.count_nonzero(volume.source[volume.blocks.region(number)] > value)))}


def limits(number: int, volume: Volume, blur: Blur) -> Summary:
    """Lowest and highest blurred value."""
    lowest, highest = cpu().extrema(blur.block(volume, number))
    return {"lowest": scalar(lowest), "highest": scalar(highest)}


def histogram(number: int, volume: Volume, blur: Blur, lowest: float, highest: float, bins: int) -> Summary:
    """Histogram of the blurred values."""
    return {"counts": cpu().histogram(blur.block(volume, number), lowest, highest, bins)}


def histograms(
    number: int, volume: Volume, blur: Blur, lowest: float, highest: float, bins: int, parts: NDArray[np.float64]
) -> Summary:  # fmt: skip
    """Histogram of the blurred values, and one of each of its first bins."""
    counts, finer = nested_histogram(blur.block(volume, number), lowest, highest, bins, parts)
    return NestedCounts(counts, finer).summary


def keep_mask(
    number: int, volume: Volume, blur: Blur, threshold: float, mask: BlockArray, held: BlockArray | None
) -> Summary:
    """Write which blurred values are above the threshold, and in `held` what they are."""
    values = blur.block(volume, number)
    marked = np.empty(values.shape, np.bool_)
    count = cpu().above(values, threshold, marked)
    mask.write(number, marked)
    if held is not None:
        held.write(number, np.where(marked, values, np.float32(0)))
    return {"count": scalar(count)}


def find_peaks(number: int, volume: Volume, peaks: Peaks, mask: BlockArray) -> Summary:
    """Maxima in the mask, with the blurred values at their voxels; and peaks that reach into other blocks."""
    region, here = peaks.region(volume, number), volume.blocks.region(number)
    marked = mask.block(number)
    if not marked.any():
        none = np.empty((0, 3), np.int64)
        return {"maxima": none, "at": np.empty(0, np.float32), "open": none, "heights": np.empty(0, np.float32)}
    values = peaks.blur.of(volume, region)
    places, left, heights = block_peaks(values, marked, within(here, region), peaks.taps, peaks.finer, peaks.rounding)
    steps = np.array(peaks.finer)
    at = values[tuple(((places + steps // 2) // steps).T)]
    shift = np.array([part.start for part in region]) * steps
    return {"maxima": places + shift, "at": at, "open": left + shift, "heights": heights}


def assign(
    number: int, volume: Volume, mask: BlockArray, labels: BlockArray, seeds: NDArray[np.int64],
    numbers: NDArray[np.int32], finer: Steps, spacing: Triple, homes: NDArray[np.int64],
) -> Summary:  # fmt: skip
    """Write the labels of a block, and its faces; the pieces that it has.

    `seeds` (with the labels `numbers`) are those that may be nearest, `homes` the voxels of seeds that lie here.
    """
    made, runs = block_labels(mask.block(number), volume.blocks.origin(number), seeds, numbers, finer, spacing)
    labels.write(number, made)
    return described(number, volume, BlockPieces.of(made, runs), homes)


def cut(
    number: int, volume: Volume, before: BlockArray, after: BlockArray, held: BlockArray, present: NDArray[np.int32],
    limits: NDArray[np.float64], homes: NDArray[np.int64],
) -> Summary:  # fmt: skip
    """Write what of each label is above its limit in the held values; the pieces that it has."""
    labels = before.block(number).copy()
    table = np.full(int(present.max(initial=0)) + 1, np.inf)
    table[present] = limits
    runs = cpu().cut(labels, held.block(number), table)
    after.write(number, labels)
    return described(number, volume, BlockPieces.of(labels, runs), homes)


def described(number: int, volume: Volume, pieces: BlockPieces, homes: NDArray[np.int64]) -> Summary:
    """Write the faces of a block's pieces; their labels, voxels, and whether they touch the border of the volume."""
    numbered = pieces.numbers()
    faces: dict[str, NDArray[Any]] = {"labels": pieces.labels}
    border = np.zeros(len(pieces.labels) + 1, np.bool_)
    for axis in range(3):
        for side, step in (("low", -1), ("high", 1)):
            plane = np.take(numbered, 0 if step < 0 else -1, axis)
            if volume.blocks.beside(number, axis, step) is not None:
                faces[f"{side}{axis}"] = plane
            elif volume.source.shape[axis] > 1:
                border[plane.ravel()] = True
    save_arrays(volume.faces(number), faces)
    here = tuple((homes - np.array(volume.blocks.origin(number))).T)
    at = numbered[here] if len(homes) else np.empty(0, np.int32)
    return {"labels": pieces.labels, "sizes": pieces.sizes, "border": border[1:], "homes": at - 1}


def joins(number: int, volume: Volume) -> Summary:
    """Pairs of pieces of one label that touch across the upper faces of a block: by axis, (own, other's)."""
    own = load_arrays(volume.faces(number))
    rows = {}
    for axis in range(3):
        neighbour = volume.blocks.beside(number, axis, 1)
        pairs = np.empty((0, 2), np.int64)
        if neighbour is not None:
            other = load_arrays(volume.faces(neighbour))
            a, b = own[f"high{axis}"].ravel(), other[f"low{axis}"].ravel()
            both = (a > 0) & (b > 0)
            a, b = a[both] - 1, b[both] - 1
            same = own["labels"][a] == other["labels"][b]
            pairs = summed(a[same], b[same])[:, :2]
        rows[f"axis{axis}"] = pairs
    return rows


def contacts(number: int, volume: Volume, labels: BlockArray, loose: NDArray[np.int64]) -> Summary:
    """Faces between loose pieces of a block and others: (own, other, faces), within it and on each side of it."""
    pieces = BlockPieces.of(labels.block(number))
    is_loose = np.zeros(len(pieces.labels) + 1, np.bool_)
    is_loose[loose + 1] = True
    rows: Summary = {"within": pieces.contacts(is_loose[1:])}
    own = load_arrays(volume.faces(number))
    for axis in range(3):
        for side, other_side, step in (("low", "high", -1), ("high", "low", 1)):
            neighbour = volume.blocks.beside(number, axis, step)
            if neighbour is None:
                continue
            other = load_arrays(volume.faces(neighbour))
            a, b = own[f"{side}{axis}"].ravel(), other[f"{other_side}{axis}"].ravel()
            both = is_loose[a] & (b > 0)
            if both.any():
                rows[f"{side}{axis}"] = summed(a[both] - 1, b[both] - 1)
    return rows


def rewrite(number: int, volume: Volume, before: BlockArray, after: BlockArray, new: NDArray[np.int32]) -> Summary:  # noqa: ARG001
    """Write a block with a new label for each of its pieces."""
    after.write(number, BlockPieces.of(before.block(number)).written(new))
    return {}


def label_peaks(number: int, volume: Volume, labels: BlockArray, held: BlockArray) -> Summary:  # noqa: ARG001
    """The highest held value in each label of a block."""
    made = labels.block(number)
    highest = int(made.max())
    if highest == 0:
        return {"labels": np.empty(0, np.int32), "peaks": np.empty(0, np.float32)}
    peaks = cpu().peaks(made, held.block(number), highest)
    present = np.flatnonzero(peaks > -np.inf).astype(np.int32)
    return {"labels": present, "peaks": peaks[present]}


def write_background(number: int, volume: Volume, after: BlockArray) -> Summary:  # noqa: ARG001  (as every task)
    """Write a block of background."""
    after.write(number, np.zeros(lengths(after.blocks.region(number)), after.dtype))
    return {}
