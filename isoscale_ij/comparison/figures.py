"""The pictures: sections at true proportions, with scale bars. Needs matplotlib, loaded when used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isoscale_ij.image.calibration import VoxelSizeLike, as_image, is_labels, length_unit, spacing, voxel_size
from isoscale_ij.image.label_colors import shown
from isoscale_ij.image.units import symbol
from isoscale_ij.operations.rescaling import plan_rescale, rescale
from isoscale_ij.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 130
_BAR_SHARE = 0.25  # of the width of the picture, at most
_MAGNIFICATIONS = (1, 2, 4, 8)
_BRIGHT = 0.998  # the quantile of grey values that is shown white


def of_comparison(
    image: xr.DataArray, labels: Mapping[str, xr.DataArray], truth: xr.DataArray | None = None
) -> dict[str, Figure]:
    """All pictures of a comparison, by file name."""
    return {
        "sections.png": sections(image),
        "loss-of-detail.png": loss_of_detail(image),
        "labels.png": labels_side_by_side(image, labels, truth),
    }


def sections(image: Any, target: VoxelSizeLike = "finest") -> Figure:
    """An x-y and a y-z section of an image, and of the same image made isotropic, at true proportions.

    Parameters
    ----------
    image : DataArray, (z, y, x)
        Calibrated.
    target : length or str
        The isotropic voxel size, as for :func:`isoscale_ij.rescale`.
    """
    image = as_image(image)
    size = plan_rescale(image, target).voxel_size
    limits = _limits(np.asarray(image))
    figure, (top, bottom) = _rows(image, width=9.0)
    for axes, sampled, what in ((top, None, "raw"), (bottom, size, "isotropic")):
        sizes = " x ".join(f"{length:.4g}" for length in (sampled or voxel_size(image)).values())
        _show(axes[0], _slab(image, "z", sampled), ("y", "x"), limits, f"{what}, {sizes} {symbol(length_unit(image))}")
        _show(axes[1], _slab(image, "x", sampled), ("z", "y"), limits, "")
    return figure


def _slab(image: xr.DataArray, cut: str, size: dict[str, float] | None) -> xr.DataArray:
    """What a section through the middle of `cut` needs of the image, rescaled: not all of it has to be."""
    middle = image.sizes[cut] // 2
    if size is None:
        return image.isel({cut: slice(middle, middle + 1)})
    reach = 1 + round(2 * size[cut] / (spacing(image, cut) or 1.0))
    around = image.isel({cut: slice(max(0, middle - reach), middle + reach + 1)})
    return rescale(around, size)


def loss_of_detail(image: Any) -> Figure:
    """One slice at voxel sizes ×1, ×2, ×4, ×8 of its own."""
    image = as_image(image)
    middle = image.isel(z=slice(image.sizes["z"] // 2, image.sizes["z"] // 2 + 1))
    limits = _limits(np.asarray(middle))
    figure = Figure(figsize=(12, 3.6), dpi=_DPI, layout="constrained")
    for axes, times in zip(figure.subplots(1, len(_MAGNIFICATIONS)), _MAGNIFICATIONS, strict=True):
        coarse = rescale(middle, dict.fromkeys(("y", "x"), f"{times} px"))
        size = spacing(coarse, "x") or 0.0
        _show(axes, coarse, ("y", "x"), limits, f"×{times}: {size:.3g} {symbol(length_unit(coarse))}")
    return figure


def labels_side_by_side(
    image: xr.DataArray, labels: Mapping[str, xr.DataArray], truth: xr.DataArray | None = None
) -> Figure:
    """An image and label images of it, each on its own grid, as x-y and z-x sections in one place."""
    columns = {"image": image, **labels} | ({} if truth is None else {"truth": truth})
    tall = _height_of_side(image)
    figure = Figure(figsize=(2.6 * len(columns), 2.6 * (1 + tall) + 0.6), dpi=_DPI, layout="constrained")
    axes = figure.subplots(2, len(columns), height_ratios=(1, tall), squeeze=False)
    limits = _limits(np.asarray(image))
    for column, (name, each) in enumerate(columns.items()):
        title = name if name == "image" else f"{name}\n{counted(int(np.max(each)), 'object')}"
        _show(axes[0, column], each, ("y", "x"), limits, title, bar=column == 0)
        _show(axes[1, column], each, ("z", "x"), limits, "", bar=False)
    return figure


def _rows(image: xr.DataArray, *, width: float) -> tuple[Figure, NDArray[Any]]:
    """Two rows of an x-y and a y-z section beside each other, in proportion."""
    extent = {axis: (spacing(image, axis) or 1.0) * image.sizes[axis] for axis in ("z", "y", "x")}
    height = width * extent["y"] / (extent["x"] + extent["z"])
    figure = Figure(figsize=(width, 2 * (height + 0.45)), dpi=_DPI, layout="constrained")
    axes = figure.subplots(2, 2, width_ratios=(extent["x"], extent["z"]), squeeze=False)
    return figure, axes


def _height_of_side(image: xr.DataArray) -> float:
    """Height of a z-x section beside that of an x-y section of the same width."""
    return min(4.0, (spacing(image, "z") or 1.0) * image.sizes["z"] / ((spacing(image, "y") or 1.0) * image.sizes["y"]))


def _limits(values: NDArray[Any]) -> tuple[float, float]:
    thinned = values[tuple(slice(None, None, max(1, n // 200)) for n in values.shape)]
    low, high = np.quantile(thinned, [0.01, _BRIGHT])
    return float(low), float(max(high, low + 1e-9))


def _show(
    axes: Axes,
    image: xr.DataArray,
    plane: tuple[str, str],
    limits: tuple[float, float],
    title: str,
    *,
    bar: bool = True,
) -> None:
    """A section through the middle, its voxels drawn in their true proportions."""
    (cut,) = {"z", "y", "x"} - set(plane)
    vertical, horizontal = plane if plane != ("z", "y") else ("y", "z")
    section = image.isel({cut: image.sizes[cut] // 2}).transpose(vertical, horizontal).to_numpy()
    extent = {axis: (spacing(image, axis) or 1.0) * image.sizes[axis] for axis in plane}
    if is_labels(image):
        section = shown(section, int(image.max()))
    axes.imshow(
        section, extent=(0, extent[horizontal], extent[vertical], 0), interpolation="none", aspect="equal",
        cmap="gray", vmin=limits[0], vmax=limits[1],
    )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(horizontal, fontsize=8, labelpad=1)
    axes.set_ylabel(vertical, fontsize=8, labelpad=1)
    axes.set_title(title, fontsize=8)
    if bar:
        _scale_bar(axes, extent[horizontal], extent[vertical], symbol(length_unit(image)))


def _scale_bar(axes: Axes, width: float, height: float, unit: str) -> None:
    """A white bar of a round length in the lower right corner."""
    length = _round_length(width * _BAR_SHARE)
    right, lower = width * 0.96, height * 0.95
    axes.plot([right - length, right], [lower, lower], color="white", linewidth=2.5, solid_capstyle="butt")
    axes.text(
        right - length / 2, lower - height * 0.02, f"{length:g} {unit}".strip(),
        color="white", fontsize=7, ha="center", va="bottom",
    )  # fmt: skip


def _round_length(most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `most`."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))
