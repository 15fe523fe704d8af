"""The drawings of the pages that explain: edges and centres, rescaling, antialiasing, sigmas, the steps of labelling.

``make walkthrough`` writes them into ``docs/pictures``, as SVG where they are lines, as PNG where they are images.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Rectangle
from numpy.typing import NDArray
from scipy import ndimage

import isoscale_ij as iso
from isoscale_ij.image.label_colors import shown

BLACK, GREY, BLUE, ORANGE, GREEN = "#222222", "#9a9a9a", "#0072B2", "#D55E00", "#009E73"  # told apart by everybody
_STYLE = {
    "font.size": 11, "font.family": "sans-serif", "svg.fonttype": "none", "svg.hashsalt": "isoscale",
    "axes.spines.left": False, "axes.spines.right": False, "axes.spines.top": False,
}  # fmt: skip
_Z, _X = 1.5, 0.16  # µm, the voxels of all pages


def edges() -> Figure:
    """Where an image begins: edges, centres, and what other programs call its place."""
    figure, axes = _strip(2.9, (-0.4, 5.3), (-2.0, 1.5))
    _voxels(axes, 0.0, _Z, 3, 0.0, BLUE)
    for number in range(3):
        axes.text((number + 0.5) * _Z, 0.62, f"voxel {number}", ha="center", color=BLUE)
    _arrow(axes, 0.0, 1.05, "lower edge: 0")
    _arrow(
        axes, 0.75, -0.62, "first centre: 0.75\n= coordinate, OME-NGFF's translation,\nnapari's translate", below=True
    )
    _arrow(axes, 4.5, 1.05, "extent: 3 × 1.5 µm")
    return figure


def rescaling() -> Figure:
    """Voxels of 1.5 µm become voxels of 1 µm: with edges kept, and with centres put on each other."""
    figure, axes = _strip(3.3, (-1.9, 5.1), (-2.95, 0.9))
    rows = (
        ("before", 0.0, _Z, 2, BLUE),
        ("rescaled to 1 µm", 0.0, 1.0, 3, GREEN),
        ("first centres agree", 0.25, 1.0, 3, ORANGE),
    )
    for number, (name, begin, size, count, color) in enumerate(rows):
        _voxels(axes, begin, size, count, -number * 1.15, color)
        axes.text(-0.15, -number * 1.15, name, ha="right", va="center", color=color)
    axes.text(3.35, -2.3, "the image has moved by\n0.25 µm, and ends elsewhere", va="center", color=ORANGE)
    axes.text(3.35, -1.15, "same place, same extent", va="center", color=GREEN)
    for edge in (0.0, 3.0):
        axes.axvline(edge, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    return figure


def antialiasing() -> Figure:
    """Which voxels a new voxel three times as large is made of, with antialiasing and without."""
    figure, axes = _strip(2.6, (-0.6, 9.6), (-0.55, 1.5))
    _voxels(axes, 0.0, 1.0, 9, 0.0, BLUE, tall=0.16)
    places = np.linspace(-0.5, 9.5, 400)
    for reach, color, name in (
        (1.0, ORANGE, "without: from the two nearest"),
        (3.0, GREEN, "antialiased: from all that it covers"),
    ):
        axes.plot(places, 0.15 + np.clip(1 - np.abs(places - 4.5) / reach, 0, 1), color=color, linewidth=2, label=name)
    axes.add_patch(Rectangle((3, -0.12), 3, 0.24, fill=False, edgecolor=BLACK, linewidth=2))
    axes.text(4.5, -0.4, "new voxel", ha="center")
    axes.legend(loc="upper left", frameon=False)
    axes.spines.bottom.set_visible(False)
    axes.set(xticks=[], xlabel="")
    return figure


def sigmas() -> Figure:
    """A nucleus on a raw grid: a sigma of 10 voxels on each axis, and one of 1.8 µm."""
    figure = Figure(figsize=(7.6, 3.9), layout="constrained")
    for axes, (title, width, height, color) in zip(
        figure.subplots(1, 2),
        (("10 px on each axis", 10 * _X, 10 * _Z, ORANGE), ("1.8 µm", 1.8, 1.8, GREEN)),
        strict=True,
    ):
        for line in np.arange(-8, 8.1, _Z):
            axes.axhline(line - 0.25, color=GREY, linewidth=0.4, zorder=0)
        for line in np.arange(-8, 8, _X):
            axes.axvline(line, color=GREY, linewidth=0.15, zorder=0)
        axes.add_patch(Circle((0, 0), 4, facecolor=BLUE, alpha=0.25, edgecolor=BLUE))
        axes.add_patch(Ellipse((0, 0), 2 * width, 2 * height, fill=False, edgecolor=color, linewidth=2.5, clip_on=True))
        axes.set(
            xlim=(-7.9, 7.9),
            ylim=(-7.9, 7.9),
            xticks=[-5, 0, 5],
            yticks=[-5, 0, 5],
            aspect="equal",
            xlabel="x [µm]",
            title=title,
        )
    figure.axes[0].set_ylabel("z [µm]")
    return figure


def distances() -> Figure:
    """The border between two seeds: half way in space, and half way in voxels."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    one, other = np.array([1.5, 3.5]), np.array([7.0, 6.5])  # z, x
    z, x = np.meshgrid(np.linspace(-1.5, 10, 200), np.linspace(-0.5, 10.5, 200), indexing="ij")
    for sizes, color, style, name in (
        ((1.0, 1.0), GREEN, "-", "half way in µm"), ((_Z, _X), ORANGE, "--", "half way in voxels of 1.5 × 0.16 µm")
    ):  # fmt: skip
        nearer = [((z - seed[0]) / sizes[0]) ** 2 + ((x - seed[1]) / sizes[1]) ** 2 for seed in (one, other)]
        axes.contour(x, z, nearer[0] - nearer[1], levels=[0], colors=color, linestyles=style, linewidths=2.5)
        axes.plot([], [], color=color, linestyle=style, linewidth=2.5, label=name)
    for seed in (one, other):
        axes.add_patch(Circle(seed[::-1], 3.2, facecolor=BLUE, alpha=0.2, edgecolor=BLUE))
        axes.plot(*seed[::-1], "o", color=BLACK)
    axes.set(xlim=(-1.5, 11.5), ylim=(10.5, -2), aspect="equal", xlabel="x [µm]", ylabel="z [µm]")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2, frameon=False)
    return figure


def steps() -> Figure:
    """The steps of Voronoi-Otsu-Labeling, on one section of the synthetic volume, seen from the side."""
    volume, _ = iso.sample(shape=(24, 200, 200), seed=5)
    section = volume.isel(y=100)
    sizes = [iso.voxel_size(volume)[axis] for axis in "zx"]
    image = iso.as_image(section.values, "yx", voxel_size=sizes, unit="um")
    spot, outline = 1.4, 0.9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one section, some objects are cut
        labels = iso.vol(image, spot_sigma=spot, outline_sigma=outline)
    blurred = _blur(image.values, outline, sizes)
    spots = _blur(image.values, spot, sizes)
    mask = blurred > labels.attrs["threshold"]
    seeds = np.nonzero((spots == ndimage.maximum_filter(spots, 3)) & mask)
    panels = (
        ("image", image.values), ("blurred by the outline sigma,\nthe threshold's line", blurred),
        ("blurred by the spot sigma,\nits maxima", spots), ("labels", shown(labels.values, int(labels.max()))),
    )  # fmt: skip
    extent = (0.0, image.sizes["x"] * sizes[1], image.sizes["y"] * sizes[0], 0.0)
    figure = Figure(figsize=(11, 3.9), layout="constrained", dpi=100)
    for number, (axes, (title, values)) in enumerate(zip(figure.subplots(1, 4), panels, strict=True)):
        axes.imshow(values, extent=extent, cmap="gray", interpolation="none")
        axes.set(title=title, xticks=[], yticks=[])
        if number == 1:
            axes.contour(
                blurred, levels=[labels.attrs["threshold"]], colors="#E69F00", linewidths=1.5,
                extent=extent, origin="upper",
            )  # fmt: skip
        if number > 1:
            place = [(index + 0.5) * size for index, size in zip(seeds, sizes, strict=True)]
            axes.plot(place[1], place[0], "o", color="white", markeredgecolor="black", markersize=7)
        axes.axis((0.0, extent[1], extent[2], 0.0))
    return figure


def elongation() -> Figure:
    """Nuclei whose light is spread along z, seen from the side: what is outlined without and with an elongation."""
    volume, truth = iso.sample(shape=(22, 160, 260), seed=4, n_objects=9)
    z, y, x = iso.voxel_size(volume).values()
    spread = ndimage.gaussian_filter(volume.values.astype(np.float32), (2.0 / z, 0, 0))
    image = iso.as_image(spread, "zyx", voxel_size=(z, y, x), unit="um")
    labels = {
        f"elongation {times:g}": iso.vol(image, spot_sigma=1.8, outline_sigma=0.9, elongation=times)
        for times in (1.0, 2.0)
    }
    figure = Figure(figsize=(11, 3.2), layout="constrained", dpi=100)
    extent = (0.0, image.sizes["x"] * x, image.sizes["z"] * z, 0.0)
    middle = int(np.argmax(np.count_nonzero(truth.values, axis=(0, 2))))
    for axes, (title, each) in zip(figure.subplots(1, 3), {"image": None, **labels}.items(), strict=True):
        axes.imshow(image.values[:, middle], extent=extent, cmap="gray", interpolation="none")
        axes.set(title=title, xticks=[], yticks=[])
        if each is None:
            continue
        for label in np.unique(each.values[:, middle])[1:]:
            inside = (each.values[:, middle] == label).astype(np.float64)
            axes.contour(inside, levels=[0.5], colors="#E69F00", linewidths=1.5, extent=extent, origin="upper")
    return figure


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "geometry-edges.svg": edges, "geometry-rescaling.svg": rescaling, "geometry-antialiasing.svg": antialiasing,
    "sigmas-in-space.svg": sigmas, "vol-distances.svg": distances, "vol-steps.png": steps,
    "vol-elongation.png": elongation,
}  # fmt: skip


def draw(pictures: Path) -> None:
    """Write all of them; the same files each time."""
    pictures.mkdir(exist_ok=True)
    with mpl.rc_context(_STYLE):
        for name, make in DRAWINGS.items():
            metadata = {"Date": None} if name.endswith("svg") else None
            make().savefig(pictures / name, metadata=metadata, facecolor="white")


def _strip(height: float, across: tuple[float, float], down: tuple[float, float]) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.6, height), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=across, ylim=down, yticks=[], xlabel="z [µm]", xticks=np.arange(0, across[1], 1))
    return figure, axes


def _voxels(axes: Axes, begin: float, size: float, count: int, height: float, color: str, tall: float = 0.7) -> None:
    """A row of voxels, a dot in the centre of each."""
    for number in range(count):
        low = begin + number * size
        axes.add_patch(Rectangle((low, height - tall / 2), size, tall, facecolor=color, alpha=0.15))
        axes.add_patch(Rectangle((low, height - tall / 2), size, tall, fill=False, edgecolor=color, linewidth=1.5))
        axes.plot(low + size / 2, height, "o", color=color, markersize=5)


def _arrow(axes: Axes, place: float, height: float, text: str, *, below: bool = False) -> None:
    tip = -0.1 if below else 0.38
    axes.annotate(
        text, (place, tip), (place, height), ha="left" if below else "center", va="top" if below else "bottom",
        arrowprops={"arrowstyle": "->", "color": BLACK},
    )  # fmt: skip


def _blur(values: NDArray[np.generic], sigma: float, sizes: list[float]) -> NDArray[np.float64]:
    return ndimage.gaussian_filter(values.astype(np.float64), [sigma / size for size in sizes], mode="nearest")


if __name__ == "__main__":
    draw(Path(__file__).resolve().parent / "pictures")
