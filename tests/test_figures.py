"""The pictures: the same plane in every panel, the same colour for an object, proportions, bars that can be read."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox
from matplotlib.transforms import Bbox

import isoscale_ij as iso
from isoscale_ij.comparison import drawing, figures
from isoscale_ij.comparison.coloring import colors_by_object
from isoscale_ij.comparison.drawing import Window
from isoscale_ij.comparison.layout import side_by_side, stacked, text_width, wrapped
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
    labelled = [axes.get_ylabel().replace("\n", " ") for axes in shown if axes.get_ylabel()]
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


def boxes(figure: Figure) -> dict[str, Bbox]:
    """Where in a figure its texts, its panels and its scale bars outside of them are, in pixels."""
    figure.draw_without_rendering()
    found = {}
    for number, axes in enumerate(figure.axes):
        found[f"panel {number}"] = axes.get_window_extent()
        for what, text in (("title", axes.title), ("side", axes.yaxis.label), ("below", axes.xaxis.label)):
            if text.get_text():
                found[f"{what} {number}: {text.get_text()}"] = text.get_window_extent()
        for artist in axes.artists:
            bar = artist.get_window_extent()
            if not axes.get_window_extent().padded(1).containsx(bar.x0) or bar.y1 <= axes.get_window_extent().y0:
                found[f"bar {number}"] = bar
    return found | {f"heading: {text.get_text()}": text.get_window_extent() for text in figure.texts}


def hidden(figure: Figure) -> list[str]:
    """What of a figure is cut off, or lies over something else."""
    found, paper = boxes(figure), figure.bbox
    cut = [
        f"cut off: {name}"
        for name, box in found.items()
        if box.x0 < paper.x0 or box.y0 < paper.y0 or box.x1 > paper.x1 or box.y1 > paper.y1
    ]
    over = [
        f"{one} over {other}"
        for one, other in combinations(found, 2)
        if found[one].padded(-1).overlaps(found[other].padded(-1))
        and (one.split()[0], other.split()[0]) != ("panel",) * 2
    ]
    return cut + over


SHAPES = {
    "flat": ((10, 50, 50), 0.5), "flatter": ((4, 120, 120), (0.5, 0.16, 0.16)), "tall": ((200, 40, 40), (1, 0.5, 0.5)),
    "tiny": ((3, 6, 5), (1, 0.5, 0.5)), "wide": ((5, 20, 300), (1, 0.5, 0.5)), "high": ((5, 300, 20), (1, 0.5, 0.5)),
    "a slice": ((1, 50, 60), (1, 0.5, 0.5)), "usual": ((20, 60, 70), (1.5, 0.4, 0.4)),
    "needle": ((200, 5, 5), (1, 0.5, 0.5)),
}  # fmt: skip
LONG_NAME = "a very long name of an image, as microscopes make them 2026-11-28.$ome$.tif"


@pytest.mark.parametrize(("shape", "rows"), [*product(SHAPES, (1, 5)), ("usual", 14), ("flat", 14)])
def test_all_that_is_written_can_be_read(shape: str, rows: int) -> None:
    image = calibrated(np.random.default_rng(0).random(SHAPES[shape][0]), SHAPES[shape][1]).rename(LONG_NAME)
    values = np.zeros(image.shape, np.int32)
    values[:, image.sizes["y"] // 3 :, image.sizes["x"] // 3 :] = 1
    labels = {f"upscaled to voxels of {n}.16 µm": mark_as_labels(image.copy(data=values)) for n in range(rows)}
    drawn = [figures.labels_side_by_side(image, labels), figures.one_object(image, labels)]
    if rows == 1:
        drawn += [figures.show(image), figures.sections(image, "coarsest"), figures.loss_of_detail(image)]
        drawn.append(figures.show(image.isel(z=0, drop=True)))
    for figure in drawn:
        assert hidden(figure) == []
        assert figure.get_size_inches()[0] <= 13.4
        assert rows == 14 or figure.get_size_inches()[1] <= 7.51


def test_no_panel_is_alone_in_its_row() -> None:
    assert [len(each) for each in side_by_side(7)] == [1, 2, 7]
    assert side_by_side(5)[1] == [[0, 1, 2], [3, 4, None]]
    assert side_by_side(1) == [[[0]]]
    assert stacked([[0, 1]], 2) == [[0, 2], [1, 3]]


def test_lines_end_where_a_reader_would_end_them() -> None:
    assert wrapped("x-z at y = 25.5 µm", 1.3) == ["x-z at", "y = 25.5 µm"]
    assert wrapped("", 1.0) == [""]
    parts = wrapped("name_without_any_space_in_it", 1.0)
    assert "".join(parts) == "name_without_any_space_in_it"
    assert len(parts) == 3
    short = wrapped("one two three four five six seven eight nine ten", 0.7)
    assert len(short) == 3
    assert short[-1].endswith("…")
    assert max(map(text_width, parts + short)) <= 1.0


def test_a_thumbnail_is_small_and_whole() -> None:
    for name in (LONG_NAME, "xyzc_16bit__dna_conf_wf"):
        image = calibrated(np.zeros((45, 130, 133), np.uint8), (0.5, 0.51, 0.51)).rename(name)
        small = figures.shown(image, room=figures.ROOM_OF_THUMBNAIL)
        assert hidden(small) == []
        assert small.get_size_inches()[0] <= 8
    assert figures.thumbnail(image).startswith(b"\x89PNG")


def test_an_image_without_calibration_is_measured_in_voxels() -> None:
    image = iso.as_image(np.random.default_rng(0).random((4, 60, 80)))
    figure = figures.show(image)
    assert bar_texts(figure) == ["20 px"]
    assert figure.axes[0].get_xlabel() == "x-y at z = 2.5 px"
    figure = figures.loss_of_detail(image)
    assert [axes.get_title() for axes in figure.axes] == ["×1: 1 px", "×2: 2 px", "×4: 4 px", "×8: 8 px"]
    assert figure.axes[1].images[0].get_extent() == [0, 80, 60, 0]
    flat = image.assign_coords({axis: calibrated(image.values, 0.5)[axis] for axis in "yx"})  # but not z
    figure = figures.show(flat)
    assert [axes.get_xlabel() for axes in figure.axes] == ["x-y at z = 2.5 px", "x-z at y = 15.25 µm"]
    assert bar_texts(figure)[0] == "10 µm"
    unknown = iso.as_image(image.values, voxel_size=0.5)  # a size, but who knows of what
    assert bar_texts(figures.show(unknown)) == ["10"]


def test_a_plane_that_is_not_there_is_refused() -> None:
    image = iso.as_image(np.zeros((10, 40, 50)))
    scaled = iso.set_voxel_size(image, z=1.5, y=0.5, x=0.5, unit="um")
    for each, at, said in (
        (image, "3 px", "x-y at z = 3 px"), (image, 3, "x-y at z = 3 px"), (scaled, "3 px", "x-y at z = 4.5 µm"),
        (scaled, "3000 nm", "x-y at z = 3 µm"), (scaled, 15, "x-y at z = 15 µm"),
    ):  # fmt: skip
        assert figures.show(each, at={"z": at}).axes[0].get_xlabel() == said
    with pytest.raises(iso.ParameterError, match="Got 1 mm as the position on z; the image goes from 0 to 15 µm there"):
        figures.show(scaled, at={"z": "1 mm"})
    with pytest.raises(iso.ParameterError, match="Got positions on x; needed are some of z"):
        figures.show(scaled, at={"x": 3})


def bar_texts(figure: Figure) -> list[str]:
    texts = [artist.get_child().get_children()[0] for axes in figure.axes for artist in axes.artists]
    return [text.get_text() for text in texts]


def test_labels_with_other_axes_than_the_image_are_refused(nuclei: tuple) -> None:
    image, truth = nuclei
    with pytest.raises(iso.ParameterError, match="Got labels with the axes y x over an image with z y x; needed are"):
        figures.show(image, truth.isel(z=0))
    with pytest.raises(iso.ParameterError, match="Got labels with the axes z y x over an image with y x"):
        image.isel(z=0).iso.show(truth)
    with pytest.raises(iso.ParameterError, match="Got an image with the axes y x for sections; needed is a volume"):
        figures.sections(image.isel(z=0))
    assert image.iso.show(truth.isel(z=[0]))
    assert figures.loss_of_detail(image.isel(z=0))


def test_a_figure_shows_itself_in_a_notebook(nuclei: tuple) -> None:
    png = figures.loss_of_detail(nuclei[0])._repr_png_()
    assert png.startswith(b"\x89PNG")
