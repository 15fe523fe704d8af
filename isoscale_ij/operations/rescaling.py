"""Rescaling: a target voxel size, the grid that follows from it, and the image on that grid.

The lower edge of the image stays where it is, the new voxel size is exactly what was asked for,
and the number of voxels is rounded: ``n' = max(1, floor(n * s / s' + 1/2))``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import memory
from isoscale_ij.engines import device_engine, get_engine
from isoscale_ij.engines.protocol import Engine, OnPart
from isoscale_ij.engines.taps import Taps, resampling_taps, unchanged_taps
from isoscale_ij.errors import ParameterError
from isoscale_ij.image.axes import SPATIAL
from isoscale_ij.image.calibration import (
    VoxelSizeLike,
    as_image,
    axis_unit,
    grid,
    is_labels,
    lower_edge,
    spacing,
)
from isoscale_ij.image.sources import inherit
from isoscale_ij.image.units import symbol
from isoscale_ij.operations.targets import Factor, target_voxel_size
from isoscale_ij.progress import OnProgress, Progress

Interpolation: TypeAlias = Literal["auto", "linear", "nearest", "cubic"]

_INTERPOLATIONS = ("auto", "linear", "nearest", "cubic")
_EXACT = 1e-9  # a ratio of voxel sizes so near to a whole number, or to one over it, is meant to be that
_SCRATCH_BYTES = 8 << 20


@dataclass(frozen=True)
class RescalePlan:
    """What :func:`rescale` would give, before anything is computed.

    Attributes
    ----------
    dims : tuple of str
    factors : dict
        Enlargement of each of z, y, x: old voxel size / new voxel size.
    shape : tuple of int
        Voxels on each axis of the result.
    voxel_size : dict
        The new voxel size of z, y, x; empty where the image is uncalibrated.
    unit : str or None
        Its unit.
    nbytes : int
        Size of the result.
    """

    dims: tuple[str, ...]
    factors: dict[str, float]
    shape: tuple[int, ...]
    voxel_size: dict[str, float]
    unit: str | None
    nbytes: int

    def __str__(self) -> str:
        sizes = " x ".join(f"{size:g}" for size in self.voxel_size.values())
        factors = " x ".join(f"{factor:.4g}" for factor in self.factors.values())
        return (
            f"shape {self.shape} ({' '.join(self.dims)}), {memory.format_bytes(self.nbytes)}; "
            f"voxel size {sizes or 'not known'} {symbol(self.unit)}".rstrip()
            + f" ({' '.join(self.voxel_size)}); factors {factors}"
        )


def plan_rescale(image: Any, voxel_size: VoxelSizeLike | None = None, *, factor: Factor | None = None) -> RescalePlan:
    """What :func:`rescale` with the same target would give; nothing is computed.

    Examples
    --------
    >>> import numpy as np
    >>> image = as_image(np.zeros((37, 118, 132), np.uint8), voxel_size=(4, 0.82864, 0.82864), unit="um")
    >>> plan_rescale(image, "finest").shape
    (179, 118, 132)
    """
    image = as_image(image)
    return _plan(image, target_voxel_size(image, voxel_size, factor))


def _plan(image: xr.DataArray, new: Mapping[str, float]) -> RescalePlan:
    """The plan for new voxel sizes."""
    shape = tuple(_new_count(image, axis, new) for axis in map(str, image.dims))
    return RescalePlan(
        dims=tuple(map(str, image.dims)),
        factors={axis: 1 / _ratio(image, axis, new) for axis in SPATIAL if axis in image.dims},
        shape=shape,
        voxel_size={axis: new[axis] for axis in SPATIAL if axis in image.dims and spacing(image, axis) is not None},
        unit=axis_unit(image, "x"),
        nbytes=math.prod(shape) * image.dtype.itemsize,
    )


def rescale(
    image: Any,
    voxel_size: VoxelSizeLike | None = None,
    *,
    factor: Factor | None = None,
    interpolation: Interpolation = "auto",
    antialias: bool = True,
    out: NDArray[Any] | xr.DataArray | None = None,
    engine: str = "auto",
    on_progress: OnProgress | None = None,
    memory_limit: float | str | None = None,
) -> xr.DataArray:
    """The image on a grid of another voxel size, in the same place.

    Samples are aligned by voxel centres; beyond the edges the outermost voxels go on. Going to
    larger voxels, the interpolation kernel is widened by the factor, so that nothing is left out
    (antialiasing). Integers stay integers: values are rounded half up, and clipped to the range
    of their type. Sums are in float32; for 32- and 64-bit integers and float64 in float64.
    t and c stay as they are.

    A NaN in the input makes NaN of the output voxels whose kernel reaches it, and of no others;
    infinities spread likewise. How many there are is said in a warning.

    Parameters
    ----------
    image : DataArray or array_like
        2D to 5D, see :func:`as_image`; boolean, integer or real.
    voxel_size : length, mapping, sequence or str
        The new voxel size: one length for all axes (``1.0``, ``"500 nm"``, ``"2 px"``), one for each
        axis (``{"z": 1.0}``; axes not named stay), ``"finest"`` or ``"coarsest"`` (the smallest or
        largest there is), or an axis (``"x"``: all like x).
    factor : float or mapping, optional
        Instead of `voxel_size`: enlargement, above 1 for more voxels. Needs no calibration.
    interpolation : {"auto", "linear", "nearest", "cubic"}
        ``"auto"`` is linear, and nearest for label images and booleans, for which the others are
        refused. Cubic is the kernel of Keys (1981) with a = -1/2.
    antialias : bool
        Whether to widen the kernel when going to larger voxels.
    out : ndarray or DataArray, optional
        An array of the result's shape and type to write into; new memory is slow to touch.
    engine : {"auto", "cpu", "opencl"}
        What to compute with.
    on_progress : callable, optional
        Called with (done, total, step); cancels by raising :class:`Cancelled`.
    memory_limit : float or str, optional
        Bytes, or as ``"2 GB"``; by default a share of the machine's free memory.

    Returns
    -------
    DataArray
        With the dims, type, name and attributes of `image`, and the new calibration.

    Raises
    ------
    ParameterError
        For a target that leaves no voxel, an unknown interpolation or engine, an `out` that does
        not fit.
    CalibrationError
        If the target needs a calibration that the image does not have.
    MemoryLimitError
        If the result would need more memory than allowed.

    Warns
    -----
    UserWarning
        If values are NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> image = as_image(np.zeros((20, 64, 64), np.uint16), voxel_size=(1.5, 0.16, 0.16), unit="um")
    >>> isotropic = rescale(image, 1.0)
    >>> isotropic.shape
    (30, 10, 10)
    >>> isotropic.z.attrs["spacing"]
    1.0
    """
    image = as_image(image)
    kernel = _checked_interpolation(image, interpolation)
    new = target_voxel_size(image, voxel_size, factor)
    plan = _plan(image, new)
    taps = _taps(image, new, kernel, antialias=antialias)
    if out is None and image.ndim <= len(SPATIAL) and (there := device_engine(image.data, engine)):
        held = image.data if image.ndim == len(SPATIAL) else image.data.shaped(1, *image.shape)
        progress = Progress(on_progress, {"rescale": 1.0})
        progress.step("rescale")
        made, not_finite = there.resampled(held, taps)
        progress.finish()
        _warn_of_not_finite(not_finite, image.size)
        return _on_new_grid(image, new, made.shaped(*plan.shape))
    if isinstance(out, xr.DataArray):
        out = out.to_numpy()
    if out is None:
        memory.require(
            plan.nbytes + _SCRATCH_BYTES, memory_limit, f"The rescaled image {plan.shape}",
            "Choose larger voxels; to segment, there is no need to upscale: voronoi_otsu_labeling works in "
            "physical units on the image as it is.",
        )  # fmt: skip
        out = np.empty(plan.shape, image.dtype.newbyteorder("="))
    elif out.shape != plan.shape or out.dtype != image.dtype.newbyteorder("=") or not out.flags.c_contiguous:
        raise ParameterError(
            f"Got an out of shape {out.shape} and type {out.dtype}; needed is {plan.shape} and {image.dtype}, "
            "C-contiguous."
        )
    chosen = get_engine(engine, max(image.size, out.size))
    blocks = list(_blocks(image))
    progress = Progress(on_progress, {"rescale": 1.0}, len(blocks))
    bad = [0] * len(blocks)
    flat = "z" not in image.dims

    def resample(number: int, on_part: OnPart | None) -> None:
        source, target = np.asarray(image.data[blocks[number]]), out[blocks[number]]
        bad[number] = _not_finite(source, chosen)
        if flat:
            source, target = source[np.newaxis], target[np.newaxis]
        chosen.resample(source, taps, target, on_part)

    if chosen.side_by_side(len(blocks), max(image.size, out.size) // max(1, len(blocks))):
        chosen.each(lambda number: resample(number, None), len(blocks), progress.whole("rescale"))
    else:
        for number in range(len(blocks)):
            resample(number, progress.step("rescale", number))
    progress.finish()
    _warn_of_not_finite(sum(bad), image.size)
    return _on_new_grid(image, new, out)


def _warn_of_not_finite(count: int, size: int) -> None:
    if count:
        warnings.warn(
            f"{count} of {size} values are NaN or infinite, and so are the new voxels whose kernel reaches "
            "them. Replace them first, for example with image.fillna(0), if that is not meant.",
            UserWarning,
            stacklevel=4,
        )


def steps_of_rescaling(
    image: xr.DataArray, voxel_size: VoxelSizeLike, *, interpolation: str, antialias: bool
) -> tuple[xr.DataArray, tuple[Taps, Taps, Taps]]:
    """What :func:`rescale` does, not yet done: its result with zeros for values, and the taps of z, y and x."""
    kernel, new = _checked_interpolation(image, interpolation), target_voxel_size(image, voxel_size, None)
    zeros = np.broadcast_to(np.zeros((), image.dtype), _plan(image, new).shape)
    return _on_new_grid(image, new, zeros), _taps(image, new, kernel, antialias=antialias)


def _not_finite(values: NDArray[Any], engine: Engine) -> int:
    """How many values are NaN or infinite; where there are none, no more than a look at the range."""
    if values.dtype.kind != "f" or np.isfinite(engine.extrema(np.atleast_3d(values))).all():
        return 0
    return int(np.count_nonzero(~np.isfinite(values)))


def _blocks(image: xr.DataArray) -> Iterator[tuple[int, ...]]:
    """Indices of the (z, y, x) volumes of an image along t and c."""
    return product(*(range(image.sizes[axis]) for axis in ("t", "c") if axis in image.dims))


def _on_new_grid(image: xr.DataArray, new: Mapping[str, float], values: Any) -> xr.DataArray:
    """`values` with the calibration that follows, and all else that the image carries."""
    known = image.coords.variables
    coords: dict[str, xr.Variable] = {axis: known[axis] for axis in ("t", "c") if axis in known}
    for axis in SPATIAL:
        if axis in image.dims and spacing(image, axis) is not None:
            count = values.shape[image.dims.index(axis)]
            coords[axis] = (
                known[axis]
                if new[axis] == spacing(image, axis)
                else grid(axis, count, new[axis], lower_edge(image, axis), axis_unit(image, axis))
            )
    return inherit(xr.DataArray(values, dims=image.dims, coords=coords, name=image.name, attrs=image.attrs), image)


def _checked_interpolation(image: xr.DataArray, interpolation: str) -> str:
    if interpolation not in _INTERPOLATIONS:
        raise ParameterError(f"Got the interpolation {interpolation!r}; needed is one of {', '.join(_INTERPOLATIONS)}.")
    discrete = "a label image" if is_labels(image) else "a boolean image" if image.dtype == bool else None
    if discrete is None:
        return "linear" if interpolation == "auto" else interpolation
    if interpolation not in ("auto", "nearest"):
        raise ParameterError(
            f'Got the interpolation "{interpolation}" for {discrete}; it would make up new values between the labels. '
            'Use "nearest" or "auto"; if these are intensities after all, remove attrs["kind"] or change the type.'
        )
    return "nearest"


def _ratio(image: xr.DataArray, axis: str, new: Mapping[str, float]) -> float:
    """New voxel size / old voxel size; freed from the rounding of their quotient."""
    ratio = new[axis] / (spacing(image, axis) or 1.0)
    if abs(ratio - round(ratio)) <= _EXACT * ratio and ratio >= 1:
        return float(round(ratio))
    if abs(1 / ratio - round(1 / ratio)) <= _EXACT / ratio and ratio < 1:
        return 1 / round(1 / ratio)
    return ratio


def _new_count(image: xr.DataArray, axis: str, new: Mapping[str, float]) -> int:
    count = image.sizes[axis]
    if axis not in new:
        return count
    ratio = _ratio(image, axis, new)
    rounded = math.floor(count / ratio + 0.5)
    if rounded < 1 < count:
        unit = symbol(axis_unit(image, axis))
        raise ParameterError(
            f"Got a new voxel size of {new[axis]:g} {unit} on {axis}, where the image has {count} voxels of "
            f"{new[axis] / ratio:g} {unit}: less than one voxel would be left. Choose a smaller voxel size."
        )
    return max(1, rounded)


def _taps(
    image: xr.DataArray, new: Mapping[str, float], interpolation: str, *, antialias: bool
) -> tuple[Taps, Taps, Taps]:
    wide = image.dtype.kind in "iu" and image.dtype.itemsize >= 4
    dtype = np.float64 if wide or image.dtype == np.float64 else np.float32
    z, y, x = (
        resampling_taps(
            image.sizes[axis], _new_count(image, axis, new), _ratio(image, axis, new), interpolation,
            antialias=antialias, dtype=dtype,
        )
        if axis in image.dims
        else unchanged_taps(1, dtype)
        for axis in SPATIAL
    )  # fmt: skip
    return z, y, x
