"""The widgets, driven as a person does: fields are typed into, buttons clicked, and the viewer looked at."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.layers import Image, Labels

import isoscale_ij as iso
from isoscale_ij.image.units import parse_length

SIGMAS = ("1.4 um", "0.9 um")


@pytest.fixture
def sample(viewer: Any, nuclei: tuple) -> Any:
    """The small volume as our reader shows it, with its truth, hidden."""
    from isoscale_ij.napari_plugin.layers import layer_data

    for image in nuclei:
        for values, options, kind in layer_data(image):
            getattr(viewer, f"add_{kind}")(values, **options)
    viewer.layers[1].name = "truth"
    viewer.layers[1].visible = False
    viewer.layers.selection.active = viewer.layers[0]
    viewer.dims.set_point(0, float(nuclei[0].z[8]))
    return viewer.layers[0]


def settle() -> None:
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "isoscale-napari"]


def test_voxel_size_shows_and_sets(viewer: Any, dock: Any, shot: Any, notes: Any) -> None:
    first = viewer.add_image(np.random.default_rng(0).random((6, 32, 32)), name="bare")
    second = viewer.add_image(np.zeros((6, 32, 32)), name="linked", visible=False)
    viewer.layers.link_layers([first, second])
    viewer.layers.selection.active = first
    viewer.dims.set_current_step(0, 4)
    widget = dock("Voxel size")
    assert "not known (uncalibrated)" in widget.about.text()
    data = first.data
    for axis, text in (("z", "1.5"), ("y", "160 nm"), ("x", "160 nm")):
        widget.sizes[axis].setText(text)
    widget.unit.setText("um")
    widget.button.click()
    for layer in (first, second):
        assert tuple(layer.scale) == (1.5, 0.16, 0.16)
        assert tuple(layer.translate) == (0.75, 0.08, 0.08)
        assert str(layer.units[0]) == "micrometer"
    assert first.data is data
    assert viewer.dims.current_step[0] == 4  # what is seen stays
    text = widget.about.text()
    for part in ("(6, 32, 32)", "z 1.5 µm, y 0.16 µm", "anisotropy", "float64", "extent"):
        assert part in text
    shot()
    assert notes() == []
    widget.sizes["z"].setText("0")
    widget.button.click()
    (sentence,) = notes()
    assert "needed is a finite number above 0" in sentence
    assert first.scale[0] == 1.5
    first.scale = (2, 0.16, 0.16)  # as another widget may
    assert "z 2 µm" in widget.about.text()
    widget.unit.setText("furlong")
    widget.button.click()
    assert "known are um" in notes()[0]


def test_rescale_predicts_while_typing(viewer: Any, dock: Any, sample: Any, shot: Any, until: Any, notes: Any) -> None:
    widget = dock("Rescale")
    assert "shape (150, 96, 112)" in widget.plan.text()
    assert "3.23 MB" in widget.plan.text()
    widget.target.setCurrentIndex(widget.target.findData("own"))
    for text, expected in (("1", "(24, 15, 18)"), ("1 u", "Got the unit 'u'"), ("2 um", "(12, 8, 9)"),
                           ("z=1 um", "(24, 96, 112)")):  # fmt: skip
        widget.size.setText(text)
        assert expected in widget.plan.text()
    assert notes() == []  # half a word is no error
    widget.size.setText("1 um")
    widget.runner.start.click()
    until(lambda: len(viewer.layers) == 3)
    made = viewer.layers[-1]
    expected = iso.rescale(sample, "1 um")
    np.testing.assert_array_equal(made.data, expected.data)
    assert tuple(made.scale) == (1, 1, 1)
    assert tuple(made.translate) == (0.5, 0.5, 0.5)
    assert tuple(made.contrast_limits) == tuple(sample.contrast_limits)
    widget.size.setText("-3")
    widget.runner.start.click()
    assert "Got" in notes()[-1]
    shot()
    widget.choice.choose(viewer.layers["truth"])
    widget.size.setText("1 um")
    widget.runner.start.click()
    until(lambda: len(viewer.layers) == 4)
    assert isinstance(viewer.layers[-1], Labels)
    assert set(np.unique(viewer.layers[-1].data)) <= set(np.unique(viewer.layers["truth"].data))


def test_label_objects_all_of_it(viewer: Any, dock: Any, sample: Any, shot: Any, until: Any, notes: Any) -> None:
    widget = dock("Label objects")
    assert widget.spot.text == "1.8 µm"
    widget.spot.field.setText(SIGMAS[0])
    widget.outline.field.setText(SIGMAS[1])
    widget.runner.start.click()
    until(lambda: len(viewer.layers) == 3)
    made = viewer.layers[-1]
    assert made.name == "nuclei labels"
    np.testing.assert_array_equal(made.data, iso.vol(sample, spot_sigma=1.4, outline_sigma=0.9).data)
    assert iso.voxel_size(made) == iso.voxel_size(sample)
    assert str(made.data.max()) in widget.summary.text()
    shot()
    for field, text, expected in (
        (widget.spot.field, "1,8", "a point before decimals"), (widget.spot.field, "900 um", "smaller than the image"),
        (widget.spot.field, "red", "needed is a number"), (widget.threshold.lineEdit(), "otso", "otso"),
    ):  # fmt: skip
        kept = field.text()
        field.setText(text)
        notes()
        widget.runner.start.click()
        until(lambda: widget.runner.job is None)
        said = notes()
        assert any(expected in sentence for sentence in said), (text, said)
        assert not any("Traceback" in sentence for sentence in said)
        field.setText(kept)


def test_label_objects_with_suggested_sigmas_and_a_threshold_for_each_object(
    viewer: Any, dock: Any, sample: Any, shot: Any, until: Any, notes: Any
) -> None:
    widget = dock("Label objects")
    widget.suggest.start.click()
    until(lambda: widget.suggest.job is None)
    suggestion = iso.suggest_sigmas(sample)
    assert widget.advice.text() == suggestion.reason
    assert parse_length(widget.spot.text).value == pytest.approx(suggestion.spot_sigma, rel=1e-3)
    assert parse_length(widget.outline.text).value == pytest.approx(suggestion.outline_sigma, rel=1e-3)
    widget.threshold.setCurrentText("local")
    widget.borders.setCurrentText("light")
    widget.runner.start.click()
    until(lambda: len(viewer.layers) == 3)
    expected = iso.vol(
        sample, spot_sigma=widget.spot.text, outline_sigma=widget.outline.text, threshold="local", borders="light"
    )
    np.testing.assert_array_equal(viewer.layers[-1].data, expected.data)
    shot()
    assert notes() == []
    viewer.layers.selection.active = viewer.add_image(np.full((4, 30, 30), 7, np.uint8), name="flat")
    widget.choice.choose(viewer.layers["flat"])
    assert not widget.advice.isVisible()
    kept = widget.spot.text
    widget.suggest.start.click()
    until(lambda: widget.suggest.job is None)
    assert "No sigma finds any object" in widget.advice.text()
    assert widget.spot.text == kept


def test_preview_follows_the_slider_and_the_view(viewer: Any, dock: Any, sample: Any, shot: Any, until: Any) -> None:
    widget = dock("Label objects")
    widget.spot.field.setText(SIGMAS[0])
    widget.outline.field.setText(SIGMAS[1])
    widget.preview.setChecked(True)
    until(lambda: "preview" in viewer.layers)
    layer = viewer.layers["preview"]
    assert viewer.layers.selection.active is sample
    until(lambda: "in view" in widget.summary.text())
    many = int(layer.data.max())
    assert many > 2
    shot()
    seen = widget.summary.text()
    widget.spot.slider.setValue(widget.spot.slider.value() + 40)
    assert widget.spot.text != SIGMAS[0]
    until(lambda: widget.summary.text() != seen)
    assert layer.data.max() < many
    viewer.camera.zoom *= 3  # less is seen, and less is labelled
    size = layer.data.size
    until(lambda: layer.data.size < size)
    for axis, size in zip("zyx", layer.scale, strict=True):
        assert size == pytest.approx(iso.voxel_size(sample)[axis])
    place = (np.asarray(layer.translate) - sample.translate) / sample.scale
    np.testing.assert_allclose(place, place.round(), atol=1e-6)  # on the grid of the image
    widget.spot.field.setText("x")
    until(lambda: "needed is a number" in widget.summary.text())
    widget.preview.setChecked(False)
    assert "preview" not in viewer.layers


def test_the_preview_looks_at_few_voxels(viewer: Any, dock: Any, until: Any) -> None:
    """Whatever the size of the image, so that it comes within 0.3 s on a machine that has nothing else to do."""
    image, _ = iso.sample(shape=(24, 512, 512))
    values = np.tile(image.values, (1, 3, 3))
    viewer.add_image(values, scale=list(iso.voxel_size(image).values()), units=("um",) * 3)
    widget = dock("Label objects")
    widget.preview.setChecked(True)
    until(lambda: "in view" in widget.summary.text())
    for step in (5, 10, 15):
        seen = widget.summary.text()
        widget.spot.slider.setValue(widget.spot.slider.value() + step)
        until(lambda seen=seen: widget.summary.text() != seen)
        assert viewer.layers["preview"].data.size < 2_200_000 < values.size / 20


def slow(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> threading.Event:
    """An operation that goes on until it is cancelled; the event tells that it has been."""
    import time
    from importlib import import_module

    ended = threading.Event()

    def endless(*_: Any, on_progress: Any, **__: Any) -> None:
        try:
            for count in range(100_000):
                on_progress(min(count, 99), 100, "blur")
                time.sleep(0.01)
        except iso.Cancelled:
            ended.set()
            raise

    monkeypatch.setattr(import_module(f"isoscale_ij.napari_plugin.{module}"), name, endless)
    return ended


def test_first_sigmas_fit_the_voxels(viewer: Any, dock: Any) -> None:
    for scale, unit, expected in ((160, "nm", 1800), (4, "um", 40), (0.001, "um", 0.01), (1, "pixel", 10)):
        viewer.layers.clear()
        viewer.add_image(np.zeros((4, 30, 30), np.uint8), scale=(scale,) * 3, units=(unit,) * 3)
        widget = dock("Label objects")
        first = parse_length(widget.spot.text)
        assert first.value == pytest.approx(expected)
        viewer.window.remove_dock_widget(widget)


def test_cancel(viewer: Any, dock: Any, sample: Any, until: Any, notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = slow(monkeypatch, "labelling", "voronoi_otsu_labeling")
    widget = dock("Label objects")
    widget.runner.start.click()
    until(lambda: widget.runner.bar.value() > 3)
    assert widget.runner.bar.isVisible()
    assert "blur" in widget.runner.bar.format()
    widget.runner.cancel.click()
    until(ended.is_set)
    until(lambda: not threads())
    assert widget.runner.start.isVisible()
    assert len(viewer.layers) == 2
    assert notes() == []


def test_closing_the_window_ends_a_run(
    viewer: Any, dock: Any, sample: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = slow(monkeypatch, "labelling", "voronoi_otsu_labeling")
    widget = dock("Label objects")
    widget.runner.start.click()
    until(lambda: widget.runner.bar.value() > 1)
    viewer.close()
    assert ended.wait(5)
    for thread in threads():
        thread.join(5)
    assert not threads()


def test_compare_gives_a_table_and_layers(
    viewer: Any, dock: Any, sample: Any, shot: Any, until: Any, notes: Any
) -> None:
    widget = dock("Compare scalings")
    widget.spot.setText(SIGMAS[0])
    widget.outline.setText(SIGMAS[1])
    widget.truth.choose(viewer.layers["truth"])
    widget.runner.start.click()
    until(lambda: widget.comparison is not None and len(viewer.layers) == 7)
    names = list(widget.comparison.table["name"])
    assert [layer.name for layer in viewer.layers][2:] == names
    model = widget.view.model()
    assert model.rowCount() == 5
    assert [model.index(row, 0).data() for row in range(5)] == names
    coarse = viewer.layers["2 µm"]
    assert tuple(coarse.scale) == (2, 2, 2)
    assert tuple(coarse.translate) == (1, 1, 1)
    raw, up = viewer.layers["raw, physical sigmas"], viewer.layers["upscaled to x"]
    label = int(np.bincount(up.data[up.data > 0]).argmax())
    where = tuple(round(float(axis.mean())) for axis in np.nonzero(up.data == label))
    same = raw.get_value(up.data_to_world(where), world=True)
    np.testing.assert_allclose(raw.get_color(same), up.get_color(label))  # one object, one colour
    viewer.dims.order = (1, 0, 2)
    viewer.reset_view()
    shot()
    sample.scale = (1, 1, 1)
    sample.units = ("pixel",) * 3
    widget.truth.setCurrentIndex(0)
    widget.runner.start.click()
    until(lambda: widget.runner.job is None)
    assert any("set_voxel_size" in sentence for sentence in notes())


def test_measure_rows_and_labels_select_each_other(
    viewer: Any, dock: Any, sample: Any, shot: Any, until: Any, tmp_path: Path
) -> None:
    truth = viewer.layers["truth"]
    truth.visible = True
    widget = dock("Measure")
    widget.image.choose(sample)
    widget.runner.start.click()
    until(lambda: widget.table is not None)
    expected = iso.measure(truth, sample)
    pd.testing.assert_frame_equal(widget.table, expected)
    heads = [widget.view.model().headerData(i, _horizontal()) for i in range(len(expected.columns))]
    assert "volume [µm³]" in heads
    widget.view.selectRow(4)
    settle()
    assert truth.selected_label == expected.label[4]
    assert viewer.dims.point[0] == pytest.approx(expected.centroid_z[4], abs=0.76)
    truth.selected_label = int(expected.label[1])
    settle()
    assert widget.view.chosen() == 1
    shot()
    column = list(expected.columns).index("volume")
    widget.view.sortByColumn(column, _descending())
    widget.view.selectRow(0)
    settle()
    assert truth.selected_label == expected.label[expected.volume.idxmax()]
    widget.save(tmp_path / "table.csv")
    written = pd.read_csv(tmp_path / "table.csv")
    np.testing.assert_allclose(written["volume [um^3]"], expected.volume)
    widget.runner.start.click()  # again, and the ties between rows and labels are as before
    until(lambda: widget.runner.job is None)
    widget.view.selectRow(0)
    settle()
    assert truth.selected_label == widget.table.label[widget.view.chosen()]


def _horizontal() -> Any:
    from qtpy.QtCore import Qt

    return Qt.Orientation.Horizontal


def _descending() -> Any:
    from qtpy.QtCore import Qt

    return Qt.SortOrder.DescendingOrder


def test_each_widget_opens_in_an_empty_viewer(viewer: Any, dock: Any, notes: Any) -> None:
    for name in ("Voxel size", "Rescale", "Label objects", "Compare scalings", "Measure"):
        widget = dock(name)
        for button in ("button", "runner"):
            if hasattr(widget, button):
                part = getattr(widget, button)
                (part.start if button == "runner" else part).click()
    viewer.add_image(np.zeros((4, 8, 8), np.uint8))
    viewer.layers.clear()
    settle()
    assert notes() == []


def test_choices_follow_the_layers(viewer: Any, dock: Any) -> None:
    widget = dock("Rescale")
    assert "no image yet" in widget.plan.text()
    one = viewer.add_image(np.zeros((4, 8, 8)), name="one", scale=(2, 1, 1), units=("um",) * 3)
    viewer.add_points(np.zeros((2, 3)))
    two = viewer.add_labels(np.zeros((2, 8, 8), int), name="two")
    assert [widget.choice.itemText(i) for i in range(widget.choice.count())] == ["one", "two"]
    assert widget.choice.layer is one
    assert "(8, 8, 8)" in widget.plan.text()
    one.name = "first"
    assert widget.choice.itemText(0) == "first"
    viewer.layers.remove(one)
    assert widget.choice.layer is two
    assert isinstance(two, Labels)
    assert not isinstance(two, Image)


def test_several_channels_are_chosen_from(viewer: Any, dock: Any, nuclei: tuple, until: Any) -> None:
    values = np.stack([np.zeros(nuclei[0].shape, np.uint16), nuclei[0].values], axis=1)
    scale = list(iso.voxel_size(nuclei[0]).values())
    viewer.add_image(
        values, axis_labels=("z", "c", "y", "x"), scale=(scale[0], 1, *scale[1:]), units=("um", "pixel", "um", "um")
    )
    widget = dock("Label objects")
    assert widget.channel.count() == 2
    widget.channel.setCurrentIndex(1)
    widget.spot.field.setText(SIGMAS[0])
    widget.outline.field.setText(SIGMAS[1])
    widget.runner.start.click()
    until(lambda: len(viewer.layers) == 2)
    expected = iso.vol(nuclei[0], spot_sigma=1.4, outline_sigma=0.9)
    np.testing.assert_array_equal(viewer.layers[1].data, expected)
