"""One panel: a section of an image at a physical plane, at true proportions, with outlines and a scale bar."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox, AuxTransformBox, TextArea, VPacker
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from isoscale_ij.comparison.coloring import Colors
from isoscale_ij.errors import ParameterError
from isoscale_ij.image.calibration import is_labels
from isoscale_ij.image.grid import Grid
from isoscale_ij.image.label_colors import shown
from isoscale_ij.image.units import symbol
from isoscale_ij.wording import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 130
SLIDE = (13.33, 7.5)  # inches: of 16 to 9, as a projector shows them
FONT, SMALL_FONT = 12, 10  # points; readable when the picture fills a slide
ORANGE = "#E69F00"  # told from grey, and from each other with BLUE, by colour-blind people (Okabe and Ito)
_BAR_SHARE = 0.25  # of the width of the picture, at most
_BRIGHT = 0.998  # the quantile of grey values that is shown white
_PLANES = {"z": ("y", "x"), "y": ("z", "x"), "x": ("y", "z")}  # what is drawn down and across


class Picture(Figure):
    """A figure that a notebook shows by itself, whatever its magics."""

    def _repr_png_(self) -> bytes:
        return png(self)


@dataclass(frozen=True)
class Window:
    """What part of space a panel shows: a plane across `cut`, and lower and upper edges on all axes."""

    cut: str
    position: float
    edges: Mapping[str, tuple[float, float]]
    unit: str | None
    position_unit: str | None

    @classmethod
    def middle(cls, image: xr.DataArray, cut: str) -> Window:
        """The whole of an image, at the centre of its middle voxel."""
        grid = Grid.of(image)
        return cls.at(image, cut, grid.edges.get(cut, 0.0) + (grid.sizes[cut] // 2 + 0.5) * grid.size(cut))

    @classmethod
    def at(cls, image: xr.DataArray, cut: str, position: float) -> Window:
        """The whole of an image, at a position."""
        grid = Grid.of(image)
        edges = {axis: extent(grid, axis) for axis in grid.spatial}
        return cls(cut, position, edges, unit_of(grid, "x"), unit_of(grid, cut))

    @property
    def plane(self) -> tuple[str, str]:
        """The axes drawn down and across."""
        return _PLANES[self.cut]

    @property
    def size(self) -> tuple[float, float]:
        """Height and width."""
        low, high = zip(*(self.edges[axis] for axis in self.plane), strict=True)
        return high[0] - low[0], high[1] - low[1]

    @property
    def label(self) -> str:
        """Where the plane lies, for a reader: ``x-y at z = 12.8 µm``."""
        down, across = self.plane
        if self.cut not in self.edges:
            return f"{across}-{down}"
        position = f"{short(float(f'{self.position:.4g}'))} {symbol(self.position_unit)}".rstrip()
        return f"{across}-{down} at {self.cut} = {position}"


def extent(grid: Grid, axis: str) -> tuple[float, float]:
    """Lower and upper edge of an axis; in voxels from 0 where it is not calibrated."""
    lower = grid.edges.get(axis, 0.0)
    return lower, lower + grid.sizes[axis] * grid.size(axis)


def unit_of(grid: Grid, axis: str) -> str | None:
    """The unit of what :func:`extent` gives: voxels where the axis is not calibrated; None if the unit is not known."""
    return grid.unit if axis in grid.spacings else "px"


def index_at(grid: Grid, axis: str, position: float) -> int:
    """The voxel that a position lies in; the outermost for positions beyond them."""
    return int(np.clip(np.floor((position - grid.edges.get(axis, 0.0)) / grid.size(axis)), 0, grid.sizes[axis] - 1))


def section(image: xr.DataArray, window: Window) -> NDArray[Any]:
    """The values in the plane of a window."""
    if window.cut in image.dims:
        image = image.isel({window.cut: index_at(Grid.of(image), window.cut, window.position)})
    return np.asarray(image.transpose(*window.plane).to_numpy())


def limits(image: xr.DataArray) -> tuple[float, float]:
    """The grey values shown black and white."""
    values = image.to_numpy()
    thinned = values[tuple(slice(None, None, max(1, n // 200)) for n in values.shape)]
    low, high = np.nanquantile(thinned, [0.01, _BRIGHT])
    return float(low), float(max(high, low + 1e-9))


def panel(
    axes: Axes,
    image: xr.DataArray,
    window: Window,
    *,
    contrast: tuple[float, float] | None = None,
    colors: Colors | None = None,
) -> None:
    """Draw an image, or labels in their colours, in the place that it has in space."""
    values, grid = section(image, window), Grid.of(image)
    if is_labels(image):
        values = shown(values, int(image.max())) if colors is None else colors.of(values)
    (top, bottom), (left, right) = (extent(grid, axis) for axis in window.plane)
    low, high = contrast or (None, None)
    axes.imshow(
        values, extent=(left, right, bottom, top), interpolation="none", aspect="equal", cmap="gray",
        vmin=low, vmax=high,
    )  # fmt: skip
    (top, bottom), (left, right) = (window.edges[axis] for axis in window.plane)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_facecolor("black")  # where a grid ends before the window does
    axes.set_xticks([])
    axes.set_yticks([])


def outlines(
    axes: Axes, labels: xr.DataArray, window: Window, *, colors: Colors | None = None, color: str = ORANGE,
    width: float = 1.2,
) -> None:  # fmt: skip
    """Draw the borders of labels along the edges of their voxels, in their own colours or in one."""
    values, grid = section(labels, window), Grid.of(labels)
    (top, _), (left, _) = (extent(grid, axis) for axis in window.plane)
    height, breadth = (grid.size(axis) for axis in window.plane)
    framed = np.pad(values, 1)
    lines, owners = [], []
    for along in (0, 1):
        differs = np.diff(framed, axis=along) != 0
        down, across = np.nonzero(differs)
        down, across = down - (along == 1), across - (along == 0)  # the frame is not of the image
        begin = np.stack([left + (across + 0.0) * breadth, top + (down + 0.0) * height], axis=1)
        end = begin + ((breadth, 0.0) if along == 0 else (0.0, height))
        lines.append(np.stack([begin, end], axis=1))
        one, two = (framed[:-1], framed[1:]) if along == 0 else (framed[:, :-1], framed[:, 1:])
        owners.append(np.maximum(one, two)[differs])
    drawn = np.concatenate(lines)
    paint: Any = color if colors is None else colors.of(np.concatenate(owners)) / 255
    axes.add_collection(LineCollection(list(drawn), colors=paint, linewidths=width, capstyle="projecting"))


def png(figure: Figure, dpi: float | str = "figure") -> bytes:
    """A figure as a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return file.getvalue()


def scale_bar(axes: Axes, window: Window, *, below: float | None = None) -> None:
    """A bar of a round length in the lower right corner: white on a dark plate, legible on any image.

    Or so far below, as a share of the height of the axes.
    """
    bar = AuxTransformBox(axes.transData)
    bar.add_artist(Rectangle((0, 0), _bar_length(window), 0, edgecolor="white", linewidth=3, facecolor="none"))
    text = TextArea(bar_text(window), textprops={"color": "white", "fontsize": SMALL_FONT})
    content = VPacker(children=[text, bar], align="center", pad=0, sep=3)
    place: Any = {"loc": "lower right"}
    if below is not None:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -below), "bbox_transform": axes.transAxes}
    box = AnchoredOffsetbox(child=content, pad=0.35, borderpad=0.4, **place)
    box.patch.set(facecolor="black", alpha=0.7, edgecolor="none")
    axes.add_artist(box)


def bar_text(window: Window) -> str:
    """What stands above the scale bar of a panel."""
    return f"{_bar_length(window):g} {symbol(window.unit)}".strip()


def _bar_length(window: Window) -> float:
    return round_length(window.size[1] * _BAR_SHARE)


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `most`."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def given_axes(ax: Any, count: int, what: str) -> list[Axes]:
    """The axes that a caller wants to be drawn into, in a row."""
    axes: list[Axes] = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != count or not all(hasattr(each, "imshow") for each in axes):
        raise ParameterError(
            f"Got {len(axes)} axes for {what}; needed are {count}, for example those of pyplot.subplots(1, {count})."
        )
    return axes


def figure_of(axes: Sequence[Axes]) -> Figure:
    """The figure that axes belong to."""
    figure = axes[0].figure
    assert isinstance(figure, Figure)
    return figure


def spatial_cuts(image: xr.DataArray) -> tuple[str, ...]:
    """Across which axes an image is shown: z and y, or z alone of one slice."""
    return ("z", "y") if image.sizes.get("z", 1) > 1 else ("z",)
