"""Slow, plain versions of the steps, written from the definitions alone: what the engines are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def nearest_seed(mask: NDArray, seeds: NDArray, spacing: tuple[float, ...]) -> NDArray:
    """Label each mask voxel with its nearest seed, from integer index differences; the lower label at a tie."""
    labels = np.zeros(mask.shape, np.int32)
    for voxel in np.argwhere(mask):
        dz, dy, dx = ((seeds - voxel) * np.array(spacing, np.float64)).T
        if len(seeds):
            labels[tuple(voxel)] = 1 + int(np.argmin((dz * dz + dy * dy) + dx * dx))
    return labels


def in_one_piece(labels: NDArray, seeds: NDArray) -> NDArray:
    """Give away what hangs not together with its seed, round by round."""
    result = np.zeros_like(labels)
    loose = []
    for label, seed in enumerate(seeds, start=1):
        parts, count = ndimage.label(labels == label)
        for part in range(1, count + 1):
            if part == parts[tuple(seed)]:
                result[parts == part] = label
            else:
                loose.append(parts == part)
    while loose:
        given = {index: _most_touched(part, result) for index, part in enumerate(loose)}
        if not any(given.values()):
            break
        for index, label in given.items():
            result[loose[index] & (label > 0)] = label
        loose = [part for index, part in enumerate(loose) if not given[index]]
    return result


def _most_touched(part: NDArray, settled: NDArray) -> int:
    faces: dict[int, int] = {}
    for axis in range(part.ndim):
        for step in (-1, 1):
            moved = np.roll(part, step, axis)
            edge = [slice(None)] * part.ndim
            edge[axis] = slice(0, 1) if step == 1 else slice(-1, None)
            moved[tuple(edge)] = False
            for label in settled[moved & (settled > 0)]:
                faces[int(label)] = faces.get(int(label), 0) + 1
    return min(faces, key=lambda label: (-faces[label], label), default=0)


def flooded(mask: NDArray, values: NDArray, seeds: NDArray, spacing: tuple[float, ...]) -> NDArray:
    """What flooding means, tried on every voxel again and again until nothing changes: the solution there is."""
    steps = [round(size / min(spacing) * 64) for size in spacing]
    sources = {tuple(seed): (-values[tuple(seed)], 0, label, tuple(seed)) for label, seed in enumerate(seeds, start=1)}
    inside = [tuple(voxel) for voxel in np.argwhere(mask) if tuple(voxel) not in sources]
    before, reached = None, dict(sources)
    while reached != before:
        before, reached = reached, dict(sources)
        for voxel in inside:
            beside = [((*voxel[:a], voxel[a] + d, *voxel[a + 1 :]), steps[a]) for a in range(3) for d in (-1, 1)]
            offers = [(before[place], step) for place, step in beside if place in before]
            if not offers:
                continue
            first, depth = min(offers)[0], -values[voxel]
            found = min((level, way + step, label) for (level, way, label, _), step in offers)
            reached[voxel] = (depth, 0, first[2], voxel) if depth > first[0] else (*found, voxel)
    labels = np.zeros(mask.shape, np.int32)
    for voxel, (_, _, label, _) in reached.items():
        labels[voxel] = label
    return labels


def local_maxima(values: NDArray, mask: NDArray) -> NDArray:
    """Plateaus (26-connected) that nothing beside them is higher than, at their lowest place, if in the mask."""
    found = []
    structure = np.ones((3, 3, 3), bool)
    for height in np.unique(values[mask]):
        plateaus, count = ndimage.label(values == height, structure)
        for index in range(1, count + 1):
            plateau = plateaus == index
            around = ndimage.binary_dilation(plateau, structure) & ~plateau
            if not around.any() or values[around].max() < height:
                lowest = np.argwhere(plateau)[0]
                if mask[tuple(lowest)]:
                    found.append(tuple(lowest))
    return np.array(sorted(found), np.int64).reshape(-1, 3)


def otsu(values: NDArray, bins: int = 256) -> float:
    """The centre of the first bin that maximizes the variance between the classes."""
    counts, edges = np.histogram(values.astype(np.float64), bins)
    centres = (edges[1:] + edges[:-1]) / 2
    best, threshold = -1.0, 0.0
    for cut in range(1, bins):
        low, high = counts[:cut], counts[cut:]
        if low.sum() and high.sum():
            apart = np.average(centres[:cut], weights=low) - np.average(centres[cut:], weights=high)
            variance = float(low.sum()) * float(high.sum()) * apart**2
            if variance > best * (1 + 1e-12):
                best, threshold = variance, centres[cut - 1]
    return float(threshold)


def cut_each(labels: NDArray, b: NDArray, seeds: NDArray, threshold: float, ground: float) -> NDArray:
    """A threshold for each label: of those that reach `threshold`, what hangs together with the seed above theirs."""
    result, number = np.zeros_like(labels), 0
    for label, seed in enumerate(seeds, start=1):
        peak = float(b[labels == label].max(initial=-np.inf))
        bright = (labels == label) & (b.astype(np.float64) > ground + 0.3 * (peak - ground))
        if peak > threshold and bright[tuple(seed)]:
            number += 1
            parts, _ = ndimage.label(bright)
            result[parts == parts[tuple(seed)]] = number
    return result


def fine_seeds(
    values: NDArray, mask: NDArray, sigmas: tuple[float, ...], finer: tuple[int, ...]
) -> tuple[NDArray, NDArray]:
    """Maxima between the voxels, in fractions of them, and the voxels nearest to them: those in the mask.

    Of values interpolated linearly to so many steps in a voxel, and blurred there. No two values may be equal.
    """
    fine, inside = values.astype(np.float64), mask
    for axis, steps in enumerate(finer):
        places = np.arange((values.shape[axis] - 1) * steps + 1)
        below = np.minimum(places // steps, values.shape[axis] - 1)
        above = np.minimum(below + 1, values.shape[axis] - 1)
        rest = np.expand_dims(places % steps / steps, [other for other in range(3) if other != axis])
        fine = fine.take(below, axis) * (1 - rest) + fine.take(above, axis) * rest
        inside = inside.take((places + steps // 2) // steps, axis)
    fine = ndimage.gaussian_filter(fine, np.multiply(sigmas, finer), mode="nearest")
    found = np.argwhere(inside & (fine == ndimage.maximum_filter(fine, 3)))
    return found / np.array(finer), (found + np.array(finer) // 2) // np.array(finer)


def nearest_with_a_voxel(
    mask: NDArray, seeds: NDArray, homes: NDArray, spacing: tuple[float, ...]
) -> tuple[NDArray, NDArray]:
    """As nearest_seed, in one piece each, and what is left of the homes: a seed that does not get its own is none."""
    while True:
        labels = nearest_seed(mask, seeds, spacing)
        kept = labels[tuple(homes.T)] == np.arange(1, len(homes) + 1)
        if kept.all():
            return in_one_piece(labels, homes), homes
        seeds, homes = seeds[kept], homes[kept]


def voronoi_otsu_labeling(
    values: NDArray, spot: tuple[float, ...], outline: tuple[float, ...], spacing: tuple[float, ...],
    threshold: str | float = "otsu", borders: str = "distance", finer: tuple[int, ...] = (1, 1, 1),
) -> NDArray:  # fmt: skip
    """The whole of it; sigmas in voxels, and so many steps in a voxel in which seeds are sought."""
    smooth = ndimage.gaussian_filter(values.astype(np.float64), outline, mode="nearest").astype(np.float32)
    level = limit = otsu(smooth) if isinstance(threshold, str) else threshold
    ground = float(np.median(smooth[smooth < level]))
    if threshold == "local":
        limit = ground + 0.5 * (level - ground)
    mask = smooth > limit
    if finer == (1, 1, 1):
        homes = local_maxima(ndimage.gaussian_filter(values.astype(np.float64), spot, mode="nearest"), mask)
        seeds = homes.astype(np.float64)
    else:
        seeds, homes = fine_seeds(values, mask, spot, finer)
    if borders == "light":
        homes = homes[np.sort(np.unique(homes, axis=0, return_index=True)[1])]  # beside one voxel only the first
        labels = flooded(mask, smooth, homes, spacing)
    else:
        labels, homes = nearest_with_a_voxel(mask, seeds, homes, spacing)
    return cut_each(labels, smooth, homes, level, ground) if threshold == "local" else labels


def resample(
    values: NDArray,
    ratios: tuple[float, ...],
    shape: tuple[int, ...],
    kernel: str = "linear",
    *,
    antialias: bool = True,
) -> NDArray:
    """One axis after the other, one output voxel after the other, in float64."""
    result = values.astype(np.float64)
    for axis, (ratio, count) in enumerate(zip(ratios, shape, strict=True)):
        lines = np.moveaxis(result, axis, 0)
        stretch = max(1.0, ratio) if antialias else 1.0
        out = []
        for k in range(count):
            centre = (k + 0.5) * ratio - 0.5
            reach = int(np.ceil(2 * stretch)) + 1
            index = np.arange(int(np.floor(centre)) - reach, int(np.floor(centre)) + reach + 2)
            distance = np.abs(index - centre) / stretch
            weight = np.clip(1 - distance, 0, None) if kernel == "linear" else keys(distance)
            inside = np.clip(index, 0, len(lines) - 1)
            out.append(np.tensordot(weight / weight.sum(), lines[inside], 1))
        result = np.moveaxis(np.array(out), 0, axis)
    return result


def keys(d: NDArray) -> NDArray:
    """Keys' cubic kernel with a = -1/2, as in the paper."""
    a = -0.5
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def average_precision(truth: NDArray, labels: NDArray) -> float:
    """By comparing every object with every other; right while no overlap is exactly one half."""
    a, b = np.unique(truth[truth > 0]), np.unique(labels[labels > 0])
    matched = sum(
        np.count_nonzero((truth == i) & (labels == j)) > 0.5 * np.count_nonzero((truth == i) | (labels == j))
        for i in a
        for j in b
    )
    return matched / (len(a) + len(b) - matched) if len(a) + len(b) else 1.0
