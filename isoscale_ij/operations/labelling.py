"""The algorithm of Voronoi-Otsu-Labeling, said once, in :func:`_label_volume`.

In steps that :mod:`isoscale_ij.execution` drives over the image, wherever it lies. What it means, and the
parameters, are described where they are public: :mod:`isoscale_ij.operations.segmentation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from isoscale_ij.engines.protocol import OnPart, Seeds
from isoscale_ij.engines.taps import gaussian_radius, holds_exactly
from isoscale_ij.errors import PUBLIC, ParameterError
from isoscale_ij.execution.chunks.readers import is_lazy
from isoscale_ij.execution.places import place_of, taken
from isoscale_ij.execution.protocol import IN_CHUNKS, Allowance, VolumeSteps
from isoscale_ij.execution.stack import Stack
from isoscale_ij.image.axes import SPATIAL, channel_index, choose_channel
from isoscale_ij.image.calibration import is_labels, mark_as_labels
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.sources import inherit
from isoscale_ij.image.units import symbol
from isoscale_ij.image.variables import data_array
from isoscale_ij.operations.choices import Borders, Threshold
from isoscale_ij.operations.doubts import FEW, left_out, odd_sizes, outliers, too_bright, too_little_or_much
from isoscale_ij.operations.fine_grids import finer_steps, split_blur
from isoscale_ij.operations.sensible import sensible_borders, sensible_elongation, sensible_threshold
from isoscale_ij.operations.sigmas import SigmaLike, Sigmas, Triple, plain, resolve_sigmas
from isoscale_ij.operations.thresholds import (
    BINS,
    FOREGROUND_SHARE,
    background,
    coarse_background,
    limits_of_objects,
    otsu_threshold,
)
from isoscale_ij.progress import OnProgress, Progress
from isoscale_ij.remarks import Remark
from isoscale_ij.wording import short

_ROUNDING = 2.0**-20  # blurred values that differ by less, relatively, are equal: float32 has 2**-24
_NOTHING = 0.1  # voxels: a Gaussian of that sigma is 1 on a voxel and nothing beside it
_HELD_BYTES = 4  # a voxel of blurred values that the objects' thresholds are read from
_SHARES = {"outline": 0.35, "threshold": 0.1, "spots": 0.35, "seeds": 0.1, "labels": 0.1}


class SegmentationWarning(UserWarning):
    """The image makes a good segmentation unlikely, or the result looks wrong."""

    __module__ = PUBLIC


@dataclass(frozen=True)
class _Settings:
    spot: Triple  # sigmas in voxels
    outline: Triple
    threshold: float | Threshold
    borders: Borders
    spacing: Triple  # in which distances are measured
    sought: str  # what the spot sigma looks for, in words

    @property
    def holds(self) -> bool:
        """Whether the outline's blur is needed once more after the seeds are found."""
        return self.threshold == "local" or self.borders == "light"


def labelled(
    image: xr.DataArray,
    *,
    spot_sigma: SigmaLike,
    outline_sigma: SigmaLike,
    threshold: float | Threshold = "otsu",
    borders: Borders = "distance",
    elongation: float = 1.0,
    channel: str | int | None = None,
    engine: str = "auto",
    on_progress: OnProgress | None = None,
    memory_limit: float | str | None = None,
) -> tuple[xr.DataArray, list[Remark]]:
    """The labels of a calibrated image, and what is to be said of it."""
    image = _chosen(image, channel)
    if is_labels(image):
        raise ParameterError('Got a label image (attrs["kind"] is "labels"); needed are intensities.')
    grid = Grid.of(image)
    spot = resolve_sigmas(grid, spot_sigma, "spot_sigma")
    outline = resolve_sigmas(grid, outline_sigma, "outline_sigma")
    z, y, x = (1.0 if spot.in_voxels and outline.in_voxels else grid.size(axis) for axis in SPATIAL)
    settings = _Settings(
        spot=spot.voxels,
        outline=_lengthened(outline.voxels, elongation, grid.sizes.get("z", 1)),
        threshold=sensible_threshold(threshold),
        borders=sensible_borders(borders),
        spacing=(z, y, x),
        sought=_sought(grid, spot_sigma, spot),
    )
    stack = Stack(image.data, "z" in grid.sizes)
    progress = Progress(on_progress, _SHARES, stack.count)
    allowance = Allowance(
        memory_limit, f"The labels of an image of {math.prod(grid.shape)} voxels",
        "Segment a part of the image, or choose larger voxels first with rescale.",
        held=_HELD_BYTES if settings.holds else 0, around=_around(settings),
    )  # fmt: skip

    def label(steps: VolumeSteps, number: int, progress: Progress) -> _Labelled:
        return _label_volume(steps, settings, progress, number, f" at t = {number}" if "t" in grid.sizes else "")

    labels, volumes = place_of(stack, engine).label(label, progress, allowance)
    progress.finish()
    thresholds = [volume.threshold for volume in volumes]
    made: dict[str, Any] = {
        "threshold": thresholds if "t" in image.dims else thresholds[0],
        "spot_sigma": plain(spot_sigma),
        "outline_sigma": plain(outline_sigma),
    }
    if threshold == "local":
        made["threshold_method"] = threshold
    made |= {"borders": borders} if borders != "distance" else {}
    made |= {"elongation": float(elongation)} if elongation != 1 else {}
    notes = [remark for volume in volumes for remark in volume.remarks]
    for sigma, of, what in ((spot_sigma, spot, "spot"), (outline_sigma, outline, "outline")):
        if 0 < max(of.voxels) < _NOTHING:
            size = f"The {what} sigma of {plain(sigma)} is {max(of.voxels):.2g} voxels"
            notes.append(Remark(f"{size}: nothing is smoothed. Is it right?", SegmentationWarning))
    if is_lazy(labels) and not is_lazy(image.data):
        notes.insert(0, Remark(IN_CHUNKS.format(what="The labels were")))
    return _as_labels(image, labels, made), notes


@dataclass(frozen=True)
class _Labelled:
    """What is known of a volume that was labelled; a constant one has no threshold (NaN)."""

    threshold: float
    remarks: list[Remark]


def _label_volume(steps: VolumeSteps, settings: _Settings, progress: Progress, number: int, where: str) -> _Labelled:
    """The algorithm."""
    size = math.prod(steps.shape)
    offset = _offset(steps, where)
    steps.take_off(offset)
    steps.blur(settings.outline, progress.step("outline", number))
    progress.step("threshold", number)
    lowest, highest = steps.extrema()
    if lowest == highest:
        steps.clear()
        nothing = f"The image is constant{where} ({lowest + offset:g} everywhere): there is nothing to label."
        return _Labelled(math.nan, [Remark(nothing, SegmentationWarning)])
    texts: list[str | None] = []
    is_local = settings.threshold == "local"
    ground = math.nan
    if isinstance(settings.threshold, str):
        counts = steps.histogram(lowest, highest, BINS)
        threshold = otsu_threshold(counts, lowest, highest)
        ground = coarse_background(counts, lowest, highest, threshold)
        texts.append(outliers(steps, counts, (lowest + offset, highest + offset), where))
    else:
        threshold = settings.threshold - offset
    if is_local:
        ground, foreground = background(steps.histograms, lowest, threshold)
        steps.keep_mask(ground + FOREGROUND_SHARE * (threshold - ground), hold=True)
    else:
        foreground = steps.keep_mask(threshold, hold=settings.borders == "light")
    texts.append(
        too_little_or_much(foreground / size, threshold + offset, where, given=not isinstance(settings.threshold, str))
    )

    finer = finer_steps(settings.spot)
    on_voxels, taps = split_blur(settings.spot, finer)
    steps.blur(on_voxels, progress.step("spots", number))
    progress.step("seeds", number)
    blurred = any(sigma > 0 for sigma in settings.spot)
    seeds = steps.find_seeds(finer, taps, _ROUNDING if blurred else 0.0)

    if not is_local:
        texts.append(too_bright(steps.heights(seeds), ground, where))
    seeds = _label(steps, settings, seeds, progress.step("labels", number))
    if is_local:
        limits = limits_of_objects(steps.peaks(len(seeds)), ground, threshold)
        bright = int(np.count_nonzero(np.isfinite(limits[1:])))  # without the background
        texts.append(left_out(len(seeds), bright, threshold + offset, where))
        steps.cut(limits)
        seeds = seeds.only(~steps.lost(seeds))
        steps.keep_pieces(seeds)
    texts += odd_sizes(*steps.census(len(seeds)), where)
    if not len(seeds) and foreground >= FEW * size:  # of less, enough is said
        texts.append(f"No object was found{where}: {settings.sought}")
    return _Labelled(threshold + offset, [Remark(text, SegmentationWarning) for text in texts if text])


def _label(steps: VolumeSteps, settings: _Settings, seeds: Seeds, report: OnPart | None) -> Seeds:
    """Share the mask out among the seeds; returns those that have a label."""
    if settings.borders == "light":
        seeds = seeds.distinct()
        steps.flood(seeds, settings.spacing, report)
        return seeds
    steps.assign(seeds, settings.spacing, report)
    while (lost := steps.lost(seeds)).any():  # two fine seeds beside one voxel: the nearer one keeps it
        seeds = seeds.only(~lost)
        steps.assign(seeds, settings.spacing, None)
    steps.join_pieces(seeds)
    return seeds


def _sought(grid: Grid, spot_sigma: SigmaLike, spot: Sigmas) -> str:
    """What a spot sigma looks for, and what to try where there is no such thing: a sigma is half a radius."""
    steps = [1.0 if spot.in_voxels else grid.size(axis) for axis in SPATIAL]
    sizes = [short(4 * sigma * step) for sigma, step in zip(spot.voxels, steps, strict=True) if sigma > 0]
    across = " x ".join(sizes if len(set(sizes)) > 1 else sizes[:1]) or "0"
    unit = "px" if spot.in_voxels else symbol(grid.unit)
    return (
        f"a spot sigma of {plain(spot_sigma)} looks for objects some {across} {unit} across. Try a smaller one; "
        "half the radius of an object is a good start."
    )


def _offset(steps: VolumeSteps, where: str) -> float:
    """What to take off values that float32 does not hold exactly; refuses what is no number."""
    if bad := steps.not_finite():
        raise ParameterError(
            f"Got {bad} values that are NaN or infinite{where}, of {math.prod(steps.shape)}; needed are finite ones. "
            "Replace them first, for example with image.fillna(0)."
        )
    if holds_exactly(steps.dtype):
        return 0.0
    lowest, highest = steps.source_range()
    if not highest - lowest <= float(np.finfo(np.float32).max):
        raise ParameterError(
            f"Got values from {lowest:g} to {highest:g}{where}; that range is too wide. Scale them down."
        )
    return lowest


def _chosen(image: xr.DataArray, channel: str | int | None) -> xr.DataArray:
    """The image at one channel; of a lazy one, what reads it stays known."""
    chosen = choose_channel(image, channel)
    index = channel_index(image, channel)
    if index is None or not is_lazy(image.data):
        return chosen
    return chosen.copy(data=taken(image.data, image.dims.index("c"), index))


def _around(settings: _Settings) -> tuple[int, int, int]:
    """How far the blurs reach."""
    z, y, x = (gaussian_radius(max(pair)) for pair in zip(settings.spot, settings.outline, strict=True))
    return z, y, x


def _lengthened(sigmas: Triple, elongation: float, slices: int) -> Triple:
    """Sigmas in voxels, longer in z."""
    sensible_elongation(elongation)
    z, y, x = sigmas
    if z * elongation > max(slices, z):
        raise ParameterError(
            f"Got the elongation {elongation:g}, with which the outline sigma is {z * elongation:.4g} voxels in z, and "
            f"{slices} slices; needed is less than the image. Choose a smaller one."
        )
    return z * elongation, y, x


def _as_labels(image: xr.DataArray, labels: Any, made: dict[str, Any]) -> xr.DataArray:
    attrs = {key: value for key, value in image.attrs.items() if key != "imagej"} | made
    name = f"{image.name} labels" if image.name else "labels"
    result = data_array(image.dims, labels, attrs, coords=image.coords, name=name)
    return inherit(mark_as_labels(result), image)
