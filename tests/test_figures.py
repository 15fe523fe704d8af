"""The pictures: the same plane in every panel, the same colour for an object, proportions, bars that can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox

import isoscale_ij as iso
from isoscale_ij.comparison import drawing, figures
from isoscale_ij.comparison.coloring import colors_by_object
from isoscale_ij.comparison.drawing import Window
from isoscale_ij.image.calibration import mark_as_labels
from isoscale_ij.image.grid import Grid


@pytest.fixture(scope="module")
def compared(nuclei: tuple) -> iso.Comparison:
    return iso.compare(nuclei[0], spot_sigma=1.4, outline_sigma=0.9, truth=nuclei[1])


def calibrated(values: Any, size: Any = 1.0) -> xr.DataArray:
    return iso.as_image(np.asarray(values), voxel_size=size, unit="um")


def test_a_plane_is_at_the_same_place_on_every_grid() -> None:
    """A bright slice at z = 10.5 µm is what every panel shows; the middle slice of each grid would not be it."""
    values = np.zeros((14, 8, 8), np.uint8)
    values[7] = 200  # of the extent 0 to 21 µm: from 10.5 to 12
    raw = calibrated(values, (1.5, 1, 1))
    fine = iso.rescale(raw, {"z": 0.1}, interpolation="nearest")
    coarse = iso.rescale(raw, {"z": 2.1}, antialias=False)
    window = Window.middle(raw, "z")
    assert window.position == pytest.approx(11.25)
    assert window.label == "x-y at z = 11.25 µm"
    assert (drawing.section(raw, window) == 200).all()
    assert (drawing.section(fine, window) == 200).all()
    assert drawing.section(coarse, window).min() > 100
    for image in (raw, fine, coarse):
        grid = Grid.of(image)
        index = drawing.index_at(grid, "z", window.position)
        assert abs(float(image.z[index]) - window.position) <= grid.size("z") / 2


def test_panels_lie_in_the_same_room(compared: iso.Comparison) -> None:
    figure = figures.labels_side_by_side(compared.image, compared.labels, compared.truth)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 14
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in shown}) == 2
    for axis, bottom in (("y", 0.0), ("z", 0.0)):
        whole = compared.image.sizes[axis] * iso.voxel_size(compared.image)[axis]
        assert sum(axes.get_ylim() == pytest.approx((whole, bottom)) for axes in shown) == 7
    assert {axes.get_aspect() for axes in shown} == {1.0}
    labelled = [axes.get_ylabel() for axes in shown if axes.get_ylabel()]
    assert len(labelled) == 2  # the planes are said once
    assert labelled[0].startswith("x-y at z = ")
    assert labelled[1].startswith("x-z at y = ")
    for axes in shown:
        assert axes.title.get_fontsize() >= 12


def test_an_object_keeps_its_colour() -> None:
    one = np.zeros((4, 8, 8), np.int32)
    one[:, 0:3, 0:3], one[:, 4:7, 4:7], one[:, 0:3, 5:8] = 1, 2, 3
    other = np.zeros_like(one)
    other[:, 4:7, 4:7], other[:, 0:3, 0:2] = 7, 9  # two of them under other numbers, one missing,
    other[:, 7, 0:3] = 4  # and one that the first does not have
    third = iso.rescale(mark_as_labels(calibrated(other)), 0.5)  # the same objects on another grid
    images = {"other": mark_as_labels(calibrated(other)), "third": third, "one": mark_as_labels(calibrated(one))}
    colors = colors_by_object(images, images["one"], "one")
    assert list(colors) == list(images)
    first = dict(zip(colors["one"].labels.tolist(), colors["one"].numbers.tolist(), strict=True))
    assert first == {0: 0, 1: 1, 2: 2, 3: 3}
    for name in ("other", "third"):
        found = dict(zip(colors[name].labels.tolist(), colors[name].numbers.tolist(), strict=True))
        assert found == {0: 0, 9: 1, 7: 2, 4: 4}, name
    assert (colors["other"].of(np.array([7])) == colors["one"].of(np.array([2]))).all()
    assert not colors["other"].of(np.array([0])).any()


def test_two_objects_never_share_the_colour_of_one() -> None:
    whole = np.zeros((2, 4, 8), np.int32)
    whole[:, :, 1:7] = 5
    halves = np.where(whole > 0, 1, 0)
    halves[:, :, 3:7] = 2
    colors = colors_by_object(
        {"halves": mark_as_labels(calibrated(halves)), "whole": mark_as_labels(calibrated(whole))},
        calibrated(whole), "whole",
    )  # fmt: skip
    assert colors["halves"].numbers.tolist() == [0, 2, 1]  # the larger half has it


def test_huge_and_unsigned_labels_have_colours() -> None:
    labels = np.zeros((2, 4, 4), np.uint64)
    labels[:, :2] = 2**40
    image = mark_as_labels(calibrated(labels))
    colors = colors_by_object({"a": image}, image, "a")["a"]
    assert colors.labels.tolist() == [0, 2**40]


def test_outlines_follow_the_edges_of_voxels() -> None:
    labels = np.zeros((1, 4, 6), np.int32)
    labels[0, 1:3, 2:5] = 1
    image = mark_as_labels(iso.as_image(labels, voxel_size=(1, 2, 0.5), unit="um"))
    axes = Figure().subplots()
    drawing.outlines(axes, image, Window.middle(image, "z"))
    (drawn,) = axes.collections
    assert isinstance(drawn, LineCollection)
    points = np.concatenate(drawn.get_segments())
    assert points.min(axis=0).tolist() == [1.0, 2.0]  # 2 voxels of 0.5, 1 of 2
    assert points.max(axis=0).tolist() == [2.5, 6.0]
    assert len(drawn.get_segments()) == 2 * 3 + 2 * 2


def test_outlines_at_the_border_of_the_image() -> None:
    image = mark_as_labels(calibrated(np.ones((1, 2, 2), np.int32)))
    axes = Figure().subplots()
    drawing.outlines(axes, image, Window.middle(image, "z"))
    assert len(axes.collections[0].get_segments()) == 8


def test_the_bar_is_legible_on_white() -> None:
    image = calibrated(np.full((1, 100, 100), 255, np.uint8))
    figure = figures.show(image)
    (bar,) = [artist for artist in figure.axes[0].artists if isinstance(artist, AnchoredOffsetbox)]
    assert bar.patch.get_facecolor()[:3] == (0, 0, 0)
    assert bar.patch.get_alpha() >= 0.6
    assert drawing.round_length(25) == 20


def test_each_picture_is_drawn_into_given_axes(compared: iso.Comparison) -> None:
    image, labels, truth = compared.image, compared.labels, compared.truth
    for count, draw in (
        (1, lambda ax: figures.show(image, truth, ax=ax)),
        (2, lambda ax: figures.show(image, at={"z": "3 um", "y": 4}, ax=ax)),
        (4, lambda ax: figures.sections(image, 1.0, ax=ax)),
        (4, lambda ax: figures.loss_of_detail(image, ax=ax)),
        (14, lambda ax: figures.labels_side_by_side(image, labels, truth, outlines=True, ax=ax)),
        (10, lambda ax: figures.one_object(image, labels, ax=ax)),
    ):
        figure, axes = plt.subplots(1, count, squeeze=False)
        assert draw(axes[0] if count > 1 else axes[0, 0]) is figure
        assert all(each.images for each in axes[0])
        plt.close(figure)
    figure, axes = plt.subplots(1, 3)
    with pytest.raises(iso.ParameterError, match="Got 3 axes for loss_of_detail; needed are 4"):
        figures.loss_of_detail(image, ax=axes)
    plt.close(figure)


def test_one_object_through_the_grids(compared: iso.Comparison) -> None:
    figure = figures.one_object(compared.image, compared.labels, compared.truth, label=3)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 12
    row = iso.measure(compared.truth).set_index("label").loc[3]
    left, right = shown[0].get_xlim()
    assert left < row.min_x < row.max_x < right
    assert f"z = {row.centroid_z:.4g}" in shown[0].get_ylabel()
    with pytest.raises(iso.ParameterError, match="Got the label 999"):
        figures.one_object(compared.image, compared.labels, compared.truth, label=999)


def test_show_takes_what_there_is() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 200, (2, 3, 4, 16, 16)).astype(np.uint8)
    figure = figures.show(iso.as_image(values, "tczyx"), channel=1, t=1)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), values[1, 1, 2])
    assert len(figures.show(values[0, 0, 0]).axes) == 1  # 2D, without calibration
    assert len(figures.show(mark_as_labels(iso.as_image(values[0, 0])), channel=None).axes) == 2
    with pytest.raises(iso.ParameterError, match="Got the time point 5; the image has 2"):
        figures.show(iso.as_image(values, "tczyx"), t=5)


def test_a_figure_shows_itself_in_a_notebook(nuclei: tuple) -> None:
    png = figures.loss_of_detail(nuclei[0])._repr_png_()
    assert png.startswith(b"\x89PNG")
