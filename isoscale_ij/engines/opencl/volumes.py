"""Each step on arrays that are on the device already: which kernels it takes, in which order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoscale_ij.engines.cpu.resampling import value_range
from isoscale_ij.engines.cpu.voronoi import SeedGrid
from isoscale_ij.engines.opencl.running import Device, DeviceArray, c_name
from isoscale_ij.engines.protocol import Seeds
from isoscale_ij.engines.taps import FineTaps, Taps, gaussian_weights, spread, unchanged_taps

_ITEMS = 1 << 14  # work items of a reduction
_GROUP = 64


def blur(device: Device, source: DeviceArray, sigmas: tuple[float, float, float], out: DeviceArray) -> None:
    """Blur along y, x and z, as the processor does; one more array of floats is needed on the way."""
    weights = [gaussian_weights(sigma, count) for sigma, count in zip(sigmas, source.shape, strict=True)]
    axes = [axis for axis in (1, 2, 0) if len(weights[axis]) > 1] or [1]
    between = device.empty(out.shape, np.float32) if len(axes) > 1 else out
    targets = [out, between] if len(axes) % 2 else [between, out]  # the last one is `out`
    for step, axis in enumerate(axes):
        target = targets[step % 2]
        radius = np.int32(len(weights[axis]) // 2)
        kernel = device.push(weights[axis])
        device.run("blur_axis", out.shape, source, target, kernel, radius, np.int32(axis), SRC=c_name(source.dtype))
        source = target


def resample(device: Device, source: DeviceArray, taps: tuple[Taps, Taps, Taps], out: DeviceArray) -> None:
    """Weigh along y, x and z, where they change."""
    sums = taps[0].weights.dtype
    lowest, highest = value_range(out.dtype, sums)
    rounded = np.int32(out.dtype.kind in "iu")
    axes = [axis for axis in (1, 2, 0) if not taps[axis].unchanged] or [0]
    for axis in axes:
        shape = list(source.shape)
        size_in, shape[axis] = shape[axis], len(taps[axis].first)
        last = axis == axes[-1]
        target = out if last else device.empty(tuple(shape), sums)
        first, count = (device.push(values.astype(np.int32)) for values in (taps[axis].first, taps[axis].count))
        device.run(
            "weigh_axis", target.shape, source, target, first, count, device.push(taps[axis].weights),
            np.int32(taps[axis].weights.shape[1]), np.int32(axis), np.int32(size_in), rounded if last else np.int32(0),
            lowest, highest, SRC=c_name(source.dtype), ACC=c_name(sums), DST=c_name(target.dtype),
        )  # fmt: skip
        source = target


def pick(device: Device, source: DeviceArray, taps: tuple[Taps, Taps, Taps], out: DeviceArray) -> None:
    """Copy the nearest voxels."""
    places = [device.push(axis.first.astype(np.int32)) for axis in taps]
    sizes = (np.int32(source.shape[1]), np.int32(source.shape[2]))
    device.run("pick", out.shape, source, out, *places, *sizes, SRC=c_name(source.dtype))


def extrema(device: Device, values: DeviceArray) -> tuple[float, float]:
    """Lowest and highest value."""
    low, high = device.empty((_ITEMS,), np.float32), device.empty((_ITEMS,), np.float32)
    device.run("extrema", (_ITEMS,), values, np.int64(values.size), low, high)
    return float(device.fetch(low).min()), float(device.fetch(high).max())


def histogram(device: Device, values: DeviceArray, lowest: float, highest: float, bins: int) -> NDArray[np.int64]:
    """Voxels in each bin."""
    import pyopencl as cl

    counts = device.zero(device.empty((bins,), np.uint32))
    device.run(
        "histogram", (_ITEMS,), values, np.int64(values.size), np.float64(lowest),
        np.float64(bins / (highest - lowest)), np.int32(bins), cl.LocalMemory(4 * bins), counts, local=_GROUP,
    )  # fmt: skip
    return np.asarray(device.fetch(counts), np.int64)


def not_finite(device: Device, values: DeviceArray) -> int:
    """How many values are NaN or infinite."""
    if values.dtype.kind != "f":
        return 0
    counts = device.empty((_ITEMS,), np.int64)
    real = c_name(values.dtype)
    device.run("not_finite", (_ITEMS,), values, np.int64(values.size), counts, SRC=real, ACC=real)
    return int(device.fetch(counts).sum())


def above(device: Device, values: DeviceArray, limit: np.float32, mask: DeviceArray) -> int:
    """Mark what is above the limit; how many that are."""
    counts = device.empty((_ITEMS,), np.int64)
    device.run("above", (_ITEMS,), values, np.int64(values.size), limit, mask, counts)
    return int(device.fetch(counts).sum())


def spread_rows_and_columns(
    device: Device, values: DeviceArray, taps: tuple[FineTaps, FineTaps, FineTaps]
) -> DeviceArray:
    """The values at fine rows and columns, where `taps` make such; along z nothing changes."""
    if taps[1].weights.size == taps[2].weights.size == 1:
        return values
    depth, height, width = values.shape
    tables = (unchanged_taps(depth), spread(taps[1], height), spread(taps[2], width))
    fine = device.empty((depth, len(tables[1].first), len(tables[2].first)), np.float32)
    resample(device, values, tables, fine)
    return fine


def peaks(
    device: Device, values: DeviceArray, first_slice: int, mask: DeviceArray, first_mask: int, taps: FineTaps,
    finer: tuple[int, int, int], rounding: float, part: tuple[int, int], depth: int, shape: tuple[int, ...],
) -> NDArray[np.int32]:  # fmt: skip
    """Maxima of the fine slices ``part[0] … part[1]`` as rows (z, y, x, kind).

    `values` holds the slices of a volume of `depth` slices from `first_slice` on, `mask` those of a mask of `shape`
    from `first_mask` on.
    """
    fine_depth = (depth - 1) * finer[0] + 1
    begin, end = max(part[0] - 1, 0), min(part[1] + 1, fine_depth)
    height, width = values.shape[1:]
    fine, first = values, first_slice
    if taps.weights.size > 1:
        fine, first = device.empty((end - begin, height, width), np.float32), begin
        device.run(
            "between_slices", fine.shape, values, fine, device.push(taps.weights), np.int32(taps.weights.shape[1]),
            np.int32(finer[0]), np.int32(taps.begin), np.int32(first_slice), np.int32(begin), np.int32(depth),
        )  # fmt: skip
    voxels = [
        device.push(((np.arange(count) + steps // 2) // steps).astype(np.int32))
        for count, steps in zip((fine_depth, height, width), finer, strict=True)
    ]
    capacity = 1 << 14
    while True:
        peaks, count = device.empty((capacity, 4), np.int32), device.zero(device.empty((1,), np.int32))
        device.run(
            "peaks", (part[1] - part[0], height, width), fine, np.int32(first), mask, np.int32(first_mask), *voxels,
            np.int32(shape[1]), np.int32(shape[2]), np.int32(part[0]), np.int32(fine_depth), np.float32(rounding),
            np.int32(capacity), peaks, count,
        )  # fmt: skip
        number = int(device.fetch(count)[0])
        if number <= capacity:
            return np.asarray(device.fetch(peaks)[:number], np.int32)
        capacity = number


def assign(
    device: Device, mask: DeviceArray, first: int, depth: int, seeds: Seeds, spacing: tuple[float, float, float],
    labels: DeviceArray,
) -> NDArray[np.int32]:  # fmt: skip
    """Label slices, the first of them slice `first` of a volume of `depth`; the runs in each of their rows."""
    if len(seeds) == 0:
        device.zero(labels)
        return np.zeros(mask.shape[:2], np.int32)
    steps = np.asarray(seeds.finer, np.int64)
    unit = np.asarray(spacing, np.float64) / steps
    grid = SeedGrid(seeds.indices, unit, np.array((depth, *mask.shape[1:])) * spacing)
    places, order, start = (device.push(a.astype(np.int32)) for a in (seeds.indices, grid.order, grid.start))
    device.run(
        "assign", mask.shape, mask, labels, places, order, start, *grid.cells.astype(np.int32),
        np.float64(grid.edge), *unit, *steps.astype(np.int32), np.int32(first),
    )  # fmt: skip
    runs = device.empty(mask.shape[:2], np.int32)
    device.run("count_runs", (runs.size,), labels, np.int32(mask.shape[2]), runs)
    return np.asarray(device.fetch(runs), np.int32)
