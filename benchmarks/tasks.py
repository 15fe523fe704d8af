"""What is compared: for each task, our way, a peer's way, and how well their results agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from imagej_tasks import (
    STACK_BYTES,
    image_by_asarray,
    image_ours,
    imageplus_by_assignment,
    imageplus_ours,
    java_arrays_by_assignment,
    java_arrays_ours,
    same_pixels,
    scale_of_imagej,
)
from labelling_tasks import (
    light_written_straight,
    local_written_straight,
    measure_ours,
    nsbatwm_in_voxels,
    regionprops_table,
    regionprops_with_surfaces,
    upscale_then_nsbatwm,
    vol_in_voxels_ours,
    vol_ours,
    vol_written_straight,
)
from rescaling_tasks import (
    opencv_resize,
    rescale_ours,
    scipy_zoom,
    simpleitk_resample,
    skimage_resize,
    torch_interpolate,
    upscale_ours,
)
from subjects import FULL, WRONG, Run

from isoscale_ij.operations.agreement import agreement


@dataclass(frozen=True)
class Task:
    """One comparison. `ours` and `peer` prepare; what they return is what is timed."""

    name: str
    peer_name: str
    target: str  # the ratio to reach
    ours: Callable[[xr.DataArray], Run]
    peer: Callable[[xr.DataArray], Run]
    agreement: Callable[[np.ndarray, np.ndarray], str]
    writes_into: bool = False  # the result is written into memory that is there already
    bytes_moved: int = 0  # in and out, where it is not the volume that is worked on


_ALIKE, _SAME = 0.05, 0.9  # of the range on average; average precision


def _close(mine: np.ndarray, theirs: np.ndarray) -> str:
    """Largest and mean difference, in shares of the range, away from the edges."""
    if mine.shape != theirs.shape:
        return f"{WRONG} another shape, {theirs.shape}"
    core = tuple(slice(n // 8, -(n // 8) or None) for n in mine.shape)
    a, b = mine[core].astype(np.float32), theirs[core].astype(np.float32)
    span = float(np.ptp(a))
    share = np.abs(a - b).mean() / span
    return f"{'' if share < _ALIKE else WRONG + ' '}differ by {share:.1e} of the range on average"


def _same_objects(mine: np.ndarray, theirs: np.ndarray) -> str:
    found = agreement(theirs.astype(np.int32), mine)
    score = found.average_precision
    verdict = "" if score > _SAME else WRONG + " "
    return f"{verdict}AP@0.5 {score:.3f}; {mine.max()} and {len(np.unique(theirs)) - 1} objects"


def _objects_only(mine: np.ndarray, theirs: np.ndarray) -> str:
    return f"{mine.max()} and {len(np.unique(theirs)) - 1} objects"


def _same_table(mine: Any, theirs: Any) -> str:
    volumes, means = (
        np.allclose(mine["volume"], theirs["area"]),
        np.allclose(mine.mean_intensity, theirs["intensity_mean"]),
    )
    return f"{len(mine)} objects, volumes and means alike" if volumes and means else f"{WRONG} other volumes or means"


TASKS = [
    Task("rescale to 1 µm, antialiased", "scikit-image resize", "50×", rescale_ours(1.0), skimage_resize(1.0), _close),
    Task("rescale to 1 µm, antialiased", "torch interpolate", "4×", rescale_ours(1.0), torch_interpolate, _close),
    Task("rescale to 1 µm, antialiased", "OpenCV, slice by slice", "1×", rescale_ours(1.0), opencv_resize, _close),
    Task(
        "rescale to 0.5 µm, antialiased", "scikit-image resize", "50×", rescale_ours(0.5), skimage_resize(0.5), _close
    ),
    Task("rescale to 2 µm, antialiased", "scikit-image resize", "50×", rescale_ours(2.0), skimage_resize(2.0), _close),
    Task("upscale z ×9.39 into warm memory", "scipy zoom", "15×", upscale_ours, scipy_zoom, _close, writes_into=True),
    Task(
        "upscale z ×9.39 into warm memory",
        "SimpleITK",
        "3×",
        upscale_ours,
        simpleitk_resample,
        _close,
        writes_into=True,
    ),
    Task("VOL in µm", "scikit-image and scipy EDT", "12×", vol_ours(), vol_written_straight, _same_objects),
    Task(
        "VOL in µm, a threshold for each object",
        "scikit-image and scipy EDT",
        "15×",
        vol_ours(threshold="local"),
        local_written_straight,
        _same_objects,
    ),
    Task(
        "VOL in µm, borders along the light",
        "scikit-image watershed",
        "15×",
        vol_ours(borders="light"),
        light_written_straight,
        _same_objects,
    ),
    Task(
        "a table of the objects",
        "scikit-image regionprops",
        "20×",
        measure_ours,
        regionprops_table,
        _same_table,
        writes_into=True,
        bytes_moved=FULL[0] * FULL[1] * FULL[2] * 6,
    ),
    Task(
        "a table of the objects, with their surfaces",
        "scikit-image regionprops and marching cubes",
        "20×",
        measure_ours,
        regionprops_with_surfaces,
        _same_table,
        writes_into=True,
        bytes_moved=FULL[0] * FULL[1] * FULL[2] * 6,
    ),
    Task("VOL in voxels", "nsbatwm", "8×", vol_in_voxels_ours, nsbatwm_in_voxels, _same_objects),
    Task(
        "objects in µm of a coarse stack",
        "upscale, then nsbatwm",
        "100×",
        vol_ours(),
        upscale_then_nsbatwm,
        _objects_only,
    ),
    Task("rescale to 1 µm, antialiased", "ImageJ Scale…, averaging", "25×", rescale_ours(1.0), scale_of_imagej, _close),
    Task(
        "419 MB to a new ImagePlus",
        "values assigned to new arrays",
        "3×",
        imageplus_ours,
        imageplus_by_assignment,
        same_pixels,
        bytes_moved=STACK_BYTES,
    ),
    Task(
        "419 MB into Java arrays that exist",
        "values assigned",
        "8 GB/s",
        java_arrays_ours,
        java_arrays_by_assignment,
        same_pixels,
        writes_into=True,
        bytes_moved=STACK_BYTES,
    ),
    Task(
        "419 MB from an ImagePlus",
        "np.asarray, gathered",
        "8 GB/s",
        image_ours,
        image_by_asarray,
        same_pixels,
        bytes_moved=STACK_BYTES,
    ),
]
