"""The pictures: every panel shows the same physical plane. Needs matplotlib, loaded when used.

Each function makes a figure of its own, or draws into the axes of matplotlib that it is given as `ax`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from isoscale_ij.comparison import drawing
from isoscale_ij.comparison.coloring import Colors, colors_by_object
from isoscale_ij.comparison.drawing import SLIDE, Window, panel
from isoscale_ij.comparison.layout import Slot, arranged, side_by_side, stacked
from isoscale_ij.errors import ParameterError
from isoscale_ij.image.axes import SPATIAL, channel_names, choose_channel
from isoscale_ij.image.calibration import (
    VoxelSizeLike,
    as_image,
    is_labels,
    length_unit,
    mark_as_labels,
    set_voxel_size,
    spacing,
    voxel_size,
)
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.units import VOXEL, LengthLike, convert, parse_length, symbol
from isoscale_ij.operations.measurement import measure
from isoscale_ij.operations.rescaling import plan_rescale, rescale
from isoscale_ij.wording import counted, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAGNIFICATIONS = (1, 2, 4, 8)
ROOM_OF_THUMBNAIL, _DPI_OF_THUMBNAIL = (8.0, 4.5), 75
_MARGIN = 0.35  # of an object's size, shown around it


def of_comparison(
    image: xr.DataArray, labels: Mapping[str, xr.DataArray], truth: xr.DataArray | None = None
) -> dict[str, Figure]:
    """All pictures of a comparison, by file name."""
    pictures = {
        "sections.png": sections(image),
        "loss-of-detail.png": loss_of_detail(image),
        "labels.png": labels_side_by_side(image, labels, truth),
        "outlines.png": labels_side_by_side(image, labels, truth, outlines=True),
    }
    if any(int(each.max()) for each in labels.values()):
        pictures["one-object.png"] = one_object(image, labels, truth)
    return pictures


def show(
    image: Any,
    labels: Any | None = None,
    *,
    at: Mapping[str, LengthLike] | None = None,
    channel: str | int | None = None,
    t: int = 0,
    ax: Any | None = None,
) -> Figure:
    """An x-y section of an image and, of a volume, an x-z section, with the outlines of labels.

    Parameters
    ----------
    image : DataArray or array_like
        An image or labels.
    labels : DataArray or array_like, optional
        Outlined over the image.
    at : mapping, optional
        Where the planes lie, for z (of the x-y section) and y (of the x-z section); by default in the middle.
    channel : str or int, optional
        Of several channels; by default the first.
    t : int
        The index of the time point.
    ax : Axes or sequence of Axes, optional
        One of them for the x-y section alone, or two.
    """
    return shown(image, labels, at=at, channel=channel, t=t, ax=ax)


def shown(
    image: Any,
    labels: Any | None = None,
    *,
    at: Mapping[str, LengthLike] | None = None,
    channel: str | int | None = None,
    t: int = 0,
    ax: Any | None = None,
    room: tuple[float, float] = SLIDE,
) -> Figure:
    """:func:`show` within a room (inches)."""
    image = as_image(image)
    names = channel_names(image)
    heading = " ".join(filter(None, [str(image.name or ""), [*names, ""][0] if channel is None else str(channel)]))
    image = _one_volume(choose_channel(image, 0 if names and channel is None else channel), t)
    over = None if labels is None else mark_as_labels(_one_volume(as_image(labels), t))
    if over is not None and set(over.dims) != set(image.dims):
        raise ParameterError(
            f"Got labels with the axes {_axes(over)} over an image with {_axes(image)}; needed are the same axes, "
            "on whatever grid. A slice keeps its axis with image.isel(z=[0])."
        )
    if not {*(at or {})} <= {"z", "y"}:
        raise ParameterError(f"Got positions on {', '.join(at or {})}; needed are some of z (x-y section) and y (x-z).")
    windows = [_window(image, cut, at or {}) for cut in drawing.spatial_cuts(image)]
    if ax is not None:
        windows = windows[: max(1, np.size(ax))]
    slots = [Slot(window, below=window.label, bar=True) for window in windows]
    axes = arranged(slots, side_by_side(len(slots)), ax, "show", heading=heading, room=room)
    contrast = None if is_labels(image) else drawing.limits(image)
    for axis, window in zip(axes, windows, strict=True):
        panel(axis, image, window, contrast=contrast)
        if over is not None:
            drawing.outlines(axis, over, window)
    return drawing.figure_of(axes)


def thumbnail(image: Any) -> bytes:
    """:func:`show` as a small PNG file, as a notebook shows it beside a table; its texts stay as large."""
    return drawing.png(shown(image, room=ROOM_OF_THUMBNAIL), dpi=_DPI_OF_THUMBNAIL)


def sections(image: Any, target: VoxelSizeLike = "finest", *, ax: Any | None = None) -> Figure:
    """An x-y and a y-z section of an image, and of the same image made isotropic, at true proportions.

    Parameters
    ----------
    image : DataArray, (z, y, x)
        Calibrated.
    target : length or str
        The isotropic voxel size, as for :func:`isoscale_ij.rescale`.
    ax : sequence of Axes, optional
        Four: raw x-y and y-z, isotropic x-y and y-z.
    """
    image = _volume(image, "sections")
    size = plan_rescale(image, target).voxel_size
    windows = [Window.middle(image, cut) for cut in ("z", "x")]
    contrast = drawing.limits(image)
    grids = {"raw": None, "isotropic": size}
    slots: list[Slot] = []
    for what, sampled in grids.items():
        sizes = " × ".join(short(float(f"{length:.4g}")) for length in (sampled or voxel_size(image)).values())
        title = f"{what}: {sizes} {symbol(length_unit(image))}".rstrip()
        for column, window in enumerate(windows):
            below = window.label if sampled else ""
            slots.append(Slot(window, title="" if column else title, below=below, bar=column == 0))
    axes = arranged(slots, [[[0, 1], [2, 3]]], ax, "sections")
    for row, sampled in enumerate(grids.values()):
        for axis, window in zip(axes[2 * row : 2 * row + 2], windows, strict=True):
            panel(axis, _slab(image, window, sampled), window, contrast=contrast)
    return drawing.figure_of(axes)


def loss_of_detail(image: Any, *, ax: Any | None = None) -> Figure:
    """One slice at voxel sizes ×1, ×2, ×4, ×8 of its own; `ax`: four."""
    image = as_image(image)
    window = _window(image, "z", {})
    if not voxel_size(image):  # or each would lie in a smaller room
        image = set_voxel_size(image, y=1.0, x=1.0)
    at = image.sizes.get("z", 1) // 2
    middle = image.isel(z=slice(at, at + 1)) if "z" in image.dims else image
    contrast = drawing.limits(middle)
    coarser = {times: rescale(middle, dict.fromkeys(("y", "x"), f"{times} px")) for times in _MAGNIFICATIONS}
    slots: list[Slot] = []
    for times, coarse in coarser.items():
        size = f"{spacing(coarse, 'x') or times:.3g} {symbol(window.unit)}".rstrip()
        first = not slots
        slots.append(Slot(window, title=f"×{times}: {size}", side=window.label if first else "", bar=first))
    axes = arranged(slots, side_by_side(len(slots)), ax, "loss_of_detail")
    for axis, coarse in zip(axes, coarser.values(), strict=True):
        panel(axis, coarse, window, contrast=contrast)
    return drawing.figure_of(axes)


def labels_side_by_side(
    image: xr.DataArray,
    labels: Mapping[str, xr.DataArray],
    truth: xr.DataArray | None = None,
    *,
    outlines: bool = False,
    ax: Any | None = None,
) -> Figure:
    """An image and label images of it, each on its own grid, as x-y and x-z sections at the same planes.

    An object has the same colour in all of them.

    Parameters
    ----------
    image : DataArray, (z, y, x)
    labels : mapping of str to DataArray
        By the title of each; the last numbers the colours where there is no truth.
    truth : DataArray, optional
        True labels on the grid of `image`.
    outlines : bool
        Draw the borders of the labels over the image, instead of the labels.
    ax : sequence of Axes, optional
        Two for each of image, labels and truth: x-y and x-z; one of a single slice.
    """
    every, colors = _with_colors(image, labels, truth)
    windows = [_window(image, cut, {}) for cut in drawing.spatial_cuts(image)]
    titles = ["image", *(f"{name}\n{counted(_count(each), 'object')}" for name, each in every.items())]
    axes = _stacks(titles, windows, ax, "labels_side_by_side")
    contrast = drawing.limits(image)
    for column, (name, each) in enumerate({"image": image, **every}.items()):
        for row, window in enumerate(windows):
            axis = axes[len(windows) * column + row]
            panel(axis, image if outlines else each, window, contrast=contrast, colors=colors.get(name))
            if outlines and column:
                drawing.outlines(axis, each, window, colors=colors[name])
    return drawing.figure_of(axes)


def one_object(
    image: xr.DataArray,
    labels: Mapping[str, xr.DataArray],
    truth: xr.DataArray | None = None,
    *,
    label: int | None = None,
    ax: Any | None = None,
) -> Figure:
    """One object through the grids: what each sees of it, and what borders each draws.

    Parameters
    ----------
    image, labels, truth
        As for :func:`labels_side_by_side`.
    label : int, optional
        The label of the object in `truth`, or in the last of `labels`; by default one of median volume.
    ax : sequence of Axes, optional
        Two for each of labels and truth: x-y and x-z.
    """
    every, colors = _with_colors(image, labels, truth)
    reference = list(every)[-1]
    row = _object(every[reference], label)
    windows = [
        replace(
            Window.at(image, cut, float(row[f"centroid_{cut}"])), edges={axis: _around(row, axis) for axis in SPATIAL}
        )
        for cut in ("z", "y")
    ]
    axes = _stacks(list(every), windows, ax, "one_object")
    contrast = drawing.limits(_crop(image, windows[0]))
    for column, (name, each) in enumerate(every.items()):
        sampled = _crop_at(image, each, windows[0])
        for number, window in enumerate(windows):
            axis = axes[2 * column + number]
            panel(axis, sampled, window, contrast=contrast)
            drawing.outlines(axis, each, window, colors=colors[name], width=2)
    return drawing.figure_of(axes)


def _one_volume(image: xr.DataArray, t: int) -> xr.DataArray:
    if "t" not in image.dims:
        return image
    if not -image.sizes["t"] <= t < image.sizes["t"]:
        raise ParameterError(f"Got the time point {t}; the image has {image.sizes['t']}, from 0 on.")
    return image.isel(t=t, drop=True)


def _window(image: xr.DataArray, cut: str, at: Mapping[str, LengthLike]) -> Window:
    if cut not in at:
        return Window.middle(image, cut) if cut in image.dims else Window.at(image, cut, 0.0)
    length = parse_length(at[cut], f"the position on {cut}")
    grid = Grid.of(image)
    if length.unit == VOXEL:
        position = grid.edges.get(cut, 0.0) + length.value * grid.size(cut)
    else:
        position = convert(length.value, length.unit or grid.unit, grid.unit)
    if cut in image.dims:
        low, high = drawing.extent(grid, cut)
        if not low <= position <= high:
            there = f"from {short(low)} to {short(high)} {symbol(drawing.unit_of(grid, cut))}".rstrip()
            raise ParameterError(f"Got {at[cut]} as the position on {cut}; the image goes {there} there.")
    return Window.at(image, cut, position)


def _slab(image: xr.DataArray, window: Window, size: dict[str, float] | None) -> xr.DataArray:
    """What a section needs of the image, rescaled: not all of it has to be."""
    cut = window.cut
    middle = drawing.index_at(Grid.of(image), cut, window.position)
    if size is None:
        return image.isel({cut: slice(middle, middle + 1)})
    reach = 1 + round(2 * size[cut] / (spacing(image, cut) or 1.0))
    return rescale(image.isel({cut: slice(max(0, middle - reach), middle + reach + 1)}), size)


def _with_colors(
    image: xr.DataArray, labels: Mapping[str, xr.DataArray], truth: xr.DataArray | None
) -> tuple[dict[str, xr.DataArray], dict[str, Colors]]:
    every = dict(labels)
    if truth is not None:  # of whatever type and calibration: it lies on the grid of the image
        whole = truth.to_numpy()
        every["truth"] = mark_as_labels(image.copy(data=whole.astype(np.int64) if whole.dtype.kind == "f" else whole))
    return every, colors_by_object(every, image, list(every)[-1]) if every else {}


def _count(labels: xr.DataArray) -> int:
    present = np.unique(labels.to_numpy())
    return int(np.count_nonzero(present))


def _object(labels: xr.DataArray, label: int | None) -> Any:
    table = measure(labels)
    if label is not None:
        chosen = table[table["label"] == label]
        if not len(chosen):
            raise ParameterError(f"Got the label {label}; the labels go from 1 to {int(table['label'].max())}.")
        return chosen.iloc[0]
    inner = table[~table["touches_border"]] if not table["touches_border"].all() else table
    order = inner["volume"].sort_values(kind="stable")
    return inner.loc[order.index[len(order) // 2]]


def _around(row: Any, axis: str) -> tuple[float, float]:
    """The room of an object and some beside it, the same on all axes, so that what it is part of is seen."""
    more = _MARGIN * float(row["equivalent_diameter"])
    return float(row[f"min_{axis}"]) - more, float(row[f"max_{axis}"]) + more


def _crop(image: xr.DataArray, window: Window, beside: int = 0) -> xr.DataArray:
    grid = Grid.of(image)
    part = {}
    for axis, (low, high) in window.edges.items():
        first, last = (drawing.index_at(grid, axis, position) for position in (low, high))
        part[axis] = slice(max(0, first - beside), last + beside + 1)
    return image.isel(part)


def _crop_at(image: xr.DataArray, labels: xr.DataArray, window: Window) -> xr.DataArray:
    """What is seen of the image on the grid of labels: all of it where that is small, so that the voxels agree."""
    if labels.shape == image.shape:
        return _crop(image, window)
    size = voxel_size(labels)
    if labels.size <= image.size:
        return _crop(rescale(image, size), window)
    return rescale(_crop(image, window, beside=2), size)


def _stacks(titles: Sequence[str], windows: Sequence[Window], ax: Any | None, what: str) -> list[Axes]:
    """For each title a panel of each window, below each other; where the planes lie is said once."""
    slots = [
        Slot(window, title="" if row else title, side="" if column else window.label, bar=column == 0)
        for column, title in enumerate(titles)
        for row, window in enumerate(windows)
    ]
    return arranged(slots, [stacked(each, len(windows)) for each in side_by_side(len(titles))], ax, what)


def _volume(given: Any, what: str) -> xr.DataArray:
    image: xr.DataArray = as_image(given)
    if "z" not in image.dims:
        raise ParameterError(
            f"Got an image with the axes {_axes(image)} for {what}; needed is a volume, z y x. "
            "Use figures.show for a plane."
        )
    return image


def _axes(image: xr.DataArray) -> str:
    return " ".join(map(str, image.dims))
