"""Labels and their tables: ours, written straight with scikit-image and scipy, and nsbatwm's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage
from subjects import OUTLINE, SPOT, Run

import isoscale_ij as iso

_COLUMNS = (  # of regionprops_table
    "label", "area", "equivalent_diameter_area", "centroid", "bbox", "inertia_tensor_eigvals", "intensity_mean",
    "intensity_max", "intensity_min", "intensity_std",
)  # fmt: skip


def vol_ours(**options: Any) -> Callable[[xr.DataArray], Run]:
    return lambda image: lambda: iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE, **options).values


def vol_in_voxels_ours(image: xr.DataArray) -> Run:
    return lambda: iso.vol(image, spot_sigma="10 px", outline_sigma="5 px").values


def vol_written_straight(image: xr.DataArray) -> Run:
    """The same with scikit-image and scipy's anisotropic distance transform, as one would write it."""

    def run() -> np.ndarray:
        spacing, outline, spots = _blurred(image)
        return _nearest(*_seeds(spots, outline > _otsu(outline)), spacing)

    return run


def local_written_straight(image: xr.DataArray) -> Run:
    """A threshold for each object, likewise."""
    from skimage.measure import label

    def run() -> np.ndarray:
        spacing, outline, spots = _blurred(image)
        threshold = _otsu(outline)
        ground = np.median(outline[outline <= threshold])
        seeds, mask = _seeds(spots, outline > ground + 0.5 * (threshold - ground))
        labels = _nearest(seeds, mask, spacing)
        peaks = ndimage.maximum(outline, labels, np.arange(labels.max() + 1))
        limits = np.where(peaks > threshold, ground + 0.3 * (peaks - ground), np.inf)
        labels[outline <= limits[labels]] = 0
        pieces = label(labels, connectivity=1)
        kept = np.zeros(pieces.max() + 1, bool)
        kept[pieces[seeds > 0]] = True
        kept[0] = False
        return np.where(kept[pieces], labels, 0)

    return run


def light_written_straight(image: xr.DataArray) -> Run:
    """Borders that follow the light: scikit-image's watershed from the seeds."""
    from skimage.segmentation import watershed

    def run() -> np.ndarray:
        _, outline, spots = _blurred(image)
        seeds, mask = _seeds(spots, outline > _otsu(outline))
        return np.asarray(watershed(-outline, seeds, mask=mask))

    return run


def _blurred(image: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The voxel size, and the image after both blurs."""
    spacing = np.array(list(iso.voxel_size(image).values()))
    values = image.values.astype(np.float32)
    outline, spots = (ndimage.gaussian_filter(values, sigma / spacing, mode="nearest") for sigma in (OUTLINE, SPOT))
    return spacing, outline, spots


def _otsu(values: np.ndarray) -> float:
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(values))


def _seeds(spots: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from skimage.measure import label
    from skimage.morphology import local_maxima

    return label(local_maxima(spots) & mask), mask


def _nearest(seeds: np.ndarray, mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    nearest = ndimage.distance_transform_edt(seeds == 0, sampling=spacing, return_distances=False, return_indices=True)
    return np.where(mask, seeds[tuple(nearest)], 0)


def measure_ours(image: xr.DataArray) -> Run:
    labels = iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE)
    return lambda: iso.measure(labels, image)


def regionprops_table(image: xr.DataArray) -> Run:
    """The columns of `measure` that scikit-image has; it has neither surfaces nor principal axes on such a grid."""
    from skimage import measure

    labels = iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE)
    spacing = tuple(iso.voxel_size(image).values())
    return lambda: measure.regionprops_table(labels.values, image.values, _COLUMNS, spacing=spacing)


def regionprops_with_surfaces(image: xr.DataArray) -> Run:
    """The same, and the surface of each object: by marching cubes, which is the way there is in scikit-image."""
    from skimage import measure

    labels = iso.vol(image, spot_sigma=SPOT, outline_sigma=OUTLINE)
    spacing = tuple(iso.voxel_size(image).values())

    def surface_area(mask: np.ndarray) -> float:
        vertices, faces, *_ = measure.marching_cubes(np.pad(mask, 1).astype(np.uint8), 0.5, spacing=spacing)
        return float(measure.mesh_surface_area(vertices, faces))

    return lambda: measure.regionprops_table(
        labels.values, image.values, _COLUMNS, spacing=spacing, extra_properties=(surface_area,)
    )


def _nsbatwm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import napari_segment_blobs_and_things_with_membranes as nsbatwm
    return nsbatwm


def nsbatwm_in_voxels(image: xr.DataArray) -> Run:
    nsbatwm = _nsbatwm()
    return lambda: np.asarray(nsbatwm.voronoi_otsu_labeling(image.values, spot_sigma=10, outline_sigma=5))


def upscale_then_nsbatwm(image: xr.DataArray) -> Run:
    nsbatwm = _nsbatwm()
    shape = iso.plan_rescale(image, "x").shape
    size = iso.voxel_size(image)["x"]

    def run() -> np.ndarray:
        factors = [new / old for new, old in zip(shape, image.shape, strict=True)]
        upscaled = ndimage.zoom(image.values, factors, order=1, grid_mode=True, mode="nearest")
        return np.asarray(nsbatwm.voronoi_otsu_labeling(upscaled, spot_sigma=SPOT / size, outline_sigma=OUTLINE / size))

    return run
