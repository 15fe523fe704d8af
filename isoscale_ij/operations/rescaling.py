"""Rescaling: a target voxel size, the grid that follows from it, and the image on that grid.

The lower edge of the image stays where it is, the new voxel size is exactly what was asked for,
and the number of voxels is rounded: ``n' = max(1, floor(n * s / s' + 1/2))``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isoscale_ij import hypertext, memory, remarks
from isoscale_ij.carrying import takes_images
from isoscale_ij.errors import ParameterError
from isoscale_ij.execution.chunks.readers import is_lazy
from isoscale_ij.execution.places import place_of
from isoscale_ij.execution.protocol import IN_CHUNKS, Allowance
from isoscale_ij.execution.resampling import AxisChange, Resampling
from isoscale_ij.execution.stack import Stack
from isoscale_ij.image.axes import SPATIAL
from isoscale_ij.image.calibration import VoxelSizeLike, as_image, is_labels
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.labels import remark_of_blending
from isoscale_ij.image.marks import on_another_grid
from isoscale_ij.image.sources import inherit
from isoscale_ij.image.units import symbol
from isoscale_ij.image.variables import data_array
from isoscale_ij.operations.choices import INTERPOLATIONS, Interpolation
from isoscale_ij.operations.targets import Factor, target_voxel_size
from isoscale_ij.progress import OnProgress, Progress
from isoscale_ij.wording import short

_EXACT = 1e-9  # a ratio of voxel sizes so near to a whole number, or to one over it, is meant to be that


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

    def _repr_html_(self) -> str:
        def of(values: dict[str, float], unit: str) -> str:
            return ", ".join(f"{axis} {short(value)} {unit}".rstrip() for axis, value in values.items())

        return hypertext.pairs("Rescaling", [
            ("shape", f"{self.shape} ({' '.join(self.dims)})"),
            ("size", memory.format_bytes(self.nbytes)),
            ("voxel size", of(self.voxel_size, symbol(self.unit)) or "not known (uncalibrated)"),
            ("factors", of(self.factors, "")),
        ])  # fmt: skip


@takes_images("image", values=False)
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
    return prepared(image, voxel_size, factor=factor).plan


@takes_images("image")
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
    of their type. Sums are in float32; for 32- and 64-bit integers and float64 in float64, which holds
    integers up to 2**53: larger ones lose their last digits.
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
        What to compute with; what goes in chunks is computed on the processor.
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
        If values are NaN or infinite, or the image looks like labels that would be blended; if a selection or an
        overlay of ImageJ's is left out, which only ImageJ's own classes scale.

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
    work = prepared(as_image(image), voxel_size, factor=factor, interpolation=interpolation, antialias=antialias)
    remarks.warn_of(remark_of_blending(work.image, work.resampling.interpolation))
    out = _array_of(out)
    progress = Progress(on_progress, {"rescale": 1.0}, work.stack.count)
    allowance = Allowance(
        memory_limit, f"The rescaled image {work.plan.shape}",
        "Choose larger voxels; to segment, there is no need to upscale: voronoi_otsu_labeling works in "
        "physical units on the image as it is.",
    )  # fmt: skip
    place = place_of(work.stack, engine, max(math.prod(work.old.shape), math.prod(work.plan.shape)))
    values, not_finite = place.resample(work.resampling, out, progress, allowance)
    progress.finish()
    if is_lazy(values) and not is_lazy(work.image.data):
        remarks.warn(IN_CHUNKS.format(what="The rescaled image is"))
    if not_finite:
        remarks.warn(not_finite_remark(not_finite, math.prod(work.old.shape)))
    attrs, of_marks = on_another_grid(work.image.attrs, work.old.sizes, work.new.sizes, work.plan.factors)
    remarks.warn_of(of_marks)
    return work.result(values, attrs)


def _array_of(out: NDArray[Any] | xr.DataArray | None) -> NDArray[Any] | None:
    values = out.data if isinstance(out, xr.DataArray) else out
    if values is not None and not isinstance(values, np.ndarray):
        raise ParameterError(
            f"Got an out of type {type(values).__name__}; needed is a NumPy array, or a DataArray of one."
        )
    return values


@dataclass(frozen=True)
class Prepared:
    """A rescaling that is worked out and not yet done.

    Attributes
    ----------
    image : DataArray
    old, new : Grid
        Of the image, and of the result.
    resampling : Resampling
        What is done to its volumes.
    """

    image: xr.DataArray
    old: Grid
    new: Grid
    resampling: Resampling

    @property
    def stack(self) -> Stack:
        """The values, and the volumes in them."""
        return Stack(self.image.data, "z" in self.old.sizes)

    @property
    def plan(self) -> RescalePlan:
        """What the result will be."""
        ratios = dict(zip(SPATIAL, self.resampling.axes, strict=True))
        return RescalePlan(
            dims=tuple(self.new.sizes),
            factors={axis: 1 / ratios[axis].ratio for axis in self.new.spatial},
            shape=self.new.shape,
            voxel_size=self.new.voxel_size,
            unit=self.new.unit,
            nbytes=math.prod(self.new.shape) * self.image.dtype.itemsize,
        )

    def result(self, values: Any, attrs: Mapping[Any, Any] | None = None) -> xr.DataArray:
        """`values` with the calibration that follows, and all else that the image carries, or `attrs` in its place."""
        changed = {axis for axis in self.old.spatial if self.new.spacings.get(axis) != self.old.spacings.get(axis)}
        changed |= {axis for axis in self.old.spatial if self.new.sizes[axis] != self.old.sizes[axis]}
        # a position without a size is of another grid; a time or a channel that was chosen stays
        coords = {name: coord for name, coord in self.image.coords.variables.items() if changed.isdisjoint(coord.dims)}
        coords |= {axis: place for axis, place in self.new.coordinates().items() if axis in changed}
        known_attrs = self.image.attrs if attrs is None else attrs
        made = data_array(self.image.dims, values, known_attrs, coords=coords, name=self.image.name)
        return inherit(made, self.image)


def prepared(
    image: xr.DataArray,
    voxel_size: VoxelSizeLike | None = None,
    *,
    factor: Factor | None = None,
    interpolation: str = "auto",
    antialias: bool = True,
) -> Prepared:
    """What :func:`rescale` does to a calibrated image, worked out and not yet done."""
    kernel = _checked_interpolation(image, interpolation)
    grid = Grid.of(image)
    new = target_voxel_size(grid, voxel_size, factor)
    changes = {axis: _change(grid, axis, new[axis]) for axis in grid.spatial}
    z, y, x = (changes.get(axis, AxisChange(1, 1, 1.0)) for axis in SPATIAL)
    counts = {axis: change.count_out for axis, change in changes.items()}
    return Prepared(image, grid, grid.rescaled(counts, new), Resampling((z, y, x), kernel, antialias, image.dtype))


def not_finite_remark(count: int, size: int) -> str:
    """What is said of an image of `size` values, or of a part of one (0), if `count` of them are no numbers."""
    which = f"{count} of {size} values" if size else "Some values"
    return (
        f"{which} are NaN or infinite, and so are the new voxels whose kernel reaches them. "
        "Replace them first, for example with image.fillna(0), if that is not meant."
    )


def _checked_interpolation(image: xr.DataArray, interpolation: str) -> str:
    if interpolation not in INTERPOLATIONS:
        raise ParameterError(f"Got the interpolation {interpolation!r}; needed is one of {', '.join(INTERPOLATIONS)}.")
    discrete = "a label image" if is_labels(image) else "a boolean image" if image.dtype == bool else None
    if discrete is None:
        return "linear" if interpolation == "auto" else interpolation
    if interpolation not in ("auto", "nearest"):
        raise ParameterError(
            f'Got the interpolation "{interpolation}" for {discrete}; it would make up new values between the labels. '
            'Use "nearest" or "auto"; if these are intensities after all, remove attrs["kind"] or change the type.'
        )
    return "nearest"


def _change(grid: Grid, axis: str, new: float) -> AxisChange:
    """What becomes of one axis; the ratio of its voxel sizes freed from the rounding of their quotient."""
    count, old = grid.sizes[axis], grid.size(axis)
    ratio = new / old
    if abs(ratio - round(ratio)) <= _EXACT * ratio and ratio >= 1:
        ratio = float(round(ratio))
    elif ratio < 1 and abs(1 / ratio - round(1 / ratio)) <= _EXACT / ratio:
        ratio = 1 / round(1 / ratio)
    rounded = math.floor(count / ratio + 0.5)
    if rounded < 1 < count:
        unit = symbol(grid.unit)
        raise ParameterError(
            f"Got a new voxel size of {new:g} {unit} on {axis}, where the image has {count} voxels of "
            f"{old:g} {unit}: less than one voxel would be left. Choose a smaller voxel size."
        )
    return AxisChange(count, max(1, rounded), ratio)
