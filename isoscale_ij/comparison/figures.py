"""The pictures: sections at true proportions, with scale bars. Needs matplotlib, loaded when used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from isoscale_ij.image.calibration import VoxelSizeLike, as_image, length_unit, spacing, voxel_size
from isoscale_ij.image.units import symbol
from isoscale_ij.operations.rescaling import plan_rescale, rescale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from isoscale_ij.comparison.comparing import Comparison

_DPI = 130
_BAR_SHARE = 0.25  # of the width of the picture, at most
_MAGNIFICATIONS = (1, 2, 4, 8)
_BRIGHT = 0.998  # the quantile of grey values that is shown white


def of_comparison(comparison: Comparison) -> dict[str, Figure]:
    """All pictures of a comparison, by file name."""
    return {
        "sections.png": sections(comparison.image),
        "loss-of-detail.png": loss_of_detail(comparison.image),
        "labels.png": labels_side_by_side(comparison),
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
    for axes, shown, what in ((top, None, "raw"), (bottom, size, "isotropic")):
        sizes = " x ".join(f"{length:.4g}" for length in (shown or voxel_size(image)).values())
        _show(axes[0], _slab(image, "z", shown), ("y", "x"), limits, f"{what}, {sizes} {symbol(length_unit(image))}")
        _show(axes[1], _slab(image, "x", shown), ("z", "y"), limits, "")
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


def labels_side_by_side(comparison: Comparison) -> Figure:
    """The label images of all rows, each on its own grid, as x-y and z-x sections in one place."""
    shown = {"image": comparison.image} | comparison.labels
    if comparison.truth is not None:
        shown["truth"] = comparison.truth
    tall = _height_of_side(comparison.image)
    figure = Figure(figsize=(2.6 * len(shown), 2.6 * (1 + tall) + 0.6), dpi=_DPI, layout="constrained")
    grid = figure.subplots(2, len(shown), height_ratios=(1, tall), squeeze=False)
    limits = _limits(np.asarray(comparison.image))
    for column, (name, image) in enumerate(shown.items()):
        count = "" if name == "image" else f"\n{int(np.max(image))} objects"
        _show(grid[0, column], image, ("y", "x"), limits, name + count, bar=column == 0)
        _show(grid[1, column], image, ("z", "x"), limits, "", bar=False)
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
    options: dict[str, Any] = {"cmap": "gray", "vmin": limits[0], "vmax": limits[1]}
    if image.attrs.get("kind") == "labels":
        options = {"cmap": label_colors(int(image.max())), "vmin": 0, "vmax": max(1, int(image.max()))}
    axes.imshow(
        section, extent=(0, extent[horizontal], extent[vertical], 0), interpolation="none", aspect="equal", **options
    )
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


def label_colors(count: int) -> ListedColormap:
    """Black for 0, then `count` colours of which neighbours in number differ."""
    hue = (np.arange(count) * 0.6180339887) % 1.0  # the golden section spreads hues evenly, however many
    level = 0.7 + 0.3 * ((np.arange(count) * 0.7548776662) % 1.0)
    wheel = np.abs(((hue[:, None] + np.array([0, 2 / 3, 1 / 3])) % 1.0) * 6 - 3) - 1
    colors = np.clip(wheel, 0.12, 1) * level[:, None]
    return ListedColormap(np.vstack([[0, 0, 0], colors]) if count else np.zeros((2, 3)))
